//! Files that are not what was written are noticed.

use std::fs;
use std::path::Path;

use super::crashes::files;
use super::model::{Model, NAMES, key, tiny};
use crate::index::files::Files;
use crate::index::{EntryKeys, IndexError, IndexStore, Mark};

fn write_store(directory: &Path, shift: u8) {
    let mut model = Model::new(directory, tiny());
    for round in 0..24u8 {
        let map = (0..5).map(|n| (round * 7 + n * 3 + shift) % NAMES).collect();
        model.apply(&[(0, map, vec![round])]).expect("applied");
        model.settle().expect("settled");
    }
    model.store().flush_now().expect("flushed");
}

/// Opens the store, and asks and changes everything; what is wrong with it.
fn find_damage(directory: &Path) -> Result<(), IndexError> {
    let mut store = IndexStore::open_with(directory, "log.example", tiny(), Files::default())?;
    let keys: Vec<_> = (0..NAMES + 8).map(key).collect();
    for key in &keys {
        for family in crate::index::Family::ALL {
            store.list(family, key, 0, u64::MAX, 1_000)?;
            store.list_newest(family, key, 1_000)?;
        }
    }
    store.reader().prove(&keys)?;
    let next = store.mark().size;
    store.apply(&[EntryKeys { index: next, map: keys, aux: vec![] }])?;
    Ok(())
}

#[test]
fn every_damage_is_noticed_and_can_be_cleared() {
    let directory = tempfile::tempdir().expect("a directory");
    let store = directory.path().join("store");
    write_store(&store, 0);
    find_damage(&store).expect("it is whole");
    let mut cases = 0;
    for path in files(&store).into_iter().filter(|path| !path.ends_with("lock")) {
        let whole = fs::read(&path).expect("read");
        let mut check = |what: &str, damaged: Option<Vec<u8>>| {
            match damaged {
                Some(bytes) => fs::write(&path, bytes).expect("written"),
                None => fs::remove_file(&path).expect("removed"),
            }
            let found = find_damage(&store);
            let is_manifest = path.ends_with("manifest");
            if is_manifest && what == "missing" {
                // Then there is nothing; and everything is deleted.
                found.expect("an empty store");
                return write_store(&store, 0);
            }
            assert!(matches!(found, Err(IndexError::Damaged(_))), "{} {what}: {found:?}", path.display());
            fs::write(&path, &whole).expect("written");
            cases += 1;
        };
        check("empty", Some(Vec::new()));
        check("short", Some(whole[..whole.len() - 1].to_vec()));
        check("long", Some([whole.as_slice(), b"\0"].concat()));
        check("zeros", Some(vec![0; whole.len()]));
        for at in (0..whole.len()).step_by(37) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            check("bit", Some(damaged));
        }
        if !path.ends_with("manifest") {
            check("missing", None);
        }
    }
    assert!(cases > 200);
    fs::write(store.join("manifest"), b"").expect("written");
    IndexStore::clear(&store).expect("cleared");
    let opened = IndexStore::open_with(&store, "log.example", tiny(), Files::default());
    assert_eq!(opened.expect("opened").mark(), Mark::EMPTY);
}

#[test]
fn the_files_of_another_store_are_noticed() {
    let directory = tempfile::tempdir().expect("a directory");
    let [one, other] = ["one", "other"].map(|name| directory.path().join(name));
    write_store(&one, 0);
    write_store(&other, 1);
    let mut swapped = 0;
    for path in files(&one).into_iter().filter(|path| !path.ends_with("lock")) {
        let foreign = other.join(path.strip_prefix(&one).expect("below it"));
        let (own, foreign) = (fs::read(&path).expect("read"), fs::read(foreign).unwrap_or_default());
        if own != foreign && !path.ends_with("manifest") {
            fs::write(&path, foreign).expect("written");
            let found = find_damage(&one);
            assert!(matches!(found, Err(IndexError::Damaged(_))), "{}: {found:?}", path.display());
            fs::write(&path, own).expect("written");
            swapped += 1;
        }
    }
    assert!(swapped >= 2);
}

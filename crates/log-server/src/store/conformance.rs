//! What every back end must do; each is run through the same suite.

use log_core::hash::EMPTY_ROOT;

use super::directory::{DirectoryObjects, FileHead};
use super::memory::{Faults, MemoryHead, MemoryObjects};
use super::{Head, Objects};
use crate::head::HeadRecord;

fn check_objects(objects: &dyn Objects) {
    let object = |path: &str, bytes: &[u8]| (path.to_owned(), bytes.to_vec());
    assert_eq!(objects.get("tile/0/000").expect("readable"), None);
    objects.put(&[]).expect("nothing to write");
    objects.put(&[object("tile/0/000", b"a"), object("tile/0/x001/000.p/7", b"b")]).expect("written");
    objects.put(&[object("tile/0/000", b"a")]).expect("the same again");
    assert_eq!(objects.get("tile/0/000").expect("readable").as_deref(), Some(b"a".as_slice()));
    assert_eq!(objects.get("tile/0/x001/000.p/7").expect("readable").as_deref(), Some(b"b".as_slice()));
    objects.overwrite("checkpoint", b"1").expect("written");
    objects.overwrite("checkpoint", b"2").expect("replaced");
    assert_eq!(objects.get("checkpoint").expect("readable").as_deref(), Some(b"2".as_slice()));
    assert!(objects.list().expect("readable").contains(&"checkpoint".to_owned()));
    objects.delete("checkpoint").expect("deleted");
    objects.delete("checkpoint").expect("deleted already");
    assert_eq!(objects.get("checkpoint").expect("readable"), None);
    check_below(objects);
}

fn check_below(objects: &dyn Objects) {
    let below = |path: &str| {
        let mut names = objects.list_below(path).expect("readable");
        names.sort();
        names
    };
    let object = |path: &str| (path.to_owned(), b"c".to_vec());
    assert_eq!(below("tile/1/000.p"), [""; 0]);
    objects.delete_below("tile/1/000.p").expect("nothing to delete");
    let paths = ["tile/1/000.p/1", "tile/1/000.p/22", "tile/1/000", "tile/1/000.px/1", "tile/1/x001/000"];
    objects.put(&paths.map(object)).expect("written");
    assert_eq!(below("tile/1"), ["000", "000.p", "000.px", "x001"]);
    assert_eq!(below("tile/1/000.p"), ["1", "22"]);
    objects.delete_below("tile/1/000.p").expect("deleted");
    objects.delete_below("tile/1/000.p").expect("deleted already");
    assert_eq!(below("tile/1"), ["000", "000.px", "x001"], "nothing is left of it, and all of the others");
}

fn check_head(head: &dyn Head) {
    let record = |size| HeadRecord { size, root: EMPTY_ROOT, staging: Some(format!("s{size}")) };
    assert_eq!(head.load().expect("readable"), None);
    assert!(!head.swap(Some(&record(1)), &record(2)).expect("a swap"));
    assert!(head.swap(None, &record(1)).expect("a swap"));
    assert!(!head.swap(None, &record(2)).expect("a swap"));
    assert!(head.swap(Some(&record(1)), &record(2)).expect("a swap"));
    assert!(!head.swap(Some(&record(1)), &record(3)).expect("a swap"));
    assert_eq!(head.load().expect("readable"), Some(record(2)));
}

/// Of many swaps from one record, through different handles, one succeeds.
#[test]
fn racing_swaps_of_a_file_have_one_winner() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("head");
    let record = |size| HeadRecord { size, root: EMPTY_ROOT, staging: None };
    FileHead::new(path.clone()).swap(None, &record(0)).expect("a swap");
    for round in 0..20 {
        let won: Vec<bool> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..4)
                .map(|_| {
                    let head = FileHead::new(path.clone());
                    scope.spawn(move || head.swap(Some(&record(round)), &record(round + 1)).expect("a swap"))
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().expect("it ends")).collect()
        });
        assert_eq!(won.iter().filter(|won| **won).count(), 1, "round {round}: {won:?}");
    }
}

#[test]
fn directories_conform() {
    let dir = tempfile::tempdir().expect("a directory");
    check_objects(&DirectoryObjects::new(dir.path().to_owned()));
    check_head(&FileHead::new(dir.path().join("head")));
}

#[test]
fn memory_conforms() {
    let faults = Faults::default();
    check_objects(&MemoryObjects::new(&faults));
    check_head(&MemoryHead::new(&faults));
}

//! A stop at any step of writing: what is left is an earlier settled state, exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;

use super::model::{Expected, Model, check_reader, mark, tiny};
use crate::index::files::{Files, Step};
use crate::index::{Family, IndexError, IndexStore};

/// Copies of a directory as crashes would leave it.
#[derive(Debug)]
struct Wreckage {
    store: PathBuf,
    copies: TempDir,
    taken: usize,
    /// Files that are not durable yet.
    loose: BTreeSet<PathBuf>,
}

impl Wreckage {
    /// What a crash just before this step leaves, in all ways.
    fn before(&mut self, step: Step, path: &Path) {
        self.copy(|_, bytes| Some(bytes));
        if !self.loose.is_empty() {
            // What is not durable may be there, or not, or half, or as zeros.
            let loose = self.loose.clone();
            self.copy(|path, bytes| (!loose.contains(path)).then_some(bytes));
            self.copy(|path, mut bytes| {
                if loose.contains(path) {
                    bytes.truncate(bytes.len() / 2);
                }
                Some(bytes)
            });
            self.copy(|path, mut bytes| {
                if loose.contains(path) {
                    bytes.fill(0);
                }
                Some(bytes)
            });
        }
        match step {
            Step::Create => drop(self.loose.insert(path.to_owned())),
            // The names of all files in it become durable with the directory.
            Step::SyncDirectory => self.loose.retain(|file| !file.starts_with(path)),
            Step::Replace => {
                let temporary = path.with_file_name(".tmp-of-a-manifest");
                fs::write(&temporary, b"half a manifest").expect("written");
                self.copy(|_, bytes| Some(bytes));
                fs::remove_file(temporary).expect("removed");
            }
            Step::Sync | Step::Replaced | Step::Remove => {}
        }
    }

    fn copy(&mut self, keep: impl Fn(&Path, Vec<u8>) -> Option<Vec<u8>>) {
        let to = self.copies.path().join(self.taken.to_string());
        self.taken += 1;
        for path in files(&self.store) {
            let target = to.join(path.strip_prefix(&self.store).expect("below it"));
            fs::create_dir_all(target.parent().expect("a parent")).expect("made");
            if let Some(bytes) = keep(&path, fs::read(&path).expect("read")) {
                fs::write(target, bytes).expect("written");
            }
        }
    }
}

#[test]
fn a_stop_at_any_step_leaves_an_earlier_state() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), tiny());
    let wreckage = Arc::new(Mutex::new(Wreckage {
        store: directory.path().to_owned(),
        copies: tempfile::tempdir().expect("a directory"),
        taken: 0,
        loose: BTreeSet::new(),
    }));
    let (steps, hook) = (Arc::new(Mutex::new(Vec::new())), Arc::clone(&wreckage));
    let seen = Arc::clone(&steps);
    let files = Files::hooked(move |step, path| {
        seen.lock().expect("unpoisoned").push((step, path.to_owned()));
        hook.lock().expect("unpoisoned").before(step, path);
        Ok(())
    });
    model.open(files).expect("opened");

    let mut states = BTreeMap::from([(0, model.expected.settled())]);
    for round in 0..24u8 {
        let (map, aux) = ((0..5).map(|n| (round * 7 + n * 3) % 48).collect(), vec![round, round + 1]);
        model.apply(&[(0, map, aux)]).expect("applied");
        // Known before, since it is durable before `settle` is back.
        let mut next = model.expected.clone();
        next.size = model.next + 1;
        states.insert(next.size, next);
        model.settle().expect("settled");
    }
    drop(model);

    let steps = steps.lock().expect("unpoisoned");
    let merged = steps
        .iter()
        .filter(|(step, path)| *step == Step::Remove && path.extension().is_some_and(|end| end == "run"));
    assert!(merged.count() > 8, "runs are merged");
    let wreckage = wreckage.lock().expect("unpoisoned");
    assert!(wreckage.taken > 200);
    let mut found = BTreeSet::new();
    for copy in 0..wreckage.taken {
        let path = wreckage.copies.path().join(copy.to_string());
        let store = IndexStore::open_with(&path, "log.example", tiny(), Files::default()).expect("opened");
        let size = store.mark().size;
        let expected = states.get(&size).expect("a state that was settled");
        if found.insert(size) || copy % 16 == 0 {
            check_reader(&store, expected);
        }
        assert_eq!(store.map_root(), expected.root());
        drop(store);
        check_no_rubbish(&path);
    }
    assert!(found.len() > 8, "there are many states on the way");
}

#[test]
fn a_failure_at_any_step_changes_nothing_and_is_tried_again() {
    // How many steps are there at all?
    let steps = run_with_failure(usize::MAX);
    assert!(steps > 50);
    for failing in 0..steps {
        run_with_failure(failing);
    }
}

/// Twelve rounds, the step with this number fails; how many steps there were.
fn run_with_failure(failing: usize) -> usize {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), tiny());
    let count = Arc::new(Mutex::new(0));
    let counter = Arc::clone(&count);
    let files = Files::hooked(move |_, _| {
        let mut count = counter.lock().expect("unpoisoned");
        *count += 1;
        if *count == failing.saturating_add(1) { Err(io::Error::other("a full disk")) } else { Ok(()) }
    });
    model.open(files).expect("opened");
    for round in 0..12u8 {
        let map = (0..5).map(|n| (round * 7 + n * 3) % 48).collect();
        model.apply(&[(0, map, vec![round])]).expect("applied");
        model.settle().expect("there is room in memory");
        if round % 4 == 3 {
            model.check();
        }
    }
    let steps = *count.lock().expect("unpoisoned");
    // Deleting what is old may fail; the next start does it.
    let expected = model.expected.clone();
    model.store().flush_now().expect("flushed");
    model.open(Files::default()).expect("opened");
    assert_eq!(model.expected.entries, expected.entries, "after a failure at {failing}");
    model.check();
    check_no_rubbish(directory.path());
    steps
}

/// No file is left that the manifest does not name.
fn check_no_rubbish(store: &Path) {
    let manifest = fs::read(store.join("manifest")).unwrap_or_default();
    let manifest = String::from_utf8(manifest).expect("text");
    let mut all = files(store);
    all.retain(|file| !file.ends_with("lock"));
    for file in &all {
        let name = file.file_stem().expect("a name").to_string_lossy().into_owned();
        let named = name == "manifest" || manifest.contains(&format!("\"id\":{name},"));
        assert!(named, "{} is not in {manifest}", file.display());
    }
    assert_eq!(all.len(), manifest.matches("\"id\":").count() + usize::from(!manifest.is_empty()));
}

/// All files below a directory.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() { files.extend(self::files(&path)) } else { files.push(path) }
    }
    files.sort();
    files
}

#[test]
fn what_was_lost_is_applied_again() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), tiny());
    for round in 0..30u8 {
        model.apply(&[(0, vec![round, round + 9], vec![round])]).expect("applied");
        model.settle().expect("settled");
    }
    let whole: Expected = model.expected.clone();
    model.open(Files::default()).expect("opened");
    let from = model.expected.size;
    assert!(from < whole.size && from > 0);
    let lost: Vec<_> = whole.entries.iter().filter(|entry| entry.index >= from).cloned().collect();
    assert_eq!(model.store().apply(&lost).expect("applied"), whole.root());
    model.store().settle(mark(whole.size)).expect("settled");
    model.expected = whole;
    model.check();
    assert_eq!(model.store().list(Family::Aux, &super::model::key(5), 0, 100, 9).expect("a list").len(), 1);
}

#[test]
fn a_disk_that_stays_full_stops_the_rounds_before_memory_is() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), tiny());
    let full = |_: Step, _: &Path| Err(io::Error::other("a full disk"));
    model.open(Files::hooked(full)).expect("opened");
    let mut rounds = 0u8;
    let error = loop {
        model.apply(&[(0, vec![rounds % 48, 1, 2], vec![rounds])]).expect("applied");
        match model.settle() {
            Ok(()) => rounds += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, IndexError::Io(_)), "{error}");
    // Twelve records are a flush's, a round has four.
    assert!((6..18).contains(&rounds), "after {rounds} rounds");
    model.check();
    model.open(Files::default()).expect("opened");
    assert_eq!(model.expected.size, 0, "nothing was written");
    model.check();
}

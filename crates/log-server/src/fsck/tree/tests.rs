//! Logs of small entries, damaged in every way, one file at a time and several.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use log_core::tile::hash_tiles;
use tempfile::TempDir;

use super::super::findings::Findings;
use super::super::problem::Remedy;
use super::*;
use crate::batch::{self, Tail};

/// How a file is damaged.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip(usize),
    Delete,
    Truncate,
    Extend,
}

/// A log in a directory, and what its files were.
struct Log {
    directory: TempDir,
    files: BTreeMap<String, Vec<u8>>,
    tree: Tree,
}

impl Log {
    fn new(size: u64) -> Self {
        let entries: Vec<Vec<u8>> = (0..size).map(|i| format!("entry {i}").into_bytes()).collect();
        let grown = batch::grow(&Tail::default(), &entries);
        let directory = tempfile::tempdir().expect("a directory");
        let source = LogSource::Directory(directory.path().to_owned());
        let tree = Tree { source, size, root: grown.tail.edge.root(), jobs: 4 };
        let log = Self { directory, files: grown.objects.into_iter().collect(), tree };
        log.files.keys().for_each(|path| log.restore(path));
        log
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    fn restore(&self, path: &str) {
        let target = self.path(path);
        fs::create_dir_all(target.parent().expect("a parent")).expect("a directory");
        fs::write(target, &self.files[path]).expect("written");
    }

    fn damage(&self, path: &str, damage: Damage) {
        let mut bytes = self.files[path].clone();
        match damage {
            Damage::Delete => return fs::remove_file(self.path(path)).expect("removed"),
            Damage::Flip(at) => {
                let at = at % bytes.len();
                bytes[at] ^= 1;
            }
            Damage::Truncate => {
                bytes.pop();
            }
            Damage::Extend => bytes.push(0),
        }
        fs::write(self.path(path), bytes).expect("written");
    }

    fn derive(&self, prefer: Prefer) -> Derived {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (sender, mut receiver) = mpsc::channel::<Vec<Vec<u8>>>(1);
            let drain = tokio::spawn(async move {
                let mut count = 0;
                while let Some(entries) = receiver.recv().await {
                    count += entries.len() as u64;
                }
                count
            });
            let derived = self.tree.derive(prefer, sender).await;
            assert!(drain.await.expect("no panic") >= derived.intact);
            derived
        })
    }

    /// Derives as `fsck` does.
    fn check(&self) -> Derived {
        let first = self.derive(Prefer::Derived);
        if first.proven {
            return first;
        }
        let second = self.derive(Prefer::Stored);
        if second.proven { second } else { first }
    }

    /// The files that a proven check must find to be wrong, and nothing else; what is
    /// derivable is what it was.
    fn assert_found(&self, derived: &Derived, damaged: &BTreeSet<&str>, context: &str) {
        assert!(derived.proven, "{context}: {:?}", derived.findings);
        let found = paths(&derived.findings);
        assert_eq!(found, damaged.iter().map(|path| (*path).to_owned()).collect(), "{context}");
        for found in derived.findings.kept() {
            let path = &found.problem.path;
            // What a bundle has lost nobody can make again, nor the hashes of what was in
            // it when the tile beside it is damaged, too.
            let bundle = path.replace("tile/0/", "tile/entries/");
            let is_leaf = path.starts_with("tile/entries/") || path.starts_with("tile/0/");
            let is_lost = is_leaf && damaged.contains(bundle.as_str());
            assert_eq!(found.problem.remedy == Remedy::Derivable, !is_lost, "{context}: {}", found.problem);
            let expected = (!is_lost).then(|| &self.files[path]);
            assert!(found.mend.as_ref() == expected, "{context}: {}", found.problem);
        }
    }
}

fn paths(findings: &Findings) -> BTreeSet<String> {
    findings.kept().iter().map(|found| found.problem.path.clone()).collect()
}

/// Of each level and width kind the first and the last file.
fn samples(size: u64) -> BTreeSet<String> {
    let mut samples = BTreeMap::new();
    for id in hash_tiles(size).chain(entry_bundles(size)) {
        samples.entry((id.level, id.is_full(), true)).or_insert(id.path());
        samples.insert((id.level, id.is_full(), false), id.path());
    }
    samples.into_values().collect()
}

fn every_damage_of_every_kind_of_file_is_found(size: u64) {
    let log = Log::new(size);
    let sound = log.check();
    assert!(sound.proven && sound.findings.is_empty() && sound.intact == size, "size {size}: {sound:?}");
    for path in samples(size) {
        for damage in [Damage::Flip(0), Damage::Flip(1_003), Damage::Delete, Damage::Truncate, Damage::Extend]
        {
            log.damage(&path, damage);
            let context = format!("size {size}: {path}, {damage:?}");
            let derived = log.check();
            log.assert_found(&derived, &BTreeSet::from([path.as_str()]), &context);
            log.restore(&path);
        }
    }
}

#[test]
fn small_sizes() {
    for size in [1, 2, 255, 256, 257, 511, 512, 700] {
        every_damage_of_every_kind_of_file_is_found(size);
    }
}

#[test]
fn one_level_less_than_full() {
    every_damage_of_every_kind_of_file_is_found(65_535);
}

#[test]
fn two_levels_full() {
    every_damage_of_every_kind_of_file_is_found(65_536);
}

#[test]
fn three_levels() {
    every_damage_of_every_kind_of_file_is_found(65_537);
}

#[test]
fn the_empty_log_is_sound() {
    let log = Log::new(0);
    let derived = log.check();
    assert!(derived.proven && derived.findings.is_empty());
}

/// Whatever is damaged: a check that is proven names exactly the damaged files, and
/// one that is not proven names something.
#[test]
fn any_combination_of_damage() {
    let logs: Vec<Log> = [3, 256, 700].map(Log::new).into();
    let mut random = 1u64;
    let mut next = |below: usize| {
        // A linear congruential generator: the same cases in each run.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    let mut proven = 0;
    for case in 0..400 {
        let log = &logs[next(logs.len())];
        let all: Vec<&str> = log.files.keys().map(String::as_str).collect();
        let damaged: BTreeSet<&str> = (0..=next(3)).map(|_| all[next(all.len())]).collect();
        for path in &damaged {
            let damage =
                [Damage::Flip(next(10_000)), Damage::Delete, Damage::Truncate, Damage::Extend][next(4)];
            log.damage(path, damage);
        }
        let derived = log.check();
        let context = format!("case {case}: {damaged:?}");
        if derived.proven {
            proven += 1;
            log.assert_found(&derived, &damaged, &context);
        } else {
            assert!(!derived.findings.is_empty(), "{context}");
            // Without a copy that both sides spoil the root is always reached.
            let spoiled = damaged.iter().any(|path| path.starts_with("tile/entries/"))
                && damaged.iter().any(|path| !path.starts_with("tile/entries/"));
            assert!(spoiled, "{context}");
        }
        for path in &damaged {
            log.restore(path);
        }
    }
    assert!(proven > 300, "{proven}");
}

/// The tile above is lost and a bundle is damaged: only the tile beside the bundle
/// still knows what was in it.
#[test]
fn the_stored_copy_is_tried_when_the_derived_one_leads_nowhere() {
    let log = Log::new(700);
    log.damage("tile/1/000.p/2", Damage::Delete);
    log.damage("tile/entries/001", Damage::Flip(9));
    let derived = log.check();
    log.assert_found(&derived, &BTreeSet::from(["tile/1/000.p/2", "tile/entries/001"]), "both");
    assert_eq!(derived.intact, 256);
}

/// Bundle and tile were changed together: each fits the other, and only the tile
/// above knows better.
#[test]
fn a_consistent_forgery_of_two_files_is_found() {
    let log = Log::new(700);
    let entries: Vec<Vec<u8>> = (0..700).map(|i| format!("forged {i}").into_bytes()).collect();
    let other: BTreeMap<String, Vec<u8>> =
        batch::grow(&Tail::default(), &entries).objects.into_iter().collect();
    for path in ["tile/0/001", "tile/entries/001"] {
        fs::write(log.path(path), &other[path]).expect("written");
    }
    let derived = log.check();
    assert!(derived.proven && derived.intact == 256, "{derived:?}");
    let expected = BTreeSet::from(["tile/0/001".to_owned(), "tile/entries/001".to_owned()]);
    assert_eq!(paths(&derived.findings), expected);
}

/// Only what both copies of the leaves have lost is lost.
#[test]
fn everything_but_the_bundles_is_derivable() {
    let log = Log::new(65_537);
    for path in log.files.keys().filter(|path| !path.starts_with("tile/entries/")) {
        log.damage(path, Damage::Delete);
    }
    let derived = log.check();
    assert!(derived.proven);
    for found in derived.findings.kept() {
        assert_eq!(found.mend.as_ref(), Some(&log.files[&found.problem.path]));
    }
    let hash_tiles = log.files.len() - usize::try_from(65_537_u64.div_ceil(256)).expect("small");
    assert_eq!(derived.findings.kept().len(), hash_tiles);
}

#[test]
fn a_log_that_cannot_be_read_is_given_up_soon() {
    let log = Log::new(65_537);
    // Directories where files should be.
    for path in log.files.keys() {
        log.damage(path, Damage::Delete);
        fs::create_dir(log.path(path)).expect("a directory");
    }
    let derived = log.check();
    assert!(!derived.proven && derived.gave_up);
    assert!(derived.findings.kept().len() < 200);
}

/// The partial bundle that the checkpoint asks for, where the full one exists.
#[test]
fn a_partial_bundle_follows_from_the_full_one() {
    let log = Log::new(700);
    let larger = Log::new(768);
    copy(&larger, &log, "tile/entries/002");
    log.damage("tile/entries/002.p/188", Damage::Flip(30));
    let derived = log.check();
    assert!(derived.proven);
    let [found] = derived.findings.kept() else { panic!("{derived:?}") };
    assert_eq!(found.mend.as_ref(), Some(&log.files["tile/entries/002.p/188"]));
    // It may as well be gone.
    log.damage("tile/entries/002.p/188", Damage::Delete);
    assert!(log.check().findings.is_empty());
}

fn copy(from: &Log, to: &Log, path: &str) {
    let target: &Path = &to.path(path);
    fs::write(target, &from.files[path]).expect("written");
}

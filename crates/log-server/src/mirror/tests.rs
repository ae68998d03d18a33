//! Copies of logs of small entries: from any size to any other, interrupted at each
//! write, and from sources that lie.

use std::collections::BTreeMap;
use std::fs;
use std::sync::LazyLock;

use log_core::checkpoint::Checkpoint;
use log_core::policy::Roots;
use log_core::testing::{key, public};
use log_core::tile::{TileId, entry_bundles, hash_tiles};
use log_io::trust_file::TrustedLog;
use tempfile::TempDir;

use super::*;
use crate::batch::{self, Tail};
use crate::store::memory::{Fault, Faults, MemoryObjects};

/// Makes no request here; it takes a while to make.
static HTTP: LazyLock<Http> = LazyLock::new(|| Http::new("test").expect("a client"));

/// What a directory or a store holds.
type Files = BTreeMap<String, Vec<u8>>;

/// A log in a directory, of entries that begin with `word` from `fork` on.
struct Source {
    directory: TempDir,
    fork: u64,
    tail: Tail,
}

impl Source {
    fn new(fork: u64) -> Self {
        Self { directory: tempfile::tempdir().expect("a directory"), fork, tail: Tail::default() }
    }

    fn grow(&mut self, size: u64) {
        let word = |i: u64| if i < self.fork { "entry" } else { "forked" };
        let entries: Vec<Vec<u8>> =
            (self.tail.edge.size()..size).map(|i| format!("{} {i}", word(i)).into_bytes()).collect();
        let grown = batch::grow(&self.tail, &entries);
        for (path, bytes) in grown.objects {
            self.write(&path, &bytes);
        }
        self.tail = grown.tail;
        let root = self.tail.edge.root();
        let checkpoint = Checkpoint { origin: "log.example".into(), size, root, extensions: Vec::new() };
        self.write("checkpoint", checkpoint.sign(&key("log.example")).to_string().as_bytes());
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.directory.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, bytes).expect("written");
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        fs::read(self.directory.path().join(path)).ok()
    }
}

/// A copy, of whatever source.
struct Copied {
    directory: TempDir,
    objects: Arc<dyn Objects>,
}

impl Copied {
    fn in_directory() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let objects = Arc::new(DirectoryObjects::new(directory.path().join("copy")));
        Self { directory, objects }
    }

    fn in_memory(faults: &Faults) -> Self {
        let objects = Arc::new(MemoryObjects::new(faults));
        Self { directory: tempfile::tempdir().expect("a directory"), objects }
    }

    fn update(&self, source: &Source) -> Result<(), Failure> {
        let roots = Roots::new(1, vec![public("root1")]).expect("one root");
        let url = file_url(source.directory.path()).expect("a URL");
        let text = TrustedLog::to_text(&url, &public("log.example"), &roots).expect("a trust file");
        let log = TrustedLog::parse(&text).expect("a trust file");
        let state = self.directory.path().join("state");
        let mirror = Mirror {
            session: Session::new(HTTP.clone(), log, &state).expect("a session"),
            target: Arc::clone(&self.objects),
            copy: LogSource::Directory(self.directory.path().join("copy")),
            jobs: 4,
        };
        tokio::runtime::Runtime::new().expect("a runtime").block_on(mirror.update())
    }

    fn files(&self) -> Files {
        let mut files = Files::new();
        let mut paths = self.objects.list_below("tile").expect("readable");
        paths = paths.into_iter().map(|name| format!("tile/{name}")).collect();
        paths.push("checkpoint".into());
        while let Some(path) = paths.pop() {
            // An error says that it is a file.
            let below = self.objects.list_below(&path).unwrap_or_default();
            paths.extend(below.iter().map(|name| format!("{path}/{name}")));
            if below.is_empty()
                && let Some(bytes) = self.objects.get(&path).expect("readable")
            {
                files.insert(path, bytes);
            }
        }
        files
    }

    /// Everything that the copy's checkpoint asks for is there, and whatever is there is
    /// the source's.
    fn check(&self, source: &Source, context: &str) -> u64 {
        let files = self.files();
        for (path, bytes) in files.iter().filter(|(path, _)| *path != "checkpoint") {
            // A partial tile of an older size is the start of the one that is there now.
            let id = TileId::parse(path).expect("a tile");
            let now = TileId::in_tree(id.level, id.index, source.tail.edge.size()).expect("in the tree");
            let expected = source.read(&now.path()).expect("a tile");
            assert!(expected.starts_with(bytes), "{context}: {path}");
        }
        let Some(checkpoint) = files.get("checkpoint") else { return 0 };
        let open = OpenCheckpoint::open(checkpoint, &public("log.example")).expect("a checkpoint");
        for id in hash_tiles(open.size()).chain(entry_bundles(open.size())) {
            let is_there = files.contains_key(&id.path()) || files.contains_key(&id.full().path());
            assert!(is_there, "{context}: {id} is missing");
            let partial = format!("{}.p/", id.full());
            let left = files.keys().any(|path| path.starts_with(&partial));
            assert!(!id.is_full() || !left, "{context}: {partial} is left");
        }
        open.size()
    }
}

#[test]
fn from_any_size_to_any_other() {
    let sizes = [0, 1, 2, 255, 256, 257, 300, 512, 700, 65_535, 65_536, 65_900];
    let mut sources: Vec<Source> = Vec::new();
    for size in sizes {
        let mut source = Source::new(u64::MAX);
        source.grow(size);
        sources.push(source);
    }
    for (at, old) in sources.iter().enumerate() {
        for new in sources[at..].iter().filter(|new| new.tail.edge.size() < 1_000 || at > 6) {
            let copy = Copied::in_memory(&Faults::default());
            copy.update(old).expect("copied");
            copy.update(new).expect("copied");
            copy.update(new).expect("nothing to do");
            let context = format!("{} to {}", old.tail.edge.size(), new.tail.edge.size());
            assert_eq!(copy.check(new, &context), new.tail.edge.size(), "{context}");
        }
    }
}

#[test]
fn an_interrupted_run_is_resumed() {
    for (old, new) in [(0, 1), (0, 700), (3, 5), (200, 300), (255, 256), (256, 768), (0, 65_800)] {
        let mut source = Source::new(u64::MAX);
        source.grow(old);
        let faults = Faults::default();
        let fresh = || {
            let copy = Copied::in_memory(&faults);
            copy.update(&source).expect("copied");
            copy
        };
        let mut grown = Source::new(u64::MAX);
        grown.grow(old);
        grown.grow(new);
        let copy = fresh();
        faults.arm(usize::MAX, Fault::Lost);
        copy.update(&grown).expect("copied");
        let writes = faults.disarm();
        let step = writes.div_ceil(if new > 1_000 { 3 } else { 25 });
        for at in (0..writes).step_by(step).chain([writes - 1]) {
            for fault in [Fault::Lost, Fault::Torn, Fault::Persisted] {
                let context = format!("{old} to {new}, write {at} of {writes}, {fault:?}");
                let copy = fresh();
                faults.arm(at, fault);
                assert!(copy.update(&grown).is_err(), "{context}");
                faults.disarm();
                let size = copy.check(&grown, &context);
                assert!(size == old || at == writes - 1 && fault == Fault::Persisted, "{context}: {size}");
                copy.update(&grown).expect("resumed");
                assert_eq!(copy.check(&grown, &context), new, "{context}");
            }
        }
    }
}

#[test]
fn a_fork_is_evidence_and_changes_nothing() {
    for (fork, old, new) in [(2, 3, 3), (2, 3, 9), (299, 300, 700), (0, 256, 512)] {
        let (mut honest, mut forked) = (Source::new(u64::MAX), Source::new(fork));
        honest.grow(old);
        forked.grow(new);
        let copy = Copied::in_directory();
        copy.update(&honest).expect("copied");
        let before = copy.files();
        let failure = copy.update(&forked).expect_err("a fork");
        assert_eq!(failure.exit(), Exit::Misbehaved, "{fork}, {old}, {new}: {failure}");
        assert!(failure.to_string().contains("evidence: "), "{failure}");
        assert!(copy.files() == before, "{fork}, {old}, {new}");
    }
}

#[test]
fn a_source_that_lags_changes_nothing_and_one_that_lags_in_another_history_is_a_fork() {
    let (mut new, mut old, mut forked) = (Source::new(u64::MAX), Source::new(u64::MAX), Source::new(100));
    new.grow(700);
    old.grow(300);
    forked.grow(300);
    let copy = Copied::in_directory();
    copy.update(&new).expect("copied");
    let before = copy.files();
    assert_eq!(copy.update(&old).expect_err("it lags").exit(), Exit::Untrusted);
    assert_eq!(copy.update(&forked).expect_err("a fork").exit(), Exit::Misbehaved);
    assert!(copy.files() == before);
}

/// Whatever file of the source is damaged or missing: nothing wrong is ever written,
/// and a copy that was there stays good.
#[test]
fn what_was_not_signed_is_not_copied() {
    let mut honest = Source::new(u64::MAX);
    honest.grow(300);
    let copy_of_300 = || {
        let copy = Copied::in_directory();
        copy.update(&honest).expect("copied");
        copy
    };
    let mut source = Source::new(u64::MAX);
    source.grow(700);
    let mut reference = Source::new(u64::MAX);
    reference.grow(700);
    let asked: Vec<String> =
        hash_tiles(700).chain(entry_bundles(700)).map(TileId::path).chain(["checkpoint".into()]).collect();
    let mut refused = 0;
    for path in &asked {
        let bytes = source.read(path).expect("a file");
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        let longer = [bytes.as_slice(), b"x"].concat();
        for damaged in [Some(flipped), Some(longer), Some(Vec::new()), None] {
            match &damaged {
                Some(damaged) => source.write(path, damaged),
                None => fs::remove_file(source.directory.path().join(path)).expect("removed"),
            }
            let copy = copy_of_300();
            let result = copy.update(&source);
            refused += usize::from(result.is_err());
            let size = copy.check(&reference, path);
            assert_eq!(size, if result.is_ok() { 700 } else { 300 }, "{path}: {result:?}");
            source.write(path, &bytes);
            copy.update(&source).expect("an honest source again");
            assert_eq!(copy.check(&reference, path), 700);
        }
    }
    // The tiles of level 0 that are full are not copied, they follow; a consistency
    // proof may need one.
    let full = asked.iter().filter(|path| path.starts_with("tile/0/") && !path.contains(".p/")).count();
    // Nor is what the copy has already.
    let there = asked.iter().filter(|path| *path == "tile/entries/000").count();
    assert!(refused >= 4 * (asked.len() - full - there), "{refused}");
}

#[test]
fn a_copy_of_another_log_is_left_alone() {
    let mut source = Source::new(u64::MAX);
    source.grow(10);
    let copy = Copied::in_directory();
    let other = Checkpoint {
        origin: "other.example".into(),
        size: 0,
        root: log_core::hash::EMPTY_ROOT,
        extensions: Vec::new(),
    };
    let other = other.sign(&key("other.example")).to_string();
    copy.objects.overwrite("checkpoint", other.as_bytes()).expect("written");
    assert_eq!(copy.update(&source).expect_err("another log's").exit(), Exit::Failed);
    assert_eq!(copy.files().len(), 1);
}

//! Makes logs of any size in no time, and measures what is done with them. For
//! `docs/performance.md`; nothing else uses it.
//!
//! ```sh
//! cargo run --release -p log-server --example synthetic_log -- make DIR 4800000 small
//! cargo run --release -p log-server --example synthetic_log -- make DIR 500000 releases
//! cargo run --release -p log-server --example synthetic_log -- tree DIR
//! cargo run --release -p log-server --example synthetic_log -- rounds DIR 10000 collected
//! ```
//!
//! `small` entries are no statements: only their tree can be checked. `releases` are
//! whole logs that `wheeltap-log fsck` finds to be sound; its arguments are printed.
//! `rounds` appends one release a minute, and says what that takes on disk when
//! partial tiles are `collected`, or all `kept`.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, bail};
use log_core::checkpoint::{Checkpoint, OpenCheckpoint};
use log_core::commitment::IndexCommitment;
use log_core::entry::{IndexKey, SignedStatement};
use log_core::index::VerifiableIndex;
use log_core::testing::{genesis, key, policy, public, signed_policy, signed_release};
use log_io::outcome::print;
use log_io::source::LogSource;
use log_server::batch::{self, Tail};
use log_server::collect::{Collector, GRACE_SECONDS};
use log_server::fsck::choose::Prefer;
use log_server::fsck::tree::Tree;
use log_server::store::directory::DirectoryObjects;
use tokio::sync::mpsc;

/// Entries that are appended at once.
const ROUND: u64 = 4_096;

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["make", dir, count, "small"] => make(Path::new(dir), count.parse()?, &mut small),
        ["make", dir, count, "releases"] => {
            let mut index = VerifiableIndex::default();
            make(Path::new(dir), count.parse()?, &mut |from, count| releases(&mut index, from, count))
        }
        ["tree", dir] => tree(Path::new(dir)),
        ["rounds", dir, count, what] => rounds(Path::new(dir), count.parse()?, *what == "collected"),
        _ => bail!("usage: make DIR COUNT small|releases, tree DIR, or rounds DIR COUNT collected|kept"),
    }
}

/// Writes a log of `count` entries that `entries` makes, some at a time.
fn make(dir: &Path, count: u64, entries: &mut dyn FnMut(u64, u64) -> Vec<Vec<u8>>) -> anyhow::Result<()> {
    let mut tail = Tail::default();
    while tail.edge.size() < count {
        let from = tail.edge.size();
        let grown = batch::grow(&tail, &entries(from, ROUND.min(count - from)));
        tail = grown.tail;
        let is_last = tail.edge.size() >= count;
        // Only the last partial tiles: those of a log that is collected.
        write(dir, grown.objects.iter().filter(|(path, _)| is_last || !path.contains(".p/")))?;
    }
    let (size, root) = (tail.edge.size(), tail.edge.root());
    let checkpoint = Checkpoint { origin: "log.example".to_owned(), size, root, extensions: Vec::new() };
    fs::write(dir.join("checkpoint"), checkpoint.sign(&key("log.example")).to_string())?;
    let roots: Vec<String> =
        genesis().roots.keys.iter().map(|key| format!("--root {}", key.to_vkey())).collect();
    print(format_args!(
        "--dir {} --key {} {} --threshold 2",
        dir.display(),
        public("log.example").to_vkey(),
        roots.join(" ")
    ));
    Ok(())
}

fn small(from: u64, count: u64) -> Vec<Vec<u8>> {
    (from..from + count).map(|index| format!("entry {index}").into_bytes()).collect()
}

/// Releases of two files each, a thousand versions a project, and a commitment.
fn releases(index: &mut VerifiableIndex, from: u64, count: u64) -> Vec<Vec<u8>> {
    let statement = |at: u64| match at {
        0 => signed_policy(policy(), &["root1", "root2"]),
        at => signed_release(&format!("oslo-{}", at / 1_000), &format!("{at}.0"), "bytes", "oslo"),
    };
    let last = from + count - 1;
    let signed: Vec<SignedStatement> = (from..last).map(statement).collect();
    let mut entries = Vec::new();
    for (at, signed) in (from..).zip(&signed) {
        index.add(at, signed.index_keys().iter().map(IndexKey::hash));
        entries.push(signed.envelope.to_canonical());
    }
    let commitment = IndexCommitment { size: last, root: index.root(), time: 1_700_000_000, first: from };
    entries.push(commitment.to_string().into_bytes());
    entries
}

/// One release a minute.
fn rounds(dir: &Path, count: u64, is_collected: bool) -> anyhow::Result<()> {
    let objects = Arc::new(DirectoryObjects::new(dir.join("public")));
    let collector = Collector::new(objects, dir.join("collected"), GRACE_SECONDS);
    let (mut tail, mut index, mut bytes, mut most) = (Tail::default(), VerifiableIndex::default(), 0, 0);
    for round in 1..=count {
        let entries = releases(&mut index, tail.edge.size(), 2);
        bytes += entries.iter().map(Vec::len).sum::<usize>();
        let grown = batch::grow(&tail, &entries);
        write(&dir.join("public"), grown.objects.iter())?;
        tail = grown.tail;
        if is_collected {
            collector.after_publish(tail.edge.size(), 60 * round);
        }
        if round % 100 == 0 {
            most = most.max(disk_bytes(dir)?);
        }
    }
    let (size, now) = (tail.edge.size(), disk_bytes(dir)?);
    print(format_args!(
        "{size} entries of {bytes} bytes take {now} bytes on disk, {} an entry; at most {most}",
        now / size
    ));
    Ok(())
}

fn write<'a>(dir: &Path, objects: impl Iterator<Item = &'a (String, Vec<u8>)>) -> anyhow::Result<()> {
    for (path, bytes) in objects {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().context("a parent")?)?;
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// What files and directories take, in whole blocks.
fn disk_bytes(dir: &Path) -> anyhow::Result<u64> {
    let mut bytes = fs::metadata(dir)?.blocks() * 512;
    for entry in dir.read_dir()? {
        let entry = entry?;
        let is_dir = entry.file_type()?.is_dir();
        bytes += if is_dir { disk_bytes(&entry.path())? } else { entry.metadata()?.blocks() * 512 };
    }
    Ok(bytes)
}

/// The tree part of a check, without the rules.
fn tree(dir: &Path) -> anyhow::Result<()> {
    let checkpoint = OpenCheckpoint::open(&fs::read(dir.join("checkpoint"))?, &public("log.example"))?;
    let jobs = std::thread::available_parallelism()?.get();
    let source = LogSource::Directory(dir.to_owned());
    let tree = Tree { source, size: checkpoint.size(), root: checkpoint.root(), jobs };
    let runtime = tokio::runtime::Runtime::new()?;
    let started = now();
    let derived = runtime.block_on(async {
        let (sender, mut receiver) = mpsc::channel(8);
        let drain = tokio::spawn(async move { while receiver.recv().await.is_some() {} });
        let derived = tree.derive(Prefer::Derived, sender).await;
        drain.await.map(|()| derived)
    })?;
    let seconds = started.elapsed().as_secs_f64();
    let problems = derived.findings.kept().len();
    print(format_args!(
        "{} entries, proven: {}, {problems} problems, {seconds:.2} s",
        tree.size, derived.proven
    ));
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "a measurement")]
fn now() -> Instant {
    Instant::now()
}

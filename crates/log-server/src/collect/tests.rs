//! For any history of rounds, whatever a kept checkpoint asks for is there.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use log_core::edge::Edge;
use log_core::hash::{Hash, leaf_hash};
use log_core::testing::signed_release;
use log_core::tile::{entry_bundles, hash_tiles};
use log_io::source::LogSource;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::batch::{self, Tail};
use crate::store::directory::DirectoryObjects;
use crate::store::memory::{Fault, Faults, MemoryObjects};
use crate::testing::TestLog;

/// What one round does.
#[derive(Debug, Clone)]
struct Round {
    entries: u64,
    /// Seconds since the round before.
    wait: u64,
    /// Whether the server is started anew before it.
    restart: bool,
    /// Whether the first deletion in it fails.
    fails: bool,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let entries = prop_oneof![6 => 1u64..4, 3 => 1u64..300, 1 => 250u64..3_000];
    let wait = prop_oneof![Just(0u64), 1u64..200, 500u64..2_000];
    let round = (entries, wait, prop::bool::weighted(0.05), prop::bool::weighted(0.05));
    let round = round.prop_map(|(entries, wait, restart, fails)| Round { entries, wait, restart, fails });
    prop::collection::vec(round, 1..80)
}

/// All files that a checkpoint of `size` asks for.
fn demanded(size: u64) -> impl Iterator<Item = TileId> {
    hash_tiles(size).chain(entry_bundles(size))
}

struct World {
    faults: Faults,
    objects: Arc<MemoryObjects>,
    directory: TempDir,
    tail: Tail,
}

impl World {
    fn new() -> Self {
        let faults = Faults::default();
        let objects = Arc::new(MemoryObjects::new(&faults));
        Self { faults, objects, directory: tempfile::tempdir().expect("a directory"), tail: Tail::default() }
    }

    fn collector(&self) -> Collector {
        let hint = self.directory.path().join("collected");
        Collector::new(Arc::clone(&self.objects) as Arc<dyn Objects>, hint, GRACE_SECONDS)
    }

    fn grow(&mut self, entries: u64) -> u64 {
        let grown = batch::grow(&self.tail, &vec![b"entry".to_vec(); usize::try_from(entries).expect("few")]);
        self.objects.put(&grown.objects).expect("written");
        self.tail = grown.tail;
        self.tail.edge.size()
    }

    fn has(&self, id: TileId) -> bool {
        self.objects.get(&id.path()).expect("readable").is_some()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn what_a_kept_checkpoint_asks_for_is_there(rounds in rounds()) {
        let mut world = World::new();
        let (mut now, mut collector) = (1_000_000, world.collector());
        // Each published size, and until when it was the published one.
        let mut published: Vec<(u64, u64)> = vec![(0, u64::MAX)];
        for round in rounds {
            if round.restart {
                collector = world.collector();
            }
            now += round.wait;
            let size = world.grow(round.entries);
            published.last_mut().expect("one").1 = now;
            published.push((size, u64::MAX));
            if round.fails {
                world.faults.arm(0, Fault::Lost);
            }
            collector.after_publish(size, now);
            world.faults.disarm();
            for (size, until) in &published {
                let is_kept = until.saturating_add(GRACE_SECONDS) >= now;
                for id in demanded(*size) {
                    // C2SP tlog-tiles: a partial tile, or the full one in its place.
                    prop_assert!(world.has(id) || world.has(id.full()), "{id} of size {size}");
                    prop_assert!(!is_kept || world.has(id), "{id} of size {size}, replaced at {until}");
                }
            }
        }
        // When all readers are gone, only tiles that are not full have partial ones.
        let size = world.tail.edge.size();
        for _ in 0..=size / STEP {
            now += GRACE_SECONDS + 1;
            collector.after_publish(size, now);
        }
        for id in filled(0, size) {
            let left = world.objects.list_below(&format!("{id}.p")).expect("readable");
            prop_assert!(left.is_empty(), "{id}: {left:?}");
            prop_assert!(world.has(id));
        }
    }
}

#[test]
fn a_step_is_bounded_and_a_restart_goes_on() {
    let mut world = World::new();
    for _ in 0..200 {
        world.grow(200);
    }
    let size = world.tail.edge.size();
    let left = |world: &World| {
        let partial =
            |id: &TileId| !world.objects.list_below(&format!("{id}.p")).expect("readable").is_empty();
        filled(0, size).filter(partial).count()
    };
    let before = left(&world);
    let collector = world.collector();
    collector.after_publish(size, 0);
    assert_eq!(left(&world), before, "who knows who reads what");
    collector.after_publish(size, GRACE_SECONDS + 1);
    let after = left(&world);
    assert!(after < before && before - after <= 129, "{before}, {after}");
    // Started again it waits once more, and then goes on where it was.
    let collector = world.collector();
    collector.after_publish(size, GRACE_SECONDS + 1);
    collector.after_publish(size, 2 * GRACE_SECONDS + 2);
    collector.after_publish(size, 2 * GRACE_SECONDS + 2);
    assert_eq!(left(&world), 0);
}

#[test]
fn partial_tiles_without_their_full_one_stay() {
    let mut world = World::new();
    world.grow(200);
    world.grow(200);
    world.objects.delete("tile/entries/000").expect("deleted");
    world.objects.overwrite("tile/0/000", b"damaged").expect("written");
    world.collector().everything(400).expect("collected");
    for partial in ["tile/entries/000.p/200", "tile/0/000.p/200"] {
        assert!(world.objects.get(partial).expect("readable").is_some(), "{partial}");
    }
}

/// The sequencer lets it happen: at a start, and after each round.
#[test]
fn a_running_log_is_collected() {
    let mut log = TestLog::with_policy();
    for round in 0..130 {
        log.submit(&[signed_release("nova", &format!("{round}.0"), "bytes", "team")]).expect("a round");
    }
    let partial =
        |log: &TestLog| log.sequencer.stores.log.list_below("tile/entries/000.p").expect("readable").len();
    assert!(partial(&log) > 100);
    log.restart().expect("a start");
    assert!(partial(&log) > 100, "somebody may be reading yet");
    log.sequencer.clock = || 1_700_000_000 + GRACE_SECONDS + 1;
    log.restart().expect("a start");
    assert_eq!(partial(&log), 0);
    log.check();
}

/// A staging object that was deleted may come back after the loss of power, and then the
/// round is written again, on partial tiles that are collected already.
#[test]
fn an_old_round_can_be_written_again() {
    let mut log = TestLog::with_policy();
    let mut round = 0;
    // The round that fills a bundle.
    while log.state.as_ref().expect("a state").tail.edge.size() < 254 {
        round += 1;
        log.submit(&[signed_release("nova", &format!("{round}.0"), "bytes", "team")]).expect("a round");
    }
    let faults = log.faults.clone();
    faults.arm(0, Fault::Persisted);
    let staged = log.submit(&[signed_release("nova", "999.0", "bytes", "team")]);
    assert!(staged.is_err(), "only staged");
    faults.disarm();
    let staging = Arc::clone(&log.sequencer.stores.staging);
    let name = staging.list().expect("readable").remove(0);
    let bytes = staging.get(&name).expect("readable").expect("staged");
    log.restart().expect("a start");
    log.submit(&[signed_release("nova", "999.0", "bytes", "team")]).expect("a round");
    log.restart().expect("a start");
    log.sequencer.clock = || 1_700_000_000 + GRACE_SECONDS + 1;
    log.restart().expect("a start");
    let below = log.sequencer.stores.log.list_below("tile/0/000.p").expect("readable");
    assert!(below.is_empty(), "{below:?}");

    let head = log.sequencer.stores.head.load().expect("readable").expect("a head");
    assert_eq!(head.staging.as_ref(), Some(&name));
    staging.put(&[(name, bytes)]).expect("it is back");
    log.restart().expect("a start");
    log.check();
}

/// Readers with whatever checkpoint read the whole tree while it grows and is
/// collected without any grace.
#[test]
fn readers_are_never_cut_off() {
    let directory = tempfile::tempdir().expect("a directory");
    let public = directory.path().join("public");
    let objects: Arc<dyn Objects> = Arc::new(DirectoryObjects::new(public.clone()));
    let collector = Collector::new(Arc::clone(&objects), directory.path().join("collected"), 0);
    let (checkpoints, done) = (Mutex::new(Vec::<(u64, Hash)>::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for reader in 0..2 {
            let (checkpoints, done, public) = (&checkpoints, &done, public.clone());
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
                let source = LogSource::Directory(public);
                let mut turn = reader;
                let mut read = 0;
                while !done.load(Ordering::Relaxed) || read == 0 {
                    turn += 1;
                    let known = checkpoints.lock().expect("not poisoned").clone();
                    // The newest, the oldest, and those between.
                    let Some((size, root)) =
                        known.get(known.len().wrapping_sub(1 + turn % known.len().max(1)))
                    else {
                        continue;
                    };
                    let found = runtime.block_on(read_root(&source, *size));
                    assert_eq!(found, *root, "size {size}");
                    read += 1;
                }
            });
        }
        let mut tail = Tail::default();
        for round in 1..=400u64 {
            let grown = batch::grow(&tail, &vec![round.to_be_bytes().to_vec(); 3]);
            objects.put(&grown.objects).expect("written");
            tail = grown.tail;
            checkpoints.lock().expect("not poisoned").push((tail.edge.size(), tail.edge.root()));
            collector.after_publish(tail.edge.size(), 10 * round);
        }
        done.store(true, Ordering::Relaxed);
    });
    let left: BTreeSet<String> = objects.list_below("tile/entries").expect("readable").into_iter().collect();
    assert!(!left.contains("000.p") && left.contains("004.p"), "{left:?}");
}

/// Reads all entries, and compares them with the tiles on the way.
async fn read_root(source: &LogSource, size: u64) -> Hash {
    let mut edge = Edge::new();
    for id in entry_bundles(size) {
        let leaves = source.tile(TileId { level: Level::Hashes(0), ..id }).await.expect("a tile");
        let entries = source.entries(id).await.expect("a bundle");
        assert!(entries.iter().map(|entry| leaf_hash(entry)).eq(leaves.iter().copied()), "{id}");
        for leaf in leaves {
            edge.push(leaf);
        }
    }
    edge.root()
}

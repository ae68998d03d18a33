//! Readers while rounds are added, runs written and merged by threads of their own.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use log_core::hash::{Hash, digest};
use log_core::index::{VerifiableIndex, list_root};

use crate::index::config::Config;
use crate::index::files::Files;
use crate::index::{EntryKeys, Family, IndexReader, IndexStore, Mark};

const ROUNDS: u64 = 120;
const ENTRIES: u64 = 40;

fn own(index: u64) -> Hash {
    digest(&[b"own", &index.to_be_bytes()])
}

/// Every eleventh entry has it.
fn shared() -> Hash {
    digest(&[b"shared"])
}

fn entry(index: u64) -> EntryKeys {
    let shared = index.is_multiple_of(11).then(shared);
    EntryKeys { index, map: [own(index)].into_iter().chain(shared).collect(), aux: vec![own(index)] }
}

/// Asks until it is told to stop; how often.
fn ask(reader: &IndexReader, stop: &AtomicBool, seen: &AtomicU64, first: u64) -> u64 {
    let mut asked = 0;
    while !stop.load(Ordering::Relaxed) {
        let at_least = seen.load(Ordering::Acquire);
        let indices: Vec<u64> =
            (0..8).map(|n| (asked * 31 + first * 7 + n * 101) % (ROUNDS * ENTRIES)).collect();
        let keys: Vec<Hash> = indices.iter().map(|index| own(*index)).chain([shared()]).collect();
        let proven = reader.prove(&keys).expect("proofs");
        let size = proven.mark.size;
        assert!(size >= at_least, "it went back");
        for (index, proof) in indices.iter().zip(&proven.proofs) {
            let value = (*index < size).then(|| *list_root(&[*index]).as_bytes());
            assert_eq!(proof.verify(own(*index).as_bytes(), proven.map_root), Ok(value));
        }
        let list: Vec<u64> = (0..size).filter(|index| index.is_multiple_of(11)).collect();
        let value = (size > 0).then(|| *list_root(&list).as_bytes());
        assert_eq!(proven.proofs[8].verify(shared().as_bytes(), proven.map_root), Ok(value));
        let listed = reader.list(Family::Map, &shared(), 0, size, usize::MAX).expect("a list");
        assert_eq!(listed, list);
        let newest = reader.list_newest(Family::Aux, &own(indices[0]), size, 2).expect("a list");
        assert_eq!(newest.len(), usize::from(indices[0] < size));
        asked += 1;
    }
    asked
}

/// Stops the readers however the writer ends.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn readers_see_whole_states_only() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = Config {
        bucket_keys: 3,
        long_list: 4,
        edges: 2,
        flush_records: 300,
        flush_share: 8,
        threads: 2,
        thread_hashes: 16,
        ..Config::default()
    };
    let mut store =
        IndexStore::open_with(directory.path(), "log", config.clone(), Files::default()).expect("opened");
    let (stop, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut index = VerifiableIndex::default();
    let reader = store.reader();
    let asked: u64 = thread::scope(|scope| {
        let (reader, stop, seen) = (&reader, &stop, &seen);
        let readers: Vec<_> = (0..3).map(|seed| scope.spawn(move || ask(reader, stop, seen, seed))).collect();
        let stopped = Stop(stop);
        for round in 0..ROUNDS {
            let mut halves = (round * ENTRIES..(round + 1) * ENTRIES).map(entry);
            if round % 9 == 4 {
                // Something that never comes about.
                let wrong: Vec<EntryKeys> =
                    halves.clone().map(|entry| EntryKeys { map: vec![shared()], ..entry }).collect();
                store.apply(&wrong).expect("applied");
                store.rollback();
            }
            let first: Vec<EntryKeys> = halves.by_ref().take(7).collect();
            let second: Vec<EntryKeys> = halves.collect();
            for part in [&first, &second] {
                for entry in part {
                    index.add(entry.index, entry.map.clone());
                }
                assert_eq!(store.apply(part).expect("applied"), index.root());
            }
            let size = (round + 1) * ENTRIES;
            store.settle(Mark { size, root: digest(&[&size.to_be_bytes()]) }).expect("settled");
            seen.store(size, Ordering::Release);
        }
        drop(stopped);
        readers.into_iter().map(|reader| reader.join().expect("no panic")).sum()
    });
    assert!(asked > 3);
    store.flush_now().expect("flushed");
    drop((store, reader));
    let store = IndexStore::open_with(directory.path(), "log", config, Files::default()).expect("opened");
    assert_eq!((store.mark().size, store.map_root()), (ROUNDS * ENTRIES, index.root()));
}

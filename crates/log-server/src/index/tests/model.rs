//! A store together with what it should be.

use std::path::{Path, PathBuf};

use log_core::hash::{Hash, digest};
use log_core::index::{VerifiableIndex, list_root};

use crate::index::config::Config;
use crate::index::files::Files;
use crate::index::{EntryKeys, Family, IndexError, IndexStore, Mark};

/// Keys with a name below this are the test's; the rest are absent.
pub(crate) const NAMES: u8 = 48;

/// Thresholds at which everything happens after a few entries.
pub(crate) fn tiny() -> Config {
    Config {
        bucket_keys: 2,
        deep_keys: 3,
        long_list: 3,
        edges: 2,
        flush_records: 12,
        flush_share: 1_000,
        threads: 2,
        thread_hashes: 2,
        background: false,
    }
}

/// Half of the keys as they come, the others with beginnings that somebody has chosen:
/// 30 or 100 bits.
pub(crate) fn key(name: u8) -> Hash {
    let mut bytes = *digest(&[&[name]]).as_bytes();
    match name % 4 {
        2 => bytes[..4].copy_from_slice(&[0xa5, 0xa5, 0xa5, 0xa5 ^ (name >> 6)]),
        3 => bytes[..12].copy_from_slice(&[0x5a; 12]),
        _ => {}
    }
    Hash::from_bytes(bytes)
}

pub(crate) fn mark(size: u64) -> Mark {
    Mark { size, root: digest(&[&size.to_be_bytes()]) }
}

/// What should be in a store.
#[derive(Debug, Clone, Default)]
pub(crate) struct Expected {
    pub(crate) entries: Vec<EntryKeys>,
    /// The settled size.
    pub(crate) size: u64,
}

impl Expected {
    pub(crate) fn settled(&self) -> Self {
        let entries = self.entries.iter().filter(|entry| entry.index < self.size).cloned().collect();
        Self { entries, size: self.size }
    }

    pub(crate) fn root(&self) -> Hash {
        let mut index = VerifiableIndex::default();
        for entry in &self.entries {
            index.add(entry.index, distinct(&entry.map));
        }
        index.root()
    }

    pub(crate) fn list(&self, family: Family, key: Hash) -> Vec<u64> {
        let of = |entry: &EntryKeys| match family {
            Family::Map => entry.map.contains(&key),
            Family::Aux => entry.aux.contains(&key),
        };
        self.entries.iter().filter(|entry| of(entry)).map(|entry| entry.index).collect()
    }
}

/// A store and what should be in it.
#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) store: Option<IndexStore>,
    pub(crate) expected: Expected,
    pub(crate) next: u64,
    config: Config,
    path: PathBuf,
}

impl Model {
    pub(crate) fn new(path: &Path, config: Config) -> Self {
        let mut model =
            Self { store: None, expected: Expected::default(), next: 0, config, path: path.to_owned() };
        model.open(Files::default()).expect("an empty store opens");
        model
    }

    pub(crate) fn store(&mut self) -> &mut IndexStore {
        self.store.as_mut().expect("an open store")
    }

    /// Opens the store as a crash left it, and forgets what is lost.
    pub(crate) fn open(&mut self, files: Files) -> Result<(), IndexError> {
        drop(self.store.take());
        let store = IndexStore::open_with(&self.path, "log.example", self.config.clone(), files)?;
        let Mark { size, .. } = store.mark();
        assert!(size <= self.expected.size, "what was not settled is not on disk");
        self.expected.size = size;
        self.expected.entries.retain(|entry| entry.index < size);
        self.next = size;
        self.store = Some(store);
        Ok(())
    }

    /// The keys of one round's entries, and how many indices to leave out before each.
    pub(crate) fn apply(&mut self, entries: &[(u64, Vec<u8>, Vec<u8>)]) -> Result<(), IndexError> {
        let mut round = Vec::new();
        for (skip, map, aux) in entries {
            let index = self.next + skip;
            let keys = |names: &[u8]| names.iter().map(|name| key(*name)).collect();
            round.push(EntryKeys { index, map: keys(map), aux: keys(aux) });
            self.next = index + 1;
        }
        self.expected.entries.extend(round.iter().cloned());
        let root = self.store().apply(&round)?;
        assert_eq!(root, self.expected.root());
        Ok(())
    }

    pub(crate) fn settle(&mut self) -> Result<(), IndexError> {
        self.next += 1;
        self.expected.size = self.next;
        let mark = mark(self.next);
        self.store().settle(mark)
    }

    pub(crate) fn rollback(&mut self) {
        self.store().rollback();
        let size = self.expected.size;
        self.expected.entries.retain(|entry| entry.index < size);
        self.next = size;
    }

    /// Everything that can be asked.
    pub(crate) fn check(&mut self) {
        let expected = self.expected.clone();
        let store = self.store();
        assert_eq!(store.map_root(), expected.root());
        for name in 0..NAMES + 8 {
            for family in [Family::Map, Family::Aux] {
                let mut list = expected.list(family, key(name));
                assert_eq!(store.list(family, &key(name), 0, u64::MAX, 1_000).expect("a list"), list);
                list.reverse();
                assert_eq!(store.list_newest(family, &key(name), 1_000).expect("a list"), list);
                list.truncate(2);
                assert_eq!(store.list_newest(family, &key(name), 2).expect("a list"), list);
            }
        }
        check_reader(store, &expected.settled());
    }
}

/// Everything that a reader can ask.
pub(crate) fn check_reader(store: &IndexStore, settled: &Expected) {
    let reader = store.reader();
    let keys: Vec<Hash> = (0..NAMES + 8).map(key).collect();
    let proven = reader.prove(&keys).expect("proofs");
    let expected = if settled.size == 0 { Mark::EMPTY } else { mark(settled.size) };
    assert_eq!((proven.mark, reader.mark()), (expected, expected));
    assert_eq!(proven.map_root, settled.root());
    for (key, proof) in keys.iter().zip(&proven.proofs) {
        let list = settled.list(Family::Map, *key);
        let value = (!list.is_empty()).then(|| *list_root(&list).as_bytes());
        assert_eq!(proof.verify(key.as_bytes(), proven.map_root), Ok(value));
        assert_eq!(reader.list(Family::Map, key, 0, u64::MAX, 1_000).expect("a list"), list);
        let (from, before) = (settled.size / 4, settled.size / 2);
        let within = list.iter().copied().filter(|index| (from..before).contains(index));
        let some: Vec<u64> = within.clone().take(3).collect();
        assert_eq!(reader.list(Family::Map, key, from, before, 3).expect("a list"), some);
        let newest: Vec<u64> = list.iter().rev().copied().filter(|index| *index < before).take(3).collect();
        assert_eq!(reader.list_newest(Family::Map, key, before, 3).expect("a list"), newest);
    }
}

fn distinct(keys: &[Hash]) -> std::collections::BTreeSet<Hash> {
    keys.iter().copied().collect()
}

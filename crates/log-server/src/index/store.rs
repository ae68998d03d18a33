//! The writer's side of the index: rounds on top, settled or taken back.
//!
//! ```text
//! apply … apply ─► settle ─► apply …        look-ups are proven under what is settled
//!               └► rollback                  what is not is forgotten
//! ```
//!
//! Invariants: one writer; look-ups see neither hashes nor entries of rounds that are
//! not settled; only what is settled is written to disk. After a crash the store is
//! what it was at some earlier settled size, exactly, and the entries after it are
//! applied again.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use log_core::hash::Hash;

use super::config::Config;
use super::disk::{Disk, Snapshot};
use super::edges::Edges;
use super::files::Files;
use super::jobs::Jobs;
use super::levels::{Levels, Newest, Overlay};
use super::open::{self, Opened};
use super::postings::Postings;
use super::reader::IndexReader;
use super::record::Record;
use super::round::State;
use super::{EntryKeys, Family, IndexError, Mark};

/// The index, for its one writer.
#[derive(Debug)]
pub struct IndexStore {
    shared: Arc<Shared>,
    unsettled: Unsettled,
    /// Whether a round failed halfway.
    failed: bool,
    jobs: Jobs,
    /// Closed last.
    _lock: File,
}

/// What the writer and the readers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: Config,
    /// Locked before postings, when both are.
    pub(super) settled: RwLock<Settled>,
    /// By family.
    pub(super) postings: [Postings; 2],
    pub(super) disk: Disk,
}

/// What look-ups are proven under.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) mark: Mark,
    pub(super) map_root: Hash,
    pub(super) keys: u64,
    pub(super) levels: Levels,
    pub(super) edges: Edges,
}

/// Rounds on top of it.
#[derive(Debug, Default)]
struct Unsettled {
    overlay: Overlay,
    edges: Edges,
    new_keys: u64,
    /// By family: the records, which are among the active postings.
    records: [Vec<Record>; 2],
    /// The first index that may come next.
    next: u64,
}

impl IndexStore {
    /// Opens the index of the log called `identity`, as of the last flush; an empty one
    /// when there is none or when it is another log's.
    pub fn open(directory: &Path, identity: &str) -> Result<Self, IndexError> {
        Self::open_with(directory, identity, Config::default(), Files::default())
    }

    /// Deletes the index in a directory, which nobody has open: after
    /// [`IndexError::Damaged`].
    pub fn clear(directory: &Path) -> Result<(), IndexError> {
        Ok(open::clear(directory)?)
    }

    pub(super) fn open_with(
        directory: &Path,
        identity: &str,
        config: Config,
        files: Files,
    ) -> Result<Self, IndexError> {
        let Opened { lock, disk, mark, map_root, keys, levels, edges, postings } =
            open::open(directory, identity, files)?;
        let settled = RwLock::new(Settled { mark, map_root, keys, levels, edges });
        let shared = Arc::new(Shared { config, settled, postings, disk });
        let unsettled = Unsettled { next: mark.size, ..Unsettled::default() };
        let jobs = Jobs::new(Arc::clone(&shared));
        Ok(Self { shared, unsettled, failed: false, jobs, _lock: lock })
    }

    /// What look-ups ask.
    pub fn reader(&self) -> IndexReader {
        IndexReader::new(Arc::clone(&self.shared))
    }

    /// What the settled state is of.
    pub fn mark(&self) -> Mark {
        self.shared.settled().mark
    }

    /// The root of the map with all rounds, settled or not.
    pub fn map_root(&self) -> Hash {
        let settled = self.shared.settled();
        Newest { levels: &settled.levels, overlay: &self.unsettled.overlay }.root()
    }

    /// Adds a round of entries on top, ascending; the root of the map after it. After
    /// an error there must be a [`Self::rollback`] before anything else.
    pub fn apply(&mut self, entries: &[EntryKeys]) -> Result<Hash, IndexError> {
        self.check()?;
        let since = self.unsettled.next;
        let mut next = since;
        for entry in entries {
            if entry.index < next {
                return Err(IndexError::Order);
            }
            next = entry.index + 1;
        }
        self.unsettled.next = next;
        self.failed = true;
        let map = sorted(entries, |entry| &entry.map);
        let aux = sorted(entries, |entry| &entry.aux);
        for (family, records) in [(Family::Map, &map), (Family::Aux, &aux)] {
            self.shared.postings(family).insert(records);
            self.unsettled.records[family as usize].extend(records);
        }
        let changes = {
            let settled = self.shared.settled();
            let state = State {
                config: &self.shared.config,
                newest: Newest { levels: &settled.levels, overlay: &self.unsettled.overlay },
                settled_edges: &settled.edges,
                edges: &self.unsettled.edges,
                postings: self.shared.postings(Family::Map),
            };
            state.changes(&map, since)?
        };
        self.unsettled.overlay.take_in(changes.overlay);
        self.unsettled.edges.take_in(changes.edges, usize::MAX);
        self.unsettled.new_keys += changes.new_keys;
        self.failed = false;
        Ok(self.map_root())
    }

    /// Makes the newest state the one that look-ups are proven under: the index over the
    /// tree `mark`. Now and then this starts to write what is in memory; an error then
    /// means that it could not be written for long, and the state is settled.
    pub fn settle(&mut self, mark: Mark) -> Result<(), IndexError> {
        self.check()?;
        if mark.size < self.unsettled.next {
            return Err(IndexError::Order);
        }
        let unsettled = std::mem::take(&mut self.unsettled);
        self.unsettled.next = mark.size;
        {
            let mut settled = self.shared.settled_mut();
            settled.levels.take_in(unsettled.overlay);
            settled.edges.take_in(unsettled.edges, self.shared.config.edges);
            settled.keys += unsettled.new_keys;
            settled.mark = mark;
            settled.map_root = settled.levels.root();
        }
        self.split()?;
        self.jobs.after_settle()
    }

    /// Forgets all rounds that are not settled.
    pub fn rollback(&mut self) {
        for family in Family::ALL {
            self.shared.postings(family).remove(&self.unsettled.records[family as usize]);
        }
        self.unsettled = Unsettled { next: self.mark().size, ..Unsettled::default() };
        self.failed = false;
    }

    /// Writes the settled state to disk; for an orderly stop. Nothing may be unsettled.
    pub fn flush_now(&mut self) -> Result<(), IndexError> {
        self.check()?;
        if self.unsettled.next != self.mark().size {
            return Err(IndexError::Unsettled);
        }
        self.jobs.flush_now()
    }

    /// The entries that concern a key, from one index to before another, ascending;
    /// those of rounds that are not settled, too.
    pub fn list(
        &self,
        family: Family,
        key: &Hash,
        from: u64,
        before: u64,
        limit: usize,
    ) -> Result<Vec<u64>, IndexError> {
        self.shared.postings(family).list(key.as_bytes(), from, before, limit)
    }

    /// The newest entries that concern a key, descending; those of rounds that are not
    /// settled, too.
    pub fn list_newest(&self, family: Family, key: &Hash, limit: usize) -> Result<Vec<u64>, IndexError> {
        self.shared.postings(family).list_newest(key.as_bytes(), u64::MAX, limit)
    }

    fn check(&self) -> Result<(), IndexError> {
        if self.failed { Err(IndexError::Unsettled) } else { Ok(()) }
    }

    /// Splits so many buckets that those that there are have the right number of keys.
    fn split(&self) -> Result<(), IndexError> {
        let none = (Overlay::default(), Edges::default());
        loop {
            let (halves, deep) = {
                let settled = self.shared.settled();
                let wanted = settled.keys / self.shared.config.bucket_keys;
                let state = State {
                    config: &self.shared.config,
                    newest: Newest { levels: &settled.levels, overlay: &none.0 },
                    settled_edges: &settled.edges,
                    edges: &none.1,
                    postings: self.shared.postings(Family::Map),
                };
                state.halves(&settled.levels.next_splits(wanted))?
            };
            if halves.is_empty() {
                return Ok(());
            }
            self.shared.settled_mut().levels.split_next(&halves, deep);
        }
    }
}

impl Shared {
    pub(super) fn postings(&self, family: Family) -> &Postings {
        &self.postings[family as usize]
    }

    pub(super) fn settled(&self) -> RwLockReadGuard<'_, Settled> {
        self.settled.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn settled_mut(&self) -> RwLockWriteGuard<'_, Settled> {
        self.settled.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many records are in memory only, and how many in runs.
    pub(super) fn records(&self) -> (u64, u64) {
        let [map, aux] = Family::ALL.map(|family| self.postings(family).records());
        (map.0 + aux.0, map.1 + aux.1)
    }

    pub(super) fn flush(&self, snapshot: &Snapshot) -> Result<(), IndexError> {
        self.disk.flush(&self.postings, snapshot)
    }

    /// Merges runs until there are few.
    pub(super) fn merge(&self) -> Result<(), IndexError> {
        for family in Family::ALL {
            while self.disk.merge(family, self.postings(family))? {}
        }
        Ok(())
    }

    /// Freezes what is in memory, and notes the settled state; everything is settled.
    pub(super) fn freeze(&self) -> Result<Snapshot, IndexError> {
        self.postings.iter().for_each(Postings::freeze);
        Ok(self.disk.snapshot(&self.settled(), &self.postings(Family::Map).parts())?)
    }
}

/// The records of entries, ascending and each once.
fn sorted(entries: &[EntryKeys], keys: impl Fn(&EntryKeys) -> &[Hash]) -> Vec<Record> {
    let of = |entry| keys(entry).iter().map(|key| Record::new(key.as_bytes(), entry.index));
    let mut records: Vec<Record> = entries.iter().flat_map(of).collect();
    records.sort_unstable();
    records.dedup();
    records
}

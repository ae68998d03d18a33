//! The postings of one family: which entries concern a key.
//!
//! ```text
//! active     records in memory, the newest; the writer adds to them
//! frozen     records in memory that are being written to a run
//! runs       records in files, the oldest first
//! ```
//!
//! Invariants: a record is in one place only; each place has the records of one stretch
//! of the log, and the places follow one another as the stretches do. So the list of a
//! key is one after the other what the places have of it. Only `active` has records
//! that are not settled, and every reader says below which index it looks.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::IndexError;
use super::cursor::Cursor;
use super::edges::LongLists;
use super::record::{Key, Record, Slot};
use super::run::Run;

/// Records in memory.
pub(super) type Table = BTreeSet<Record>;

/// Records that are added or taken out before others may look: some 50 µs.
const WRITE_CHUNK: usize = 256;

/// Pages that are read at a time where a list may be long.
const LIST_PAGES: u64 = 64;

/// The postings of a family.
#[derive(Debug, Default)]
pub(super) struct Postings {
    live: RwLock<Live>,
}

#[derive(Debug, Default)]
struct Live {
    active: Table,
    parts: Arc<Parts>,
}

/// The places that do not change; oldest first.
#[derive(Debug, Default, Clone)]
pub(super) struct Parts {
    pub(super) runs: Vec<Arc<Run>>,
    pub(super) frozen: Vec<Arc<Table>>,
}

impl Postings {
    pub(super) fn new(runs: Vec<Arc<Run>>) -> Self {
        let parts = Arc::new(Parts { runs, frozen: Vec::new() });
        Self { live: RwLock::new(Live { active: Table::new(), parts }) }
    }

    /// The places that do not change, as they are now.
    pub(super) fn parts(&self) -> Arc<Parts> {
        Arc::clone(&self.read().parts)
    }

    pub(super) fn insert(&self, records: &[Record]) {
        for chunk in records.chunks(WRITE_CHUNK) {
            self.write().active.extend(chunk);
        }
    }

    /// Takes out records that are still active.
    pub(super) fn remove(&self, records: &[Record]) {
        for chunk in records.chunks(WRITE_CHUNK) {
            let mut live = self.write();
            for record in chunk {
                live.active.remove(record);
            }
        }
    }

    /// How many records are in memory only, and how many in runs.
    pub(super) fn records(&self) -> (u64, u64) {
        let live = self.read();
        let tables = live.parts.frozen.iter().map(|table| &**table).chain([&live.active]);
        let in_memory = tables.map(|table| table.len() as u64).sum();
        (in_memory, live.parts.runs.iter().map(|run| run.name.records).sum())
    }

    /// Freezes what is active, all of which is settled.
    pub(super) fn freeze(&self) {
        let mut live = self.write();
        let table = std::mem::take(&mut live.active);
        if !table.is_empty() {
            Arc::make_mut(&mut live.parts).frozen.push(Arc::new(table));
        }
    }

    /// Changes which places there are; their records stay the same.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut Parts) -> T) -> T {
        change(Arc::make_mut(&mut self.write().parts))
    }

    /// The records of a slot that are in memory, below an index, and not in one of the
    /// long lists; and the places that do not change, which go with them.
    pub(super) fn fresh(&self, slot: &Slot, before: u64, known: &LongLists) -> (Vec<Record>, Arc<Parts>) {
        let live = self.read();
        let mut fresh = Vec::new();
        for table in live.parts.frozen.iter().map(|table| &**table).chain([&live.active]) {
            collect(table, slot, before, known, &mut fresh);
        }
        fresh.sort_unstable();
        (fresh, Arc::clone(&live.parts))
    }

    /// The entries that concern a key, from one index to before another, ascending.
    pub(super) fn list(
        &self,
        key: &Key,
        from: u64,
        before: u64,
        limit: usize,
    ) -> Result<Vec<u64>, IndexError> {
        let Some(last) = before.checked_sub(1).filter(|last| from <= *last) else { return Ok(Vec::new()) };
        let range = Record::new(key, from)..=Record::new(key, last);
        let in_tables = |table: &Table, limit: usize| -> Vec<u64> {
            table.range(range.clone()).take(limit).map(Record::index).collect()
        };
        let (parts, active) = {
            let live = self.read();
            (Arc::clone(&live.parts), in_tables(&live.active, limit))
        };
        let mut indices = Vec::new();
        for run in &parts.runs {
            if indices.len() == limit {
                return Ok(indices);
            }
            let mut cursor = Cursor::new(Arc::clone(run), LIST_PAGES);
            cursor.open(range.start(), range.end())?;
            while indices.len() < limit
                && let Some(record) = cursor.head().filter(|record| range.contains(record))
            {
                indices.push(record.index());
                cursor.advance()?;
            }
        }
        for table in &parts.frozen {
            indices.extend(in_tables(table, limit - indices.len()));
        }
        indices.extend(active.into_iter().take(limit - indices.len()));
        Ok(indices)
    }

    /// The newest entries that concern a key, before an index, descending.
    pub(super) fn list_newest(&self, key: &Key, before: u64, limit: usize) -> Result<Vec<u64>, IndexError> {
        let range = Record::new(key, 0)..Record::new(key, before);
        let in_tables = |table: &Table, limit: usize| -> Vec<u64> {
            table.range(range.clone()).rev().take(limit).map(Record::index).collect()
        };
        let (parts, mut indices) = {
            let live = self.read();
            (Arc::clone(&live.parts), in_tables(&live.active, limit))
        };
        for table in parts.frozen.iter().rev() {
            indices.extend(in_tables(table, limit - indices.len()));
        }
        for run in parts.runs.iter().rev() {
            if indices.len() == limit {
                break;
            }
            let mut cursor = Cursor::new(Arc::clone(run), LIST_PAGES);
            cursor.open_before(&range.end, (limit - indices.len()) as u64)?;
            let mut ascending = Vec::new();
            while let Some(record) = cursor.head() {
                ascending.extend(range.contains(record).then_some(record.index()));
                cursor.advance()?;
            }
            indices.extend(ascending.into_iter().rev());
        }
        Ok(indices)
    }

    fn read(&self) -> RwLockReadGuard<'_, Live> {
        self.live.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Live> {
        self.live.write().unwrap_or_else(PoisonError::into_inner)
    }
}

fn collect(table: &Table, slot: &Slot, before: u64, known: &LongLists, fresh: &mut Vec<Record>) {
    let last = slot.last();
    let mut range = table.range(slot.first()..=last);
    while let Some(record) = range.next() {
        match known.get(record.key()) {
            Some(edge) if record.index() <= edge.last => {
                range = table.range(Record::new(record.key(), edge.last + 1)..=last);
            }
            _ => fresh.extend((record.index() < before).then_some(*record)),
        }
    }
}

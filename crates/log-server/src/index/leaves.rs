//! The leaves of a slot: its keys with their values, from the postings.
//!
//! A value is the RFC 6962 root over the entries of the key. It is never stored: the
//! value of a key with one entry, as most have, is one hash.

use std::sync::Arc;

use log_core::index::{List, list_root};
use log_core::map_proof::MapLeaf;

use super::IndexError;
use super::cursor::Cursor;
use super::edges::{Edge, Edges, LongLists};
use super::postings::Parts;
use super::record::{Key, Record, Slot};

/// Pages that are read at a time: a slot has few keys.
const SLOT_PAGES: u64 = 8;

/// Reads the leaves of slots; quick when the slots ascend.
#[derive(Debug)]
pub(super) struct Scan {
    parts: Arc<Parts>,
    cursors: Vec<Cursor>,
    /// From how many entries on the edge of a list is worth keeping.
    long_list: u64,
}

/// What a slot has.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Those of the slot, ascending by key.
    pub(super) leaves: Vec<MapLeaf>,
    /// How many keys have no entry before the one asked about.
    pub(super) new_keys: u64,
    /// Edges of long lists that were not known.
    pub(super) edges: Edges,
}

impl Scan {
    pub(super) fn new(long_list: u64) -> Self {
        Self { parts: Arc::default(), cursors: Vec::new(), long_list }
    }

    /// The leaves of a slot, from its records in memory and from the places that go with
    /// them (see `Postings::fresh`). Keys without an entry before `since` are new; what
    /// is found is added to what is known of new keys and edges already.
    pub(super) fn leaves(
        &mut self,
        slot: &Slot,
        (fresh, parts): (Vec<Record>, Arc<Parts>),
        known: &LongLists,
        since: u64,
        found: &mut Found,
    ) -> Result<(), IndexError> {
        if !Arc::ptr_eq(&self.parts, &parts) {
            self.cursors = parts.runs.iter().map(|run| Cursor::new(Arc::clone(run), SLOT_PAGES)).collect();
            self.parts = parts;
        }
        let (first, last) = (slot.first(), slot.last());
        for cursor in &mut self.cursors {
            cursor.open(&first, &last)?;
        }
        let mut fresh = fresh.as_slice();
        // Of a key with a long list there may be no record left to be read.
        let mut known = known.iter().peekable();
        found.leaves.clear();
        loop {
            let heads = self.cursors.iter().filter_map(Cursor::head).chain(fresh.first());
            let heads = heads.filter(|head| **head <= last).map(Record::key);
            let Some(key) = heads.chain(known.peek().map(|(key, _)| key)).min().copied() else {
                return Ok(());
            };
            let mut tally = Tally::new(known.next_if(|(next, _)| *next == key).map(|(_, edge)| edge));
            for cursor in &mut self.cursors {
                tally.take_from(cursor, &key)?;
            }
            while let Some((record, rest)) = fresh.split_first().filter(|(record, _)| *record.key() == key) {
                tally.push(record.index());
                fresh = rest;
            }
            found.new_keys += u64::from(tally.first >= since);
            found.leaves.push(MapLeaf { key, value: tally.value() });
            if tally.pushed > 0 && tally.list.count() >= self.long_list {
                found.edges.insert(key, Edge { list: tally.list, last: tally.last });
            }
        }
    }
}

/// The list of a key while it is read.
#[derive(Debug)]
struct Tally {
    list: List,
    first: u64,
    last: u64,
    /// The first index that is not in the list yet.
    next: u64,
    /// How many were added to it.
    pushed: u64,
}

impl Tally {
    fn new(known: Option<&Edge>) -> Self {
        match known {
            None => Self { list: List::default(), first: u64::MAX, last: 0, next: 0, pushed: 0 },
            Some(Edge { list, last }) => {
                Self { list: list.clone(), first: 0, last: *last, next: last + 1, pushed: 0 }
            }
        }
    }

    fn take_from(&mut self, cursor: &mut Cursor, key: &Key) -> Result<(), IndexError> {
        if self.next > 0 && cursor.head().is_some_and(|head| head.key() == key && head.index() < self.next) {
            cursor.seek(&Record::new(key, self.next))?;
        }
        while let Some(head) = cursor.head().filter(|head| head.key() == key) {
            self.push(head.index());
            cursor.advance()?;
        }
        Ok(())
    }

    fn push(&mut self, index: u64) {
        // The first index of all is put into the list when there is a second one, since
        // most lists have only one.
        match self.pushed {
            0 if self.list.count() == 0 => self.first = index,
            1 if self.list.count() == 0 => {
                self.list.push(self.first);
                self.list.push(index);
            }
            _ => self.list.push(index),
        }
        self.last = index;
        self.pushed += 1;
    }

    fn value(&self) -> [u8; 32] {
        let root = if self.list.count() == 0 { list_root(&[self.first]) } else { self.list.root() };
        *root.as_bytes()
    }
}

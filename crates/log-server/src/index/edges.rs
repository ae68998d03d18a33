//! The right edges of long lists, so that nobody reads a long list again.
//!
//! The value of a key in the map is the RFC 6962 root over the list of its entries. A
//! short list is read and hashed whenever its value is needed. Of a long one the right
//! edge is kept: the value, and the value after one more entry, follow from it at once.
//!
//! Bound: when there are more than twice `capacity`, those of the shortest lists are
//! forgotten. A log of n entries has at most n / capacity lists that are longer than
//! those that are forgotten, so what has to be read again is at most n / capacity
//! records: 300 in a log of 10 million entries. An edge takes some 300 bytes.

use std::collections::BTreeMap;

use log_core::hash::Hash;
use log_core::index::List;

use super::record::{Key, Slot};

/// The right edge of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Edge {
    pub(super) list: List,
    /// The last index in the list.
    pub(super) last: u64,
}

/// Right edges by key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Edges(BTreeMap<Key, Edge>);

/// The long lists of one slot, mostly none; ascending by key.
#[derive(Debug, Clone, Default)]
pub(super) struct LongLists(Vec<(Key, Edge)>);

impl Edges {
    pub(super) fn insert(&mut self, key: Key, edge: Edge) {
        self.0.insert(key, edge);
    }

    /// Takes in others, which replace those of the same key, and forgets some when
    /// there are too many.
    pub(super) fn take_in(&mut self, others: Self, capacity: usize) {
        self.0.extend(others.0);
        if self.0.len() / 2 > capacity {
            let mut counts: Vec<u64> = self.0.values().map(|edge| edge.list.count()).collect();
            let at = counts.len() - capacity;
            let (_, shortest, _) = counts.select_nth_unstable(at);
            let shortest = *shortest;
            // Of the lists of that one length only so many as there is room for.
            let mut room = 2 * capacity;
            self.0.retain(|_, edge| {
                let stays = edge.list.count() >= shortest && room > 0;
                room -= usize::from(stays);
                stays
            });
        }
    }

    /// The long lists of a slot.
    pub(super) fn of(&self, slot: &Slot) -> LongLists {
        let range = *slot.first().key()..=*slot.last().key();
        LongLists(self.0.range(range).map(|(key, edge)| (*key, edge.clone())).collect())
    }

    /// For each: key, count, last index, and as many roots as the count has bits set.
    pub(super) fn encode(&self, bytes: &mut Vec<u8>) {
        for (key, edge) in &self.0 {
            bytes.extend_from_slice(key);
            bytes.extend_from_slice(&edge.list.count().to_be_bytes());
            bytes.extend_from_slice(&edge.last.to_be_bytes());
            for root in edge.list.edge() {
                bytes.extend_from_slice(root.as_bytes());
            }
        }
    }

    pub(super) fn decode(mut bytes: &[u8]) -> Option<Self> {
        let mut edges = BTreeMap::new();
        while !bytes.is_empty() {
            let (key, rest) = bytes.split_first_chunk::<32>()?;
            let (count, rest) = rest.split_first_chunk()?;
            let (last, rest) = rest.split_first_chunk()?;
            let count = u64::from_be_bytes(*count);
            let (roots, rest) = rest.split_at_checked(32 * count.count_ones() as usize)?;
            let roots = roots.as_chunks().0.iter().map(|root| Hash::from_bytes(*root)).collect();
            let edge = Edge { list: List::from_edge(count, roots)?, last: u64::from_be_bytes(*last) };
            edges.insert(*key, edge);
            bytes = rest;
        }
        Some(Self(edges))
    }
}

impl LongLists {
    /// Those of `self`, and those of `older` that `self` has no newer ones of.
    pub(super) fn or(mut self, older: Self) -> Self {
        for (key, edge) in older.0 {
            if self.get(&key).is_none() {
                self.0.push((key, edge));
            }
        }
        self.0.sort_unstable_by_key(|(key, _)| *key);
        self
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &(Key, Edge)> {
        self.0.iter()
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Edge> {
        self.0.iter().find(|(of, _)| of == key).map(|(_, edge)| edge)
    }
}

//! What a round changes: from new records to new hashes, up to the root.
//!
//! Reads the state with all earlier rounds, settled or not, and changes nothing. Only
//! the buckets with new records are read and hashed, and each slot above them once; a
//! large round is divided among threads.

use std::thread;

use log_core::hash::Hash;
use log_core::map_proof::MapLeaf;
use log_core::prefix_map::slots;

use super::IndexError;
use super::config::Config;
use super::edges::Edges;
use super::leaves::{Found, Scan};
use super::levels::{Deep, NONE, Newest, Overlay, combine};
use super::postings::Postings;
use super::record::{Record, Slot};

/// The state that a round is added to; its records are in the postings already.
#[derive(Debug, Clone, Copy)]
pub(super) struct State<'a> {
    pub(super) config: &'a Config,
    pub(super) newest: Newest<'a>,
    pub(super) settled_edges: &'a Edges,
    pub(super) edges: &'a Edges,
    pub(super) postings: &'a Postings,
}

/// What a round changes.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) overlay: Overlay,
    pub(super) edges: Edges,
    pub(super) new_keys: u64,
}

impl State<'_> {
    /// The changes by new records, which ascend. Keys without an entry before `since`
    /// are new.
    pub(super) fn changes(&self, records: &[Record], since: u64) -> Result<Changes, IndexError> {
        let levels = self.newest.levels;
        let bucket = |record: &Record| levels.bucket(record.key());
        let parts = cut(records, self.config, |one, next| bucket(one) == bucket(next));
        let mut changes = Changes::default();
        changes.overlay.flat.resize_with(levels.depth() + 2, Vec::new);
        for part in in_parallel(parts, |records| self.buckets(records, since)) {
            let (overlay, found) = part?;
            for (level, part) in changes.overlay.flat.iter_mut().zip(overlay.flat) {
                level.extend(part);
            }
            changes.overlay.deep.extend(overlay.deep);
            changes.edges.take_in(found.edges, usize::MAX);
            changes.new_keys += found.new_keys;
        }
        for depth in (0..=levels.depth()).rev() {
            let below = std::mem::take(&mut changes.overlay.flat[depth + 1]);
            let parts = cut(&below, self.config, |one, next| one.0 >> 1 == next.0 >> 1);
            let mut above = in_parallel(parts, |part| self.newest.above(depth, part)).concat();
            // Buckets that are not split come after those that are.
            above.append(&mut changes.overlay.flat[depth]);
            changes.overlay.flat[depth] = above;
            changes.overlay.flat[depth + 1] = below;
        }
        Ok(changes)
    }

    /// The halves of buckets, which ascend.
    pub(super) fn halves(&self, buckets: &[Slot]) -> Result<(Vec<[Hash; 2]>, Deep), IndexError> {
        let parts = cut(buckets, self.config, |_, _| false);
        let (mut all, mut deep) = (Vec::new(), Deep::new());
        let done = in_parallel(parts, |buckets| {
            let mut work = Work::new(self, u64::MAX);
            let halves: Result<Vec<_>, _> = buckets.iter().map(|bucket| work.halves(bucket)).collect();
            halves.map(|halves| (halves, work.overlay.deep))
        });
        for part in done {
            let (halves, below) = part?;
            all.extend(halves);
            deep.extend(below);
        }
        Ok((all, deep))
    }

    /// The changes to the buckets of records.
    fn buckets(&self, records: &[Record], since: u64) -> Result<(Overlay, Found), IndexError> {
        let levels = self.newest.levels;
        let mut work = Work::new(self, since);
        work.overlay.flat.resize_with(levels.depth() + 2, Vec::new);
        for records in records.chunk_by(|one, next| levels.bucket(one.key()) == levels.bucket(next.key())) {
            let Some(first) = records.first() else { continue };
            let (depth, number) = levels.bucket(first.key());
            let hash = work.slot(&Slot::numbered(depth, number), records)?;
            work.overlay.flat[depth].push((number, hash));
        }
        Ok((work.overlay, work.found))
    }
}

/// One thread's part of a round.
#[derive(Debug)]
struct Work<'a> {
    state: &'a State<'a>,
    since: u64,
    scan: Scan,
    overlay: Overlay,
    found: Found,
}

impl<'a> Work<'a> {
    fn new(state: &'a State<'a>, since: u64) -> Self {
        let scan = Scan::new(state.config.long_list);
        Self { state, since, scan, overlay: Overlay::default(), found: Found::default() }
    }

    /// The hash of a slot that has these new records.
    fn slot(&mut self, slot: &Slot, records: &[Record]) -> Result<Hash, IndexError> {
        let Some(mut halves) = self.state.newest.deep(slot).copied() else {
            return self.with_leaves(slot, Self::hash);
        };
        let (left, right) = records.split_at(records.partition_point(|record| slot.side(record.key()) == 0));
        for (side, records) in [left, right].into_iter().enumerate() {
            if !records.is_empty() {
                halves[side] = self.slot(&slot.half(side), records)?;
            }
        }
        self.overlay.deep.insert(*slot, halves);
        Ok(combine(slot.depth.into(), halves[0], halves[1]))
    }

    /// The hashes of a slot's halves.
    fn halves(&mut self, slot: &Slot) -> Result<[Hash; 2], IndexError> {
        if let Some(halves) = self.state.newest.deep(slot) {
            return Ok(*halves);
        }
        self.with_leaves(slot, Self::hash_halves)
    }

    /// The hash of a slot with these leaves; when they are many, those of its halves
    /// are kept, so that the next time only one half has to be read.
    fn hash(&mut self, slot: &Slot, leaves: &[MapLeaf]) -> Hash {
        if leaves.len() <= self.state.config.deep_keys {
            return slots::hash(leaves).unwrap_or(NONE);
        }
        let halves = self.hash_halves(slot, leaves);
        self.overlay.deep.insert(*slot, halves);
        combine(slot.depth.into(), halves[0], halves[1])
    }

    fn hash_halves(&mut self, slot: &Slot, leaves: &[MapLeaf]) -> [Hash; 2] {
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| slot.side(&leaf.key) == 0));
        [self.hash(&slot.half(0), left), self.hash(&slot.half(1), right)]
    }

    fn with_leaves<T>(
        &mut self,
        slot: &Slot,
        hash: impl FnOnce(&mut Self, &Slot, &[MapLeaf]) -> T,
    ) -> Result<T, IndexError> {
        let known = self.state.edges.of(slot).or(self.state.settled_edges.of(slot));
        let fresh = self.state.postings.fresh(slot, u64::MAX, &known);
        self.scan.leaves(slot, fresh, &known, self.since, &mut self.found)?;
        // Lent out, so that not each bucket needs a new one.
        let leaves = std::mem::take(&mut self.found.leaves);
        let hash = hash(self, slot, &leaves);
        self.found.leaves = leaves;
        Ok(hash)
    }
}

/// Cuts items into parts for threads, but not between those that belong together.
fn cut<'a, T>(mut items: &'a [T], config: &Config, together: impl Fn(&T, &T) -> bool) -> Vec<&'a [T]> {
    let size = items.len().div_ceil(config.threads).max(config.thread_hashes);
    let mut parts = Vec::new();
    while !items.is_empty() {
        let mut end = size.min(items.len());
        while end < items.len() && together(&items[end - 1], &items[end]) {
            end += 1;
        }
        let (part, rest) = items.split_at(end);
        parts.push(part);
        items = rest;
    }
    parts
}

/// The results for all parts, in order.
fn in_parallel<T: Sync, R: Send>(parts: Vec<&[T]>, work: impl Fn(&[T]) -> R + Sync) -> Vec<R> {
    if parts.len() < 2 {
        return parts.into_iter().map(work).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || work(part))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

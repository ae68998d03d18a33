//! The hashes of the upper slots of the prefix tree, in memory.
//!
//! ```text
//! depth 0        [ root ]
//! depth 1        [ 0 ][ 1 ]
//!   …
//! depth D        [ .. ][ .. ] … [ .. ]       2^D slots
//! depth D + 1    [ .. ][ .. ] … ·            the halves of the first `split` slots above
//! ```
//!
//! The slots without halves are the buckets: what is below them is computed from the
//! postings. As keys are added buckets are split, the next in order first (linear
//! hashing), so that a bucket has some four keys at any size and growing never pauses.
//! A bucket that has very many keys all the same, since somebody chose them so, has its
//! halves among the `deep` ones, and they theirs.
//!
//! Invariant: every hash follows from those below it; a changed bucket's path to the
//! root is changed with it. Memory: 64 bytes a bucket, thus 16 bytes a key with buckets
//! of 4 keys.

use std::collections::HashMap;
use std::ops::Range;

use log_core::hash::{EMPTY_ROOT, Hash};
use log_core::prefix_map::slots;
use serde::{Deserialize, Serialize};

use super::record::{Key, Slot, number};

/// The hash of a slot without keys, which no SHA-256 gives.
pub(super) const NONE: Hash = Hash::from_bytes([0; 32]);

/// Slots of more bits have no number.
const MAX_DEPTH: usize = 31;

/// The hashes of slots.
#[derive(Debug)]
pub(super) struct Levels {
    /// By depth and number; the last one has `2 * split` slots.
    flat: Vec<Vec<Hash>>,
    split: usize,
    deep: Deep,
}

/// Which slots are buckets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    /// The bits of a bucket that is not split.
    depth: usize,
    /// How many of them are.
    split: usize,
}

/// The halves of slots below the buckets.
pub(super) type Deep = HashMap<Slot, [Hash; 2]>;

/// A slot's number among those of its depth, and its hash.
pub(super) type Numbered = (u32, Hash);

/// Changed slots over unchanged levels.
#[derive(Debug, Default)]
pub(super) struct Overlay {
    /// By depth; ascending by number.
    pub(super) flat: Vec<Vec<Numbered>>,
    pub(super) deep: Deep,
}

/// Levels as they will be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Newest<'a> {
    pub(super) levels: &'a Levels,
    pub(super) overlay: &'a Overlay,
}

impl Default for Levels {
    fn default() -> Self {
        Self { flat: vec![vec![NONE], Vec::with_capacity(2)], split: 0, deep: Deep::new() }
    }
}

impl Shape {
    /// How many buckets there are.
    pub(super) fn buckets(&self) -> usize {
        (1 << self.depth) + self.split
    }

    /// The depth and the numbers of all buckets; or of those that were none in an
    /// earlier shape, and perhaps more.
    pub(super) fn buckets_since(&self, earlier: Option<Self>) -> [(usize, Range<u32>); 2] {
        let Self { depth, split } = *self;
        let (halves, whole) = match earlier {
            Some(earlier) if earlier.depth == depth => (2 * earlier.split, 1 << depth),
            Some(earlier) if earlier.depth + 1 == depth => (0, split.max(2 * earlier.split)),
            _ => (0, split),
        };
        let range = |from: usize, to: usize| number_of(from)..number_of(to);
        [(depth + 1, range(halves, 2 * split)), (depth, range(whole, 1 << depth))]
    }
}

impl Levels {
    /// Levels of a shape, to be filled; `None` when there is no such shape.
    pub(super) fn unfilled(shape: Shape) -> Option<Self> {
        let Shape { depth, split } = shape;
        if depth > MAX_DEPTH || split >= 1 << depth {
            return None;
        }
        let mut flat: Vec<_> = (0..=depth).map(|depth| vec![NONE; 1 << depth]).collect();
        let mut below = Vec::with_capacity(2 << depth);
        below.resize(2 * split, NONE);
        flat.push(below);
        Some(Self { flat, split, deep: Deep::new() })
    }

    /// Sets the hash of a bucket; of one that has been split since nothing is known.
    pub(super) fn fill(&mut self, depth: usize, number: u32, hash: Hash) {
        let known = depth == self.depth() + 1 || depth == self.depth() && number as usize >= self.split;
        if let Some(bucket) = self.flat.get_mut(depth).and_then(|level| level.get_mut(number as usize))
            && known
        {
            *bucket = hash;
        }
    }

    /// Computes what is above the buckets.
    pub(super) fn hash_up(&mut self) {
        for depth in (0..=self.depth()).rev() {
            let (above, below) = self.flat.split_at_mut(depth + 1);
            let (Some(above), Some(below)) = (above.last_mut(), below.first()) else { return };
            for (above, [left, right]) in above.iter_mut().zip(below.as_chunks().0) {
                *above = combine(depth, *left, *right);
            }
        }
    }

    pub(super) fn shape(&self) -> Shape {
        Shape { depth: self.depth(), split: self.split }
    }

    /// The bits of a bucket that is not split.
    pub(super) fn depth(&self) -> usize {
        self.flat.len() - 2
    }

    /// The depth and the number of the bucket that a key is in.
    pub(super) fn bucket(&self, key: &Key) -> (usize, u32) {
        let depth = self.depth();
        let above = number(key, depth);
        if (above as usize) < self.split { (depth + 1, number(key, depth + 1)) } else { (depth, above) }
    }

    pub(super) fn get(&self, depth: usize, number: u32) -> Hash {
        self.flat[depth][number as usize]
    }

    /// The hashes of a slot's halves, if they are in memory.
    pub(super) fn halves_of(&self, slot: &Slot) -> Option<[Hash; 2]> {
        let depth = usize::from(slot.depth);
        let flat = self.flat.get(depth + 1).and_then(|below| {
            let first = 2 * number(&slot.prefix, depth) as usize;
            below.get(first..)?.first_chunk()
        });
        flat.or_else(|| self.deep.get(slot)).copied()
    }

    /// The root of the map.
    pub(super) fn root(&self) -> Hash {
        or_empty(self.flat[0][0])
    }

    pub(super) fn deep(&self, slot: &Slot) -> Option<&[Hash; 2]> {
        self.deep.get(slot)
    }

    pub(super) fn take_in(&mut self, overlay: Overlay) {
        for (level, changed) in self.flat.iter_mut().zip(overlay.flat) {
            for (number, hash) in changed {
                level[number as usize] = hash;
            }
        }
        self.deep.extend(overlay.deep);
    }

    /// The buckets that are split next, so that there are `wanted` in all.
    pub(super) fn next_splits(&self, wanted: u64) -> Vec<Slot> {
        let depth = self.depth();
        let missing = usize::try_from(wanted).unwrap_or(usize::MAX).saturating_sub(self.shape().buckets());
        let end = self.flat[depth].len().min(self.split.saturating_add(missing));
        let all = if depth < MAX_DEPTH { self.split..end } else { 0..0 };
        all.map(|bucket| Slot::numbered(depth, number_of(bucket))).collect()
    }

    /// Splits as many buckets as there are pairs of halves.
    pub(super) fn split_next(&mut self, halves: &[[Hash; 2]], deep: Deep) {
        let depth = self.depth();
        for bucket in self.split..self.split + halves.len() {
            self.deep.remove(&Slot::numbered(depth, number_of(bucket)));
        }
        self.deep.extend(deep);
        self.flat[depth + 1].extend_from_slice(halves.as_flattened());
        self.split += halves.len();
        if self.split == self.flat[depth].len() {
            self.split = 0;
            // Reserved, but taken only as it is filled.
            self.flat.push(Vec::with_capacity(2 << (depth + 1)));
        }
    }
}

impl Overlay {
    /// Puts newer changes over these.
    pub(super) fn take_in(&mut self, newer: Self) {
        if self.flat.len() < newer.flat.len() {
            self.flat.resize_with(newer.flat.len(), Vec::new);
        }
        for (old, new) in self.flat.iter_mut().zip(newer.flat) {
            *old = merged(std::mem::take(old), new);
        }
        self.deep.extend(newer.deep);
    }
}

impl Newest<'_> {
    pub(super) fn get(&self, depth: usize, number: u32) -> Hash {
        let changed = self.overlay.flat.get(depth).map_or(&[][..], Vec::as_slice);
        match changed.binary_search_by_key(&number, |(number, _)| *number) {
            Ok(at) => changed[at].1,
            Err(_) => self.levels.get(depth, number),
        }
    }

    /// The root of the map.
    pub(super) fn root(&self) -> Hash {
        or_empty(self.get(0, 0))
    }

    pub(super) fn deep(&self, slot: &Slot) -> Option<&[Hash; 2]> {
        self.overlay.deep.get(slot).or_else(|| self.levels.deep(slot))
    }

    /// The slots above changed ones of `depth + 1` bits.
    pub(super) fn above(&self, depth: usize, changed: &[Numbered]) -> Vec<Numbered> {
        // First all that has to be fetched from memory, which goes on at the same time, and
        // then the hashes.
        let mut halves = Vec::with_capacity(changed.len());
        let mut changed = changed.iter().peekable();
        while let Some((number, hash)) = changed.next() {
            let sibling = number ^ 1;
            let sibling = match changed.next_if(|(next, _)| *next == sibling) {
                Some((_, hash)) => *hash,
                None => self.get(depth + 1, sibling),
            };
            let pair = if number & 1 == 0 { [*hash, sibling] } else { [sibling, *hash] };
            halves.push((number >> 1, pair));
        }
        halves.into_iter().map(|(number, [left, right])| (number, combine(depth, left, right))).collect()
    }
}

/// The hash of a slot from those of its halves.
pub(super) fn combine(depth: usize, left: Hash, right: Hash) -> Hash {
    let some = |hash| (hash != NONE).then_some(hash);
    let depth = u16::try_from(depth).unwrap_or(u16::MAX);
    slots::combine(depth, some(left), some(right)).unwrap_or(NONE)
}

fn or_empty(root: Hash) -> Hash {
    if root == NONE { EMPTY_ROOT } else { root }
}

/// The number of a slot: there are fewer than 2^32.
fn number_of(slot: usize) -> u32 {
    u32::try_from(slot).unwrap_or(u32::MAX)
}

/// Two ascending lists in one; of two with one number the newer.
fn merged(old: Vec<Numbered>, new: Vec<Numbered>) -> Vec<Numbered> {
    if old.is_empty() {
        return new;
    }
    let mut merged = Vec::with_capacity(old.len() + new.len());
    let mut old = old.into_iter().peekable();
    for (number, hash) in new {
        while let Some(older) = old.next_if(|(older, _)| *older < number) {
            merged.push(older);
        }
        old.next_if(|(older, _)| *older == number);
        merged.push((number, hash));
    }
    merged.extend(old);
    merged
}

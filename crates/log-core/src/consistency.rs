//! Making consistency proofs, and roots of earlier sizes, from a log's tiles.
//!
//! RFC 6962 §2.1.2: a consistency proof is a list of hashes of ranges of leaves.
//! Each range splits into perfect subtrees, and each of those lies inside one
//! tile.
//!
//! Plan, fetch, fold: [`tiles`] lists what to read, [`prove`] and [`root_at`]
//! compute. What is left out: verification (`proof`).

use std::collections::BTreeSet;

use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::tile::{Level, TILE_HEIGHT, TILE_WIDTH, TileId};
use crate::tile_tree;

/// The leaves `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    start: u64,
    end: u64,
}

/// The tiles of a tree of `size` leaves from which [`prove`] and [`root_at`] for
/// the size `old` are computed.
pub fn tiles(old: u64, size: u64) -> BTreeSet<TileId> {
    let mut ranges = ranges(old, size);
    ranges.push(Range { start: 0, end: old });
    ranges
        .iter()
        .flat_map(|range| perfect(*range))
        .filter_map(|(log2, start)| locate(log2, start, size).0)
        .collect()
}

/// The consistency proof from the tree of `old` leaves to that of `size`;
/// `tile` gives the items of each of [`tiles`]. Empty when `old` is 0 or `size`.
pub fn prove(old: u64, size: u64, tile: impl Fn(TileId) -> Vec<Hash>) -> Vec<Hash> {
    ranges(old, size).into_iter().map(|range| hash_of(range, size, &tile)).collect()
}

/// The root that a tree of `size` leaves had at size `old`.
pub fn root_at(old: u64, size: u64, tile: impl Fn(TileId) -> Vec<Hash>) -> Hash {
    hash_of(Range { start: 0, end: old }, size, &tile)
}

/// `SUBPROOF(old, D[size], true)` of RFC 6962 §2.1.2, as ranges in proof order.
pub(crate) fn ranges(old: u64, size: u64) -> Vec<Range> {
    let mut ranges = Vec::new();
    if old == 0 || old >= size {
        return ranges;
    }
    let (mut start, mut end) = (0, size);
    let mut whole = true;
    while start + (old - start) < end {
        let middle = start + (end - start).next_power_of_two() / 2;
        if old <= middle {
            ranges.push(Range { start: middle, end });
            end = middle;
        } else {
            ranges.push(Range { start, end: middle });
            start = middle;
            whole = false;
        }
    }
    if !whole {
        ranges.push(Range { start, end });
    }
    ranges.reverse();
    ranges
}

/// The perfect subtrees that make up a range, as (log2 of size, first leaf),
/// left to right. `start` is a multiple of every one's size.
fn perfect(range: Range) -> Vec<(u32, u64)> {
    let mut parts = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let log2 = (range.end - at).ilog2();
        parts.push((log2, at));
        at += 1 << log2;
    }
    parts
}

/// The tile that holds a perfect subtree, and its items' positions in it.
fn locate(log2: u32, start: u64, size: u64) -> (Option<TileId>, std::ops::Range<usize>) {
    let level = u8::try_from(log2 / TILE_HEIGHT).unwrap_or(u8::MAX);
    let item = start >> (TILE_HEIGHT * u32::from(level));
    let first = usize::try_from(item % TILE_WIDTH).unwrap_or(usize::MAX);
    let count = 1usize << (log2 % TILE_HEIGHT);
    let tile = TileId::in_tree(Level::Hashes(level), item / TILE_WIDTH, size);
    (tile, first..first + count)
}

fn hash_of(range: Range, size: u64, tile: &impl Fn(TileId) -> Vec<Hash>) -> Hash {
    perfect(range)
        .into_iter()
        .rev()
        .map(|(log2, start)| match locate(log2, start, size) {
            (Some(id), items) => tile(id).get(items).map_or(EMPTY_ROOT, tile_tree::root),
            // No tree has a perfect subtree without its tile.
            (None, _) => EMPTY_ROOT,
        })
        .reduce(|right, left| node_hash(left, right))
        .unwrap_or(EMPTY_ROOT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::proof::verify_consistency;
    use crate::reference;
    use crate::toy::ToyLog;
    use crate::vectors::{text, vectors};

    #[test]
    fn all_pairs_of_sizes() {
        let mut log = ToyLog::default();
        let leaves = reference::leaves(300);
        for new in 1..=leaves.len() {
            log.push(leaves[new - 1]);
            // The reference is cubic; every third size keeps the test quick.
            if new % 3 != 0 && new.next_power_of_two() - new > 2 {
                continue;
            }
            for old in 1..=new {
                let expected = reference::consistency(old, &leaves[..new]);
                assert_eq!(log.consistency(old as u64), expected, "{old} to {new}");
                let root = root_at(old as u64, new as u64, |id| log.tile(id));
                assert_eq!(root, reference::root(&leaves[..old]), "{old} in {new}");
            }
        }
    }

    #[test]
    fn vectors_of_consistency() {
        let vectors = vectors();
        let mut log = ToyLog::default();
        let mut checked = 0;
        for entry in vectors["entries"].as_array().expect("a list") {
            log.push(leaf_hash(text(entry).as_bytes()));
            let new = log.edge.size();
            for old in 1..=new {
                let Some(expected) = vectors["consistency"].get(format!("{old}->{new}")) else { continue };
                let proof: Vec<String> = log.consistency(old).iter().map(|hash| hash.to_base64()).collect();
                let expected: Vec<&str> = expected.as_array().expect("a list").iter().map(text).collect();
                assert_eq!(proof, expected, "{old} to {new}");
                checked += 1;
            }
        }
        assert_eq!(checked, vectors["consistency"].as_object().expect("an object").len());
    }

    #[test]
    fn three_levels() {
        let mut log = ToyLog::default();
        let mut roots = vec![EMPTY_ROOT];
        for i in 0..66_000 {
            log.push(leaf_hash(format!("leaf {i}").as_bytes()));
            // Roots of all sizes would take minutes; those near tile edges do.
            roots.push(if i % 509 == 0 || i > 65_500 { log.edge.root() } else { EMPTY_ROOT });
        }
        let new = log.edge.size();
        for (old, root) in (0u64..).zip(&roots).filter(|(_, root)| **root != EMPTY_ROOT) {
            let proof = log.consistency(old);
            assert_eq!(verify_consistency(old, *root, new, log.edge.root(), &proof), Ok(()), "{old}");
        }
    }
}

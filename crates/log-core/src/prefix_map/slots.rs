//! The prefix tree by its slots, for whoever keeps it other than as nodes in memory.
//!
//! A slot is a prefix of `depth` bits; it holds the keys that begin with it, and its
//! halves are the two slots one bit longer. Its hash is that of the smallest subtree
//! with all its keys:
//!
//! ```text
//! no key    none
//! one key   the leaf's
//! else      that of the only half that has keys, or inner(depth, left, right)
//! ```
//!
//! Invariant: this is the tree of `prefix_map`, where an inner node stands exactly at
//! the slots both of whose halves have keys; so slots may be kept to any depth, and
//! what is below them computed from their keys.

use super::{bit, first_difference, inner, leaf};
use crate::hash::Hash;
use crate::map_proof::{MapLeaf, MapStep};

/// The hash of a slot of `depth` bits from those of its halves.
pub fn combine(depth: u16, left: Option<Hash>, right: Option<Hash>) -> Option<Hash> {
    match (left, right) {
        (Some(left), Some(right)) => Some(inner(depth, left, right)),
        (one, other) => one.or(other),
    }
}

/// The hash of a slot with these leaves, whose keys ascend.
pub fn hash(leaves: &[MapLeaf]) -> Option<Hash> {
    match halves(leaves) {
        None => leaves.first().map(|only| leaf(&only.key, &only.value)),
        Some((branch, left, right)) => combine(branch, hash(left), hash(right)),
    }
}

/// The part of a key's path that is inside a slot with these leaves, whose keys ascend:
/// adds its steps, and gives the leaf at its end.
pub fn path(leaves: &[MapLeaf], key: &[u8; 32], steps: &mut Vec<MapStep>) -> Option<MapLeaf> {
    let mut at = leaves;
    while let Some((branch, left, right)) = halves(at) {
        let (on_path, other) = if bit(key, branch) == 0 { (left, right) } else { (right, left) };
        steps.extend(hash(other).map(|sibling| MapStep { bit: branch, sibling }));
        at = on_path;
    }
    at.first().copied()
}

/// The bit in which the leaves first differ, and the two sides; `None` for fewer than
/// two leaves.
fn halves(leaves: &[MapLeaf]) -> Option<(u16, &[MapLeaf], &[MapLeaf])> {
    let branch = first_difference(&leaves.first()?.key, &leaves.last()?.key)?;
    let (left, right) = leaves.split_at(leaves.partition_point(|leaf| bit(&leaf.key, branch) == 0));
    Some((branch, left, right))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::hash::EMPTY_ROOT;
    use crate::map_proof::MapProof;
    use crate::prefix_map::PrefixMap;

    /// The hash of a slot that is split into its halves down to `depth` bits.
    fn split(leaves: &[MapLeaf], at: u16, depth: u16) -> Option<Hash> {
        if at == depth {
            return hash(leaves);
        }
        let (left, right) = leaves.split_at(leaves.partition_point(|leaf| bit(&leaf.key, at) == 0));
        combine(at, split(left, at + 1, depth), split(right, at + 1, depth))
    }

    proptest! {
        #[test]
        fn slots_give_the_tree_at_every_depth(
            keys in prop::collection::btree_map((0u8..16, 0u8..4), any::<u8>(), 0..40),
            asked in (0u8..16, 0u8..6),
        ) {
            // Few distinct bytes at both ends: many shared prefixes.
            let key = |(head, tail): (u8, u8)| {
                let mut key = [0; 32];
                key[0] = head << 4;
                key[31] = tail;
                key
            };
            let mut map = PrefixMap::default();
            let mut sorted = BTreeMap::new();
            for (short, value) in keys {
                map.insert(key(short), [value; 32]);
                sorted.insert(key(short), [value; 32]);
            }
            let leaves: Vec<MapLeaf> = sorted.iter().map(|(key, value)| MapLeaf { key: *key, value: *value }).collect();
            for depth in 0..10 {
                prop_assert_eq!(split(&leaves, 0, depth).unwrap_or(EMPTY_ROOT), map.root());
            }
            let mut steps = Vec::new();
            let leaf = path(&leaves, &key(asked), &mut steps);
            prop_assert_eq!(MapProof { steps, leaf }, map.prove(&key(asked)));
        }
    }
}

//! A Merkle prefix tree over 256-bit keys.
//!
//! ```text
//! empty   SHA-256("")
//! leaf    SHA-256(0x00 ‖ uvarint len k ‖ k ‖ uvarint len v ‖ v)
//! inner   SHA-256(0x01 ‖ uvarint bit ‖ left ‖ right)
//! ```
//!
//! `bit` is the first bit, counted from the most significant bit of the first
//! byte, in which the two sides differ; 0 goes left. There is no inner node
//! without two sides, so the tree has one shape per set of keys.
//!
//! The tree is persistent: inserting copies the path from the root and shares the
//! rest, so a copy of the map costs nothing and stays as it was. Hashes are computed
//! when they are first asked for, so that of a batch of insertions only the nodes
//! that are left at its end are hashed.

pub mod slots;

use std::sync::{Arc, OnceLock};

use crate::hash::{EMPTY_ROOT, Hash, digest};
use crate::map_proof::{MapLeaf, MapProof, MapStep};

/// A map from 32 bytes to 32 bytes with a root. Cloning it is cheap.
#[derive(Debug, Clone, Default)]
pub struct PrefixMap {
    root: Option<Arc<Node>>,
}

#[derive(Debug)]
enum Node {
    Leaf { leaf: MapLeaf, hash: OnceLock<Hash> },
    Inner { bit: u16, sides: [Arc<Node>; 2], hash: OnceLock<Hash> },
}

impl PrefixMap {
    /// Sets a key's value.
    pub(crate) fn insert(&mut self, key: [u8; 32], value: [u8; 32]) {
        let new = Arc::new(Node::Leaf { leaf: MapLeaf { key, value }, hash: OnceLock::new() });
        self.root = Some(match self.root.take() {
            None => new,
            Some(root) => {
                let differs = first_difference(&key, &root.nearest(&key).key);
                root.with(&key, new, differs)
            }
        });
    }

    /// The root over all keys.
    pub fn root(&self) -> Hash {
        self.root.as_ref().map_or(EMPTY_ROOT, |root| root.hash())
    }

    /// The proof of what the map has under `key`: its value, or that there is none.
    pub fn prove(&self, key: &[u8; 32]) -> MapProof {
        let mut steps = Vec::new();
        let mut at = self.root.as_ref();
        loop {
            match at.map(|node| &**node) {
                None => return MapProof { steps, leaf: None },
                Some(Node::Leaf { leaf, .. }) => return MapProof { steps, leaf: Some(*leaf) },
                Some(Node::Inner { bit: branch, sides, .. }) => {
                    let side = bit(key, *branch);
                    steps.push(MapStep { bit: *branch, sibling: sides[1 - side].hash() });
                    at = Some(&sides[side]);
                }
            }
        }
    }
}

impl Node {
    /// The leaf on the key's path.
    fn nearest(&self, key: &[u8; 32]) -> &MapLeaf {
        let mut at = self;
        loop {
            match at {
                Self::Leaf { leaf, .. } => return leaf,
                Self::Inner { bit: branch, sides, .. } => at = &sides[bit(key, *branch)],
            }
        }
    }

    /// This tree with the leaf `new` for `key`, whose path leaves that of the nearest
    /// leaf at bit `differs`, or is that leaf's. At most 256 deep, the number of bits.
    fn with(self: &Arc<Self>, key: &[u8; 32], new: Arc<Self>, differs: Option<u16>) -> Arc<Self> {
        match (&**self, differs) {
            (Self::Leaf { .. }, None) => new,
            (Self::Inner { bit: branch, sides, .. }, _)
                if differs.is_none_or(|differs| *branch < differs) =>
            {
                let mut sides = sides.clone();
                let side = bit(key, *branch);
                sides[side] = sides[side].with(key, new, differs);
                Arc::new(Self::Inner { bit: *branch, sides, hash: OnceLock::new() })
            }
            // The new inner node goes above the first node that branches later.
            (_, Some(differs)) => {
                let below = Arc::clone(self);
                let sides = if bit(key, differs) == 0 { [new, below] } else { [below, new] };
                Arc::new(Self::Inner { bit: differs, sides, hash: OnceLock::new() })
            }
            (Self::Inner { .. }, None) => Arc::clone(self),
        }
    }

    fn hash(&self) -> Hash {
        match self {
            Self::Leaf { leaf: own, hash } => *hash.get_or_init(|| leaf(&own.key, &own.value)),
            Self::Inner { bit, sides, hash } => {
                *hash.get_or_init(|| inner(*bit, sides[0].hash(), sides[1].hash()))
            }
        }
    }
}

/// The hash of a leaf.
pub(crate) fn leaf(key: &[u8; 32], value: &[u8; 32]) -> Hash {
    digest(&[&[0, 32], key, &[32], value])
}

/// The hash of an inner node; `bit` is below 256.
pub(crate) fn inner(bit: u16, left: Hash, right: Hash) -> Hash {
    // A uvarint: seven bits a byte, least significant first, the high bit on all but
    // the last.
    let [byte, _] = bit.to_le_bytes();
    let prefix: &[u8] = if byte < 0x80 { &[1, byte] } else { &[1, byte, 1] };
    digest(&[prefix, left.as_bytes(), right.as_bytes()])
}

/// A bit of a key, counted from the most significant of the first byte.
pub fn bit(key: &[u8; 32], bit: u16) -> usize {
    usize::from(key[usize::from(bit / 8)] >> (7 - bit % 8) & 1)
}

fn first_difference(a: &[u8; 32], b: &[u8; 32]) -> Option<u16> {
    let (byte, (a, b)) = (0u16..).zip(a.iter().zip(b)).find(|(_, (a, b))| a != b)?;
    Some(byte * 8 + u16::try_from((a ^ b).leading_zeros()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The definitions, for keys and values of any length.
    fn leaf_of_any_length(key: &[u8], value: &[u8]) -> Hash {
        digest(&[&[0], &uvarint(key.len()), key, &uvarint(value.len()), value])
    }

    fn uvarint(mut value: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        while value >= 0x80 {
            bytes.push(0x80 | value.to_le_bytes()[0]);
            value >>= 7;
        }
        bytes.push(value.to_le_bytes()[0]);
        bytes
    }

    #[test]
    fn nodes_are_hashed_as_defined() {
        let (left, right) = (digest(&[b"left"]), digest(&[b"right"]));
        assert_eq!(
            leaf(left.as_bytes(), right.as_bytes()),
            leaf_of_any_length(left.as_bytes(), right.as_bytes())
        );
        for bit in 0..256u16 {
            let defined = digest(&[&[1], &uvarint(bit.into()), left.as_bytes(), right.as_bytes()]);
            assert_eq!(inner(bit, left, right), defined);
        }
    }

    /// The tree, recomputed from scratch.
    fn naive(map: &BTreeMap<[u8; 32], [u8; 32]>) -> Hash {
        let items: Vec<_> = map.iter().collect();
        match items.as_slice() {
            [] => EMPTY_ROOT,
            [(key, value)] => leaf(key, value),
            [(first, _), .., (last, _)] => {
                let branch = first_difference(first, last).expect("sorted keys differ");
                let (left, right) = map.iter().partition(|(key, _)| bit(key, branch) == 0);
                inner(branch, naive(&left), naive(&right))
            }
        }
    }

    #[test]
    fn check_values() {
        let hash = leaf_of_any_length(&[0xab], &[0xcd]);
        assert_eq!(hash.to_hex(), "e2803f59293564e96b6c5c16157cec731a294631aefb5d08d18630ed6a27184c");
        let value = |hex: &str| *Hash::parse_hex(hex).expect("hex").as_bytes();
        let mut map = PrefixMap::default();
        assert_eq!(map.root(), EMPTY_ROOT);
        let mut second = [0; 32];
        second[0] = 0x80;
        map.insert(second, value("5f9895fa7d0d2ecb5d14d6dd0bda94f6b86cd8b197377445405576ac04279d3b"));
        map.insert([0; 32], value("920c9d26acc22861bcd8de8737683b0b4cfaf0dfb7e80b4774421517bf8489c8"));
        assert_eq!(map.root().to_hex(), "6b6f242a8dcfacd8bc1213d4453852a2127b398c65a7684a2e1af666f6356061");
    }

    proptest! {
        #[test]
        fn random_histories_equal_the_naive_map(
            // Few distinct bytes at both ends: many shared prefixes and updates.
            steps in prop::collection::vec((0u8..4, 0u8..4, any::<u8>(), any::<bool>()), 1..60)
        ) {
            let mut naive_map = BTreeMap::new();
            let mut map = PrefixMap::default();
            for (head, tail, value, look) in steps {
                let mut key = [0; 32];
                key[0] = head << 5;
                key[31] = tail;
                naive_map.insert(key, [value; 32]);
                map.insert(key, [value; 32]);
                if look {
                    prop_assert_eq!(map.root(), naive(&naive_map));
                    let before = map.clone();
                    let root = before.root();
                    map.insert([0xff; 32], [value; 32]);
                    naive_map.insert([0xff; 32], [value; 32]);
                    prop_assert_eq!(before.root(), root, "a copy stays as it was");
                }
            }
            prop_assert_eq!(map.root(), naive(&naive_map));
            // Every key around, present or absent, is proven to be what it is.
            for head in 0u8..8 {
                for tail in 0u8..6 {
                    let mut key = [0; 32];
                    key[0] = head << 5;
                    key[31] = tail;
                    let found = map.prove(&key).verify(&key, map.root());
                    prop_assert_eq!(found, Ok(naive_map.get(&key).copied()));
                }
            }
        }
    }
}

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
//! Nodes live in one vector and are never removed; a root is recomputed only
//! along the paths that changed.

use crate::hash::{EMPTY_ROOT, Hash, digest};

/// A map from 32 bytes to 32 bytes with a root.
#[derive(Debug, Clone, Default)]
pub(crate) struct PrefixMap {
    nodes: Vec<Node>,
    root: Option<usize>,
}

#[derive(Debug, Clone)]
enum Node {
    Leaf {
        key: [u8; 32],
        hash: Hash,
    },
    /// `hash` is `None` while something below has changed.
    Inner {
        bit: u16,
        sides: [usize; 2],
        hash: Option<Hash>,
    },
}

impl PrefixMap {
    /// Sets a key's value.
    pub(crate) fn insert(&mut self, key: [u8; 32], value: [u8; 32]) {
        let new = Node::Leaf { key, hash: leaf(&key, &value) };
        let Some(root) = self.root else {
            self.nodes.push(new);
            self.root = Some(self.nodes.len() - 1);
            return;
        };
        let (found, found_key) = self.descend(root, &key);
        let Some(differs) = first_difference(&key, &found_key) else {
            self.mark(root, &key, 256);
            self.nodes[found] = new;
            return;
        };
        // The new inner node goes above the first node that branches later.
        let (parent, below) = self.mark(root, &key, differs);
        self.nodes.push(new);
        let leaf = self.nodes.len() - 1;
        let sides = if bit(&key, differs) == 0 { [leaf, below] } else { [below, leaf] };
        self.nodes.push(Node::Inner { bit: differs, sides, hash: None });
        let inner = self.nodes.len() - 1;
        match parent.map(|parent| &mut self.nodes[parent]) {
            Some(Node::Inner { bit: branch, sides, .. }) => sides[bit(&key, *branch)] = inner,
            _ => self.root = Some(inner),
        }
    }

    /// The root over all keys.
    pub(crate) fn root(&mut self) -> Hash {
        self.root.map_or(EMPTY_ROOT, |root| self.hash(root))
    }

    /// The leaf on the key's path.
    fn descend(&self, root: usize, key: &[u8; 32]) -> (usize, [u8; 32]) {
        let mut at = root;
        loop {
            match &self.nodes[at] {
                Node::Leaf { key, .. } => return (at, *key),
                Node::Inner { bit: branch, sides, .. } => at = sides[bit(key, *branch)],
            }
        }
    }

    /// Marks the nodes on the key's path that branch before `until` as changed;
    /// returns the last of them and the node below it.
    fn mark(&mut self, root: usize, key: &[u8; 32], until: u16) -> (Option<usize>, usize) {
        let (mut parent, mut at) = (None, root);
        while let Node::Inner { bit: branch, sides, hash } = &mut self.nodes[at] {
            if *branch >= until {
                break;
            }
            *hash = None;
            parent = Some(at);
            at = sides[bit(key, *branch)];
        }
        (parent, at)
    }

    /// The depth of recursion is at most 256, the number of bits.
    fn hash(&mut self, at: usize) -> Hash {
        let (branch, [left, right]) = match &self.nodes[at] {
            Node::Leaf { hash, .. } | Node::Inner { hash: Some(hash), .. } => return *hash,
            Node::Inner { bit, sides, hash: None } => (*bit, *sides),
        };
        let computed = inner(branch, self.hash(left), self.hash(right));
        if let Node::Inner { hash, .. } = &mut self.nodes[at] {
            *hash = Some(computed);
        }
        computed
    }
}

fn leaf(key: &[u8], value: &[u8]) -> Hash {
    digest(&[&[0], &uvarint(key.len()), key, &uvarint(value.len()), value])
}

fn inner(bit: u16, left: Hash, right: Hash) -> Hash {
    digest(&[&[1], &uvarint(usize::from(bit)), left.as_bytes(), right.as_bytes()])
}

/// Seven bits a byte, least significant first, the high bit on all but the last.
fn uvarint(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(0x80 | value.to_le_bytes()[0]);
        value >>= 7;
    }
    bytes.push(value.to_le_bytes()[0]);
    bytes
}

fn bit(key: &[u8; 32], bit: u16) -> usize {
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

    /// The definition, recomputed from scratch.
    fn naive(map: &BTreeMap<[u8; 32], [u8; 32]>) -> Hash {
        let items: Vec<_> = map.iter().collect();
        match items.as_slice() {
            [] => EMPTY_ROOT,
            [(key, value)] => leaf(*key, *value),
            [(first, _), .., (last, _)] => {
                let branch = first_difference(first, last).expect("sorted keys differ");
                let (left, right) = map.iter().partition(|(key, _)| bit(key, branch) == 0);
                inner(branch, naive(&left), naive(&right))
            }
        }
    }

    #[test]
    fn check_values() {
        let hash = leaf(&[0xab], &[0xcd]);
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
                }
            }
            prop_assert_eq!(map.root(), naive(&naive_map));
        }
    }
}

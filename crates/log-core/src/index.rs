//! The verifiable index: an authenticated map from what people ask for to the
//! complete list of entries that concern it.
//!
//! A key is the hash of an [`IndexKey`]; its value is the RFC 6962 root over the
//! list of entry indices (8 bytes each, big endian, ascending). The map is a
//! Merkle prefix tree (`prefix_map`) whose root the log commits to as the last
//! leaf of each published tree.
//!
//! Invariant: the root is a function of the entries alone, so everybody who reads
//! the log can recompute it. Proofs of presence and absence are in `map_proof`.
//!
//! [`IndexKey`]: crate::entry::IndexKey

use std::collections::HashMap;

use crate::hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};
use crate::prefix_map::PrefixMap;

/// The index over all entries so far.
#[derive(Debug, Clone, Default)]
pub struct VerifiableIndex {
    lists: HashMap<Hash, List>,
    map: PrefixMap,
}

/// The right edge of the tree over one key's list: for each bit of the count
/// that is set, the root of a perfect subtree, largest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct List {
    count: u64,
    roots: Vec<Hash>,
}

impl VerifiableIndex {
    /// Adds the entry with this index to the lists of these keys. Entries are
    /// added in ascending order, each once per key.
    pub fn add(&mut self, index: u64, keys: impl IntoIterator<Item = Hash>) {
        for key in keys {
            let list = self.lists.entry(key).or_default();
            list.push(index);
            let root = list.root();
            self.map.insert(*key.as_bytes(), *root.as_bytes());
        }
    }

    /// The root that the log commits to.
    pub fn root(&self) -> Hash {
        self.map.root()
    }

    /// The map as it is now, from which proofs are made; a copy that costs nothing.
    pub fn map(&self) -> PrefixMap {
        self.map.clone()
    }
}

/// The value of a key whose entries have these indices, ascending.
pub fn list_root(indices: &[u64]) -> Hash {
    // Most keys have one entry.
    if let [only] = indices {
        return leaf_hash(&only.to_be_bytes());
    }
    let mut list = List::default();
    for index in indices {
        list.push(*index);
    }
    list.root()
}

impl List {
    /// The list with this count and right edge; `None` when they do not fit.
    pub fn from_edge(count: u64, roots: Vec<Hash>) -> Option<Self> {
        (roots.len() == count.count_ones() as usize).then_some(Self { count, roots })
    }

    /// How many indices it has.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The roots of the perfect subtrees, largest first; as many as the count has
    /// bits set.
    pub fn edge(&self) -> &[Hash] {
        &self.roots
    }

    /// Adds an index, which is larger than those before it.
    pub fn push(&mut self, index: u64) {
        let mut hash = leaf_hash(&index.to_be_bytes());
        // Two perfect subtrees of one size make one of the next.
        for _ in 0..self.count.trailing_ones() {
            hash = node_hash(self.roots.pop().unwrap_or(EMPTY_ROOT), hash);
        }
        self.roots.push(hash);
        self.count += 1;
    }

    /// The RFC 6962 root over the list.
    pub fn root(&self) -> Hash {
        let roots = self.roots.iter().rev().copied();
        roots.reduce(|right, left| node_hash(left, right)).unwrap_or(EMPTY_ROOT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    #[test]
    fn list_roots_are_those_of_rfc_6962() {
        let mut list = List::default();
        let mut leaves = Vec::new();
        assert_eq!((list.root(), list_root(&[])), (EMPTY_ROOT, EMPTY_ROOT));
        assert_eq!(list_root(&[7]), leaf_hash(&7u64.to_be_bytes()));
        for index in (3u64..).step_by(5).take(200) {
            list.push(index);
            leaves.push(leaf_hash(&index.to_be_bytes()));
            assert_eq!(list.root(), reference::root(&leaves));
            let edge = list.edge().to_vec();
            assert_eq!(List::from_edge(list.count(), edge), Some(list.clone()));
        }
        assert_eq!(List::from_edge(3, vec![EMPTY_ROOT]), None);
    }

    #[test]
    fn the_root_is_a_function_of_the_entries() {
        let key = |text: &str| crate::hash::digest(&[text.as_bytes()]);
        let mut one = VerifiableIndex::default();
        one.add(0, [key("a"), key("b")]);
        one.add(2, [key("b")]);
        let between = one.root();
        one.add(3, [key("c")]);
        let mut other = VerifiableIndex::default();
        other.add(0, [key("b")]);
        other.add(0, [key("a")]);
        other.add(2, [key("b")]);
        assert_eq!(other.root(), between);
        other.add(3, [key("c")]);
        assert_eq!(other.root(), one.root());
        assert_ne!(one.root(), between);
    }
}

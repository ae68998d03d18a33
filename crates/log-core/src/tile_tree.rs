//! The Merkle tree inside one tile: at most 256 items, built by `rs_merkle`.
//!
//! A tree of n leaves equals the tree over the roots of its chunks of 256, the
//! last one partial, so these small trees, one above the other, make the whole
//! log (see `edge` and `inclusion`).
//!
//! Left out on purpose: verification. `rs_merkle` accepts proofs with surplus
//! hashes, so nothing is ever decided by it; `proof` verifies.

use rs_merkle::{Hasher, MerkleTree};

use crate::hash::{EMPTY_ROOT, Hash, leaf_hash, node_hash};

/// RFC 6962 hashing for `rs_merkle`; a lone right node is promoted.
#[derive(Clone, Debug)]
struct Rfc6962;

impl Hasher for Rfc6962 {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        *leaf_hash(data).as_bytes()
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        match right {
            Some(right) => *node_hash(Hash::from_bytes(*left), Hash::from_bytes(*right)).as_bytes(),
            None => *left,
        }
    }
}

/// The tree over the items of one tile, for many paths: its nodes are hashed once.
/// 20 KiB for 256 items.
pub struct TileTree {
    tree: MerkleTree<Rfc6962>,
    items: usize,
}

impl TileTree {
    /// The tree over `items`.
    pub fn new(items: &[Hash]) -> Self {
        let leaves: Vec<[u8; 32]> = items.iter().map(|hash| *hash.as_bytes()).collect();
        Self { tree: MerkleTree::from_leaves(&leaves), items: items.len() }
    }

    /// The RFC 6962 path of the item at `position`, leaf side first.
    ///
    /// # Panics
    /// When there is no such item.
    pub fn path(&self, position: usize) -> Vec<Hash> {
        assert!(position < self.items, "position {position} of {} items", self.items);
        self.tree.proof(&[position]).proof_hashes().iter().map(|hash| Hash::from_bytes(*hash)).collect()
    }
}

impl std::fmt::Debug for TileTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TileTree({} items)", self.items)
    }
}

/// The RFC 6962 root over `items`.
pub fn root(items: &[Hash]) -> Hash {
    match items {
        [] => EMPTY_ROOT,
        [one] => *one,
        _ => TileTree::new(items).tree.root().map_or(EMPTY_ROOT, Hash::from_bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;

    #[test]
    fn roots_and_paths_are_those_of_rfc_6962_for_all_sizes() {
        let leaves = reference::leaves(300);
        for size in 1..=leaves.len() {
            assert_eq!(root(&leaves[..size]), reference::root(&leaves[..size]), "size {size}");
            let tree = TileTree::new(&leaves[..size]);
            for index in 0..size {
                let expected = reference::path(index, &leaves[..size]);
                assert_eq!(tree.path(index), expected, "{index} of {size}");
            }
        }
    }
}

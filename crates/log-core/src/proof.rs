//! Verification of inclusion and consistency proofs. This decides; nothing else does.
//!
//! Invariant: a proof is accepted only when its length is exactly the one the
//! sizes demand and every hash in it was used (RFC 9162 §2.1.3.2 and §2.1.4.2).
//! Making proofs is `inclusion` and `consistency`.

use thiserror::Error;

use crate::hash::{EMPTY_ROOT, Hash, node_hash};
use crate::limits::MAX_TREE_SIZE;

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofError {
    /// The leaf is not inside the tree.
    #[error("index {index} is not inside a tree of size {size}")]
    IndexOutside {
        /// The leaf's index.
        index: u64,
        /// The tree's size.
        size: u64,
    },
    /// The tree has 2^63 leaves or more.
    #[error("a tree of size {size} is over the limit of 2^63 - 1")]
    Size {
        /// The tree's size.
        size: u64,
    },
    /// The proof has too few or too many hashes.
    #[error("the proof has {found} hashes where {expected} are needed")]
    Length {
        /// How many the sizes demand.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// The old tree is larger than the new one: the caller mixed them up, or the
    /// log went back.
    #[error("a tree of size {old} cannot grow into one of size {new}")]
    Shrunk {
        /// The old size.
        old: u64,
        /// The new size.
        new: u64,
    },
    /// The proof does not lead to the tree's root.
    #[error("the proof does not lead to the root")]
    RootDiffers,
}

/// Checks that `leaf` is entry `index` of the tree of `size` leaves with `root`.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::IndexOutside { index, size });
    }
    if size > MAX_TREE_SIZE {
        return Err(ProofError::Size { size });
    }
    // Below `inner` levels the path turns left or right; above them the node is
    // on the right edge and only has left siblings.
    let inner = (u64::BITS - (index ^ (size - 1)).leading_zeros()) as usize;
    let border = (index >> inner).count_ones() as usize;
    if proof.len() != inner + border {
        return Err(ProofError::Length { expected: inner + border, found: proof.len() });
    }
    let mut hash = leaf;
    for (level, sibling) in proof.iter().enumerate() {
        let is_left = level < inner && index >> level & 1 == 0;
        hash = if is_left { node_hash(hash, *sibling) } else { node_hash(*sibling, hash) };
    }
    if hash == root { Ok(()) } else { Err(ProofError::RootDiffers) }
}

/// Checks that the tree of size `old` with `old_root` is a prefix of the tree of
/// size `new` with `new_root`.
///
/// From the empty tree nothing is proven: the proof must be empty and the old
/// root that of the empty tree. A refusal alone does not prove a fork, since
/// the hashes may come from anyone; `evidence` has what does.
pub fn verify_consistency(
    old: u64,
    old_root: Hash,
    new: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Shrunk { old, new });
    }
    if new > MAX_TREE_SIZE {
        return Err(ProofError::Size { size: new });
    }
    if old == 0 || old == new {
        if !proof.is_empty() {
            return Err(ProofError::Length { expected: 0, found: proof.len() });
        }
        let expected = if old == 0 { EMPTY_ROOT } else { new_root };
        return if old_root == expected { Ok(()) } else { Err(ProofError::RootDiffers) };
    }
    let expected = consistency_length(old, new);
    if proof.len() != expected {
        return Err(ProofError::Length { expected, found: proof.len() });
    }
    // RFC 9162 §2.1.4.2. When `old` is a power of two the old tree is itself a
    // node of the new one and the proof does not repeat its root.
    let (mut in_old, mut in_new, rest) = match proof {
        rest if old.is_power_of_two() => (old_root, old_root, rest),
        [first, rest @ ..] => (*first, *first, rest),
        [] => return Err(ProofError::Length { expected, found: 0 }),
    };
    let shift = (old - 1).trailing_ones();
    let mut at = (old - 1) >> shift;
    let mut last = (new - 1) >> shift;
    for hash in rest {
        if last == 0 {
            return Err(ProofError::Length { expected, found: proof.len() });
        }
        if at & 1 == 1 || at == last {
            in_old = node_hash(*hash, in_old);
            in_new = node_hash(*hash, in_new);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            in_new = node_hash(in_new, *hash);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 && in_new == new_root && in_old == old_root { Ok(()) } else { Err(ProofError::RootDiffers) }
}

/// How many hashes the consistency proof from `old` to `new` has, 0 < old < new.
fn consistency_length(old: u64, new: u64) -> usize {
    crate::consistency::ranges(old, new).len()
}

#[cfg(test)]
mod tests;

//! Exhaustive for all sizes to 300, and every kind of damage.

use super::*;
use crate::reference;

const SIZES: usize = 300;

fn flipped(hash: Hash, bit: usize) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Hash::from_bytes(bytes)
}

/// All proofs that differ from `proof` by one flipped bit in one hash, one
/// missing hash, or one surplus hash. The bit walks with the position, so that
/// over all sizes every bit is tried.
fn damaged(proof: &[Hash], seed: usize) -> Vec<Vec<Hash>> {
    let mut all = Vec::new();
    for i in 0..proof.len() {
        let mut copy = proof.to_vec();
        copy[i] = flipped(copy[i], (seed * 7 + i * 31) % 256);
        all.push(copy);
        let mut copy = proof.to_vec();
        copy.remove(i);
        all.push(copy);
    }
    for i in 0..=proof.len() {
        let mut copy = proof.to_vec();
        copy.insert(i, proof.get(i).copied().unwrap_or(EMPTY_ROOT));
        all.push(copy);
    }
    all
}

#[test]
fn inclusion_for_all_sizes_and_indices() {
    let leaves = reference::leaves(SIZES);
    for size in 1..=SIZES {
        let root = reference::root(&leaves[..size]);
        for index in 0..size {
            let (i, n) = (index as u64, size as u64);
            let proof = reference::path(index, &leaves[..size]);
            let check = |leaf, i, n, root, proof: &[Hash]| verify_inclusion(leaf, i, n, root, proof);
            assert_eq!(check(leaves[index], i, n, root, &proof), Ok(()), "{index} of {size}");
            // The full set of damages is quadratic in the path; a third of the
            // sizes, all near a power of two, keeps the test quick.
            if size % 3 == 0 || size.next_power_of_two() - size < 3 {
                for bad in damaged(&proof, index + size) {
                    assert!(check(leaves[index], i, n, root, &bad).is_err(), "{index} of {size}");
                }
            }
            let wrong_leaf = flipped(leaves[index], index % 256);
            assert!(check(wrong_leaf, i, n, root, &proof).is_err());
            assert!(check(leaves[index], i, n, flipped(root, size % 256), &proof).is_err());
            assert!(check(leaves[index], n, n, root, &proof).is_err());
            assert!(size == 1 || check(leaves[index], (i + 1) % n, n, root, &proof).is_err());
        }
    }
    assert!(verify_inclusion(EMPTY_ROOT, 0, 0, EMPTY_ROOT, &[]).is_err());
}

#[test]
fn consistency_for_all_pairs_of_sizes() {
    let leaves = reference::leaves(SIZES);
    let roots: Vec<Hash> = (0..=SIZES).map(|n| reference::root(&leaves[..n])).collect();
    for new in 1..=SIZES {
        for old in 1..=new {
            let (m, n) = (old as u64, new as u64);
            let proof = reference::consistency(old, &leaves[..new]);
            assert_eq!(verify_consistency(m, roots[old], n, roots[new], &proof), Ok(()), "{old} to {new}");
            let forked = flipped(roots[old], new % 256);
            assert_eq!(verify_consistency(m, forked, n, roots[new], &proof), Err(ProofError::RootDiffers));
            let bad_root = flipped(roots[new], old % 256);
            assert!(verify_consistency(m, roots[old], n, bad_root, &proof).is_err());
            if new % 7 == 0 || new.next_power_of_two() - new < 2 {
                for bad in damaged(&proof, old + new) {
                    assert!(
                        verify_consistency(m, roots[old], n, roots[new], &bad).is_err(),
                        "{old} to {new}"
                    );
                }
            }
        }
        assert_eq!(verify_consistency(0, EMPTY_ROOT, new as u64, roots[new], &[]), Ok(()));
        assert!(verify_consistency(0, EMPTY_ROOT, new as u64, roots[new], &[roots[new]]).is_err());
        assert!(verify_consistency(0, roots[new], new as u64, roots[new], &[]).is_err());
        assert_eq!(
            verify_consistency(new as u64 + 1, roots[new], new as u64, roots[new], &[]),
            Err(ProofError::Shrunk { old: new as u64 + 1, new: new as u64 })
        );
    }
}

#[test]
fn every_single_flipped_bit_fails_for_small_sizes() {
    let leaves = reference::leaves(20);
    for size in 1..=leaves.len() {
        let (n, root) = (size as u64, reference::root(&leaves[..size]));
        for index in 0..size {
            let proof = reference::path(index, &leaves[..size]);
            let old_root = reference::root(&leaves[..=index]);
            let old = index as u64 + 1;
            let growth = reference::consistency(index + 1, &leaves[..size]);
            for bit in 0..256 {
                let leaf = flipped(leaves[index], bit);
                assert!(verify_inclusion(leaf, index as u64, n, root, &proof).is_err());
                let bad_root = flipped(root, bit);
                assert!(verify_inclusion(leaves[index], index as u64, n, bad_root, &proof).is_err());
                assert!(verify_consistency(old, old_root, n, bad_root, &growth).is_err());
                assert!(verify_consistency(old, flipped(old_root, bit), n, root, &growth).is_err());
                for at in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[at] = flipped(bad[at], bit);
                    assert!(verify_inclusion(leaves[index], index as u64, n, root, &bad).is_err());
                }
                for at in 0..growth.len() {
                    let mut bad = growth.clone();
                    bad[at] = flipped(bad[at], bit);
                    assert!(verify_consistency(old, old_root, n, root, &bad).is_err());
                }
            }
        }
    }
}

#[test]
fn huge_sizes_do_not_overflow() {
    let hashes = vec![EMPTY_ROOT; 64];
    for size in [u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1] {
        for index in [0, 1, size / 2, size - 1] {
            for length in [0, 1, 62, 63, 64] {
                assert!(verify_inclusion(EMPTY_ROOT, index, size, EMPTY_ROOT, &hashes[..length]).is_err());
                if index > 0 {
                    let result = verify_consistency(index, EMPTY_ROOT, size, EMPTY_ROOT, &hashes[..length]);
                    assert!(result.is_err());
                }
            }
        }
    }
}

//! The decision what a tile must hold, where its copies differ. Pure functions.
//!
//! Each tile's content is known from up to three places: what lies below it (the
//! entries, or the roots of the tiles one level down), the tile itself, and its
//! root as an item of the tile above. Two that agree outvote the third. At the
//! right edge of the tree nothing lies above but the signed root, which decides
//! between all combinations.
//!
//! Invariant: nothing that is chosen here is believed before the root over all
//! that was chosen is the signed one; then all of it is proven.

use log_core::edge::Edge;
use log_core::hash::Hash;
use log_core::tile_tree;

/// Which copy is taken when nothing decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// What follows from the entries.
    Derived,
    /// The tile as it is stored.
    Stored,
}

/// The copies of one tile's content.
#[derive(Debug, Clone, Copy)]
pub struct Copies<'a> {
    /// What lies below gives this.
    pub derived: Option<&'a [Hash]>,
    /// The tile holds this.
    pub stored: Option<&'a [Hash]>,
}

/// The content of a full tile; `above` is its root in the tile above.
pub fn full(copies: Copies<'_>, above: Option<Hash>, prefer: Prefer) -> Option<&[Hash]> {
    let Copies { derived, stored } = copies;
    if derived == stored {
        return derived;
    }
    let confirmed = |items: &&[Hash]| above == Some(tile_tree::root(items));
    derived.filter(confirmed).or_else(|| stored.filter(confirmed)).or_else(|| preferred(copies, prefer))
}

/// The contents of the partial tiles at the edge of a tree of `size` leaves, in the
/// order of [`Edge::tiles`], such that the tree has this root; `None` when no
/// combination of the copies gives it.
pub fn edge(size: u64, root: Hash, copies: &[Copies<'_>]) -> Option<Vec<Vec<Hash>>> {
    // At most eight levels of two copies each, and nearly always one.
    let mut combinations: Vec<Vec<Vec<Hash>>> = vec![Vec::new()];
    for level in copies {
        let stored = level.stored.filter(|stored| level.derived != Some(stored));
        let contents: Vec<&[Hash]> = level.derived.into_iter().chain(stored).collect();
        let longer = |start: &Vec<Vec<Hash>>| {
            let start = start.clone();
            contents
                .iter()
                .map(move |items| [start.clone(), vec![items.to_vec()]].concat())
                .collect::<Vec<_>>()
        };
        combinations = combinations.iter().flat_map(longer).collect();
    }
    combinations
        .into_iter()
        .find(|tiles| Edge::from_tiles(size, tiles).is_some_and(|edge| edge.root() == root))
}

/// The preferred copy, or the only one.
pub fn preferred(copies: Copies<'_>, prefer: Prefer) -> Option<&[Hash]> {
    match prefer {
        Prefer::Derived => copies.derived.or(copies.stored),
        Prefer::Stored => copies.stored.or(copies.derived),
    }
}

#[cfg(test)]
mod tests {
    use log_core::hash::{EMPTY_ROOT, leaf_hash};

    use super::*;

    fn leaves(count: u64, changed: Option<usize>) -> Vec<Hash> {
        let mut leaves: Vec<Hash> = (0..count).map(|i| leaf_hash(&i.to_be_bytes())).collect();
        if let Some(at) = changed {
            leaves[at] = EMPTY_ROOT;
        }
        leaves
    }

    #[test]
    fn two_of_three_copies_decide() {
        let (good, bad, worse) = (leaves(256, None), leaves(256, Some(9)), leaves(256, Some(10)));
        let root = tile_tree::root(&good);
        for prefer in [Prefer::Derived, Prefer::Stored] {
            for (derived, stored, above, expected) in [
                (Some(&good), Some(&good), None, Some(&good)),
                (Some(&good), Some(&bad), Some(root), Some(&good)),
                (Some(&bad), Some(&good), Some(root), Some(&good)),
                (None, Some(&good), Some(root), Some(&good)),
                (Some(&good), None, None, Some(&good)),
                // What lies above may be the one that is wrong.
                (Some(&good), Some(&good), Some(EMPTY_ROOT), Some(&good)),
                (None, None, Some(root), None),
            ] {
                let copies =
                    Copies { derived: derived.map(Vec::as_slice), stored: stored.map(Vec::as_slice) };
                assert_eq!(full(copies, above, prefer), expected.map(Vec::as_slice));
            }
            let copies = Copies { derived: Some(&bad), stored: Some(&worse) };
            let taken = if prefer == Prefer::Derived { &bad } else { &worse };
            assert_eq!(full(copies, Some(root), prefer), Some(taken.as_slice()));
        }
    }

    #[test]
    fn the_signed_root_decides_at_the_edge() {
        let size = 65_536 + 256 + 3;
        let all = leaves(size, None);
        let mut tree = Edge::new();
        for leaf in &all {
            tree.push(*leaf);
        }
        let good: Vec<Vec<Hash>> = tree.partial_tiles().map(|(_, items)| items.to_vec()).collect();
        let bad: Vec<Vec<Hash>> = good.iter().map(|items| vec![EMPTY_ROOT; items.len()]).collect();
        assert_eq!(good.len(), 3);
        // Every pattern of which copy is the good one.
        for pattern in 0u32..1 << (2 * good.len()) {
            let copy = |level: usize, bit: usize| {
                let is_good = pattern >> (2 * level + bit) & 1 == 0;
                Some(if is_good { good[level].as_slice() } else { bad[level].as_slice() })
            };
            let copies: Vec<Copies<'_>> =
                (0..good.len()).map(|at| Copies { derived: copy(at, 0), stored: copy(at, 1) }).collect();
            let possible = (0..good.len()).all(|level| pattern >> (2 * level) & 3 != 3);
            assert_eq!(edge(size, tree.root(), &copies), possible.then(|| good.clone()), "{pattern:b}");
        }
        let nothing = Copies { derived: None, stored: None };
        assert_eq!(edge(size, tree.root(), &[nothing; 3]), None);
    }
}

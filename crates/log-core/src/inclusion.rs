//! Making inclusion proofs for the whole log from its tiles.
//!
//! The path of a leaf is its path inside its level-0 tile, then the path of that
//! tile's root inside its level-1 tile, and so on. A tile at the right edge has
//! one more, ragged item: the root over what fills no whole item of its level.
//!
//! Plan, fetch, fold: [`tiles`] lists what to read, [`prove`] computes. What is
//! left out: verification (`proof`).

use std::sync::Arc;

use crate::hash::Hash;
use crate::tile::{Level, TILE_HEIGHT, TileId};
use crate::tile_tree::TileTree;

/// The tiles on the path of leaf `index` in the tree of `size` leaves, lowest
/// level first.
///
/// # Panics
/// When `index` is not below `size`.
pub fn tiles(index: u64, size: u64) -> Vec<Option<TileId>> {
    assert!(index < size, "index {index} is not inside a tree of size {size}");
    (0..levels(size))
        .map(|level| TileId::in_tree(Level::Hashes(level), index >> (8 * (u32::from(level) + 1)), size))
        .collect()
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves, from the trees of
/// [`tiles`] in that order. The last tile of a level holds the ragged item, too, see
/// [`with_rest`]; where the tree has no tile that is all there is.
///
/// # Panics
/// When the trees are not those of the tiles.
pub fn prove(index: u64, size: u64, on_path: &[Arc<TileTree>]) -> Vec<Hash> {
    let mut proof = Vec::with_capacity(usize::from(levels(size)) * 8);
    for (level, tree) in (0..levels(size)).zip(on_path) {
        let in_level = index >> (TILE_HEIGHT * u32::from(level));
        proof.extend(tree.path(usize::from(u8::try_from(in_level & 255).unwrap_or(u8::MAX))));
    }
    proof
}

/// The items of the tile at `level` on the path of leaf `index`, with the ragged item
/// when it is the last of the level; `rests` are the tree's
/// [`Edge::rests`](crate::edge::Edge::rests).
pub fn with_rest(
    index: u64,
    size: u64,
    level: u8,
    rests: &[Option<Hash>],
    mut items: Vec<Hash>,
) -> Vec<Hash> {
    if is_last(index, size, level) {
        items.extend(rests.get(usize::from(level)).copied().flatten());
    }
    items
}

/// Whether the tile at `level` on the path of leaf `index` is the last of that level.
pub fn is_last(index: u64, size: u64, level: u8) -> bool {
    let shift = TILE_HEIGHT * (u32::from(level) + 1);
    index >> shift == size >> shift
}

/// How many tile levels a tree of `size` leaves has.
fn levels(size: u64) -> u8 {
    let mut items = size;
    let mut levels = 1;
    while items > 256 {
        items = items.div_ceil(256);
        levels += 1;
    }
    levels
}

#[cfg(test)]
mod tests {
    use crate::hash::leaf_hash;
    use crate::proof::verify_inclusion;
    use crate::reference;
    use crate::toy::ToyLog;
    use crate::vectors::{text, vectors};

    #[test]
    fn all_sizes_and_indices() {
        let mut log = ToyLog::default();
        let leaves = reference::leaves(300);
        for size in 1..=leaves.len() {
            log.push(leaves[size - 1]);
            for index in 0..size {
                let proof = log.inclusion(index as u64);
                assert_eq!(proof, reference::path(index, &leaves[..size]), "{index} of {size}");
            }
        }
    }

    #[test]
    fn vectors_of_inclusion() {
        let vectors = vectors();
        let mut log = ToyLog::default();
        let mut checked = 0;
        for entry in vectors["entries"].as_array().expect("a list") {
            log.push(leaf_hash(text(entry).as_bytes()));
            let size = log.edge.size();
            assert_eq!(log.edge.root().to_base64(), text(&vectors["roots"][size.to_string()]));
            for index in 0..size {
                let Some(expected) = vectors["inclusion"].get(format!("{index}/{size}")) else { continue };
                let proof: Vec<String> = log.inclusion(index).iter().map(|hash| hash.to_base64()).collect();
                let expected: Vec<&str> = expected.as_array().expect("a list").iter().map(text).collect();
                assert_eq!(proof, expected, "{index} of {size}");
                checked += 1;
            }
        }
        assert_eq!(checked, vectors["inclusion"].as_object().expect("an object").len());
    }

    #[test]
    fn three_levels() {
        let mut log = ToyLog::default();
        let sizes = [65_535u64, 65_536, 65_537, 70_000];
        for i in 0..70_000u64 {
            log.push(leaf_hash(format!("leaf {i}").as_bytes()));
            let size = i + 1;
            if sizes.contains(&size) {
                for index in [0, 1, 255, 256, 257, 65_279, 65_280, 65_534, size - 2, size - 1] {
                    let leaf = leaf_hash(format!("leaf {index}").as_bytes());
                    let proof = log.inclusion(index);
                    let verdict = verify_inclusion(leaf, index, size, log.edge.root(), &proof);
                    assert_eq!(verdict, Ok(()), "{index} of {size}");
                }
            }
        }
    }
}

//! The right edge of a growing tree: all that is needed to append.
//!
//! For each tile level the edge keeps the items of the one tile that is not full
//! yet, at most 255 hashes. Appending pushes a leaf; a tile that fills up leaves
//! the edge, and its root becomes an item one level up.
//!
//! Invariant: `levels[l].len() == (size >> 8l) & 255`.

use crate::hash::{EMPTY_ROOT, Hash};
use crate::tile::{Level, TILE_WIDTH, TileId};
use crate::tile_tree;

/// The right edge of a tree.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edge {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tiles from which [`Edge::from_tiles`] restores the edge of a tree of
    /// `size` leaves: the partial one of each level that has one.
    pub fn tiles(size: u64) -> Vec<TileId> {
        (0..8u8)
            .filter_map(|level| {
                let items = size.checked_shr(8 * u32::from(level))?;
                TileId::in_tree(Level::Hashes(level), items / TILE_WIDTH, size)
            })
            .collect()
    }

    /// Restores an edge from the items of [`Edge::tiles`], in that order; `None`
    /// when a tile is missing or has another width.
    ///
    /// The caller compares [`Edge::root`] with a root it trusts.
    pub fn from_tiles(size: u64, tiles: &[Vec<Hash>]) -> Option<Self> {
        let wanted = Self::tiles(size);
        if wanted.len() != tiles.len() {
            return None;
        }
        let mut levels = Vec::new();
        for (id, items) in wanted.iter().zip(tiles) {
            let Level::Hashes(level) = id.level else { return None };
            if items.len() != usize::from(id.width) {
                return None;
            }
            levels.resize(usize::from(level), Vec::new());
            levels.push(items.clone());
        }
        Some(Self { size, levels })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Appends a leaf; returns the tiles that it filled, lowest level first.
    pub fn push(&mut self, leaf: Hash) -> Vec<(TileId, Vec<Hash>)> {
        self.size += 1;
        let mut filled = Vec::new();
        let mut item = leaf;
        for level in 0..8u8 {
            let at = usize::from(level);
            if self.levels.len() == at {
                self.levels.push(Vec::new());
            }
            self.levels[at].push(item);
            if self.levels[at].len() < 256 {
                break;
            }
            let items = std::mem::take(&mut self.levels[at]);
            item = tile_tree::root(&items);
            let index = (self.size >> (8 * (u32::from(level) + 1))) - 1;
            filled.push((TileId { level: Level::Hashes(level), index, width: 256 }, items));
        }
        filled
    }

    /// The partial tiles at the edge, lowest level first.
    pub fn partial_tiles(&self) -> impl Iterator<Item = (TileId, &[Hash])> {
        Self::tiles(self.size).into_iter().filter_map(|id| match id.level {
            Level::Hashes(level) => Some((id, self.levels[usize::from(level)].as_slice())),
            Level::Entries => None,
        })
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.rests().pop().flatten().unwrap_or(EMPTY_ROOT)
    }

    /// For each level l, the root over the leaves that fill no whole subtree of
    /// 256^l, which is the last, ragged item of that level; `None` if there are
    /// none. One more level than the edge has: the last is the root of the tree.
    pub fn rests(&self) -> Vec<Option<Hash>> {
        let mut rests = vec![None];
        let mut below: Option<Hash> = None;
        for items in &self.levels {
            let mut items = items.clone();
            items.extend(below);
            below = (!items.is_empty()).then(|| tile_tree::root(&items));
            rests.push(below);
        }
        rests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::leaf_hash;
    use crate::reference;
    use crate::vectors::{text, vectors};

    #[test]
    fn roots_equal_the_reference_for_all_sizes() {
        let leaves = reference::leaves(600);
        let mut edge = Edge::new();
        assert_eq!(edge.root(), EMPTY_ROOT);
        for (size, leaf) in (1..).zip(&leaves) {
            edge.push(*leaf);
            assert_eq!(edge.root(), reference::root(&leaves[..size]), "size {size}");
            let tiles: Vec<Vec<Hash>> = edge.partial_tiles().map(|(_, items)| items.to_vec()).collect();
            let restored = Edge::from_tiles(size as u64, &tiles).expect("its own tiles");
            assert_eq!(restored.root(), edge.root());
        }
    }

    #[test]
    fn large_roots_equal_the_vectors() {
        let vectors = vectors();
        let roots = vectors["big_roots_leaf_i"].as_object().expect("an object");
        let mut edge = Edge::new();
        let mut checked = 0;
        let mut filled = 0;
        for i in 0..70_000 {
            filled += edge.push(leaf_hash(format!("leaf {i}").as_bytes())).len();
            if let Some(root) = roots.get(&edge.size().to_string()) {
                assert_eq!(edge.root().to_hex(), text(root), "size {}", edge.size());
                checked += 1;
            }
        }
        assert_eq!(checked, roots.len());
        assert_eq!(filled, 273 + 1, "full tiles of levels 0 and 1");
    }

    #[test]
    fn small_trees_equal_the_vectors() {
        let vectors = vectors();
        let leaf_hashes = vectors["leaf_hashes"].as_array().expect("a list");
        let mut edge = Edge::new();
        for i in 0..14u64 {
            let leaf = leaf_hash(format!("entry {i}").as_bytes());
            if let Some(expected) = leaf_hashes.get(usize::try_from(i).expect("small")) {
                assert_eq!(leaf.to_base64(), text(expected));
            }
            edge.push(leaf);
            let size = edge.size().to_string();
            let small = vectors["roots"].get(&size);
            let expected = small.or_else(|| vectors["extra"]["roots_8_to_14"].get(&size)).expect("a root");
            assert_eq!(edge.root().to_base64(), text(expected), "size {size}");
            if edge.size() == 7 {
                let (_, items) = edge.partial_tiles().next().expect("a tile");
                let tile: String = items.iter().map(|hash| hash.to_hex()).collect();
                assert_eq!(tile, text(&vectors["tile0_7_hex"]));
            }
        }
    }

    #[test]
    fn a_missing_or_short_tile_restores_nothing() {
        let hash = EMPTY_ROOT;
        assert!(Edge::from_tiles(257, &[vec![hash]]).is_none());
        assert!(Edge::from_tiles(257, &[vec![hash; 2], vec![hash]]).is_none());
        assert!(Edge::from_tiles(257, &[vec![hash], vec![hash]]).is_some());
    }
}

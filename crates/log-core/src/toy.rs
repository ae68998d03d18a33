//! A log's tiles in memory: what tests read from.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::edge::Edge;
use crate::hash::Hash;
use crate::tile::{Level, TileId};
use crate::tile_tree::TileTree;
use crate::{consistency, inclusion};

#[derive(Debug, Clone, Default)]
pub(crate) struct ToyLog {
    pub(crate) edge: Edge,
    full: BTreeMap<(Level, u64), Vec<Hash>>,
}

impl ToyLog {
    pub(crate) fn push(&mut self, leaf: Hash) {
        for (id, items) in self.edge.push(leaf) {
            self.full.insert((id.level, id.index), items);
        }
    }

    pub(crate) fn tile(&self, id: TileId) -> Vec<Hash> {
        if let Some(items) = self.full.get(&(id.level, id.index)) {
            return items[..usize::from(id.width)].to_vec();
        }
        let (_, items) = self.edge.partial_tiles().find(|(edge, _)| *edge == id).expect("a tile");
        items.to_vec()
    }

    /// The items of a tile, as many as asked for, when it has so many.
    pub(crate) fn items(&self, id: TileId) -> Option<Vec<Hash>> {
        let partial = || {
            let mut tiles = self.edge.partial_tiles();
            tiles.find(|(edge, _)| (edge.level, edge.index) == (id.level, id.index)).map(|(_, items)| items)
        };
        let full = self.full.get(&(id.level, id.index)).map(Vec::as_slice);
        full.or_else(partial)?.get(..usize::from(id.width)).map(<[Hash]>::to_vec)
    }

    pub(crate) fn inclusion(&self, index: u64) -> Vec<Hash> {
        let (size, rests) = (self.edge.size(), self.edge.rests());
        let tree = |(level, id): (u8, Option<TileId>)| {
            let items = id.map(|id| self.tile(id)).unwrap_or_default();
            Arc::new(TileTree::new(&inclusion::with_rest(index, size, level, &rests, items)))
        };
        let trees: Vec<_> = (0..).zip(inclusion::tiles(index, size)).map(tree).collect();
        inclusion::prove(index, size, &trees)
    }

    pub(crate) fn consistency(&self, old: u64) -> Vec<Hash> {
        let size = self.edge.size();
        consistency::tiles(old, size);
        consistency::prove(old, size, |id| self.tile(id))
    }
}

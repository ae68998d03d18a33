//! A log's tiles in memory: what tests read from.

use std::collections::BTreeMap;

use crate::edge::Edge;
use crate::hash::Hash;
use crate::tile::{Level, TileId};
use crate::{consistency, inclusion};

#[derive(Default)]
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

    pub(crate) fn inclusion(&self, index: u64) -> Vec<Hash> {
        let items: Vec<Vec<Hash>> = inclusion::tiles(index, self.edge.size())
            .into_iter()
            .map(|id| id.map(|id| self.tile(id)).unwrap_or_default())
            .collect();
        inclusion::prove(index, self.edge.size(), &self.edge.rests(), &items)
    }

    pub(crate) fn consistency(&self, old: u64) -> Vec<Hash> {
        let size = self.edge.size();
        consistency::tiles(old, size);
        consistency::prove(old, size, |id| self.tile(id))
    }
}

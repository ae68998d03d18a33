//! The newest published tree, as requests see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use log_core::edge::Edge;
use log_core::hash::Hash;
use log_core::proof_file::ProvenEntry;
use log_core::tile::Level;
use log_core::tile_tree::TileTree;
use log_core::timeline::Timeline;

/// A published tree: the checkpoint, and what is needed to prove under it.
#[derive(Debug)]
pub struct Published {
    /// The signed checkpoint, with the cosignatures that it has.
    pub checkpoint: String,
    /// The tree's size.
    pub size: u64,
    /// All policies in it.
    pub timeline: Arc<Timeline>,
    /// The time that its last leaf says.
    pub time: u64,
    /// Per level, the tree over the last tile of the level and the ragged item.
    edge_trees: Vec<Arc<TileTree>>,
    /// The policies with their proofs, once somebody has asked for them.
    policies: OnceLock<Vec<ProvenEntry>>,
}

/// The newest published tree, replaced by the sequencer, and whether it takes
/// statements at the moment.
#[derive(Debug, Clone, Default)]
pub struct Newest {
    published: Arc<RwLock<Option<Arc<Published>>>>,
    stopped: Arc<AtomicBool>,
}

impl Published {
    /// The tree with this edge, under this checkpoint.
    pub fn new(checkpoint: String, edge: &Edge, timeline: Arc<Timeline>, time: u64) -> Self {
        let rests = edge.rests();
        let mut items: Vec<Vec<Hash>> = vec![Vec::new(); rests.len()];
        for (id, hashes) in edge.partial_tiles() {
            if let Level::Hashes(level) = id.level
                && let Some(items) = items.get_mut(usize::from(level))
            {
                items.extend_from_slice(hashes);
            }
        }
        let with_rest = items.into_iter().zip(rests).map(|(mut items, rest)| {
            items.extend(rest);
            Arc::new(TileTree::new(&items))
        });
        let edge_trees = with_rest.collect();
        Self { checkpoint, size: edge.size(), timeline, time, edge_trees, policies: OnceLock::new() }
    }

    /// All policies in it, as entries with their proofs, which `prove` finds the first time.
    pub fn policies<E>(&self, prove: impl Fn(u64) -> Result<ProvenEntry, E>) -> Result<&[ProvenEntry], E> {
        if self.policies.get().is_none() {
            let proven = self.timeline.policies().iter().map(|dated| prove(dated.index));
            let proven = proven.collect::<Result<Vec<_>, E>>()?;
            // Somebody else may have been faster, with the same.
            let _: Result<(), _> = self.policies.set(proven);
        }
        Ok(self.policies.get().map_or(&[], Vec::as_slice))
    }

    /// The tree over the last tile of a level and the ragged item.
    pub fn edge_tree(&self, level: u8) -> Option<&Arc<TileTree>> {
        self.edge_trees.get(usize::from(level))
    }
}

impl Newest {
    /// The newest published tree; `None` before the first.
    pub fn get(&self) -> Option<Arc<Published>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, unless the log recovers and takes no statements.
    pub fn for_statements(&self) -> Option<Arc<Published>> {
        self.get().filter(|_| !self.stopped.load(Ordering::Acquire))
    }

    /// Replaces it; from now on statements are taken.
    pub fn set(&self, published: Published) {
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(published));
        self.stopped.store(false, Ordering::Release);
    }

    /// Takes no statements until the next `set`. What is published stays true.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
    }
}

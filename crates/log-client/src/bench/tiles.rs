//! Tiles that are known to be a log's, so that what is read under load can be
//! compared with them.
//!
//! A partial tile is one of those at the edge of the tree, which give its root
//! together; a full one is an item of the tile above it.

use std::collections::{BTreeMap, HashMap};

use anyhow::{Context as _, ensure};
use log_core::bundle::push_entry;
use log_core::checkpoint::OpenCheckpoint;
use log_core::edge::Edge;
use log_core::hash::{Hash, digest, leaf_hash};
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_core::tile_tree;
use log_io::source::LogSource;

use super::statements::Random;

/// Tiles and bundles of one checkpoint.
#[derive(Debug)]
pub(crate) struct Authentic<'a> {
    source: &'a LogSource,
    size: u64,
    hashes: BTreeMap<TileId, Vec<Hash>>,
}

/// The digests of tiles and bundles.
pub(crate) type Digests = HashMap<TileId, Hash>;

impl<'a> Authentic<'a> {
    /// The tiles at the edge of a trusted tree.
    pub(crate) async fn new(source: &'a LogSource, checkpoint: &OpenCheckpoint) -> anyhow::Result<Self> {
        let size = checkpoint.size();
        let mut edge = Vec::new();
        for id in Edge::tiles(size) {
            edge.push(source.tile(id).await?);
        }
        let tree = Edge::from_tiles(size, &edge).context("the tiles at the edge of the tree are short")?;
        ensure!(tree.root() == checkpoint.root(), "the tiles at the edge do not lead to the signed root");
        Ok(Self { source, size, hashes: Edge::tiles(size).into_iter().zip(edge).collect() })
    }

    /// The digest of the tile or bundle, whose content is proven to be in the tree.
    pub(crate) async fn digest(&mut self, id: TileId) -> anyhow::Result<Hash> {
        let level = match id.level {
            Level::Hashes(level) => level,
            Level::Entries => 0,
        };
        let items = self.items(TileId { level: Level::Hashes(level), ..id }).await?;
        if id.level != Level::Entries {
            let bytes: Vec<u8> = items.iter().flat_map(|hash| *hash.as_bytes()).collect();
            return Ok(digest(&[&bytes]));
        }
        let mut bundle = Vec::new();
        let entries = self.source.entries(id).await?;
        for entry in &entries {
            push_entry(&mut bundle, entry);
        }
        let hashes = entries.iter().map(|entry| leaf_hash(entry));
        ensure!(hashes.eq(items), "the entries of {id} are not those of the tree");
        Ok(digest(&[&bundle]))
    }

    /// The items of a hash tile, proven to be in the tree.
    async fn items(&mut self, id: TileId) -> anyhow::Result<Vec<Hash>> {
        // Up to a tile that is known, which the edge is; then down again.
        let mut unknown = vec![id];
        while let Some(lowest) = unknown.last().filter(|id| !self.hashes.contains_key(id)) {
            let Level::Hashes(level) = lowest.level else { break };
            let above = TileId::in_tree(Level::Hashes(level + 1), lowest.index / TILE_WIDTH, self.size);
            unknown.push(
                above
                    .filter(|_| lowest.is_full())
                    .with_context(|| format!("{lowest} is not of this tree"))?,
            );
        }
        let mut items = self.hashes.get(&unknown.pop().context("a tile")?).cloned().unwrap_or_default();
        while let Some(id) = unknown.pop() {
            let position = usize::try_from(id.index % TILE_WIDTH).unwrap_or(usize::MAX);
            let expected = items.get(position).copied();
            items = self.source.tile(id).await?;
            ensure!(expected == Some(tile_tree::root(&items)), "the tile {id} is not of the signed tree");
            self.hashes.insert(id, items.clone());
        }
        Ok(items)
    }
}

/// Some full hash tiles and bundles of a tree of `size` leaves, and its partial ones when
/// they are wanted, too.
pub(crate) fn choose(size: u64, count: u64, partial: bool, random: &mut Random) -> Vec<TileId> {
    let mut chosen = Vec::new();
    let full = size / TILE_WIDTH;
    for number in 0..if full > 0 { count } else { 0 } {
        let level = if number % 2 == 0 { Level::Hashes(0) } else { Level::Entries };
        chosen.push(TileId { level, index: random.below(full), width: 256 });
    }
    if partial {
        chosen.extend(Edge::tiles(size));
        chosen.extend(TileId::in_tree(Level::Entries, full, size));
    }
    chosen.sort_unstable();
    chosen.dedup();
    chosen
}

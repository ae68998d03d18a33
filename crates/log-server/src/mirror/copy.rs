//! Copying what a log has grown by, from the top down: the signed root
//! authenticates the tiles at the edge, each tile the ones below it, and the lowest
//! the entries.
//!
//! The tiles of level 0 are not read at all: they follow from the entries, which were
//! compared with their root. Memory: one tile per level, and the bundles that are
//! being read.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use log_core::bundle::{parse_bundle, push_entry};
use log_core::checkpoint::OpenCheckpoint;
use log_core::edge::Edge;
use log_core::hash::{Hash, leaf_hash};
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_core::tile_tree;
use log_io::outcome::{Exit, Failure};
use log_io::source::LogSource;

use super::Mirror;
use crate::fsck::progress::Progress;
use crate::store::Objects;

/// Bundles that are written together, so that one fsync of a directory does for all.
const BUNDLES_AT_ONCE: usize = 32;

/// An object of the copy: its path and bytes.
type Object = (String, Vec<u8>);

/// Copies everything that the checkpoint `new` asks for and a tree of `from` leaves
/// does not have, but for the checkpoint.
pub async fn copy(mirror: &Mirror, from: u64, new: &OpenCheckpoint) -> Result<(), Failure> {
    let size = new.size();
    let edge = read_edge(&mirror.session.source, new).await?;
    let last = TileId::in_tree(Level::Entries, size / TILE_WIDTH, size);
    let partial: Vec<Object> =
        edge.partial_tiles().map(|(id, items)| (id.path(), tile_bytes(items))).collect();
    let leaves = edge.partial_tiles().find(|(id, _)| id.level == Level::Hashes(0));
    let leaves = leaves.map(|(_, items)| items.to_vec()).unwrap_or_default();

    let mut progress = Progress::start("copying", size - from);
    let descent = Descent::new(mirror, size, &edge);
    let wanted = stream::try_unfold((descent, from / TILE_WIDTH), move |(mut descent, index)| async move {
        if index >= size / TILE_WIDTH {
            return Ok::<_, Failure>(None);
        }
        let root = descent.root_of(0, index).await?;
        Ok(Some(((index, root), (descent, index + 1))))
    });
    let read = |(index, root)| async move { full_bundle(mirror, index, root).await };
    let mut coming = wanted.map_ok(read).try_buffered(mirror.jobs.max(1)).try_chunks(BUNDLES_AT_ONCE).boxed();
    while let Some(bundles) = coming.next().await {
        let bundles = bundles.map_err(|error| error.1)?;
        progress.advance(TILE_WIDTH * bundles.len() as u64);
        put_full(mirror, bundles.concat()).await?;
    }
    drop(coming);
    progress.end();

    let mut objects = partial;
    if let Some(id) = last {
        objects.push(bundle(mirror, id, |found| found == leaves.as_slice()).await?.0);
    }
    put(&mirror.target, objects).await
}

/// The tiles at the edge, authenticated by the signed root.
async fn read_edge(source: &LogSource, new: &OpenCheckpoint) -> Result<Edge, Failure> {
    let mut tiles = Vec::new();
    for id in Edge::tiles(new.size()) {
        tiles.push(source.tile(id).await?);
    }
    Edge::from_tiles(new.size(), &tiles)
        .filter(|edge| edge.root() == new.root())
        .ok_or_else(|| wrong("the tiles at the edge of the tree do not lead to the signed root"))
}

/// The tiles above the leaves, one of each level, on the way from left to right.
struct Descent<'a> {
    mirror: &'a Mirror,
    size: u64,
    edge: BTreeMap<u8, (u64, Vec<Hash>)>,
    /// The full tile of each level that was read last.
    current: BTreeMap<u8, (u64, Vec<Hash>)>,
}

impl<'a> Descent<'a> {
    fn new(mirror: &'a Mirror, size: u64, edge: &Edge) -> Self {
        let edge = edge.partial_tiles().filter_map(|(id, items)| match id.level {
            Level::Hashes(level) => Some((level, (id.index, items.to_vec()))),
            Level::Entries => None,
        });
        Self { mirror, size, edge: edge.collect(), current: BTreeMap::new() }
    }

    /// The root of a full tile, as the tile above has it.
    fn root_of(
        &mut self,
        level: u8,
        index: u64,
    ) -> Pin<Box<dyn Future<Output = Result<Hash, Failure>> + Send + '_>> {
        Box::pin(async move {
            let above = self.tile(level + 1, index / TILE_WIDTH).await?;
            let position = usize::try_from(index % TILE_WIDTH).ok();
            let root = position.and_then(|position| above.get(position)).copied();
            root.ok_or_else(|| wrong("a tile is narrower than the tree makes it"))
        })
    }

    /// A tile, authenticated; a full one is copied when it is read.
    async fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], Failure> {
        let at_edge = self.edge.get(&level).is_some_and(|(at, _)| *at == index);
        if !at_edge && self.current.get(&level).is_none_or(|(at, _)| *at != index) {
            let id = TileId::in_tree(Level::Hashes(level), index, self.size).context("a tile of the tree")?;
            let root = self.root_of(level, index).await?;
            let items = self.mirror.session.source.tile(id).await?;
            if tile_tree::root(&items) != root {
                return Err(wrong(&format!("{id} is not what the log signed")));
            }
            put_full(self.mirror, vec![(id.path(), tile_bytes(&items))]).await?;
            self.current.insert(level, (index, items));
        }
        let tiles = if at_edge { &self.edge } else { &self.current };
        Ok(tiles.get(&level).map(|(_, items)| items.as_slice()).unwrap_or_default())
    }
}

/// A full bundle with this root, and the tile of level 0 that follows from it.
async fn full_bundle(mirror: &Mirror, index: u64, root: Hash) -> Result<Vec<Object>, Failure> {
    let id = TileId { level: Level::Entries, index, width: 256 };
    let (object, leaves) = bundle(mirror, id, |leaves| tile_tree::root(leaves) == root).await?;
    Ok(vec![object, (TileId { level: Level::Hashes(0), ..id }.path(), tile_bytes(&leaves))])
}

/// A bundle whose leaf hashes are right: from the copy when an interrupted run has
/// left it there, else from the source.
async fn bundle(
    mirror: &Mirror,
    id: TileId,
    is_right: impl Fn(&[Hash]) -> bool,
) -> Result<(Object, Vec<Hash>), Failure> {
    let there = mirror.target.get(&id.path()).context("cannot read the copy")?;
    if let Some(there) = there
        && let Ok(entries) = parse_bundle(&there, usize::from(id.width))
    {
        let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        if is_right(&leaves) {
            return Ok(((id.path(), there), leaves));
        }
    }
    let entries = mirror.session.source.entries(id).await?;
    let leaves: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    if !is_right(&leaves) {
        return Err(wrong(&format!("{id} is not what the log signed")));
    }
    let mut bytes = Vec::new();
    for entry in &entries {
        push_entry(&mut bytes, entry);
    }
    Ok(((id.path(), bytes), leaves))
}

/// Writes full tiles, and lets go of partial ones in their place.
async fn put_full(mirror: &Mirror, objects: Vec<Object>) -> Result<(), Failure> {
    let paths: Vec<String> = objects.iter().map(|(path, _)| format!("{path}.p")).collect();
    put(&mirror.target, objects).await?;
    let target = Arc::clone(&mirror.target);
    let delete = move || paths.iter().try_for_each(|path| target.delete_below(path));
    let deleted = tokio::task::spawn_blocking(delete).await.context("deleting")?;
    Ok(deleted.context("cannot delete partial tiles from the copy")?)
}

async fn put(target: &Arc<dyn Objects>, objects: Vec<Object>) -> Result<(), Failure> {
    let target = Arc::clone(target);
    let put = tokio::task::spawn_blocking(move || target.put(&objects)).await.context("writing")?;
    Ok(put.context("cannot write the copy")?)
}

fn tile_bytes(items: &[Hash]) -> Vec<u8> {
    items.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn wrong(what: &str) -> Failure {
    Failure::with_exit(Exit::Invalid, what).hint("what answers is broken, or not the log; try another mirror")
}

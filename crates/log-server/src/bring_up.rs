//! Bringing the view up to the log: from whatever it is of, or from nothing.
//!
//! Each entry that is read is compared with the leaf hashes of its tile, and the index at
//! the end with the log's own commitment; a view that is another log's, or that gives
//! another index, is built again.
//!
//! What is published is settled, the rest is not: look-ups are proven under what is
//! published.

use anyhow::{Context as _, ensure};
use log_core::commitment::IndexCommitment;
use log_core::consistency;
use log_core::edge::Edge;
use log_core::hash::{Hash, leaf_hash};
use log_core::tile::{Level, TILE_WIDTH, TileId};

use crate::head::HeadRecord;
use crate::index::Mark;
use crate::reader::Reader;
use crate::view::{Derived, View};

/// Bundles that are read at once: 4,096 entries.
const BUNDLES_AT_ONCE: u64 = 16;

/// The committed log.
#[derive(Debug, Clone, Copy)]
pub struct Committed<'a> {
    /// Reads its tiles.
    pub reader: &'a Reader,
    /// Its size and root.
    pub head: &'a HeadRecord,
    /// Its right edge.
    pub edge: &'a Edge,
    /// How much of it is published.
    pub published: u64,
}

/// Brings the view up; `commitment` is the log's last entry.
pub fn bring_up(
    view: &View,
    log: &Committed<'_>,
    commitment: Option<&IndexCommitment>,
) -> anyhow::Result<()> {
    catch_up(view, log)?;
    let Some(commitment) = commitment else { return Ok(()) };
    if view.map_root()? == commitment.root {
        return Ok(());
    }
    tracing::warn!("the view is not that of the log and will be built again");
    view.clear()?;
    catch_up(view, log)?;
    ensure!(
        view.map_root()? == commitment.root,
        "the entries do not give the index that the log committed to"
    );
    Ok(())
}

/// The entries of a bundle, compared with the leaf hashes of the tile in its place.
pub fn checked_entries(reader: &Reader, id: TileId) -> anyhow::Result<Vec<Vec<u8>>> {
    let entries = reader.entries(id)?;
    let leaves = reader.hashes(TileId { level: Level::Hashes(0), ..id })?;
    let same = entries.iter().map(|entry| leaf_hash(entry)).eq(leaves);
    ensure!(same, "the entries of {id} are not those of the tree: the store is damaged");
    Ok(entries)
}

fn catch_up(view: &View, log: &Committed<'_>) -> anyhow::Result<()> {
    let head = log.head;
    let mut indexed = view.mark();
    let mut dated = view.commitments_mark()?.unwrap_or(Mark::EMPTY);
    if !is_prefix(indexed, log)? || !is_prefix(dated, log)? || indexed.size > log.published {
        view.clear()?;
        (indexed, dated) = (Mark::EMPTY, Mark::EMPTY);
    }
    let mut size = indexed.size.min(dated.size);
    if head.size - size > BUNDLES_AT_ONCE * TILE_WIDTH {
        tracing::info!(from = size, to = head.size, "bringing the view up to the log");
    }
    while size < head.size {
        let mut until = ((size / TILE_WIDTH + BUNDLES_AT_ONCE) * TILE_WIDTH).min(head.size);
        if size < log.published {
            until = until.min(log.published);
        }
        let (mut keys, mut commitments) = (Vec::new(), Vec::new());
        for derived in derived(log, size, until)? {
            match derived {
                Derived::Statement(entry) if entry.index >= indexed.size => keys.push(entry),
                Derived::Statement(_) => {}
                Derived::Commitment(index) => commitments.push(index),
            }
        }
        let mark = Mark { size: until, root: root_at(until, log)? };
        view.apply(&keys)?;
        view.add_commitments(commitments, mark)?;
        if until <= log.published && until > indexed.size {
            view.settle(mark)?;
        }
        size = until;
    }
    Ok(())
}

/// What the entries from one index to before another bring into the view. Entries that
/// are none leave no trace.
fn derived(log: &Committed<'_>, from: u64, until: u64) -> anyhow::Result<Vec<Derived>> {
    let mut all = Vec::new();
    for bundle in from / TILE_WIDTH..until.div_ceil(TILE_WIDTH) {
        let id = TileId::in_tree(Level::Entries, bundle, log.head.size).context("a bundle of the tree")?;
        let first = bundle * TILE_WIDTH;
        for (index, entry) in (first..).zip(checked_entries(log.reader, id)?) {
            if (from..until).contains(&index) {
                all.extend(Derived::of(index, &entry));
            }
        }
    }
    Ok(all)
}

/// Whether the view is of this log at this or an earlier size.
fn is_prefix(mark: Mark, log: &Committed<'_>) -> anyhow::Result<bool> {
    Ok(mark.size <= log.head.size && root_at(mark.size, log)? == mark.root)
}

fn root_at(size: u64, log: &Committed<'_>) -> anyhow::Result<Hash> {
    if size == log.head.size {
        return Ok(log.edge.root());
    }
    if size == 0 {
        return Ok(Mark::EMPTY.root);
    }
    let mut tiles = std::collections::BTreeMap::new();
    for id in consistency::tiles(size, log.head.size) {
        tiles.insert(id, log.reader.hashes(id)?);
    }
    Ok(consistency::root_at(size, log.head.size, |id| tiles.get(&id).cloned().unwrap_or_default()))
}

//! From whatever a crash left to a state that can go on. Every start comes
//! through here, so it is not special.
//!
//! 1. Read the head, what is committed, and make sure that it is durable.
//! 2. If it names a staging object that is still there, write the tiles that
//!    follow from it; they may be there already, which is harmless.
//! 3. Read the tail from the tiles and compare its root with the head's.
//! 4. Drop staging objects that no head names: rounds that never committed.
//! 5. Bring the view up to the head, or build it again; each entry that is read for
//!    it is compared with the tree, and the index with the log's own commitment.
//!
//! Nothing here signs. A store that contradicts its head is refused: it was
//! damaged, or rolled back behind the log's back.

use std::io;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use log_core::bundle::push_entry;
use log_core::checkpoint::OpenCheckpoint;
use log_core::commitment::IndexCommitment;
use log_core::consistency;
use log_core::edge::Edge;
use log_core::entry::{Entry, SignedStatement};
use log_core::hash::{Hash, leaf_hash};
use log_core::index::VerifiableIndex;
use log_core::rules::Genesis;
use log_core::statement::Statement;
use log_core::tile::{Level, TILE_WIDTH, TileId};

use crate::admission::InForce;
use crate::batch::{self, Tail};
use crate::head::HeadRecord;
use crate::reader::Reader;
use crate::staging::Staging;
use crate::store::{Head, Objects};
use crate::view::{View, ViewMark};

const NO_HEAD: &str = "there is no head record: `init` did not come to its end, or private/head is lost; \
                       without it nobody knows what is committed (see the operations manual)";

/// Bundles that go into the view in one sled batch while it is rebuilt.
const REBUILD_BUNDLES: u64 = 16;

/// Where a log is kept.
#[derive(Debug, Clone)]
pub struct Stores {
    /// What the world reads.
    pub log: Arc<dyn Objects>,
    /// Rounds that may not be in tiles yet.
    pub staging: Arc<dyn Objects>,
    /// What is committed.
    pub head: Arc<dyn Head>,
}

/// All that the sequencer needs to go on.
#[derive(Debug)]
pub struct State {
    /// What is committed.
    pub head: HeadRecord,
    /// The tree's tail.
    pub tail: Tail,
    /// The verifiable index over all entries.
    pub index: VerifiableIndex,
    /// The policy in force.
    pub policy: InForce,
    /// The time of the newest index commitment.
    pub time: u64,
}

/// Recovers.
pub fn recover(stores: &Stores, view: &View, genesis: &Genesis) -> anyhow::Result<State> {
    let head = stores.head.load()?.context(NO_HEAD)?;
    check_not_rolled_back(stores, &head, genesis)?;
    // What was read may be in memory only, when a crash or an error came between
    // the renaming and the fsync. Nothing is built on it before it is durable.
    ensure!(stores.head.swap(Some(&head), &head)?, "another writer has changed the head record");
    apply_staging(stores, &head)?;
    let tail = load_tail(stores, head.size)?;
    ensure!(
        tail.edge.root() == head.root,
        "the tiles of size {} do not lead to the committed root: the store is damaged",
        head.size
    );
    for name in stores.staging.list()? {
        if head.staging.as_ref() != Some(&name) {
            stores.staging.delete(&name)?;
        }
    }
    let reader = Reader::new(Arc::clone(&stores.log));
    bring_up(view, &reader, &head, &tail.edge)?;
    let commitment = last_commitment(&reader, head.size)?;
    let index = committed_index(view, &reader, &head, &tail.edge, commitment.as_ref())?;
    let policy = policy_in_force(&reader, head.size)?;
    let time = commitment.map_or(0, |commitment| commitment.time);
    Ok(State { head, tail, index, policy, time })
}

/// Writes the tiles that follow from the staging object that the head names.
///
/// When that object is gone its round was finished.
fn apply_staging(stores: &Stores, head: &HeadRecord) -> anyhow::Result<()> {
    let Some(name) = &head.staging else { return Ok(()) };
    let Some(bytes) = stores.staging.get(name)? else { return Ok(()) };
    let staging = Staging::parse(&bytes).with_context(|| format!("the staging object {name} is damaged"))?;
    let tail = load_tail(stores, staging.size_before)?;
    let grown = batch::grow(&tail, &staging.entries);
    ensure!(
        (grown.tail.edge.size(), grown.tail.edge.root()) == (head.size, head.root),
        "the staging object {name} does not lead to the committed root"
    );
    Ok(stores.log.put(&grown.objects)?)
}

/// A published checkpoint ahead of the head: the private directory is older than
/// the public one, and signing on would fork the log.
fn check_not_rolled_back(stores: &Stores, head: &HeadRecord, genesis: &Genesis) -> anyhow::Result<()> {
    let Some(bytes) = stores.log.get("checkpoint")? else { return Ok(()) };
    let open =
        OpenCheckpoint::open(&bytes, &genesis.log).context("the published checkpoint is not this log's")?;
    let agrees = open.size() < head.size || (open.size(), open.root()) == (head.size, head.root);
    if !agrees {
        bail!(
            "the published checkpoint has size {}, but only {} entries are committed: this is an old \
             copy of the log; signing on would fork it. Restore the newest private/head and staging/",
            open.size(),
            head.size
        );
    }
    Ok(())
}

fn load_tail(stores: &Stores, size: u64) -> anyhow::Result<Tail> {
    let reader = Reader::new(Arc::clone(&stores.log));
    let tiles: io::Result<Vec<Vec<Hash>>> =
        Edge::tiles(size).into_iter().map(|id| reader.hashes(id)).collect();
    let edge = Edge::from_tiles(size, &tiles?).context("the tiles at the edge are damaged")?;
    let mut bundle = Vec::new();
    if let Some(id) = TileId::in_tree(Level::Entries, size / TILE_WIDTH, size) {
        for entry in checked_entries(&reader, id)? {
            push_entry(&mut bundle, &entry);
        }
    }
    Ok(Tail { edge, bundle })
}

/// The entries of a bundle, compared with the leaf hashes of the tile in its place.
fn checked_entries(reader: &Reader, id: TileId) -> anyhow::Result<Vec<Vec<u8>>> {
    let entries = reader.entries(id)?;
    let leaves = reader.hashes(TileId { level: Level::Hashes(0), ..id })?;
    let same = entries.iter().map(|entry| leaf_hash(entry)).eq(leaves);
    ensure!(same, "the entries of {id} are not those of the tree: the store is damaged");
    Ok(entries)
}

/// Brings the view from whatever it is of up to the head.
fn bring_up(view: &View, reader: &Reader, head: &HeadRecord, edge: &Edge) -> anyhow::Result<()> {
    let mut size = match view.mark()? {
        Some(mark) if is_prefix(mark, reader, head)? => mark.size,
        _ => {
            view.clear()?;
            0
        }
    };
    if size < head.size {
        tracing::info!(from = size, to = head.size, "bringing the view up to the log");
    }
    while size < head.size {
        let step = (size / TILE_WIDTH + REBUILD_BUNDLES) * TILE_WIDTH;
        let until = step.min(head.size);
        let mut entries = Vec::new();
        for bundle in size / TILE_WIDTH..until.div_ceil(TILE_WIDTH) {
            let id = TileId::in_tree(Level::Entries, bundle, head.size).context("a bundle of the tree")?;
            let first = bundle * TILE_WIDTH;
            let skip = usize::try_from(size.saturating_sub(first))?;
            entries.extend(checked_entries(reader, id)?.into_iter().skip(skip));
        }
        let root = root_at(until, reader, head, edge)?;
        view.apply(size, entries.iter().map(Vec::as_slice), ViewMark { size: until, root })?;
        size = until;
    }
    Ok(())
}

/// Whether the view is of this log at an earlier size.
fn is_prefix(mark: ViewMark, reader: &Reader, head: &HeadRecord) -> anyhow::Result<bool> {
    if mark.size == head.size {
        return Ok(mark.root == head.root);
    }
    Ok(mark.size < head.size && tree_root_at(mark.size, reader, head.size)? == mark.root)
}

fn root_at(size: u64, reader: &Reader, head: &HeadRecord, edge: &Edge) -> anyhow::Result<Hash> {
    if size == head.size { Ok(edge.root()) } else { tree_root_at(size, reader, head.size) }
}

fn tree_root_at(old: u64, reader: &Reader, size: u64) -> anyhow::Result<Hash> {
    let mut tiles = std::collections::BTreeMap::new();
    for id in consistency::tiles(old, size) {
        tiles.insert(id, reader.hashes(id)?);
    }
    Ok(consistency::root_at(old, size, |id| tiles.get(&id).cloned().unwrap_or_default()))
}

/// The first policy, which is entry 0.
fn policy_in_force(reader: &Reader, size: u64) -> anyhow::Result<InForce> {
    if size == 0 {
        return Ok(None);
    }
    let Entry::Statement(signed) = Entry::parse(&reader.entry(0, size)?)? else {
        bail!("entry 0 is not a policy");
    };
    let SignedStatement { statement: Statement::Policy(policy), .. } = *signed else {
        bail!("entry 0 is not a policy");
    };
    Ok(Some((0, policy.policy)))
}

/// The index that the view gives, compared with the one that the log has committed
/// to; a view that gives another one is built again.
fn committed_index(
    view: &View,
    reader: &Reader,
    head: &HeadRecord,
    edge: &Edge,
    commitment: Option<&IndexCommitment>,
) -> anyhow::Result<VerifiableIndex> {
    let Some(commitment) = commitment else { return Ok(VerifiableIndex::default()) };
    let index = view.index()?;
    if index.root() == commitment.root {
        return Ok(index);
    }
    tracing::warn!("the view is not that of the log and will be built again");
    view.clear()?;
    bring_up(view, reader, head, edge)?;
    let index = view.index()?;
    ensure!(index.root() == commitment.root, "the entries do not give the index that the log committed to");
    Ok(index)
}

fn last_commitment(reader: &Reader, size: u64) -> anyhow::Result<Option<IndexCommitment>> {
    let Some(last) = size.checked_sub(1) else { return Ok(None) };
    let entry = reader.entry(last, size)?;
    let commitment = str::from_utf8(&entry).ok().and_then(IndexCommitment::parse);
    commitment.map(Some).context("the last entry is not an index commitment")
}

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

use anyhow::{Context as _, anyhow, bail, ensure};
use log_core::bundle::push_entry;
use log_core::checkpoint::OpenCheckpoint;
use log_core::commitment::IndexCommitment;
use log_core::edge::Edge;
use log_core::entry::IndexKey;
use log_core::hash::Hash;
use log_core::rules::Genesis;
use log_core::statement::Statement;
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_core::timeline::{Moment, Timeline};

use crate::batch::{self, Tail};
use crate::bring_up::{self, Committed, checked_entries};
use crate::head::HeadRecord;
use crate::known::Log;
use crate::reader::Reader;
use crate::staging::Staging;
use crate::store::{Head, Objects};
use crate::view::{Scope, View};

const NO_HEAD: &str = "there is no head record: `init` did not come to its end, or private/head is lost; \
                       without it nobody knows what is committed (see the operations manual)";

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
    /// All policies.
    pub timeline: Arc<Timeline>,
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
    let published = published_size(stores, genesis)?;
    let commitment = last_commitment(&reader, head.size)?;
    let log = Committed { reader: &reader, head: &head, edge: &tail.edge, published };
    bring_up::bring_up(view, &log, commitment.as_ref())?;
    let timeline = Arc::new(policies(view, &reader, head.size)?);
    let time = commitment.map_or(0, |commitment| commitment.time);
    Ok(State { head, tail, timeline, time })
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

/// All policies with their times.
fn policies(view: &View, reader: &Reader, size: u64) -> anyhow::Result<Timeline> {
    let log = Log { view, reader, size };
    let mut timeline = Timeline::default();
    for index in view.by_key(&IndexKey::Policy, 0, usize::MAX, Scope::All)? {
        let signed = log.statement(index)?;
        let bytes = signed.envelope.to_canonical().len();
        let Statement::Policy(policy) = signed.statement else { bail!("entry {index} is not a policy") };
        let at = Moment { index, time: Some(log.commitment_dating(index)?.time) };
        timeline.push(at, bytes, policy.policy).map_err(|full| anyhow!("{full}"))?;
    }
    ensure!(size == 0 || !timeline.policies().is_empty(), "the log has entries and no policy");
    Ok(timeline)
}

/// The size of the published checkpoint; 0 when there is none.
fn published_size(stores: &Stores, genesis: &Genesis) -> anyhow::Result<u64> {
    match stores.log.get("checkpoint")? {
        None => Ok(0),
        Some(bytes) => Ok(OpenCheckpoint::open(&bytes, &genesis.log)?.size()),
    }
}

fn last_commitment(reader: &Reader, size: u64) -> anyhow::Result<Option<IndexCommitment>> {
    let Some(last) = size.checked_sub(1) else { return Ok(None) };
    let entry = reader.entry(last, size)?;
    let commitment = str::from_utf8(&entry).ok().and_then(IndexCommitment::parse);
    commitment.map(Some).context("the last entry is not an index commitment")
}

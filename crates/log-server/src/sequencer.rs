//! The sequencer: the single writer of the log.
//!
//! One round, from a pool of statements to their receipts, is [`Sequencer::round`]:
//! read it first. Recovery (`recover`) and a round share the functions that write,
//! so what a crash leaves is finished by code that runs all the time.
//!
//! When anything fails the state in memory is thrown away and recovered from the
//! store, since after a failed write nobody knows what has happened. Meanwhile
//! the log says that it is unavailable and signs nothing.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use log_core::checkpoint::{Checkpoint, OpenCheckpoint};
use log_core::commitment::IndexCommitment;
use log_core::consistency;
use log_core::edge::Edge;
use log_core::hash::Hash;
use log_core::key::SignerKey;
use log_core::note::Note;
use log_core::rules::Genesis;
use log_core::timeline::Timeline;
use log_io::clock;
use tokio::runtime::Handle;

use crate::admission::{self, Candidate, Fate, RoundStart};
use crate::batch;
use crate::collect::Collector;
use crate::cosign::{Cosign, RolledBack};
use crate::head::HeadRecord;
use crate::index::Mark;
use crate::known::Log;
use crate::metrics::Metrics;
use crate::metrics::labels::Success;
use crate::pool::{Admitted, NotAdmitted, Pending, PoolReceiver, Taken};
use crate::published::{Newest, Published};
use crate::reader::Reader;
use crate::recover::{State, Stores, recover};
use crate::staging::Staging;
use crate::view::{self, View};

/// Wait before the first attempt to recover; doubled before each further one.
const FIRST_RETRY_WAIT: Duration = Duration::from_millis(100);

/// Longest wait between two attempts to recover.
const MAX_RETRY_WAIT: Duration = Duration::from_secs(10);

/// How old the cosignatures of the newest checkpoint get before new ones are asked for.
const REFRESH_TIME: Duration = Duration::from_secs(300);

/// Wait before the witnesses are asked again for a quorum that was not met.
const PUBLISH_RETRY_TIME: Duration = Duration::from_secs(2);

/// Without witnesses there is nothing to do for an idle log.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3_600);

/// Entries that may be committed and wait for a quorum: what is not published is held in
/// memory, and nobody can check it.
const MAX_UNPUBLISHED: u64 = 65_536;

/// The single writer.
#[derive(Debug)]
pub struct Sequencer {
    /// Where the log is kept.
    pub stores: Stores,
    /// What is derived from it.
    pub view: View,
    /// Reads entries and tiles.
    pub reader: Reader,
    /// What the log was born with.
    pub genesis: Genesis,
    /// The log's key.
    pub key: SignerKey,
    /// What readers see.
    pub newest: Newest,
    /// What deletes partial tiles that nobody needs any more.
    pub collector: Collector,
    /// Who cosigns; `None`: nobody needs to.
    pub witnesses: Option<Witnesses>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time, in POSIX seconds.
    pub clock: fn() -> u64,
}

/// Who cosigns what the log publishes.
#[derive(Debug, Clone)]
pub struct Witnesses {
    /// How they are asked.
    pub cosign: Arc<dyn Cosign>,
    /// Whether a checkpoint without a quorum stays unpublished.
    pub required: bool,
}

impl Sequencer {
    /// Recovers and publishes what is committed. To be called before `run`, so that
    /// a log that cannot start says so at once.
    pub fn start(&self) -> anyhow::Result<State> {
        // Rounds that were not published are applied again; and a database that has failed
        // stays failed until it is opened again.
        self.view.recover()?;
        let state = recover(&self.stores, &self.view, &self.genesis)?;
        // The empty tree was published by `init`, which asks nobody.
        self.publish(&state, state.head.size == 0)?;
        if let Some(name) = &state.head.staging {
            self.stores.staging.delete(name)?;
        }
        self.collect();
        Ok(state)
    }

    /// Takes rounds from the pool until it is closed; an error is the end of this log's
    /// signing until a person has looked at it.
    pub fn run(&self, mut state: State, pool: &mut PoolReceiver, runtime: &Handle) -> anyhow::Result<()> {
        loop {
            let (pending, done) = match pool.take(runtime, self.idle_time(&state)) {
                // What is in memory only would be read from the log again at the next start.
                Taken::Closed => return self.view.flush().context("cannot write the view"),
                Taken::Nothing => (Vec::new(), self.refresh(&state).map(|()| Vec::new())),
                Taken::Some(pending) => {
                    let answers = self.measured_round(&mut state, &pending);
                    (pending, answers)
                }
            };
            match done {
                Ok(answers) => {
                    for (pending, answer) in pending.into_iter().zip(answers) {
                        // A sender that went away does not want the answer.
                        let _ = pending.reply.send(answer);
                    }
                    self.collect();
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the round failed; recovering");
                    self.newest.stop();
                    for pending in pending {
                        let _ = pending.reply.send(Err(NotAdmitted::Unavailable));
                    }
                    if error.is::<RolledBack>() {
                        return Err(error);
                    }
                    match self.recover_until(|| pool.is_closed())? {
                        Some(recovered) => state = recovered,
                        None => return Ok(()),
                    }
                }
            }
        }
    }

    fn measured_round(
        &self,
        state: &mut State,
        pending: &[Pending],
    ) -> anyhow::Result<Vec<Result<Admitted, NotAdmitted>>> {
        let (timer, before) = (clock::Stopwatch::start(), state.head.size);
        let done = self.round(state, pending);
        let result = if done.is_ok() { Success::Ok } else { Success::Failed };
        let entries = usize::try_from(state.head.size - before).unwrap_or(usize::MAX);
        self.metrics.log.round(result, timer.elapsed(), entries);
        done
    }

    /// How long the log may be idle before the witnesses are asked again.
    fn idle_time(&self, state: &State) -> Duration {
        match &self.witnesses {
            None => NEVER,
            Some(_) if self.unpublished(state) == 0 => REFRESH_TIME,
            Some(_) => PUBLISH_RETRY_TIME,
        }
    }

    /// Without new entries nothing is appended, but clients judge the age of a checkpoint
    /// by its cosignatures, so they are made anew.
    fn refresh(&self, state: &State) -> anyhow::Result<()> {
        if self.witnesses.is_some() {
            self.publish(state, true)?;
        }
        Ok(())
    }

    /// Deletes some of the partial tiles that no published tree needs any more.
    fn collect(&self) {
        if let Some(tree) = self.newest.get() {
            let deleted = self.collector.after_publish(tree.size, (self.clock)());
            self.metrics.log.partial_tiles_deleted(deleted);
        }
    }

    /// How many committed entries are not published.
    fn unpublished(&self, state: &State) -> u64 {
        state.head.size - self.newest.get().map_or(0, |tree| tree.size.min(state.head.size))
    }

    /// Tries to recover until it succeeds, or until nobody waits for it any more.
    fn recover_until(&self, given_up: impl Fn() -> bool) -> anyhow::Result<Option<State>> {
        let mut wait = FIRST_RETRY_WAIT;
        while !given_up() {
            std::thread::sleep(wait);
            match self.start() {
                Ok(state) => {
                    tracing::info!(size = state.head.size, "recovered");
                    return Ok(Some(state));
                }
                Err(error) if error.is::<RolledBack>() => return Err(error),
                Err(error) => tracing::error!(error = format!("{error:#}"), "cannot recover yet"),
            }
            wait = (wait * 2).min(MAX_RETRY_WAIT);
        }
        Ok(None)
    }

    /// One round.
    ///
    /// After an error `state` must not be used any more.
    pub fn round(
        &self,
        state: &mut State,
        pending: &[Pending],
    ) -> anyhow::Result<Vec<Result<Admitted, NotAdmitted>>> {
        // Judge. A crash here has changed nothing.
        if self.unpublished(state) > MAX_UNPUBLISHED {
            self.publish(state, true)?;
            if self.unpublished(state) > MAX_UNPUBLISHED {
                return Ok(pending.iter().map(|_| Err(NotAdmitted::Unavailable)).collect());
            }
        }
        let candidates: Vec<Candidate<'_>> = pending.iter().map(Candidate::from).collect();
        let size = state.head.size;
        // A clock that went back does not take the log's time with it.
        let time = state.time.max((self.clock)());
        let start = RoundStart { size, time, genesis: &self.genesis };
        let known = Log { view: &self.view, reader: &self.reader, size };
        let mut timeline = Timeline::clone(&state.timeline);
        let fates = admission::judge(&candidates, start, &mut timeline, &known)?;
        // The new leaves, and the index commitment after them.
        let (mut entries, mut keys) = (Vec::new(), Vec::new());
        for (candidate, fate) in candidates.iter().zip(&fates) {
            if let Fate::New(index) = fate {
                keys.push(view::keys(*index, candidate.signed, candidate.payload_digest));
                entries.push(candidate.signed.envelope.to_canonical());
            }
        }
        if !entries.is_empty() {
            state.time = time;
            if timeline != *state.timeline {
                state.timeline = Arc::new(timeline);
            }
            let before = size + entries.len() as u64;
            let root = self.view.apply(&keys)?;
            let commitment = IndexCommitment { size: before, root, time, first: size };
            entries.push(commitment.to_string().into_bytes());
            self.commit(state, entries)?;
        }
        Ok(fates.into_iter().map(answer).collect())
    }

    /// Appends entries: stage, commit, write tiles, publish.
    fn commit(&self, state: &mut State, entries: Vec<Vec<u8>>) -> anyhow::Result<()> {
        let batch = batch::grow(&state.tail, &entries);
        let (size, root) = (batch.tail.edge.size(), batch.tail.edge.root());

        // Stage. A crash from here to the commit point leaves an object that no head
        // names; recovery deletes it, and nobody was told anything.
        let staging = Staging { size_before: state.head.size, entries };
        let bytes = staging.encode();
        let name = staging.name(&bytes);
        self.stores.staging.put(&[(name.clone(), bytes)]).context("cannot stage the round")?;

        // COMMIT POINT. From here on the entries are in the log. A crash leaves tiles
        // that are missing or partly written; recovery writes them from the staging
        // object, and the statement, submitted again, is found to be logged.
        let head = HeadRecord { size, root, staging: Some(name.clone()) };
        let swapped = self.stores.head.swap(Some(&state.head), &head).context("cannot commit the round")?;
        ensure!(swapped, "another writer has changed the head record");

        // Tiles and bundles: now a function of what was committed.
        self.stores.log.put(&batch.objects).context("cannot write the tiles")?;
        state.head = head;
        state.tail = batch.tail;
        self.metrics.log.set_tree_size(size);

        // The view. A crash leaves it behind; recovery brings it up.
        self.view.add_commitments([size - 1], Mark { size, root })?;

        // Sign and publish. A crash before it leaves an older checkpoint, which is
        // still true; the start publishes the newer one.
        self.publish(state, false)?;

        // The staging object has done its work. Left behind it is harmless.
        self.stores.staging.delete(&name).context("cannot drop the staging object")
    }

    /// Signs the committed tree, has it cosigned, and lets the world and the readers see
    /// it. Without the quorum that is required it stays as it is: committed, to be
    /// published with what comes next. `again` asks for new cosignatures of the same tree.
    ///
    /// All tiles of the size are durable when this is called.
    fn publish(&self, state: &State, again: bool) -> anyhow::Result<()> {
        let edge = &state.tail.edge;
        let mut checkpoint = self.sign(edge.size(), edge.root());
        let mut published = false;
        if let Some(bytes) = self.stores.log.get("checkpoint")? {
            let open = OpenCheckpoint::open(&bytes, &self.genesis.log)?;
            // The same tree, perhaps with cosignatures: it stays as it is.
            published = (open.size(), open.root()) == (edge.size(), edge.root());
            if published {
                checkpoint = open.note().clone();
            } else {
                ensure!(open.size() < edge.size(), "a checkpoint of size {} is published", open.size());
            }
        }
        if !published || again {
            match self.cosigned(edge)? {
                Some(note) => checkpoint = note,
                None if published => tracing::warn!("the cosignatures could not be made anew"),
                None => {
                    tracing::error!(size = edge.size(), "not published: the quorum of witnesses is not met");
                    return Ok(());
                }
            }
        }
        let checkpoint = checkpoint.to_string();
        self.stores.log.overwrite("checkpoint", checkpoint.as_bytes()).context("cannot publish")?;
        self.metrics.log.set_checkpoint_timestamp((self.clock)());
        let published = Published::new(checkpoint, edge, Arc::clone(&state.timeline), state.time);
        // Look-ups wait for the other when they see but one of these two.
        self.view.settle(Mark { size: edge.size(), root: edge.root() })?;
        self.newest.set(published);
        Ok(())
    }

    /// The checkpoint with cosignatures; `None` when a quorum is required and not met.
    fn cosigned(&self, edge: &Edge) -> anyhow::Result<Option<Note>> {
        let note = self.sign(edge.size(), edge.root());
        let Some(witnesses) = &self.witnesses else { return Ok(Some(note)) };
        let prove = |old: u64| {
            let mut tiles = BTreeMap::new();
            for id in consistency::tiles(old, edge.size()) {
                tiles.insert(id, self.reader.hashes(id)?);
            }
            let tile = |id| tiles.get(&id).cloned().unwrap_or_default();
            Ok(consistency::prove(old, edge.size(), tile))
        };
        let timer = clock::Stopwatch::start();
        let cosigned = witnesses.cosign.gather(&note, edge.size(), &prove)?;
        if cosigned.quorum {
            self.metrics.log.cosigned(timer.elapsed());
        }
        // An empty tree has nothing that could be kept from anybody; cosigned it is for those
        // who submit the first policy and trust nothing without a quorum.
        let is_enough = cosigned.quorum || !witnesses.required || edge.size() == 0;
        Ok(is_enough.then_some(cosigned.note))
    }

    fn sign(&self, size: u64, root: Hash) -> Note {
        let origin = self.genesis.log.name().to_string();
        Checkpoint { origin, size, root, extensions: Vec::new() }.sign(&self.key)
    }
}

impl<'a> From<&'a Pending> for Candidate<'a> {
    fn from(pending: &'a Pending) -> Self {
        Self {
            signed: &pending.signed,
            payload_digest: pending.payload_digest,
            authorised_under: pending.authorised_under,
        }
    }
}

fn answer(fate: Fate) -> Result<Admitted, NotAdmitted> {
    match fate {
        Fate::New(index) => Ok(Admitted { index, again: false }),
        Fate::Again(index) => Ok(Admitted { index, again: true }),
        Fate::Refused(refusal) => Err(refusal.into()),
    }
}

#[cfg(test)]
mod tests;

//! The sequencer: the single writer of the log.
//!
//! One round, from a pool of statements to their receipts, is [`Sequencer::round`]:
//! read it first. Recovery (`recover`) and a round share the functions that write,
//! so what a crash leaves is finished by code that runs all the time.
//!
//! When anything fails the state in memory is thrown away and recovered from the
//! store, since after a failed write nobody knows what has happened. Meanwhile
//! the log says that it is unavailable and signs nothing.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use log_core::checkpoint::{Checkpoint, OpenCheckpoint};
use log_core::commitment::IndexCommitment;
use log_core::entry::IndexKey;
use log_core::hash::Hash;
use log_core::key::SignerKey;
use log_core::rules::Genesis;

use crate::admission::{self, Candidate, Fate};
use crate::batch;
use crate::head::HeadRecord;
use crate::pool::{Admitted, NotAdmitted, Pending, PoolReceiver};
use crate::reader::{Newest, Published};
use crate::recover::{State, Stores, recover};
use crate::staging::Staging;
use crate::view::{View, ViewMark};

/// Wait before the first attempt to recover; doubled before each further one.
const FIRST_RETRY_WAIT: Duration = Duration::from_millis(100);

/// Longest wait between two attempts to recover.
const MAX_RETRY_WAIT: Duration = Duration::from_secs(10);

/// The single writer.
#[derive(Debug)]
pub struct Sequencer {
    /// Where the log is kept.
    pub stores: Stores,
    /// What is derived from it.
    pub view: View,
    /// What the log was born with.
    pub genesis: Genesis,
    /// The log's key.
    pub key: SignerKey,
    /// What readers see.
    pub newest: Newest,
    /// The time, in POSIX seconds.
    pub clock: fn() -> u64,
}

impl Sequencer {
    /// Recovers and publishes what is committed. To be called before `run`, so that
    /// a log that cannot start says so at once.
    pub fn start(&self) -> anyhow::Result<State> {
        let state = recover(&self.stores, &self.view, &self.genesis)?;
        self.publish(&state)?;
        if let Some(name) = &state.head.staging {
            self.stores.staging.delete(name)?;
        }
        Ok(state)
    }

    /// Takes rounds from the pool until it is closed.
    pub fn run(&self, mut state: State, pool: &mut PoolReceiver) {
        while let Some(pending) = pool.take() {
            match self.round(&mut state, &pending) {
                Ok(answers) => {
                    for (pending, answer) in pending.into_iter().zip(answers) {
                        // A sender that went away does not want the answer.
                        let _ = pending.reply.send(answer);
                    }
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the round failed; recovering");
                    self.newest.stop();
                    for pending in pending {
                        let _ = pending.reply.send(Err(NotAdmitted::Unavailable));
                    }
                    let Some(recovered) = self.recover_until(|| pool.is_closed()) else { return };
                    state = recovered;
                }
            }
        }
    }

    /// Tries to recover until it succeeds, or until nobody waits for it any more.
    fn recover_until(&self, given_up: impl Fn() -> bool) -> Option<State> {
        let mut wait = FIRST_RETRY_WAIT;
        while !given_up() {
            std::thread::sleep(wait);
            // A failed database stays failed until it is opened again.
            let started = self.view.reopen().map_err(anyhow::Error::from).and_then(|()| self.start());
            match started {
                Ok(state) => {
                    tracing::info!(size = state.head.size, "recovered");
                    return Some(state);
                }
                Err(error) => tracing::error!(error = format!("{error:#}"), "cannot recover yet"),
            }
            wait = (wait * 2).min(MAX_RETRY_WAIT);
        }
        None
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
        let candidates: Vec<Candidate<'_>> = pending.iter().map(Candidate::from).collect();
        let size = state.head.size;
        let fates = admission::judge(&candidates, size, &self.genesis, &mut state.policy, &self.view)?;

        // The new leaves, and the index commitment after them.
        let mut entries = Vec::new();
        for (candidate, fate) in candidates.iter().zip(&fates) {
            if let Fate::New(index) = fate {
                state.index.add(*index, candidate.signed.index_keys().iter().map(IndexKey::hash));
                entries.push(candidate.signed.envelope.to_canonical());
            }
        }
        if !entries.is_empty() {
            // A clock that went back does not take the log's time with it.
            state.time = state.time.max((self.clock)());
            let before = size + entries.len() as u64;
            let commitment = IndexCommitment { size: before, root: state.index.root(), time: state.time };
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

        // The view. A crash leaves it behind; recovery brings it up.
        let added = staging.entries.iter().map(Vec::as_slice);
        self.view.apply(staging.size_before, added, ViewMark { size, root })?;

        // Sign and publish. A crash before it leaves an older checkpoint, which is
        // still true; the start publishes the newer one.
        self.publish(state)?;

        // The staging object has done its work. Left behind it is harmless.
        self.stores.staging.delete(&name).context("cannot drop the staging object")
    }

    /// Signs the committed tree, and lets the world and the readers see it.
    ///
    /// All tiles of the size are durable when this is called.
    fn publish(&self, state: &State) -> anyhow::Result<()> {
        let edge = &state.tail.edge;
        let mut checkpoint = self.sign(edge.size(), edge.root());
        if let Some(published) = self.stores.log.get("checkpoint")? {
            let open = OpenCheckpoint::open(&published, &self.genesis.log)?;
            // The same tree, perhaps with cosignatures: it stays as it is.
            if (open.size(), open.root()) == (edge.size(), edge.root()) {
                checkpoint = open.note().to_string();
            } else {
                ensure!(open.size() < edge.size(), "a checkpoint of size {} is published", open.size());
            }
        }
        self.stores.log.overwrite("checkpoint", checkpoint.as_bytes()).context("cannot publish")?;
        self.newest.set(Published::new(checkpoint, edge, state.policy.clone(), state.index.map()));
        Ok(())
    }

    fn sign(&self, size: u64, root: Hash) -> String {
        let origin = self.genesis.log.name().to_string();
        Checkpoint { origin, size, root, extensions: Vec::new() }.sign(&self.key).to_string()
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

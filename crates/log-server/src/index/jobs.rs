//! When the store writes and merges, and on which thread.
//!
//! What is in memory is written when it is a certain share of everything, by a thread
//! of its own, while rounds go on. A round waits for it only when four times as much is
//! in memory. When writing fails, since the disk is full perhaps, it is tried again when
//! there is more, until that is so; then the round fails. A damaged run fails a round at
//! once.

use std::sync::Arc;
use std::thread::{self, JoinHandle};

use super::IndexError;
use super::store::Shared;

/// How many times the usual amount may be in memory.
const MAX_FLUSHES_BEHIND: u64 = 4;

/// The work beside the rounds.
#[derive(Debug)]
pub(super) struct Jobs {
    shared: Arc<Shared>,
    flush: Option<Job>,
    merge: Option<Job>,
    /// Of records in memory so many are needed for the next flush, since one failed.
    not_before: u64,
    /// Whether a merge may succeed: after one that failed not before the next flush.
    may_merge: bool,
}

#[derive(Debug)]
enum Job {
    Running(JoinHandle<Result<(), IndexError>>),
    Done(Result<(), IndexError>),
}

impl Jobs {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, flush: None, merge: None, not_before: 0, may_merge: true }
    }

    /// Starts what is due. Everything is settled.
    pub(super) fn after_settle(&mut self) -> Result<(), IndexError> {
        let config = &self.shared.config;
        let (in_memory, in_runs) = self.shared.records();
        let due = config.flush_records.max((in_memory + in_runs) / config.flush_share);
        let behind = in_memory >= due.saturating_mul(MAX_FLUSHES_BEHIND);
        if behind || self.flush.as_ref().is_some_and(Job::is_finished) {
            match join(self.flush.take()) {
                Err(error) if behind || matches!(error, IndexError::Damaged(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "cannot write the index; it will be tried again");
                    self.not_before = in_memory + due / 2;
                }
                Ok(()) => self.not_before = 0,
            }
        }
        // What was just written is in memory no more.
        let (in_memory, _) = self.shared.records();
        if self.flush.is_none() && in_memory >= due.max(self.not_before) {
            let snapshot = self.shared.freeze();
            self.flush = Some(self.start("index-flush", move |shared| shared.flush(&snapshot?))?);
            self.may_merge = true;
        }
        if self.merge.as_ref().is_some_and(Job::is_finished) {
            match join(self.merge.take()) {
                Err(error @ IndexError::Damaged(_)) => return Err(error),
                Err(error) => {
                    tracing::warn!(%error, "cannot merge runs of the index; it will be tried again");
                    self.may_merge = false;
                }
                Ok(()) => {}
            }
        }
        if self.merge.is_none() && self.may_merge && self.shared.disk.is_merge_due() {
            self.merge = Some(self.start("index-merge", Shared::merge)?);
        }
        Ok(())
    }

    /// Writes everything. Everything is settled.
    pub(super) fn flush_now(&mut self) -> Result<(), IndexError> {
        // What went wrong before is tried again.
        let _ = join(self.flush.take());
        if self.shared.records().0 == 0 && self.shared.disk.mark()? == self.shared.settled().mark {
            return Ok(());
        }
        self.shared.flush(&self.shared.freeze()?)
    }

    fn start(
        &self,
        name: &str,
        work: impl FnOnce(&Shared) -> Result<(), IndexError> + Send + 'static,
    ) -> Result<Job, IndexError> {
        if !self.shared.config.background {
            return Ok(Job::Done(work(&self.shared)));
        }
        let shared = Arc::clone(&self.shared);
        Ok(Job::Running(thread::Builder::new().name(name.to_owned()).spawn(move || work(&shared))?))
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        self.shared.disk.stop();
        for job in [self.flush.take(), self.merge.take()] {
            // Nobody is left to be told; what was not written is applied again.
            let _ = join(job);
        }
    }
}

impl Job {
    fn is_finished(&self) -> bool {
        match self {
            Self::Running(thread) => thread.is_finished(),
            Self::Done(_) => true,
        }
    }
}

fn join(job: Option<Job>) -> Result<(), IndexError> {
    match job {
        None => Ok(()),
        Some(Job::Done(result)) => result,
        Some(Job::Running(thread)) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}

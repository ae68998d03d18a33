//! Statements that wait to be sequenced, and how their senders hear of it.
//!
//! Bounded: when the pool is full a sender is told so at once, and told to come
//! back, instead of waiting in a queue that only grows.

use std::time::Duration;

use log_core::entry::SignedStatement;
use log_core::hash::Hash;
use log_core::limits::MAX_ROUND;
use log_core::rules::Refusal;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

/// Statements that may wait: two rounds' worth.
pub const POOL_CAPACITY: usize = 2 * MAX_ROUND;

/// A statement that passed all checks that need no single writer.
#[derive(Debug)]
pub struct Pending {
    /// The statement.
    pub signed: SignedStatement,
    /// The digest of its payload.
    pub payload_digest: Hash,
    /// The policy entry under which its signatures were found good, so that the
    /// single writer need not verify them again while that policy is in force.
    pub authorised_under: Option<u64>,
    /// Where the answer goes.
    pub reply: oneshot::Sender<Result<Admitted, NotAdmitted>>,
}

/// A statement that is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// Its index.
    pub index: u64,
    /// Whether it was there before.
    pub again: bool,
}

/// A statement that is not in the log, or not known to be.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NotAdmitted {
    /// The rules do not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The round failed; sending it again is safe and shows what became of it.
    #[error("the log could not store the statement")]
    Unavailable,
}

/// Why a statement did not get into the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PoolError {
    /// Too many statements wait.
    #[error("{POOL_CAPACITY} statements are waiting already")]
    Full,
    /// The log is shutting down.
    #[error("the log is shutting down")]
    Closed,
}

/// Puts statements into the pool.
#[derive(Debug, Clone)]
pub struct Pool {
    sender: mpsc::Sender<Pending>,
}

/// Takes statements out of the pool.
#[derive(Debug)]
pub struct PoolReceiver {
    receiver: mpsc::Receiver<Pending>,
}

/// What came out of the pool.
#[derive(Debug)]
pub enum Taken {
    /// One statement or more.
    Some(Vec<Pending>),
    /// None came in time.
    Nothing,
    /// There will be no more.
    Closed,
}

/// An empty pool.
pub fn pool() -> (Pool, PoolReceiver) {
    let (sender, receiver) = mpsc::channel(POOL_CAPACITY);
    (Pool { sender }, PoolReceiver { receiver })
}

impl Pool {
    /// Puts statements in: all, or none when there is no room for all of them.
    pub fn push(&self, pending: Vec<Pending>) -> Result<(), PoolError> {
        let room = self.sender.try_reserve_many(pending.len()).map_err(|error| match error {
            mpsc::error::TrySendError::Full(()) => PoolError::Full,
            mpsc::error::TrySendError::Closed(()) => PoolError::Closed,
        })?;
        for (permit, pending) in room.zip(pending) {
            permit.send(pending);
        }
        Ok(())
    }

    /// How many statements wait.
    pub fn waiting(&self) -> usize {
        POOL_CAPACITY - self.sender.capacity()
    }
}

impl PoolReceiver {
    /// Whether there will be no more statements.
    pub fn is_closed(&self) -> bool {
        self.receiver.is_closed()
    }

    /// Waits for a statement, at most for `idle`, then takes all that wait, up to
    /// [`MAX_ROUND`]. What comes in during a round is the next one: under load rounds
    /// grow, and with them the work that one fsync pays for.
    pub fn take(&mut self, runtime: &Handle, idle: Duration) -> Taken {
        let first = self.receiver.recv();
        let first = match runtime.block_on(async { tokio::time::timeout(idle, first).await }) {
            Ok(Some(first)) => first,
            Ok(None) => return Taken::Closed,
            Err(_) => return Taken::Nothing,
        };
        let mut taken = vec![first];
        while taken.len() < MAX_ROUND {
            match self.receiver.try_recv() {
                Ok(pending) => taken.push(pending),
                Err(_) => break,
            }
        }
        Taken::Some(taken)
    }
}

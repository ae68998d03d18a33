//! What the log does for a request, without HTTP: submissions and look-ups.

use std::io;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use log_core::api::{BatchEnd, BatchLine, Committed, LookupAnswer, LookupKey, LookupRequest, Receipt};
use log_core::dsse::Envelope;
use log_core::entry::{EntryError, IndexKey, SignedStatement};
use log_core::key::VerifierKey;
use log_core::limits::MAX_LOOKUP_KEYS;
use log_core::map_proof::MapProof;
use log_core::rules::{self, Genesis, Refusal};
use log_core::timeline::{Moment, Timeline};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::answers::Answers;
use crate::metrics::Metrics;
use crate::pool::{Admitted, NotAdmitted, Pending, Pool, PoolError};
use crate::published::{Newest, Published};
use crate::reader::Reader;
use crate::store::Objects;
use crate::view::{Scope, View, ViewError};

/// Statements of a submission that one task verifies, at least: two milliseconds of work.
/// More of them when all processors have work that way.
const VERIFIED_AT_ONCE: usize = 64;

/// How often the newest tree and the index are looked at until they are of one size; they
/// change one after the other, within microseconds, a few times a second.
const PROVE_ATTEMPTS: usize = 100;

/// Wait between two looks.
const PROVE_WAIT: Duration = Duration::from_millis(1);

/// The parts of a running log that requests need.
#[derive(Debug, Clone)]
pub struct App {
    /// What the log was born with.
    pub genesis: Arc<Genesis>,
    /// Where statements go.
    pub pool: Pool,
    /// What is published.
    pub newest: Newest,
    /// What is derived.
    pub view: View,
    /// Entries and proofs.
    pub reader: Reader,
    /// The files of the log.
    pub objects: Arc<dyn Objects>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// The time, in POSIX seconds.
    pub clock: fn() -> u64,
}

/// What became of an accepted submission.
#[derive(Debug)]
pub enum Submitted {
    /// It is published.
    Published(Box<Receipt>),
    /// It is committed, and waits for witnesses.
    Committed(Committed),
}

/// Why a request has no good answer.
#[derive(Debug, Error)]
pub enum AppError {
    /// The submission is no entry.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The rules refuse the statement; with the entry that is in the way.
    #[error("{0}")]
    Refused(Refusal, Option<Box<Receipt>>),
    /// The request is malformed.
    #[error("{0}")]
    Request(String),
    /// Too many statements wait.
    #[error(transparent)]
    Busy(#[from] PoolError),
    /// The log recovers, or the round failed.
    #[error("the log cannot store statements at the moment")]
    Unavailable,
    /// There is nothing to look up yet.
    #[error("the log has no policy yet, and so no entries")]
    NoPolicy,
    /// The log's own fault.
    #[error("the log's store or view failed")]
    Internal(#[source] anyhow::Error),
}

/// A statement that was checked before the single writer sees it.
enum Checked {
    New { signed: Box<SignedStatement>, payload_digest: log_core::hash::Hash, authorised_under: Option<u64> },
    Again(u64),
}

/// What became of one statement of several.
enum Line {
    Answer(Result<Admitted, AppError>),
    Waits(oneshot::Receiver<Result<Admitted, NotAdmitted>>),
}

impl App {
    /// Takes a submission; the answer comes when its entry is published, or when the
    /// witnesses were waited for in vain.
    pub async fn submit(&self, body: &[u8]) -> Result<Submitted, AppError> {
        let tree = self.newest.for_statements().ok_or(AppError::Unavailable)?;
        // Some 50 µs of work, and a file is read for few that are refused: less than to
        // wake another thread for it.
        let checked = self.check(body, &tree)?;
        let entry = match &checked {
            Checked::New { signed, .. } => Some(signed.envelope.to_canonical()),
            Checked::Again(_) => None,
        };
        let mut lines = self.enqueue(vec![Ok(checked)])?;
        let line = lines.pop().ok_or(AppError::Unavailable)?;
        let admitted = match settle(line).await {
            Ok(admitted) => admitted,
            Err(error) => return Err(self.with_earlier(error).await),
        };
        self.submitted(admitted, entry).await
    }

    /// Takes several submissions, one a line: all of them, or none when the pool has no
    /// room. A fuller pool may spread them over two rounds.
    pub async fn submit_lines(
        &self,
        lines: Vec<Vec<u8>>,
    ) -> Result<(Vec<Result<BatchLine, AppError>>, BatchEnd), AppError> {
        let tree = self.newest.for_statements().ok_or(AppError::Unavailable)?;
        let mut tasks = Vec::new();
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let at_once = lines.len().div_ceil(processors).max(VERIFIED_AT_ONCE);
        let mut left = lines.into_iter();
        loop {
            let chunk: Vec<Vec<u8>> = left.by_ref().take(at_once).collect();
            if chunk.is_empty() {
                break;
            }
            let (app, tree) = (self.clone(), Arc::clone(&tree));
            let check =
                move || chunk.into_iter().map(|line| (app.check(&line, &tree), line)).collect::<Vec<_>>();
            tasks.push(tokio::task::spawn_blocking(check));
        }
        let (mut checked, mut sent) = (Vec::new(), Vec::new());
        for task in tasks {
            for (result, line) in task.await.map_err(|error| AppError::Internal(error.into()))? {
                checked.push(result);
                sent.push(line);
            }
        }
        let mut admitted = Vec::new();
        for line in self.enqueue(checked)? {
            admitted.push(match settle(line).await {
                Ok(admitted) => Ok(admitted),
                Err(error) => Err(self.with_earlier(error).await),
            });
        }
        let app = self.clone();
        blocking(move || {
            let (tree, maps) = app.proven(&[])?;
            app.answers(&tree, &maps).batch(admitted, &sent)
        })
        .await
    }

    /// Answers a look-up.
    pub async fn lookup(&self, request: LookupRequest) -> Result<LookupAnswer, AppError> {
        if !(1..=MAX_LOOKUP_KEYS).contains(&request.keys.len()) {
            let found = request.keys.len();
            return Err(AppError::Request(format!("`keys`: expected 1 to {MAX_LOOKUP_KEYS}, found {found}")));
        }
        let app = self.clone();
        blocking(move || {
            let keys: Vec<IndexKey> = request.keys.iter().filter_map(LookupKey::index_key).collect();
            let (tree, maps) = app.proven(&keys)?;
            app.answers(&tree, &maps).lookup(&request)
        })
        .await
    }

    /// The rules that need no single writer, in the order of the protocol.
    fn check(&self, body: &[u8], tree: &Published) -> Result<Checked, AppError> {
        let envelope = Envelope::parse(body).map_err(EntryError::from)?;
        let payload_digest = envelope.payload_digest();
        let signed = SignedStatement::new(envelope).map_err(EntryError::from)?;
        let at = Moment { index: tree.size, time: Some(tree.time.max((self.clock)())) };
        let refusal = match rules::authorise(&signed, at, &tree.timeline, &self.genesis) {
            Ok(()) => {
                let authorised_under = tree.timeline.in_force(at).map(|dated| dated.index);
                return Ok(Checked::New { signed: Box::new(signed), payload_digest, authorised_under });
            }
            Err(refusal) => refusal,
        };
        // Signatures first: what a known key has not signed is not worth a look.
        let key = |keyid: &str| known_key(keyid, &tree.timeline, &self.genesis);
        rules::check_signatures(&signed.envelope, key).map_err(|refusal| AppError::Refused(refusal, None))?;
        // A statement that is logged succeeds again, though its key was retired since.
        if let Some(index) = self.view.payload(&payload_digest, Scope::Settled)?
            && index < tree.size
        {
            return Ok(Checked::Again(index));
        }
        // The first policy may be on its way: let the writer judge.
        let started = self.newest.get().is_some_and(|tree| !tree.timeline.policies().is_empty());
        if refusal == Refusal::NoPolicy && started {
            return Ok(Checked::New { signed: Box::new(signed), payload_digest, authorised_under: None });
        }
        Err(AppError::Refused(refusal, None))
    }

    /// Puts what is new into the pool: all of it, or nothing when there is no room.
    fn enqueue(&self, checked: Vec<Result<Checked, AppError>>) -> Result<Vec<Line>, AppError> {
        let mut pending = Vec::new();
        let lines = checked.into_iter().map(|checked| match checked {
            Ok(Checked::New { signed, payload_digest, authorised_under }) => {
                let (reply, answer) = oneshot::channel();
                pending.push(Pending { signed: *signed, payload_digest, authorised_under, reply });
                Line::Waits(answer)
            }
            Ok(Checked::Again(index)) => Line::Answer(Ok(Admitted { index, again: true })),
            Err(error) => Line::Answer(Err(error)),
        });
        let lines = lines.collect();
        self.pool.push(pending)?;
        Ok(lines)
    }

    async fn submitted(&self, admitted: Admitted, sent: Option<Vec<u8>>) -> Result<Submitted, AppError> {
        let tree = self.newest.get().ok_or(AppError::Unavailable)?;
        if admitted.index >= tree.size {
            return Ok(Submitted::Committed(Committed { index: admitted.index }));
        }
        let receipt = if admitted.again {
            let app = self.clone();
            blocking(move || app.answers(&tree, &[]).receipt(admitted, sent)).await?
        } else {
            // Of a new entry all is in memory, but for the first receipt under a tree.
            self.answers(&tree, &[]).receipt(admitted, sent)?
        };
        Ok(Submitted::Published(Box::new(receipt)))
    }

    /// A conflict comes with the proof of the entry that is in the way.
    async fn with_earlier(&self, error: AppError) -> AppError {
        let AppError::Refused(refusal, None) = error else { return error };
        let index = match &refusal {
            Refusal::Conflict { file, logged } => {
                tracing::warn!(%file, index = logged.index, "attempted overwrite of a logged file");
                Some(logged.index)
            }
            Refusal::Withdrawn { index, .. } | Refusal::LeavesOut { index, .. } => Some(*index),
            _ => None,
        };
        let earlier = match index {
            Some(index) => self.submitted(Admitted { index, again: true }, None).await.ok(),
            None => None,
        };
        match earlier {
            Some(Submitted::Published(receipt)) => AppError::Refused(refusal, Some(receipt)),
            _ => AppError::Refused(refusal, None),
        }
    }

    /// The newest tree, with what the index under it has for the policy and these keys.
    fn proven(&self, keys: &[IndexKey]) -> Result<(Arc<Published>, Vec<MapProof>), AppError> {
        let all: Vec<IndexKey> = std::iter::once(IndexKey::Policy).chain(keys.iter().cloned()).collect();
        for _ in 0..PROVE_ATTEMPTS {
            let tree = self.newest.get().ok_or(AppError::Unavailable)?;
            let (mark, maps) = self.view.prove(&all)?;
            if mark.size == tree.size {
                return Ok((tree, maps));
            }
            // Between the one and the other a round was published.
            std::thread::sleep(PROVE_WAIT);
        }
        Err(AppError::Unavailable)
    }

    fn answers<'a>(&'a self, tree: &'a Published, maps: &'a [MapProof]) -> Answers<'a> {
        Answers { tree, view: &self.view, reader: &self.reader, maps }
    }
}

async fn settle(line: Line) -> Result<Admitted, AppError> {
    let answer = match line {
        Line::Answer(answer) => return answer,
        Line::Waits(answer) => answer.await,
    };
    match answer {
        Ok(Ok(admitted)) => Ok(admitted),
        Ok(Err(NotAdmitted::Refused(refusal))) => Err(AppError::Refused(refusal, None)),
        Ok(Err(NotAdmitted::Unavailable)) | Err(_) => Err(AppError::Unavailable),
    }
}

/// A key of any policy so far, the newest first, or a root.
fn known_key<'k>(keyid: &str, timeline: &'k Timeline, genesis: &'k Genesis) -> Option<&'k VerifierKey> {
    let root = |keys: &'k [VerifierKey]| keys.iter().find(|key| key.is_called(keyid));
    let mut policies = timeline.policies().iter().rev().map(|dated| &dated.policy);
    policies
        .find_map(|policy| {
            let publisher = policy.publisher_key(keyid).map(|(key, _)| &key.key);
            publisher.or_else(|| root(&policy.roots.keys))
        })
        .or_else(|| root(&genesis.roots.keys))
}

/// Runs what reads files off the runtime's own threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, AppError> + Send + 'static,
) -> Result<T, AppError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(AppError::Internal(error.into())),
    }
}

impl From<io::Error> for AppError {
    fn from(error: io::Error) -> Self {
        Self::Internal(error.into())
    }
}

impl From<ViewError> for AppError {
    fn from(error: ViewError) -> Self {
        Self::Internal(error.into())
    }
}

impl From<anyhow::Error> for AppError {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

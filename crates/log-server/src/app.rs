//! What the log does for a request, without HTTP: submissions and look-ups.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use log_core::api::{
    EntryJson, LookupAnswer, LookupKey, LookupRequest, LookupResult, Receipt, ReceiptStatus,
};
use log_core::dsse::Envelope;
use log_core::entry::{EntryError, IndexKey, SignedStatement};
use log_core::hash::encode_base64;
use log_core::key::VerifierKey;
use log_core::limits::{MAX_LOOKUP_ANSWER_ENTRY_BYTES, MAX_LOOKUP_ENTRIES, MAX_LOOKUP_KEYS};
use log_core::map_proof::MapProofJson;
use log_core::policy::Policy;
use log_core::proof_file::Extra;
use log_core::rules::{self, Genesis, Refusal};
use thiserror::Error;
use tokio::sync::oneshot;

use crate::admission::Known as _;
use crate::pool::{Admitted, NotAdmitted, Pending, Pool, PoolError};
use crate::reader::{Newest, Published, Reader};
use crate::store::Objects;
use crate::view::{View, ViewError};

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
    New(Box<SignedStatement>, Option<u64>),
    Again(u64),
}

impl App {
    /// Takes a submission; the answer comes when its entry is published.
    pub async fn submit(&self, body: Vec<u8>) -> Result<Receipt, AppError> {
        let app = self.clone();
        let tree = self.newest.for_statements().ok_or(AppError::Unavailable)?;
        let (signed, authorised_under) = match blocking(move || app.check(&body, &tree)).await? {
            Checked::New(signed, authorised_under) => (*signed, authorised_under),
            Checked::Again(index) => return self.receipt(Admitted { index, again: true }).await,
        };
        let (reply, answer) = oneshot::channel();
        let payload_digest = signed.envelope.payload_digest();
        self.pool.push(Pending { signed, payload_digest, authorised_under, reply })?;
        match answer.await {
            Ok(Ok(admitted)) => self.receipt(admitted).await,
            Ok(Err(NotAdmitted::Refused(refusal))) => Err(self.refused(refusal).await),
            Ok(Err(NotAdmitted::Unavailable)) | Err(_) => Err(AppError::Unavailable),
        }
    }

    /// Answers a look-up.
    pub async fn lookup(&self, request: LookupRequest) -> Result<LookupAnswer, AppError> {
        if !(1..=MAX_LOOKUP_KEYS).contains(&request.keys.len()) {
            let found = request.keys.len();
            return Err(AppError::Request(format!("`keys`: expected 1 to {MAX_LOOKUP_KEYS}, found {found}")));
        }
        let app = self.clone();
        let tree = self.newest.get().ok_or(AppError::Unavailable)?;
        blocking(move || app.answer(&request, &tree)).await
    }

    /// The rules that need no single writer, in the order of the protocol.
    fn check(&self, body: &[u8], tree: &Published) -> Result<Checked, AppError> {
        let envelope = Envelope::parse(body).map_err(EntryError::from)?;
        let signed = SignedStatement::new(envelope).map_err(EntryError::from)?;
        let policy = tree.policy.as_ref().map(|(_, policy)| policy);
        let refused = |refusal| AppError::Refused(refusal, None);
        rules::check_signatures(&signed.envelope, |keyid| self.find_key(keyid, policy)).map_err(refused)?;
        if let Some(index) = self.view.payload(&signed.envelope.payload_digest())? {
            // It may be in a tree that is not published yet; then the writer answers.
            if index < tree.size {
                return Ok(Checked::Again(index));
            }
        }
        match rules::authorise(&signed, policy, &self.genesis) {
            Ok(()) => Ok(Checked::New(Box::new(signed), tree.policy.as_ref().map(|(index, _)| *index))),
            // The first policy may be on its way: let the writer judge.
            Err(Refusal::NoPolicy) if self.newest.get().is_some_and(|tree| tree.policy.is_some()) => {
                Ok(Checked::New(Box::new(signed), None))
            }
            Err(refusal) => Err(refused(refusal)),
        }
    }

    fn find_key<'k>(&'k self, keyid: &str, policy: Option<&'k Policy>) -> Option<&'k VerifierKey> {
        let publisher = policy.and_then(|policy| policy.publisher_key(keyid)).map(|(key, _)| key);
        publisher.or_else(|| self.genesis.roots.keys.iter().find(|key| key.keyid() == keyid))
    }

    async fn receipt(&self, admitted: Admitted) -> Result<Receipt, AppError> {
        let app = self.clone();
        let tree = self.newest.get().ok_or(AppError::Unavailable)?;
        blocking(move || app.make_receipt(admitted, &tree)).await
    }

    fn make_receipt(&self, admitted: Admitted, tree: &Published) -> Result<Receipt, AppError> {
        let (policy, _) = tree.policy.as_ref().ok_or(AppError::Unavailable)?;
        let file = self.reader.proof_file(admitted.index, *policy, tree)?;
        let extra = file.extra.as_deref().and_then(|extra| Extra::parse(extra).ok());
        Ok(Receipt {
            index: admitted.index,
            status: if admitted.again { ReceiptStatus::AlreadyLogged } else { ReceiptStatus::Logged },
            entry: extra.map(|extra| encode_base64(&extra.entry)).unwrap_or_default(),
            proof: file.to_string(),
        })
    }

    /// A refusal; a conflict comes with the proof of the entry that is in the way.
    async fn refused(&self, refusal: Refusal) -> AppError {
        let earlier = match &refusal {
            Refusal::Conflict { file, logged } => {
                tracing::warn!(%file, index = logged.index, "attempted overwrite of a logged file");
                self.receipt(Admitted { index: logged.index, again: true }).await.ok()
            }
            _ => None,
        };
        AppError::Refused(refusal, earlier.map(Box::new))
    }

    fn answer(&self, request: &LookupRequest, tree: &Published) -> Result<LookupAnswer, AppError> {
        let (policy, _) = tree.policy.as_ref().ok_or(AppError::NoPolicy)?;
        let mut wanted = BTreeSet::new();
        let mut results = Vec::with_capacity(request.keys.len());
        for key in &request.keys {
            results.push(self.result(key, tree, &mut wanted)?);
        }
        let proven = |index| Ok::<_, AppError>(EntryJson::new(&self.reader.proven(index, tree)?));
        let mut entries = Vec::with_capacity(wanted.len());
        let mut bytes = 0;
        for index in wanted {
            let entry = proven(index)?;
            bytes += entry.entry.len();
            entries.push(entry);
            if bytes > MAX_LOOKUP_ANSWER_ENTRY_BYTES {
                cut(&mut results, index + 1);
                break;
            }
        }
        Ok(LookupAnswer {
            checkpoint: tree.checkpoint.clone(),
            commitment: proven(tree.size - 1)?,
            policy: proven(*policy)?,
            policy_map: map_proof(&IndexKey::Policy, tree),
            results,
            entries,
        })
    }

    /// The published entries that concern a key, as long as there is room.
    fn result(
        &self,
        key: &LookupKey,
        tree: &Published,
        wanted: &mut BTreeSet<u64>,
    ) -> Result<LookupResult, AppError> {
        // One more than fits tells whether there are more.
        let room = MAX_LOOKUP_ENTRIES - wanted.len().min(MAX_LOOKUP_ENTRIES);
        let (from, limit) = (key.from(), room + 1);
        let by_key = |key: IndexKey| self.view.by_key(&key, from, limit);
        let mut entries = match key.clone() {
            LookupKey::File { project, name, .. } => by_key(IndexKey::File(project, name))?,
            LookupKey::Release { project, version, .. } => by_key(IndexKey::Release(project, version))?,
            LookupKey::Digest { sha256, .. } => self.view.by_digest(sha256.0, from, limit)?,
            LookupKey::Project { name, .. } => by_key(IndexKey::Project(name))?,
        };
        entries.retain(|index| *index < tree.size);
        let next = entries.get(room).copied();
        entries.truncate(room);
        wanted.extend(&entries);
        let map = key.index_key().map(|key| map_proof(&key, tree));
        Ok(LookupResult { entries, next, map })
    }
}

fn map_proof(key: &IndexKey, tree: &Published) -> MapProofJson {
    (&tree.map.prove(key.hash().as_bytes())).into()
}

/// Ends the results before the entry `end`.
fn cut(results: &mut [LookupResult], end: u64) {
    for result in results {
        if let Some(first_cut) = result.entries.iter().position(|index| *index >= end) {
            result.next = result.entries.get(first_cut).copied();
            result.entries.truncate(first_cut);
        }
    }
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

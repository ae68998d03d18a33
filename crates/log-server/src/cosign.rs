//! Asking the witnesses to cosign a checkpoint (C2SP tlog-witness, the log's side).
//!
//! All are asked in parallel; the first quorum is enough. Per witness the size that it
//! last cosigned is remembered, so that as a rule one request does; a 409 corrects it. A
//! witness that has seen more of this log than there is means that this is an old copy:
//! the log stops and signs nothing more.
//!
//! What is left out: when to ask, and what becomes of a checkpoint without a quorum
//! (`sequencer`).

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use log_core::hash::Hash;
use log_core::key::VerifierKey;
use log_core::note::{Note, NoteSignature};
use log_core::trust_policy::{TrustError, TrustPolicy};
use log_core::witness_api::{
    ADD_CHECKPOINT_PATH, AddCheckpoint, MAX_RESPONSE_BYTES, parse_response, parse_size,
};
use log_io::fetch::Http;
use thiserror::Error;
use tokio::runtime::Handle;

use crate::metrics::Metrics;
use crate::metrics::labels::WitnessResult;

/// Requests to one witness for one checkpoint: a size that is not known, or was changed
/// by somebody else meanwhile, costs one more each.
const ATTEMPTS: usize = 3;

/// A consistency proof from an older size to that of the checkpoint.
pub type Prove<'a> = &'a (dyn Fn(u64) -> anyhow::Result<Vec<Hash>> + Sync);

/// Those who cosign.
pub trait Cosign: std::fmt::Debug + Send + Sync {
    /// Gathers cosignatures for a checkpoint of `size` leaves.
    fn gather(&self, checkpoint: &Note, size: u64, prove: Prove<'_>) -> Result<Cosigned, RolledBack>;
}

/// What came of asking.
#[derive(Debug, Clone)]
pub struct Cosigned {
    /// The checkpoint with the cosignatures that came.
    pub note: Note,
    /// Whether they are a quorum.
    pub quorum: bool,
}

/// Somebody has seen more of the log than there is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "{who} has seen this log at size {seen}, but it has only {size} entries: this is an old copy of the log, and \
     signing on would fork it. Restore the newest copy; see the operations manual"
)]
pub struct RolledBack {
    /// Who has seen it.
    pub who: String,
    /// What it has seen.
    pub seen: u64,
    /// What there is.
    pub size: u64,
}

/// Witnesses that are asked over HTTP.
#[derive(Debug)]
pub struct HttpWitnesses {
    /// The log's key.
    pub log: VerifierKey,
    /// What a quorum is.
    pub policy: TrustPolicy,
    /// Those of its witnesses that can be asked.
    pub witnesses: Vec<Witness>,
    /// How long to wait for a quorum.
    pub timeout: Duration,
    /// How they are asked.
    pub http: Http,
    /// Where the requests run.
    pub runtime: Handle,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

/// A witness that can be asked.
#[derive(Debug)]
pub struct Witness {
    key: VerifierKey,
    /// The submission prefix, ending in `/`.
    url: String,
    /// The size that it last cosigned, as far as is known.
    known: AtomicU64,
}

/// Why a witness did not cosign.
#[derive(Debug, Error)]
enum Refusal {
    #[error("it knows size {0}")]
    Ahead(u64),
    #[error("{1}")]
    Other(WitnessResult, String),
}

impl Witness {
    /// The witnesses of a policy that have URLs.
    pub fn of(policy: &TrustPolicy) -> Vec<Self> {
        let witness = |(key, url): (&VerifierKey, Option<&str>)| {
            let url = format!("{}/", url?.trim_end_matches('/'));
            Some(Self { key: key.clone(), url, known: AtomicU64::new(0) })
        };
        policy.witnesses().filter_map(witness).collect()
    }
}

impl HttpWitnesses {
    async fn gather_all(
        &self,
        checkpoint: &Note,
        size: u64,
        prove: Prove<'_>,
    ) -> Result<Cosigned, RolledBack> {
        let mut note = checkpoint.clone();
        let asked = self
            .witnesses
            .iter()
            .map(|witness| async move { (witness, self.ask(witness, checkpoint, size, prove).await) });
        let mut answers: FuturesUnordered<_> = asked.collect();
        let deadline = tokio::time::sleep(self.timeout);
        tokio::pin!(deadline);
        let mut quorum = self.is_quorum(&note);
        while !quorum {
            let answer = tokio::select! {
                answer = answers.next() => answer,
                () = &mut deadline => {
                    tracing::warn!(size, "the witnesses did not answer in time");
                    None
                }
            };
            match answer {
                None => break,
                Some((witness, Ok(lines))) => {
                    self.count(witness, WitnessResult::Cosigned);
                    for line in lines {
                        note.push(line);
                    }
                }
                Some((witness, Err(Refusal::Ahead(seen)))) => {
                    self.count(witness, WitnessResult::Conflict);
                    let who = format!("witness {}", witness.key.name());
                    return Err(RolledBack { who, seen, size });
                }
                Some((witness, Err(Refusal::Other(result, error)))) => {
                    self.count(witness, result);
                    tracing::warn!(witness = %witness.key.name(), size, error, "a witness did not cosign");
                }
            }
            quorum = self.is_quorum(&note);
        }
        Ok(Cosigned { note, quorum })
    }

    fn count(&self, witness: &Witness, result: WitnessResult) {
        self.metrics.log.witness(witness.key.name().as_str(), result);
    }

    fn is_quorum(&self, note: &Note) -> bool {
        match self.policy.open_of(&self.log, note.to_string().as_bytes()) {
            Ok(_) => true,
            Err(TrustError::Quorum { .. }) => false,
            Err(error) => {
                tracing::error!(%error, "a cosigned checkpoint does not open");
                false
            }
        }
    }

    /// Asks one witness; gives the signature lines of its own key that verify.
    async fn ask(
        &self,
        witness: &Witness,
        checkpoint: &Note,
        size: u64,
        prove: Prove<'_>,
    ) -> Result<Vec<NoteSignature>, Refusal> {
        let refused = |result, error: &str| Refusal::Other(result, error.to_owned());
        let url = format!("{}{ADD_CHECKPOINT_PATH}", witness.url);
        for _ in 0..ATTEMPTS {
            let old = witness.known.load(Ordering::Relaxed).min(size);
            let proof = if old == 0 || old == size {
                Vec::new()
            } else {
                prove(old).map_err(|error| refused(WitnessResult::Refused, &format!("{error:#}")))?
            };
            let request = AddCheckpoint { old, proof, checkpoint: checkpoint.to_string() };
            let sent = self.http.post_once(&url, request.encode(), self.timeout, MAX_RESPONSE_BYTES).await;
            let (status, body) =
                sent.map_err(|error| refused(WitnessResult::Unreachable, &error.to_string()))?;
            match status.as_u16() {
                200 => {
                    let lines = parse_response(&body);
                    let good = lines.into_iter().flatten().filter(|line| is_good(checkpoint, witness, line));
                    let good: Vec<NoteSignature> = good.take(1).collect();
                    if good.is_empty() {
                        return Err(refused(
                            WitnessResult::Invalid,
                            "its answer has no good cosignature of its key",
                        ));
                    }
                    witness.known.store(size, Ordering::Relaxed);
                    return Ok(good);
                }
                409 => {
                    let seen = parse_size(&body);
                    let seen = seen.ok_or_else(|| refused(WitnessResult::Invalid, "a 409 without a size"))?;
                    if seen > size {
                        return Err(Refusal::Ahead(seen));
                    }
                    witness.known.store(seen, Ordering::Relaxed);
                }
                status => {
                    let said: String = String::from_utf8_lossy(&body).chars().take(200).collect();
                    return Err(refused(WitnessResult::Refused, &format!("it answered {status}: {said}")));
                }
            }
        }
        let why = "its size keeps changing: does another server use this log's key?";
        Err(refused(WitnessResult::Conflict, why))
    }
}

impl Cosign for HttpWitnesses {
    fn gather(&self, checkpoint: &Note, size: u64, prove: Prove<'_>) -> Result<Cosigned, RolledBack> {
        self.runtime.block_on(self.gather_all(checkpoint, size, prove))
    }
}

fn is_good(checkpoint: &Note, witness: &Witness, line: &NoteSignature) -> bool {
    let mut note = Note::unsigned(checkpoint.text().to_owned());
    note.push(line.clone());
    note.open(std::slice::from_ref(&witness.key)).is_ok()
}

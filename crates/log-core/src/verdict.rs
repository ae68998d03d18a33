//! What a client concludes about a file: pure functions from trust, time and
//! what the log answered.
//!
//! 1. [`Trust::open`]: the checkpoint is signed by the log, cosigned by the
//!    quorum, fresh enough;
//! 2. [`check_answer`], [`check_proof_file`] or [`check_history`]: what is said
//!    under that checkpoint is included in it, and allowed by the policy in it;
//! 3. [`judge()`]: the file's name has one digest in the log, and it is the file's.
//!
//! Consistency with checkpoints seen before needs tiles and state; the caller
//! does it between 1 and 2. A look-up is complete: the index that the log commits to
//! fixes the list of entries of each file, release and project, so an answer that
//! leaves one out is refused, and one without any proves absence.

use thiserror::Error;

use crate::api::{EntryJson, LookupAnswer, LookupKey};
use crate::artifact::ProjectName;
use crate::entry::{Entry, EntryError, IndexKey, SignedStatement};
use crate::evidence::{self, Evidence};
use crate::hash::{Hash, leaf_hash};
use crate::history::History;
use crate::index::list_root;
use crate::limits::MAX_LOOKUP_ENTRIES;
use crate::map_proof::MapProofJson;
use crate::policy::Policy;
use crate::proof::{ProofError, verify_inclusion};
use crate::proof_file::{Extra, ProofFile, ProofFileError, ProvenEntry};
use crate::rules::{self, Genesis};
use crate::statement::{Release, Statement};
use crate::trust_policy::{TrustError, TrustPolicy, TrustedCheckpoint};

mod judge;

pub use judge::{Subject, Verdict, judge};

/// How far a witness's clock may be ahead of this machine's, in seconds.
const MAX_CLOCK_SKEW: u64 = 300;

/// Whom and what a client believes.
#[derive(Debug, Clone)]
pub struct Trust {
    /// The log and its witnesses.
    pub policy: TrustPolicy,
    /// The log's key and the root keys.
    pub genesis: Genesis,
    /// How old the quorum's cosignatures may be, in seconds.
    pub max_age: Option<u64>,
}

/// Why what a log said is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Distrust {
    /// Not a checkpoint of the trusted log, or the quorum is not met.
    #[error(transparent)]
    Checkpoint(#[from] TrustError),
    /// The quorum's cosignatures are too old.
    #[error("the checkpoint's cosignatures are {age} s old; the trust file allows {limit} s")]
    Stale {
        /// How old they are.
        age: u64,
        /// How old they may be.
        limit: u64,
    },
    /// The quorum's cosignatures are from the future.
    #[error("the checkpoint was cosigned {ahead} s after now: this machine's clock or a witness's is wrong")]
    Future {
        /// How far they are ahead.
        ahead: u64,
    },
    /// An entry of a kind that this version does not know.
    #[error("entry {index} is of a kind that this version does not know: {error}")]
    Newer {
        /// Which entry.
        index: u64,
        /// What is not known.
        error: EntryError,
    },
    /// An entry's inclusion proof does not verify.
    #[error("entry {index} is not proven to be in the log: {error}")]
    NotIncluded {
        /// Which entry.
        index: u64,
        /// What is wrong with its proof.
        error: ProofError,
    },
    /// An answer or proof file of the wrong form.
    #[error("the log's answer is malformed: {0}")]
    Malformed(String),
    /// The answer is not all that the log has committed to for a key.
    #[error("the log's answer about {key} is not what its index commits to: {what}")]
    Incomplete {
        /// What was asked for.
        key: String,
        /// What is wrong with it.
        what: String,
    },
    /// The log broke a rule, provably.
    #[error("the log misbehaved: {what}")]
    Misbehaviour {
        /// What it did.
        what: &'static str,
        /// The proof of it.
        evidence: Box<Evidence>,
    },
}

/// What is proven to be in the log: enough to judge some files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The policy in force.
    pub policy: Policy,
    /// Releases with their indices, ascending.
    pub releases: Vec<(u64, Release)>,
    /// The log's time, when the newest commitment was read.
    pub log_time: Option<u64>,
    /// Whether it is proven that the log has nothing else about what was asked for.
    pub complete: bool,
}

impl Trust {
    /// Opens a checkpoint and checks quorum and freshness at `now`.
    pub fn open(&self, checkpoint: &[u8], now: u64) -> Result<TrustedCheckpoint, Distrust> {
        let open = self.policy.open(checkpoint)?;
        if let (Some(limit), Some(cosigned_at)) = (self.max_age, open.cosigned_at) {
            if let Some(ahead) = cosigned_at.checked_sub(now).filter(|ahead| *ahead > MAX_CLOCK_SKEW) {
                return Err(Distrust::Future { ahead });
            }
            let age = now.saturating_sub(cosigned_at);
            if age > limit {
                return Err(Distrust::Stale { age, limit });
            }
        }
        Ok(open)
    }

    /// Opens a checkpoint without judging its age, as for offline proofs.
    pub fn open_at_any_age(&self, checkpoint: &[u8]) -> Result<TrustedCheckpoint, Distrust> {
        Ok(self.policy.open(checkpoint)?)
    }
}

/// Checks the answer to a look-up of `keys` under its checkpoint, which the caller has
/// opened.
pub fn check_answer(
    genesis: &Genesis,
    checkpoint: &TrustedCheckpoint,
    keys: &[LookupKey],
    answer: &LookupAnswer,
) -> Result<Facts, Distrust> {
    let commitment = decode(&answer.commitment)?;
    check_included(&commitment, checkpoint)?;
    let last = checkpoint.checkpoint.size().checked_sub(1);
    let commitment = match Entry::parse(&commitment.entry) {
        Ok(Entry::Commitment(own)) if Some(commitment.index) == last && own.size == commitment.index => own,
        _ => return Err(malformed("the last leaf is not the index commitment")),
    };
    let (policy_json, policy) = checked_policy(genesis, checkpoint, &decode(&answer.policy)?)?;
    if answer.entries.len() > MAX_LOOKUP_ENTRIES {
        return Err(malformed("it has more entries than an answer may have"));
    }
    if answer.entries.windows(2).any(|pair| pair[0].index >= pair[1].index) {
        return Err(malformed("its entries are not ascending, each once"));
    }
    let mut proven = Vec::new();
    for entry in &answer.entries {
        let entry = decode(entry)?;
        check_included(&entry, checkpoint)?;
        proven.push(entry);
    }
    check_listed("the policy", &IndexKey::Policy, &answer.policy_map, commitment.root, &[0])?;
    let complete = check_complete(keys, answer, commitment.root)?;
    let releases = checked_releases(checkpoint, &policy, policy_json, &proven)?;
    Ok(Facts { policy, releases, log_time: Some(commitment.time), complete })
}

/// Whether the results are the whole lists that the index commits to. One that was
/// cut, or that does not begin at the beginning, cannot be compared yet.
fn check_complete(keys: &[LookupKey], answer: &LookupAnswer, root: Hash) -> Result<bool, Distrust> {
    if answer.results.len() != keys.len() {
        return Err(malformed("it has not one result per key"));
    }
    let mut complete = true;
    for (key, result) in keys.iter().zip(&answer.results) {
        for index in &result.entries {
            if answer.entries.binary_search_by_key(index, |entry| entry.index).is_err() {
                return Err(malformed(&format!("a result names entry {index}, which is not there")));
            }
        }
        let Some(index_key) = key.index_key() else { continue };
        if key.from() > 0 || result.next.is_some() {
            complete = false;
            continue;
        }
        let name = serde_json::to_string(key).unwrap_or_default();
        let proof = result.map.as_ref().ok_or_else(|| Distrust::Incomplete {
            key: name.clone(),
            what: "there is no proof from the index".to_owned(),
        })?;
        check_listed(&name, &index_key, proof, root, &result.entries)?;
    }
    Ok(complete)
}

/// Whether the index with this root lists exactly these entries under a key.
fn check_listed(
    name: &str,
    key: &IndexKey,
    proof: &MapProofJson,
    root: Hash,
    entries: &[u64],
) -> Result<(), Distrust> {
    let incomplete = |what: String| Distrust::Incomplete { key: name.to_owned(), what };
    let proof = proof.decode().map_err(|error| incomplete(error.to_string()))?;
    let found = proof.verify(key.hash().as_bytes(), root).map_err(|error| incomplete(error.to_string()))?;
    let expected = (!entries.is_empty()).then(|| *list_root(entries).as_bytes());
    if found == expected { Ok(()) } else { Err(incomplete("it leaves out entries, or adds some".to_owned())) }
}

/// Checks an offline proof under its checkpoint, which the caller has opened.
pub fn check_proof_file(
    genesis: &Genesis,
    checkpoint: &TrustedCheckpoint,
    file: &ProofFile,
) -> Result<Facts, Distrust> {
    let extra = file.extra.as_deref().ok_or_else(|| malformed("the proof file has no `extra` line"))?;
    let extra = Extra::parse(extra).map_err(|error: ProofFileError| malformed(&error.to_string()))?;
    let (policy_json, policy) = checked_policy(genesis, checkpoint, &extra.policy)?;
    let entry = ProvenEntry { index: file.index, entry: extra.entry, proof: file.proof.clone() };
    check_included(&entry, checkpoint)?;
    let releases = checked_releases(checkpoint, &policy, policy_json, &[entry])?;
    Ok(Facts { policy, releases, log_time: None, complete: false })
}

/// What a whole, checked history says about some projects; `None` without a policy.
pub fn check_history<'p>(
    history: &History,
    projects: impl IntoIterator<Item = &'p ProjectName>,
) -> Option<Facts> {
    let (_, policy) = history.policy()?;
    let mut releases: Vec<(u64, Release)> =
        projects.into_iter().flat_map(|project| history.releases(project)).cloned().collect();
    releases.sort_by_key(|(index, _)| *index);
    releases.dedup_by_key(|(index, _)| *index);
    let log_time = history.commitment().map(|commitment| commitment.time);
    Some(Facts { policy: policy.clone(), releases, log_time, complete: true })
}

/// The first policy: entry 0, included, and signed as the trust file demands.
fn checked_policy(
    genesis: &Genesis,
    checkpoint: &TrustedCheckpoint,
    entry: &ProvenEntry,
) -> Result<(EntryJson, Policy), Distrust> {
    check_included(entry, checkpoint)?;
    if entry.index != 0 {
        return Err(malformed("the policy is not entry 0"));
    }
    let json = EntryJson::new(entry);
    let signed = match Entry::parse(&entry.entry) {
        Ok(Entry::Statement(signed)) => signed,
        Ok(Entry::Commitment(_)) => return Err(malformed("entry 0 is not a policy")),
        Err(error) if error.may_be_newer() => return Err(Distrust::Newer { index: 0, error }),
        Err(error) => return Err(malformed(&format!("entry 0: {error}"))),
    };
    if rules::authorise(&signed, None, genesis).is_err() {
        let what = "its first policy is not signed by the root keys of the trust file";
        return Err(misbehaviour(what, checkpoint, json, &[]));
    }
    match signed.statement {
        Statement::Policy(statement) => Ok((json, statement.policy)),
        Statement::Release(_) => Err(malformed("entry 0 is not a policy")),
    }
}

/// Included entries as releases; an entry that the log should have refused, or
/// two that contradict one another, are misbehaviour.
fn checked_releases(
    checkpoint: &TrustedCheckpoint,
    policy: &Policy,
    policy_json: EntryJson,
    entries: &[ProvenEntry],
) -> Result<Vec<(u64, Release)>, Distrust> {
    let mut statements: Vec<SignedStatement> = Vec::new();
    let mut releases = Vec::new();
    for entry in entries {
        match Entry::parse(&entry.entry) {
            Ok(Entry::Statement(signed)) => {
                if let Statement::Release(release) = &signed.statement {
                    releases.push((entry.index, release.clone()));
                    statements.push(*signed);
                }
            }
            Ok(Entry::Commitment(_)) => return Err(malformed("an index commitment is no release")),
            Err(error) if error.may_be_newer() => {
                return Err(Distrust::Newer { index: entry.index, error });
            }
            Err(_) => {
                let what = "it holds an entry that is none";
                return Err(misbehaviour(what, checkpoint, policy_json, std::slice::from_ref(entry)));
            }
        }
    }
    if let Some(what) = evidence::broken_rule(policy, &statements) {
        return Err(misbehaviour(what, checkpoint, policy_json, entries));
    }
    releases.sort_by_key(|(index, _)| *index);
    Ok(releases)
}

fn check_included(entry: &ProvenEntry, checkpoint: &TrustedCheckpoint) -> Result<(), Distrust> {
    let open = &checkpoint.checkpoint;
    verify_inclusion(leaf_hash(&entry.entry), entry.index, open.size(), open.root(), &entry.proof)
        .map_err(|error| Distrust::NotIncluded { index: entry.index, error })
}

fn decode(entry: &EntryJson) -> Result<ProvenEntry, Distrust> {
    entry.decode().ok_or_else(|| malformed(&format!("entry {} is not in strict base64", entry.index)))
}

fn malformed(what: &str) -> Distrust {
    Distrust::Malformed(what.to_owned())
}

fn misbehaviour(
    what: &'static str,
    checkpoint: &TrustedCheckpoint,
    policy: EntryJson,
    entries: &[ProvenEntry],
) -> Distrust {
    let evidence = Evidence::BrokenRule {
        checkpoint: checkpoint.note.clone(),
        policy,
        entries: entries.iter().map(EntryJson::new).collect(),
    };
    Distrust::Misbehaviour { what, evidence: Box::new(evidence) }
}

#[cfg(test)]
mod tests;

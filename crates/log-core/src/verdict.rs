//! What a client concludes about a file: pure functions from trust, time and
//! what the log answered.
//!
//! 1. [`Trust::open`]: the checkpoint is signed by the log, cosigned by the
//!    quorum, fresh enough;
//! 2. [`check_answer`], [`check_proof_file`] or [`check_history`]: what is said
//!    under that checkpoint is included in it, and allowed by the policy in it;
//! 3. [`judge`]: the file's name has one digest in the log, and it is the file's.
//!
//! Consistency with checkpoints seen before needs tiles and state; the caller
//! does it between 1 and 2. Left out: proofs of absence. In this version a look-up
//! shows what IS logged; that nothing else is, only a reading of the whole log
//! shows.

use thiserror::Error;

use crate::api::{EntryJson, LookupAnswer};
use crate::artifact::{FileName, ProjectName, Version};
use crate::entry::{Entry, EntryError, SignedStatement};
use crate::evidence::{self, Evidence};
use crate::hash::{Hash, leaf_hash};
use crate::history::History;
use crate::limits::MAX_LOOKUP_ENTRIES;
use crate::policy::Policy;
use crate::proof::{ProofError, verify_inclusion};
use crate::proof_file::{Extra, ProofFile, ProofFileError, ProvenEntry};
use crate::rules::{self, Genesis};
use crate::statement::{Release, Statement};
use crate::trust_policy::{TrustError, TrustPolicy, TrustedCheckpoint};

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
    /// Whether the whole log was read, so that what is not here does not exist.
    pub complete: bool,
}

/// A file to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name.
    pub name: FileName,
    /// The digest of its bytes.
    pub sha256: Hash,
    /// The projects and versions its name can stand for, most plausible first.
    pub candidates: Vec<(ProjectName, Version)>,
}

/// What is concluded about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The log's publisher said that these bytes are this file.
    Verified {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// The entry that says so.
        index: u64,
    },
    /// The log covers the project, and has no file of this name.
    NotLogged {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// Whether other files of the version are logged.
        release_logged: bool,
        /// The same bytes under another name.
        logged_as: Option<FileName>,
    },
    /// The log does not cover the file's project (or this version of it).
    NotCovered,
    /// The name is a file of several projects, all of which the log has. Which one
    /// is meant only the user can say.
    Ambiguous {
        /// The projects.
        projects: Vec<ProjectName>,
    },
    /// The log has other bytes under this name.
    OtherHash {
        /// The digest it has.
        logged: Hash,
        /// The entry that says so.
        index: u64,
    },
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

/// Checks a look-up answer under its checkpoint, which the caller has opened.
pub fn check_answer(
    genesis: &Genesis,
    checkpoint: &TrustedCheckpoint,
    answer: &LookupAnswer,
) -> Result<Facts, Distrust> {
    let commitment = decode(&answer.commitment)?;
    check_included(&commitment, checkpoint)?;
    let last = checkpoint.checkpoint.size().checked_sub(1);
    let log_time = match Entry::parse(&commitment.entry) {
        Ok(Entry::Commitment(own)) if Some(commitment.index) == last && own.size == commitment.index => {
            own.time
        }
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
    let releases = checked_releases(checkpoint, &policy, policy_json, &proven)?;
    Ok(Facts { policy, releases, log_time: Some(log_time), complete: false })
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

/// The verdict on one file.
pub fn judge(subject: &Subject, facts: &Facts) -> Verdict {
    let of_a_candidate =
        |release: &Release| subject.candidates.iter().any(|(project, _)| *project == release.project);
    let mut named = facts
        .releases
        .iter()
        .filter(|(_, release)| of_a_candidate(release))
        .filter_map(|(index, release)| Some((*index, release, release.file(&subject.name)?.sha256)));
    if let Some((index, release, logged)) = named.next() {
        // `foo-1-2.tar.gz` is 2 of `foo-1` and 1.post2 of `foo`: whoever publishes
        // one of them must not be able to speak for the other.
        let mut projects = vec![release.project.clone()];
        projects.extend(named.map(|(_, release, _)| release.project.clone()));
        projects.sort();
        projects.dedup();
        return if projects.len() > 1 {
            Verdict::Ambiguous { projects }
        } else if logged == subject.sha256 {
            Verdict::Verified { project: release.project.clone(), version: release.version.clone(), index }
        } else {
            Verdict::OtherHash { logged, index }
        };
    }
    let covered =
        subject.candidates.iter().find(|(project, version)| facts.policy.covers(project, Some(version)));
    let Some((project, version)) = covered else { return Verdict::NotCovered };
    let release_logged =
        facts.releases.iter().any(|(_, release)| release.project == *project && release.version == *version);
    let same_bytes = |release: &Release| {
        release.files.iter().find(|file| file.sha256 == subject.sha256).map(|file| file.name.clone())
    };
    let logged_as = facts.releases.iter().find_map(|(_, release)| same_bytes(release));
    Verdict::NotLogged { project: project.clone(), version: version.clone(), release_logged, logged_as }
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

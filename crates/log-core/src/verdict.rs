//! What a client concludes about a file: pure functions from trust, time and
//! what the log answered.
//!
//! 1. [`Trust::open`]: the checkpoint is signed by the log, cosigned by the
//!    quorum, fresh enough;
//! 2. [`check_answer`], [`check_batch`], [`check_proof_file`] or [`check_history`]: what
//!    is said under that checkpoint is included in it, and allowed by the policy in it;
//! 3. [`judge()`]: the file's name has one digest in the log, and it is the file's.
//!
//! Consistency with checkpoints seen before needs tiles and state; the caller
//! does it between 1 and 2. A look-up is complete: the index that the log commits to
//! fixes the list of entries of each file, release and project, so an answer that
//! leaves one out is refused, and one without any proves absence.

use thiserror::Error;

use crate::api::{EntryJson, LookupAnswer, LookupKey};
use crate::artifact::ProjectName;
use crate::basis::{
    self, Basis, BasisError, Dates, Grounds, OTHER_ROOTS, check_included, commitment_of, included,
};
use crate::entry::{Entry, EntryError, SignedStatement};
use crate::evidence::{self, Evidence};
use crate::history::{History, Recorded};
use crate::limits::MAX_LOOKUP_ENTRIES;
use crate::policy::Policy;
use crate::proof::ProofError;
use crate::proof_file::{Extra, ProofFile, ProofFileError, ProvenEntry};
use crate::rules::Genesis;
use crate::statement::{Release, Statement, Withdrawal};
use crate::timeline::{Moment, Timeline};
use crate::trust_policy::{TrustError, TrustPolicy, TrustedCheckpoint};

pub mod batch;
mod judge;
mod records;

pub use batch::check_batch;
pub use judge::{Subject, Verdict, judge};
pub use records::{ByName, Naming, Records};

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
    /// The log's first policy is not signed by the root keys that are trusted.
    #[error("{OTHER_ROOTS}")]
    OtherRoots,
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
    /// All policies that were shown.
    pub timeline: Timeline,
    /// The policy in force at the log's time; see [`Facts::as_of`].
    pub policy: Policy,
    /// Releases, in log order.
    pub releases: Vec<Recorded<Release>>,
    /// Withdrawals, in log order.
    pub withdrawals: Vec<Recorded<Withdrawal>>,
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
    let grounds = check_basis(genesis, checkpoint, &answer.basis)?;
    if answer.entries.len() > MAX_LOOKUP_ENTRIES {
        return Err(malformed("it has more entries than an answer may have"));
    }
    if answer.entries.windows(2).any(|pair| pair[0].index >= pair[1].index) {
        return Err(malformed("its entries are not ascending, each once"));
    }
    let mut statements = Vec::new();
    for json in &answer.entries {
        let entry = included(json, &checkpoint.checkpoint)?;
        let at = grounds.moment(entry.index)?;
        let broken = |what| misbehaviour(what, checkpoint, &answer.basis, std::slice::from_ref(json));
        statements.extend(statement(&entry, at, broken)?);
    }
    let complete = check_complete(keys, answer, &grounds)?;
    if let Some(what) = evidence::broken_rule(&grounds.timeline, &statements) {
        return Err(misbehaviour(what, checkpoint, &answer.basis, &answer.entries));
    }
    let (_, policy) = grounds.policy().ok_or_else(|| malformed("no policy is in force"))?;
    let policy = policy.clone();
    Ok(facts(grounds.timeline, policy, statements, Some(grounds.commitment.time), complete))
}

/// Checks what everything else in an answer is judged on.
pub fn check_basis(
    genesis: &Genesis,
    checkpoint: &TrustedCheckpoint,
    basis: &Basis,
) -> Result<Grounds, Distrust> {
    basis.check(genesis, &checkpoint.checkpoint).map_err(|error| match error {
        BasisError::Broken(what) => misbehaviour(what, checkpoint, basis, &[]),
        other => other.into(),
    })
}

/// Whether the results are the whole lists that the index commits to. One that was
/// cut, or that does not begin at the beginning, cannot be compared yet.
fn check_complete(keys: &[LookupKey], answer: &LookupAnswer, grounds: &Grounds) -> Result<bool, Distrust> {
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
        let incomplete =
            |what: String| Distrust::Incomplete { key: serde_json::to_string(key).unwrap_or_default(), what };
        let proof = result.map.as_ref();
        let proof = proof.ok_or_else(|| incomplete("there is no proof from the index".to_owned()))?;
        basis::check_listed(&index_key, proof, grounds.commitment.root, &result.entries)
            .map_err(incomplete)?;
    }
    Ok(complete)
}

/// Checks an offline proof under its checkpoint, which the caller has opened.
///
/// It shows the policies up to the one under which the entry was made, not that there
/// are no others.
pub fn check_proof_file(
    genesis: &Genesis,
    checkpoint: &TrustedCheckpoint,
    file: &ProofFile,
) -> Result<Facts, Distrust> {
    let extra = file.extra.as_deref().ok_or_else(|| malformed("the proof file has no `extra` line"))?;
    let extra = Extra::parse(extra).map_err(|error: ProofFileError| malformed(&error.to_string()))?;
    let entry = ProvenEntry { index: file.index, entry: extra.entry, proof: file.proof.clone() };
    let shown = extra.policies.iter().chain(&extra.commitments).chain([&entry]);
    for proven in shown {
        check_included(proven, &checkpoint.checkpoint)?;
    }
    let commitments = extra.commitments.iter().map(commitment_of).collect::<Option<Vec<_>>>();
    let commitments = commitments.ok_or_else(|| malformed("a commitment in the proof is none"))?;
    if extra.policies.first().map(|policy| policy.index) != Some(0) {
        return Err(malformed("the first policy in the proof is not entry 0"));
    }
    // What breaks a rule here is no evidence: a policy may have been left out.
    let dates = Dates::new(commitments, &extra.policies)?;
    let timeline = basis::follow(&extra.policies, &dates, genesis)?;
    let at = dates.moment(entry.index)?;
    let statements: Vec<_> = statement(&entry, at, malformed)?.into_iter().collect();
    if let Some(what) = evidence::broken_rule(&timeline, &statements) {
        return Err(malformed(what));
    }
    let policy = match statements.first() {
        // A policy is among those that were judged above, or it is not proven to be one.
        Some((_, SignedStatement { statement: Statement::Policy(own), .. })) => {
            let judged = timeline.policies().iter().any(|dated| dated.index == at.index);
            if !judged {
                return Err(malformed("the proof of a policy does not have it among the policies"));
            }
            own.policy.clone()
        }
        _ => timeline.in_force(at).ok_or_else(|| malformed("no policy is in force"))?.policy.clone(),
    };
    Ok(facts(timeline, policy, statements, None, false))
}

/// What a whole, checked history says about some projects; `None` without a policy.
pub fn check_history<'p>(
    history: &History,
    projects: impl IntoIterator<Item = &'p ProjectName>,
) -> Option<Facts> {
    let (_, policy) = history.policy()?;
    let (mut releases, mut withdrawals) = (Vec::new(), Vec::new());
    for project in projects {
        releases.extend(history.releases(project).iter().cloned());
        withdrawals.extend(history.withdrawals(project).iter().cloned());
    }
    let mut facts = Facts {
        timeline: history.timeline().clone(),
        policy: policy.clone(),
        releases,
        withdrawals,
        log_time: history.commitment().map(|commitment| commitment.time),
        complete: true,
    };
    facts.sort();
    Some(facts)
}

impl Facts {
    /// These facts and those; what both have is there once.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.releases.extend(other.releases);
        self.withdrawals.extend(other.withdrawals);
        self.log_time = self.log_time.min(other.log_time);
        self.complete &= other.complete;
        // Of two answers the one with more policies is the newer.
        if other.timeline.policies().len() > self.timeline.policies().len() {
            (self.timeline, self.policy) = (other.timeline, other.policy);
        }
        self.sort();
        self
    }

    /// The same facts, judged by the policy in force at `now`. A policy that waited takes
    /// effect with time, though the log may have had no reason to say the time since.
    #[must_use]
    pub fn as_of(mut self, now: u64) -> Self {
        let now = self.log_time.map_or(now, |log_time| log_time.max(now));
        if let Some(dated) = self.timeline.current(Some(now)) {
            self.policy = dated.policy.clone();
        }
        self
    }

    fn sort(&mut self) {
        self.releases.sort_by_key(|release| release.index);
        self.releases.dedup_by_key(|release| release.index);
        self.withdrawals.sort_by_key(|withdrawal| withdrawal.index);
        self.withdrawals.dedup_by_key(|withdrawal| withdrawal.index);
    }
}

fn facts(
    timeline: Timeline,
    policy: Policy,
    statements: Vec<(Moment, SignedStatement)>,
    log_time: Option<u64>,
    complete: bool,
) -> Facts {
    let (releases, withdrawals) = (Vec::new(), Vec::new());
    let mut facts = Facts { timeline, policy, releases, withdrawals, log_time, complete };
    for (at, signed) in statements {
        let signers = signed.envelope.signatures().iter().map(|signature| signature.keyid.clone()).collect();
        let Moment { index, time } = at;
        match signed.statement {
            Statement::Release(statement) => {
                facts.releases.push(Recorded { index, time, signers, statement });
            }
            Statement::Withdrawal(statement) => {
                facts.withdrawals.push(Recorded { index, time, signers, statement });
            }
            Statement::Policy(_) => {}
        }
    }
    facts.sort();
    facts
}

/// An included entry as a statement; `broken` says what it means that it is none.
fn statement(
    entry: &ProvenEntry,
    at: Moment,
    broken: impl Fn(&'static str) -> Distrust,
) -> Result<Option<(Moment, SignedStatement)>, Distrust> {
    match Entry::parse(&entry.entry) {
        Ok(Entry::Statement(signed)) => Ok(Some((at, *signed))),
        Ok(Entry::Commitment(_)) => Err(malformed("an index commitment is no statement")),
        Err(error) if error.may_be_newer() => Err(Distrust::Newer { index: entry.index, error }),
        Err(_) => Err(broken("it holds an entry that is none")),
    }
}

impl From<BasisError> for Distrust {
    fn from(error: BasisError) -> Self {
        match error {
            BasisError::Malformed(what) => Self::Malformed(what),
            BasisError::NotIncluded { index, error } => Self::NotIncluded { index, error },
            BasisError::Incomplete(what) => Self::Incomplete { key: "the policy".to_owned(), what },
            BasisError::Newer { index, error } => Self::Newer { index, error },
            BasisError::OtherRoots => Self::OtherRoots,
            // Where there is no evidence that others could check.
            BasisError::Broken(what) => malformed(what),
        }
    }
}

fn malformed(what: &str) -> Distrust {
    Distrust::Malformed(what.to_owned())
}

fn misbehaviour(
    what: &'static str,
    checkpoint: &TrustedCheckpoint,
    basis: &Basis,
    entries: &[EntryJson],
) -> Distrust {
    let evidence = Evidence::BrokenRule {
        checkpoint: checkpoint.note.clone(),
        basis: basis.clone(),
        entries: entries.to_vec(),
    };
    Distrust::Misbehaviour { what, evidence: Box::new(evidence) }
}

#[cfg(test)]
mod tests;

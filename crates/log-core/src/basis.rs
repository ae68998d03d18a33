//! What every statement that a log shows is judged on: all its policies, and the times
//! of the entries, proven under one checkpoint.
//!
//! * The last leaf of the tree is an index commitment; the index it commits to has the
//!   whole list of policies, so none can be left out.
//! * Each policy is included, follows the one before by the rules, and starts at entry 0
//!   with the policy that the pinned root keys have signed.
//! * Each commitment says the time of the entries since the one before, so one of them
//!   proves when an entry was made. They may be left out while no policy depends on time.
//!   A log that gives an entry two times breaks a rule, and is caught when both are shown,
//!   or by whoever reads it whole.
//!
//! Invariant: what [`Basis::check`] returns is a function of the signed tree alone;
//! whoever sent it had no choice.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::api::EntryJson;
use crate::checkpoint::OpenCheckpoint;
use crate::commitment::IndexCommitment;
use crate::entry::{Entry, EntryError, IndexKey, SignedStatement};
use crate::hash::{Hash, leaf_hash};
use crate::index::list_root;
use crate::map_proof::MapProofJson;
use crate::policy::Policy;
use crate::proof::{ProofError, verify_inclusion};
use crate::proof_file::ProvenEntry;
use crate::rules::{self, Genesis};
use crate::statement::{PolicyStatement, Statement};
use crate::timeline::{self, Moment, Timeline};

/// The basis as it travels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Basis {
    /// The last leaf: the log's commitment to its index, and its time.
    pub commitment: EntryJson,
    /// All policies, ascending.
    pub policies: Vec<EntryJson>,
    /// The proof from the index that there is no other policy.
    pub policy_map: MapProofJson,
    /// The commitments that date the policies and the entries beside them, ascending;
    /// none while no policy depends on time.
    pub commitments: Vec<EntryJson>,
}

/// The basis, checked.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// All policies.
    pub timeline: Timeline,
    /// The last leaf.
    pub commitment: IndexCommitment,
    dates: Dates,
}

/// When entries were made, as far as it was shown.
#[derive(Debug, Clone)]
pub(crate) struct Dates {
    commitments: Vec<IndexCommitment>,
    needed: bool,
}

/// What is said when the roots of a log are not those that are trusted.
pub(crate) const OTHER_ROOTS: &str = "the log's first policy is not signed by the root keys that are trusted";

/// Why a basis is not believed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BasisError {
    /// Of the wrong form.
    #[error("{0}")]
    Malformed(String),
    /// An entry's inclusion proof does not verify.
    #[error("entry {index} is not proven to be in the log: {error}")]
    NotIncluded {
        /// Which entry.
        index: u64,
        /// What is wrong with its proof.
        error: ProofError,
    },
    /// The index does not have this list of policies.
    #[error("the policies are not those that the index commits to: {0}")]
    Incomplete(String),
    /// A policy of a kind that this version does not know.
    #[error("entry {index} is of a kind that this version does not know: {error}")]
    Newer {
        /// Which entry.
        index: u64,
        /// What is not known.
        error: EntryError,
    },
    /// The first policy is not signed by the root keys that are trusted: it is another log, or
    /// they are other keys. That is nobody's misbehaviour.
    #[error("{OTHER_ROOTS}")]
    OtherRoots,
    /// The log broke a rule; the basis is the proof of it.
    #[error("{0}")]
    Broken(&'static str),
}

impl Basis {
    /// Checks the basis under a checkpoint.
    pub fn check(&self, genesis: &Genesis, checkpoint: &OpenCheckpoint) -> Result<Grounds, BasisError> {
        let commitment = self.last_leaf(checkpoint)?;
        let mut dates = vec![commitment];
        for entry in &self.commitments {
            let entry = included(entry, checkpoint)?;
            dates.push(commitment_of(&entry).ok_or_else(|| {
                BasisError::Malformed(format!("entry {} is no index commitment", entry.index))
            })?);
        }
        let indices: Vec<u64> = self.policies.iter().map(|policy| policy.index).collect();
        if indices.first() != Some(&0) {
            return Err(BasisError::Malformed("the first policy is not entry 0".to_owned()));
        }
        check_listed(&IndexKey::Policy, &self.policy_map, commitment.root, &indices)
            .map_err(BasisError::Incomplete)?;
        let mut policies = Vec::new();
        for json in &self.policies {
            policies.push(included(json, checkpoint)?);
        }
        let dates = Dates::new(dates, &policies)?;
        let timeline = follow(&policies, &dates, genesis)?;
        Ok(Grounds { timeline, commitment, dates })
    }

    fn last_leaf(&self, checkpoint: &OpenCheckpoint) -> Result<IndexCommitment, BasisError> {
        let entry = included(&self.commitment, checkpoint)?;
        let last = checkpoint.size().checked_sub(1);
        commitment_of(&entry)
            .filter(|_| Some(entry.index) == last)
            .ok_or_else(|| BasisError::Malformed("the last leaf is not the index commitment".to_owned()))
    }
}

impl Grounds {
    /// Where an entry stands; an error when its time matters and was not shown.
    pub fn moment(&self, index: u64) -> Result<Moment, BasisError> {
        self.dates.moment(index)
    }

    /// The policy in force after all entries, and the entry that it is.
    pub fn policy(&self) -> Option<(u64, &Policy)> {
        self.timeline.current(Some(self.commitment.time)).map(|dated| (dated.index, &dated.policy))
    }
}

impl Dates {
    /// The times that these commitments show; needed when one of the policies depends
    /// on time.
    pub(crate) fn new(
        mut commitments: Vec<IndexCommitment>,
        policies: &[ProvenEntry],
    ) -> Result<Self, BasisError> {
        commitments.sort_by_key(|commitment| commitment.size);
        commitments.dedup();
        for pair in commitments.windows(2) {
            if pair[1].first <= pair[0].size {
                return Err(BasisError::Broken("two of its index commitments say the time of one entry"));
            }
            if pair[1].time < pair[0].time {
                return Err(BasisError::Broken("its index commitments say that time went back"));
            }
        }
        let mut parsed = Vec::new();
        for entry in policies {
            parsed.push(policy_of(entry)?.1.policy);
        }
        Ok(Self { commitments, needed: timeline::depends_on_time(&parsed) })
    }

    /// Where an entry stands; an error when its time matters and was not shown.
    pub(crate) fn moment(&self, index: u64) -> Result<Moment, BasisError> {
        let time = self.commitments.iter().find(|date| date.dates(index)).map(|date| date.time);
        if time.is_none() && self.needed {
            return Err(BasisError::Malformed(format!("no index commitment dates entry {index}")));
        }
        Ok(Moment { index, time })
    }
}

/// The policies one after the other, each allowed by those before it.
pub(crate) fn follow(
    policies: &[ProvenEntry],
    dates: &Dates,
    genesis: &Genesis,
) -> Result<Timeline, BasisError> {
    let mut timeline = Timeline::default();
    for entry in policies {
        let (signed, policy) = policy_of(entry)?;
        let at = dates.moment(entry.index)?;
        if rules::authorise(&signed, at, &timeline, genesis).is_err() {
            if entry.index == 0 {
                return Err(BasisError::OtherRoots);
            }
            return Err(BasisError::Broken("one of its policies is not signed by the roots that it needs"));
        }
        if timeline.push(at, entry.entry.len(), policy.policy).is_err() {
            return Err(BasisError::Broken("its policies have more bytes than a log's may have"));
        }
    }
    Ok(timeline)
}

/// Whether the index with this root lists exactly these entries under a key; else why not.
pub(crate) fn check_listed(
    key: &IndexKey,
    proof: &MapProofJson,
    root: Hash,
    entries: &[u64],
) -> Result<(), String> {
    let proof = proof.decode().map_err(|error| error.to_string())?;
    let found = proof.verify(key.hash().as_bytes(), root).map_err(|error| error.to_string())?;
    let expected = (!entries.is_empty()).then(|| *list_root(entries).as_bytes());
    if found == expected { Ok(()) } else { Err("it leaves out entries, or adds some".to_owned()) }
}

/// The entry, when it is in the tree of the checkpoint.
pub(crate) fn included(json: &EntryJson, checkpoint: &OpenCheckpoint) -> Result<ProvenEntry, BasisError> {
    let entry = json
        .decode()
        .ok_or_else(|| BasisError::Malformed(format!("entry {} is not in strict base64", json.index)))?;
    check_included(&entry, checkpoint)?;
    Ok(entry)
}

pub(crate) fn check_included(entry: &ProvenEntry, checkpoint: &OpenCheckpoint) -> Result<(), BasisError> {
    let leaf = leaf_hash(&entry.entry);
    verify_inclusion(leaf, entry.index, checkpoint.size(), checkpoint.root(), &entry.proof)
        .map_err(|error| BasisError::NotIncluded { index: entry.index, error })
}

/// The commitment that an entry is, when it stands where it says.
pub(crate) fn commitment_of(entry: &ProvenEntry) -> Option<IndexCommitment> {
    match Entry::parse(&entry.entry) {
        Ok(Entry::Commitment(commitment)) if commitment.size == entry.index => Some(commitment),
        _ => None,
    }
}

/// The policy that an entry is, with its envelope.
fn policy_of(entry: &ProvenEntry) -> Result<(SignedStatement, PolicyStatement), BasisError> {
    let index = entry.index;
    match Entry::parse(&entry.entry) {
        Ok(Entry::Statement(signed)) => match &signed.statement {
            Statement::Policy(policy) => Ok((SignedStatement::clone(&signed), policy.clone())),
            _ => Err(BasisError::Malformed(format!("entry {index} is not a policy"))),
        },
        Ok(Entry::Commitment(_)) => Err(BasisError::Malformed(format!("entry {index} is not a policy"))),
        Err(error) if error.may_be_newer() => Err(BasisError::Newer { index, error }),
        Err(error) => Err(BasisError::Malformed(format!("entry {index}: {error}"))),
    }
}

//! Reading a log from its first entry and checking every rule on the way.
//!
//! Whoever has pushed all entries of a tree, and compared [`History::root`] with
//! a trusted checkpoint, knows everything the log says, and that it kept its
//! promises: each statement allowed by the policy in force, no file name with two
//! digests, no withdrawn file released again, no file left out, each index commitment
//! true, the last leaf a commitment.
//!
//! Most of it is `follow`; here is what needs all that came before: the index, and what is
//! known of each file.
//!
//! Until the root was compared nothing that was read is to be believed.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::artifact::{FileName, ProjectName, Version};
use crate::commitment::IndexCommitment;
use crate::entry::{EntryError, IndexKey, SignedStatement};
use crate::follow::{Follower, Judged, Pushed, Taken};
use crate::hash::Hash;
use crate::index::VerifiableIndex;
use crate::limits::MAX_ROUND;
use crate::policy::Policy;
use crate::rules::{self, Genesis, Logged, Refusal};
use crate::statement::{PolicyStatement, Release, Statement, Withdrawal};
use crate::timeline::{Moment, Timeline};

/// All that a log said so far.
#[derive(Debug, Clone)]
pub struct History {
    follower: Follower,
    policies: Vec<Recorded<PolicyStatement>>,
    projects: BTreeMap<ProjectName, ProjectHistory>,
    index: VerifiableIndex,
}

/// A statement with what the log says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<T> {
    /// Its index.
    pub index: u64,
    /// Its time by the log's clock; `None` when it is not known and decides nothing.
    pub time: Option<u64>,
    /// The key IDs that signed it.
    pub signers: Vec<String>,
    /// What it says.
    pub statement: T,
}

/// What a log said of one project, in log order.
#[derive(Debug, Clone, Default)]
struct ProjectHistory {
    files: BTreeMap<FileName, Logged>,
    releases: Vec<Recorded<Release>>,
    withdrawals: Vec<Recorded<Withdrawal>>,
    /// Version in canonical spelling → the newest of its `releases`, by position.
    newest: BTreeMap<String, usize>,
}

/// A log that broke its promises.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("entry {index}: {violation}")]
pub struct HistoryError {
    /// Which entry.
    pub index: u64,
    /// What is wrong with it.
    pub violation: Violation,
}

/// What a log must never do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// An entry that is none.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A statement that the rules do not allow.
    #[error("the log recorded what its own rules refuse: {0}")]
    Refused(#[from] Refusal),
    /// More statements than a round may have without a commitment.
    #[error("there are more than {MAX_ROUND} statements without an index commitment")]
    NoCommitment,
    /// A commitment at the wrong place.
    #[error("the index commitment speaks of {found} leaves before it")]
    CommitmentSize {
        /// What it says.
        found: u64,
    },
    /// A commitment that dates other entries than those since the one before.
    #[error("the index commitment gives its time to the entries from {found} on, not from {expected} on")]
    CommitmentFirst {
        /// What it says.
        found: u64,
        /// What would be right.
        expected: u64,
    },
    /// A commitment to another index.
    #[error("the index commitment has another root than the entries before it give")]
    CommitmentRoot,
    /// A clock that ran backwards.
    #[error("the log's time went back from {before} to {found}")]
    CommitmentTime {
        /// The time in the commitment before.
        before: u64,
        /// The time in this one.
        found: u64,
    },
}

impl HistoryError {
    /// Whether the entry may be of a kind that a later version of the protocol has.
    pub fn may_be_newer(&self) -> bool {
        matches!(&self.violation, Violation::Entry(error) if error.may_be_newer())
    }

    /// Whether the first policy is not that of the root keys that are trusted. What follows is
    /// refused then, too, and says nothing about the log.
    pub fn is_of_other_roots(&self) -> bool {
        self.index == 0 && matches!(self.violation, Violation::Refused(_))
    }
}

impl<T> Recorded<T> {
    /// Where the statement stands in the log.
    pub fn moment(&self) -> Moment {
        Moment { index: self.index, time: self.time }
    }
}

impl History {
    /// An empty log, born with `genesis`.
    pub fn new(genesis: Genesis) -> Self {
        let (policies, projects) = (Vec::new(), BTreeMap::new());
        Self { follower: Follower::new(genesis), policies, projects, index: VerifiableIndex::default() }
    }

    /// Takes the next entry. It counts towards the root even when it breaks a
    /// rule: only together with the signed root does that say anything. The error may
    /// be about an earlier entry, whose time has only come now.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), HistoryError> {
        let index = self.size();
        let Pushed { entry, judged } = self.follower.push(bytes);
        let at_index = |violation| HistoryError { index, violation };
        let mut first_error = Ok(());
        for judged in judged {
            let at = judged.at.index;
            if let Err(refusal) = self.accept_statement(judged)
                && first_error.is_ok()
            {
                first_error = Err(HistoryError { index: at, violation: refusal.into() });
            }
        }
        match entry.map_err(at_index)? {
            Taken::Statement => {
                let keys = self.follower.newest().map(SignedStatement::index_keys).unwrap_or_default();
                self.index.add(index, keys.iter().map(IndexKey::hash));
            }
            Taken::Commitment(commitment) if commitment.root != self.index.root() => {
                return Err(at_index(Violation::CommitmentRoot));
            }
            Taken::Commitment(_) => {}
        }
        first_error
    }

    /// How many entries were read.
    pub fn size(&self) -> u64 {
        self.follower.size()
    }

    /// The root over all entries read.
    pub fn root(&self) -> Hash {
        self.follower.root()
    }

    /// Whether the last entry read is an index commitment, as in each published
    /// tree; the empty tree has none.
    pub fn ends_in_commitment(&self) -> bool {
        self.follower.ends_in_commitment()
    }

    /// The newest index commitment.
    pub fn commitment(&self) -> Option<&IndexCommitment> {
        self.follower.commitment()
    }

    /// All policies, and when each is in force.
    pub fn timeline(&self) -> &Timeline {
        self.follower.timeline()
    }

    /// All policy statements, in log order.
    pub fn policies(&self) -> &[Recorded<PolicyStatement>] {
        &self.policies
    }

    /// The policy in force after the last commitment, and the entry that set it.
    pub fn policy(&self) -> Option<(u64, &Policy)> {
        let now = self.commitment().map(|commitment| commitment.time);
        self.timeline().current(now).map(|dated| (dated.index, &dated.policy))
    }

    /// The policy in force at `now`, when nothing was logged since; see
    /// [`Facts::as_of`](crate::verdict::Facts::as_of).
    pub fn policy_as_of(&self, now: u64) -> Option<(u64, &Policy)> {
        let now = self.commitment().map_or(now, |commitment| commitment.time.max(now));
        self.timeline().current(Some(now)).map(|dated| (dated.index, &dated.policy))
    }

    /// What is logged of a file of the project, or of the metadata of a wheel.
    pub fn file(&self, project: &ProjectName, file: &FileName) -> Option<Logged> {
        self.projects.get(project)?.files.get(file).copied()
    }

    /// All release statements of a project, in log order.
    pub fn releases(&self, project: &ProjectName) -> &[Recorded<Release>] {
        self.projects.get(project).map_or(&[], |project| &project.releases)
    }

    /// All withdrawals of files of a project, in log order.
    pub fn withdrawals(&self, project: &ProjectName) -> &[Recorded<Withdrawal>] {
        self.projects.get(project).map_or(&[], |project| &project.withdrawals)
    }

    /// All projects that have entries.
    pub fn projects(&self) -> impl Iterator<Item = &ProjectName> {
        self.projects.keys()
    }

    fn accept_statement(&mut self, judged: Judged) -> Result<(), Refusal> {
        let Judged { at, signed, result } = judged;
        result?;
        let signers = signed.envelope.signatures().iter().map(|signature| signature.keyid.clone()).collect();
        match signed.statement {
            Statement::Policy(policy) => {
                self.policies.push(Recorded { index: at.index, time: at.time, signers, statement: policy });
                Ok(())
            }
            Statement::Release(release) => {
                let project = self.projects.entry(release.project.clone()).or_default();
                project.release(Recorded { index: at.index, time: at.time, signers, statement: release })
            }
            Statement::Withdrawal(withdrawal) => {
                let project = self.projects.entry(withdrawal.project.clone()).or_default();
                project.withdraw(Recorded { index: at.index, time: at.time, signers, statement: withdrawal })
            }
        }
    }
}

impl ProjectHistory {
    fn release(&mut self, recorded: Recorded<Release>) -> Result<(), Refusal> {
        let release = &recorded.statement;
        let version = Version::canonical(&release.version);
        let earlier = self.newest.get(&version).map(|position| &self.releases[*position]);
        let earlier = earlier.map(|earlier| (earlier.index, earlier.statement.files.as_slice()));
        rules::check_release(release, |file| self.files.get(file).copied(), earlier)?;
        for file in &release.files {
            let logged = Logged { index: recorded.index, sha256: file.sha256, withdrawn: None };
            self.files.entry(file.name.clone()).or_insert(logged);
        }
        self.newest.insert(version, self.releases.len());
        self.releases.push(recorded);
        Ok(())
    }

    fn withdraw(&mut self, recorded: Recorded<Withdrawal>) -> Result<(), Refusal> {
        let withdrawal = &recorded.statement;
        rules::check_withdrawal(withdrawal, |file| self.files.get(file).copied())?;
        for (name, logged) in &mut self.files {
            if withdrawal.file(name).is_some() {
                logged.withdrawn.get_or_insert(recorded.index);
            }
        }
        self.withdrawals.push(recorded);
        Ok(())
    }
}

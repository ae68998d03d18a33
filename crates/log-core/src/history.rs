//! Reading a log from its first entry and checking every rule on the way.
//!
//! Whoever has pushed all entries of a tree, and compared [`History::root`] with
//! a trusted checkpoint, knows everything the log says, and that it kept its
//! promises: each statement allowed by the policy in force, no file name with two
//! digests, each index commitment true, the last leaf a commitment.
//!
//! Until that comparison nothing that was read is to be believed.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::artifact::{FileName, ProjectName};
use crate::commitment::IndexCommitment;
use crate::edge::Edge;
use crate::entry::{Entry, EntryError, SignedStatement};
use crate::hash::{Hash, leaf_hash};
use crate::index::VerifiableIndex;
use crate::policy::Policy;
use crate::rules::{self, Genesis, Logged, Refusal};
use crate::statement::{Release, Statement};

/// All that a log said so far.
#[derive(Debug, Clone)]
pub struct History {
    genesis: Genesis,
    edge: Edge,
    policy: Option<(u64, Policy)>,
    files: BTreeMap<ProjectName, BTreeMap<FileName, Logged>>,
    releases: BTreeMap<ProjectName, Vec<(u64, Release)>>,
    index: VerifiableIndex,
    commitment: Option<IndexCommitment>,
    ends_in_commitment: bool,
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
    #[error("the log recorded what its own policy refuses: {0}")]
    Refused(#[from] Refusal),
    /// A commitment at the wrong place.
    #[error("the index commitment speaks of {found} leaves before it")]
    CommitmentSize {
        /// What it says.
        found: u64,
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
}

impl History {
    /// An empty log, born with `genesis`.
    pub fn new(genesis: Genesis) -> Self {
        Self {
            genesis,
            edge: Edge::new(),
            policy: None,
            files: BTreeMap::new(),
            releases: BTreeMap::new(),
            index: VerifiableIndex::default(),
            commitment: None,
            ends_in_commitment: true,
        }
    }

    /// Takes the next entry. It counts towards the root even when it breaks a
    /// rule: only together with the signed root does that say anything.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), HistoryError> {
        let index = self.edge.size();
        self.edge.push(leaf_hash(bytes));
        self.accept(index, bytes).map_err(|violation| HistoryError { index, violation })
    }

    /// How many entries were read.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root over all entries read.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Whether the last entry read is an index commitment, as in each published
    /// tree; the empty tree has none.
    pub fn ends_in_commitment(&self) -> bool {
        self.ends_in_commitment
    }

    /// The newest index commitment.
    pub fn commitment(&self) -> Option<&IndexCommitment> {
        self.commitment.as_ref()
    }

    /// The policy in force, and the entry that set it.
    pub fn policy(&self) -> Option<(u64, &Policy)> {
        self.policy.as_ref().map(|(index, policy)| (*index, policy))
    }

    /// What is logged of a file of the project.
    pub fn file(&self, project: &ProjectName, file: &FileName) -> Option<Logged> {
        self.files.get(project)?.get(file).copied()
    }

    /// All release statements of a project with their indices, in log order.
    pub fn releases(&self, project: &ProjectName) -> &[(u64, Release)] {
        self.releases.get(project).map_or(&[], Vec::as_slice)
    }

    /// All projects that have entries.
    pub fn projects(&self) -> impl Iterator<Item = &ProjectName> {
        self.releases.keys()
    }

    fn accept(&mut self, index: u64, bytes: &[u8]) -> Result<(), Violation> {
        match Entry::parse(bytes)? {
            Entry::Commitment(commitment) => self.accept_commitment(index, commitment),
            Entry::Statement(signed) => self.accept_statement(index, *signed),
        }
    }

    fn accept_commitment(&mut self, index: u64, commitment: IndexCommitment) -> Result<(), Violation> {
        if commitment.size != index {
            return Err(Violation::CommitmentSize { found: commitment.size });
        }
        if commitment.root != self.index.root() {
            return Err(Violation::CommitmentRoot);
        }
        if let Some(before) = self.commitment.filter(|before| before.time > commitment.time) {
            return Err(Violation::CommitmentTime { before: before.time, found: commitment.time });
        }
        self.commitment = Some(commitment);
        self.ends_in_commitment = true;
        Ok(())
    }

    fn accept_statement(&mut self, index: u64, signed: SignedStatement) -> Result<(), Violation> {
        rules::authorise(&signed, self.policy.as_ref().map(|(_, policy)| policy), &self.genesis)?;
        let keys: Vec<Hash> = signed.index_keys().iter().map(crate::entry::IndexKey::hash).collect();
        match signed.statement {
            Statement::Policy(statement) => self.policy = Some((index, statement.policy)),
            Statement::Release(release) => {
                rules::check_write_once(&release, |file| self.file(&release.project, file))?;
                let files = self.files.entry(release.project.clone()).or_default();
                for file in &release.files {
                    files.entry(file.name.clone()).or_insert(Logged { index, sha256: file.sha256 });
                }
                self.releases.entry(release.project.clone()).or_default().push((index, release));
            }
        }
        self.index.add(index, keys);
        self.ends_in_commitment = false;
        Ok(())
    }
}

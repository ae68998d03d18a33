//! Log entries: statements in their envelopes, and index commitments.

use thiserror::Error;

use crate::artifact::{FileName, ProjectName, Version};
use crate::commitment::{self, IndexCommitment};
use crate::dsse::{Envelope, EnvelopeError};
use crate::hash::{Hash, digest};
use crate::limits::MAX_ENTRY_BYTES;
use crate::policy::PolicyError;
use crate::statement::{Statement, StatementError};

/// An entry in its one spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// Somebody's signed statement. The signatures are not verified.
    Statement(Box<SignedStatement>),
    /// The log's own commitment.
    Commitment(IndexCommitment),
}

/// A statement with its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedStatement {
    /// The envelope.
    pub envelope: Envelope,
    /// What its payload says.
    pub statement: Statement,
}

/// A key of the verifiable index: what somebody may want to know everything about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKey {
    /// A file of a project.
    File(ProjectName, FileName),
    /// A version of a project.
    Release(ProjectName, Version),
    /// A project.
    Project(ProjectName),
    /// The log's policy.
    Policy,
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EntryError {
    /// Over 65,535 bytes.
    #[error("an entry has at most {MAX_ENTRY_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Not a statement.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// Starts like an index commitment and is none.
    #[error("not an index commitment in its one spelling")]
    Commitment,
}

impl EntryError {
    /// Whether this may be an entry of a kind that a later version of the protocol
    /// has: then there is no verdict, and nobody misbehaved.
    pub fn may_be_newer(&self) -> bool {
        use StatementError::{Policy, Predicate};
        matches!(self, Self::Statement(Predicate(_) | Policy(PolicyError::Json(_))))
    }
}

impl Entry {
    /// Reads an entry of the log.
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong(bytes.len()));
        }
        if bytes.starts_with(commitment::HEADER.as_bytes()) {
            let text = str::from_utf8(bytes).map_err(|_| EntryError::Commitment)?;
            return IndexCommitment::parse(text).map(Self::Commitment).ok_or(EntryError::Commitment);
        }
        let envelope = Envelope::parse_canonical(bytes)?;
        Ok(Self::Statement(Box::new(SignedStatement::new(envelope)?)))
    }
}

impl SignedStatement {
    /// Reads what an envelope's payload says.
    pub fn new(envelope: Envelope) -> Result<Self, StatementError> {
        let statement = Statement::parse(envelope.payload())?;
        Ok(Self { envelope, statement })
    }

    /// The keys of the verifiable index that this statement concerns.
    pub fn index_keys(&self) -> Vec<IndexKey> {
        let about = |project: &ProjectName, version: &Version, files: Vec<&FileName>| {
            let mut keys: Vec<IndexKey> =
                files.into_iter().map(|file| IndexKey::File(project.clone(), file.clone())).collect();
            keys.push(IndexKey::Release(project.clone(), version.clone()));
            keys.push(IndexKey::Project(project.clone()));
            keys
        };
        match &self.statement {
            Statement::Policy(_) => vec![IndexKey::Policy],
            Statement::Release(release) => {
                let files = release.artifacts().map(|file| &file.name).collect();
                about(&release.project, &release.version, files)
            }
            Statement::Withdrawal(withdrawal) => {
                let files = withdrawal.files.iter().map(|file| &file.name).collect();
                about(&withdrawal.project, &withdrawal.version, files)
            }
        }
    }
}

impl IndexKey {
    /// The 256-bit key in the map.
    pub fn hash(&self) -> Hash {
        match self {
            Self::File(project, file) => {
                digest(&[b"file\0pypi\0", project.as_str().as_bytes(), b"\0", file.as_str().as_bytes()])
            }
            Self::Release(project, version) => {
                let version = version.canonical();
                digest(&[b"release\0pypi\0", project.as_str().as_bytes(), b"\0", version.as_bytes()])
            }
            Self::Project(project) => digest(&[b"project\0pypi\0", project.as_str().as_bytes()]),
            Self::Policy => digest(&[b"policy\0"]),
        }
    }
}

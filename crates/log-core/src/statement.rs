//! Statements: what a signed payload says (in-toto Statement v1).
//!
//! ```json
//! {"_type": "https://in-toto.io/Statement/v1",
//!  "subject": [{"name": "nova-27.0.0.tar.gz", "digest": {"sha256": "…"},
//!               "annotations": {"size": 12345}}],
//!  "predicateType": "https://in-toto.io/attestation/release/v0.2",
//!  "predicate": {"purl": "pkg:pypi/nova@27.0.0"}}
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`release`] | these files are all files of a release |
//! | [`withdrawal`] | do not use these files any more |
//!
//! Invariant: a parsed statement names at least one file, each once, each belonging to
//! its project and version by name. Fields that in-toto lets others add are ignored,
//! fields that are used may not be there twice. What is left out: the policy document
//! itself (`policy`) and who may say what (`rules`).

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::artifact::{self, FileName, ProjectName, Version};
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::limits::{MAX_SUBJECTS, MAX_TEXT_BYTES};
use crate::policy::{Policy, PolicyError};

pub mod release;
mod shape;
pub mod withdrawal;

pub use release::{Release, ReleaseFile, Source};
pub use withdrawal::{Reason, Withdrawal, WithdrawnFile};

/// `_type` of all statements.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// `predicateType` of releases.
pub const RELEASE_PREDICATE: &str = "https://in-toto.io/attestation/release/v0.2";
/// `predicateType` of withdrawals.
pub const WITHDRAWAL_PREDICATE: &str = "urn:wheeltap:withdrawal:v1";
/// `predicateType` of policies.
pub const POLICY_PREDICATE: &str = "urn:wheeltap:policy:v1";

/// What a payload says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// These files are all the files of a release.
    Release(Release),
    /// These files are not to be used any more.
    Withdrawal(Withdrawal),
    /// This is the policy of the log.
    Policy(PolicyStatement),
}

/// A policy for one log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyStatement {
    /// The log's origin.
    pub origin: String,
    /// SHA-256 of the log's vkey text, so that a policy fits one log only.
    pub log_digest: Hash,
    /// The policy.
    pub policy: Policy,
}

/// Why a payload is not a statement of ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StatementError {
    /// Not the JSON of a statement.
    #[error("not an in-toto statement: {0}")]
    Json(String),
    /// A predicate that this log does not record.
    #[error(
        "unknown predicateType {0:?}; known are {RELEASE_PREDICATE}, {WITHDRAWAL_PREDICATE} and {POLICY_PREDICATE}"
    )]
    Predicate(String),
    /// A field has a bad value.
    #[error("statement field `{field}`: {problem}")]
    Field {
        /// Which field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The policy document is bad.
    #[error("statement field `predicate`: {0}")]
    Policy(#[from] PolicyError),
}

#[derive(Serialize, Deserialize)]
struct WireStatement<'a> {
    #[serde(rename = "_type")]
    statement_type: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    #[serde(borrow)]
    predicate: &'a RawValue,
}

#[derive(Serialize, Deserialize)]
struct WireSubject {
    name: String,
    digest: WireDigest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annotations: Option<WireAnnotations>,
}

#[derive(Serialize, Deserialize)]
struct WireDigest {
    sha256: String,
}

#[derive(Serialize, Deserialize)]
struct WireAnnotations {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

impl Statement {
    /// Reads a payload.
    pub fn parse(payload: &[u8]) -> Result<Self, StatementError> {
        let wire: WireStatement<'_> = serde_json::from_slice(payload).map_err(|error| json(&error))?;
        shape::check(payload).map_err(|error| json(&error))?;
        if wire.statement_type != STATEMENT_TYPE {
            return Err(field("_type", format!("expected {STATEMENT_TYPE:?}")));
        }
        match wire.predicate_type.as_str() {
            RELEASE_PREDICATE => Release::from_wire(&wire).map(Self::Release),
            WITHDRAWAL_PREDICATE => Withdrawal::from_wire(&wire).map(Self::Withdrawal),
            POLICY_PREDICATE => PolicyStatement::from_wire(&wire).map(Self::Policy),
            other => Err(StatementError::Predicate(other.chars().take(200).collect())),
        }
    }
}

impl Statement {
    /// The project that it is about; a policy is about all.
    pub fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::Release(release) => Some(&release.project),
            Self::Withdrawal(withdrawal) => Some(&withdrawal.project),
            Self::Policy(_) => None,
        }
    }
}

impl PolicyStatement {
    /// A policy for the log with `key`.
    pub fn new(log: &VerifierKey, policy: Policy) -> Self {
        let log_digest = crate::hash::digest(&[log.to_vkey().as_bytes()]);
        Self { origin: log.name().to_string(), log_digest, policy }
    }

    /// Whether this policy is for the log with `key`.
    pub fn is_for(&self, log: &VerifierKey) -> bool {
        let own = Self::new(log, self.policy.clone());
        own.origin == self.origin && own.log_digest == self.log_digest
    }

    /// The payload that says this.
    pub fn to_payload(&self) -> Vec<u8> {
        let subject = WireSubject {
            name: self.origin.clone(),
            digest: WireDigest { sha256: self.log_digest.to_hex() },
            annotations: None,
        };
        encode(vec![subject], POLICY_PREDICATE, &self.policy.to_document())
    }

    fn from_wire(wire: &WireStatement<'_>) -> Result<Self, StatementError> {
        let [subject] = wire.subject.as_slice() else {
            return Err(field("subject", "expected the log, and nothing else".into()));
        };
        let log_digest = subject.digest.parse(0)?;
        let policy = Policy::parse(wire.predicate.get())?;
        Ok(Self { origin: subject.name.clone(), log_digest, policy })
    }
}

impl WireSubject {
    fn new(name: &FileName, sha256: Hash, size: Option<u64>) -> Self {
        Self {
            name: name.to_string(),
            digest: WireDigest { sha256: sha256.to_hex() },
            annotations: size.map(|size| WireAnnotations { size: Some(size) }),
        }
    }

    /// The name, when by it the file is one of this project and version.
    fn parse_name(
        &self,
        i: usize,
        project: &ProjectName,
        version: &Version,
    ) -> Result<FileName, StatementError> {
        let at = |problem: String| field(&format!("subject[{i}].name"), problem);
        let name = FileName::parse(&self.name).map_err(|error| at(error.to_string()))?;
        let artifact = name.metadata_of();
        let of = artifact::version_of(artifact.as_ref().unwrap_or(&name), project)
            .map_err(|error| at(error.to_string()))?;
        if of == *version {
            Ok(name)
        } else {
            Err(at(format!("{:?} is a file of version {of}, not {version}", self.name)))
        }
    }
}

impl WireDigest {
    fn parse(&self, i: usize) -> Result<Hash, StatementError> {
        Hash::parse_hex(&self.sha256).ok_or_else(|| {
            field(&format!("subject[{i}].digest.sha256"), "expected 64 lower-case hex digits".into())
        })
    }
}

/// `pkg:pypi/<project>@<version>`, with `+` and `!` percent-encoded.
pub fn purl(project: &ProjectName, version: &Version) -> String {
    let version = version.as_str().replace('!', "%21").replace('+', "%2B");
    format!("pkg:pypi/{project}@{version}")
}

fn parse_purl(text: &str) -> Result<(ProjectName, Version), String> {
    let rest = text.strip_prefix("pkg:pypi/").and_then(|rest| rest.split_once('@'));
    let (project, version) = rest.ok_or("expected `pkg:pypi/<project>@<version>`")?;
    let project = ProjectName::parse(project).map_err(|error| error.to_string())?;
    let decoded = version.replace("%21", "!").replace("%2B", "+");
    let version = Version::parse(&decoded).map_err(|error| error.to_string())?;
    if purl(&project, &version) == text {
        Ok((project, version))
    } else {
        Err("`!` and `+` of a version are written %21 and %2B".into())
    }
}

fn check_count(subjects: &[WireSubject]) -> Result<(), StatementError> {
    if (1..=MAX_SUBJECTS).contains(&subjects.len()) {
        return Ok(());
    }
    Err(field("subject", format!("expected 1 to {MAX_SUBJECTS} files")))
}

/// A text for people: one line, not too long.
fn check_text(at: &str, text: &str) -> Result<(), StatementError> {
    if (1..=MAX_TEXT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control) {
        return Ok(());
    }
    Err(field(at, format!("expected 1 to {MAX_TEXT_BYTES} bytes without control characters")))
}

fn encode(subject: Vec<WireSubject>, predicate_type: &str, predicate: &impl Serialize) -> Vec<u8> {
    #[derive(Serialize)]
    struct Wire<'a, P> {
        #[serde(rename = "_type")]
        statement_type: &'a str,
        subject: Vec<WireSubject>,
        #[serde(rename = "predicateType")]
        predicate_type: &'a str,
        predicate: &'a P,
    }
    let wire = Wire { statement_type: STATEMENT_TYPE, subject, predicate_type, predicate };
    serde_json::to_vec(&wire).unwrap_or_default()
}

fn json(error: &serde_json::Error) -> StatementError {
    StatementError::Json(error.to_string())
}

fn field(field: &str, problem: String) -> StatementError {
    StatementError::Field { field: field.to_owned(), problem }
}

#[cfg(test)]
mod tests;

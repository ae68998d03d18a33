//! Which statements a log may hold. Log, witness and client all decide by this.
//!
//! Each rule is a pure function, in the order in which the log applies them:
//!
//! 1. [`check_signatures`]: signatures of known keys verify;
//! 2. [`authorise`]: the policy in force lets the signers say this;
//! 3. [`check_write_once`]: no file name ever gets a second digest.
//!
//! What is left out: duplicates (the same payload again), which are no refusal.

use thiserror::Error;

use crate::artifact::{FileName, ProjectName};
use crate::dsse::Envelope;
use crate::entry::SignedStatement;
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::policy::{Policy, Roots};
use crate::statement::{PolicyStatement, Release, Statement};

/// What a log is born with, and what a client pins: the log's key and the root
/// keys that sign its first policy.
#[derive(Debug, Clone)]
pub struct Genesis {
    /// The log's own key; its name is the origin.
    pub log: VerifierKey,
    /// Who signs the first policy.
    pub roots: Roots,
}

/// What is known of a file name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Logged {
    /// The first entry that names the file.
    pub index: u64,
    /// The digest it gives.
    pub sha256: Hash,
}

/// Why a statement was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Signed by nobody.
    #[error("the envelope has no signature")]
    Unsigned,
    /// A signature does not verify under the key it names.
    #[error("the signature of {keyid:?} does not verify")]
    BadSignature {
        /// The key it names.
        keyid: String,
    },
    /// Signed by a key that the policy does not know.
    #[error("the policy in force knows no publisher key {keyid:?}")]
    UnknownKey {
        /// The key it names.
        keyid: String,
    },
    /// Signed by a known key that may not publish this project.
    #[error("{publisher} (key {keyid}) may not publish project {project}")]
    NotForProject {
        /// The key it names.
        keyid: String,
        /// Whose it is.
        publisher: String,
        /// The project.
        project: ProjectName,
    },
    /// A file name already has another digest.
    #[error("{file} is already logged with another sha256: entry {} says {}", logged.index, logged.sha256.to_hex())]
    Conflict {
        /// The file.
        file: FileName,
        /// What is logged.
        logged: Logged,
    },
    /// Nothing may be said before the first policy.
    #[error("the log has no policy yet: entry 0 must be policy version 1, signed by the root keys")]
    NoPolicy,
    /// A policy where none is due.
    #[error("policy version {found} cannot follow: {expected}")]
    PolicyNotDue {
        /// The submitted policy's version.
        found: u64,
        /// What would be right.
        expected: &'static str,
    },
    /// A policy made for another log.
    #[error("the policy is for another log: its subject is not this log's origin {origin:?} and key")]
    OtherLog {
        /// This log.
        origin: String,
    },
    /// A policy with too few signatures of root keys.
    #[error("the policy has {found} of the {needed} root signatures it needs")]
    Threshold {
        /// How many are there.
        found: usize,
        /// How many are needed.
        needed: usize,
    },
}

/// Rule 1: each signature whose key is known verifies, and there is one at all.
///
/// `key` finds a key by its keyid, in any policy so far or among the roots.
pub fn check_signatures<'k>(
    envelope: &Envelope,
    key: impl Fn(&str) -> Option<&'k VerifierKey>,
) -> Result<(), Refusal> {
    if envelope.signatures().is_empty() {
        return Err(Refusal::Unsigned);
    }
    for signature in envelope.signatures() {
        if key(&signature.keyid).is_some_and(|key| !envelope.is_signed_by(key, signature)) {
            return Err(Refusal::BadSignature { keyid: signature.keyid.clone() });
        }
    }
    Ok(())
}

/// Rule 2: all signers may say this under the policy in force; `None` before the
/// first policy. Signatures are verified again, under the policy's own keys.
pub fn authorise(
    signed: &SignedStatement,
    policy: Option<&Policy>,
    genesis: &Genesis,
) -> Result<(), Refusal> {
    match (&signed.statement, policy) {
        (Statement::Release(release), Some(policy)) => authorise_release(&signed.envelope, release, policy),
        (Statement::Release(_), None) => Err(Refusal::NoPolicy),
        (Statement::Policy(first), None) => authorise_first_policy(&signed.envelope, first, genesis),
        (Statement::Policy(next), Some(_)) => Err(Refusal::PolicyNotDue {
            found: next.policy.version,
            expected: "this version of the protocol keeps the first policy",
        }),
    }
}

/// Rule 3: each file's name is new, or logged with the same digest.
///
/// `logged` says what is known of a file of the release's project.
pub fn check_write_once(
    release: &Release,
    logged: impl Fn(&FileName) -> Option<Logged>,
) -> Result<(), Refusal> {
    for file in &release.files {
        if let Some(logged) = logged(&file.name)
            && logged.sha256 != file.sha256
        {
            return Err(Refusal::Conflict { file: file.name.clone(), logged });
        }
    }
    Ok(())
}

/// Rule 2 for a release.
pub(crate) fn authorise_release(
    envelope: &Envelope,
    release: &Release,
    policy: &Policy,
) -> Result<(), Refusal> {
    if envelope.signatures().is_empty() {
        return Err(Refusal::Unsigned);
    }
    for signature in envelope.signatures() {
        let keyid = signature.keyid.clone();
        let Some((key, publisher)) = policy.publisher_key(&keyid) else {
            return Err(Refusal::UnknownKey { keyid });
        };
        if !envelope.is_signed_by(key, signature) {
            return Err(Refusal::BadSignature { keyid });
        }
        if !publisher.may_publish(&release.project) {
            let publisher = publisher.name.clone();
            return Err(Refusal::NotForProject { keyid, publisher, project: release.project.clone() });
        }
    }
    Ok(())
}

/// The first policy is signed by the roots that the log was born with, and by
/// those it names itself; each by its own threshold.
fn authorise_first_policy(
    envelope: &Envelope,
    first: &PolicyStatement,
    genesis: &Genesis,
) -> Result<(), Refusal> {
    if !first.is_for(&genesis.log) {
        return Err(Refusal::OtherLog { origin: genesis.log.name().to_string() });
    }
    if first.policy.version != 1 {
        let expected = "the first policy is version 1";
        return Err(Refusal::PolicyNotDue { found: first.policy.version, expected });
    }
    for signature in envelope.signatures() {
        let keyid = &signature.keyid;
        let mut roots = genesis.roots.keys.iter().chain(&first.policy.roots.keys);
        let Some(key) = roots.find(|key| key.keyid() == *keyid) else {
            return Err(Refusal::UnknownKey { keyid: keyid.clone() });
        };
        if !envelope.is_signed_by(key, signature) {
            return Err(Refusal::BadSignature { keyid: keyid.clone() });
        }
    }
    check_threshold(envelope, &genesis.roots)?;
    check_threshold(envelope, &first.policy.roots)
}

fn check_threshold(envelope: &Envelope, roots: &Roots) -> Result<(), Refusal> {
    let signed = |key: &&VerifierKey| {
        envelope.signatures().iter().any(|signature| envelope.is_signed_by(key, signature))
    };
    let found = roots.keys.iter().filter(signed).count();
    if found < roots.threshold {
        return Err(Refusal::Threshold { found, needed: roots.threshold });
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! Which statements a log may hold. Log, witness and client all decide by this.
//!
//! Each rule is a pure function, in the order in which the log applies them:
//!
//! 1. [`check_signatures`]: signatures of known keys verify;
//! 2. [`authorise`]: the policy in force lets the signers say this;
//! 3. [`check_release`]: no file name ever gets a second digest, a withdrawn file does
//!    not come back, and a later statement of a version leaves no file out;
//!    [`check_withdrawal`]: what is withdrawn is logged.
//!
//! | module | owns |
//! |---|---|
//! | [`roots`] | rule 2 for policies |
//! | [`refusal`] | why a statement was refused |
//!
//! What is left out: duplicates (the same payload again), which are no refusal.

use crate::artifact::{FileName, ProjectName};
use crate::dsse::Envelope;
use crate::entry::SignedStatement;
use crate::hash::Hash;
use crate::key::VerifierKey;
use crate::policy::{Policy, Roots};
use crate::statement::{Release, ReleaseFile, Statement, Withdrawal};
use crate::timeline::{Moment, Timeline};

pub mod refusal;
pub mod roots;

pub use refusal::Refusal;

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
    /// The first entry that withdraws it, or the wheel that it is the metadata of.
    pub withdrawn: Option<u64>,
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

/// Rule 2: all signers may say this under the policy in force at this place in the log.
/// Signatures are verified again, under the policy's own keys.
pub fn authorise(
    signed: &SignedStatement,
    at: Moment,
    timeline: &Timeline,
    genesis: &Genesis,
) -> Result<(), Refusal> {
    if let Statement::Policy(next) = &signed.statement {
        return roots::authorise_policy(&signed.envelope, next, at, timeline, genesis);
    }
    let policy = &timeline.in_force(at).ok_or(Refusal::NoPolicy)?.policy;
    permit(signed, policy, at.time)?;
    check_signatures(&signed.envelope, |keyid| Some(&policy.publisher_key(keyid)?.0.key))
}

/// Rule 2 for releases and withdrawals without the signatures themselves: who has
/// verified them under this policy need not do it again.
pub fn permit(signed: &SignedStatement, policy: &Policy, time: Option<u64>) -> Result<(), Refusal> {
    let Some(project) = signed.statement.project() else { return Ok(()) };
    if signed.envelope.signatures().is_empty() {
        return Err(Refusal::Unsigned);
    }
    for signature in signed.envelope.signatures() {
        let keyid = signature.keyid.clone();
        let Some((key, publisher)) = policy.publisher_key(&keyid) else {
            return Err(Refusal::UnknownKey { keyid });
        };
        if !key.counts_at(time) {
            return Err(Refusal::KeyNotInTime { keyid, from: key.from, until: key.until, time });
        }
        let publisher_name = publisher.name.clone();
        if !publisher.may_publish(project) {
            return Err(Refusal::NotForProject {
                keyid,
                publisher: publisher_name,
                project: project.clone(),
            });
        }
        if matches!(signed.statement, Statement::Withdrawal(_)) && !publisher.withdraw {
            return Err(Refusal::MayNotWithdraw { keyid, publisher: publisher_name });
        }
    }
    Ok(())
}

/// Rule 3 for releases.
///
/// `logged` says what is known of a file of the release's project, `earlier` are the
/// files of the newest statement about the same version, with its index.
pub fn check_release(
    release: &Release,
    logged: impl Fn(&FileName) -> Option<Logged>,
    earlier: Option<(u64, &[ReleaseFile])>,
) -> Result<(), Refusal> {
    check_write_once(release, &logged)?;
    let Some((index, files)) = earlier else { return Ok(()) };
    let withdrawn = |name: &FileName| logged(name).is_some_and(|logged| logged.withdrawn.is_some());
    match files.iter().find(|file| release.file(&file.name).is_none() && !withdrawn(&file.name)) {
        None => Ok(()),
        Some(file) => Err(Refusal::LeavesOut { file: file.name.clone(), index }),
    }
}

/// Rule 3 as far as it needs nothing but the files themselves: each file's name is new,
/// or logged with the same digest and not withdrawn.
pub fn check_write_once(
    release: &Release,
    logged: impl Fn(&FileName) -> Option<Logged>,
) -> Result<(), Refusal> {
    for file in &release.files {
        let Some(logged) = logged(&file.name) else { continue };
        if logged.sha256 != file.sha256 {
            return Err(Refusal::Conflict { file: file.name.clone(), logged });
        }
        if let Some(index) = logged.withdrawn {
            return Err(Refusal::Withdrawn { file: file.name.clone(), index });
        }
    }
    Ok(())
}

/// Rule 3 for withdrawals: each file is logged with this digest. It may be withdrawn
/// already, for another reason.
pub fn check_withdrawal(
    withdrawal: &Withdrawal,
    logged: impl Fn(&FileName) -> Option<Logged>,
) -> Result<(), Refusal> {
    for file in &withdrawal.files {
        match logged(&file.name) {
            None => {
                let project: ProjectName = withdrawal.project.clone();
                return Err(Refusal::NotLogged { file: file.name.clone(), project });
            }
            Some(logged) if logged.sha256 != file.sha256 => {
                return Err(Refusal::Conflict { file: file.name.clone(), logged });
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

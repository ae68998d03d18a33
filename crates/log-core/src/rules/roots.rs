//! Rule 2 for policies: who may make the next one.
//!
//! The first is signed by the roots that the log was born with, each later one by those
//! of the policy in force at its place in the log; all of them also by the roots they
//! name themselves, so that nobody can be made a root who does not hold the key (TUF's
//! rule for rotating roots). Each by its own threshold, and by nobody else.

use super::{Genesis, Refusal};
use crate::dsse::Envelope;
use crate::key::VerifierKey;
use crate::policy::Roots;
use crate::statement::PolicyStatement;
use crate::timeline::{Moment, Timeline};

/// Whether the policy may stand here.
pub fn authorise_policy(
    envelope: &Envelope,
    next: &PolicyStatement,
    at: Moment,
    timeline: &Timeline,
    genesis: &Genesis,
) -> Result<(), Refusal> {
    if !next.is_for(&genesis.log) {
        return Err(Refusal::OtherLog { origin: genesis.log.name().to_string() });
    }
    let expected = timeline.next_version();
    if next.policy.version != expected {
        return Err(Refusal::PolicyNotDue { found: next.policy.version, expected });
    }
    if envelope.signatures().is_empty() {
        return Err(Refusal::Unsigned);
    }
    let (before, whose) = match timeline.in_force(at) {
        None => (&genesis.roots, "the log's"),
        Some(dated) => (&dated.policy.roots, "the replaced policy's"),
    };
    for signature in envelope.signatures() {
        let keyid = &signature.keyid;
        let mut keys = before.keys.iter().chain(&next.policy.roots.keys);
        let Some(key) = keys.find(|key| key.is_called(keyid)) else {
            return Err(Refusal::UnknownKey { keyid: keyid.clone() });
        };
        if !envelope.is_signed_by(key, signature) {
            return Err(Refusal::BadSignature { keyid: keyid.clone() });
        }
    }
    check_threshold(envelope, before, whose)?;
    check_threshold(envelope, &next.policy.roots, "its own")
}

/// How many of the roots have signed.
pub fn root_signatures(envelope: &Envelope, roots: &Roots) -> usize {
    let signed = |key: &&VerifierKey| {
        envelope.signatures().iter().any(|signature| envelope.is_signed_by(key, signature))
    };
    roots.keys.iter().filter(signed).count()
}

fn check_threshold(envelope: &Envelope, roots: &Roots, whose: &'static str) -> Result<(), Refusal> {
    let found = root_signatures(envelope, roots);
    if found < roots.threshold {
        return Err(Refusal::Threshold { found, needed: roots.threshold, whose });
    }
    Ok(())
}

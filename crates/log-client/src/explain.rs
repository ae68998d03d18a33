//! What a refusal means to whoever wanted something logged, and what to do next.
//!
//! The log says so, too, when it is asked; here it is said before anything is sent.

use log_core::dsse::Envelope;
use log_core::entry::SignedStatement;
use log_core::rules::{self, Refusal};
use log_core::timeline::Moment;
use log_io::clock;
use log_io::outcome::{Exit, Failure};
use log_io::session::Session;

use crate::facts::Known;

/// Whether the policy that the log has now allows the signers to say this.
pub fn check_allowed(session: &Session, known: &Known, envelope: &Envelope) -> Result<(), Failure> {
    let signed = SignedStatement::new(envelope.clone()).map_err(|error| Failure::usage(error.to_string()))?;
    let at = Moment { index: known.size, time: Some(known.log_time(clock::now())) };
    rules::authorise(&signed, at, &known.facts.timeline, &session.log.trust.genesis)
        .map_err(|refused| refusal(&refused))
}

/// The failure for a statement that the log would refuse.
pub fn refusal(refusal: &Refusal) -> Failure {
    let (exit, hint) = match refusal {
        Refusal::Unsigned => (Exit::Failed, "sign it first: `wheeltap policy sign`"),
        Refusal::BadSignature { .. } => {
            (Exit::Failed, "the file was changed after it was signed: make it again, and sign it again")
        }
        Refusal::UnknownKey { .. } => {
            (Exit::Failed, "sign with a key that is in the policy: `wheeltap policy show` lists them")
        }
        Refusal::KeyNotInTime { .. } => {
            (Exit::Failed, "sign with another key of the publisher: `wheeltap policy show` lists them")
        }
        Refusal::NotForProject { .. } => {
            (Exit::Failed, "sign with a key of the project's publisher: `wheeltap policy show` lists them")
        }
        Refusal::MayNotWithdraw { .. } => (
            Exit::Failed,
            "have somebody sign who may, or change that: `wheeltap policy edit --allow-withdraw`",
        ),
        Refusal::Conflict { .. } => (Exit::Invalid, "never change a published file: release a new version"),
        Refusal::Withdrawn { .. } => (Exit::Withdrawn, "a withdrawal is for ever: release a new version"),
        Refusal::LeavesOut { .. } => (Exit::Failed, "list the earlier files of the version, too"),
        Refusal::NotLogged { .. } => (Exit::NotLogged, "check the name: `wheeltap lookup --project`"),
        Refusal::NoPolicy => {
            (Exit::Failed, "submit the first policy: `wheeltap policy init`, `sign`, `submit`")
        }
        Refusal::PolicyNotDue { .. } => {
            (Exit::Failed, "make it again from the newest policy: `wheeltap policy edit --from-log`")
        }
        Refusal::PolicyHistoryFull(_) => {
            (Exit::Failed, "make the policy shorter; when there is no room at all, a new log has to follow")
        }
        Refusal::OtherLog { .. } => {
            (Exit::Failed, "make the policy for this log: its key is in the trust file")
        }
        Refusal::Threshold { .. } => {
            (Exit::Failed, "have more root keys sign the file: `wheeltap policy sign` says how many have")
        }
    };
    Failure::with_exit(exit, format!("the log would refuse it: {refusal}")).hint(hint)
}

//! Why a statement was refused.
//!
//! Invariant: each variant is something a submitter would act on differently; what to
//! do next is said where it is shown (HTTP, command line).

use thiserror::Error;

use super::Logged;
use crate::artifact::{FileName, ProjectName};
use crate::timeline::HistoryFull;
use crate::times::utc;

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
    #[error("the policy in force knows no such key: {keyid:?}")]
    UnknownKey {
        /// The key it names.
        keyid: String,
    },
    /// Signed by a known key before or after its time.
    #[error("key {keyid} does not count at the log's time {}: {}", shown_time(*time), shown_span(*from, *until))]
    KeyNotInTime {
        /// The key it names.
        keyid: String,
        /// The first second of its time.
        from: Option<u64>,
        /// The first second after its time.
        until: Option<u64>,
        /// The log's time.
        time: Option<u64>,
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
    /// A withdrawal by a publisher who may only publish.
    #[error("{publisher} (key {keyid}) may not withdraw files")]
    MayNotWithdraw {
        /// The key it names.
        keyid: String,
        /// Whose it is.
        publisher: String,
    },
    /// A file name already has another digest.
    #[error("{file} is already logged with another sha256: entry {} says {}", logged.index, logged.sha256.to_hex())]
    Conflict {
        /// The file.
        file: FileName,
        /// What is logged.
        logged: Logged,
    },
    /// A release names a file that was withdrawn.
    #[error("{file} was withdrawn by entry {index}")]
    Withdrawn {
        /// The file.
        file: FileName,
        /// The withdrawal.
        index: u64,
    },
    /// A later statement of a version does not have all files of the earlier one.
    #[error("the statement leaves out {file}, which entry {index} lists for the same version")]
    LeavesOut {
        /// The file.
        file: FileName,
        /// The earlier statement.
        index: u64,
    },
    /// A withdrawal of a file that is not logged.
    #[error("{file} of {project} is not logged, so it cannot be withdrawn")]
    NotLogged {
        /// The file.
        file: FileName,
        /// Its project.
        project: ProjectName,
    },
    /// Nothing may be said before the first policy.
    #[error("the log has no policy yet: entry 0 must be policy version 1, signed by the root keys")]
    NoPolicy,
    /// A policy with another version than the next.
    #[error("policy version {found} cannot follow: the next is version {expected}")]
    PolicyNotDue {
        /// The submitted policy's version.
        found: u64,
        /// What would be right.
        expected: u64,
    },
    /// All policies together would be too long.
    #[error("there is no room for another policy: {0}")]
    PolicyHistoryFull(HistoryFull),
    /// A policy made for another log.
    #[error("the policy is for another log: its subject is not this log's origin {origin:?} and key")]
    OtherLog {
        /// This log.
        origin: String,
    },
    /// A policy with too few signatures of root keys.
    #[error("the policy has {found} of the {needed} signatures it needs of {whose} root keys")]
    Threshold {
        /// How many are there.
        found: usize,
        /// How many are needed.
        needed: usize,
        /// Of which policy, in words.
        whose: &'static str,
    },
}

fn shown_time(time: Option<u64>) -> String {
    time.map_or_else(|| "(unknown)".to_owned(), utc)
}

fn shown_span(from: Option<u64>, until: Option<u64>) -> String {
    match (from, until) {
        (Some(from), Some(until)) => format!("it counts from {} on and before {}", utc(from), utc(until)),
        (Some(from), None) => format!("it counts from {} on", utc(from)),
        (None, Some(until)) => format!("it counts before {}", utc(until)),
        (None, None) => "it counts at all times".to_owned(),
    }
}

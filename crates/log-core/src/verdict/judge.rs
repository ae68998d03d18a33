//! The verdict on one file, from facts that are proven.

use super::records::Records;
use crate::artifact::{FileName, ProjectName, Version};
use crate::hash::Hash;
use crate::history::Recorded;
use crate::statement::{Reason, Release};

/// A file to judge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// Its name.
    pub name: FileName,
    /// The digest of its bytes.
    pub sha256: Hash,
    /// The projects and versions its name can stand for, most plausible first.
    pub candidates: Vec<(ProjectName, Version)>,
}

/// What is concluded about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The log's publisher said that these bytes are this file.
    Verified {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// The entry that says so.
        index: u64,
    },
    /// The log covers the project, and has no file of this name.
    NotLogged {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// Whether other files of the version are logged.
        release_logged: bool,
        /// The same bytes under another name.
        logged_as: Option<FileName>,
    },
    /// The log does not cover the file's project (or this version of it).
    NotCovered,
    /// The name is a file of several projects, all of which the log has. Which one
    /// is meant only the user can say.
    Ambiguous {
        /// The projects.
        projects: Vec<ProjectName>,
    },
    /// The log has other bytes under this name.
    OtherHash {
        /// The digest it has.
        logged: Hash,
        /// The entry that says so.
        index: u64,
    },
    /// The project took the file back.
    Withdrawn {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// The entry that says so.
        index: u64,
        /// Why, in one word.
        reason: Reason,
        /// Why, in its words.
        text: String,
    },
    /// All statements that name the file were signed after their keys had ended.
    Revoked {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// The newest entry that names the file.
        index: u64,
        /// The key.
        keyid: String,
        /// Since when it does not count, in POSIX seconds.
        since: u64,
    },
}

/// The verdict on one file, from [`Facts`](super::Facts), or from
/// [`ByName`](super::ByName) when there are many files.
pub fn judge(subject: &Subject, facts: &impl Records) -> Verdict {
    let mut named = facts.naming(&subject.name);
    named.retain(|(recorded, _)| {
        subject.candidates.iter().any(|(project, _)| *project == recorded.statement.project)
    });
    match named.first() {
        Some((first, logged)) => judge_named(subject, facts, first, *logged, &named),
        None => judge_unnamed(subject, facts),
    }
}

/// The verdict on a file whose name is logged, by `first` and perhaps others.
fn judge_named(
    subject: &Subject,
    facts: &impl Records,
    first: &Recorded<Release>,
    logged: Hash,
    named: &[(&Recorded<Release>, Hash)],
) -> Verdict {
    // `foo-1-2.tar.gz` is 2 of `foo-1` and 1.post2 of `foo`: whoever publishes
    // one of them must not be able to speak for the other.
    let mut projects: Vec<ProjectName> =
        named.iter().map(|(recorded, _)| recorded.statement.project.clone()).collect();
    projects.sort();
    projects.dedup();
    if projects.len() > 1 {
        return Verdict::Ambiguous { projects };
    }
    if logged != subject.sha256 {
        return Verdict::OtherHash { logged, index: first.index };
    }
    let (project, version) = (first.statement.project.clone(), first.statement.version.clone());
    if let Some(withdrawal) = facts.withdrawal(&project, &subject.name) {
        let (reason, text) = (withdrawal.statement.reason, withdrawal.statement.text.clone());
        return Verdict::Withdrawn { project, version, index: withdrawal.index, reason, text };
    }
    // One statement whose keys all counted is enough: after a key was revoked a release
    // may be signed once more, with another.
    let mut revoked = None;
    for (recorded, _) in named {
        let ended = recorded
            .signers
            .iter()
            .find_map(|keyid| Some((keyid.clone(), facts.policy().revoked_since(keyid, recorded.time)?)));
        match ended {
            None => return Verdict::Verified { project, version, index: recorded.index },
            Some((keyid, since)) => revoked = Some((recorded.index, keyid, since)),
        }
    }
    match revoked {
        Some((index, keyid, since)) => Verdict::Revoked { project, version, index, keyid, since },
        None => Verdict::NotCovered,
    }
}

/// The verdict on a file whose name is not logged.
fn judge_unnamed(subject: &Subject, facts: &impl Records) -> Verdict {
    let covered =
        subject.candidates.iter().find(|(project, version)| facts.policy().covers(project, Some(version)));
    let Some((project, version)) = covered else { return Verdict::NotCovered };
    let release_logged = facts.has_release(project, version);
    let logged_as = facts.with_bytes(subject.sha256).cloned();
    Verdict::NotLogged { project: project.clone(), version: version.clone(), release_logged, logged_as }
}

//! The verdict on one file, from facts that are proven.

use super::Facts;
use crate::artifact::{FileName, ProjectName, Version};
use crate::hash::Hash;
use crate::statement::Release;

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
}

/// The verdict on one file.
pub fn judge(subject: &Subject, facts: &Facts) -> Verdict {
    let of_a_candidate =
        |release: &Release| subject.candidates.iter().any(|(project, _)| *project == release.project);
    let mut named = facts
        .releases
        .iter()
        .filter(|(_, release)| of_a_candidate(release))
        .filter_map(|(index, release)| Some((*index, release, release.file(&subject.name)?.sha256)));
    if let Some((index, release, logged)) = named.next() {
        // `foo-1-2.tar.gz` is 2 of `foo-1` and 1.post2 of `foo`: whoever publishes
        // one of them must not be able to speak for the other.
        let mut projects = vec![release.project.clone()];
        projects.extend(named.map(|(_, release, _)| release.project.clone()));
        projects.sort();
        projects.dedup();
        return if projects.len() > 1 {
            Verdict::Ambiguous { projects }
        } else if logged == subject.sha256 {
            Verdict::Verified { project: release.project.clone(), version: release.version.clone(), index }
        } else {
            Verdict::OtherHash { logged, index }
        };
    }
    let covered =
        subject.candidates.iter().find(|(project, version)| facts.policy.covers(project, Some(version)));
    let Some((project, version)) = covered else { return Verdict::NotCovered };
    let release_logged =
        facts.releases.iter().any(|(_, release)| release.project == *project && release.version == *version);
    let same_bytes = |release: &Release| {
        release.files.iter().find(|file| file.sha256 == subject.sha256).map(|file| file.name.clone())
    };
    let logged_as = facts.releases.iter().find_map(|(_, release)| same_bytes(release));
    Verdict::NotLogged { project: project.clone(), version: version.clone(), release_logged, logged_as }
}

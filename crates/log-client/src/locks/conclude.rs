//! The verdict on one entry, from facts that are proven.
//!
//! An installer takes any file that an entry permits, so the verdict is that on the worst
//! of them; and an entry without hashes permits every file of the release, and files that
//! the log has never seen as well, which is said whenever such an entry passes.

use std::collections::BTreeSet;

use log_core::artifact::{FileName, ProjectName, Version, candidates};
use log_core::hash::Hash;
use log_core::statement::Release;
use log_core::verdict::{Facts, Subject, Verdict, judge};

use super::agree::{self, Agreed, Named};
use super::{Digest, Origin, Pin, Wanted, text};

/// What is concluded about an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// Every file that it permits is proven.
    Verified {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// How many files or hashes it permits.
        files: usize,
        /// The entries that say so.
        entries: BTreeSet<u64>,
    },
    /// It has no hash, and its release is logged and not taken back.
    VersionOnly {
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// The entries of the release.
        entries: BTreeSet<u64>,
        /// Of what is installed: the logged wheel that has the same metadata.
        wheel: Option<FileName>,
    },
    /// The verdict on a file that it permits, which is not `Verified`.
    File(Option<FileName>, Verdict),
    /// It permits bytes that the log does not have in this release.
    UnknownHash {
        /// The hash.
        sha256: Hash,
        /// The project.
        project: ProjectName,
        /// The version.
        version: Version,
        /// Whether the log has the release, with other files.
        release_logged: bool,
    },
    /// What it says of itself does not go together.
    Disagrees(String),
    /// Nothing can be proven about it: why.
    Unprovable(String),
    /// It is a directory of this machine, from which nothing is downloaded.
    Local,
    /// No log covers it. Whether it has a hash at least.
    NotCovered {
        /// Whether every file that it permits has a hash.
        pinned: bool,
    },
}

/// The projects and versions that have to be asked about.
pub fn subjects(wanted: &Wanted) -> Vec<(ProjectName, Version)> {
    let Ok(Agreed { named, version, .. }) = agree::check(wanted) else { return Vec::new() };
    match (&wanted.project, version) {
        (Some(project), Pin::Version(version)) => vec![(project.clone(), version)],
        (Some(_), Pin::Open | Pin::Odd(_)) => Vec::new(),
        (None, _) => named.iter().filter_map(|file| file.name.as_ref()).flat_map(candidates).collect(),
    }
}

/// The verdict, from what the log says that is asked about the project. `None`: there is no
/// such log.
pub fn conclude(wanted: &Wanted, facts: Option<&Facts>) -> Conclusion {
    if let Origin::Directory(place) = &wanted.origin {
        let remote = || Conclusion::Unprovable("it is of no directory of this machine".to_owned());
        return if text::is_local(place) { Conclusion::Local } else { remote() };
    }
    let Agreed { named, version, strange } = match agree::check(wanted) {
        Ok(agreed) => agreed,
        Err(what) => return Conclusion::Disagrees(what),
    };
    let pinned = !named.is_empty() && named.iter().all(Named::is_pinned);
    let not_covered = Conclusion::NotCovered { pinned };
    if wanted.project.is_none() && subjects(wanted).is_empty() {
        // It may be anything, and so of a project that is covered.
        return Conclusion::Unprovable("it does not say which project it is".to_owned());
    }
    let Some(facts) = facts else { return not_covered };
    let Some(project) = &wanted.project else { return nameless(&named, facts) };
    let covered = facts.policy.covers(project, version.version());
    let Pin::Version(version) = version else {
        return if covered { no_version(wanted) } else { not_covered };
    };
    let releases = releases(facts, project, &version);
    if !covered && releases.is_empty() {
        return not_covered;
    }
    if let Origin::Repository(_) = wanted.origin {
        return Conclusion::Unprovable(
            "it is built from a repository, which the log does not record".to_owned(),
        );
    }
    if let Some(what) = strange.or_else(|| agree::check_hosts(wanted).err()) {
        return Conclusion::Disagrees(what);
    }
    if named.is_empty() {
        return version_only(project, &version, &releases, facts);
    }
    let files = named.iter().map(|file| file_conclusion(file, project, &version, &releases, facts));
    worst(files.collect(), project, &version)
}

/// A URL or path, whose name says what it may be.
fn nameless(named: &[Named<'_>], facts: &Facts) -> Conclusion {
    let unknown = || Conclusion::Unprovable("it does not say which project it is".to_owned());
    let [file] = named else { return unknown() };
    let Some(name) = &file.name else { return unknown() };
    let candidates = candidates(name);
    let covered = candidates.iter().any(|(project, version)| facts.policy.covers(project, Some(version)));
    let logged = facts.releases.iter().any(|release| release.statement.file(name).is_some());
    if !covered && !logged {
        return Conclusion::NotCovered { pinned: file.is_pinned() };
    }
    if !file.is_pinned() {
        return no_hash();
    }
    let mut verdicts = Vec::new();
    for digest in file.digests() {
        let Digest::Sha256(sha256) = digest else { return other_algorithm(digest) };
        let subject = Subject { name: name.clone(), sha256: *sha256, candidates: candidates.clone() };
        match judge(&subject, facts) {
            Verdict::Verified { project, version, index } => verdicts.push((project, version, index)),
            verdict => return Conclusion::File(Some(name.clone()), verdict),
        }
    }
    match verdicts.into_iter().next() {
        Some((project, version, index)) => {
            Conclusion::Verified { project, version, files: 1, entries: BTreeSet::from([index]) }
        }
        None => no_hash(),
    }
}

fn no_version(wanted: &Wanted) -> Conclusion {
    Conclusion::Unprovable(match (&wanted.origin, &wanted.version) {
        (Origin::Repository(_), _) => {
            "it is built from a repository, which the log does not record".to_owned()
        }
        (_, Pin::Odd(version)) => format!("{version} is no PEP 440 version"),
        _ => "it is not pinned to one version".to_owned(),
    })
}

fn no_hash() -> Conclusion {
    Conclusion::Unprovable("it permits a file without a hash: an installer takes whatever comes".to_owned())
}

fn other_algorithm(digest: &Digest) -> Conclusion {
    let name = match digest {
        Digest::Other(name) => name.as_str(),
        Digest::Sha256(_) => "sha256",
    };
    Conclusion::Unprovable(format!("it permits a file by its {name} alone, and the log has sha256 only"))
}

/// All statements about a release.
pub(super) fn releases<'f>(facts: &'f Facts, project: &ProjectName, version: &Version) -> Vec<&'f Release> {
    let all = facts.releases.iter().map(|recorded| &recorded.statement);
    all.filter(|release| release.project == *project && release.version == *version).collect()
}

/// Every artifact of a release, each once.
pub fn artifacts(facts: &Facts, project: &ProjectName, version: &Version) -> Vec<(FileName, Hash)> {
    let releases = releases(facts, project, version);
    let all: BTreeSet<(FileName, Hash)> = releases
        .iter()
        .flat_map(|release| release.artifacts())
        .map(|file| (file.name.clone(), file.sha256))
        .collect();
    all.into_iter().collect()
}

/// The verdict on a logged artifact of a release.
pub fn artifact_verdict(
    name: &FileName,
    sha256: Hash,
    project: &ProjectName,
    version: &Version,
    facts: &Facts,
) -> Verdict {
    let candidates = vec![(project.clone(), version.clone())];
    judge(&Subject { name: name.clone(), sha256, candidates }, facts)
}

fn version_only(
    project: &ProjectName,
    version: &Version,
    releases: &[&Release],
    facts: &Facts,
) -> Conclusion {
    if releases.is_empty() {
        let (project, version) = (project.clone(), version.clone());
        let verdict = Verdict::NotLogged { project, version, release_logged: false, logged_as: None };
        return Conclusion::File(None, verdict);
    }
    let mut entries = BTreeSet::new();
    for (name, sha256) in artifacts(facts, project, version) {
        match artifact_verdict(&name, sha256, project, version, facts) {
            Verdict::Verified { index, .. } => {
                entries.insert(index);
            }
            verdict => return Conclusion::File(Some(name), verdict),
        }
    }
    Conclusion::VersionOnly { project: project.clone(), version: version.clone(), entries, wheel: None }
}

/// The verdict on one file or hash that is permitted.
fn file_conclusion(
    file: &Named<'_>,
    project: &ProjectName,
    version: &Version,
    releases: &[&Release],
    facts: &Facts,
) -> Conclusion {
    if !file.is_pinned() {
        return no_hash();
    }
    let mut all = Vec::new();
    for digest in file.digests() {
        let Digest::Sha256(sha256) = digest else { return other_algorithm(digest) };
        let names: BTreeSet<FileName> = if let Some(name) = &file.name {
            BTreeSet::from([name.clone()])
        } else {
            let files = releases.iter().flat_map(|release| release.artifacts());
            files.filter(|file| file.sha256 == *sha256).map(|file| file.name.clone()).collect()
        };
        if names.is_empty() {
            return Conclusion::UnknownHash {
                sha256: *sha256,
                project: project.clone(),
                version: version.clone(),
                release_logged: !releases.is_empty(),
            };
        }
        for name in names {
            let (project, version) = (project.clone(), version.clone());
            all.push(match artifact_verdict(&name, *sha256, &project, &version, facts) {
                Verdict::Verified { index, .. } => {
                    Conclusion::Verified { project, version, files: 1, entries: BTreeSet::from([index]) }
                }
                verdict => Conclusion::File(Some(name), verdict),
            });
        }
    }
    worst(all, project, version)
}

/// The first that is not verified in order of how bad it is; else all of them together.
fn worst(all: Vec<Conclusion>, project: &ProjectName, version: &Version) -> Conclusion {
    let files = all.len();
    let mut entries = BTreeSet::new();
    let mut worst: Option<Conclusion> = None;
    for conclusion in all {
        if let Conclusion::Verified { entries: more, .. } = &conclusion {
            entries.extend(more);
        } else if worst.as_ref().is_none_or(|worst| harm(&conclusion) > harm(worst)) {
            worst = Some(conclusion);
        }
    }
    worst.unwrap_or_else(|| {
        let (project, version) = (project.clone(), version.clone());
        Conclusion::Verified { project, version, files, entries }
    })
}

/// Which of two conclusions about files of one entry says more.
fn harm(conclusion: &Conclusion) -> u8 {
    match conclusion {
        Conclusion::Disagrees(_) => 6,
        Conclusion::File(_, Verdict::OtherHash { .. } | Verdict::Revoked { .. }) => 5,
        Conclusion::File(_, Verdict::Withdrawn { .. }) => 4,
        Conclusion::UnknownHash { .. } | Conclusion::File(_, Verdict::NotLogged { .. }) => 3,
        Conclusion::File(..) => 2,
        Conclusion::Unprovable(_) => 1,
        Conclusion::Verified { .. }
        | Conclusion::VersionOnly { .. }
        | Conclusion::Local
        | Conclusion::NotCovered { .. } => 0,
    }
}

#[cfg(test)]
mod tests;

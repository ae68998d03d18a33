//! Requirements written again with the log's hashes.
//!
//! Invariant: lines that nobody pins stay as they are, byte for byte; a pinned line has
//! the hashes of all files of the release that count today, sorted, and keeps its name,
//! extras, version, marker, options and comment. Writing it twice changes nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::str::FromStr as _;

use log_core::artifact::{ProjectName, Version};
use log_core::hash::Hash;
use log_core::verdict::{Facts, Verdict};
use pep440_rs::VersionSpecifiers;

use super::conclude::{artifact_verdict, artifacts};
use super::requirements::{Content, Line, Requirement};
use super::{Digest, Origin, Pin};

/// What becomes of a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pinned {
    /// It has these hashes now; the named files of the release were left out, with why.
    Hashed {
        /// The hashes.
        hashes: Vec<Hash>,
        /// What was left out.
        left_out: Vec<(String, Verdict)>,
    },
    /// No log covers it: it stays as it is.
    Untouched,
    /// It cannot be pinned.
    Refused(Refused),
}

/// Why a requirement cannot be pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The log has no such release.
    NotLogged,
    /// All its files were taken back, or signed with keys that had ended; the verdict on
    /// one of them.
    NothingLeft(Box<Verdict>),
    /// It has a hash that no file of the release has that counts.
    OtherHash(String),
    /// It is not pinned to one version.
    NotPinned,
    /// It is not from an index.
    NotFromIndex,
    /// It may be of any project.
    Nameless,
}

/// A requirement with the version that it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What is required.
    pub requirement: Requirement,
    /// The line that it is on.
    pub line: usize,
}

/// The requirements that a line becomes: itself, or, when it leaves the version open, one
/// for each constraint that pins its project. `Err`: what is wrong with the pair.
pub fn choose(
    line: &Line,
    constraints: &BTreeMap<ProjectName, Vec<Requirement>>,
) -> Result<Vec<Choice>, String> {
    let Content::Requirement(requirement) = &line.content else { return Ok(Vec::new()) };
    let itself = || Ok(vec![Choice { requirement: requirement.clone(), line: line.number }]);
    let (Some(project), Origin::Index(_), Pin::Open) =
        (&requirement.project, &requirement.origin, &requirement.pin)
    else {
        return itself();
    };
    let Some(constraints) = constraints.get(project) else { return itself() };
    let mut choices = Vec::new();
    for constraint in constraints {
        let Pin::Version(version) = &constraint.pin else { continue };
        if !allows(&requirement.specifier, version)? {
            let specifier = &requirement.specifier;
            return Err(format!("{project} {version} of the constraints is not {specifier}"));
        }
        let mut chosen = requirement.clone();
        chosen.specifier.clone_from(&constraint.specifier);
        chosen.pin = constraint.pin.clone();
        chosen.permits.extend(constraint.permits.iter().cloned());
        chosen.marker = match (&requirement.marker, &constraint.marker) {
            (Some(ours), Some(theirs)) => Some(format!("({ours}) and ({theirs})")),
            (ours, theirs) => ours.clone().or_else(|| theirs.clone()),
        };
        choices.push(Choice { requirement: chosen, line: line.number });
    }
    if choices.is_empty() { itself() } else { Ok(choices) }
}

/// Whether a specifier takes a version. A constraint may name a pre-release.
fn allows(specifier: &str, version: &Version) -> Result<bool, String> {
    if specifier.is_empty() {
        return Ok(true);
    }
    let specifiers = VersionSpecifiers::from_str(specifier).map_err(|error| error.to_string())?;
    let version = pep440_rs::Version::from_str(version.as_str()).map_err(|error| error.to_string())?;
    Ok(specifiers.contains(&version))
}

/// What becomes of a requirement, from what the log says that is asked about its project.
pub fn pin(requirement: &Requirement, facts: Option<&Facts>) -> Pinned {
    let (Some(facts), Some(project)) = (facts, &requirement.project) else { return Pinned::Untouched };
    let covered = facts.policy.covers(project, requirement.pin.version());
    if let Origin::Archive | Origin::Repository(_) | Origin::Directory(_) = requirement.origin {
        return if covered { Pinned::Refused(Refused::NotFromIndex) } else { Pinned::Untouched };
    }
    let Pin::Version(version) = &requirement.pin else {
        return if covered { Pinned::Refused(Refused::NotPinned) } else { Pinned::Untouched };
    };
    let all = artifacts(facts, project, version);
    if all.is_empty() {
        return if covered { Pinned::Refused(Refused::NotLogged) } else { Pinned::Untouched };
    }
    let (mut hashes, mut left_out) = (Vec::new(), Vec::new());
    for (name, sha256) in all {
        match artifact_verdict(&name, sha256, project, version, facts) {
            Verdict::Verified { .. } => hashes.push(sha256),
            verdict => left_out.push((name.to_string(), verdict)),
        }
    }
    hashes.sort_unstable();
    hashes.dedup();
    if let Some((_, verdict)) = left_out.first().filter(|_| hashes.is_empty()) {
        return Pinned::Refused(Refused::NothingLeft(Box::new(verdict.clone())));
    }
    for digest in requirement.permits.iter().flat_map(|file| &file.digests) {
        match digest {
            Digest::Sha256(sha256) if hashes.contains(sha256) => {}
            Digest::Sha256(sha256) => {
                return Pinned::Refused(Refused::OtherHash(format!("sha256:{}", sha256.to_hex())));
            }
            Digest::Other(name) => return Pinned::Refused(Refused::OtherHash(name.clone())),
        }
    }
    Pinned::Hashed { hashes, left_out }
}

/// A requirement with hashes, as pip takes it with `--require-hashes`.
pub fn write(requirement: &Requirement, hashes: &[Hash], comment: Option<&str>) -> String {
    let Requirement { name, specifier, marker, options, .. } = requirement;
    let mut text = format!("{name}{specifier}");
    if let Some(marker) = marker {
        let _ = write!(text, " ; {marker}");
    }
    let hashes = hashes.iter().map(|hash| format!("--hash=sha256:{}", hash.to_hex()));
    for option in options.iter().cloned().chain(hashes) {
        let _ = write!(text, " \\\n    {option}");
    }
    if let Some(comment) = comment {
        let _ = write!(text, "  {comment}");
    }
    text
}

#[cfg(test)]
mod tests;

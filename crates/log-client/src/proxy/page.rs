//! What is offered of a project: a pure function of the index's page, of what the log
//! says, and of the settings. The heart of the proxy.
//!
//! | the log says | on the page | the file |
//! |---|---|---|
//! | this file, with this digest | with that digest and no other | served, if its bytes have it |
//! | other files of this version | – | refused |
//! | nothing of this version; other digest; withdrawn; revoked | without a digest | refused, and why |
//! | the project or version is not covered | as the settings say | as the settings say |
//! | nothing: it cannot be asked | without a digest | refused, and why |
//!
//! A refused file stays on the page, since an installer that does not see it falls back:
//! to an older version, or from a wheel to an sdist, which runs code. One beside
//! official files of its version is left out, since it would be preferred to them.
//!
//! The work grows with the files on the page and in the log, not with their product.
//!
//! Invariant: a file is served under a covered name only with the digest that the log has
//! for it. What the index says of a covered file decides nothing but whether there is one.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use log_core::artifact::{ArtifactKind, FileName, ProjectName, Version, version_of};
use log_core::hash::Hash;
use log_core::simple_index::{Offer, Offered};
use log_core::verdict::{ByName, Naming, Records as _, Subject, Verdict, judge};

use super::denial::Denial;
use super::settings::OnUnlogged;

/// What is known of a project.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known<'a> {
    /// No log is asked about it.
    NoLog,
    /// What the log says of it, proven and complete.
    Log(&'a ByName<'a>),
    /// The log cannot be asked, and this is why.
    Nothing(&'a Denial),
    /// The log cannot be asked, and need not be for a while. What it said last still refuses
    /// what it refused.
    Grace(Option<&'a ByName<'a>>),
}

/// What becomes of files that no log covers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Uncovered<'a> {
    /// They pass, if their bytes have the digest that the index gives.
    Pass,
    /// They are refused.
    Refuse,
    /// They pass, and must be as they were when they were first seen.
    Pin(&'a BTreeMap<FileName, Hash>),
}

/// What is offered of a project.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The page; its URLs are still the index's.
    pub(super) offer: Offer,
    /// The files, by name.
    pub(super) files: BTreeMap<String, Planned>,
    /// Files that are not on the page, and why.
    pub(super) left_out: Vec<(String, Denial)>,
}

/// A file that may be asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Planned {
    /// Where the index has it.
    pub(super) url: String,
    /// What becomes of it.
    pub(super) gate: Gate,
}

/// What becomes of a file that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Gate {
    /// It is served if it has this digest.
    Verify {
        /// The log's digest of the file.
        sha256: Hash,
        /// The log's digest of its metadata, when that can be had.
        metadata: Option<Hash>,
        /// The entry that says so.
        entry: u64,
    },
    /// It is of no covered project or version.
    Uncovered {
        /// The digest that it must have: the index's, or the one first seen.
        sha256: Option<Hash>,
        /// Whether its metadata can be had.
        metadata: Metadata,
        /// Whether it is noted when it is first seen.
        pin: bool,
    },
    /// It is served without a verdict, and noted.
    Grace {
        /// The index's digest.
        sha256: Option<Hash>,
    },
    /// It is not served.
    Deny(Denial),
}

/// The metadata of a wheel that no log covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metadata {
    /// It is not offered.
    Missing,
    /// It is offered, with no digest that could be compared.
    Any,
    /// It must have this digest.
    Exactly(Hash),
}

/// The plan for a project.
pub(super) fn plan(
    project: &ProjectName,
    page: &Offer,
    known: Known<'_>,
    uncovered: Uncovered<'_>,
    on_unlogged: OnUnlogged,
) -> Plan {
    let mut plan = Plan { offer: Offer { files: Vec::new(), base: None, ..page.clone() }, ..Plan::default() };
    let mut seen = BTreeSet::new();
    let mut official = HashSet::new();
    let mut offered: Vec<(Offered, Option<Version>, Gate)> = Vec::new();
    let mut left_out = Vec::new();
    for file in &page.files {
        if !seen.insert(file.name.as_str()) {
            // An installer might take the one or the other; ours is the first.
            continue;
        }
        let (version, fate) = fate(project, file, known, uncovered);
        match fate {
            Fate::Offer(gate) => {
                if matches!(gate, Gate::Verify { .. }) {
                    official.extend(version.clone());
                }
                offered.push((listed(file, &gate), version, gate));
            }
            Fate::LeaveOut(denial) => left_out.push((file, version, denial)),
        }
    }
    // Beside official files of its version only; alone it stays, or its version would be gone.
    for (file, version, denial) in left_out {
        if version.as_ref().is_none_or(|version| official.contains(version)) {
            plan.left_out.push((file.name.clone(), denial));
        } else {
            let gate = Gate::Deny(denial);
            offered.push((listed(file, &gate), version, gate));
        }
    }
    let hidden =
        offered.iter().filter(|(file, _, gate)| matches!(gate, Gate::Deny(_)) && is_wheel(&file.name));
    let hidden_wheels: HashSet<Version> = hidden.filter_map(|(_, version, _)| version.clone()).collect();
    for (file, version, gate) in offered {
        if on_unlogged == OnUnlogged::Hide {
            if let Gate::Deny(denial) = gate {
                plan.left_out.push((file.name, denial));
                continue;
            }
            // Nobody is moved from a wheel to building an sdist.
            if !is_wheel(&file.name) && version.is_some_and(|version| hidden_wheels.contains(&version)) {
                plan.left_out.push((file.name, Denial::sibling_hidden()));
                continue;
            }
        }
        plan.files.insert(file.name.clone(), Planned { url: file.url.clone(), gate });
        plan.offer.files.push(file);
    }
    plan
}

enum Fate {
    Offer(Gate),
    LeaveOut(Denial),
}

fn fate(
    project: &ProjectName,
    file: &Offered,
    known: Known<'_>,
    uncovered: Uncovered<'_>,
) -> (Option<Version>, Fate) {
    let Ok(name) = FileName::parse(&file.name) else {
        return (None, Fate::LeaveOut(Denial::bad_name()));
    };
    let version = version_of(&name, project).ok();
    let fate = match known {
        Known::NoLog => Fate::Offer(uncovered_gate(project, &name, file, uncovered)),
        Known::Nothing(denial) => Fate::Offer(Gate::Deny(denial.clone())),
        // It may be covered, or not.
        Known::Grace(None) => Fate::Offer(match uncovered_gate(project, &name, file, uncovered) {
            Gate::Uncovered { sha256, .. } => Gate::Grace { sha256 },
            gate => gate,
        }),
        Known::Grace(Some(facts)) => {
            match with_facts(project, version.as_ref(), &name, file, facts, uncovered) {
                Fate::Offer(Gate::Verify { sha256, .. }) => Fate::Offer(Gate::Grace { sha256: Some(sha256) }),
                fate => fate,
            }
        }
        Known::Log(facts) => with_facts(project, version.as_ref(), &name, file, facts, uncovered),
    };
    (version, fate)
}

fn with_facts(
    project: &ProjectName,
    version: Option<&Version>,
    name: &FileName,
    file: &Offered,
    facts: &ByName<'_>,
    uncovered: Uncovered<'_>,
) -> Fate {
    match version {
        Some(version) => judged(project, version, name, file, facts, uncovered),
        // Installers pass it over; but one that does not must not get it.
        None if facts.policy().covers(project, None) => Fate::LeaveOut(Denial::bad_name()),
        None => Fate::Offer(uncovered_gate(project, name, file, uncovered)),
    }
}

/// A file of a project that a log is asked about.
fn judged(
    project: &ProjectName,
    version: &Version,
    name: &FileName,
    file: &Offered,
    facts: &ByName<'_>,
    uncovered: Uncovered<'_>,
) -> Fate {
    let logged = |name: &FileName| {
        let of_project = |(recorded, _): &Naming<'_>| recorded.statement.project == *project;
        facts.naming(name).into_iter().find(of_project).map(|(_, sha256)| sha256)
    };
    let digest = logged(name);
    // Whether its bytes are those is seen when they come; here the question is what the log
    // says of a file that has them.
    let subject = Subject {
        name: name.clone(),
        sha256: digest.unwrap_or_else(|| only(&file.sha256()).unwrap_or(log_core::hash::EMPTY_ROOT)),
        candidates: vec![(project.clone(), version.clone())],
    };
    match judge(&subject, facts) {
        Verdict::Verified { index, .. } => {
            let claimed = file.sha256();
            if !claimed.is_empty() && !claimed.contains(&subject.sha256) {
                // The index itself says that it has something else.
                let verdict = Verdict::OtherHash { logged: subject.sha256, index };
                return Fate::Offer(Gate::Deny(Denial::of(project, version, name, &verdict)));
            }
            // Who names the metadata may have been another than who names the wheel.
            let metadata =
                FileName::parse(&format!("{name}.metadata")).ok().filter(|_| file.metadata.is_some());
            let metadata = metadata.and_then(|name| {
                let sha256 = logged(&name)?;
                let verdict = judge(&Subject { name, sha256, ..subject.clone() }, facts);
                matches!(verdict, Verdict::Verified { .. }).then_some(sha256)
            });
            Fate::Offer(Gate::Verify { sha256: subject.sha256, metadata, entry: index })
        }
        Verdict::NotCovered => Fate::Offer(uncovered_gate(project, name, file, uncovered)),
        verdict @ Verdict::NotLogged { release_logged: true, .. } => {
            Fate::LeaveOut(Denial::of(project, version, name, &verdict))
        }
        verdict => Fate::Offer(Gate::Deny(Denial::of(project, version, name, &verdict))),
    }
}

fn uncovered_gate(project: &ProjectName, name: &FileName, file: &Offered, uncovered: Uncovered<'_>) -> Gate {
    let claimed = file.sha256();
    if claimed.len() > 1 {
        return Gate::Deny(Denial::contradiction(name));
    }
    let metadata = match &file.metadata {
        None => Metadata::Missing,
        Some(_) => only(&file.metadata_sha256()).map_or(Metadata::Any, Metadata::Exactly),
    };
    let gate = |sha256, pin| Gate::Uncovered { sha256, metadata, pin };
    match uncovered {
        Uncovered::Pass => gate(only(&claimed), false),
        Uncovered::Refuse => Gate::Deny(Denial::uncovered(project)),
        Uncovered::Pin(pins) => match pins.get(name) {
            None => gate(only(&claimed), true),
            Some(pinned) if claimed.is_empty() || claimed.contains(pinned) => gate(Some(*pinned), false),
            Some(pinned) => Gate::Deny(Denial::changed(project, name, *pinned)),
        },
    }
}

/// The file as it is listed: with the digest that counts, and no other.
fn listed(file: &Offered, gate: &Gate) -> Offered {
    let sha256 = |hash: &Hash| vec![("sha256".to_owned(), hash.to_hex())];
    let mut listed = file.clone();
    match gate {
        Gate::Verify { sha256: digest, metadata, .. } => {
            listed.digests = sha256(digest);
            listed.metadata = metadata.as_ref().map(sha256);
        }
        Gate::Deny(_) => {
            listed.digests = Vec::new();
            listed.metadata = None;
        }
        Gate::Uncovered { sha256: digest, .. } | Gate::Grace { sha256: digest } => {
            // pip takes a file that has any one of its digests.
            if let Some(digest) = digest {
                listed.digests = sha256(digest);
            }
        }
    }
    listed
}

/// The digest, when there is one and no contradiction.
fn only(digests: &BTreeSet<Hash>) -> Option<Hash> {
    let mut digests = digests.iter();
    digests.next().filter(|_| digests.next().is_none()).copied()
}

fn is_wheel(name: &str) -> bool {
    FileName::parse(name).is_ok_and(|name| name.kind() == Some(ArtifactKind::Wheel))
}

#[cfg(test)]
mod tests;

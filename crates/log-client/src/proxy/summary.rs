//! What the proxy has done so far: for the status page, the metrics, and for who runs it
//! around a command.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use log_io::outcome::shown;
use serde::Serialize;

use super::denial::Denial;
use super::limits::{MAX_NAME_CHARS, MAX_NAMED};

/// What was served, and what was held back.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Summary {
    /// Files that were served after their bytes were compared with the log.
    pub verified: Vec<Served>,
    /// Files that were asked for and refused, and files that are not on their pages.
    pub held_back: Vec<HeldBack>,
    /// Files of projects or versions that no log covers, which were served.
    pub uncovered: Vec<Served>,
    /// Files that were served without a verdict, since the log could not be reached.
    pub without_verdict: Vec<Served>,
    /// How many more there were of each that are not named.
    pub more: u64,
}

/// A file that was served.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Served {
    /// Its project.
    pub project: String,
    /// Its name.
    pub file: String,
}

/// A file that was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HeldBack {
    /// Its project.
    pub project: String,
    /// Its name.
    pub file: String,
    /// Whether it was asked for; else it was only left out of the page.
    pub asked_for: bool,
    /// Why.
    #[serde(flatten)]
    pub denial: Denial,
}

impl Summary {
    /// How many files of each kind there are, without those of which there are none.
    pub fn counts(&self) -> String {
        let files = |count: usize, what: &str| match count {
            0 => None,
            1 => Some(format!("1 file {what}")),
            _ => Some(format!("{count} files {what}")),
        };
        let counts: Vec<String> = [
            files(self.verified.len(), "verified"),
            files(self.uncovered.len(), "of projects that no log covers"),
            files(self.without_verdict.len(), "without a verdict"),
            files(self.held_back.len(), "held back"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if counts.is_empty() {
            return "no file was asked for: if anything was installed, it was not verified".to_owned();
        }
        counts.join(", ")
    }
}

/// What a file was served as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum As {
    Verified,
    Uncovered,
    WithoutVerdict,
}

/// Collects the summary, each file once.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    served: BTreeSet<(As, Served)>,
    held_back: BTreeMap<Served, (bool, Denial)>,
    more: u64,
}

impl Tally {
    pub(super) fn served(&self, as_what: As, project: &str, file: &str) {
        let served = Served { project: project.to_owned(), file: file.to_owned() };
        self.with(|inner| {
            if inner.served.len() < 3 * MAX_NAMED {
                inner.served.insert((as_what, served));
            } else {
                inner.more += 1;
            }
        });
    }

    /// A file that was refused or left out; its name is as the index has it, which may be
    /// anything.
    pub(super) fn held_back(&self, project: &str, file: &str, asked_for: bool, denial: &Denial) {
        let key = Served { project: project.to_owned(), file: named(file) };
        self.with(|inner| {
            if let Some((asked, known)) = inner.held_back.get_mut(&key) {
                *asked |= asked_for;
                known.clone_from(denial);
            } else if inner.held_back.len() < MAX_NAMED {
                inner.held_back.insert(key, (asked_for, denial.clone()));
            } else {
                inner.more += 1;
            }
        });
    }

    pub(super) fn summary(&self) -> Summary {
        self.with(|inner| {
            let of = |wanted: As| {
                let of = inner.served.iter().filter(|(as_what, _)| *as_what == wanted);
                of.map(|(_, served)| served.clone()).collect()
            };
            let held_back =
                inner.held_back.iter().map(|(Served { project, file }, (asked_for, denial))| HeldBack {
                    project: project.clone(),
                    file: file.clone(),
                    asked_for: *asked_for,
                    denial: denial.clone(),
                });
            Summary {
                verified: of(As::Verified),
                held_back: held_back.collect(),
                uncovered: of(As::Uncovered),
                without_verdict: of(As::WithoutVerdict),
                more: inner.more,
            }
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A name from the index, short and without what a terminal acts on.
fn named(file: &str) -> String {
    shown(&file.chars().take(MAX_NAME_CHARS).collect::<String>())
}

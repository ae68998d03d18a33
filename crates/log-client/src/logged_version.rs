//! What is logged of a version already, and what the next statement about it has to say.
//!
//! The rules are those of `log_core::rules`; here they are asked about before anything
//! is sent, all at once, so that a release job is told everything it has to mend.
//!
//! Invariant: a release without an [`Obstacle`] is one that `rules::check_release` allows.

use std::collections::BTreeMap;
use std::fmt;

use log_core::artifact::{FileName, ProjectName, Version};
use log_core::hash::Hash;
use log_core::history::Recorded;
use log_core::statement::{Reason, Release, ReleaseFile, Withdrawal};
use log_core::verdict::Facts;
use log_io::outcome::{Exit, Failure, shown};

/// Everything that is logged of one version of a project.
#[derive(Debug, Clone, Default)]
pub struct LoggedVersion {
    /// Files, and metadata of wheels.
    pub files: BTreeMap<FileName, LoggedFile>,
    /// The newest statement about the version, and the names that it lists.
    newest: Option<(u64, Vec<FileName>)>,
    payloads: Vec<Vec<u8>>,
}

/// A file that is logged.
#[derive(Debug, Clone)]
pub struct LoggedFile {
    /// As it was said first.
    pub file: ReleaseFile,
    /// The entry that says so.
    pub index: u64,
    /// By what it was withdrawn, if it was.
    pub withdrawn: Option<TakenBack>,
}

/// A withdrawal of a file.
#[derive(Debug, Clone)]
pub struct TakenBack {
    /// Its entry.
    pub index: u64,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people.
    pub text: String,
}

/// Why a release cannot be logged as it is.
#[derive(Debug, Clone)]
pub enum Obstacle {
    /// A file name is logged with another digest.
    Conflict {
        /// The file.
        file: FileName,
        /// The digest that is logged.
        logged: Hash,
        /// The entry that says so.
        index: u64,
    },
    /// A file was withdrawn.
    Withdrawn(FileName, TakenBack),
    /// Files of the newest statement are not among those of the release.
    LeavesOut {
        /// The files.
        files: Vec<ReleaseFile>,
        /// The newest statement.
        index: u64,
    },
}

impl LoggedVersion {
    /// What the facts say of a version. They must have all of it.
    pub fn new(facts: &Facts, project: &ProjectName, version: &Version) -> Self {
        let of_version = |release: &&Recorded<Release>| {
            release.statement.project == *project && release.statement.version == *version
        };
        let withdrawals: Vec<&Recorded<Withdrawal>> =
            facts.withdrawals.iter().filter(|withdrawal| withdrawal.statement.project == *project).collect();
        let mut logged = Self::default();
        for recorded in facts.releases.iter().filter(of_version) {
            let release = &recorded.statement;
            for file in &release.files {
                logged.files.entry(file.name.clone()).or_insert_with(|| LoggedFile {
                    file: file.clone(),
                    index: recorded.index,
                    withdrawn: taken_back(&file.name, &withdrawals),
                });
            }
            let names = release.files.iter().map(|file| file.name.clone()).collect();
            logged.newest = Some((recorded.index, names));
            logged.payloads.push(release.to_payload());
        }
        logged
    }

    /// Whether this very statement is logged. Its keys may have been revoked since.
    pub fn has(&self, payload: &[u8]) -> bool {
        self.payloads.iter().any(|logged| logged == payload)
    }

    /// The files, and the logged ones that are not withdrawn, by name.
    pub fn with_logged(&self, files: Vec<ReleaseFile>) -> Vec<ReleaseFile> {
        let good = self.files.values().filter(|logged| logged.withdrawn.is_none());
        let mut all: BTreeMap<FileName, ReleaseFile> =
            good.map(|logged| (logged.file.name.clone(), logged.file.clone())).collect();
        all.extend(files.into_iter().map(|file| (file.name.clone(), file)));
        all.into_values().collect()
    }

    /// Everything that keeps the log from taking a release with these files.
    pub fn obstacles(&self, files: &[ReleaseFile]) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        for file in files {
            let Some(logged) = self.files.get(&file.name) else { continue };
            if logged.file.sha256 != file.sha256 {
                let (file, logged, index) = (file.name.clone(), logged.file.sha256, logged.index);
                obstacles.push(Obstacle::Conflict { file, logged, index });
            } else if let Some(withdrawal) = &logged.withdrawn {
                obstacles.push(Obstacle::Withdrawn(file.name.clone(), withdrawal.clone()));
            }
        }
        if let Some((index, names)) = &self.newest {
            let is_named = |name: &FileName| files.iter().any(|file| file.name == *name);
            let left_out = names.iter().filter(|name| !is_named(name));
            let left_out = left_out.filter_map(|name| self.files.get(name));
            let left_out: Vec<ReleaseFile> =
                left_out.filter(|file| file.withdrawn.is_none()).map(|file| file.file.clone()).collect();
            if !left_out.is_empty() {
                obstacles.push(Obstacle::LeavesOut { files: left_out, index: *index });
            }
        }
        obstacles
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Conflict { file, logged, index } => {
                let logged = logged.to_hex();
                write!(f, "{file} is already logged with another sha256: entry {index} says {logged}")
            }
            Self::Withdrawn(file, TakenBack { index, reason, text }) => {
                write!(f, "{file} was withdrawn by entry {index} ({reason}): {}", shown(text))
            }
            Self::LeavesOut { files, index } => {
                let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
                write!(f, "entry {index} has further files of this version: {}", names.join(", "))
            }
        }
    }
}

/// The obstacles as one failure; the worst decides about the exit code.
pub fn failure(obstacles: &[Obstacle]) -> Failure {
    let conflict = obstacles.iter().any(|obstacle| matches!(obstacle, Obstacle::Conflict { .. }));
    let withdrawn = obstacles.iter().any(|obstacle| matches!(obstacle, Obstacle::Withdrawn(..)));
    let (exit, hint) = if conflict {
        (
            Exit::Invalid,
            "never change a published file: release a new version. If the earlier entry is not yours, find out \
             who made it: `wheeltap lookup`",
        )
    } else if withdrawn {
        (Exit::Withdrawn, "a withdrawal is for ever: leave the file out, or release a new version")
    } else {
        (
            Exit::Failed,
            "a statement lists ALL files of a version: name the earlier files, too, or give --with-logged to \
             repeat them by the digests that are logged",
        )
    };
    let said: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
    Failure::with_exit(exit, said.join("; ")).hint(hint)
}

fn taken_back(name: &FileName, withdrawals: &[&Recorded<Withdrawal>]) -> Option<TakenBack> {
    let first = withdrawals.iter().find(|withdrawal| withdrawal.statement.file(name).is_some())?;
    let (reason, text) = (first.statement.reason, first.statement.text.clone());
    Some(TakenBack { index: first.index, reason, text })
}

#[cfg(test)]
mod tests {
    use log_core::rules::{self, Logged, Refusal};
    use log_core::statement::Statement;
    use log_core::testing::{policy, release, sha256, signed_withdrawal};
    use log_core::timeline::Timeline;

    use super::*;

    fn recorded<T>(index: u64, statement: T) -> Recorded<T> {
        Recorded { index, time: None, signers: Vec::new(), statement }
    }

    /// `nova` 1.0 with sdist and wheel, then with another wheel; the sdist is withdrawn.
    fn facts(withdrawn: bool) -> Facts {
        let first = release("nova", "1.0", "a");
        let mut second = first.clone();
        let name = FileName::parse("nova-1.0-1-py3-none-any.whl").expect("a name");
        second.files.push(ReleaseFile { name, sha256: sha256("more"), size: None });
        let Statement::Withdrawal(withdrawal) = signed_withdrawal("nova", "1.0", "a", "team").statement
        else {
            panic!("a withdrawal")
        };
        let withdrawals = if withdrawn { vec![recorded(6, withdrawal)] } else { Vec::new() };
        Facts {
            timeline: Timeline::default(),
            policy: policy(),
            releases: vec![recorded(2, first), recorded(4, second), recorded(8, release("nova", "2.0", "a"))],
            withdrawals,
            log_time: None,
            complete: true,
        }
    }

    /// Every subset of the files, each with the right or another digest, is judged as
    /// the log judges it.
    #[test]
    fn obstacles_are_those_of_the_rules() {
        for withdrawn in [false, true] {
            let facts = facts(withdrawn);
            let all = facts.releases[1].statement.files.clone();
            let (project, version) =
                (facts.releases[0].statement.project.clone(), facts.releases[0].statement.version.clone());
            let logged = LoggedVersion::new(&facts, &project, &version);
            for choice in 1..3usize.pow(3) {
                let mut files = Vec::new();
                for (i, file) in all.iter().enumerate() {
                    match choice / 3usize.pow(u32::try_from(i).expect("small")) % 3 {
                        0 => {}
                        1 => files.push(file.clone()),
                        _ => files.push(ReleaseFile { sha256: sha256("other"), ..file.clone() }),
                    }
                }
                let release =
                    Release { project: project.clone(), version: version.clone(), files, source: None };
                let known = |name: &FileName| {
                    logged.files.get(name).map(|file| Logged {
                        index: file.index,
                        sha256: file.file.sha256,
                        withdrawn: file.withdrawn.as_ref().map(|withdrawal| withdrawal.index),
                    })
                };
                let judged = rules::check_release(&release, known, Some((4, &all)));
                let obstacles = logged.obstacles(&release.files);
                assert_eq!(judged.is_ok(), obstacles.is_empty(), "{judged:?}, {obstacles:?}");
                let exit = |failure: Failure| failure.exit();
                match judged {
                    Err(Refusal::Conflict { .. }) => assert_eq!(exit(failure(&obstacles)), Exit::Invalid),
                    Err(Refusal::LeavesOut { .. }) => assert_eq!(exit(failure(&obstacles)), Exit::Failed),
                    _ => {}
                }
                // With the logged files nothing is left out any more.
                let more = logged.with_logged(release.files.clone());
                let left_out = |obstacle: &Obstacle| matches!(obstacle, Obstacle::LeavesOut { .. });
                assert!(!logged.obstacles(&more).iter().any(left_out));
                assert!(more.windows(2).all(|pair| pair[0].name < pair[1].name), "one order");
            }
            assert!(logged.has(&facts.releases[1].statement.to_payload()));
            assert!(!logged.has(&facts.releases[2].statement.to_payload()));
        }
    }
}

//! What a verdict is called, what it means, and what to do next.

use std::collections::BTreeSet;

use log_core::artifact::ProjectName;
use log_core::times;
use log_core::verdict::Verdict;
use log_io::outcome::{Exit, Failure};
use log_io::trust_file::Uncovered;
use serde_json::{Value, json};

use super::gather::GivenFile;
use crate::locks::conclude::Conclusion;
use crate::locks::{LockKind, Place, Wanted};

/// What passes that no log has proven.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// Entries that no log covers.
    pub(super) uncovered: Uncovered,
    /// Whether entries without a hash fail.
    pub(super) require_hashes: bool,
}

/// A file or an entry with what is concluded about it, or why nothing is.
pub(super) struct Judged {
    /// What it is, for people.
    pub(super) label: String,
    /// What it is, for programs.
    about: Value,
    kind: Option<LockKind>,
    pub(super) exit: Exit,
    pub(super) result: Result<Conclusion, Failure>,
}

/// Which of two endings is worse to have. Proven harm first, then no harm seen.
pub(in crate::commands) fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Ok => 0,
        Exit::Usage | Exit::Findings | Exit::Command(_) => 1,
        Exit::Failed => 2,
        Exit::Untrusted => 3,
        Exit::NotLogged => 4,
        Exit::Withdrawn => 5,
        Exit::Invalid => 6,
        Exit::Misbehaved => 7,
    }
}

impl Judged {
    /// A file.
    pub(super) fn file(given: &GivenFile, result: Result<Verdict, Failure>) -> Self {
        let sha256 = given.result.as_ref().ok().map(|(file, _)| file.sha256.to_hex());
        let label = given.path.display().to_string();
        let about = json!({"file": label, "sha256": sha256});
        let result = result.map(|verdict| match verdict {
            Verdict::Verified { project, version, index } => {
                Conclusion::Verified { project, version, files: 1, entries: BTreeSet::from([index]) }
            }
            verdict => Conclusion::File(None, verdict),
        });
        // What no log covers passes in lock files; a file that is named is to be verified.
        let rules = Rules { uncovered: Uncovered::Refuse, require_hashes: true };
        Self { label, about, kind: None, exit: exit(&result, rules), result }
    }

    /// An entry of a lock file at `path`.
    pub(super) fn entry(
        path: &str,
        kind: LockKind,
        wanted: &Wanted,
        result: Result<Conclusion, Failure>,
        rules: Rules,
    ) -> Self {
        let title = wanted.title();
        let label = match &wanted.place {
            Place::Line(line) => format!("{path}:{line}  {title}"),
            Place::Key(key) => format!("{path}: {key}  {title}"),
        };
        let (line, key) = match &wanted.place {
            Place::Line(line) => (Some(*line), None),
            Place::Key(key) => (None, Some(key)),
        };
        let about = json!({"line": line, "key": key, "title": title});
        Self { label, about, kind: Some(kind), exit: exit(&result, rules), result }
    }

    pub(super) fn word(&self) -> &'static str {
        match &self.result {
            Ok(Conclusion::Verified { .. }) => "verified",
            Ok(Conclusion::VersionOnly { .. }) => "version only",
            Ok(Conclusion::UnknownHash { .. }) => "not logged",
            Ok(Conclusion::Disagrees(_)) => "disagrees",
            Ok(Conclusion::Local) => "local",
            Ok(Conclusion::NotCovered { .. }) => "not covered",
            Ok(Conclusion::File(_, verdict)) => match verdict {
                Verdict::Verified { .. } => "verified",
                Verdict::NotLogged { .. } => "not logged",
                Verdict::NotCovered => "not covered",
                Verdict::OtherHash { .. } => "other hash",
                Verdict::Withdrawn { .. } => "withdrawn",
                Verdict::Revoked { .. } => "revoked key",
                Verdict::Ambiguous { .. } => "ambiguous",
            },
            Err(failure) if failure.exit() == Exit::Invalid => "invalid",
            Err(failure) if failure.exit() == Exit::Untrusted => "untrusted",
            Err(failure) if failure.exit() == Exit::Misbehaved => "log misbehaved",
            Ok(Conclusion::Unprovable(_)) | Err(_) => "no verdict",
        }
    }

    pub(super) fn reason(&self) -> String {
        match &self.result {
            Ok(Conclusion::Verified { project, version, files, entries }) => {
                let entries = listed(entries);
                match (self.kind, files) {
                    (None, _) => format!("{project} {version}, {entries}"),
                    (Some(_), 1) => format!("the one file that it permits, {entries}"),
                    (Some(_), files) => format!("all {files} files that it permits, {entries}"),
                }
            }
            Ok(Conclusion::VersionOnly { entries, wheel, .. }) => {
                let why = match (self.kind, wheel) {
                    (Some(LockKind::Environment), Some(wheel)) => {
                        format!("its metadata is that of {wheel}")
                    }
                    (Some(LockKind::Environment), None) => {
                        "installers do not record what they installed".to_owned()
                    }
                    _ => "pinned by version only".to_owned(),
                };
                format!("{why}; the release is logged, {}", listed(entries))
            }
            Ok(Conclusion::UnknownHash { sha256, project, version, release_logged }) => {
                let sha256 = sha256.to_hex();
                if *release_logged {
                    format!("it permits sha256 {sha256}, which no logged file of {project} {version} has")
                } else {
                    format!("the log has no {project} {version}")
                }
            }
            Ok(Conclusion::Disagrees(what) | Conclusion::Unprovable(what)) => what.clone(),
            Ok(Conclusion::Local) => "a directory of this machine".to_owned(),
            Ok(Conclusion::NotCovered { pinned: true }) => "no log covers it; pinned by hash".to_owned(),
            Ok(Conclusion::NotCovered { pinned: false }) => "no log covers it".to_owned(),
            Ok(Conclusion::File(name, verdict)) => {
                let reason = reason(verdict);
                // A name that it gives itself, or that the log gives the file, says which.
                name.as_ref().map_or(reason.clone(), |name| format!("{name}: {reason}"))
            }
            Err(failure) => failure.to_string(),
        }
    }

    pub(super) fn next_step(&self) -> Option<&str> {
        match &self.result {
            Ok(Conclusion::Verified { .. } | Conclusion::Local) => None,
            Ok(Conclusion::VersionOnly { .. } | Conclusion::NotCovered { .. }) if self.exit == Exit::Ok => {
                None
            }
            Ok(Conclusion::VersionOnly { .. }) => {
                Some("add hashes: `wheeltap lock` writes those that are logged")
            }
            Ok(Conclusion::UnknownHash { .. }) => Some(
                "do not install it: the project's release process did not publish such a file; lock again, \
                 and tell the project if it stays so",
            ),
            Ok(Conclusion::Disagrees(_)) if self.kind == Some(LockKind::Environment) => Some(
                "if nobody changed it on purpose, take the environment for compromised: make it anew, from \
                 a verified lock file",
            ),
            Ok(Conclusion::Disagrees(_)) => {
                Some("do not install it: look where the file came from, and lock again from the index")
            }
            Ok(Conclusion::Unprovable(_)) => Some(
                "pin it to a version of an index, with a sha256: `wheeltap lock` writes those that are logged",
            ),
            Ok(Conclusion::NotCovered { .. }) if self.exit == Exit::Failed => Some("give it a hash"),
            Ok(Conclusion::NotCovered { .. }) => {
                Some("judge it by other means, or let it pass with `uncovered` in the trust file")
            }
            Ok(Conclusion::File(_, verdict)) => next_step(verdict),
            Err(failure) => failure.next_step(),
        }
    }

    /// The verdict for programs.
    pub(super) fn to_json(&self) -> Value {
        let mut json = self.about.clone();
        json["verdict"] = json!(self.word().replace(' ', "-"));
        json["exit_code"] = json!(self.exit.code());
        json["reason"] = json!(self.reason());
        json["next_step"] = json!(self.next_step());
        (json["project"], json["version"], json["entry"]) = (Value::Null, Value::Null, Value::Null);
        match &self.result {
            Ok(
                Conclusion::Verified { project, version, entries, .. }
                | Conclusion::VersionOnly { project, version, entries, .. },
            ) => {
                (json["project"], json["version"]) = (json!(project), json!(version));
                json["entry"] = json!(entries.last());
                json["entries"] = json!(entries);
            }
            Ok(Conclusion::UnknownHash { sha256, project, version, .. }) => {
                (json["project"], json["version"]) = (json!(project), json!(version));
                json["unknown_sha256"] = json!(sha256.to_hex());
            }
            Ok(Conclusion::File(_, verdict)) => add_verdict(&mut json, verdict),
            Ok(_) | Err(_) => {}
        }
        json
    }
}

fn exit(result: &Result<Conclusion, Failure>, rules: Rules) -> Exit {
    let conclusion = match result {
        Ok(conclusion) => conclusion,
        Err(failure) => return failure.exit(),
    };
    match conclusion {
        Conclusion::Verified { .. } | Conclusion::Local => Exit::Ok,
        Conclusion::VersionOnly { .. } if !rules.require_hashes => Exit::Ok,
        Conclusion::VersionOnly { .. } | Conclusion::Unprovable(_) => Exit::Failed,
        Conclusion::UnknownHash { .. } => Exit::NotLogged,
        Conclusion::Disagrees(_) => Exit::Invalid,
        Conclusion::NotCovered { pinned } => match rules.uncovered {
            Uncovered::Pass if rules.require_hashes && !pinned => Exit::Failed,
            Uncovered::Pass => Exit::Ok,
            // What a lock file pins by hash stays as it was first seen.
            Uncovered::Pin if *pinned => Exit::Ok,
            Uncovered::Pin | Uncovered::Refuse => Exit::NotLogged,
        },
        Conclusion::File(_, verdict) => match verdict {
            Verdict::Verified { .. } => Exit::Ok,
            Verdict::NotLogged { .. } | Verdict::NotCovered => Exit::NotLogged,
            Verdict::OtherHash { .. } | Verdict::Revoked { .. } => Exit::Invalid,
            Verdict::Withdrawn { .. } => Exit::Withdrawn,
            Verdict::Ambiguous { .. } => Exit::Failed,
        },
    }
}

fn listed(entries: &BTreeSet<u64>) -> String {
    let word = if entries.len() == 1 { "entry" } else { "entries" };
    let numbers: Vec<String> = entries.iter().map(u64::to_string).collect();
    format!("{word} {}", numbers.join(", "))
}

/// What a verdict on a file means.
pub(in crate::commands) fn reason(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Verified { project, version, index } => format!("{project} {version}, entry {index}"),
        Verdict::NotLogged { project, version, release_logged, logged_as } => {
            let release = if *release_logged {
                format!("the log has {project} {version}, with other files only")
            } else {
                format!("the log has no {project} {version}")
            };
            match logged_as {
                Some(name) => format!("{release}; the same bytes are logged as {name}"),
                None => release,
            }
        }
        Verdict::NotCovered => "the log does not cover this project or version".to_owned(),
        Verdict::OtherHash { logged, index } => {
            format!("entry {index} has sha256 {} for this name", logged.to_hex())
        }
        Verdict::Withdrawn { index, reason, text, .. } => {
            format!("withdrawn by entry {index}, {reason}: {text}")
        }
        Verdict::Revoked { index, keyid, since, .. } => {
            let since = times::utc(*since);
            format!("entry {index} was signed by {keyid} after that key had ended, at {since}")
        }
        Verdict::Ambiguous { projects } => {
            let projects: Vec<&str> = projects.iter().map(ProjectName::as_str).collect();
            format!("the log has files of this name for {}", projects.join(" and "))
        }
    }
}

fn next_step(verdict: &Verdict) -> Option<&'static str> {
    match verdict {
        Verdict::Verified { .. } => None,
        Verdict::NotLogged { .. } => {
            Some("do not install it: the project's release process did not publish it; tell the project")
        }
        Verdict::NotCovered => Some("nothing is known about it; judge it by other means"),
        Verdict::OtherHash { .. } => {
            Some("do not install it: get the file again, from the index, and tell the project if it stays so")
        }
        Verdict::Withdrawn { .. } => {
            Some("do not use it, and remove it wherever it is installed; look for another version")
        }
        Verdict::Revoked { .. } => Some(
            "do not use it: whoever had the key then may have made it. The project can sign it once more with another key; ask it",
        ),
        Verdict::Ambiguous { .. } => Some("say which project it is of: --project"),
    }
}

fn add_verdict(json: &mut Value, verdict: &Verdict) {
    match verdict {
        Verdict::Verified { project, version, index } => {
            (json["project"], json["version"], json["entry"]) =
                (json!(project), json!(version), json!(index));
        }
        Verdict::NotLogged { project, version, .. } => {
            (json["project"], json["version"]) = (json!(project), json!(version));
        }
        Verdict::OtherHash { index, .. } => json["entry"] = json!(index),
        Verdict::Withdrawn { project, version, index, reason, text } => {
            (json["project"], json["version"], json["entry"]) =
                (json!(project), json!(version), json!(index));
            json["withdrawal"] = json!({"entry": index, "reason": reason, "text": text});
        }
        Verdict::Revoked { project, version, index, keyid, since } => {
            (json["project"], json["version"], json["entry"]) =
                (json!(project), json!(version), json!(index));
            json["revoked"] = json!({"keyid": keyid, "since": since});
        }
        Verdict::NotCovered | Verdict::Ambiguous { .. } => {}
    }
}

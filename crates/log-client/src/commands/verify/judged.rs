//! What a verdict is called, what it means, and what to do next.

use std::path::PathBuf;

use log_core::artifact::ProjectName;
use log_core::times;
use log_core::verdict::Verdict;
use log_io::outcome::{Exit, Failure};
use serde_json::{Value, json};

/// A file with what is concluded about it, or why nothing is.
pub(super) struct Judged {
    pub(super) file: PathBuf,
    pub(super) sha256: Option<String>,
    pub(super) result: Result<Verdict, Failure>,
}

/// Which of two endings is worse to have. Proven harm first, then no harm seen.
pub(super) fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Ok => 0,
        Exit::Usage | Exit::Findings => 1,
        Exit::Failed => 2,
        Exit::Untrusted => 3,
        Exit::NotLogged => 4,
        Exit::Withdrawn => 5,
        Exit::Invalid => 6,
        Exit::Misbehaved => 7,
    }
}

impl Judged {
    pub(super) fn exit(&self) -> Exit {
        match &self.result {
            Ok(Verdict::Verified { .. }) => Exit::Ok,
            Ok(Verdict::NotLogged { .. } | Verdict::NotCovered) => Exit::NotLogged,
            Ok(Verdict::OtherHash { .. } | Verdict::Revoked { .. }) => Exit::Invalid,
            Ok(Verdict::Withdrawn { .. }) => Exit::Withdrawn,
            Ok(Verdict::Ambiguous { .. }) => Exit::Failed,
            Err(failure) => failure.exit(),
        }
    }

    pub(super) fn word(&self) -> &'static str {
        match &self.result {
            Ok(Verdict::Verified { .. }) => "verified",
            Ok(Verdict::NotLogged { .. }) => "not logged",
            Ok(Verdict::NotCovered) => "not covered",
            Ok(Verdict::OtherHash { .. }) => "other hash",
            Ok(Verdict::Withdrawn { .. }) => "withdrawn",
            Ok(Verdict::Revoked { .. }) => "revoked key",
            Ok(Verdict::Ambiguous { .. }) => "ambiguous",
            Err(failure) if failure.exit() == Exit::Invalid => "invalid",
            Err(failure) if failure.exit() == Exit::Untrusted => "untrusted",
            Err(failure) if failure.exit() == Exit::Misbehaved => "log misbehaved",
            Err(_) => "no verdict",
        }
    }

    pub(super) fn reason(&self) -> String {
        match &self.result {
            Ok(Verdict::Verified { project, version, index }) => {
                format!("{project} {version}, entry {index}")
            }
            Ok(Verdict::NotLogged { project, version, release_logged, logged_as }) => {
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
            Ok(Verdict::NotCovered) => "the log does not cover this project or version".to_owned(),
            Ok(Verdict::OtherHash { logged, index }) => {
                format!("entry {index} has sha256 {} for this name", logged.to_hex())
            }
            Ok(Verdict::Withdrawn { index, reason, text, .. }) => {
                format!("taken back by entry {index}, {reason}: {text}")
            }
            Ok(Verdict::Revoked { index, keyid, since, .. }) => {
                let since = times::utc(*since);
                format!("entry {index} was signed by {keyid} after that key had ended, at {since}")
            }
            Ok(Verdict::Ambiguous { projects }) => {
                let projects: Vec<&str> = projects.iter().map(ProjectName::as_str).collect();
                format!("the log has files of this name for {}", projects.join(" and "))
            }
            Err(failure) => failure.to_string(),
        }
    }

    pub(super) fn next_step(&self) -> Option<&str> {
        match &self.result {
            Ok(Verdict::Verified { .. }) => None,
            Ok(Verdict::NotLogged { .. }) => {
                Some("do not install it: the project's release process did not publish it; tell the project")
            }
            Ok(Verdict::NotCovered) => Some("nothing is known about it; judge it by other means"),
            Ok(Verdict::OtherHash { .. }) => Some(
                "do not install it: get the file again, from the index, and tell the project if it stays so",
            ),
            Ok(Verdict::Withdrawn { .. }) => {
                Some("do not use it, and take it away where it is in use; look for another version")
            }
            Ok(Verdict::Revoked { .. }) => Some(
                "do not use it: whoever had the key then may have made it. The project can sign it once more with another key; ask it",
            ),
            Ok(Verdict::Ambiguous { .. }) => Some("say which project it is of: --project"),
            Err(failure) => failure.next_step(),
        }
    }

    /// The verdict for programs.
    pub(super) fn to_json(&self) -> Value {
        let mut json = json!({
            "file": self.file.display().to_string(),
            "sha256": self.sha256,
            "verdict": self.word().replace(' ', "-"),
            "exit_code": self.exit().code(),
            "project": null,
            "version": null,
            "entry": null,
            "reason": self.reason(),
            "next_step": self.next_step(),
        });
        match &self.result {
            Ok(Verdict::Verified { project, version, index }) => {
                (json["project"], json["version"], json["entry"]) =
                    (json!(project), json!(version), json!(index));
            }
            Ok(Verdict::NotLogged { project, version, .. }) => {
                (json["project"], json["version"]) = (json!(project), json!(version));
            }
            Ok(Verdict::OtherHash { index, .. }) => json["entry"] = json!(index),
            Ok(Verdict::Withdrawn { project, version, index, reason, text }) => {
                (json["project"], json["version"], json["entry"]) =
                    (json!(project), json!(version), json!(index));
                json["withdrawal"] = json!({"entry": index, "reason": reason, "text": text});
            }
            Ok(Verdict::Revoked { project, version, index, keyid, since }) => {
                (json["project"], json["version"], json["entry"]) =
                    (json!(project), json!(version), json!(index));
                json["revoked"] = json!({"keyid": keyid, "since": since});
            }
            Ok(Verdict::NotCovered | Verdict::Ambiguous { .. }) | Err(_) => {}
        }
        json
    }
}

//! An entry, for people and for programs. Both forms say the same.

use log_core::history::Recorded;
use log_core::policy::Policy;
use log_core::statement::{PolicyStatement, Release, Withdrawal};
use log_core::times;
use log_io::outcome::shown;
use serde_json::{Value, json};

/// An entry that was found.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) index: u64,
    pub(super) time: Option<u64>,
    signers: Vec<String>,
    what: What,
}

#[derive(Debug, Clone)]
enum What {
    /// With the entry that withdraws each file, if one does.
    Release(Release, Vec<Option<u64>>),
    Withdrawal(Withdrawal),
    Policy(Box<Policy>),
}

impl Found {
    /// A release; `withdrawals` has those of its files.
    pub(super) fn release(recorded: &Recorded<Release>, withdrawals: &[Recorded<Withdrawal>]) -> Self {
        let release = &recorded.statement;
        let withdrawn_by = |name| {
            let of_project = withdrawals.iter().filter(|other| other.statement.project == release.project);
            of_project.filter(|other| other.statement.file(name).is_some()).map(|other| other.index).next()
        };
        let withdrawn = release.files.iter().map(|file| withdrawn_by(&file.name)).collect();
        Self::new(recorded, What::Release(release.clone(), withdrawn))
    }

    /// A withdrawal.
    pub(super) fn withdrawal(recorded: &Recorded<Withdrawal>) -> Self {
        Self::new(recorded, What::Withdrawal(recorded.statement.clone()))
    }

    /// A policy.
    pub(super) fn policy(recorded: &Recorded<PolicyStatement>) -> Self {
        Self::new(recorded, What::Policy(Box::new(recorded.statement.policy.clone())))
    }

    fn new<T>(recorded: &Recorded<T>, what: What) -> Self {
        Self { index: recorded.index, time: recorded.time, signers: recorded.signers.clone(), what }
    }

    /// One line about the entry, and one for each file.
    pub(super) fn to_text(&self) -> Vec<String> {
        let about = match &self.what {
            What::Release(release, _) => format!("{} {}", release.project, release.version),
            What::Withdrawal(withdrawal) => {
                let Withdrawal { project, version, reason, text, .. } = withdrawal;
                format!("{project} {version}  WITHDRAWN ({reason}): {}", shown(text))
            }
            What::Policy(policy) => format!("policy version {}", policy.version),
        };
        let mut lines = vec![format!("entry {}  {about}", self.index)];
        let time = self.time.map(|time| format!("at {}, ", times::utc(time))).unwrap_or_default();
        // Keys of the policy sign, and their names have no control characters.
        lines.push(format!("    {time}signed by {}", shown(&self.signers.join(", "))));
        match &self.what {
            What::Release(release, withdrawn) => {
                for (file, withdrawn) in release.files.iter().zip(withdrawn) {
                    let state =
                        withdrawn.map(|by| format!("  (withdrawn by entry {by})")).unwrap_or_default();
                    lines.push(format!("    {}  {}{state}", file.sha256.to_hex(), file.name));
                }
            }
            What::Withdrawal(withdrawal) => {
                let file = |file: &log_core::statement::WithdrawnFile| {
                    format!("    {}  {}", file.sha256.to_hex(), file.name)
                };
                lines.extend(withdrawal.files.iter().map(file));
            }
            What::Policy(_) => {}
        }
        lines
    }

    pub(super) fn to_json(&self) -> Value {
        let mut json = match &self.what {
            What::Release(release, withdrawn) => {
                let file = |(file, by): (&log_core::statement::ReleaseFile, &Option<u64>)| {
                    json!({
                        "name": file.name, "sha256": file.sha256.to_hex(), "size": file.size,
                        "withdrawn_by": by,
                    })
                };
                let files: Vec<Value> = release.files.iter().zip(withdrawn).map(file).collect();
                json!({
                    "kind": "release", "project": release.project, "version": release.version,
                    "files": files, "source": release.source,
                })
            }
            What::Withdrawal(withdrawal) => {
                let file = |file: &log_core::statement::WithdrawnFile| json!({"name": file.name, "sha256": file.sha256.to_hex()});
                let files: Vec<Value> = withdrawal.files.iter().map(file).collect();
                json!({
                    "kind": "withdrawal", "project": withdrawal.project, "version": withdrawal.version,
                    "files": files, "reason": withdrawal.reason, "text": withdrawal.text,
                })
            }
            What::Policy(policy) => json!({"kind": "policy", "policy": policy.to_document()}),
        };
        json["entry"] = json!(self.index);
        json["time"] = json!(self.time);
        json["signers"] = json!(self.signers);
        json
    }
}

//! What a check concluded: the verdict, its exit code, and how both are written.
//! Pure.

use log_core::hash::Hash;
use log_io::outcome::{Exit, shown};
use serde_json::{Value, json};

use super::findings::Findings;
use super::rules::Checked;

/// The version of the JSON.
const SCHEMA: u64 = 1;

/// A checked log.
#[derive(Debug)]
pub struct Report {
    /// Where it was read.
    pub location: String,
    /// The log's name.
    pub origin: String,
    /// The size and root that it signed; `None` when no checkpoint could be opened.
    pub signed: Option<(u64, Hash)>,
    /// Whether the root was derived again.
    pub proven: bool,
    /// Entries from the first on that are intact.
    pub intact: u64,
    /// What is wrong.
    pub findings: Findings,
    /// What is no problem, and good to know.
    pub remarks: Vec<String>,
    /// What the intact entries say.
    pub checked: Option<Checked>,
    /// Why the checkpoint is not trusted although the log signed it.
    pub distrust: Option<String>,
}

impl Report {
    /// The exit code, the worst first; evidence that was kept is the caller's.
    pub fn exit(&self) -> Exit {
        if self.findings.known() > 0 {
            Exit::Invalid
        } else if !self.findings.is_empty() || !self.proven {
            Exit::Failed
        } else if self.distrust.is_some() {
            Exit::Untrusted
        } else {
            Exit::Ok
        }
    }

    /// The rule that the log broke, if it did: then every entry of the signed tree
    /// was read, and nothing is left that might excuse it.
    pub fn broken_rule(&self) -> Option<String> {
        let (size, _) = self.signed.filter(|_| self.proven)?;
        let checked = self.checked.as_ref().filter(|_| self.intact == size)?;
        match checked.violations.first() {
            // What follows may follow from what is not known here.
            Some(first) if first.may_be_newer() => None,
            Some(first) => Some(first.to_string()),
            None if checked.history.ends_in_commitment() => None,
            None => Some("the signed tree does not end in an index commitment".to_owned()),
        }
    }

    /// The verdict in one line.
    pub fn verdict(&self) -> String {
        let count = self.findings.kept().len() + self.findings.more();
        let size = self.signed.map_or(0, |(size, _)| size);
        match self.exit() {
            Exit::Ok => format!("sound: {size} entries, every tile, the root and every rule"),
            Exit::Untrusted => "sound, but the checkpoint is not to be trusted".to_owned(),
            Exit::Failed => format!("no verdict: {count} files or entries could not be judged"),
            _ => format!("damaged: {count} problems"),
        }
    }

    /// For people.
    pub fn to_text(&self) -> Vec<String> {
        let mut lines = Vec::new();
        lines.extend(self.findings.kept().iter().map(|found| found.problem.to_string()));
        if self.findings.more() > 0 {
            lines.push(format!("and {} more", self.findings.more()));
        }
        lines.extend(self.distrust.clone());
        if let Some(checked) = &self.checked {
            lines.extend(checked.summary.to_text(&checked.history));
        }
        lines.push(format!("{} at {}: {}", self.origin, self.location, self.verdict()));
        lines.iter().map(|line| shown(line)).collect()
    }

    /// For programs.
    pub fn to_json(&self, evidence: Option<&str>) -> Value {
        let problems = self.findings.kept().iter().map(|found| found.problem.to_json());
        json!({
            "schema": SCHEMA,
            "log": self.origin,
            "location": self.location,
            "size": self.signed.map(|(size, _)| size),
            "root": self.signed.map(|(_, root)| root.to_base64()),
            "proven": self.proven,
            "intact": self.intact,
            "verdict": self.verdict(),
            "problems": problems.collect::<Vec<_>>(),
            "more_problems": self.findings.more(),
            "distrust": self.distrust,
            "misbehaviour": evidence,
            "remarks": self.remarks,
            "summary": self.checked.as_ref().map(|checked| checked.summary.to_json(&checked.history)),
        })
    }

    /// Whether a check that is repeated after a repair may find less.
    pub fn is_repairable(&self) -> bool {
        self.proven && self.findings.mends_anything()
    }
}

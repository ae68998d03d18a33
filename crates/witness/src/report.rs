//! How an audit is written: a line of text per finding, or one JSON document.
//!
//! ```json
//! {"schema": 1,
//!  "log": {"origin": "log.example.org", "size": 7, "root": "<base64>", "log_time": 1760000000},
//!  "index": "https://pypi.org/simple/",
//!  "projects": [{"project": "nova", "files_on_index": 2, "files_logged": 2}],
//!  "findings": [{"id": "…", "kind": "extra-file", "project": "nova", "version": "27.0.0",
//!                "file": "…", "detail": "…", "logged_sha256": "…", "found_sha256": "…",
//!                "log_entry": 5}]}
//! ```
//!
//! `files_on_index` is null when the index has no such project. A project without
//! a verdict has an `error`; it has no findings, and says nothing by that. A
//! finding leaves out what it does not have. Fields may be added to schema 1;
//! their meaning does not change.
//!
//! Invariant: both forms say the same, except that text leaves out the ids. Left
//! out: where it is printed, and the exit code (`audit`).

use std::fmt::Write as _;

use log_core::artifact::{ProjectName, Version};
use log_core::hash::Hash;
use log_core::times;
use serde::Serialize;

use crate::findings::Finding;

/// What one audit found.
#[derive(Debug, Clone)]
pub struct Report {
    /// The log it rests on.
    pub log: AuditedLog,
    /// The index, as a URL.
    pub index: String,
    /// The projects.
    pub projects: Vec<ProjectAudit>,
}

/// The log that an audit rests on: whoever has this checkpoint can repeat it.
#[derive(Debug, Clone)]
pub struct AuditedLog {
    /// The log's name.
    pub origin: String,
    /// The size of the tree.
    pub size: u64,
    /// The root of the tree.
    pub root: Hash,
    /// The time in its newest index commitment, in POSIX seconds.
    pub time: u64,
}

/// What was found in one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectAudit {
    /// Which one.
    pub project: ProjectName,
    /// How many files the index has; `None` without a page.
    pub files_on_index: Option<usize>,
    /// How many files are logged.
    pub files_logged: usize,
    /// Where the two differ, sorted; or why there is no verdict.
    pub findings: Result<Vec<Finding>, String>,
    /// What else a person should know.
    pub remarks: Vec<String>,
}

impl Report {
    /// All findings, project by project.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.projects.iter().filter_map(|audit| audit.findings.as_ref().ok()).flatten()
    }

    /// How many projects have no verdict.
    pub fn failures(&self) -> usize {
        self.projects.iter().filter(|audit| audit.findings.is_err()).count()
    }

    /// A line per finding, in aligned columns: kind, project, version, file, detail.
    pub fn to_text(&self) -> Vec<String> {
        let row = |finding: &Finding| {
            let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
            [
                finding.kind.to_string(),
                finding.project.to_string(),
                or_dash(finding.version.as_ref().map(Version::to_string)),
                or_dash(finding.file.clone()),
                finding.detail.clone(),
            ]
        };
        let rows: Vec<_> = self.findings().map(row).collect();
        let mut widths = [0; 5];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.len().max(*width);
            }
        }
        let line = |row: &[String; 5]| {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                let _ = write!(line, "{cell:width$}  ");
            }
            line.trim_end().to_owned()
        };
        rows.iter().map(line).collect()
    }

    /// The JSON document.
    pub fn to_json(&self) -> String {
        let projects = self.projects.iter().map(|audit| ProjectJson {
            project: &audit.project,
            files_on_index: audit.files_on_index,
            files_logged: audit.files_logged,
            error: audit.findings.as_ref().err().map(String::as_str),
        });
        let document = ReportJson {
            schema: 1,
            log: LogJson {
                origin: &self.log.origin,
                size: self.log.size,
                root: self.log.root.to_base64(),
                log_time: self.log.time,
            },
            index: &self.index,
            projects: projects.collect(),
            findings: self.findings().map(FindingJson::new).collect(),
        };
        // Strings and numbers only: nothing that could fail.
        serde_json::to_string_pretty(&document).unwrap_or_default()
    }

    /// The audit in one sentence.
    pub fn summary(&self) -> String {
        let failed = match self.failures() {
            0 => String::new(),
            failed => format!(", {failed} of them without a verdict"),
        };
        format!(
            "audited {}{failed}, {} on the index, {} logged, against checkpoint size {} (log time {}): {}",
            count(self.projects.len(), "project"),
            count(self.projects.iter().filter_map(|audit| audit.files_on_index).sum(), "file"),
            self.projects.iter().map(|audit| audit.files_logged).sum::<usize>(),
            self.log.size,
            times::utc(self.log.time),
            count(self.findings().count(), "finding"),
        )
    }
}

#[derive(Serialize)]
struct ReportJson<'a> {
    schema: u32,
    log: LogJson<'a>,
    index: &'a str,
    projects: Vec<ProjectJson<'a>>,
    findings: Vec<FindingJson<'a>>,
}

#[derive(Serialize)]
struct LogJson<'a> {
    origin: &'a str,
    size: u64,
    root: String,
    log_time: u64,
}

#[derive(Serialize)]
struct ProjectJson<'a> {
    project: &'a ProjectName,
    files_on_index: Option<usize>,
    files_logged: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct FindingJson<'a> {
    id: &'a str,
    kind: &'static str,
    project: &'a ProjectName,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a Version>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a str>,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    logged_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    found_sha256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_entry: Option<u64>,
}

impl<'a> FindingJson<'a> {
    fn new(finding: &'a Finding) -> Self {
        Self {
            id: &finding.id,
            kind: finding.kind.as_str(),
            project: &finding.project,
            version: finding.version.as_ref(),
            file: finding.file.as_deref(),
            detail: &finding.detail,
            logged_sha256: finding.logged.map(Hash::to_hex),
            found_sha256: finding.found.map(Hash::to_hex),
            log_entry: finding.entry,
        }
    }
}

/// `1 file`, `2 files`.
fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

#[cfg(test)]
mod tests;

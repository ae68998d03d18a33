//! The decision: where the index differs from the log. A pure function.
//!
//! | finding | meaning |
//! |---|---|
//! | `extra-release` | a version on the index of which nothing is logged |
//! | `extra-file` | another file than the log has of a version, or of no version |
//! | `hash-mismatch` | the same name, and not (provably) the same bytes |
//! | `missing-file` | logged and not withdrawn, and not on the index |
//!
//! What is logged is always compared. What is not logged is extra only where the
//! policy says that the log has everything: other versions may be anybody's.
//! Versions are compared by their meaning (PEP 440), names by their bytes.
//!
//! Invariant: each file on the page that the policy covers is either logged with
//! the same digest, or in exactly one finding. A finding's `id` depends on what
//! was found and not on when: it is the first 16 bytes, in hex, of the SHA-256 of
//! kind, project, canonical version and file, separated by NUL, with nothing for
//! what it does not have.
//!
//! Left out: which kinds of files a project publishes, and whether what the log
//! and the index agree on is any good.

use std::collections::BTreeMap;
use std::fmt;

use log_core::artifact::{FileName, ProjectName, Version, version_of};
use log_core::hash::{Hash, digest, encode_hex};
use log_core::history::Recorded;
use log_core::limits::MAX_FILE_NAME_BYTES;
use log_core::policy::Policy;
use log_core::statement::{Release, Withdrawal};

use log_core::simple_index::{EXCERPT_CHARS, Page, escaped};

/// A difference between the index and the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The same for the same difference in each audit.
    pub id: String,
    /// What sort of difference.
    pub kind: FindingKind,
    /// In which project.
    pub project: ProjectName,
    /// In which version; none when the file's name does not tell.
    pub version: Option<Version>,
    /// In which file; printable ASCII. None for a whole release.
    pub file: Option<String>,
    /// What was found, in a sentence.
    pub detail: String,
    /// The digest in the log.
    pub logged: Option<Hash>,
    /// The digest on the index.
    pub found: Option<Hash>,
    /// The log entry that the index differs from.
    pub entry: Option<u64>,
}

/// The sorts of findings; the order is that of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// A version on the index of which nothing is logged.
    ExtraRelease,
    /// Another file than the log has of a version, or of no version.
    ExtraFile,
    /// The same name, and not provably the same bytes.
    HashMismatch,
    /// Logged and not withdrawn, and not on the index.
    MissingFile,
}

impl FindingKind {
    /// The name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ExtraRelease => "extra-release",
            Self::ExtraFile => "extra-file",
            Self::HashMismatch => "hash-mismatch",
            Self::MissingFile => "missing-file",
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the log says about a project.
#[derive(Debug, Clone, Copy)]
pub struct Logged<'a> {
    /// Its releases.
    pub releases: &'a [Recorded<Release>],
    /// Its withdrawals.
    pub withdrawals: &'a [Recorded<Withdrawal>],
}

/// Where the index's page of a project, if it has one, differs from what the log
/// says about that project; sorted.
pub fn findings(
    project: &ProjectName,
    logged: Logged<'_>,
    policy: &Policy,
    page: Option<&Page>,
) -> Vec<Finding> {
    let audit = Audit { project, policy, log: LoggedProject::new(logged) };
    let mut findings = audit.missing(page);
    if let Some(page) = page {
        findings.extend(audit.mismatches(page));
        findings.extend(audit.extras(page));
        findings.extend(audit.bad_names(page));
    }
    findings.sort_by(|a, b| (a.kind, &a.version, &a.file).cmp(&(b.kind, &b.version, &b.file)));
    // Metadata may be listed as a file, and as a file's metadata.
    findings.dedup_by(|a, b| a.id == b.id);
    findings
}

/// How many files of a project are logged, and to be found on an index.
pub fn count_logged(logged: Logged<'_>) -> usize {
    let files = LoggedProject::new(logged).files;
    files.iter().filter(|(name, file)| !name.is_metadata() && !file.withdrawn).count()
}

/// What is audited, and by what.
struct Audit<'a> {
    project: &'a ProjectName,
    policy: &'a Policy,
    log: LoggedProject<'a>,
}

/// The same by file and version.
struct LoggedProject<'a> {
    /// Files and metadata of wheels.
    files: BTreeMap<&'a FileName, LoggedFile<'a>>,
    /// The newest entry of each version, which lists all its files.
    versions: BTreeMap<&'a Version, u64>,
}

#[derive(Clone, Copy)]
struct LoggedFile<'a> {
    entry: u64,
    sha256: Hash,
    version: &'a Version,
    /// The project took it back: an index that has it no longer does right.
    withdrawn: bool,
}

impl<'a> LoggedProject<'a> {
    fn new(logged: Logged<'a>) -> Self {
        let is_withdrawn = |name: &FileName| {
            logged.withdrawals.iter().any(|withdrawal| withdrawal.statement.file(name).is_some())
        };
        let mut project = Self { files: BTreeMap::new(), versions: BTreeMap::new() };
        for recorded in logged.releases {
            let (entry, release) = (recorded.index, &recorded.statement);
            project.versions.insert(&release.version, entry);
            for file in &release.files {
                // The log is checked to give a name one digest: the first will do.
                project.files.entry(&file.name).or_insert_with(|| LoggedFile {
                    entry,
                    sha256: file.sha256,
                    version: &release.version,
                    withdrawn: is_withdrawn(&file.name),
                });
            }
        }
        project
    }
}

impl Audit<'_> {
    fn missing(&self, page: Option<&Page>) -> Vec<Finding> {
        let is_listed = |name: &FileName| page.is_some_and(|page| page.files.contains_key(name));
        let missing = self.log.files.iter();
        let missing =
            missing.filter(|(name, file)| !name.is_metadata() && !file.withdrawn && !is_listed(name));
        let gone = |(name, file): (&&FileName, &LoggedFile<'_>)| {
            let where_not =
                if page.is_some() { "gone from the index" } else { "the index has no such project" };
            Finding {
                logged: Some(file.sha256),
                entry: Some(file.entry),
                ..self.finding(
                    FindingKind::MissingFile,
                    Some(file.version),
                    Some(name.as_str()),
                    format!("logged in entry {}, {where_not}", file.entry),
                )
            }
        };
        missing.map(gone).collect()
    }

    /// Logged files, and logged metadata of wheels, with other digests.
    fn mismatches(&self, page: &Page) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, listed) in &page.files {
            if let Some(file) = self.log.files.get(name) {
                match listed.sha256.iter().find(|found| **found != file.sha256) {
                    Some(found) => findings.push(self.mismatch(name.as_str(), file, *found)),
                    None if listed.sha256.is_empty() => findings.push(self.not_comparable(name, file)),
                    None => {}
                }
            }
            if let Ok(metadata) = FileName::parse(&format!("{name}.metadata"))
                && let Some(file) = self.log.files.get(&metadata)
                && let Some(found) = listed.metadata_sha256.iter().find(|found| **found != file.sha256)
            {
                findings.push(self.mismatch(metadata.as_str(), file, *found));
            }
        }
        findings
    }

    fn mismatch(&self, name: &str, file: &LoggedFile<'_>, found: Hash) -> Finding {
        let (logged, entry) = (file.sha256, file.entry);
        let detail = format!(
            "logged with sha256 {} in entry {entry}, the index has {}",
            logged.to_hex(),
            found.to_hex()
        );
        Finding {
            logged: Some(logged),
            found: Some(found),
            entry: Some(entry),
            ..self.finding(FindingKind::HashMismatch, Some(file.version), Some(name), detail)
        }
    }

    fn not_comparable(&self, name: &FileName, file: &LoggedFile<'_>) -> Finding {
        let detail = format!(
            "cannot be compared: the index gives no sha256; logged with {} in entry {}",
            file.sha256.to_hex(),
            file.entry
        );
        Finding {
            logged: Some(file.sha256),
            entry: Some(file.entry),
            ..self.finding(FindingKind::HashMismatch, Some(file.version), Some(name.as_str()), detail)
        }
    }

    /// Files that are not logged, where the policy says that all are.
    fn extras(&self, page: &Page) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut releases: BTreeMap<Version, Vec<&str>> = BTreeMap::new();
        for (name, listed) in page.files.iter().filter(|(name, _)| !self.log.files.contains_key(name)) {
            let version = version_of(name, self.project);
            if !self.policy.covers(self.project, version.as_ref().ok()) {
                continue;
            }
            let (entry, detail) = match &version {
                Err(_) => (None, "not logged, and its name is that of no version of the project".to_owned()),
                Ok(version) => match self.log.versions.get(version) {
                    None => {
                        releases.entry(version.clone()).or_default().push(name.as_str());
                        continue;
                    }
                    Some(entry) => (Some(*entry), format!("not among the files of entry {entry}")),
                },
            };
            let found = listed.sha256.first().copied();
            let version = version.as_ref().ok();
            let finding = self.finding(FindingKind::ExtraFile, version, Some(name.as_str()), detail);
            findings.push(Finding { found, entry, ..finding });
        }
        for (version, files) in releases {
            let detail = format!("nothing is logged of this version; the index has {}", files.join(", "));
            findings.push(self.finding(FindingKind::ExtraRelease, Some(&version), None, detail));
        }
        findings
    }

    /// Names that are none: nothing of the kind can have been logged.
    fn bad_names(&self, page: &Page) -> Vec<Finding> {
        if !self.policy.covers(self.project, None) {
            return Vec::new();
        }
        let finding = |name: &String| {
            let detail = "not logged, and not a valid file name (escaped here)".to_owned();
            self.finding(FindingKind::ExtraFile, None, Some(&escaped_name(name)), detail)
        };
        page.bad_names.iter().map(finding).collect()
    }

    fn finding(
        &self,
        kind: FindingKind,
        version: Option<&Version>,
        file: Option<&str>,
        detail: String,
    ) -> Finding {
        let canonical = version.map(Version::canonical).unwrap_or_default();
        let parts = [kind.as_str(), self.project.as_str(), &canonical, file.unwrap_or_default()];
        let id = digest(&[parts.join("\0").as_bytes()]);
        Finding {
            id: encode_hex(&id.as_bytes()[..16]),
            kind,
            project: self.project.clone(),
            version: version.cloned(),
            file: file.map(str::to_owned),
            detail,
            logged: None,
            found: None,
            entry: None,
        }
    }
}

/// A name that is none in printable ASCII; a long one is cut, and its digest
/// keeps it apart from others.
fn escaped_name(name: &str) -> String {
    if name.len() <= MAX_FILE_NAME_BYTES {
        return escaped(name.chars());
    }
    let start = escaped(name.chars().take(EXCERPT_CHARS));
    format!("{start}... ({} bytes, sha256 {})", name.len(), digest(&[name.as_bytes()]).to_hex())
}

#[cfg(test)]
mod tests;

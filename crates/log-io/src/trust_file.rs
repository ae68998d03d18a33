//! The trust file: whom and what a client or witness believes.
//!
//! ```toml
//! uncovered = "pass"                  # files that no log covers: pass, refuse, or pin
//! grace = 0                           # seconds for which a log may be unreachable
//!
//! [[log]]
//! url = "https://log.example.org/"
//! projects = ["nova", "oslo-*"]       # whom this log is asked about; all by default
//! policy = """
//! log log.example.org+82258d05+AXm1…
//! quorum none
//! """
//! roots = ["root.example.org+…"]     # who signs the log's first policy
//! threshold = 1                       # how many of them
//! max_age = 86400                     # seconds; oldest acceptable cosignature
//! ```
//!
//! A project is asked about in one log, the first one in the file whose `projects` have
//! it: what two logs say of one project need not agree, and a client that took the better
//! answer would believe whoever lies.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use log_core::artifact::ProjectName;
use log_core::key::VerifierKey;
use log_core::policy::{Pattern, Roots};
use log_core::rules::Genesis;
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::Trust;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Longest trust file: the longest policy text and as much again.
const MAX_TRUST_FILE_BYTES: usize = 2 * log_core::limits::MAX_TRUST_POLICY_BYTES;

/// Most logs in a trust file.
const MAX_LOGS: usize = 64;

/// All that a client believes.
#[derive(Debug, Clone)]
pub struct TrustFile {
    /// The logs, one or more, of different origins.
    pub logs: Vec<TrustedLog>,
    /// What becomes of projects that no log covers.
    pub uncovered: Uncovered,
    /// For how many seconds files are handed out without a verdict while a log cannot be
    /// reached; 0: not at all. What was handed out is noted, to be verified later.
    pub grace: u64,
}

/// A log that is trusted, and where to find it.
#[derive(Debug, Clone)]
pub struct TrustedLog {
    /// Where to read it.
    pub url: String,
    /// The projects that it is asked about; none: all.
    pub projects: Vec<Pattern>,
    /// The C2SP tlog-policy as it is written.
    pub policy: String,
    /// What to believe.
    pub trust: Trust,
}

/// Why there is nothing that can be believed.
#[derive(Debug, Error)]
pub enum Unusable {
    /// There is no such file.
    #[error("there is no trust file {}", .0.display())]
    Missing(PathBuf),
    /// It says something else than a trust file.
    #[error("trust file {path}: {what}", path = .0.display(), what = .1)]
    Damaged(PathBuf, String),
    /// The same, where the line is known.
    #[error("trust file {path}:{line}: {what}", path = .0.display(), line = .1.line, what = .1.what)]
    DamagedAt(PathBuf, BadLine),
}

/// What is wrong with a line of a TOML file, itself in one line.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}: {what}")]
pub struct BadLine {
    line: usize,
    what: String,
}

impl BadLine {
    /// What `error` says of `text`.
    pub fn new(text: &str, error: &toml::de::Error) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let (number, what) = (before.matches('\n').count(), error.message().replace('\n', ", "));
        // Not the whole line: a URL may have a password in it.
        let key = text.lines().nth(number).and_then(|line| Some(line.split_once('=')?.0.trim()));
        let what = match key {
            Some(key) if !what.contains(key) => format!("`{key}`: {what}"),
            _ => what,
        };
        Self { line: number + 1, what }
    }
}

/// What becomes of projects that no log covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Uncovered {
    /// They pass.
    #[default]
    Pass,
    /// They are refused.
    Refuse,
    /// They pass, and a file that was seen once may not change.
    Pin,
}

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sections {
    #[serde(default, skip_serializing_if = "is_default")]
    uncovered: Uncovered,
    #[serde(default, skip_serializing_if = "is_default")]
    grace: u64,
    log: Vec<LogSection>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogSection {
    url: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    projects: Vec<String>,
    policy: String,
    roots: Vec<String>,
    #[serde(default = "one")]
    threshold: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
}

fn one() -> usize {
    1
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl TrustFile {
    /// Reads a trust file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = Self::read(path)?.ok_or_else(|| Unusable::Missing(path.to_owned()))?;
        let parsed = Self::parse(&text);
        let unusable = |error: anyhow::Error| match error.downcast() {
            Ok(line) => Unusable::DamagedAt(path.to_owned(), line),
            Err(error) => Unusable::Damaged(path.to_owned(), format!("{error:#}")),
        };
        Ok(parsed.map_err(unusable)?)
    }

    /// The text of a trust file; `None` when there is none.
    pub fn read(path: &Path) -> anyhow::Result<Option<String>> {
        let file = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.with_context(|| format!("cannot read the trust file {}", path.display()))?,
        };
        let mut text = String::new();
        // One byte more, which `parse` then finds too long.
        let read = file.take(MAX_TRUST_FILE_BYTES as u64 + 1).read_to_string(&mut text);
        read.with_context(|| format!("cannot read the trust file {}", path.display()))?;
        Ok(Some(text))
    }

    /// Reads the text of a trust file.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        ensure!(text.len() <= MAX_TRUST_FILE_BYTES, "it has more than {MAX_TRUST_FILE_BYTES} bytes");
        let Sections { uncovered, grace, log } =
            toml::from_str(text).map_err(|error| BadLine::new(text, &error))?;
        ensure!((1..=MAX_LOGS).contains(&log.len()), "expected 1 to {MAX_LOGS} [[log]] sections");
        let mut logs: Vec<TrustedLog> = Vec::new();
        for (i, section) in log.iter().enumerate() {
            let log = TrustedLog::of(section).with_context(|| format!("[[log]] {}", i + 1))?;
            let name = log.origin();
            // What was last seen of a log is kept under its name.
            ensure!(
                logs.iter().all(|other| other.origin() != name),
                "[[log]] {}: there is another log called {name}",
                i + 1
            );
            logs.push(log);
        }
        Ok(Self { logs, uncovered, grace })
    }

    /// As text.
    pub fn to_text(&self) -> anyhow::Result<String> {
        let log = self.logs.iter().map(TrustedLog::section).collect();
        Ok(toml::to_string(&Sections { uncovered: self.uncovered, grace: self.grace, log })?)
    }

    /// The log, where one is expected.
    pub fn only(mut self) -> anyhow::Result<TrustedLog> {
        match self.logs.pop() {
            Some(log) if self.logs.is_empty() => Ok(log),
            last => {
                let origins: Vec<&str> = self.logs.iter().chain(&last).map(TrustedLog::origin).collect();
                bail!("it has several logs ({}), and one is to be named", origins.join(", "))
            }
        }
    }

    /// The log of this name, which is its origin.
    pub fn named(self, origin: &str) -> anyhow::Result<TrustedLog> {
        let origins: Vec<String> = self.logs.iter().map(|log| log.origin().to_owned()).collect();
        let log = self.logs.into_iter().find(|log| log.origin() == origin);
        log.with_context(|| format!("it has no log called {origin:?}; it has {}", origins.join(", ")))
    }

    /// The log that is asked about a project.
    pub fn log_of(&self, project: &ProjectName) -> Option<&TrustedLog> {
        self.logs.iter().find(|log| log.is_asked_about(project))
    }
}

impl TrustedLog {
    /// Where the trust file is unless told otherwise:
    /// `$XDG_CONFIG_HOME/wheeltap/trust.toml`, or `~/.config/wheeltap/trust.toml`.
    pub fn default_path() -> anyhow::Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("XDG_CONFIG_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".config")))
            .map(|base| base.join("wheeltap/trust.toml"))
            .context("neither XDG_CONFIG_HOME nor HOME is set; give the trust file with --trust")
    }

    /// Reads a trust file with one log.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        TrustFile::load(path)?.only().with_context(|| format!("trust file {}", path.display()))
    }

    /// Reads the text of a trust file with one log.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        TrustFile::parse(text)?.only()
    }

    /// A log without witnesses or with those of `policy`, checked as one in a trust file.
    pub fn new(
        url: String,
        policy: String,
        roots: &Roots,
        projects: &[Pattern],
        max_age: Option<u64>,
    ) -> anyhow::Result<Self> {
        Self::of(&LogSection {
            url,
            projects: projects.iter().map(Pattern::to_string).collect(),
            policy,
            roots: roots.keys.iter().map(VerifierKey::to_vkey).collect(),
            threshold: roots.threshold,
            max_age,
        })
    }

    /// The log's name.
    pub fn origin(&self) -> &str {
        self.trust.genesis.log.name().as_str()
    }

    /// Its section of a trust file.
    pub fn to_section(&self) -> anyhow::Result<String> {
        let log = vec![self.section()];
        Ok(toml::to_string(&Sections { uncovered: Uncovered::Pass, grace: 0, log })?)
    }

    /// Whether this log is asked about a project, unless one before it is.
    pub fn is_asked_about(&self, project: &ProjectName) -> bool {
        self.projects.is_empty() || self.projects.iter().any(|pattern| pattern.matches(project))
    }

    fn of(section: &LogSection) -> anyhow::Result<Self> {
        let policy = TrustPolicy::parse(&section.policy).context("`policy`")?;
        let mut logs = policy.logs().map(|(key, _)| key.clone());
        let (Some(log), None) = (logs.next(), logs.next()) else {
            bail!("`policy` must have exactly one `log` line");
        };
        drop(logs);
        ensure!(
            section.max_age.is_none() || !policy.has_no_quorum(),
            "`max_age` needs a quorum of witnesses: without cosignatures a checkpoint has no age"
        );
        let mut keys = Vec::new();
        for (i, root) in section.roots.iter().enumerate() {
            keys.push(VerifierKey::parse(root).with_context(|| format!("`roots[{i}]`"))?);
        }
        let roots = Roots::new(section.threshold, keys).context("`threshold`")?;
        let projects: Result<_, _> = section.projects.iter().map(|text| Pattern::parse(text)).collect();
        let projects = projects.map_err(anyhow::Error::msg).context("`projects`")?;
        let trust = Trust { policy, genesis: Genesis { log, roots }, max_age: section.max_age };
        Ok(Self { url: section.url.clone(), projects, policy: section.policy.clone(), trust })
    }

    fn section(&self) -> LogSection {
        let Trust { genesis, max_age, .. } = &self.trust;
        LogSection {
            url: self.url.clone(),
            projects: self.projects.iter().map(Pattern::to_string).collect(),
            policy: self.policy.clone(),
            roots: genesis.roots.keys.iter().map(VerifierKey::to_vkey).collect(),
            threshold: genesis.roots.threshold,
            max_age: *max_age,
        }
    }

    /// The text of a trust file without witnesses.
    pub fn to_text(url: &str, log: &VerifierKey, roots: &Roots) -> anyhow::Result<String> {
        let policy = format!("log {}\nquorum none\n", log.to_vkey());
        Self::new(url.to_owned(), policy, roots, &[], None)?.to_section()
    }
}

#[cfg(test)]
mod tests {
    use log_core::key::{KeyName, SignerKey};

    use super::*;

    fn key(name: &str) -> VerifierKey {
        let name = KeyName::parse(name).expect("a name");
        SignerKey::from_seed(name, &[7; 32]).public().clone()
    }

    #[test]
    fn trust_files_round_trip_and_are_strict() {
        let roots = Roots::new(1, vec![key("root")]).expect("one root");
        let good = TrustedLog::to_text("http://127.0.0.1:1/", &key("log"), &roots).expect("a text");
        let trusted = TrustedLog::parse(&good).expect("a trust file");
        assert_eq!(trusted.url, "http://127.0.0.1:1/");
        assert_eq!(trusted.trust.genesis.log, key("log"));
        for (bad, names) in [
            (String::new(), "log"),
            (format!("{good}\n{good}"), "another log called"),
            (good.replace("url", "uri"), "uri"),
            (good.replace("quorum none", "quorum w"), "`policy`"),
            (good.replace("roots = [\"root", "roots = [\"boot"), "`roots[0]`"),
            (good.replace("threshold = 1", "threshold = 2"), "`threshold`"),
            (format!("{good}max_age = 5\n"), "max_age"),
            (format!("{good}projects = [\"No Name\"]\n"), "`projects`"),
            (format!("uncovered = \"trust\"\n{good}"), "uncovered"),
            ("log = []".to_owned(), "expected 1 to"),
        ] {
            let error = format!("{:#}", TrustedLog::parse(&bad).expect_err(&bad));
            assert!(error.contains(names), "{error} should name {names}");
        }
    }

    #[test]
    fn a_project_is_asked_about_in_the_first_log_that_has_it() {
        let roots = Roots::new(1, vec![key("root")]).expect("one root");
        let text =
            |name: &str| TrustedLog::to_text("http://127.0.0.1:1/", &key(name), &roots).expect("a text");
        let text = format!(
            "uncovered = \"pin\"\ngrace = 60\n{}projects = [\"nova\", \"oslo-*\"]\n{}",
            text("a"),
            text("b")
        );
        let file = TrustFile::parse(&text).expect("a trust file");
        assert_eq!((file.uncovered, file.grace), (Uncovered::Pin, 60));
        let again = TrustFile::parse(&file.to_text().expect("a text")).expect("a trust file");
        for file in [&file, &again] {
            for (project, log) in [("nova", "a"), ("oslo-config", "a"), ("novaclient", "b")] {
                let project = ProjectName::parse(project).expect("a name");
                let asked = file.log_of(&project).expect("a log");
                assert_eq!(asked.trust.genesis.log.name().as_str(), log, "{project}");
            }
        }
        assert!(TrustedLog::parse(&text).is_err(), "which of them?");
        assert_eq!(file.named("b").expect("it is there").projects, []);
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line_with_its_number() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("trust.toml");
        for (text, line, what) in [
            ("foo = 1\n", 1, "unknown field `foo`, expected "),
            ("grace = 1\n\n[[log]\n", 3, ""),
            ("grace = 1\nuncovered = \"trust\"\n", 2, "`uncovered`: unknown variant `trust`, expected "),
        ] {
            std::fs::write(&path, text).expect("written");
            let error = TrustFile::load(&path).expect_err(text).to_string();
            assert!(error.starts_with(&format!("trust file {}:{line}: {what}", path.display())), "{error}");
            assert!(!error.contains('\n'), "{error:?}");
        }
    }
}

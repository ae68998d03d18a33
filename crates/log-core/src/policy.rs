//! The log's policy: who may publish what, and what the log covers.
//!
//! ```json
//! {"version": 1,
//!  "roots": {"threshold": 1, "keys": ["<vkey>"]},
//!  "cool_down": 86400,
//!  "publishers": [{"name": "release team", "keys": [{"key": "<vkey>", "until": 1800000000}],
//!                  "projects": ["nova", "oslo-*"], "withdraw": true}],
//!  "projects": [{"pattern": "nova", "from": "13.0.0", "until": "30.0.0"}, {"pattern": "oslo-*"}]}
//! ```
//!
//! A pattern is a project's normalised name, or the start of one with `*` at the
//! end. A project's `from` is the first covered version, `until` the first no longer
//! covered; a key's are times. Unknown fields are refused: a rule that is not
//! understood must not be skipped. Each list is exhaustive: whoever is not listed may
//! not publish.
//!
//! | module | owns |
//! |---|---|
//! | [`document`] | the JSON, its one spelling, and all that is checked of it |
//! | [`mod@diff`] | how two policies differ, and what of it makes the new one weaker |
//! | [`expected`] | what those who watch package indexes compare with |
//!
//! What is left out: checking signatures (`rules`), and which of a log's policies is in
//! force when (`timeline`).

use thiserror::Error;

use crate::artifact::{ProjectName, Version};
use crate::key::{KeyType, VerifierKey};
use crate::limits::{MAX_ENVELOPE_SIGNATURES, MAX_POLICY_ITEMS};

pub mod diff;
pub mod document;
pub mod expected;

pub use diff::{Change, diff};
pub use document::PolicyDocument;
pub use expected::Expected;

/// A policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// 1 for the first.
    pub version: u64,
    /// Who may make and change policies.
    pub roots: Roots,
    /// How long the policy that replaces this one waits before it is in force, in
    /// seconds: long enough for a stolen root key to be seen before it works.
    pub cool_down: u64,
    /// Who may publish.
    pub publishers: Vec<Publisher>,
    /// What is covered.
    pub projects: Vec<Coverage>,
}

/// Root keys, and how many of them must sign a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// How many signatures are needed.
    pub threshold: usize,
    /// The keys.
    pub keys: Vec<VerifierKey>,
}

/// Somebody who may publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// A name for people.
    pub name: String,
    /// The keys that sign for it.
    pub keys: Vec<PublisherKey>,
    /// The projects it publishes.
    pub projects: Vec<Pattern>,
    /// Whether it may also withdraw files of these projects.
    pub withdraw: bool,
}

/// A publisher's key, and when its signatures count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublisherKey {
    /// The key.
    pub key: VerifierKey,
    /// The first second of its time, in POSIX seconds by the log's clock.
    pub from: Option<u64>,
    /// The first second after its time. In the past when a key was found to be stolen:
    /// what it signed from then on is no longer believed.
    pub until: Option<u64>,
}

/// Projects whose releases the log has all of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Which projects.
    pub pattern: Pattern,
    /// The first covered version.
    pub from: Option<Version>,
    /// The first version that is no longer covered.
    pub until: Option<Version>,
    /// What package indexes are compared with.
    pub expected: Expected,
}

/// A project's name, or the start of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

/// Why a policy document was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Not the JSON of a policy.
    #[error("not a policy: {0}")]
    Json(String),
    /// A field has a bad value.
    #[error("policy field `{field}`: {problem}")]
    Field {
        /// Which field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl Policy {
    /// The publisher's key called `keyid`, with its owner.
    pub fn publisher_key(&self, keyid: &str) -> Option<(&PublisherKey, &Publisher)> {
        self.publishers
            .iter()
            .flat_map(|publisher| publisher.keys.iter().map(move |key| (key, publisher)))
            .find(|(key, _)| key.key.is_called(keyid))
    }

    /// Since when the key called `keyid` no longer counts, if what it signed at `time`
    /// is after that. A key that is not in the policy any more was retired: what it
    /// signed while it was there stays.
    pub fn revoked_since(&self, keyid: &str, time: Option<u64>) -> Option<u64> {
        let until = self.publisher_key(keyid)?.0.until?;
        time.is_none_or(|time| time >= until).then_some(until)
    }

    /// Whether the log has all releases of the project: of this version, or, with
    /// `None`, of some version.
    pub fn covers(&self, project: &ProjectName, version: Option<&Version>) -> bool {
        self.coverage(project, version).is_some()
    }

    /// The line of the policy that covers the project in this version, or, with `None`,
    /// in some version.
    pub fn coverage(&self, project: &ProjectName, version: Option<&Version>) -> Option<&Coverage> {
        self.projects.iter().filter(|coverage| coverage.pattern.matches(project)).find(|coverage| {
            version.is_none_or(|version| {
                coverage.from.as_ref().is_none_or(|from| version >= from)
                    && coverage.until.as_ref().is_none_or(|until| version < until)
            })
        })
    }

    /// Whether anything it says depends on when an entry was made.
    pub fn depends_on_time(&self) -> bool {
        self.cool_down > 0
            || self.publishers.iter().flat_map(|publisher| &publisher.keys).any(PublisherKey::depends_on_time)
    }
}

impl Roots {
    /// Root keys of which `threshold` must sign.
    pub fn new(threshold: usize, keys: Vec<VerifierKey>) -> Result<Self, PolicyError> {
        check_keys("roots.keys", &keys)?;
        let most = keys.len().min(MAX_ENVELOPE_SIGNATURES);
        if !(1..=most).contains(&threshold) {
            let problem = format!("expected 1 to {most}: there are {} root keys", keys.len());
            return Err(field("roots.threshold", problem));
        }
        Ok(Self { threshold, keys })
    }
}

impl Publisher {
    /// Whether it may publish the project.
    pub fn may_publish(&self, project: &ProjectName) -> bool {
        self.projects.iter().any(|pattern| pattern.matches(project))
    }
}

impl PublisherKey {
    /// A key that counts at all times.
    pub fn always(key: VerifierKey) -> Self {
        Self { key, from: None, until: None }
    }

    /// Whether its signatures count at `time`; where no time is known, whether they
    /// count at all times.
    pub fn counts_at(&self, time: Option<u64>) -> bool {
        match time {
            Some(time) => {
                self.from.is_none_or(|from| time >= from) && self.until.is_none_or(|until| time < until)
            }
            None => !self.depends_on_time(),
        }
    }

    fn depends_on_time(&self) -> bool {
        self.from.is_some() || self.until.is_some()
    }
}

impl Coverage {
    /// All versions, and nothing to compare with.
    pub fn all(pattern: Pattern) -> Self {
        Self { pattern, from: None, until: None, expected: Expected::default() }
    }

    /// The covered versions, in words.
    pub fn versions(&self) -> String {
        match (&self.from, &self.until) {
            (None, None) => "all versions".to_owned(),
            (Some(from), None) => format!("from {from} on"),
            (None, Some(until)) => format!("before {until}"),
            (Some(from), Some(until)) => format!("from {from} on and before {until}"),
        }
    }
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        // The start of a name may end in `-`; a whole name may not.
        let checked = if stem.len() < text.len() { stem.strip_suffix('-').unwrap_or(stem) } else { stem };
        if checked.is_empty() && text == "*" {
            return Ok(Self { text: text.to_owned() });
        }
        ProjectName::parse(checked).map_err(|error| format!("pattern {text:?}: {error}"))?;
        Ok(Self { text: text.to_owned() })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether the project is one of those meant.
    pub fn matches(&self, project: &ProjectName) -> bool {
        match self.text.strip_suffix('*') {
            Some(stem) => project.as_str().starts_with(stem),
            None => project.as_str() == self.text,
        }
    }

    /// Whether every project that `other` means is one of those meant here.
    pub fn includes(&self, other: &Self) -> bool {
        match (self.text.strip_suffix('*'), other.text.strip_suffix('*')) {
            (Some(own), Some(others)) => others.starts_with(own),
            (Some(own), None) => other.text.starts_with(own),
            (None, Some(_)) => false,
            (None, None) => self.text == other.text,
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Keys that sign statements, each once: one key under two names, or listed twice,
/// would count twice towards a threshold.
fn check_keys(at: &str, keys: &[VerifierKey]) -> Result<(), PolicyError> {
    for (i, key) in keys.iter().enumerate() {
        let at = format!("{at}[{i}]");
        if key.key_type() != KeyType::Ed25519 {
            return Err(field(&at, "expected an Ed25519 key of type 0x01".into()));
        }
        if keys[..i].iter().any(|other| other.public_bytes() == key.public_bytes()) {
            return Err(field(&at, "this key is there twice".into()));
        }
    }
    Ok(())
}

fn check_count(at: &str, count: usize) -> Result<(), PolicyError> {
    if count <= MAX_POLICY_ITEMS {
        return Ok(());
    }
    Err(field(at, format!("expected at most {MAX_POLICY_ITEMS} items")))
}

fn field(field: &str, problem: String) -> PolicyError {
    PolicyError::Field { field: field.to_owned(), problem }
}

#[cfg(test)]
mod tests;

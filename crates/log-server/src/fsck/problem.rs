//! What can be wrong with a log, and who can mend it.
//!
//! Invariant: a problem names one file, or one entry in it, and says what was
//! expected and what was found wherever there is something to compare.

use std::fmt;

use log_core::hash::Hash;
use serde_json::{Value, json};

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, below the log's URL or directory.
    pub path: String,
    /// The entry's index, when the problem is that of one entry.
    pub entry: Option<u64>,
    /// What is wrong.
    pub fault: Fault,
    /// Who can mend it.
    pub remedy: Remedy,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// There is no such file.
    Missing,
    /// The bytes are not of the form that they must have.
    Form(String),
    /// Other content than the signed root commits to.
    Content {
        /// Which part of the file.
        part: String,
        /// The hash that the tree has there.
        expected: Hash,
        /// The hash of what is there.
        found: Hash,
    },
    /// It exists, or may exist, and could not be read: no verdict on it.
    Unreadable(String),
    /// The entry breaks a rule, in the light of those before it.
    Rule(String),
    /// An entry of a kind that this version does not know: no verdict on it.
    Newer(String),
    /// A signature that is missing or wrong, or a record that contradicts another.
    Record(String),
}

/// Who can mend a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Anybody: it follows from what is intact (`--repair`).
    Derivable,
    /// Whoever has another copy of the file.
    Copy,
    /// Only the log itself, with its key or its head record.
    Server,
    /// Nobody: it is what was signed.
    Nobody,
}

impl Fault {
    /// One word for programs.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Form(_) => "malformed",
            Self::Content { .. } => "content",
            Self::Unreadable(_) => "unreadable",
            Self::Rule(_) => "rule",
            Self::Newer(_) => "newer",
            Self::Record(_) => "record",
        }
    }

    /// Whether this is no verdict but the lack of one.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unreadable(_) | Self::Newer(_))
    }
}

impl Remedy {
    /// One word for programs.
    pub fn word(self) -> &'static str {
        match self {
            Self::Derivable => "derivable",
            Self::Copy => "copy",
            Self::Server => "server",
            Self::Nobody => "none",
        }
    }

    fn advice(self) -> &'static str {
        match self {
            Self::Derivable => "follows from intact files: --repair writes it again",
            Self::Copy => "cannot be derived: copy it from a mirror",
            Self::Server => "cannot be derived: only the log itself can make it",
            Self::Nobody => "it is what the log signed",
        }
    }
}

impl Problem {
    /// A problem with a whole file.
    pub fn of(path: impl Into<String>, fault: Fault, remedy: Remedy) -> Self {
        Self { path: path.into(), entry: None, fault, remedy }
    }

    /// For programs.
    pub fn to_json(&self) -> Value {
        let (expected, found) = match &self.fault {
            Fault::Content { expected, found, .. } => (Some(expected.to_base64()), Some(found.to_base64())),
            _ => (None, None),
        };
        json!({
            "path": self.path,
            "entry": self.entry,
            "kind": self.fault.kind(),
            "message": self.fault.to_string(),
            "expected": expected,
            "found": found,
            "remedy": self.remedy.word(),
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("it is missing"),
            Self::Form(what) | Self::Newer(what) | Self::Record(what) => f.write_str(what),
            Self::Content { part, expected, found } => {
                write!(f, "{part}: expected {}, found {}", expected.to_base64(), found.to_base64())
            }
            Self::Unreadable(why) => write!(f, "it could not be read: {why}"),
            Self::Rule(what) => write!(f, "it breaks a rule: {what}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(entry) = self.entry {
            write!(f, ", entry {entry}")?;
        }
        write!(f, ": {}", self.fault)?;
        if self.fault.is_unknown() { Ok(()) } else { write!(f, " ({})", self.remedy.advice()) }
    }
}

//! Withdrawals: do not use these files any more. What was logged stays.
//!
//! ```json
//! {"_type": "https://in-toto.io/Statement/v1",
//!  "subject": [{"name": "nova-27.0.0.tar.gz", "digest": {"sha256": "…"}}],
//!  "predicateType": "urn:wheeltap:withdrawal:v1",
//!  "predicate": {"purl": "pkg:pypi/nova@27.0.0", "reason": "compromised", "text": "CVE-…"}}
//! ```
//!
//! A wheel's metadata goes with it and is not named. A withdrawal is for ever: whoever
//! withdrew by mistake releases a new version.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{
    StatementError, WITHDRAWAL_PREDICATE, WireStatement, WireSubject, check_count, check_text, encode, field,
    json, parse_purl, purl,
};
use crate::artifact::{FileName, ProjectName, Version};
use crate::hash::Hash;

/// Files of one version that are not to be used any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Withdrawal {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// The files.
    pub files: Vec<WithdrawnFile>,
    /// Why, for programs.
    pub reason: Reason,
    /// Why, for people: one line.
    pub text: String,
}

/// One file that is withdrawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WithdrawnFile {
    /// Its name.
    pub name: FileName,
    /// The digest that is logged of it.
    pub sha256: Hash,
}

/// Why files are withdrawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Somebody else had a hand in it.
    Compromised,
    /// It should not have been released.
    Mistake,
    /// Another version is to be used.
    Superseded,
    /// It may not be distributed.
    Legal,
}

#[derive(Serialize, Deserialize)]
struct WireWithdrawal {
    purl: String,
    reason: Reason,
    text: String,
}

impl Withdrawal {
    /// The payload that says this.
    pub fn to_payload(&self) -> Vec<u8> {
        let subject = self.files.iter().map(|file| WireSubject::new(&file.name, file.sha256, None));
        let purl = purl(&self.project, &self.version);
        let predicate = WireWithdrawal { purl, reason: self.reason, text: self.text.clone() };
        encode(subject.collect(), WITHDRAWAL_PREDICATE, &predicate)
    }

    /// The file called `name`, or, for the metadata of a wheel, that wheel.
    pub fn file(&self, name: &FileName) -> Option<&WithdrawnFile> {
        let wheel = name.metadata_of();
        let name = wheel.as_ref().unwrap_or(name);
        self.files.iter().find(|file| file.name == *name)
    }

    pub(super) fn from_wire(wire: &WireStatement<'_>) -> Result<Self, StatementError> {
        let predicate: WireWithdrawal =
            serde_json::from_str(wire.predicate.get()).map_err(|error| json(&error))?;
        let (project, version) =
            parse_purl(&predicate.purl).map_err(|problem| field("predicate.purl", problem))?;
        check_count(&wire.subject)?;
        check_text("predicate.text", &predicate.text)?;
        let mut files = Vec::with_capacity(wire.subject.len());
        let mut names = BTreeSet::new();
        for (i, subject) in wire.subject.iter().enumerate() {
            let name = subject.parse_name(i, &project, &version)?;
            let at = |problem: &str| Err(field(&format!("subject[{i}].name"), problem.to_owned()));
            if name.is_metadata() {
                return at("name the wheel; its metadata goes with it");
            }
            if !names.insert(name.clone()) {
                return at("this file is there twice");
            }
            files.push(WithdrawnFile { name, sha256: subject.digest.parse(i)? });
        }
        Ok(Self { project, version, files, reason: predicate.reason, text: predicate.text })
    }
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Compromised, Self::Mistake, Self::Superseded, Self::Legal];

    /// The word in the statement.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compromised => "compromised",
            Self::Mistake => "mistake",
            Self::Superseded => "superseded",
            Self::Legal => "legal",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

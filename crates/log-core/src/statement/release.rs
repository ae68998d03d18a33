//! Releases: these files are ALL files of version V of project P.
//!
//! ```json
//! "predicate": {"purl": "pkg:pypi/nova@27.0.0",
//!               "source": {"repository": "https://opendev.org/openstack/nova",
//!                          "tag": "27.0.0", "commit": "<40 or 64 hex digits>"}}
//! ```
//!
//! A version may have several statements, for files that come later; each lists the
//! earlier files, too (`rules::check_grows`), so the newest one is the whole list.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    RELEASE_PREDICATE, StatementError, WireStatement, WireSubject, check_count, check_text, encode, field,
    json, parse_purl, purl,
};
use crate::artifact::{FileName, ProjectName, Version};
use crate::hash::Hash;

/// The files of one version of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// Its files, in the statement's order.
    pub files: Vec<ReleaseFile>,
    /// What they were made from.
    pub source: Option<Source>,
}

/// One file of a release, or the metadata of a wheel (`<wheel>.metadata`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseFile {
    /// The name under which it is published.
    pub name: FileName,
    /// The digest of its bytes.
    pub sha256: Hash,
    /// How many bytes it has.
    pub size: Option<u64>,
}

/// Where a release was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// The repository's URL.
    pub repository: String,
    /// The tag, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// The commit: 40 or 64 lower-case hex digits.
    pub commit: String,
}

#[derive(Serialize, Deserialize)]
struct WireRelease {
    purl: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    source: Option<Source>,
}

impl Release {
    /// The payload that says this.
    pub fn to_payload(&self) -> Vec<u8> {
        let subject = self.files.iter().map(|file| WireSubject::new(&file.name, file.sha256, file.size));
        let predicate = WireRelease { purl: purl(&self.project, &self.version), source: self.source.clone() };
        encode(subject.collect(), RELEASE_PREDICATE, &predicate)
    }

    /// The files that an index lists; the metadata of wheels is not among them.
    pub fn artifacts(&self) -> impl Iterator<Item = &ReleaseFile> {
        self.files.iter().filter(|file| !file.name.is_metadata())
    }

    /// The file called `name`.
    pub fn file(&self, name: &FileName) -> Option<&ReleaseFile> {
        self.files.iter().find(|file| file.name == *name)
    }

    pub(super) fn from_wire(wire: &WireStatement<'_>) -> Result<Self, StatementError> {
        let predicate: WireRelease =
            serde_json::from_str(wire.predicate.get()).map_err(|error| json(&error))?;
        let (project, version) =
            parse_purl(&predicate.purl).map_err(|problem| field("predicate.purl", problem))?;
        check_count(&wire.subject)?;
        let mut files = Vec::with_capacity(wire.subject.len());
        for (i, subject) in wire.subject.iter().enumerate() {
            let name = subject.parse_name(i, &project, &version)?;
            let size = subject.annotations.as_ref().and_then(|annotations| annotations.size);
            files.push(ReleaseFile { name, sha256: subject.digest.parse(i)?, size });
        }
        let mut names = BTreeSet::new();
        for (i, file) in files.iter().enumerate() {
            if !names.insert(&file.name) {
                let problem = format!("{:?} is there twice", file.name.as_str());
                return Err(field(&format!("subject[{i}].name"), problem));
            }
        }
        for (i, file) in files.iter().enumerate() {
            if file.name.metadata_of().is_some_and(|wheel| !names.contains(&wheel)) {
                let problem = "the wheel that this metadata belongs to is not a subject".to_owned();
                return Err(field(&format!("subject[{i}].name"), problem));
            }
        }
        predicate.source.iter().try_for_each(Source::check)?;
        Ok(Self { project, version, files, source: predicate.source })
    }
}

impl Source {
    fn check(&self) -> Result<(), StatementError> {
        check_text("predicate.source.repository", &self.repository)?;
        self.tag.iter().try_for_each(|tag| check_text("predicate.source.tag", tag))?;
        let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if matches!(self.commit.len(), 40 | 64) && self.commit.bytes().all(digits) {
            return Ok(());
        }
        Err(field("predicate.source.commit", "expected 40 or 64 lower-case hex digits".into()))
    }
}

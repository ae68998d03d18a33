//! The JSON of the log's write and look-up interface, for both ends.
//!
//! Binary values are padded standard base64, digests lower-case hex, indices
//! decimal numbers. Errors are RFC 9457 problem documents ([`Problem`]).

use serde::{Deserialize, Serialize};

use crate::artifact::{FileName, ProjectName, Version};
use crate::basis::Basis;
use crate::entry::IndexKey;
use crate::hash::{Hash, decode_base64, encode_base64};
use crate::map_proof::MapProofJson;
use crate::proof_file::ProvenEntry;

/// Where statements are submitted.
pub const STATEMENTS_PATH: &str = "api/v1/statements";
/// Where a log server has the log's public key, below its URL; beside `checkpoint`, so
/// that a static copy may have it, too. Whoever reads it there knows no more than that
/// somebody says so; the policies, which the roots sign, name the key.
pub const LOG_KEY_PATH: &str = "log.pub";
/// Where look-ups are answered.
pub const LOOKUP_PATH: &str = "api/v1/lookup";

/// The media type of a submission of several statements, one a line, and of its answer.
pub const JSON_LINES: &str = "application/jsonl";

/// The answer to an accepted submission.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Receipt {
    /// The entry's index.
    pub index: u64,
    /// Whether the statement was there already.
    pub status: ReceiptStatus,
    /// The entry, in base64.
    #[cfg_attr(feature = "openapi", schema(max_length = 87380))]
    pub entry: String,
    /// A C2SP tlog-proof file with everything needed to verify offline.
    pub proof: String,
}

/// Whether a submission was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ReceiptStatus {
    /// It is a new entry.
    Logged,
    /// The same payload was logged before; index and proof are the original's.
    AlreadyLogged,
}

/// The answer (202) to a submission whose entry is committed, and not in a published
/// checkpoint yet: too few witnesses have cosigned in time. It will not get lost; the
/// same submission again is answered with the receipt when it is published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Committed {
    /// The entry's index.
    pub index: u64,
}

/// One line of the answer to JSON lines: what became of the statement in its place. After
/// the last of them comes one [`BatchEnd`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum BatchLine {
    /// It is in the published tree of the closing line.
    Logged(BatchReceipt),
    /// It is committed, and not published yet.
    Committed(Committed),
    /// It was refused, or could not be taken.
    Problem(Box<Problem>),
}

/// A receipt that shares checkpoint and basis with others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchReceipt {
    /// The entry's index.
    pub index: u64,
    /// Whether the statement was there already.
    pub status: ReceiptStatus,
    /// The entry in base64, when it is not the submitted envelope in its canonical
    /// spelling: the statement was logged before with other signatures.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(max_length = 87380))]
    pub entry: Option<String>,
    /// Its inclusion proof in the tree of the closing line, leaf side first, in base64.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub proof: Vec<String>,
}

/// The last line of the answer to JSON lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BatchEnd {
    /// The checkpoint that all proofs lead to.
    pub checkpoint: String,
    /// What the entries are judged on.
    pub basis: Basis,
}

/// A look-up request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LookupRequest {
    /// What is asked for; 1 to 1,000.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 1000))]
    pub keys: Vec<LookupKey>,
}

/// What somebody wants to know everything about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum LookupKey {
    /// The statements that name this file of this project.
    File {
        /// The project.
        project: ProjectName,
        /// The file's name.
        name: FileName,
        /// The first index of interest.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::index))]
        from: u64,
    },
    /// The statements that give any file this SHA-256.
    Digest {
        /// The digest, in lower-case hex.
        sha256: HexDigest,
        /// The first index of interest.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::index))]
        from: u64,
    },
    /// The statements about a version of a project.
    Release {
        /// The project.
        project: ProjectName,
        /// The version; spellings that PEP 440 holds equal are one release.
        version: Version,
        /// The first index of interest.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::index))]
        from: u64,
    },
    /// The statements about a project.
    Project {
        /// The project.
        name: ProjectName,
        /// The first index of interest.
        #[serde(default)]
        #[cfg_attr(feature = "openapi", schema(schema_with = crate::openapi::index))]
        from: u64,
    },
}

/// A SHA-256 in lower-case hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HexDigest(pub Hash);

/// The answer to a look-up: results in the order of the keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupAnswer {
    /// The checkpoint that all proofs lead to.
    pub checkpoint: String,
    /// What the entries are judged on.
    pub basis: Basis,
    /// Per key, which entries concern it.
    #[cfg_attr(feature = "openapi", schema(max_items = 1000))]
    pub results: Vec<LookupResult>,
    /// The entries that the results name, each once, ascending.
    #[cfg_attr(feature = "openapi", schema(max_items = 2000))]
    pub entries: Vec<EntryJson>,
}

/// The entries that concern one key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LookupResult {
    /// Their indices, ascending.
    #[cfg_attr(feature = "openapi", schema(max_items = 2000))]
    pub entries: Vec<u64>,
    /// The proof from the index of what the whole list is, or that it is empty.
    /// Digests, and the metadata of wheels, have no list there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub map: Option<MapProofJson>,
    /// Where to go on when the answer would have become too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An entry with its inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EntryJson {
    /// Its index.
    pub index: u64,
    /// Its bytes, in base64.
    #[cfg_attr(feature = "openapi", schema(max_length = 87380))]
    pub entry: String,
    /// Its inclusion proof, leaf side first, in base64.
    #[cfg_attr(feature = "openapi", schema(max_items = 64))]
    pub proof: Vec<String>,
}

/// An RFC 9457 problem document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// What kind of problem; `urn:wheeltap:problem:<kind>`.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(pattern = "^urn:wheeltap:problem:[a-z-]+$"))]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(minimum = 400, maximum = 599))]
    pub status: u16,
    /// What was wrong this time.
    pub detail: String,
    /// What to do next.
    pub next_step: String,
    /// The entry that is in the way (conflicts), with its proof.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Receipt>,
}

impl LookupKey {
    /// The first index of interest.
    pub fn from(&self) -> u64 {
        match self {
            Self::File { from, .. }
            | Self::Digest { from, .. }
            | Self::Release { from, .. }
            | Self::Project { from, .. } => *from,
        }
    }

    /// The key of the verifiable index that has the whole list; `None` for digests and
    /// the metadata of wheels.
    pub fn index_key(&self) -> Option<IndexKey> {
        match self {
            Self::File { name, .. } if name.is_metadata() => None,
            Self::File { project, name, .. } => Some(IndexKey::File(project.clone(), name.clone())),
            Self::Release { project, version, .. } => {
                Some(IndexKey::Release(project.clone(), version.clone()))
            }
            Self::Project { name, .. } => Some(IndexKey::Project(name.clone())),
            Self::Digest { .. } => None,
        }
    }

    /// The project that is asked about; digests are of no project.
    pub fn project(&self) -> Option<&ProjectName> {
        match self {
            Self::File { project, .. }
            | Self::Release { project, .. }
            | Self::Project { name: project, .. } => Some(project),
            Self::Digest { .. } => None,
        }
    }

    /// The same key from another index on.
    #[must_use]
    pub fn starting(mut self, index: u64) -> Self {
        match &mut self {
            Self::File { from, .. }
            | Self::Digest { from, .. }
            | Self::Release { from, .. }
            | Self::Project { from, .. } => *from = index,
        }
        self
    }
}

impl EntryJson {
    /// The JSON of an entry.
    pub fn new(proven: &ProvenEntry) -> Self {
        Self {
            index: proven.index,
            entry: encode_base64(&proven.entry),
            proof: proven.proof.iter().map(|hash| hash.to_base64()).collect(),
        }
    }

    /// The entry; `None` when a value is not the strict base64 it must be.
    pub fn decode(&self) -> Option<ProvenEntry> {
        Some(ProvenEntry {
            index: self.index,
            entry: decode_base64(&self.entry)?,
            proof: self.proof.iter().map(|hash| Hash::parse_base64(hash)).collect::<Option<_>>()?,
        })
    }
}

impl Serialize for HexDigest {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0.to_hex())
    }
}

impl<'de> Deserialize<'de> for HexDigest {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let hash = Hash::parse_hex(&text);
        hash.map(Self).ok_or_else(|| serde::de::Error::custom("sha256: expected 64 lower-case hex digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_strict() {
        let parse = |text: &str| serde_json::from_str::<LookupRequest>(text);
        let good = r#"{"keys":[{"file":{"project":"nova","name":"nova-1.tar.gz","from":7}},{"digest":{"sha256":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855","from":0}},{"project":{"name":"nova","from":0}}]}"#;
        let request = parse(good).expect("a request");
        assert_eq!(serde_json::to_string(&request).expect("JSON"), good);
        for (bad, names) in [
            (r#"{"keys":[{"file":{"project":"Nova","name":"a"}}]}"#, "Nova"),
            (r#"{"keys":[{"file":{"project":"nova","name":"a/b"}}]}"#, "a/b"),
            (r#"{"keys":[{"file":{"project":"nova"}}]}"#, "name"),
            (r#"{"keys":[{"digest":{"sha256":"E3"}}]}"#, "64 lower-case"),
            (r#"{"keys":[{"release":{"project":"nova","version":"v1"}}]}"#, "v1"),
            (r#"{"keys":[{"releases":"nova"}]}"#, "releases"),
            (r#"{"keys":[],"more":1}"#, "more"),
        ] {
            let error = parse(bad).expect_err(bad).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        }
    }
}

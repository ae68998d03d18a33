//! A project's page of a package index: Simple JSON (PEP 691), untrusted.
//!
//! ```json
//! {"meta": {"api-version": "1.1"},
//!  "name": "nova",
//!  "files": [{"filename": "nova-27.0.0-py3-none-any.whl",
//!             "url": "https://files.example/nova-27.0.0-py3-none-any.whl",
//!             "hashes": {"sha256": "…"},
//!             "core-metadata": {"sha256": "…"}}]}
//! ```
//!
//! Invariant: no file is lost on the way. What cannot be understood makes the
//! page an error, and a name that is no file name is kept as it is written, so
//! that an index cannot hide a file by spelling it badly.
//!
//! Every sha256 that an installer might go by is read: `hashes`, the fragment of
//! `url` (which pip prefers), and the metadata's digest in each spelling in use
//! (PEP 658, 691, 714). Left out: fetching; digests of other kinds, which the log does
//! not have; upload times, yanks and the project's status, which older servers do not send.
//!
//! [`Page`] is for those who compare an index with a log. Who passes a page on needs all
//! of it, from any server:
//!
//! | module | owns |
//! |---|---|
//! | [`offer`] | a page with all that installers go by |
//! | [`json`], [`html`] | reading one |
//! | `write` | writing one, in both forms |
//! | [`negotiate`] | which form a client likes best |

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::artifact::{FileName, ProjectName};
use crate::hash::{Hash, parse_decimal};

pub mod html;
pub mod json;
pub mod negotiate;
pub mod offer;
pub mod write;

pub use offer::{Offer, Offered, ProjectStatus};

/// The media type to ask for.
pub const MEDIA_TYPE: &str = "application/vnd.pypi.simple.v1+json";

/// Most files on a page.
pub const MAX_FILES: usize = 100_000;

/// Longest page: 100,000 files at 671 bytes. PyPI takes some 380 for a file, and
/// 250 more for the digest of its metadata and the address of its provenance.
pub const MAX_PAGE_BYTES: usize = 64 << 20;

/// How much of the index's text an error repeats.
pub const EXCERPT_CHARS: usize = 200;

/// What an index offers of a project.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// The files.
    pub files: BTreeMap<FileName, IndexFile>,
    /// What stands where a file name should, and is none. Any text.
    pub bad_names: BTreeSet<String>,
}

/// What an index says about a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndexFile {
    /// Its digest. None when the index gives no sha256, several when it
    /// contradicts itself.
    pub sha256: BTreeSet<Hash>,
    /// The same for the metadata beside it (`<file>.metadata`).
    pub metadata_sha256: BTreeSet<Hash>,
    /// Where it is, perhaps relative to the page. Any text.
    pub url: String,
    /// How many bytes it has; older servers do not say.
    pub size: Option<u64>,
}

/// Why an answer is not a page of the project. What the index wrote is escaped
/// and cut short.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PageError {
    /// HTML instead of JSON.
    #[error("the index does not speak Simple JSON (PEP 691): it answered with HTML")]
    Html,
    /// Not the JSON of a page.
    #[error("not a Simple JSON page (PEP 691): {0}")]
    Json(String),
    /// A version of the format that may mean something else.
    #[error("the page has API version \"{0}\", expected 1.x")]
    ApiVersion(String),
    /// Another project's page.
    #[error("the page is that of project \"{0}\"")]
    OtherProject(String),
    /// One name, two files: it depends on the reader which one counts.
    #[error("the page lists the file \"{0}\" twice")]
    DuplicateFile(String),
    /// A sha256 that cannot be one.
    #[error("the page gives \"{file}\" a sha256 that is not 64 lower-case hex digits: \"{found}\"")]
    Digest {
        /// Which file.
        file: String,
        /// What it has.
        found: String,
    },
}

impl Page {
    /// Reads the page of `project`, of at most [`MAX_PAGE_BYTES`].
    pub fn parse(project: &ProjectName, body: &[u8]) -> Result<Self, PageError> {
        if body.trim_ascii_start().starts_with(b"<") {
            return Err(PageError::Html);
        }
        if body.len() > MAX_PAGE_BYTES {
            return Err(PageError::Json(format!("it has more than {MAX_PAGE_BYTES} bytes")));
        }
        let Object(wire): Object<WirePage> =
            serde_json::from_slice(body).map_err(|error| PageError::Json(excerpt(&error.to_string())))?;
        let api_version = &wire.meta.0.api_version;
        let version = api_version.split_once('.').map(|(major, minor)| (major, parse_decimal(minor)));
        let Some(("1", Some(_))) = version else {
            return Err(PageError::ApiVersion(excerpt(api_version)));
        };
        if ProjectName::normalise(&wire.name).as_ref() != Ok(project) {
            return Err(PageError::OtherProject(excerpt(&wire.name)));
        }
        let mut page = Self::default();
        for Object(file) in wire.files.0 {
            let new = match FileName::parse(&file.filename) {
                Ok(name) => page.files.insert(name, file.digests()?).is_none(),
                Err(_) => page.bad_names.insert(file.filename.clone()),
            };
            if !new {
                return Err(PageError::DuplicateFile(excerpt(&file.filename)));
            }
        }
        Ok(page)
    }

    /// How many files there are, whatever their names.
    pub fn len(&self) -> usize {
        self.files.len() + self.bad_names.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The URL of a project's page below that of an index.
pub fn project_url(index: &str, project: &ProjectName) -> String {
    format!("{}/{project}/", index.trim_end_matches('/'))
}

#[derive(Deserialize)]
struct WirePage {
    meta: Object<WireMeta>,
    name: String,
    files: Files<WireFile>,
}

#[derive(Deserialize)]
struct WireMeta {
    #[serde(rename = "api-version")]
    api_version: String,
}

#[derive(Deserialize)]
struct WireFile {
    filename: String,
    #[serde(default)]
    url: String,
    size: Option<u64>,
    #[serde(default)]
    hashes: Object<WireHashes>,
    #[serde(rename = "core-metadata")]
    core_metadata: Option<WireMetadata>,
    #[serde(rename = "dist-info-metadata")]
    dist_info_metadata: Option<WireMetadata>,
    #[serde(rename = "data-dist-info-metadata")]
    data_dist_info_metadata: Option<WireMetadata>,
}

#[derive(Deserialize, Default)]
struct WireHashes {
    sha256: Option<String>,
}

/// `true` and `false` say only whether there is metadata.
#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a boolean or hashes as metadata")]
enum WireMetadata {
    Offered(#[allow(dead_code, reason = "nothing to compare")] bool),
    Hashed(Object<WireHashes>),
}

impl WireFile {
    fn digests(&self) -> Result<IndexFile, PageError> {
        // pip looks for it after any `#` or `&`.
        let in_url = self.url.split(['#', '&']).skip(1).filter_map(|part| part.strip_prefix("sha256="));
        let metadata = [&self.core_metadata, &self.dist_info_metadata, &self.data_dist_info_metadata];
        let metadata = metadata.into_iter().filter_map(|metadata| match metadata {
            Some(WireMetadata::Hashed(Object(hashes))) => hashes.sha256.as_deref(),
            Some(WireMetadata::Offered(_)) | None => None,
        });
        Ok(IndexFile {
            sha256: self.parse_all(self.hashes.0.sha256.as_deref().into_iter().chain(in_url))?,
            metadata_sha256: self.parse_all(metadata)?,
            url: self.url.clone(),
            size: self.size,
        })
    }

    fn parse_all<'a>(&self, digests: impl Iterator<Item = &'a str>) -> Result<BTreeSet<Hash>, PageError> {
        let bad = |found| PageError::Digest { file: excerpt(&self.filename), found: excerpt(found) };
        digests.map(|digest| Hash::parse_hex(digest).ok_or_else(|| bad(digest))).collect()
    }
}

/// A JSON object; serde alone would also read a struct from an array of its
/// fields' values, which no installer does.
#[derive(Default)]
struct Object<T>(T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = Object<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map)).map(Object)
            }
        }

        from.deserialize_map(ObjectVisitor(PhantomData))
    }
}

/// At most [`MAX_FILES`]; reading stops at the first one too many.
struct Files<T>(Vec<Object<T>>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Files<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct FilesVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for FilesVisitor<T> {
            type Value = Files<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of files")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut files = Vec::new();
                while let Some(file) = seq.next_element()? {
                    if files.len() == MAX_FILES {
                        return Err(A::Error::custom(format_args!("it lists more than {MAX_FILES} files")));
                    }
                    files.push(file);
                }
                Ok(Files(files))
            }
        }

        from.deserialize_seq(FilesVisitor(PhantomData))
    }
}

/// The start of the index's text, in printable ASCII.
fn excerpt(text: &str) -> String {
    let mut short = escaped(text.chars().take(EXCERPT_CHARS));
    if text.chars().nth(EXCERPT_CHARS).is_some() {
        short.push_str("...");
    }
    short
}

/// Text from the index in printable ASCII; different texts stay different.
pub fn escaped(text: impl Iterator<Item = char>) -> String {
    let mut escaped = String::new();
    for c in text {
        match c {
            ' '..='~' if c != '\\' => escaped.push(c),
            _ => escaped.extend(c.escape_default()),
        }
    }
    escaped
}

#[cfg(test)]
mod round_trips;
#[cfg(test)]
mod tests;

//! Reading a page in JSON (PEP 691), from `PyPI` and from servers that say far less.
//!
//! Invariant: the number of files, their digests and the bytes are bounded before they
//! are kept; an API version other than 1.x is an error, whatever else the page says.

use serde::Deserialize;

use super::offer::{Digests, MAX_DIGESTS, Offer, Offered, ProjectStatus, add};
use super::{Files, MAX_PAGE_BYTES, Object, PageError, excerpt};
use crate::artifact::ProjectName;
use crate::hash::parse_decimal;

/// Reads the page of `project`, of at most [`MAX_PAGE_BYTES`].
pub fn parse(project: &ProjectName, body: &[u8]) -> Result<Offer, PageError> {
    if body.len() > MAX_PAGE_BYTES {
        return Err(PageError::Json(format!("it has more than {MAX_PAGE_BYTES} bytes")));
    }
    let Object(wire): Object<WireOffer> =
        serde_json::from_slice(body).map_err(|error| PageError::Json(excerpt(&error.to_string())))?;
    let Object(WireOfferMeta { api_version, status: in_meta }) = wire.meta;
    let minor = api_minor(&api_version)?;
    if ProjectName::normalise(&wire.name).as_ref() != Ok(project) {
        return Err(PageError::OtherProject(excerpt(&wire.name)));
    }
    // The specification's text has it at the top, its example in `meta`.
    let status = wire.status.or(in_meta).map(|Object(status)| status);
    Ok(Offer {
        minor,
        base: None,
        status: status
            .and_then(|WireStatus { status, reason }| Some(ProjectStatus { status: status?, reason })),
        versions: wire.versions,
        files: wire.files.0.into_iter().map(|Object(file)| file.into()).collect(),
    })
}

/// The minor version of `1.x`.
pub(super) fn api_minor(version: &str) -> Result<u64, PageError> {
    match version.split_once('.').map(|(major, minor)| (major, parse_decimal(minor))) {
        Some(("1", Some(minor))) => Ok(minor),
        _ => Err(PageError::ApiVersion(excerpt(version))),
    }
}

#[derive(Deserialize)]
struct WireOffer {
    meta: Object<WireOfferMeta>,
    name: String,
    #[serde(rename = "project-status")]
    status: Option<Object<WireStatus>>,
    versions: Option<Vec<String>>,
    files: Files<WireOffered>,
}

#[derive(Deserialize)]
struct WireOfferMeta {
    #[serde(rename = "api-version")]
    api_version: String,
    #[serde(rename = "project-status")]
    status: Option<Object<WireStatus>>,
}

#[derive(Deserialize)]
struct WireStatus {
    status: Option<String>,
    reason: Option<String>,
}

#[derive(Deserialize)]
struct WireOffered {
    filename: String,
    #[serde(default)]
    url: String,
    hashes: Option<WireDigests>,
    #[serde(rename = "requires-python")]
    requires_python: Option<String>,
    size: Option<u64>,
    #[serde(rename = "upload-time")]
    upload_time: Option<String>,
    yanked: Option<WireYanked>,
    #[serde(rename = "core-metadata")]
    core_metadata: Option<WireOfferedMetadata>,
    #[serde(rename = "dist-info-metadata")]
    dist_info_metadata: Option<WireOfferedMetadata>,
    #[serde(rename = "data-dist-info-metadata")]
    data_dist_info_metadata: Option<WireOfferedMetadata>,
    provenance: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a boolean or a reason as `yanked`")]
enum WireYanked {
    Flag(bool),
    Reason(String),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a boolean or hashes as metadata")]
enum WireOfferedMetadata {
    Flag(bool),
    Digests(WireDigests),
}

/// A JSON object of at most [`MAX_DIGESTS`] texts.
struct WireDigests(Digests);

impl<'de> Deserialize<'de> for WireDigests {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;

        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = WireDigests;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object of digests")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut digests = Vec::new();
                while let Some((algorithm, digest)) = map.next_entry::<String, String>()? {
                    if digests.len() == MAX_DIGESTS {
                        return Err(serde::de::Error::custom("a file has too many digests"));
                    }
                    add(&mut digests, &algorithm, &digest);
                }
                Ok(WireDigests(digests))
            }
        }

        from.deserialize_map(Visitor)
    }
}

impl From<WireOffered> for Offered {
    fn from(wire: WireOffered) -> Self {
        // PEP 714: the newer spelling goes before the older ones.
        let metadata = wire.core_metadata.or(wire.dist_info_metadata).or(wire.data_dist_info_metadata);
        let mut file = Self {
            name: wire.filename,
            url: String::new(),
            digests: wire.hashes.map(|WireDigests(digests)| digests).unwrap_or_default(),
            requires_python: wire.requires_python,
            size: wire.size,
            upload_time: wire.upload_time,
            yanked: wire.yanked.and_then(|yanked| match yanked {
                WireYanked::Flag(yanked) => yanked.then(String::new),
                WireYanked::Reason(reason) => Some(reason),
            }),
            metadata: metadata.and_then(|metadata| match metadata {
                WireOfferedMetadata::Flag(offered) => offered.then(Vec::new),
                WireOfferedMetadata::Digests(WireDigests(digests)) => Some(digests),
            }),
            provenance: wire.provenance,
        };
        file.set_url(&wire.url);
        file
    }
}

//! Versions.
//!
//! Invariant: a [`Version`] holds the normalised spelling of a PEP 440 version
//! of at most [`MAX_VERSION_BYTES`], with trailing zeros as written (`27.0.0`).
//! Comparing and hashing follow the meaning: `1.0` equals `1.0.0`, and both
//! have the same [`Version::canonical`] spelling.
//!
//! Grammar and order are `pep440_rs`'s. Where it differs from the reference,
//! Python `packaging`, this module corrects or refuses: a local number above
//! `u64` (it becomes text), `.dev` with the greatest `u64` (it counts as no
//! `.dev` at all), a vertical tab as outer white space. Stricter than both:
//! outer white space beyond ASCII is an error.
//!
//! Left out: version specifiers (`>=1.0`), and legacy versions that are not
//! PEP 440.
//!
//! Specification: PEP 440, "Normalization" and "Summary of permitted suffixes
//! and relative ordering".

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use pep440_rs::LocalSegment;

use super::excerpt;
use crate::limits::MAX_VERSION_BYTES;

/// The outer white space PEP 440 ignores.
const WHITE_SPACE: [char; 6] = [' ', '\t', '\n', '\r', '\x0b', '\x0c'];

/// A PEP 440 version.
#[derive(Clone, Debug)]
pub struct Version {
    text: String,
    parts: pep440_rs::Version,
}

/// Why a text is not a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields hold")]
pub enum VersionError {
    /// Too long as written (then refused before parsing), or when normalised.
    #[error("version {value:?} takes {len} bytes, expected at most {MAX_VERSION_BYTES}")]
    TooLong { value: String, len: usize },
    /// Not a version in any spelling.
    #[error("version {value:?} is not valid, expected PEP 440 with numbers below 2^64 - 1")]
    Invalid { value: String },
    /// A valid version in another spelling than the normalised one.
    #[error("version {value:?} is not normalised, expected {expected:?}")]
    NotNormalised { value: String, expected: String },
}

impl Version {
    /// Accepts the normalised spelling only: `1.0.post1`, not `1.0-1`.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let version = Self::normalise(text)?;
        if version.text == text {
            Ok(version)
        } else {
            Err(VersionError::NotNormalised { value: excerpt(text), expected: version.text })
        }
    }

    /// Accepts any spelling PEP 440 allows, as in `v1.0-RC.1`.
    pub fn normalise(raw: &str) -> Result<Self, VersionError> {
        let bound = |len| match len {
            0..=MAX_VERSION_BYTES => Ok(()),
            _ => Err(VersionError::TooLong { value: excerpt(raw), len }),
        };
        let invalid = || VersionError::Invalid { value: excerpt(raw) };

        bound(raw.len())?;
        let parts = pep440_rs::Version::from_str(raw.trim_matches(WHITE_SPACE)).map_err(|_| invalid())?;
        if parts.dev() == Some(u64::MAX) || parts.local().iter().any(is_overflowed) {
            return Err(invalid());
        }
        let text = parts.to_string();
        bound(text.len())?;
        Ok(Self { text, parts })
    }

    /// The normalised spelling, with trailing zeros as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The spelling shared by all equal versions: normalised, without trailing
    /// zeros in the release (`1` for `1.0.0`).
    ///
    /// It is `packaging.utils.canonicalize_version(v)`.
    pub fn canonical(&self) -> String {
        let mut release = self.parts.release();
        while let [significant @ .., 0] = release
            && !significant.is_empty()
        {
            release = significant;
        }
        self.parts.clone().with_release(release).to_string()
    }

    /// The epoch: 1 in `1!2.0`, usually 0.
    pub fn epoch(&self) -> u64 {
        self.parts.epoch()
    }

    /// Whether it has an alpha, beta or candidate part, as `1.0rc1` does; a
    /// development release alone is not one.
    pub fn is_pre(&self) -> bool {
        self.parts.is_pre()
    }

    /// Whether it has a post-release part, as `1.0.post1` does.
    pub fn is_post(&self) -> bool {
        self.parts.is_post()
    }

    /// Whether it has a development part, as `1.0.dev1` does.
    pub fn is_dev(&self) -> bool {
        self.parts.is_dev()
    }

    /// Whether it has a local label, as `1.0+deb9` does; `PyPI` takes none.
    pub fn is_local(&self) -> bool {
        self.parts.is_local()
    }
}

/// Whether `pep440_rs` kept a number as text because it exceeds `u64`.
fn is_overflowed(segment: &LocalSegment) -> bool {
    match segment {
        LocalSegment::String(text) => text.bytes().all(|byte| byte.is_ascii_digit()),
        LocalSegment::Number(_) => false,
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.parts == other.parts
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.parts.cmp(&other.parts)
    }
}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.parts.hash(state);
    }
}

impl_text_traits!(Version);

#[cfg(test)]
mod tests;

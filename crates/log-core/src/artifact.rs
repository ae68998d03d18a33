//! What a release artifact is called: project, version and file name.
//!
//! Invariant: a [`ProjectName`] and a [`Version`] hold the normalised spelling
//! of what they name, and a [`FileName`] is safe as the last part of a path.
//! Projects are equal when their bytes are; versions also when they differ in
//! trailing zeros only, see [`Version::canonical`].
//!
//! `parse` accepts exactly the spelling held; `normalise` takes those met in
//! the wild.
//!
//! Left out: the contents of artifacts, which tags an interpreter accepts,
//! and whether a project exists.
//!
//! Specifications: PEP 503 (names), PEP 440 (versions), PEP 427 and the binary
//! distribution format (wheels), PEP 625 (sdists).

/// What the types below share, given their `as_str` and `parse`.
macro_rules! impl_text_traits {
    ($type:ty) => {
        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl AsRef<str> for $type {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

mod file_name;
mod name;
mod version;

pub use file_name::{ArtifactKind, FileName, FileNameError, WheelName, candidates, version_of};
pub use name::{NameError, ProjectName};
pub use version::{Version, VersionError};

/// How much of an offending value an error repeats.
const EXCERPT_CHARS: usize = 128;

/// The start of `value`, short enough for an error message.
fn excerpt(value: &str) -> String {
    match value.char_indices().nth(EXCERPT_CHARS) {
        Some((end, _)) => format!("{}...", &value[..end]),
        None => value.to_owned(),
    }
}

#[cfg(test)]
mod vectors {
    //! What Python `packaging` says; see `tests/vectors/artifact.py`.

    use serde::de::DeserializeOwned;

    const JSON: &str = include_str!("../../../tests/vectors/artifact.json");

    /// The vectors listed under `key`.
    pub(super) fn list<T: DeserializeOwned>(key: &str) -> Vec<T> {
        let mut all: serde_json::Value = serde_json::from_str(JSON).unwrap();
        serde_json::from_value(all[key].take()).unwrap()
    }
}

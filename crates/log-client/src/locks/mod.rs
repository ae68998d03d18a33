//! What somebody else's file wants installed: requirements, lock files, plans.
//!
//! | module | owns |
//! |---|---|
//! | [`requirements`] | pip's requirements files, line by line |
//! | [`pylock`] | `pylock.toml` (PEP 751) |
//! | [`uv`], [`poetry`], [`pdm`], [`pipfile`] | the lock files of these tools |
//! | [`report`] | pip's installation report: a plan |
//! | [`installed`] | the metadata of what is installed |
//! | [`recorded`] | the files that were installed, and their digests |
//! | [`kind`] | which of them a file is |
//! | [`text`] | what they share: hashes, URLs, places in a file |
//! | [`agree`] | whether what an entry says of itself goes together |
//! | [`conclude`] | the verdict on an entry, from facts that are proven |
//! | [`pin`] | requirements rewritten with the log's hashes |
//!
//! Everything here is a pure function of bytes. Invariants: nothing that an installer
//! might take is lost on the way, so what is not understood makes the whole file an error,
//! or its entry one without a verdict; a hash that is not a SHA-256 is kept, since an
//! installer may go by it.
//!
//! Left out: which entries an installer chooses on this machine (markers, tags, groups and
//! extras). All of them are judged.

use log_core::artifact::{ProjectName, Version};
use log_core::hash::Hash;
use thiserror::Error;

pub mod agree;
pub mod conclude;
pub mod installed;
pub mod kind;
pub mod pdm;
pub mod pin;
pub mod pipfile;
pub mod poetry;
pub mod pylock;
pub mod recorded;
pub mod report;
pub mod requirements;
pub mod text;
pub mod uv;

pub use kind::LockKind;

/// Longest lock file: 10,000 packages with 3 KiB of files each. The longest met in the
/// wild have some 8 MB.
pub const MAX_LOCK_BYTES: usize = 32 << 20;

/// Most entries of a lock file: ten look-ups of 1,000 keys.
pub const MAX_WANTED: usize = 10_000;

/// Most files and hashes of all entries of a lock file: 20 for each entry, as for a
/// project with wheels for many platforms.
pub const MAX_PERMITTED: usize = 200_000;

/// One thing that is to be installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it is asked for.
    pub place: Place,
    /// The project; `None` when only a URL or path is given.
    pub project: Option<ProjectName>,
    /// Which version.
    pub version: Pin,
    /// Where an installer gets it.
    pub origin: Origin,
    /// What an installer may take: any one of these. With none it may take any file.
    pub permits: Vec<Permitted>,
}

/// Where something stands in a file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// On this line, counted from 1.
    Line(usize),
    /// Under this key.
    Key(String),
}

/// Which version is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pin {
    /// None is said, or a range.
    Open,
    /// This one.
    Version(Version),
    /// This one, which is no PEP 440 version, so that the log cannot have it.
    Odd(String),
}

/// Where an installer gets something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// From a package index: this one, when the file says which.
    Index(Option<String>),
    /// The one archive at a URL or path.
    Archive,
    /// From a repository.
    Repository(String),
    /// From a directory of this machine.
    Directory(String),
}

/// A file that an installer may take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Permitted {
    /// Its name, as it is written.
    pub name: Option<String>,
    /// Its URL or path, as it is written.
    pub url: Option<String>,
    /// Its hashes. An installer may be content with any one of them; with none it takes
    /// whatever comes.
    pub digests: Vec<Digest>,
}

/// A hash that is good enough for an installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Digest {
    /// The kind that the log has.
    Sha256(Hash),
    /// Of another algorithm, of which the log has none.
    Other(String),
}

/// Why a file cannot be understood. What it repeats of the file is escaped and cut short.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{what}", place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default())]
pub struct LockError {
    /// Where, as far as it is known.
    pub place: Option<Place>,
    /// What is wrong.
    pub what: String,
}

impl LockError {
    /// An error at a place.
    pub fn at(place: &Place, what: impl Into<String>) -> Self {
        Self { place: Some(place.clone()), what: what.into() }
    }

    /// An error of the whole file.
    pub fn whole(what: impl Into<String>) -> Self {
        Self { place: None, what: what.into() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Key(key) => f.write_str(key),
        }
    }
}

impl Pin {
    /// The version that a file writes down.
    pub fn of(text: &str) -> Self {
        Version::normalise(text).map_or_else(|_| Self::Odd(text::excerpt(text)), Self::Version)
    }

    /// The version, when there is one that the log may have.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::Version(version) => Some(version),
            Self::Open | Self::Odd(_) => None,
        }
    }
}

impl Digest {
    /// The hash, when it is of the kind that the log has.
    pub fn sha256(&self) -> Option<Hash> {
        match self {
            Self::Sha256(hash) => Some(*hash),
            Self::Other(_) => None,
        }
    }
}

impl Wanted {
    /// `nova 27.0.0`, for messages.
    pub fn title(&self) -> String {
        let name = match (&self.project, &self.origin) {
            (Some(project), _) => project.to_string(),
            (None, Origin::Directory(path) | Origin::Repository(path)) => text::excerpt(path),
            (None, Origin::Archive | Origin::Index(_)) => {
                let url = self.permits.iter().find_map(|file| file.url.as_deref().or(file.name.as_deref()));
                text::excerpt(url.unwrap_or("(nameless)"))
            }
        };
        match &self.version {
            Pin::Version(version) => format!("{name} {version}"),
            Pin::Odd(version) => format!("{name} {version}"),
            Pin::Open => name,
        }
    }
}

/// Checks the bounds that hold for every kind of file.
fn bounded(wanted: Vec<Wanted>) -> Result<Vec<Wanted>, LockError> {
    if wanted.len() > MAX_WANTED {
        return Err(LockError::whole(format!("it has more than {MAX_WANTED} entries")));
    }
    if wanted.iter().map(|wanted| wanted.permits.len()).sum::<usize>() > MAX_PERMITTED {
        return Err(LockError::whole(format!("it has more than {MAX_PERMITTED} files")));
    }
    Ok(wanted)
}

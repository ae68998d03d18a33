//! File names, and what they say about project and version.
//!
//! Invariant: a [`FileName`] is 1 to [`MAX_FILE_NAME_BYTES`] printable ASCII
//! characters without white space or slashes, and starts with neither `.` nor
//! `-`: safe as the last part of a path and as a command line argument. It
//! still needs escaping in URLs, HTML and shells.
//!
//! A wheel states its project and version. Every other name must be split, and
//! only the project tells where: `foo-1-2.tar.gz` is 2 of `foo-1` and 1.post2
//! of `foo`. Ask [`version_of`] when the project is known, as it is for a file
//! listed by an index; [`candidates`] when it is not.
//!
//! Left out: the contents of the file, which can disagree with its name; wheel
//! variants (PEP 825, draft), whose names are refused; and sdist-like archives
//! of built files (`foo-1.0.linux-x86_64.tar.gz`), which have no version here.
//!
//! Specification: binary distribution format, "File name convention" (PEP 427);
//! PEP 625 for today's sdists. Older names follow no specification.

use super::{ProjectName, Version, excerpt};
use crate::limits::MAX_FILE_NAME_BYTES;

/// The name of a file as uploaded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(String);

/// What sort of artifact a file is, going by its extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ArtifactKind {
    /// A source distribution.
    Sdist,
    /// A built distribution in today's format.
    Wheel,
    /// A built distribution in a format `PyPI` no longer takes.
    Legacy,
}

/// The parts of a wheel's file name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WheelName {
    /// The project as spelled in the file name: `Foo.bar` or `foo_bar`.
    pub distribution: String,
    /// The project.
    pub project: ProjectName,
    /// The version.
    pub version: Version,
    /// The build tag; it starts with a digit.
    pub build: Option<String>,
    /// The interpreter tags, joined by `.`.
    pub python: String,
    /// The ABI tags, joined by `.`.
    pub abi: String,
    /// The platform tags, joined by `.`.
    pub platform: String,
}

/// Why a text is not a file name, or says nothing about a project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields hold")]
pub enum FileNameError {
    /// Refused before looking at the characters.
    #[error("file name {file:?} has {len} bytes, expected 1 to {MAX_FILE_NAME_BYTES}")]
    Length { file: String, len: usize },
    /// It could be taken for a path or an option, or does not print.
    #[error(
        "file name {file:?} is not valid, expected printable ASCII without spaces, `/` or `\\`, \
         not starting with `.` or `-`"
    )]
    Character { file: String },
    /// Its extension is none of an artifact's.
    #[error("file name {file:?} has an unknown extension, expected that of an sdist or wheel")]
    Extension { file: String },
    /// It is not built like a wheel's.
    #[error("file name {file:?} is not that of a wheel, expected {expected}")]
    Wheel { file: String, expected: &'static str },
    /// It is of another project, or of no PEP 440 version.
    #[error("file name {file:?} names no version of project {project}, expected `{project}-<version>`")]
    Project { file: String, project: ProjectName },
}

impl FileName {
    /// Accepts a file name, whether or not it is an artifact's.
    pub fn parse(text: &str) -> Result<Self, FileNameError> {
        if !(1..=MAX_FILE_NAME_BYTES).contains(&text.len()) {
            return Err(FileNameError::Length { file: excerpt(text), len: text.len() });
        }
        let is_safe = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'/' | b'\\');
        if !text.bytes().all(is_safe) || text.starts_with(['.', '-']) {
            return Err(FileNameError::Character { file: excerpt(text) });
        }
        Ok(Self(text.to_owned()))
    }

    /// The file name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the metadata file served beside a wheel (PEP 658).
    pub fn is_metadata(&self) -> bool {
        self.0.ends_with(".whl.metadata")
    }

    /// The wheel this metadata file is of.
    pub fn metadata_of(&self) -> Option<Self> {
        let stem = self.0.strip_suffix(".whl.metadata")?;
        Some(Self(format!("{stem}.whl")))
    }

    /// What its extension says it is; nothing for a metadata file.
    pub fn kind(&self) -> Option<ArtifactKind> {
        self.split_extension().map(|(_, _, kind)| kind)
    }

    /// The name up to the extension, the extension, and what that stands for.
    fn split_extension(&self) -> Option<(&str, &'static str, ArtifactKind)> {
        EXTENSIONS.iter().find_map(|&(kind, extensions)| {
            extensions.iter().find_map(|&extension| Some((self.0.strip_suffix(extension)?, extension, kind)))
        })
    }
}

/// No extension ends another. Case matters, as it does to installers.
const EXTENSIONS: [(ArtifactKind, &[&str]); 3] = [
    (ArtifactKind::Wheel, &[".whl"]),
    (ArtifactKind::Sdist, &[".tar.gz", ".tgz", ".zip", ".tar.bz2", ".tar.xz", ".tar.Z", ".tar"]),
    (ArtifactKind::Legacy, &[".egg", ".exe", ".msi", ".rpm", ".deb", ".dmg"]),
];

impl ArtifactKind {
    /// The kind in one lower case word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sdist => "sdist",
            Self::Wheel => "wheel",
            Self::Legacy => "legacy",
        }
    }
}

impl WheelName {
    /// Reads `{distribution}-{version}(-{build})?-{python}-{abi}-{platform}.whl`.
    ///
    /// `packaging.utils.parse_wheel_filename` reads what passes here the same
    /// way, and refuses only `foo__bar` for a name, which old uploads have. Not
    /// passing here, unlike there: names that start or end with a separator, and
    /// tags with characters other than ASCII letters, digits, `_` and `.`.
    ///
    /// A variant label after the platform makes seven parts, or makes the
    /// interpreter tag stand where a build tag must start with a digit; both
    /// are errors.
    pub fn parse(file: &FileName) -> Result<Self, FileNameError> {
        let wrong = |expected| FileNameError::Wheel { file: excerpt(&file.0), expected };
        let stem = file.0.strip_suffix(".whl").ok_or_else(|| wrong("the extension `.whl`"))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (distribution, version, build, tags) = match parts[..] {
            [distribution, version, python, abi, platform] => {
                (distribution, version, None, [python, abi, platform])
            }
            [distribution, version, build, python, abi, platform] => {
                (distribution, version, Some(build), [python, abi, platform])
            }
            _ => return Err(wrong("5 or 6 parts separated by `-`")),
        };
        let project =
            ProjectName::normalise(distribution).map_err(|_| wrong("a project name as first part"))?;
        let version = Version::normalise(version).map_err(|_| wrong("a PEP 440 version as second part"))?;
        if build.is_some_and(|tag| !tag.starts_with(is_digit) || !tag.chars().all(is_tag_char)) {
            return Err(wrong("a build tag that starts with a digit as third of 6 parts"));
        }
        let is_tag = |tag: &str| !tag.is_empty() && tag.chars().all(is_tag_char);
        if !tags.iter().all(|set| set.split('.').all(is_tag)) {
            return Err(wrong("tags of ASCII letters, digits and `_`, joined by `.`"));
        }
        if tags[0].split('.').any(|tag| tag.starts_with(is_digit)) {
            return Err(wrong("interpreter tags that do not start with a digit"));
        }
        let [python, abi, platform] = tags.map(str::to_owned);
        Ok(Self {
            distribution: distribution.to_owned(),
            project,
            version,
            build: build.map(str::to_owned),
            python,
            abi,
            platform,
        })
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

fn is_tag_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '.')
}

/// Which version of `project` this file is of; a metadata file is of its
/// wheel's.
///
/// The name is split at a `-` with a spelling of the project to its left. At
/// most one `-` qualifies: two such left sides would have the same letters and
/// digits, so the longer would end with a separator, which no name does. What
/// follows the `-` is
///
/// * for an sdist, the version, in any spelling (`foo-1.0-1.tar.gz`);
/// * for `.egg` and `.rpm`, the version up to the next `-`, which those formats
///   write as `_` inside it: `foo-1.0-1.noarch.rpm` is 1.0, its first build;
/// * for other legacy files, the longest version followed by the end, `-` or
///   `.` but no digit: `foo-1.0-1.win32-py2.7.exe` is 1.0.post1, whereas
///   `foo-1.0_5.exe` is an error and not version 1.
pub fn version_of(file: &FileName, project: &ProjectName) -> Result<Version, FileNameError> {
    let wheel = file.metadata_of();
    let file = wheel.as_ref().unwrap_or(file);
    let other_project = || FileNameError::Project { file: excerpt(&file.0), project: project.clone() };
    match file.split_extension() {
        None => Err(FileNameError::Extension { file: excerpt(&file.0) }),
        Some((_, _, ArtifactKind::Wheel)) => {
            let wheel = WheelName::parse(file)?;
            if wheel.project != *project {
                return Err(other_project());
            }
            Ok(wheel.version)
        }
        Some((stem, extension, _)) => splits(stem)
            .find(|(name, _)| ProjectName::normalise(name).as_ref() == Ok(project))
            .and_then(|(_, rest)| leading_version(rest, extension))
            .ok_or_else(other_project),
    }
}

/// Every project and version the file can be of, the most plausible first.
///
/// One for a wheel and its metadata file. Any other name is read in each way
/// [`version_of`] would for some project. The longest project name comes first,
/// as `packaging` and PEP 625 have it, but names with a dotted number in them
/// come last: `foo-1.0-1.tar.gz` is rather 1.0.post1 of `foo` than 1 of
/// `foo-1.0`.
pub fn candidates(file: &FileName) -> Vec<(ProjectName, Version)> {
    let wheel = file.metadata_of();
    let file = wheel.as_ref().unwrap_or(file);
    match file.split_extension() {
        None => Vec::new(),
        Some((_, _, ArtifactKind::Wheel)) => {
            WheelName::parse(file).map(|wheel| (wheel.project, wheel.version)).into_iter().collect()
        }
        Some((stem, extension, _)) => {
            let mut fits: Vec<(&str, &str)> = splits(stem).collect();
            fits.reverse();
            fits.sort_by_key(|(name, _)| has_dotted_number(name));
            fits.into_iter()
                .filter_map(|(name, rest)| {
                    let project = ProjectName::normalise(name).ok()?;
                    Some((project, leading_version(rest, extension)?))
                })
                .collect()
        }
    }
}

/// Both sides of each `-`.
fn splits(stem: &str) -> impl Iterator<Item = (&str, &str)> {
    stem.match_indices('-').map(|(at, _)| (&stem[..at], &stem[at + 1..]))
}

/// The version at the start of `rest`, by the rules of [`version_of`].
fn leading_version(rest: &str, extension: &str) -> Option<Version> {
    match extension {
        ".egg" | ".rpm" => {
            let escaped = rest.split('-').next()?;
            Version::normalise(&escaped.replace('_', "-")).ok()
        }
        ".exe" | ".msi" | ".deb" | ".dmg" => {
            let ends = rest
                .rmatch_indices(['-', '.'])
                .map(|(end, _)| end)
                .filter(|end| !rest[end + 1..].starts_with(is_digit));
            std::iter::once(rest.len()).chain(ends).find_map(|end| Version::normalise(&rest[..end]).ok())
        }
        _ => Version::normalise(rest).ok(),
    }
}

/// Whether a part of it looks like `1.0` or `v1.0.win32`.
fn has_dotted_number(name: &str) -> bool {
    name.split('-').any(|part| part.contains('.') && part.trim_start_matches('v').starts_with(is_digit))
}

impl_text_traits!(FileName);

#[cfg(test)]
mod tests;

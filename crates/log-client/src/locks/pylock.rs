//! `pylock.toml`, and `pylock.<name>.toml`: version 1.0.
//!
//! ```toml
//! lock-version = "1.0"
//! created-by = "pip"
//!
//! [[packages]]
//! name = "nova"
//! version = "27.0.0"
//! index = "https://pypi.org/simple"
//! sdist = { url = "https://…/nova-27.0.0.tar.gz", hashes = { sha256 = "…" } }
//! wheels = [{ url = "https://…/nova-27.0.0-py3-none-any.whl", hashes = { sha256 = "…" } }]
//! ```
//!
//! The `name` of a file overrides the last part of its URL; `agree` compares the two.
//! pip is content with any one of a file's hashes.
//!
//! Specification: PEP 751, and `pylock.toml` on packaging.python.org.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::{LockError, Origin, Permitted, Pin, Place, Wanted, text};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Lock {
    lock_version: String,
    packages: Vec<Spanned<Package>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    index: Option<String>,
    vcs: Option<Repository>,
    directory: Option<Directory>,
    archive: Option<File>,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Deserialize)]
struct Repository {
    url: Option<String>,
    path: Option<String>,
}

#[derive(Deserialize)]
struct Directory {
    path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    name: Option<String>,
    url: Option<String>,
    path: Option<String>,
    hashes: BTreeMap<String, String>,
    #[serde(rename = "size")]
    _size: Option<IgnoredAny>,
    #[serde(rename = "upload-time")]
    _upload_time: Option<IgnoredAny>,
    #[serde(rename = "subdirectory")]
    _subdirectory: Option<IgnoredAny>,
}

/// Reads a lock file.
pub fn parse(bytes: &[u8]) -> Result<Vec<Wanted>, LockError> {
    let (lock, lines) = text::toml::<Lock>(bytes)?;
    if lock.lock_version != "1.0" {
        let found = text::excerpt(&lock.lock_version);
        return Err(LockError::whole(format!("it has lock-version \"{found}\", expected 1.0")));
    }
    text::packages(lock.packages, &lines, Package::wanted)
}

impl Package {
    fn wanted(self, place: Place) -> Result<Wanted, LockError> {
        let from_index = self.sdist.is_some() || !self.wheels.is_empty();
        let origin = match (self.vcs, self.directory, &self.archive, from_index) {
            (None, None, None, true) => Origin::Index(self.index),
            (Some(vcs), None, None, false) => Origin::Repository(vcs.url.or(vcs.path).unwrap_or_default()),
            (None, Some(directory), None, false) => Origin::Directory(directory.path),
            (None, None, Some(_), false) => Origin::Archive,
            _ => return Err(LockError::at(&place, "it is from no place, or from several")),
        };
        let files = self.archive.into_iter().chain(self.sdist).chain(self.wheels);
        let permits = files.map(|file| file.permitted(&place)).collect::<Result<_, _>>()?;
        Ok(Wanted {
            project: Some(text::project(&self.name, &place)?),
            version: self.version.as_deref().map_or(Pin::Open, Pin::of),
            origin,
            permits,
            place,
        })
    }
}

impl File {
    fn permitted(self, place: &Place) -> Result<Permitted, LockError> {
        let digests = self.hashes.iter().map(|(name, value)| text::digest_of(name, value, place));
        let digests = digests.collect::<Result<_, _>>()?;
        Ok(Permitted { name: self.name, url: self.url.or(self.path), digests })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Digest;
    use super::*;

    const UV: &[u8] = include_bytes!("fixtures/pylock.uv.toml");
    const PIP: &[u8] = include_bytes!("fixtures/pylock.pip.toml");

    #[test]
    fn reads_what_two_tools_wrote() {
        for (lock, files) in [(UV, 2), (PIP, 1)] {
            let wanted = parse(lock).expect("a lock");
            let titles: Vec<String> = wanted.iter().map(Wanted::title).collect();
            assert_eq!(titles, ["iniconfig 2.0.0", "six 1.16.0"]);
            assert_eq!(wanted[0].permits.len(), files, "pip writes only the wheel that it chose");
            for file in wanted.iter().flat_map(|wanted| &wanted.permits) {
                assert!(matches!(file.digests[..], [Digest::Sha256(_)]), "{file:?}");
                assert!(file.url.is_some(), "{file:?}");
            }
        }
    }

    #[test]
    fn is_strict_about_what_may_be_installed() {
        let head = "lock-version = \"1.0\"\ncreated-by = \"x\"\n[[packages]]\nname = \"nova\"\n";
        let file = "{ url = \"https://f.example/nova-1.0.tar.gz\", hashes = { sha256 = \"00\" } }";
        let check = |text: String, names: &str| {
            let error = parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        };
        check(head.replace("1.0", "1.1"), "lock-version \"1.1\"");
        check(head.to_owned(), "line 3: it is from no place");
        check(format!("{head}sdist = {file}\n"), "64 hex digits");
        check(format!("{head}sdist = {{ url = \"x\" }}\n"), "hashes");
        check(format!("{head}directory = {{ path = \".\" }}\narchive = {file}\n"), "several");
        check(format!("{head}wheels = [{{ url = \"x\", variant = 1, hashes = {{}} }}]\n"), "variant");
        let both = file.replace("sha256 = \"00\"", &format!("md5 = \"0\", sha256 = \"{}\"", "0".repeat(64)));
        let wanted = parse(format!("{head}sdist = {both}\n").as_bytes()).expect("a lock");
        assert_eq!(wanted[0].permits[0].digests.len(), 2, "an installer may go by either");
    }
}

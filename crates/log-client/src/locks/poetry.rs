//! `poetry.lock`: `lock-version` 2.x.
//!
//! ```toml
//! [[package]]
//! name = "nova"
//! version = "27.0.0"
//! files = [{ file = "nova-27.0.0-py3-none-any.whl", hash = "sha256:…" }]
//!
//! [package.source]                    # only when it is not from PyPI
//! type = "legacy"
//! url = "https://index.example/simple"
//! reference = "example"
//!
//! [metadata]
//! lock-version = "2.1"
//! ```
//!
//! Older lock files keep the hashes elsewhere; they are refused.

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::{LockError, Origin, Permitted, Pin, Place, Wanted, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    #[serde(default)]
    package: Vec<Spanned<Package>>,
    metadata: Metadata,
    #[serde(rename = "extras")]
    _extras: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "lock-version")]
    lock_version: String,
    /// Where older versions have the hashes.
    files: Option<IgnoredAny>,
    hashes: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    #[serde(default)]
    files: Vec<File>,
    source: Option<Source>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "file")]
    name: String,
    hash: String,
    url: Option<String>,
    #[serde(rename = "size")]
    _size: Option<IgnoredAny>,
    #[serde(rename = "upload-time", alias = "upload_time")]
    _upload_time: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Source {
    r#type: String,
    url: String,
}

/// Reads a lock file.
pub fn parse(bytes: &[u8]) -> Result<Vec<Wanted>, LockError> {
    let (lock, lines) = text::toml::<Lock>(bytes)?;
    let Metadata { lock_version, files, hashes } = &lock.metadata;
    if !lock_version.starts_with("2.") || files.is_some() || hashes.is_some() {
        let found = text::excerpt(lock_version);
        return Err(LockError::whole(format!(
            "it has lock-version \"{found}\", expected 2.x: lock again with a newer poetry"
        )));
    }
    text::packages(lock.package, &lines, Package::wanted)
}

impl Package {
    fn wanted(self, place: Place) -> Result<Wanted, LockError> {
        let origin = match self.source.as_ref().map(|source| (source.r#type.as_str(), source.url.clone())) {
            None => Origin::Index(None),
            Some(("legacy" | "pypi", url)) => Origin::Index(Some(url)),
            Some(("url" | "file", _)) => Origin::Archive,
            Some(("git", url)) => Origin::Repository(url),
            Some(("directory", path)) => Origin::Directory(path),
            Some((other, _)) => {
                let other = text::excerpt(other);
                return Err(LockError::at(&place, format!("a source of the unknown type \"{other}\"")));
            }
        };
        let given = self.source.map(|source| source.url).filter(|_| origin == Origin::Archive);
        let mut permits = Vec::new();
        for File { name, hash, url, .. } in self.files {
            let digests = vec![text::digest(&hash, &place)?];
            permits.push(Permitted { name: Some(name), url: url.or_else(|| given.clone()), digests });
        }
        if origin == Origin::Archive && permits.is_empty() {
            permits.push(Permitted { url: given, ..Permitted::default() });
        }
        Ok(Wanted {
            project: Some(text::project(&self.name, &place)?),
            version: Pin::of(&self.version),
            origin,
            permits,
            place,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::Digest;
    use super::*;

    const LOCK: &[u8] = include_bytes!("fixtures/poetry.lock");

    #[test]
    fn reads_what_poetry_wrote() {
        let wanted = parse(LOCK).expect("a lock");
        let titles: Vec<String> = wanted.iter().map(Wanted::title).collect();
        assert_eq!(titles, ["iniconfig 2.0.0", "six 1.16.0"]);
        assert_eq!(wanted[0].origin, Origin::Index(Some("https://pypi.org/simple".to_owned())));
        let names: Vec<&str> = wanted[0].permits.iter().filter_map(|file| file.name.as_deref()).collect();
        assert_eq!(names, ["iniconfig-2.0.0-py3-none-any.whl", "iniconfig-2.0.0.tar.gz"]);
        assert!(wanted[0].permits.iter().all(|file| matches!(file.digests[..], [Digest::Sha256(_)])));
    }

    #[test]
    fn is_strict_about_what_may_be_installed() {
        let metadata = "[metadata]\nlock-version = \"2.1\"\n";
        let package = "[[package]]\nname = \"nova\"\nversion = \"1.0\"\n";
        let check = |text: String, names: &str| {
            let error = parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        };
        check(package.to_owned(), "metadata");
        check(format!("{package}{}", metadata.replace("2.1", "1.1")), "lock again");
        check(format!("{package}{metadata}[metadata.files]\nnova = []\n"), "lock again");
        check(format!("{package}files = [{{ file = \"a\" }}]\n{metadata}"), "hash");
        check(format!("{package}files = [{{ file = \"a\", hash = \"0\" }}]\n{metadata}"), "algorithm");
        check(format!("{package}[package.source]\ntype = \"s3\"\nurl = \"x\"\n{metadata}"), "\"s3\"");
        check(format!("[[packages]]\nname = \"nova\"\n{metadata}"), "packages");
        let url = format!(
            "{package}[package.source]\ntype = \"url\"\nurl = \"https://f.example/a.zip\"\n{metadata}"
        );
        let wanted = parse(url.as_bytes()).expect("a lock");
        assert_eq!((&wanted[0].origin, wanted[0].permits.len()), (&Origin::Archive, 1));
    }
}

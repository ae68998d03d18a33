//! `pdm.lock`: `lock_version` 4.x.
//!
//! ```toml
//! [metadata]
//! lock_version = "4.5.0"
//!
//! [[package]]
//! name = "nova"
//! version = "27.0.0"
//! files = [{ file = "nova-27.0.0-py3-none-any.whl", hash = "sha256:…" }]
//! ```
//!
//! With the strategy `static_urls` the files have `url` in the place of `file`.

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
}

#[derive(Deserialize)]
struct Metadata {
    lock_version: String,
    /// Where versions before 4.1 have the hashes.
    files: Option<IgnoredAny>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    #[serde(default)]
    files: Vec<File>,
    url: Option<String>,
    path: Option<String>,
    git: Option<String>,
    hg: Option<String>,
    svn: Option<String>,
    bzr: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "file")]
    name: Option<String>,
    url: Option<String>,
    hash: Option<String>,
    #[serde(rename = "size")]
    _size: Option<IgnoredAny>,
    #[serde(rename = "upload-time", alias = "upload_time")]
    _upload_time: Option<IgnoredAny>,
}

/// Reads a lock file.
pub fn parse(bytes: &[u8]) -> Result<Vec<Wanted>, LockError> {
    let (lock, lines) = text::toml::<Lock>(bytes)?;
    if !lock.metadata.lock_version.starts_with("4.") || lock.metadata.files.is_some() {
        let found = text::excerpt(&lock.metadata.lock_version);
        return Err(LockError::whole(format!(
            "it has lock_version \"{found}\", expected 4.x: lock again with a newer pdm"
        )));
    }
    text::packages(lock.package, &lines, Package::wanted)
}

impl Package {
    fn wanted(self, place: Place) -> Result<Wanted, LockError> {
        let repository = self.git.or(self.hg).or(self.svn).or(self.bzr);
        let origin = match (&self.url, &self.path, repository) {
            (None, None, None) => Origin::Index(None),
            (Some(_), None, None) => Origin::Archive,
            (None, Some(path), None) if text::is_archive(path) => Origin::Archive,
            (None, Some(path), None) => Origin::Directory(path.clone()),
            (None, None, Some(url)) => Origin::Repository(url),
            _ => return Err(LockError::at(&place, "it is from several places")),
        };
        let given = self.url.or(self.path).filter(|_| origin == Origin::Archive);
        let mut permits = Vec::new();
        for File { name, url, hash, .. } in self.files {
            let digests = hash.map(|hash| text::digest(&hash, &place)).transpose()?.into_iter().collect();
            permits.push(Permitted { name, url: url.or_else(|| given.clone()), digests });
        }
        if origin == Origin::Archive && permits.is_empty() {
            permits.push(Permitted { url: given, ..Permitted::default() });
        }
        Ok(Wanted {
            project: Some(text::project(&self.name, &place)?),
            version: self.version.as_deref().map_or(Pin::Open, Pin::of),
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

    const LOCK: &[u8] = include_bytes!("fixtures/pdm.lock");
    const STATIC: &[u8] = include_bytes!("fixtures/pdm.static.lock");

    #[test]
    fn reads_what_pdm_wrote() {
        for (lock, has_urls) in [(LOCK, false), (STATIC, true)] {
            let wanted = parse(lock).expect("a lock");
            let titles: Vec<String> = wanted.iter().map(Wanted::title).collect();
            assert_eq!(titles, ["iniconfig 2.0.0", "six 1.16.0"]);
            for file in wanted.iter().flat_map(|wanted| &wanted.permits) {
                assert_eq!((file.name.is_none(), file.url.is_some()), (has_urls, has_urls));
                assert!(matches!(file.digests[..], [Digest::Sha256(_)]));
            }
            assert_eq!(wanted[0].permits.len(), 2);
        }
    }

    #[test]
    fn is_strict_about_what_may_be_installed() {
        let metadata = "[metadata]\nlock_version = \"4.5.0\"\n";
        let package = "[[package]]\nname = \"nova\"\nversion = \"1.0\"\n";
        let check = |text: String, names: &str| {
            let error = parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        };
        check(format!("{package}{}", metadata.replace("4.5", "3.1")), "lock again");
        check(format!("{metadata}[[packages]]\nname = \"nova\"\n"), "packages");
        check(format!("{metadata}{package}git = \"x\"\nurl = \"y\"\n"), "several places");
        check(format!("{metadata}{package}files = [{{ filename = \"a\" }}]\n"), "filename");
        for (more, origin) in [
            ("git = \"x\"", Origin::Repository("x".to_owned())),
            ("path = \"./nova\"", Origin::Directory("./nova".to_owned())),
            ("path = \"./nova-1.0.zip\"", Origin::Archive),
            ("url = \"https://f.example/x\"", Origin::Archive),
        ] {
            let wanted = parse(format!("{metadata}{package}{more}\n").as_bytes()).expect("a lock");
            assert_eq!(wanted[0].origin, origin);
        }
    }
}

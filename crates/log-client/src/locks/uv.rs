//! `uv.lock`: version 1, in any of its revisions.
//!
//! ```toml
//! [[package]]
//! name = "nova"
//! version = "27.0.0"
//! source = { registry = "https://pypi.org/simple" }
//! sdist = { url = "https://…/nova-27.0.0.tar.gz", hash = "sha256:…", size = 1 }
//! wheels = [{ url = "https://…/nova-27.0.0-py3-none-any.whl", hash = "sha256:…", size = 1 }]
//! ```
//!
//! `uv sync --frozen` downloads from these URLs, whatever index is configured. Invariant:
//! a key that this module does not know at the top or in what describes a file is an
//! error, since it may name something to install.

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

use super::{LockError, Origin, Permitted, Pin, Place, Wanted, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[allow(dead_code, reason = "the keys that are known to name nothing to install")]
struct Lock {
    version: u64,
    revision: Option<IgnoredAny>,
    requires_python: Option<IgnoredAny>,
    #[serde(alias = "environment-markers")]
    resolution_markers: Option<IgnoredAny>,
    supported_markers: Option<IgnoredAny>,
    required_markers: Option<IgnoredAny>,
    conflicts: Option<IgnoredAny>,
    options: Option<IgnoredAny>,
    manifest: Option<IgnoredAny>,
    #[serde(default, alias = "distribution")]
    package: Vec<Spanned<Package>>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Option<String>,
    source: Source,
    sdist: Option<File>,
    #[serde(default)]
    wheels: Vec<File>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Source {
    registry: Option<String>,
    url: Option<String>,
    git: Option<String>,
    path: Option<String>,
    directory: Option<String>,
    editable: Option<String>,
    r#virtual: Option<String>,
    #[serde(rename = "subdirectory")]
    _subdirectory: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    url: Option<String>,
    path: Option<String>,
    filename: Option<String>,
    hash: Option<String>,
    #[serde(rename = "size")]
    _size: Option<IgnoredAny>,
    #[serde(rename = "upload-time", alias = "upload_time")]
    _upload_time: Option<IgnoredAny>,
    /// The same wheel in another compression: another file.
    zstd: Option<Compressed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Compressed {
    hash: Option<String>,
    #[serde(rename = "size")]
    _size: Option<IgnoredAny>,
}

/// Reads a lock file.
pub fn parse(bytes: &[u8]) -> Result<Vec<Wanted>, LockError> {
    let (lock, lines) = text::toml::<Lock>(bytes)?;
    if lock.version != 1 {
        return Err(LockError::whole(format!("it has version {} of the format, expected 1", lock.version)));
    }
    text::packages(lock.package, &lines, Package::wanted)
}

impl Package {
    fn wanted(self, place: Place) -> Result<Wanted, LockError> {
        let origin = self.source.origin(&place)?;
        let given = self.source.url.or(self.source.path);
        let mut permits = Vec::new();
        for file in self.sdist.into_iter().chain(self.wheels) {
            file.permitted(given.as_deref(), &place, &mut permits)?;
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

impl Source {
    fn origin(&self, place: &Place) -> Result<Origin, LockError> {
        let kinds = [
            self.registry.clone().map(|index| Origin::Index(Some(index))),
            self.git.clone().map(Origin::Repository),
            self.url.as_ref().or(self.path.as_ref()).map(|_| Origin::Archive),
            self.directory.clone().map(Origin::Directory),
            self.editable.clone().map(Origin::Directory),
            self.r#virtual.clone().map(Origin::Directory),
        ];
        let mut kinds = kinds.into_iter().flatten();
        match (kinds.next(), kinds.next()) {
            (Some(origin), None) if self.url.is_none() || self.path.is_none() => Ok(origin),
            _ => Err(LockError::at(place, "`source` is not of one kind")),
        }
    }
}

impl File {
    /// What it permits; `given` is the URL or path of the package.
    fn permitted(
        self,
        given: Option<&str>,
        place: &Place,
        permits: &mut Vec<Permitted>,
    ) -> Result<(), LockError> {
        let digest = |hash: Option<String>| hash.map(|hash| text::digest(&hash, place)).transpose();
        let url = self.url.or(self.path).or_else(|| given.map(str::to_owned));
        if let Some(zstd) = self.zstd {
            let digests = digest(zstd.hash)?.into_iter().collect();
            permits.push(Permitted { digests, ..Permitted::default() });
        }
        permits.push(Permitted {
            name: self.filename,
            url,
            digests: digest(self.hash)?.into_iter().collect(),
        });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::Digest;
    use super::*;

    const LOCK: &[u8] = include_bytes!("fixtures/uv.lock");

    #[test]
    fn reads_what_uv_wrote() {
        let wanted = parse(LOCK).expect("a lock");
        let titles: Vec<String> = wanted.iter().map(Wanted::title).collect();
        assert_eq!(titles, ["iniconfig 2.0.0", "six 1.16.0", "tiny 0.1.0"]);
        assert_eq!(wanted[0].origin, Origin::Index(Some("https://pypi.org/simple".to_owned())));
        assert_eq!(wanted[0].permits.len(), 2);
        let names = wanted[0].permits.iter().map(|file| text::last_part(file.url.as_deref().expect("a URL")));
        let names: Vec<String> = names.flatten().collect();
        assert_eq!(names, ["iniconfig-2.0.0.tar.gz", "iniconfig-2.0.0-py3-none-any.whl"]);
        assert!(wanted[0].permits.iter().all(|file| matches!(file.digests[..], [Digest::Sha256(_)])));
        assert_eq!((&wanted[2].origin, wanted[2].permits.len()), (&Origin::Directory(".".to_owned()), 0));
        assert!(matches!(wanted[0].place, Place::Line(line) if line > 1));
    }

    #[test]
    fn is_strict_about_what_may_be_installed() {
        let package = "[[package]]\nname = \"nova\"\nversion = \"1.0\"\n";
        let registry = "source = { registry = \"https://pypi.org/simple\" }\n";
        let check = |text: &str, names: &str| {
            let error = parse(text.as_bytes()).expect_err(text).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        };
        check("version = 2\n", "version 2");
        check("version = 1\n[[packages]]\nname = \"nova\"\n", "packages");
        check(&format!("version = 1\n{package}"), "source");
        check(&format!("version = 1\n{package}source = {{ oci = \"x\" }}\n"), "oci");
        check(&format!("version = 1\n{package}source = {{}}\n"), "line 2: `source` is not of one kind");
        check(&format!("version = 1\n{package}source = {{ git = \"x\", url = \"y\" }}\n"), "one kind");
        check(&format!("version = 1\n{package}{registry}sdist = {{ mirror = \"x\" }}\n"), "mirror");
        check(&format!("version = 1\n{package}{registry}{registry}"), "duplicate");
        let old = format!("version = 1\n{}{registry}", package.replace("package", "distribution"));
        assert_eq!(parse(old.as_bytes()).expect("an older spelling").len(), 1);
        let zstd = format!(
            "version = 1\n{package}{registry}wheels = [{{ url = \"https://f.example/nova-1.0-py3-none-any.whl\", \
             hash = \"md5:0\", zstd = {{ hash = \"sha512:0\" }} }}]\n"
        );
        assert_eq!(parse(zstd.as_bytes()).expect("a lock")[0].permits.len(), 2);
    }
}

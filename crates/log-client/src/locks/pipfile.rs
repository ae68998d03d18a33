//! `Pipfile.lock`: `pipfile-spec` 6.
//!
//! ```json
//! {"_meta": {"pipfile-spec": 6, "sources": [{"name": "pypi", "url": "https://pypi.org/simple"}]},
//!  "default": {"nova": {"version": "==27.0.0", "hashes": ["sha256:…"], "index": "pypi"}},
//!  "develop": {}}
//! ```
//!
//! Each key beside `_meta` is a category. An entry has hashes without file names: pip takes
//! any file of the version that has one of them.
//!
//! pipenv writes an entry as a line of requirements, as it stands, and gives that to pip. So
//! nothing may be in it that pip would read as something else: an option, a URL, a comment.
//! The hashes of files and paths it leaves out of that line.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::text::Unique;
use super::{LockError, Origin, Permitted, Pin, Place, Wanted, bounded, text};

#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "pipfile-spec")]
    spec: u64,
    #[serde(default)]
    sources: Vec<Source>,
}

#[derive(Deserialize)]
struct Source {
    name: String,
    url: String,
}

#[derive(Deserialize)]
struct Entry {
    version: Option<String>,
    #[serde(default)]
    hashes: Vec<String>,
    #[serde(default)]
    extras: Vec<String>,
    index: Option<String>,
    file: Option<String>,
    path: Option<String>,
    git: Option<String>,
    hg: Option<String>,
    svn: Option<String>,
    bzr: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// Keys that change nothing about what is installed.
const HARMLESS: [&str; 3] = ["editable", "ref", "subdirectory"];

/// Keys that say on which machines an entry is installed.
const MARKERS: [&str; 12] = [
    "markers",
    "implementation_name",
    "implementation_version",
    "os_name",
    "platform_machine",
    "platform_python_implementation",
    "platform_release",
    "platform_system",
    "platform_version",
    "python_full_version",
    "python_version",
    "sys_platform",
];

/// Reads a lock file.
pub fn parse(bytes: &[u8]) -> Result<Vec<Wanted>, LockError> {
    let json = |error: serde_json::Error| LockError::whole(text::excerpt(&error.to_string()));
    let Unique(mut categories) = text::json::<Unique<Unique<Value>>>(bytes)?;
    let meta = categories.remove("_meta").ok_or_else(|| LockError::whole("there is no `_meta`"))?;
    let meta: Meta = serde_json::from_value(Value::Object(meta.0.into_iter().collect())).map_err(json)?;
    if meta.spec != 6 {
        return Err(LockError::whole(format!("it has pipfile-spec {}, expected 6", meta.spec)));
    }
    for source in &meta.sources {
        if source.url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(LockError::whole("the URL of a source has white space in it"));
        }
    }
    let mut wanted = Vec::new();
    for (category, Unique(entries)) in categories {
        for (name, entry) in entries {
            let place = Place::Key(text::excerpt(&format!("{category}.{name}")));
            let entry: Entry = serde_json::from_value(entry)
                .map_err(|error| LockError::at(&place, text::excerpt(&error.to_string())))?;
            wanted.push(entry.wanted(&name, place, &meta.sources)?);
        }
    }
    bounded(wanted)
}

impl Entry {
    /// That pip understands the line with this entry as it is meant.
    fn check(&self, place: &Place) -> Result<(), LockError> {
        let bad = |what: &str| Err(LockError::at(place, text::excerpt(what)));
        let is_name = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if let Some(extra) = self.extras.iter().find(|extra| !extra.chars().all(is_name)) {
            return bad(&format!("{extra:?} is the name of no extra"));
        }
        // A path that does not look like one is a requirement.
        let is_path = |path: &str| path.starts_with(['.', '/']) || text::scheme(path).is_some();
        let is_plain = |c: char| !c.is_whitespace() && !c.is_control() && !";\\".contains(c);
        for path in self.path.iter().chain(&self.file) {
            if !is_path(path) || !path.chars().all(is_plain) {
                return bad(&format!("{path:?} is not understood: write a path as ./path"));
            }
        }
        for (key, value) in &self.others {
            match value {
                Value::String(marker) if MARKERS.contains(&key.as_str()) => {
                    if !is_marker(marker) {
                        return bad(&format!("{key} is no marker: {marker:?}"));
                    }
                }
                _ if HARMLESS.contains(&key.as_str()) => {}
                _ => return bad(&format!("the key {key:?} is not understood")),
            }
        }
        Ok(())
    }

    fn wanted(self, name: &str, place: Place, sources: &[Source]) -> Result<Wanted, LockError> {
        self.check(&place)?;
        let repository = self.git.or(self.hg).or(self.svn).or(self.bzr);
        let archive = self.file.or_else(|| self.path.clone().filter(|path| text::is_archive(path)));
        let origin = match (&archive, self.path, repository) {
            (None, None, None) => {
                let index = self.index.as_ref().and_then(|index| {
                    let source = sources.iter().find(|source| source.name == *index);
                    source.map(|source| source.url.clone())
                });
                Origin::Index(index)
            }
            (Some(file), None, None) if file.contains("://") || text::is_archive(file) => Origin::Archive,
            (Some(file), None, None) => Origin::Directory(file.clone()),
            (Some(file), Some(path), None) if *file == path => Origin::Archive,
            (None, Some(path), None) => Origin::Directory(path),
            (None, None, Some(url)) => Origin::Repository(url),
            _ => return Err(LockError::at(&place, "it is from several places")),
        };
        let version = match self.version {
            None => Pin::Open,
            Some(version) => match version.strip_prefix("===").or_else(|| version.strip_prefix("==")) {
                Some(version) if !version.contains(['*', ',']) => Pin::of(version),
                _ => Pin::Open,
            },
        };
        let digests = self.hashes.iter().map(|hash| text::digest(hash, &place));
        let digests: Vec<_> = digests.collect::<Result<_, _>>()?;
        let permits = if origin == Origin::Archive {
            vec![Permitted { name: None, url: archive, digests: Vec::new() }]
        } else {
            // Each is a file of its own, whose name is not said.
            let one = |digest| Permitted { digests: vec![digest], ..Permitted::default() };
            digests.into_iter().map(one).collect()
        };
        Ok(Wanted { project: Some(text::project(name, &place)?), version, origin, permits, place })
    }
}

/// Whether a text has nothing in it but what comparisons are made of, and no word that pip
/// would take for an option.
fn is_marker(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || " '\"._-+*~<>=!(),".contains(c);
    text.chars().all(is_part) && !text.split(' ').any(|word| word.starts_with('-'))
}

#[cfg(test)]
mod tests {
    use super::super::Digest;
    use super::*;

    const LOCK: &[u8] = include_bytes!("fixtures/Pipfile.lock");

    #[test]
    fn reads_what_pipenv_wrote() {
        let wanted = parse(LOCK).expect("a lock");
        let titles: Vec<String> = wanted.iter().map(Wanted::title).collect();
        assert_eq!(titles, ["iniconfig 2.0.0", "six 1.16.0"]);
        assert_eq!(wanted[0].origin, Origin::Index(Some("https://pypi.org/simple".to_owned())));
        assert_eq!(wanted[0].place, Place::Key("default.iniconfig".to_owned()));
        for file in wanted.iter().flat_map(|wanted| &wanted.permits) {
            assert!(file.name.is_none() && matches!(file.digests[..], [Digest::Sha256(_)]), "{file:?}");
        }
        assert_eq!(wanted[0].permits.len(), 2);
    }

    #[test]
    fn is_strict_about_what_may_be_installed() {
        let lock = |entries: &str| format!("{{\"_meta\":{{\"pipfile-spec\":6}},\"tests\":{{{entries}}}}}");
        let check = |text: String, names: &str| {
            let error = parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        };
        check("{\"default\":{}}".to_owned(), "_meta");
        check("{\"_meta\":{\"pipfile-spec\":5}}".to_owned(), "pipfile-spec 5");
        check("[]".to_owned(), "object");
        check(lock("\"nova\":{\"version\":\"==1\"},\"nova\":{}"), "twice");
        check(lock("\"nova\":{\"hashes\":[\"00\"]}"), "tests.nova: the hash");
        check(lock("\"nova\":{\"git\":\"x\",\"file\":\"./y\"}"), "several places");
        // What pipenv would write into a line for pip.
        for (entry, names) in [
            ("\"version\":\"==1\",\"markers\":\"python_version > '3' --hash=sha256:00\"", "no marker"),
            ("\"version\":\"==1\",\"markers\":\"os_name > 'a'\\nevil\"", "no marker"),
            ("\"version\":\"==1\",\"sys_platform\":\"== 'linux' # x\"", "no marker"),
            ("\"version\":\"==1\",\"extras\":[\"x] @ https://e.example/e.whl#[\"]", "no extra"),
            ("\"version\":\"==1\",\"options\":\"-r x\"", "options"),
            ("\"version\":\"==1\",\"markers\":[]", "markers"),
            ("\"path\":\"evil\"", "./path"),
            ("\"file\":\"nova-1.0.zip --hash=sha256:00\"", "./path"),
        ] {
            check(lock(&format!("\"nova\":{{{entry}}}")), names);
        }
        check(
            "{\"_meta\":{\"pipfile-spec\":6,\"sources\":[{\"name\":\"a\",\"url\":\"https://h/ --pre\"}]}}"
                .to_owned(),
            "white space",
        );
        for (entry, origin, pin) in [
            ("{\"version\":\"==1.*\"}", Origin::Index(None), Pin::Open),
            ("{\"version\":\"===1.0\"}", Origin::Index(None), Pin::of("1.0")),
            ("{\"path\":\".\",\"editable\":true}", Origin::Directory(".".to_owned()), Pin::Open),
            ("{\"path\":\"./nova-1.0.zip\"}", Origin::Archive, Pin::Open),
            ("{\"file\":\"https://f.example/nova-1.0.zip\"}", Origin::Archive, Pin::Open),
            ("{\"git\":\"x\",\"ref\":\"y\"}", Origin::Repository("x".to_owned()), Pin::Open),
        ] {
            let wanted = parse(lock(&format!("\"nova\":{entry}")).as_bytes()).expect("a lock");
            assert_eq!((&wanted[0].origin, &wanted[0].version), (&origin, &pin), "{entry}");
            assert!(wanted[0].permits.iter().all(|file| file.digests.is_empty()), "{entry}");
        }
    }
}

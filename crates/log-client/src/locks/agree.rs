//! Whether what an entry says of itself goes together: project, version, names, URLs.
//!
//! An entry that does not is never verified, whatever hashes it has: one tool goes by the
//! name of a file, another by the end of its URL, and a reader by the name of the entry.
//!
//! Left out: whether an index is the right one. A proven hash is good wherever the bytes
//! come from; but the files of one entry are in one place, and those of PyPI on its own
//! host, so that a URL which was slipped in is noticed.

use std::collections::BTreeSet;

use log_core::artifact::{FileName, ProjectName, candidates, version_of};

use super::text::{excerpt, host, is_local, is_web, last_part, url_digests};
use super::{Digest, Origin, Permitted, Pin, Wanted};

/// Where PyPI is, and where its files are.
const PYPI: &str = "pypi.org";
const PYPI_FILES: &str = "files.pythonhosted.org";

/// A file that may be taken, as far as the entry says which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named<'w> {
    /// Its name; hashes alone permit files of any name.
    pub name: Option<FileName>,
    /// What the entry says of it.
    pub permitted: &'w Permitted,
    /// Hashes in its URL, which pip is content with as well.
    in_url: Vec<Digest>,
}

impl Named<'_> {
    /// Whether an installer takes no other bytes than those of its hashes. What stands in its
    /// URL alone is not looked at by all.
    pub fn is_pinned(&self) -> bool {
        !self.permitted.digests.is_empty()
    }

    /// All hashes with which an installer may be content.
    pub fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.permitted.digests.iter().chain(&self.in_url)
    }
}

/// What an entry says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Agreed<'w> {
    /// The files.
    pub named: Vec<Named<'w>>,
    /// The version of all of them.
    pub version: Pin,
    /// What is no name of a file of any project, such as the `main.zip` of a repository:
    /// of a project that a log covers there is no such file.
    pub strange: Option<String>,
}

/// What an entry says of itself; or what does not agree.
pub fn check(wanted: &Wanted) -> Result<Agreed<'_>, String> {
    let mut agreed = Agreed { named: Vec::new(), version: wanted.version.clone(), strange: None };
    for permitted in &wanted.permits {
        check_scheme(permitted)?;
        let name = match name_of(permitted)? {
            None => None,
            Some(name) => match artifact_name(&name) {
                Ok(name) => Some(name),
                Err(what) => {
                    agreed.strange.get_or_insert(what);
                    None
                }
            },
        };
        if let (Some(name), Some(project)) = (&name, &wanted.project) {
            agreed.version = version_with(name, project, agreed.version)?;
        }
        let in_url = match permitted.url.as_deref() {
            Some(url) => url_digests(url, &wanted.place).map_err(|error| error.what)?,
            None => Vec::new(),
        };
        agreed.named.push(Named { name, permitted, in_url });
    }
    Ok(agreed)
}

/// That a file is one: installers build what some other schemes lead to, such as `git+https`,
/// and compare no hash.
fn check_scheme(permitted: &Permitted) -> Result<(), String> {
    let Some(url) = permitted.url.as_deref() else { return Ok(()) };
    if is_web(url) || is_local(url) { Ok(()) } else { Err(format!("{} leads to no file", excerpt(url))) }
}

/// The version of a file, which is the one that is pinned.
fn version_with(name: &FileName, project: &ProjectName, pinned: Pin) -> Result<Pin, String> {
    let found = version_of(name, project).map_err(|error| error.to_string())?;
    match pinned {
        Pin::Version(version) if version != found => {
            Err(format!("{name} is {project} {found}, not {version}"))
        }
        Pin::Odd(version) => Err(format!("{name} is {project} {found}, not {version}")),
        Pin::Version(_) => Ok(pinned),
        Pin::Open => Ok(Pin::Version(found)),
    }
}

/// Whether all files are where they belong.
pub fn check_hosts(wanted: &Wanted) -> Result<(), String> {
    let Origin::Index(index) = &wanted.origin else { return Ok(()) };
    let urls = wanted.permits.iter().filter_map(|file| file.url.as_deref());
    let hosts: BTreeSet<(String, String)> = urls.filter_map(host).collect();
    let index_host = index.as_deref().and_then(host).map(|(_, host)| host);
    if index_host.as_deref() == Some(PYPI) {
        let strange =
            hosts.iter().find(|(scheme, host)| scheme != "https" || host != PYPI_FILES && host != PYPI);
        if let Some((scheme, host)) = strange {
            return Err(format!(
                "its index is {PYPI}, but a file is at {}",
                excerpt(&format!("{scheme}://{host}"))
            ));
        }
    }
    let mut hosts = hosts.iter().map(|(scheme, host)| excerpt(&format!("{scheme}://{host}")));
    match (hosts.next(), hosts.next()) {
        (Some(one), Some(other)) => Err(format!("its files are in several places: {one} and {other}")),
        _ => Ok(()),
    }
}

/// The name of a file, which its URL has to end in as well.
fn name_of(permitted: &Permitted) -> Result<Option<String>, String> {
    let in_url = permitted
        .url
        .as_deref()
        .map(|url| last_part(url).ok_or_else(|| format!("the end of {} is no name", excerpt(url))));
    let in_url = in_url.transpose()?;
    match (&permitted.name, in_url) {
        (Some(name), Some(in_url)) if *name != in_url => {
            let (name, in_url) = (excerpt(name), excerpt(&in_url));
            Err(format!("a file is called {name}, and its URL ends in {in_url}"))
        }
        (name, in_url) => Ok(name.clone().or(in_url)),
    }
}

/// A name that is one of an sdist or wheel of some project.
fn artifact_name(name: &str) -> Result<FileName, String> {
    let name = FileName::parse(name).map_err(|error| error.to_string())?;
    if name.kind().is_none() || candidates(&name).is_empty() {
        return Err(format!("{name} is not the name of an sdist or wheel"));
    }
    Ok(name)
}

#[cfg(test)]
mod tests {
    use super::super::{Place, text};
    use super::*;

    fn entry(project: &str, version: &str, files: &[(Option<&str>, Option<&str>)]) -> Wanted {
        let place = Place::Line(1);
        let permitted = |(name, url): &(Option<&str>, Option<&str>)| Permitted {
            name: name.map(str::to_owned),
            url: url.map(str::to_owned),
            digests: vec![],
        };
        Wanted {
            project: Some(text::project(project, &place).expect("a name")),
            version: if version.is_empty() { Pin::Open } else { Pin::of(version) },
            origin: Origin::Index(Some("https://pypi.org/simple".to_owned())),
            permits: files.iter().map(permitted).collect(),
            place,
        }
    }

    #[test]
    fn names_versions_and_urls_go_together() {
        let good = "https://files.pythonhosted.org/packages/aa/bb/cc/nova-1.0.tar.gz";
        for (version, files) in [
            ("1.0", vec![(Some("nova-1.0.tar.gz"), Some(good)), (None, Some(good)), (None, None)]),
            ("1", vec![(Some("nova-1.0.0-py3-none-any.whl"), None)]),
            ("", vec![(None, Some(good))]),
        ] {
            let wanted = entry("nova", version, &files);
            let agreed = check(&wanted).expect("agreement");
            assert_eq!((agreed.named.len(), agreed.version), (files.len(), Pin::of("1")));
            assert_eq!(agreed.strange, None);
            assert_eq!(check_hosts(&wanted), Ok(()));
        }
        for (project, version, file, says) in [
            ("nova", "1.1", (Some("nova-1.0.tar.gz"), None), "is nova 1.0, not 1.1"),
            ("nova", "odd one", (Some("nova-1.0.tar.gz"), None), "not odd one"),
            ("glance", "1.0", (Some("nova-1.0.tar.gz"), None), "no version of project glance"),
            ("nova", "1.0", (Some("nova-1.0.zip"), Some(good)), "its URL ends in nova-1.0.tar.gz"),
            ("nova", "1.0", (None, Some("git+https://g.example/nova-1.0.tar.gz")), "leads to no file"),
            ("nova", "1.0", (None, Some("bzr+lp:nova-1.0.tar.gz")), "leads to no file"),
            ("nova", "1.0", (None, Some("https://f.example/nova-1.0.tar.gz?x&sha256=0")), "64 hex digits"),
        ] {
            let wanted = entry(project, version, &[file]);
            let what = check(&wanted).expect_err(says);
            assert!(what.contains(says), "{what} should say {says}");
        }
        for (file, says) in [
            ((None, Some("https://f.example/nova%2F1.0.zip")), "not valid"),
            ((Some("nova-1.0-py3-none-any.whl.metadata"), None), "not the name of an sdist"),
            ((None, Some("https://f.example/")), "file name"),
            ((None, Some("https://g.example/nova/archive/main.zip")), "not the name of an sdist"),
        ] {
            let wanted = entry("nova", "1.0", &[file]);
            let strange = check(&wanted).expect("nothing to disagree with").strange.expect(says);
            assert!(strange.contains(says), "{strange} should say {says}");
        }
        let two = [(None, Some(good)), (Some("nova-1.1.tar.gz"), None)];
        assert!(check(&entry("nova", "", &two)).is_err(), "of one version all of them");
    }

    #[test]
    fn files_are_in_one_place() {
        let good = "https://files.pythonhosted.org/packages/aa/bb/cc/nova-1.0.tar.gz";
        for bad in [
            "https://evil.example/nova-1.0.tar.gz",
            "http://files.pythonhosted.org/nova-1.0.tar.gz",
            "https://files.pythonhosted.org.evil.example/nova-1.0.tar.gz",
            "https://files.pythonhosted.org@evil.example/nova-1.0.tar.gz",
            "https://files.pythonhosted.org:8443/nova-1.0.tar.gz",
        ] {
            let mut wanted = entry("nova", "1.0", &[(None, Some(good)), (None, Some(bad))]);
            assert!(check_hosts(&wanted).is_err(), "{bad}");
            wanted.origin = Origin::Index(Some("https://index.example/simple".to_owned()));
            assert!(check_hosts(&wanted).is_err(), "{bad}");
            wanted.permits.remove(0);
            assert_eq!(check_hosts(&wanted), Ok(()), "another index has its files where it likes");
        }
    }
}

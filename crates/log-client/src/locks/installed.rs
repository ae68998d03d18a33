//! The metadata of what is installed: `METADATA` and `direct_url.json` of a `.dist-info`
//! directory, and what its traces add to a verdict.
//!
//! Left out, since installers do not record it: the hash of the archive that came from an
//! index. What is installed from there is judged by its version, and by two traces: its
//! `METADATA`, which installers copy from the wheel and whose digest is in the log; and
//! whether its files are still those of `RECORD`. Neither proves that all of it is official.
//!
//! Specification: core metadata and "Recording installed projects" on
//! packaging.python.org.

use log_core::artifact::FileName;
use log_core::hash::Hash;
use log_core::verdict::Facts;

use super::conclude::{Conclusion, releases};
use super::report::DirectUrl;
use super::{LockError, Origin, Pin, Place, Wanted, text};

/// How much of `METADATA` is looked at: the headers come first, the long description last.
pub const MAX_METADATA_BYTES: usize = 1 << 20;

/// Longest `direct_url.json`: a URL and some hashes.
pub const MAX_DIRECT_URL_BYTES: usize = 64 << 10;

/// How many changed files are named.
const MAX_NAMED: usize = 3;

/// What installed files say of themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// The digest of `METADATA`, where it was not made by whoever installed it.
    pub metadata: Option<Hash>,
    /// The files that are not as they were recorded.
    pub changed: Vec<String>,
}

/// The conclusion about what is installed, in the light of its traces.
pub fn with_traces(conclusion: Conclusion, traces: &Traces, facts: Option<&Facts>) -> Conclusion {
    if !matches!(conclusion, Conclusion::VersionOnly { .. } | Conclusion::Verified { .. }) {
        return conclusion;
    }
    if !traces.changed.is_empty() {
        return Conclusion::Disagrees(changed(&traces.changed));
    }
    let (Conclusion::VersionOnly { project, version, entries, .. }, Some(facts), Some(sha256)) =
        (&conclusion, facts, traces.metadata)
    else {
        return conclusion;
    };
    let files = || releases(facts, project, version).into_iter().flat_map(|release| &release.files);
    let mut metadata = files().filter_map(|file| Some((file.name.metadata_of()?, file.sha256))).peekable();
    if metadata.peek().is_none() {
        return conclusion;
    }
    let wheel: Option<FileName> = metadata.find(|(_, logged)| *logged == sha256).map(|(wheel, _)| wheel);
    // What was built from an sdist has metadata that the backend made.
    let may_be_built = files().any(|file| !file.name.as_str().contains(".whl"));
    if wheel.is_none() && !may_be_built {
        return Conclusion::Disagrees("its METADATA is that of none of the logged wheels".to_owned());
    }
    let (project, version, entries) = (project.clone(), version.clone(), entries.clone());
    Conclusion::VersionOnly { project, version, entries, wheel }
}

fn changed(files: &[String]) -> String {
    let mut named: Vec<String> = files.iter().take(MAX_NAMED).map(|path| text::excerpt(path)).collect();
    if files.len() > MAX_NAMED {
        named.push(format!("{} more", files.len() - MAX_NAMED));
    }
    format!("not as it was installed, by its RECORD: {}", named.join(", "))
}

/// What is installed in the directory called `place`.
pub fn parse(metadata: &[u8], direct_url: Option<&[u8]>, place: Place) -> Result<Wanted, LockError> {
    let (name, version) = (header(metadata, "Name", &place)?, header(metadata, "Version", &place)?);
    let (origin, permits) = match direct_url {
        None => (Origin::Index(None), Vec::new()),
        Some(bytes) => {
            let direct: DirectUrl = serde_json::from_slice(bytes).map_err(|error| {
                LockError::at(&place, text::excerpt(&format!("direct_url.json: {error}")))
            })?;
            direct.origin(true, &place)?
        }
    };
    Ok(Wanted {
        project: Some(text::project(&name, &place)?),
        version: Pin::of(&version),
        origin,
        permits,
        place,
    })
}

/// The value of the one header of this name, before the first empty line.
fn header(metadata: &[u8], name: &str, place: &Place) -> Result<String, LockError> {
    let text = String::from_utf8_lossy(metadata);
    let headers = text.lines().take_while(|line| !line.trim().is_empty());
    let mut values = headers.filter_map(|line| {
        let (header, value) = line.split_once(':')?;
        header.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value),
        _ => Err(LockError::at(place, format!("METADATA has not one {name}"))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use log_core::artifact::{ProjectName, Version};
    use log_core::hash::digest;
    use log_core::history::Recorded;
    use log_core::statement::{Release, ReleaseFile};
    use log_core::testing::{policy, release};
    use log_core::timeline::Timeline;

    use super::*;

    fn installed(metadata: &str, direct_url: Option<&str>) -> Result<Wanted, LockError> {
        let place = Place::Key("nova-1.0.dist-info".to_owned());
        parse(metadata.as_bytes(), direct_url.map(str::as_bytes), place)
    }

    #[test]
    fn traces_add_to_a_verdict() {
        let release = |files: &[(&str, &str)]| {
            let files = files.iter().map(|(name, bytes)| ReleaseFile {
                name: FileName::parse(name).expect("a file name"),
                sha256: digest(&[bytes.as_bytes()]),
                size: None,
            });
            let statement = Release { files: files.collect(), ..release("nova", "1.0", "x") };
            let releases = vec![Recorded { index: 2, time: None, signers: vec![], statement }];
            let (timeline, policy) = (Timeline::default(), policy());
            Facts { timeline, policy, releases, withdrawals: vec![], log_time: None, complete: true }
        };
        let (wheel, sdist) = ("nova-1.0-py3-none-any.whl", "nova-1.0.tar.gz");
        let metadata = "nova-1.0-py3-none-any.whl.metadata";
        let wheels = release(&[(wheel, "w"), (metadata, "m")]);
        let both = release(&[(wheel, "w"), (metadata, "m"), (sdist, "s")]);
        let old = release(&[(wheel, "w")]);
        let version_only = |wheel: Option<&str>| Conclusion::VersionOnly {
            project: ProjectName::parse("nova").expect("a name"),
            version: Version::parse("1.0").expect("a version"),
            entries: BTreeSet::from([2]),
            wheel: wheel.map(|name| FileName::parse(name).expect("a file name")),
        };
        let conclude = |facts: &Facts, metadata: &str, changed: &[&str]| {
            let changed = changed.iter().map(ToString::to_string).collect();
            let traces = Traces { metadata: Some(digest(&[metadata.as_bytes()])), changed };
            with_traces(version_only(None), &traces, Some(facts))
        };
        assert_eq!(conclude(&wheels, "m", &[]), version_only(Some(wheel)));
        assert_eq!(conclude(&both, "m", &[]), version_only(Some(wheel)));
        // Built from the sdist, as it seems; or the log says nothing about metadata.
        assert_eq!(conclude(&both, "other", &[]), version_only(None));
        assert_eq!(conclude(&old, "other", &[]), version_only(None));
        let disagrees = |conclusion, says: &str| {
            let Conclusion::Disagrees(what) = conclusion else { panic!("{conclusion:?}") };
            assert!(what.contains(says), "{what}");
        };
        disagrees(conclude(&wheels, "other", &[]), "none of the logged wheels");
        disagrees(conclude(&wheels, "m", &["a", "b", "c", "d", "e"]), "a, b, c, 2 more");
        let traces = Traces { metadata: None, changed: vec!["a".to_owned()] };
        let uncovered = Conclusion::NotCovered { pinned: false };
        assert_eq!(with_traces(uncovered.clone(), &traces, None), uncovered, "nobody knows better");
    }

    #[test]
    fn headers_and_direct_urls_are_read() {
        let metadata = "Metadata-Version: 2.1\r\nname: Nova.Api\r\nVersion: 1.0\r\n\r\nName: other\r\n";
        let wanted = installed(metadata, None).expect("installed");
        assert_eq!((wanted.title().as_str(), wanted.permits.len()), ("nova-api 1.0", 0));
        let file = r#"{"url":"file:///src/nova","dir_info":{"editable":true}}"#;
        let wanted = installed(metadata, Some(file)).expect("installed");
        assert_eq!(wanted.origin, Origin::Directory("file:///src/nova".to_owned()));
        let archive = format!(
            r#"{{"url":"https://f.example/nova_api-1.0.zip","archive_info":{{"hash":"sha256={}"}}}}"#,
            "0".repeat(64)
        );
        let wanted = installed(metadata, Some(&archive)).expect("installed");
        assert_eq!((wanted.origin, wanted.permits[0].digests.len()), (Origin::Archive, 1));
        for (metadata, direct_url) in [
            ("Name: nova\n", None),
            ("Name: nova\nName: other\nVersion: 1.0\n", None),
            ("Name: no va\nVersion: 1.0\n", None),
            ("Name: nova\nVersion: 1.0\n", Some("{}")),
        ] {
            assert!(installed(metadata, direct_url).is_err(), "{metadata:?}");
        }
    }
}

//! pip's installation report: what `pip install --dry-run --report -` would install.
//!
//! ```json
//! {"version": "1",
//!  "install": [{"download_info": {"url": "https://…/nova-27.0.0-py3-none-any.whl",
//!                                 "archive_info": {"hashes": {"sha256": "…"}}},
//!               "is_direct": false,
//!               "metadata": {"name": "nova", "version": "27.0.0"}}]}
//! ```
//!
//! Specification: "Installation Report" in pip's documentation, version 1; the direct URL
//! data structure on packaging.python.org, which `direct_url.json` has, too.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{LockError, Origin, Permitted, Pin, Place, Wanted, bounded, text};

#[derive(Deserialize)]
struct Report {
    version: String,
    install: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    download_info: DirectUrl,
    is_direct: bool,
    metadata: Metadata,
}

#[derive(Deserialize)]
struct Metadata {
    name: String,
    version: String,
}

/// Where a file is from.
#[derive(Debug, Deserialize)]
pub(super) struct DirectUrl {
    url: String,
    archive_info: Option<ArchiveInfo>,
    vcs_info: Option<serde_json::Value>,
    dir_info: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct ArchiveInfo {
    /// The older spelling: `sha256=<hex>`.
    hash: Option<String>,
    #[serde(default)]
    hashes: BTreeMap<String, String>,
}

/// Reads a report.
pub fn parse(bytes: &[u8]) -> Result<Vec<Wanted>, LockError> {
    let report: Report = text::json(bytes)?;
    if report.version != "1" {
        let found = text::excerpt(&report.version);
        return Err(LockError::whole(format!("it is a report of version \"{found}\", expected 1")));
    }
    let mut wanted = Vec::new();
    for (i, item) in report.install.into_iter().enumerate() {
        let place = Place::Key(format!("install[{i}]"));
        let (origin, permits) = item.download_info.origin(item.is_direct, &place)?;
        wanted.push(Wanted {
            project: Some(text::project(&item.metadata.name, &place)?),
            version: Pin::of(&item.metadata.version),
            origin,
            permits,
            place,
        });
    }
    bounded(wanted)
}

impl DirectUrl {
    /// Where it is from, and the file that it is.
    pub(super) fn origin(
        self,
        is_direct: bool,
        place: &Place,
    ) -> Result<(Origin, Vec<Permitted>), LockError> {
        match (self.archive_info, self.vcs_info, self.dir_info) {
            (Some(archive), None, None) => {
                let mut digests = Vec::new();
                for (name, value) in &archive.hashes {
                    digests.push(text::digest_of(name, value, place)?);
                }
                if let Some(hash) = archive.hash {
                    let digest = text::digest(&hash.replacen('=', ":", 1), place)?;
                    if !digests.contains(&digest) {
                        digests.push(digest);
                    }
                }
                let origin = if is_direct { Origin::Archive } else { Origin::Index(None) };
                Ok((origin, vec![Permitted { name: None, url: Some(self.url), digests }]))
            }
            (None, Some(_), None) => Ok((Origin::Repository(self.url), Vec::new())),
            (None, None, Some(_)) => Ok((Origin::Directory(self.url), Vec::new())),
            _ => Err(LockError::at(place, "it is from no place, or from several")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Digest;
    use super::*;

    const REPORT: &[u8] = include_bytes!("fixtures/report.json");

    #[test]
    fn reads_what_pip_wrote() {
        let wanted = parse(REPORT).expect("a report");
        let titles: Vec<String> = wanted.iter().map(Wanted::title).collect();
        assert_eq!(titles, ["iniconfig 2.0.0", "six 1.16.0"]);
        for file in wanted.iter().flat_map(|wanted| &wanted.permits) {
            assert!(matches!(file.digests[..], [Digest::Sha256(_)]), "the older spelling is the same hash");
        }
        assert_eq!(wanted[0].place, Place::Key("install[0]".to_owned()));
    }

    #[test]
    fn is_strict_about_what_may_be_installed() {
        let report = |info: &str| {
            format!(
                "{{\"version\":\"1\",\"install\":[{{\"download_info\":{info},\"is_direct\":true,\
                 \"metadata\":{{\"name\":\"nova\",\"version\":\"1.0\"}}}}]}}"
            )
        };
        let check = |text: String, names: &str| {
            let error = parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        };
        check("{\"version\":\"2\",\"install\":[]}".to_owned(), "version \"2\"");
        check(report("{\"url\":\"x\"}"), "install[0]: it is from no place");
        check(report("{\"url\":\"x\",\"archive_info\":{},\"dir_info\":{}}"), "several");
        check(report("{\"url\":\"x\",\"archive_info\":{\"hashes\":{\"sha256\":\"0\"}}}"), "64 hex");
        let other = format!("\"hash\":\"sha256={}\"", "1".repeat(64));
        let both = report(&format!(
            "{{\"url\":\"x\",\"archive_info\":{{{other},\"hashes\":{{\"sha256\":\"{}\"}}}}}}",
            "0".repeat(64)
        ));
        assert_eq!(parse(both.as_bytes()).expect("a report")[0].permits[0].digests.len(), 2);
        let vcs = parse(report("{\"url\":\"x\",\"vcs_info\":{}}").as_bytes()).expect("a report");
        assert_eq!(vcs[0].origin, Origin::Repository("x".to_owned()));
    }
}

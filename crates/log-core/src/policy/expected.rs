//! What those who watch package indexes compare a project with.
//!
//! ```json
//! {"pypi": {"owners": ["openstackci"], "maintainers": [], "organisation": "openstack"},
//!  "artifacts": ["sdist", "py3-none-any"], "post_releases": false, "dev_releases": false,
//!  "repository": "https://opendev.org/openstack/nova",
//!  "tarballs": "https://tarballs.opendev.org/openstack/nova/",
//!  "openpgp": [{"fingerprint": "<40 hex digits>", "from": 1775800000}]}
//! ```
//!
//! Nothing of it decides what the log takes or what a client believes. What is not there
//! is not compared.

use serde::{Deserialize, Serialize};

use super::{PolicyError, check_count, field};
use crate::limits::MAX_TEXT_BYTES;

/// What a project looks like elsewhere when all is well.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expected {
    /// Who may upload to `PyPI`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pypi: Option<Roles>,
    /// The kinds of artifacts that are published: `sdist`, and the tags of wheels as
    /// they are in file names, with `*` for any run of characters.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<String>,
    /// Whether there are post releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub post_releases: Option<bool>,
    /// Whether there are dev releases.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dev_releases: Option<bool>,
    /// The source repository's URL, as `git ls-remote` takes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The URL below which the project's own site has the same files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tarballs: Option<String>,
    /// The OpenPGP keys that sign the files there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openpgp: Vec<OpenPgpKey>,
}

/// Everybody who may upload; whoever is not listed should not be able to.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Users who own the project.
    pub owners: Vec<String>,
    /// Users who maintain it.
    pub maintainers: Vec<String>,
    /// The organisation it belongs to, whose teams are not listed anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organisation: Option<String>,
}

/// A key that signs files, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPgpKey {
    /// 40 (version 4) or 64 (version 6) lower-case hex digits.
    pub fingerprint: String,
    /// The first second of its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// The first second after its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
}

impl Expected {
    /// Whether there is nothing to compare with.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Checks all values; `at` is where this stands in the policy.
    pub(super) fn check(&self, at: &str) -> Result<(), PolicyError> {
        let name = |name: &str| format!("{at}.{name}");
        if let Some(roles) = &self.pypi {
            let users = [("owners", &roles.owners), ("maintainers", &roles.maintainers)];
            for (role, users) in users {
                let at = name(&format!("pypi.{role}"));
                check_count(&at, users.len())?;
                users.iter().try_for_each(|user| check_word(&at, user))?;
            }
            roles.organisation.iter().try_for_each(|slug| check_word(&name("pypi.organisation"), slug))?;
        }
        check_count(&name("artifacts"), self.artifacts.len())?;
        self.artifacts.iter().try_for_each(|kind| check_word(&name("artifacts"), kind))?;
        for (what, url) in [("repository", &self.repository), ("tarballs", &self.tarballs)] {
            url.iter().try_for_each(|url| check_url(&name(what), url))?;
        }
        check_count(&name("openpgp"), self.openpgp.len())?;
        for (i, key) in self.openpgp.iter().enumerate() {
            let digits = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            if !matches!(key.fingerprint.len(), 40 | 64) || !key.fingerprint.bytes().all(digits) {
                let at = name(&format!("openpgp[{i}].fingerprint"));
                return Err(field(&at, "expected 40 or 64 lower-case hex digits".into()));
            }
            check_times(&name(&format!("openpgp[{i}]")), key.from, key.until)?;
        }
        Ok(())
    }
}

/// Refuses times between which there is nothing.
pub(super) fn check_times(at: &str, from: Option<u64>, until: Option<u64>) -> Result<(), PolicyError> {
    match (from, until) {
        (Some(from), Some(until)) if until <= from => {
            Err(field(&format!("{at}.until"), format!("no time is from {from} on and before {until}")))
        }
        _ => Ok(()),
    }
}

fn check_word(at: &str, word: &str) -> Result<(), PolicyError> {
    let good = (1..=255).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(()) } else { Err(field(at, format!("{word:?} is not a word of 1 to 255 ASCII characters"))) }
}

fn check_url(at: &str, url: &str) -> Result<(), PolicyError> {
    let good = url.len() <= MAX_TEXT_BYTES
        && (url.starts_with("https://") || url.starts_with("http://"))
        && url.bytes().all(|byte| byte.is_ascii_graphic());
    if good { Ok(()) } else { Err(field(at, format!("{url:?} is not an http or https URL"))) }
}

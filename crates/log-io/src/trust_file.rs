//! The trust file: whom and what a client or witness believes.
//!
//! ```toml
//! [[log]]
//! url = "https://log.example.org/"
//! policy = """
//! log log.example.org+82258d05+AXm1…
//! quorum none
//! """
//! roots = ["root.example.org+…"]     # who signs the log's first policy
//! threshold = 1                       # how many of them
//! max_age = 86400                     # seconds; oldest acceptable cosignature
//! ```

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use log_core::key::VerifierKey;
use log_core::policy::Roots;
use log_core::rules::Genesis;
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::Trust;
use serde::{Deserialize, Serialize};

/// Longest trust file: the longest policy text and as much again.
const MAX_TRUST_FILE_BYTES: usize = 2 * log_core::limits::MAX_TRUST_POLICY_BYTES;

/// A log that is trusted, and where to find it.
#[derive(Debug, Clone)]
pub struct TrustedLog {
    /// Where to read it.
    pub url: String,
    /// What to believe.
    pub trust: Trust,
}

/// The file as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TrustFile {
    log: Vec<LogSection>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct LogSection {
    url: String,
    policy: String,
    roots: Vec<String>,
    #[serde(default = "one")]
    threshold: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
}

fn one() -> usize {
    1
}

impl TrustedLog {
    /// Where the trust file is unless told otherwise:
    /// `$XDG_CONFIG_HOME/wheeltap/trust.toml`, or `~/.config/wheeltap/trust.toml`.
    pub fn default_path() -> anyhow::Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("XDG_CONFIG_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".config")))
            .map(|base| base.join("wheeltap/trust.toml"))
            .context("neither XDG_CONFIG_HOME nor HOME is set; give the trust file with --trust")
    }

    /// Reads a trust file.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path)
            .with_context(|| format!("cannot read the trust file {}", path.display()))?;
        Self::parse(&text).with_context(|| format!("trust file {}", path.display()))
    }

    /// Reads the text of a trust file.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        ensure!(text.len() <= MAX_TRUST_FILE_BYTES, "it has more than {MAX_TRUST_FILE_BYTES} bytes");
        let file: TrustFile = toml::from_str(text)?;
        let [section] = file.log.as_slice() else {
            bail!("expected one [[log]] section, found {}", file.log.len());
        };
        let policy = TrustPolicy::parse(&section.policy).context("`policy`")?;
        let mut logs = policy.logs().map(|(key, _)| key.clone());
        let (Some(log), None) = (logs.next(), logs.next()) else {
            bail!("`policy` must have exactly one `log` line");
        };
        drop(logs);
        ensure!(
            section.max_age.is_none() || !policy.has_no_quorum(),
            "`max_age` needs a quorum of witnesses: without cosignatures a checkpoint has no age"
        );
        let mut keys = Vec::new();
        for (i, root) in section.roots.iter().enumerate() {
            keys.push(VerifierKey::parse(root).with_context(|| format!("`roots[{i}]`"))?);
        }
        let roots = Roots::new(section.threshold, keys).context("`threshold`")?;
        let trust = Trust { policy, genesis: Genesis { log, roots }, max_age: section.max_age };
        Ok(Self { url: section.url.clone(), trust })
    }

    /// The text of a trust file without witnesses.
    pub fn to_text(url: &str, log: &VerifierKey, roots: &Roots) -> anyhow::Result<String> {
        let section = LogSection {
            url: url.to_owned(),
            policy: format!("log {}\nquorum none\n", log.to_vkey()),
            roots: roots.keys.iter().map(VerifierKey::to_vkey).collect(),
            threshold: roots.threshold,
            max_age: None,
        };
        Ok(toml::to_string(&TrustFile { log: vec![section] })?)
    }
}

#[cfg(test)]
mod tests {
    use log_core::key::{KeyName, SignerKey};

    use super::*;

    fn key(name: &str) -> VerifierKey {
        let name = KeyName::parse(name).expect("a name");
        SignerKey::from_seed(name, &[7; 32]).public().clone()
    }

    #[test]
    fn trust_files_round_trip_and_are_strict() {
        let roots = Roots::new(1, vec![key("root")]).expect("one root");
        let good = TrustedLog::to_text("http://127.0.0.1:1/", &key("log"), &roots).expect("a text");
        let trusted = TrustedLog::parse(&good).expect("a trust file");
        assert_eq!(trusted.url, "http://127.0.0.1:1/");
        assert_eq!(trusted.trust.genesis.log, key("log"));
        for (bad, names) in [
            (String::new(), "log"),
            (format!("{good}\n{good}"), "expected one"),
            (good.replace("url", "uri"), "uri"),
            (good.replace("quorum none", "quorum w"), "`policy`"),
            (good.replace("roots = [\"root", "roots = [\"boot"), "`roots[0]`"),
            (good.replace("threshold = 1", "threshold = 2"), "`threshold`"),
            (format!("{good}max_age = 5\n"), "max_age"),
        ] {
            let error = format!("{:#}", TrustedLog::parse(&bad).expect_err(&bad));
            assert!(error.contains(names), "{error} should name {names}");
        }
    }
}

//! What can be set, and the file to set it in.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use clap::ValueEnum;
use serde::Deserialize;

/// Longest configuration file.
const MAX_CONFIG_BYTES: u64 = 64 << 10;

/// PyPI's index, and where its files are.
pub const PYPI: &str = "https://pypi.org/simple/";
const PYPI_FILES: &str = "files.pythonhosted.org";

/// How the proxy is to run.
#[derive(Debug, Clone)]
pub struct ProxyConfig {
    /// Where it listens; port 0: a free one.
    pub listen: SocketAddr,
    /// Names by which it is reached, beside `localhost`.
    pub names: Vec<String>,
    /// The index that is asked.
    pub upstream: Upstream,
    /// What becomes of files without a good verdict.
    pub on_unlogged: OnUnlogged,
    /// Only pages are served; files are fetched from where the index has them.
    pub index_only: bool,
    /// For how many seconds what the log says of a project is not asked again.
    pub max_age: u64,
    /// Where verified files are kept.
    pub cache: PathBuf,
    /// How many bytes of them.
    pub cache_bytes: u64,
    /// Where pins and the grace list are.
    pub state: PathBuf,
    /// Whether each request is logged.
    pub access_log: bool,
}

/// The index that is asked.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// The URL of its Simple API.
    pub url: String,
    /// Who asks.
    pub username: Option<String>,
    /// The password of whoever asks.
    pub password: Option<String>,
    /// A file with the password.
    pub password_file: Option<PathBuf>,
    /// Other hosts that its files may be on.
    pub file_hosts: Vec<String>,
}

/// What becomes of files without a good verdict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnUnlogged {
    /// They are listed, and their download is refused with the reason
    #[default]
    Block,
    /// They are not listed: installers fall back to other versions
    Hide,
}

/// The file, all of whose fields have defaults.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ConfigFile {
    pub(crate) listen: Option<SocketAddr>,
    pub(crate) names: Option<Vec<String>>,
    pub(crate) on_unlogged: Option<OnUnlogged>,
    pub(crate) index_only: Option<bool>,
    pub(crate) max_age: Option<u64>,
    pub(crate) access_log: Option<bool>,
    pub(crate) upstream: Option<Upstream>,
    pub(crate) cache: Option<CacheFile>,
}

/// Its part about the cache.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct CacheFile {
    pub(crate) directory: Option<PathBuf>,
    pub(crate) size: Option<String>,
}

impl ProxyConfig {
    /// The defaults, with these directories for verified files and for what is remembered.
    pub fn new(cache: PathBuf, state: PathBuf) -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8070).into(),
            names: Vec::new(),
            upstream: Upstream::default(),
            on_unlogged: OnUnlogged::Block,
            index_only: false,
            max_age: 30,
            cache,
            cache_bytes: 2 << 30,
            state,
            access_log: false,
        }
    }

    /// Where verified files are kept unless told otherwise: `$XDG_CACHE_HOME/wheeltap`, or
    /// `~/.cache/wheeltap`.
    pub fn default_cache() -> anyhow::Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("XDG_CACHE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".cache")))
            .map(|base| base.join("wheeltap"))
            .context("neither XDG_CACHE_HOME nor HOME is set; give a directory with --cache")
    }

    /// Takes what a configuration file says.
    pub(crate) fn take(&mut self, file: ConfigFile) -> anyhow::Result<()> {
        let ConfigFile { listen, names, on_unlogged, index_only, max_age, access_log, upstream, cache } =
            file;
        set(&mut self.listen, listen);
        set(&mut self.names, names);
        set(&mut self.on_unlogged, on_unlogged);
        set(&mut self.index_only, index_only);
        set(&mut self.max_age, max_age);
        set(&mut self.access_log, access_log);
        set(&mut self.upstream, upstream);
        let CacheFile { directory, size } = cache.unwrap_or_default();
        set(&mut self.cache, directory);
        let size = size.map(|size| parse_size(&size)).transpose();
        set(&mut self.cache_bytes, size.map_err(anyhow::Error::msg).context("`cache.size`")?);
        Ok(())
    }
}

fn set<T>(to: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *to = value;
    }
}

impl ConfigFile {
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let place = || format!("the configuration {}", path.display());
        let length = std::fs::metadata(path).with_context(|| format!("cannot read {}", place()))?.len();
        ensure!(length <= MAX_CONFIG_BYTES, "{} has more than {MAX_CONFIG_BYTES} bytes", place());
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", place()))?;
        Self::parse(&text).with_context(place)
    }

    /// What is wrong is said without the line that it is in, which may be the password's.
    fn parse(text: &str) -> anyhow::Result<Self> {
        toml::from_str(text).map_err(|error: toml::de::Error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            // "invalid type: string "…", expected a map" has the value, too.
            let said = error.message();
            let value = said.starts_with("invalid ").then(|| said.rsplit_once(", expected ")).flatten();
            match value {
                Some((_, expected)) => anyhow!("line {line}: expected {expected}"),
                None => anyhow!("line {line}: {said}"),
            }
        })
    }
}

impl Default for Upstream {
    fn default() -> Self {
        Self {
            url: PYPI.to_owned(),
            username: None,
            password: None,
            password_file: None,
            file_hosts: Vec::new(),
        }
    }
}

impl Upstream {
    /// The name and password to give to the index.
    pub(super) fn credentials(&self) -> anyhow::Result<Option<(String, String)>> {
        let Some(user) = &self.username else {
            ensure!(self.password.is_none() && self.password_file.is_none(), "a password needs a `username`");
            return Ok(None);
        };
        let password = match (&self.password, &self.password_file) {
            (Some(_), Some(_)) => anyhow::bail!("give `password` or `password_file`, not both"),
            (Some(password), None) => password.clone(),
            (None, Some(path)) => std::fs::read_to_string(path)
                .with_context(|| format!("cannot read the password file {}", path.display()))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
            (None, None) => String::new(),
        };
        Ok(Some((user.clone(), password)))
    }

    /// Hosts that its files may be on, beside its own.
    pub(super) fn file_hosts(&self) -> Vec<String> {
        let mut hosts = self.file_hosts.clone();
        if self.url.trim_end_matches('/') == PYPI.trim_end_matches('/') {
            hosts.push(PYPI_FILES.to_owned());
        }
        hosts
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The URL may have a password in it, too.
        f.debug_struct("Upstream").field("file_hosts", &self.file_hosts).finish_non_exhaustive()
    }
}

/// Bytes: a number, or one with `KiB`, `MiB` or `GiB`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let units = [("GiB", 30), ("MiB", 20), ("KiB", 10), ("", 0)];
    let parsed = units.iter().find_map(|(unit, shift)| {
        let number: u64 = text.strip_suffix(unit)?.trim().parse().ok()?;
        number.checked_mul(1 << shift)
    });
    parsed.ok_or_else(|| format!("{text:?} is no size; expected a number of bytes, or e.g. 500MiB or 2GiB"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sample_is_the_defaults() {
        let sample = include_str!("../../../../docs/wheeltap-proxy.toml");
        let mut config = ProxyConfig::new("cache".into(), "state".into());
        let defaults = format!("{config:?}");
        config.take(toml::from_str(sample).expect("a configuration")).expect("valid");
        config.cache = "cache".into();
        assert_eq!(format!("{config:?}"), defaults);
        // What is commented out is right, too.
        let lines: Vec<&str> = sample.lines().map(|line| line.strip_prefix("#: ").unwrap_or(line)).collect();
        let all = lines.join(
            "
",
        );
        let mut config = ProxyConfig::new("cache".into(), "state".into());
        config.take(toml::from_str(&all).expect("a configuration")).expect("valid");
        assert_eq!(config.upstream.username.as_deref(), Some("ci"));
        assert!(toml::from_str::<ConfigFile>("listn = 1").is_err(), "a field that is none");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_value() {
        for (text, said) in [
            ("[upstream]\npassword = s3cret", "line 2: "),
            ("[upstream]\npassword = 12345", "line 2: expected a string"),
            ("[upstream]\npasswort = \"s3cret\"", "line 2: unknown field `passwort`"),
            ("\nupstream = \"https://ci:s3cret@h/\"", "line 2: expected struct Upstream"),
            ("listen = \"s3cret\"", "line 1: "),
            ("on_unlogged = 12345", "line 1: "),
            ("[upstream]\npassword = \"s3cret", "line 2: "),
        ] {
            let error = ConfigFile::parse(text).expect_err("it is wrong").to_string();
            assert!(error.starts_with(said), "{text}: {error}");
            assert!(!error.contains("s3cret") && !error.contains("12345"), "{text}: {error}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(parse_size("12"), Ok(12));
        assert_eq!(parse_size("2GiB"), Ok(2 << 30));
        assert_eq!(parse_size("500 MiB"), Ok(500 << 20));
        for bad in ["", "GiB", "-1", "1.5GiB", "2GB", "99999999999GiB"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
    }
}

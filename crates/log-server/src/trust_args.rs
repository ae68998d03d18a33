//! Arguments of commands that read a log as everybody does: whom to believe, and
//! where what is learnt about it is kept.

use std::path::{Path, PathBuf};

use clap::Args;
use log_core::policy::Roots;
use log_io::key_file;
use log_io::outcome::Failure;
use log_io::state::LogState;
use log_io::trust_file::TrustedLog;

/// Whom to believe.
#[derive(Debug, Args)]
#[command(next_help_heading = "Trust")]
pub struct TrustArgs {
    /// A trust file: the log's key, its witnesses and roots
    #[arg(long, value_name = "FILE", conflicts_with_all = ["key", "roots"])]
    pub trust: Option<PathBuf>,
    /// The log's public key, or a file with it; no witnesses are asked for
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// Public key of someone who signs policies, or a file with it; repeat for several
    #[arg(long = "root", value_name = "KEY", requires = "key")]
    pub roots: Vec<String>,
    /// How many root keys must sign a policy
    #[arg(long, default_value_t = 1)]
    pub threshold: usize,
    /// Where the last seen checkpoint and evidence are kept [default: ~/.local/state/wheeltap]
    #[arg(long, env = "WHEELTAP_STATE", hide_env_values = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

impl TrustArgs {
    /// The log that the arguments speak of, read at `url` or else where the trust
    /// file says; `None` when they name none.
    pub fn trusted_log(&self, url: Option<&str>) -> Result<Option<TrustedLog>, Failure> {
        let mut trusted = match (&self.trust, &self.key) {
            (Some(path), _) => TrustedLog::load(path)?,
            (None, Some(key)) => self.without_witnesses(key)?,
            (None, None) => return Ok(None),
        };
        if let Some(url) = url {
            url.clone_into(&mut trusted.url);
        }
        Ok(Some(trusted))
    }

    /// The state directory.
    pub fn state_directory(&self) -> anyhow::Result<PathBuf> {
        self.state.clone().map_or_else(LogState::default_directory, Ok)
    }

    fn without_witnesses(&self, key: &str) -> Result<TrustedLog, Failure> {
        let usage = |what: &str, error: &dyn std::fmt::Display| Failure::usage(format!("{what}: {error}"));
        let public = |text: &str| key_file::public_key(text);
        let log = public(key).map_err(|error| usage("--key", &format!("{error:#}")))?;
        let mut roots = Vec::new();
        for root in &self.roots {
            roots.push(public(root).map_err(|error| usage("--root", &format!("{error:#}")))?);
        }
        if roots.is_empty() {
            // Nobody who signs no policies is asked about policies.
            roots.push(log.clone());
        }
        let roots = Roots::new(self.threshold, roots).map_err(|error| usage("--threshold", &error))?;
        Ok(TrustedLog::parse(&TrustedLog::to_text("file:///", &log, &roots)?)?)
    }
}

/// The URL of a directory.
pub fn file_url(directory: &Path) -> anyhow::Result<String> {
    Ok(format!("file://{}", std::path::absolute(directory)?.display()))
}

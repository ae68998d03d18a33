//! Arguments that commands of several binaries share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::fetch::Http;
use crate::session::Session;
use crate::state::LogState;
use crate::trust_file::TrustedLog;

/// Which log, and what is known about it.
#[derive(Debug, Args)]
#[command(next_help_heading = "The log")]
pub struct LogArgs {
    /// The trust file [default: ~/.config/wheeltap/trust.toml]
    #[arg(long, env = "WHEELTAP_TRUST", hide_env_values = true, value_name = "FILE")]
    pub trust: Option<PathBuf>,
    /// Where the last seen checkpoint and evidence are kept [default: ~/.local/state/wheeltap]
    #[arg(long, env = "WHEELTAP_STATE", hide_env_values = true, value_name = "DIR")]
    pub state: Option<PathBuf>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs; has a `schema` number
    Json,
}

impl LogArgs {
    /// Reads the trust file and starts a session for the tool called `tool`.
    pub fn session(&self, tool: &str) -> anyhow::Result<Session> {
        let state = match &self.state {
            Some(state) => state.clone(),
            None => LogState::default_directory()?,
        };
        Session::new(Http::new(tool)?, self.trusted_log()?, &state)
    }

    /// Reads the trust file.
    pub fn trusted_log(&self) -> anyhow::Result<TrustedLog> {
        let path = match &self.trust {
            Some(path) => path.clone(),
            None => TrustedLog::default_path()?,
        };
        TrustedLog::load(&path)
    }
}

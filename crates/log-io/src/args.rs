//! Arguments that commands of several binaries share.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use log_core::artifact::ProjectName;

use crate::fetch::Http;
use crate::outcome::Failure;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::state::LogState;
use crate::trust_file::{TrustFile, TrustedLog};

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
    /// Which log, when the trust file has several: its origin
    #[arg(long, value_name = "ORIGIN")]
    pub log: Option<String>,
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
    /// Reads the trust file and starts a session with its log for the tool called `tool`.
    /// Where there are several, one must have been named.
    pub fn session(&self, tool: &str) -> Result<Session, Failure> {
        Ok(Session::new(Http::new(tool)?, self.trusted_log()?, &self.state_directory()?)?)
    }

    /// The same with the log that is asked about these projects, unless one was named.
    pub fn session_of(&self, tool: &str, projects: &[&ProjectName]) -> Result<Session, Failure> {
        if self.log.is_some() {
            return self.session(tool);
        }
        let path = self.trust_path()?;
        let trust = TrustFile::load(&path)?;
        let mut asked: Option<&TrustedLog> = None;
        for project in projects {
            let log = trust.log_of(project).ok_or_else(|| {
                Failure::usage(format!(
                    "no log in the trust file {} is asked about {project}",
                    path.display()
                ))
                .hint("add one that is: `wheeltap trust add URL --project PATTERN`; or name one with --log ORIGIN")
            })?;
            if let Some(other) = asked.filter(|other| other.origin() != log.origin()) {
                let message = format!(
                    "{} and {} are asked about different ones of these",
                    other.origin(),
                    log.origin()
                );
                return Err(Failure::usage(message).hint("ask about them one after the other"));
            }
            asked = Some(log);
        }
        match asked {
            Some(log) => Ok(Session::new(Http::new(tool)?, log.clone(), &self.state_directory()?)?),
            None => self.session(tool),
        }
    }

    /// Reads the trust file and starts a session with each of its logs, or with the one
    /// that was named.
    pub fn sessions(&self, tool: &str) -> Result<Sessions, Failure> {
        let mut trust = TrustFile::load(&self.trust_path()?)?;
        if self.log.is_some() {
            trust.logs = vec![self.trusted_log()?];
        }
        Ok(Sessions::new(&Http::new(tool)?, trust, &self.state_directory()?)?)
    }

    /// Reads the trust file, for all its logs or the one that was named.
    pub fn trusted_logs(&self) -> Result<Vec<TrustedLog>, Failure> {
        match &self.log {
            Some(_) => Ok(vec![self.trusted_log()?]),
            None => Ok(TrustFile::load(&self.trust_path()?)?.logs),
        }
    }

    /// Reads the trust file, for its log or the one that was named.
    pub fn trusted_log(&self) -> Result<TrustedLog, Failure> {
        let path = self.trust_path()?;
        let trust = TrustFile::load(&path)?;
        let log = match &self.log {
            Some(origin) => trust.named(origin),
            None => trust.only(),
        };
        log.map_err(|error| {
            Failure::usage(format!("trust file {}: {error:#}", path.display()))
                .hint("say which with --log ORIGIN")
        })
    }

    /// The trust file.
    pub fn trust_path(&self) -> anyhow::Result<PathBuf> {
        self.trust.clone().map_or_else(TrustedLog::default_path, Ok)
    }

    /// Where checkpoints and evidence are kept.
    pub fn state_directory(&self) -> anyhow::Result<PathBuf> {
        self.state.clone().map_or_else(LogState::default_directory, Ok)
    }
}

//! `wheeltap trust`: the file that says whom and what to believe.
//!
//! | module | owns |
//! |---|---|
//! | `add` | one log more, after looking at it and asking |
//! | `policy_text` | the C2SP tlog-policy of a log, from keys on the command line |
//! | `look` | what a log is, before it is trusted |
//! | `show` | the logs of the file |
//! | `remove` | one log less |
//!
//! What the text of the file becomes is `log_io::trust_edit`; here it is read and written.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use log_io::args::LogArgs;
use log_io::durable;
use log_io::outcome::{Failure, Outcome};
use log_io::trust_file::TrustFile;

mod add;
mod look;
mod policy_text;
mod remove;
mod show;

/// The commands of `wheeltap trust`.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Trust a log: look at it, ask, and add it to the trust file
    Add(Box<add::AddArgs>),
    /// Show the logs of the trust file, and what was last seen of them
    Show(show::ShowArgs),
    /// Take a log out of the trust file
    Remove(remove::RemoveArgs),
}

/// Where the trust file and the state are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
struct FileArgs {
    /// The trust file [default: ~/.config/wheeltap/trust.toml]
    #[arg(long, env = "WHEELTAP_TRUST", hide_env_values = true, value_name = "FILE")]
    trust: Option<PathBuf>,
    /// Where the last seen checkpoint and evidence are kept [default: ~/.local/state/wheeltap]
    #[arg(long, env = "WHEELTAP_STATE", hide_env_values = true, value_name = "DIR")]
    state: Option<PathBuf>,
}

impl FileArgs {
    fn trust_path(&self) -> anyhow::Result<PathBuf> {
        self.as_log_args().trust_path()
    }

    fn state_directory(&self) -> anyhow::Result<PathBuf> {
        self.as_log_args().state_directory()
    }

    /// The defaults are those of all commands.
    fn as_log_args(&self) -> LogArgs {
        LogArgs { trust: self.trust.clone(), state: self.state.clone(), log: None }
    }
}

/// Runs a trust command.
pub async fn run(command: &TrustCommand) -> Outcome {
    match command {
        TrustCommand::Add(args) => add::run(args).await,
        TrustCommand::Show(args) => show::run(args),
        TrustCommand::Remove(args) => remove::run(args),
    }
}

/// Replaces the text of the trust file by what `edit` makes of it. Two processes do it
/// one after the other, and each sees what the other wrote.
fn change(path: &Path, edit: impl FnOnce(Option<&str>) -> Result<String, Failure>) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::from(anyhow::Error::from(error).context(format!("cannot write {}", path.display())))
    };
    // A link stays one: the file that it names is what is changed.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or_else(|| Path::new("."));
    durable::create_directory(directory).map_err(failed)?;
    // The directory is what is locked, since the file is replaced.
    let lock = File::open(directory).map_err(failed)?;
    lock.lock().map_err(failed)?;
    let text = edit(TrustFile::read(&path)?.as_deref())?;
    durable::write(&path, text.as_bytes()).map_err(failed)
}

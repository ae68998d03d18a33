//! The command line of `wheeltap-log`.

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};
use log_core::policy::Roots;
use log_io::key_file;
use log_io::outcome::{Exit, Failure, Outcome, note, print};

use crate::config::ConfigArgs;
use crate::fsck::{self, FsckArgs};
use crate::mirror::{self, MirrorArgs};
use crate::tls::Tls;
use crate::{init, maintenance, serve};

const AFTER_HELP: &str = "\
A first log, on this machine:
  wheeltap keygen root.example.org root.key
  wheeltap-log init --dir log --origin log.example.org --root root.key.pub
  wheeltap-log serve --dir log

Then make, sign and submit the first policy with `wheeltap policy`.

Exit codes: 0 done, 1 failed, 2 usage; `fsck` and `mirror` have more.";

/// The log: an append-only record of the files that releases are made of.
#[derive(Debug, Parser)]
#[command(name = "wheeltap-log", version, about, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a log: its key, its directories, an empty tree
    ///
    /// Prints the log's public key (a C2SP vkey), which everybody who verifies the
    /// log needs. The private key stays in DIR/private/log.key: back it up, and
    /// never use it or the origin for another log.
    Init {
        /// Where the log goes; must be missing or empty
        #[arg(long)]
        dir: PathBuf,
        /// The log's name: its future URL without the scheme, e.g. log.example.org
        #[arg(long)]
        origin: String,
        /// Public key of someone who signs policies, or a file with it; repeat for several
        #[arg(long = "root", required = true, value_name = "KEY")]
        roots: Vec<String>,
        /// How many root keys must sign a policy
        #[arg(long, default_value_t = 1)]
        threshold: usize,
    },
    /// Serve a log over HTTP
    ///
    /// Prints one line with its address when it is ready, and one with that of its
    /// metrics. DIR/public/ is a complete C2SP tlog-tiles log, so any static web server
    /// can serve reads as well. SIGTERM ends it in order, a second one at once; SIGHUP
    /// makes it read its TLS certificate again.
    Serve {
        /// The log's directory
        #[arg(long)]
        dir: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Print the configuration that `serve` would use, or what is wrong with it
    CheckConfig {
        /// The log's directory
        #[arg(long)]
        dir: PathBuf,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Check a whole log: every entry, tile and rule
    ///
    /// Reads the log as everybody does, from a directory or over HTTP, derives every
    /// hash again and compares it with what the log has signed. In a data directory
    /// the private side is looked at, too, unless a server runs.
    Fsck(FsckArgs),
    /// Copy a log into a directory that any static web server can serve
    ///
    /// Copies what is new since the last run. Every file is authenticated before it
    /// gets its name, and the checkpoint comes last, so readers see a whole log at any
    /// moment; the rules are checked by `fsck`.
    Mirror(MirrorArgs),
    /// Delete partial tiles that a stopped log needs no more
    ///
    /// A running log does this itself, ten minutes after nobody asks for them; this is
    /// for a log that has many from before.
    Gc {
        /// The log's data directory
        #[arg(long)]
        dir: PathBuf,
    },
    /// Build the derived database of a stopped log again
    ///
    /// It holds nothing that is not in the log, and is also built at the start when it
    /// is missing or found to be wrong.
    Reindex {
        /// The log's data directory
        #[arg(long)]
        dir: PathBuf,
    },
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Cli {
    /// Does what was asked.
    pub async fn run(self) -> Outcome {
        match self.command {
            Command::Init { dir, origin, roots, threshold } => {
                let mut keys = Vec::new();
                for root in &roots {
                    let key = key_file::public_key(root);
                    keys.push(key.map_err(|error| Failure::usage(format!("--root: {error:#}")))?);
                }
                let roots = Roots::new(threshold, keys)
                    .map_err(|error| Failure::usage(format!("--threshold: {error}")))?;
                let key = init::init(&dir, &origin, roots)?;
                note(format_args!("made the log {origin} in {}; its public key:", dir.display()));
                print(key.to_vkey());
                Ok(Exit::Ok)
            }
            Command::Serve { dir, config } => {
                serve::serve(&dir, config.load(&dir)?).await?;
                Ok(Exit::Ok)
            }
            Command::CheckConfig { dir, config } => {
                let config = config.load(&dir)?;
                config.tls.clone().map(Tls::load).transpose()?;
                print(config.to_text()?.trim_end());
                Ok(Exit::Ok)
            }
            Command::Fsck(args) => fsck::run(&args).await,
            Command::Mirror(args) => mirror::run(&args).await,
            Command::Gc { dir } => {
                maintenance::gc(&dir)?;
                Ok(Exit::Ok)
            }
            Command::Reindex { dir } => {
                let size = maintenance::reindex(&dir)?;
                note(format_args!("the derived database has all {size} entries again"));
                Ok(Exit::Ok)
            }
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "wheeltap-log", &mut std::io::stdout());
                Ok(Exit::Ok)
            }
        }
    }
}

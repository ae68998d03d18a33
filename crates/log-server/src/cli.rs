//! The command line of `wheeltap-log`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};
use log_core::policy::Roots;
use log_io::key_file;
use log_io::outcome::{Exit, Failure, Outcome, note, print};

use crate::{init, serve};

const AFTER_HELP: &str = "\
A first log, on this machine:
  wheeltap keygen root.example.org root.key
  wheeltap-log init --dir log --origin log.example.org --root root.key.pub
  wheeltap-log serve --dir log

Then make, sign and submit the first policy with `wheeltap policy`.

Exit codes: 0 done, 1 failed, 2 usage.";

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
    /// Prints one line with its address when it is ready. DIR/public/ is a complete
    /// C2SP tlog-tiles log, so any static web server can serve reads as well.
    Serve {
        /// The log's directory
        #[arg(long)]
        dir: PathBuf,
        /// Address to listen on; port 0 takes a free one
        #[arg(long, default_value = "127.0.0.1:8470")]
        listen: SocketAddr,
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
            Command::Serve { dir, listen } => {
                serve::serve(&dir, listen).await?;
                Ok(Exit::Ok)
            }
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "wheeltap-log", &mut std::io::stdout());
                Ok(Exit::Ok)
            }
        }
    }
}

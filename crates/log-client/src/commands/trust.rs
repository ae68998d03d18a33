//! `wheeltap trust`: makes the file that says whom and what to believe.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use log_core::policy::Roots;
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use log_io::trust_file::TrustedLog;
use log_io::{durable, key_file};

/// The commands of `wheeltap trust`.
#[derive(Debug, Subcommand)]
pub enum TrustCommand {
    /// Make a trust file for one log, without witnesses
    ///
    /// The keys must come from somewhere you trust, not from the log itself. Witnesses
    /// are added by editing `policy`, a C2SP tlog-policy.
    Init(TrustInitArgs),
}

/// Arguments of `wheeltap trust init`.
#[derive(Debug, Args)]
pub struct TrustInitArgs {
    /// The log's URL (http, https, or file for a directory)
    #[arg(long)]
    url: String,
    /// The log's public key, or a file with it
    #[arg(long, value_name = "KEY")]
    log_key: String,
    /// Public key of someone who signs policies, or a file with it; repeat for several
    #[arg(long = "root", required = true, value_name = "KEY")]
    roots: Vec<String>,
    /// How many root keys must have signed the policy
    #[arg(long, default_value_t = 1)]
    threshold: usize,
    /// Where to write it [default: stdout]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Runs a trust command.
pub fn run(command: &TrustCommand) -> Outcome {
    let TrustCommand::Init(args) = command;
    let usage = |name: &str| {
        let name = name.to_owned();
        move |error: anyhow::Error| Failure::usage(format!("{name}: {error:#}"))
    };
    let log = key_file::public_key(&args.log_key).map_err(usage("--log-key"))?;
    let keys: anyhow::Result<Vec<_>> = args.roots.iter().map(|root| key_file::public_key(root)).collect();
    let roots = Roots::new(args.threshold, keys.map_err(usage("--root"))?)
        .map_err(|error| Failure::usage(format!("--threshold: {error}")))?;
    let text = TrustedLog::to_text(&args.url, &log, &roots)?;
    TrustedLog::parse(&text)?;
    match &args.out {
        None => print(text.trim_end()),
        Some(path) if path.exists() => {
            return Err(Failure::usage(format!("{} exists", path.display()))
                .hint("it may trust witnesses that the new one would not; move it away first"));
        }
        Some(path) => {
            durable::write(path, text.as_bytes())
                .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
            note(format_args!("wrote {}", path.display()));
        }
    }
    Ok(Exit::Ok)
}

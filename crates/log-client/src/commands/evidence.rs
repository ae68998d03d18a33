//! `wheeltap evidence`: checks evidence that somebody else, or this machine, has
//! kept, with nothing but the keys of the trust file.

use std::io;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use log_core::evidence::Evidence;
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, print};

/// Longest evidence file that is read: the entries of a whole small log.
const MAX_EVIDENCE_BYTES: u64 = 1 << 30;

/// Arguments of `wheeltap evidence`.
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    /// The evidence file
    file: PathBuf,
    #[command(flatten)]
    log: LogArgs,
}

/// Checks evidence; exit code 13 when it shows misbehaviour.
pub fn run(args: &EvidenceArgs) -> Outcome {
    let logs = args.log.trusted_logs()?;
    let path = args.file.display();
    let length = match std::fs::metadata(&args.file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Failure::usage(format!("there is no file {path}"))
                .hint("`wheeltap trust show` says where this machine keeps evidence"));
        }
        metadata => metadata.with_context(|| path.to_string())?.len(),
    };
    if length > MAX_EVIDENCE_BYTES {
        return Err(Failure::new(format!("{path} is too long")));
    }
    let bytes = std::fs::read(&args.file).with_context(|| path.to_string())?;
    let evidence: Evidence = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(format!("{path} is not evidence: {error}"))
            .hint("give the file that a command has named when it ended with exit code 13")
    })?;
    let mut refused = None;
    for log in &logs {
        match evidence.verify(&log.trust.genesis, &log.trust.policy.witness_keys()) {
            Ok(what) => {
                print(format_args!("{what}: proven against {}", log.origin()));
                return Ok(Exit::Misbehaved);
            }
            Err(error) => refused = Some(error),
        }
    }
    let whose = if logs.len() == 1 { String::new() } else { format!(" of any of {} logs", logs.len()) };
    let why = refused.map(|error| error.to_string()).unwrap_or_default();
    Err(Failure::new(format!("{why}{whose}")).hint("is the log that it accuses in the trust file?"))
}

//! `wheeltap evidence`: checks evidence that somebody else, or this machine, has
//! kept, with nothing but the keys of the trust file.

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
    let length = std::fs::metadata(&args.file).with_context(|| args.file.display().to_string())?.len();
    if length > MAX_EVIDENCE_BYTES {
        return Err(Failure::new(format!("{} is too long", args.file.display())));
    }
    let bytes = std::fs::read(&args.file).with_context(|| args.file.display().to_string())?;
    let evidence: Evidence =
        serde_json::from_slice(&bytes).with_context(|| format!("{} is not evidence", args.file.display()))?;
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

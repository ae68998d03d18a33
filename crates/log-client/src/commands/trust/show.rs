//! `wheeltap trust show`: the logs of the trust file, and what was last seen of them.
//! No network is used.

use std::path::PathBuf;

use clap::Args;
use log_core::checkpoint::OpenCheckpoint;
use log_core::key::VerifierKey;
use log_core::times::duration;
use log_io::args::Format;
use log_io::outcome::{Exit, Outcome, print, shown};
use log_io::state::LogState;
use log_io::trust_file::{TrustFile, TrustedLog, Uncovered};
use serde_json::{Value, json};

use super::FileArgs;

/// Arguments of `wheeltap trust show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    files: FileArgs,
}

/// A log, and the size of the last tree that was seen of it; the error where what is kept
/// of it cannot be read.
struct Shown<'a> {
    log: &'a TrustedLog,
    seen: Result<Option<u64>, String>,
    evidence: usize,
    /// Where that is kept.
    evidence_in: PathBuf,
}

pub(super) fn run(args: &ShowArgs) -> Outcome {
    let path = args.files.trust_path()?;
    let state = args.files.state_directory()?;
    let trust = TrustFile::load(&path)?;
    let logs: Vec<Shown<'_>> = trust.logs.iter().map(|log| Shown::new(log, &state)).collect();
    match args.format {
        Format::Text => {
            print(format_args!("trust file  {}", path.display()));
            print(format_args!("uncovered   {}", in_words(trust.uncovered)));
            if trust.grace > 0 {
                print(format_args!("grace       {} while a log cannot be reached", duration(trust.grace)));
            }
            for log in &logs {
                print("");
                log.to_text().iter().for_each(print);
            }
        }
        Format::Json => {
            let json = json!({
                "schema": 1,
                "trust_file": path.display().to_string(),
                "uncovered": trust.uncovered,
                "grace": trust.grace,
                "logs": logs.iter().map(Shown::to_json).collect::<Vec<_>>(),
            });
            print(format_args!("{json:#}"));
        }
    }
    Ok(Exit::Ok)
}

impl<'a> Shown<'a> {
    fn new(log: &'a TrustedLog, state: &std::path::Path) -> Self {
        let state = LogState::new(state, log.origin());
        let seen = state.last_checkpoint().map_err(|error| format!("{error:#}")).and_then(|bytes| {
            let open = |bytes: Vec<u8>| OpenCheckpoint::open(&bytes, &log.trust.genesis.log);
            let seen = bytes.map(open).transpose().map_err(|error| error.to_string())?;
            Ok(seen.map(|seen| seen.size()))
        });
        Self { log, seen, evidence: state.evidence_count(), evidence_in: state.evidence_directory() }
    }

    fn to_text(&self) -> Vec<String> {
        let Self { log, .. } = self;
        let trust = &log.trust;
        let mut lines =
            vec![format!("log         {}", log.origin()), format!("url         {}", shown(&log.url))];
        let projects: Vec<String> = log.projects.iter().map(ToString::to_string).collect();
        let projects = if projects.is_empty() { "all projects".to_owned() } else { projects.join(", ") };
        lines.push(format!("asked about {projects}"));
        lines.push(format!("log key     {}", trust.genesis.log.to_vkey()));
        lines.push(format!("root keys   {} of:", trust.genesis.roots.threshold));
        lines.extend(trust.genesis.roots.keys.iter().map(|key| format!("            {}", key.to_vkey())));
        if trust.policy.has_no_quorum() {
            lines.push("witnesses   none".to_owned());
        } else {
            let age = trust.max_age.map(|age| format!(", cosignatures at most {} old", duration(age)));
            lines.push(format!("witnesses   {}{}:", self.quorum(), age.unwrap_or_default()));
            lines.extend(trust.policy.witnesses().map(|(key, _)| format!("            {}", key.to_vkey())));
        }
        lines.push(match &self.seen {
            Ok(None) => "last seen   never".to_owned(),
            Ok(Some(size)) => format!("last seen   at size {size}"),
            Err(error) => format!("last seen   DAMAGED: {}", shown(error)),
        });
        if self.evidence > 0 {
            let pieces = if self.evidence == 1 { "piece" } else { "pieces" };
            let directory = self.evidence_in.display();
            lines.push(format!("evidence    {} {pieces} of evidence in {directory}", self.evidence));
        }
        lines
    }

    /// The `quorum` line of its policy.
    fn quorum(&self) -> &str {
        let line = self.log.policy.lines().map(str::trim).find(|line| line.starts_with("quorum"));
        line.unwrap_or("quorum")
    }

    fn to_json(&self) -> Value {
        let Self { log, .. } = self;
        let trust = &log.trust;
        let seen = self.seen.as_ref();
        json!({
            "origin": log.origin(),
            "url": log.url,
            "projects": log.projects.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "log_key": trust.genesis.log.to_vkey(),
            "roots": trust.genesis.roots.keys.iter().map(VerifierKey::to_vkey).collect::<Vec<_>>(),
            "threshold": trust.genesis.roots.threshold,
            "policy": log.policy,
            "max_age": trust.max_age,
            "last_seen_size": seen.ok().copied().flatten(),
            "last_seen_error": seen.err(),
            "evidence": self.evidence,
        })
    }
}

fn in_words(uncovered: Uncovered) -> &'static str {
    match uncovered {
        Uncovered::Pass => "projects that no log covers pass",
        Uncovered::Refuse => "projects that no log covers are refused",
        Uncovered::Pin => "projects that no log covers pass, and may not change what was once seen",
    }
}

//! `wheeltap lookup`: what the log says, proven.
//!
//! | module | owns |
//! |---|---|
//! | `by_key` | everything that a key has signed, by reading the log whole |
//! | `found` | an entry for people and for programs |

use std::collections::BTreeSet;

use clap::{ArgGroup, Args};
use log_core::api::{HexDigest, LookupKey};
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::hash::Hash;
use log_core::statement::{Release, Withdrawal};
use log_io::args::{Format, LogArgs};
use log_io::clock;
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use serde_json::{Value, json};

use super::policy::print_versions;
use crate::cli;
use crate::facts::{self, Known};
use crate::files;

mod by_key;
mod found;

use found::Found;

/// Arguments of `wheeltap lookup`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("other").args(["key_id", "policy"]).conflicts_with_all(["files", "digests", "project"]),
    after_help = "\
Examples:
  wheeltap lookup --project nova                       everything about nova
  wheeltap lookup --project nova --version 27.0.0      about one of its versions
  wheeltap lookup --file nova-27.0.0.tar.gz            what is logged under this name
  wheeltap lookup --digest sha256:278a45…              what has these bytes
  wheeltap lookup --policy                             all versions of the policy
  wheeltap lookup --key-id release.key.pub --since 2026-11-01 --until 2026-12-01
                                                       what a key has signed in a time
Exit code 10 when nothing is logged.")]
pub struct LookupArgs {
    /// A file's name; repeat for several
    #[arg(long = "file", value_name = "NAME")]
    files: Vec<String>,
    /// A file's SHA-256; repeat for several
    #[arg(long = "digest", value_name = "SHA256", value_parser = cli::sha256)]
    digests: Vec<Hash>,
    /// A project; with --file, the project that the files are of
    #[arg(long, value_parser = cli::project)]
    project: Option<ProjectName>,
    /// A version of the project
    #[arg(long, value_parser = cli::version, requires = "project")]
    version: Option<Version>,
    /// A key: its ID (name+hash), or the key or a file with it. The log is read whole
    #[arg(long, value_name = "KEY")]
    key_id: Option<String>,
    /// With --key-id: only entries from this time on, by the log's clock
    #[arg(long, value_name = "TIME", value_parser = cli::time, requires = "key_id")]
    since: Option<u64>,
    /// With --key-id: only entries before this time
    #[arg(long, value_name = "TIME", value_parser = cli::time, requires = "key_id")]
    until: Option<u64>,
    /// All versions of the log's policy
    #[arg(long)]
    policy: bool,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

/// What was found, and under which tree.
struct Answer {
    found: Vec<Found>,
    size: u64,
    log_time: Option<u64>,
    complete: bool,
}

/// Looks things up.
pub async fn run(args: &LookupArgs) -> Outcome {
    let keys = keys(args)?;
    let projects: Vec<&ProjectName> = keys.iter().filter_map(LookupKey::project).collect();
    let session = args.log.session_of("wheeltap", &projects)?;
    let origin = session.log.origin();
    let answer = match &args.key_id {
        Some(key) => by_key::read(&session, key, args.since, args.until).await?,
        None if args.policy => {
            let Some(known) = facts::policies(&session, clock::now()).await? else {
                note(format_args!("{origin} is empty"));
                return Ok(Exit::NotLogged);
            };
            print_versions(origin, &known, args.format);
            note(format_args!("proven against {origin} at size {}", known.size));
            return Ok(Exit::Ok);
        }
        None => matching(args, &facts::ask(&session, &keys, clock::now()).await?),
    };
    match args.format {
        Format::Text => answer.found.iter().flat_map(Found::to_text).for_each(print),
        Format::Json => print(format_args!("{:#}", to_json(origin, &answer))),
    }
    let entries = if answer.found.len() == 1 { "entry" } else { "entries" };
    note(format_args!("{} {entries}, proven against {origin} at size {}", answer.found.len(), answer.size));
    Ok(if answer.found.is_empty() { Exit::NotLogged } else { Exit::Ok })
}

fn keys(args: &LookupArgs) -> Result<Vec<LookupKey>, Failure> {
    let mut keys: Vec<LookupKey> =
        args.digests.iter().map(|digest| LookupKey::Digest { sha256: HexDigest(*digest), from: 0 }).collect();
    for file in &args.files {
        let name = FileName::parse(file).map_err(|error| Failure::usage(format!("--file: {error}")))?;
        let candidates = files::candidates(&name, args.project.as_ref());
        let candidates = candidates.map_err(|error| Failure::usage(format!("--file: {error:#}")))?;
        let projects: BTreeSet<ProjectName> = candidates.into_iter().map(|(project, _)| project).collect();
        let name = files::artifact(&name);
        keys.extend(projects.into_iter().map(|project| LookupKey::File {
            project,
            name: name.clone(),
            from: 0,
        }));
    }
    match (&args.project, &args.version) {
        (Some(project), Some(version)) if args.files.is_empty() => {
            keys.push(LookupKey::Release { project: project.clone(), version: version.clone(), from: 0 });
        }
        (Some(project), None) if args.files.is_empty() => {
            keys.push(LookupKey::Project { name: project.clone(), from: 0 });
        }
        _ => {}
    }
    if keys.is_empty() && args.key_id.is_none() && !args.policy {
        return Err(Failure::usage("say what to look up: --file, --digest, --project, --key-id or --policy"));
    }
    Ok(keys)
}

/// When the whole log was read there is more than was asked for.
fn matching(args: &LookupArgs, known: &Known) -> Answer {
    let by_project = |project: &ProjectName, version: &Version| {
        args.files.is_empty()
            && args.project.as_ref() == Some(project)
            && args.version.as_ref().is_none_or(|wanted| wanted == version)
    };
    let names: Vec<FileName> = args.files.iter().filter_map(|name| FileName::parse(name).ok()).collect();
    let wanted_release = |release: &Release| {
        by_project(&release.project, &release.version)
            || names.iter().any(|name| release.file(name).is_some())
            || release.files.iter().any(|file| args.digests.contains(&file.sha256))
    };
    let wanted_withdrawal = |withdrawal: &Withdrawal| {
        by_project(&withdrawal.project, &withdrawal.version)
            || names.iter().any(|name| withdrawal.file(name).is_some())
            || withdrawal.files.iter().any(|file| args.digests.contains(&file.sha256))
    };
    let facts = &known.facts;
    let releases = facts.releases.iter().filter(|release| wanted_release(&release.statement));
    let withdrawals = facts.withdrawals.iter().filter(|withdrawal| wanted_withdrawal(&withdrawal.statement));
    let mut found: Vec<Found> = releases.map(|release| Found::release(release, &facts.withdrawals)).collect();
    found.extend(withdrawals.map(Found::withdrawal));
    found.sort_by_key(|found| found.index);
    Answer { found, size: known.size, log_time: facts.log_time, complete: facts.complete }
}

fn to_json(origin: &str, answer: &Answer) -> Value {
    json!({
        "schema": 1,
        "log": {"origin": origin, "size": answer.size, "log_time": answer.log_time},
        "complete": answer.complete,
        "entries": answer.found.iter().map(Found::to_json).collect::<Vec<_>>(),
    })
}

//! `wheeltap lookup`: what the log says, proven.

use std::collections::BTreeSet;

use clap::Args;
use log_core::api::{HexDigest, LookupKey};
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::hash::Hash;
use log_core::statement::Release;
use log_io::args::{Format, LogArgs};
use log_io::clock;
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use serde_json::{Value, json};

use crate::cli;
use crate::facts::{self, Known};
use crate::files;

/// Arguments of `wheeltap lookup`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wheeltap lookup --project nova                       all releases of nova
  wheeltap lookup --project nova --version 27.0.0      one of them
  wheeltap lookup --file nova-27.0.0.tar.gz            what is logged under this name
  wheeltap lookup --digest sha256:278a45…              what has these bytes
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
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

/// Looks things up.
pub async fn run(args: &LookupArgs) -> Outcome {
    let keys = keys(args)?;
    let session = args.log.session("wheeltap")?;
    let known = facts::ask(&session, &keys, clock::now()).await?;
    let releases = matching(args, &known);
    let origin = session.log.trust.genesis.log.name().as_str();
    match args.format {
        Format::Text => {
            for (index, release) in &releases {
                print(format_args!("entry {index}  {} {}", release.project, release.version));
                for file in &release.files {
                    print(format_args!("    {}  {}", file.sha256.to_hex(), file.name));
                }
            }
        }
        Format::Json => print(format_args!("{:#}", to_json(origin, &known, &releases))),
    }
    let entries = if releases.len() == 1 { "entry" } else { "entries" };
    note(format_args!("{} {entries}, proven against {origin} at size {}", releases.len(), known.size));
    Ok(if releases.is_empty() { Exit::NotLogged } else { Exit::Ok })
}

fn keys(args: &LookupArgs) -> Result<Vec<LookupKey>, Failure> {
    let mut keys: Vec<LookupKey> =
        args.digests.iter().map(|digest| LookupKey::Digest { sha256: HexDigest(*digest), from: 0 }).collect();
    for file in &args.files {
        let name = FileName::parse(file).map_err(|error| Failure::usage(format!("--file: {error}")))?;
        let candidates = files::candidates(&name, args.project.as_ref());
        let candidates = candidates.map_err(|error| Failure::usage(format!("--file: {error:#}")))?;
        let projects: BTreeSet<ProjectName> = candidates.into_iter().map(|(project, _)| project).collect();
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
    if keys.is_empty() {
        return Err(Failure::usage("say what to look up: --file, --digest or --project"));
    }
    Ok(keys)
}

/// When the whole log was read there are more releases than were asked for.
fn matching<'k>(args: &LookupArgs, known: &'k Known) -> Vec<&'k (u64, Release)> {
    let wanted = |release: &Release| {
        let by_file = release.files.iter().any(|file| {
            args.digests.contains(&file.sha256) || args.files.iter().any(|name| name == file.name.as_str())
        });
        let by_project = args.files.is_empty()
            && args.project.as_ref() == Some(&release.project)
            && args.version.as_ref().is_none_or(|version| *version == release.version);
        by_file || by_project
    };
    known.facts.releases.iter().filter(|(_, release)| wanted(release)).collect()
}

fn to_json(origin: &str, known: &Known, releases: &[&(u64, Release)]) -> Value {
    let entries: Vec<Value> = releases
        .iter()
        .map(|(index, release)| {
            let files: Vec<Value> = release
                .files
                .iter()
                .map(|file| json!({"name": file.name, "sha256": file.sha256.to_hex(), "size": file.size}))
                .collect();
            json!({"entry": index, "project": release.project, "version": release.version, "files": files})
        })
        .collect();
    json!({
        "schema": 1,
        "log": {"origin": origin, "size": known.size, "log_time": known.facts.log_time},
        "complete": known.facts.complete,
        "entries": entries,
    })
}

//! `wheeltap doctor`: what bypasses the proxy here, and whether verdicts can be had.

use std::cmp::Reverse;
use std::path::PathBuf;

use clap::Args;
use log_core::policy::{Coverage, Policy};
use log_io::args::{Format, LogArgs};
use log_io::clock;
use log_io::fetch::Http;
use log_io::outcome::{Cause, Exit, Failure, Outcome, note, print};
use log_io::sessions::Sessions;
use log_io::trust_file::{TrustFile, Uncovered};
use serde_json::{Value, json};

use crate::doctor::health::{self, Health, LogHealth, Trust};
use crate::doctor::rules::Severity;
use crate::doctor::{Finding, Place, Target, findings, read, worst};
use crate::facts;

/// The number of the JSON.
const SCHEMA: u32 = 1;

/// Longest page of the proxy that is read.
const MAX_STATUS_BYTES: usize = 4 << 20;

/// Arguments of `wheeltap doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Looks at variables, the configuration of pip, uv, pdm, pipenv, poetry and tox, and at a project's requirements, lock files and \
tox.ini for whatever installs files that the proxy never sees; then at the trust file, the logs and the clock. \
Only what is written down is seen, not what is typed on a command line.

Exit code 0: nothing was found that is worse than low; 20: something was; 1: it could not be looked at.")]
pub struct DoctorArgs {
    /// Files and directories of the project [default: the current directory]
    paths: Vec<PathBuf>,
    /// The proxy that tools are to be pointed at; without it: what `wheeltap run` leaves
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,
    /// How to print the findings
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

/// Looks.
pub async fn run(args: &DoctorArgs) -> Outcome {
    let here = vec![PathBuf::from(".")];
    let paths = if args.paths.is_empty() { &here } else { &args.paths };
    let surroundings = read::read(std::env::vars_os(), paths);
    let target = args.proxy.clone().map_or(Target::Run, Target::Proxy);
    let mut found = health::findings(&examine(args).await?);
    found.extend(findings(&surroundings, &target));
    found.sort_by_key(|finding| Reverse(finding.rule.severity));
    match args.format {
        Format::Json => {
            let found: Vec<Value> = found.iter().map(to_json).collect();
            print(format_args!("{:#}", json!({"schema": SCHEMA, "findings": found})));
        }
        Format::Text => {
            for finding in &found {
                let Finding { rule, place, what } = finding;
                print(format_args!("{:<6} {}  {}", rule.severity.name(), rule.id, place_text(place)));
                print(format_args!("       {what}"));
                print(format_args!("       why:  {}", rule.why));
                print(format_args!("       next: {}", rule.next_step));
            }
            let looked_at = match surroundings.files.len() {
                1 => "the environment and 1 file".to_owned(),
                files => format!("the environment and {files} files"),
            };
            match found.len() {
                0 => note(format_args!("nothing found in {looked_at}")),
                1 => note(format_args!("1 finding in {looked_at}")),
                count => note(format_args!("{count} findings in {looked_at}")),
            }
        }
    }
    Ok(if worst(&found) > Some(Severity::Low) { Exit::Findings } else { Exit::Ok })
}

/// Looks at the trust file, the logs and the proxy.
async fn examine(args: &DoctorArgs) -> anyhow::Result<Health> {
    let path = args.log.trust_path()?;
    let mut health = Health::default();
    match TrustFile::load(&path) {
        Err(error) => health.trust = Some((path, Trust::Unusable(format!("{error:#}")))),
        Ok(trust) => {
            let state = if is_writable_by_others(&path) { Trust::Writable } else { Trust::Good };
            health.trust = Some((path, state));
            health.lets_uncovered_pass = trust.uncovered == Uncovered::Pass;
            let sessions = Sessions::new(&Http::new("wheeltap")?, trust, &args.log.state_directory()?)?;
            for session in sessions.all() {
                let origin = session.log.origin().to_owned();
                let now = clock::now();
                let state = match facts::policies(session, now).await {
                    Ok(known) => {
                        let covers_all = known.as_ref().is_some_and(|known| covers_all(&known.facts.policy));
                        health.lets_uncovered_pass &= !(covers_all && session.log.projects.is_empty());
                        LogHealth::Good { log_time: known.and_then(|known| known.facts.log_time), now }
                    }
                    Err(failure) => {
                        // What it covers is not known.
                        health.lets_uncovered_pass = false;
                        ill(&failure)
                    }
                };
                health.logs.push((origin, state));
            }
        }
    }
    if let Some(proxy) = &args.proxy {
        let status = format!("{}/?format=json", proxy.trim_end_matches('/').trim_end_matches("/simple"));
        let answer = Http::new("wheeltap")?.get(&status, MAX_STATUS_BYTES).await;
        let status = answer.map(|body| serde_json::from_slice::<Value>(&body.unwrap_or_default()));
        let why = match status {
            Ok(Ok(status)) => {
                health.index_only = (status["index_only"] == true).then(|| proxy.clone());
                None
            }
            Ok(Err(_)) => Some("what answers is no proxy of ours".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        health.proxy = why.map(|why| (proxy.clone(), why));
    }
    Ok(health)
}

/// What a failure says of the log or of this machine.
fn ill(failure: &Failure) -> LogHealth {
    let what = failure.to_string();
    let and_next = || match failure.next_step() {
        Some(next) => format!("{what}: {next}"),
        None => what.clone(),
    };
    match failure.cause() {
        Cause::Unreachable => LogHealth::Unreachable(what),
        Cause::Clock => LogHealth::Clock(what),
        _ if failure.exit() == Exit::Failed => LogHealth::NoVerdict(and_next()),
        _ => LogHealth::NotBelieved(and_next()),
    }
}

/// Whether there is no project that the policy leaves out.
fn covers_all(policy: &Policy) -> bool {
    let all = |coverage: &Coverage| {
        coverage.pattern.as_str() == "*" && coverage.from.is_none() && coverage.until.is_none()
    };
    policy.projects.iter().any(all)
}

#[cfg(unix)]
fn is_writable_by_others(path: &std::path::Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o022 != 0)
}

#[cfg(not(unix))]
fn is_writable_by_others(_: &std::path::Path) -> bool {
    false
}

fn place_text(place: &Place) -> String {
    match place {
        Place::Variable(name) => format!("${name}"),
        Place::File(path, Some(line)) => format!("{}:{line}", path.display()),
        Place::File(path, None) => path.display().to_string(),
        Place::Machine => "this machine".to_owned(),
    }
}

fn to_json(finding: &Finding) -> Value {
    let (variable, file, line) = match &finding.place {
        Place::Variable(name) => (Some(name), None, None),
        Place::File(path, line) => (None, Some(path.display().to_string()), *line),
        Place::Machine => (None, None, None),
    };
    json!({
        "id": finding.rule.id,
        "severity": finding.rule.severity.name(),
        "variable": variable,
        "file": file,
        "line": line,
        "what": finding.what,
        "why": finding.rule.why,
        "next_step": finding.rule.next_step,
    })
}

//! `wheeltap monitor`: reports new entries about somebody's projects.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use log_core::policy::Pattern;
use log_core::times::utc;
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Cause, Exit, Failure, Outcome, all_is_printed, note, print};
use log_io::session::Session;
use log_io::{clock, key_file};
use serde_json::{Value, json};

use crate::cli;
use crate::monitor::place::Place;
use crate::monitor::read::pass;
use crate::monitor::report::{Event, Watch};
use crate::monitor::webhook::Secret;

/// The number of the JSON.
const SCHEMA: u32 = 1;

/// Longest answer of a webhook that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Events in one request to a webhook.
const EVENTS_AT_ONCE: usize = 500;

/// Arguments of `wheeltap monitor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wheeltap monitor --project nova --project 'oslo-*' --key release.key.pub --key root.key.pub
  wheeltap monitor --project nova --key release.key.pub --key root.key.pub --follow
    --webhook https://a.example/nova --webhook-secret webhook.secret

Every entry that is new since the last time is read and checked. Reported are releases and withdrawals of these \
projects, changes of the policy, and whatever cannot be read or is not allowed. The place up to which the log was read \
is kept, with its root, so that nothing is skipped; it moves when what was found was printed and sent.

Exit code 0: nothing that is not mine; 20: something; 13: the log broke a rule, and evidence was written.")]
pub struct MonitorArgs {
    /// A project, or the start of names with `*`; repeat for several
    #[arg(long = "project", required = true, value_name = "PATTERN", value_parser = Pattern::parse)]
    projects: Vec<Pattern>,
    /// A public key of mine, a file with it, or its key ID; repeat for several
    #[arg(long = "key", value_name = "KEY")]
    keys: Vec<String>,
    /// What to report the first time: `start`, all that there is, or `now`, what comes from now on
    #[arg(long, value_enum, default_value = "start", value_name = "WHEN")]
    since: Since,
    /// Go on until it is stopped
    #[arg(long)]
    follow: bool,
    /// How long to wait between two looks, e.g. 30, 5m
    #[arg(long, default_value = "60", value_name = "DURATION", value_parser = cli::duration)]
    interval: u64,
    /// Send what is found to this URL, too, as JSON
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Sign what is sent there with the secret in this file (`whsec_…`), so that its receiver
    /// can tell who sent it
    #[arg(long, value_name = "FILE", requires = "webhook")]
    webhook_secret: Option<PathBuf>,
    /// How to print what is found: lines of text, or of JSON
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

/// What to report the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Since {
    /// All that there is
    Start,
    /// What comes from now on
    Now,
}

/// Reports, once or until it is stopped.
pub async fn run(args: &MonitorArgs) -> Outcome {
    let session = args.log.session("wheeltap")?;
    let key = |key: &String| key_file::public_key(key).map_or_else(|_| key.clone(), |key| key.keyid());
    let watch = Watch { projects: args.projects.clone(), mine: args.keys.iter().map(key).collect() };
    if let Some(bad) = watch.mine.iter().find(|key| !key.contains('+')) {
        return Err(Failure::usage(format!("--key: {bad:?} is no key, file of a key, or key ID"))
            .hint("`wheeltap policy show` lists keys; a key ID is the part before the second `+`"));
    }
    let secret = args.webhook_secret.as_deref().map(Secret::load).transpose();
    let secret = secret.map_err(|error| Failure::usage(format!("--webhook-secret: {error:#}")))?;
    let watched: Vec<String> = args.projects.iter().map(Pattern::to_string).collect();
    let path = Place::path(&args.log.state_directory()?, &origin(&session), &watched);
    loop {
        let result = look(args, &session, &watch, &path, secret.as_ref()).await;
        if !args.follow {
            return result;
        }
        match result {
            Err(failure) if failure.exit() == Exit::Misbehaved || !all_is_printed() => return Err(failure),
            Err(failure) => {
                let next = failure.next_step().map(|next| format!("; next: {next}")).unwrap_or_default();
                note(format_args!("not read this time: {failure}{next}"));
            }
            Ok(_) => {}
        }
        tokio::time::sleep(Duration::from_secs(args.interval.max(1))).await;
    }
}

/// One look.
async fn look(
    args: &MonitorArgs,
    session: &Session,
    watch: &Watch,
    path: &Path,
    secret: Option<&Secret>,
) -> Outcome {
    let origin = origin(session);
    let place = Place::load(path, &origin)?;
    let is_first = place.is_none();
    // What breaks a rule is said even of what was there before.
    let is_silent = is_first && args.since == Since::Now;
    let read = pass(session, place.as_ref(), watch, is_silent, clock::now()).await?;
    let said = |event: &&Event| !is_silent || read.broken_rule() == Some(*event);
    let events: Vec<&Event> = read.events.iter().filter(said).collect();
    for event in &events {
        match args.format {
            Format::Json => print(json_of(&origin, event)),
            Format::Text => print(text_of(event)),
        }
    }
    // What nobody has got is said again.
    if !events.is_empty() && !all_is_printed() {
        return Err(Failure::new("what was found cannot be written to stdout")
            .hint("make room, or have somebody read it; it is reported again the next time"));
    }
    if let Some(url) = &args.webhook {
        for events in events.chunks(EVENTS_AT_ONCE) {
            send(session, url, &events_json(&origin, events), secret).await?;
        }
    }
    let mut broken = None;
    if let Some(event) = read.broken_rule() {
        let violation = format!("entry {}: {}", event.index, event.text.join("; "));
        broken = Some(session.broken_history(&read.checkpoint, &violation).await);
    }
    // Without the evidence this part is read again.
    if broken.as_ref().is_none_or(is_kept)
        && let Some(next) = Place::of(&origin, &read.follower)?
    {
        next.save(path)?;
    }
    if let Some(failure) = broken {
        return Err(failure);
    }
    note(format_args!("read all {} entries; {} reported", read.follower.size(), events.len()));
    Ok(if events.iter().any(|event| !event.mine) { Exit::Findings } else { Exit::Ok })
}

/// Whether a failure is the log's misbehaviour with evidence of it.
fn is_kept(failure: &Failure) -> bool {
    failure.exit() == Exit::Misbehaved && failure.cause() != Cause::EvidenceNotKept
}

/// To a webhook.
async fn send(session: &Session, url: &str, body: &str, secret: Option<&Secret>) -> Result<(), Failure> {
    let headers = secret.map(|secret| secret.headers(body.as_bytes(), clock::now()));
    let headers = headers.as_ref().map_or(&[][..], |headers| &headers[..]);
    let sent = session.http.post_with(url, headers, body.as_bytes().to_vec(), MAX_ANSWER_BYTES).await;
    sent.map(drop).map_err(|error| {
        Failure::new(format!("the webhook did not take what was found: {error}"))
            .hint(format!("{}; it is sent again the next time", error.next_step()))
    })
}

fn events_json(origin: &str, events: &[&Event]) -> String {
    let events: Vec<Value> = events.iter().map(|event| json_of(origin, event)).collect();
    json!({"schema": SCHEMA, "log": origin, "events": events}).to_string()
}

fn origin(session: &Session) -> String {
    session.log.origin().to_owned()
}

fn json_of(origin: &str, event: &Event) -> Value {
    let files: Vec<Value> =
        event.files.iter().map(|(name, sha256)| json!({"name": name, "sha256": sha256})).collect();
    json!({
        "schema": SCHEMA,
        "log": origin,
        "index": event.index,
        "time": event.time,
        "kind": event.kind,
        "mine": event.mine,
        "project": event.project,
        "version": event.version,
        "files": files,
        "signers": event.signers,
        "text": event.text,
    })
}

fn text_of(event: &Event) -> String {
    let time = event.time.map_or_else(|| "-".to_owned(), utc);
    let mut line = format!("{time}  entry {}  {}", event.index, event.kind.word());
    if let (Some(project), Some(version)) = (&event.project, &event.version) {
        let _ = write!(line, "  {project} {version}");
    }
    if !event.signers.is_empty() {
        let whose = if event.mine { "mine" } else { "NOT MINE" };
        let _ = write!(line, "  signed by {} ({whose})", event.signers.join(", "));
    }
    let more = event.files.iter().map(|(name, _)| name).chain(&event.text);
    for text in more {
        line.push_str("\n    ");
        line.push_str(text);
    }
    line
}

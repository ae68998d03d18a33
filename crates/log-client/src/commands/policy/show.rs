//! `wheeltap policy show`: a policy file, or the policies of a log.

use std::path::{Path, PathBuf};

use clap::Args;
use log_core::policy::{Policy, PublisherKey};
use log_core::timeline::{DatedPolicy, Timeline};
use log_core::times;
use log_io::args::{Format, LogArgs};
use log_io::clock;
use log_io::outcome::{Exit, Outcome, note, print, shown};
use serde_json::{Value, json};

use super::file;
use crate::facts::Known;

/// Arguments of `wheeltap policy show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The policy file [default: the policy in force in the log]
    file: Option<PathBuf>,
    /// All versions in the log: since when each is in force, or waits, or by what it was
    /// cancelled
    #[arg(long, conflicts_with = "file")]
    all: bool,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) async fn run(args: &ShowArgs) -> Outcome {
    if let Some(path) = &args.file {
        return show_file(path, args.format);
    }
    let known = file::logged(&args.log).await?;
    let origin = args.log.trusted_log()?.trust.genesis.log.name().to_string();
    let facts = &known.facts;
    let now = known.log_time(clock::now());
    let in_force = facts.timeline.current(Some(now)).map_or(0, |dated| dated.index);
    let from = format!("policy in force in log {origin}, entry {in_force}");
    match args.format {
        Format::Json if args.all => print_versions(&origin, &known, args.format),
        Format::Json => print(format_args!("{:#}", to_json(&facts.policy, &from, &[]))),
        Format::Text => {
            if args.all {
                print_versions(&origin, &known, args.format);
                print("");
            }
            print_text(&facts.policy, &from, &[]);
        }
    }
    if let Some(waiting) = facts.timeline.waiting(Some(now)) {
        let until = times::utc(waiting.effective_at.unwrap_or_default());
        note(format_args!(
            "note: version {} (entry {}) replaces it at {until}, unless another version comes before",
            waiting.policy.version, waiting.index
        ));
    }
    Ok(Exit::Ok)
}

fn show_file(path: &Path, format: Format) -> Outcome {
    let file = file::read(path)?;
    let keys = &file.policy().roots.keys;
    let mut signers = Vec::new();
    for signature in file.signed.envelope.signatures() {
        let root = keys.iter().find(|key| key.keyid() == signature.keyid);
        let state = match root {
            Some(key) if file.signed.envelope.is_signed_by(key, signature) => "good",
            Some(_) => "BAD",
            None => "not a root key of this policy",
        };
        // Anybody may have written the keyid, and anything into it.
        signers.push(format!("{} ({state})", shown(&signature.keyid)));
    }
    let from = format!("policy for log {}, from {}", shown(&file.statement.origin), path.display());
    match format {
        Format::Json => print(format_args!("{:#}", to_json(file.policy(), &from, &signers))),
        Format::Text => print_text(file.policy(), &from, &signers),
    }
    Ok(Exit::Ok)
}

/// Prints all versions of a log's policy.
pub(in crate::commands) fn print_versions(origin: &str, known: &Known, format: Format) {
    match format {
        Format::Text => all_versions(known).iter().for_each(print),
        Format::Json => print(format_args!("{:#}", versions_to_json(origin, known))),
    }
}

/// One line for each version in the log, in their order.
fn all_versions(known: &Known) -> Vec<String> {
    let (facts, now) = (&known.facts, known.log_time(clock::now()));
    let line = |dated: &DatedPolicy| {
        let time = dated.time.map(|time| format!("  {}", times::utc(time))).unwrap_or_default();
        let state = State::of(dated, &facts.timeline, Some(now));
        format!("version {}  entry {}{time}  {}", dated.policy.version, dated.index, state.in_words())
    };
    facts.timeline.policies().iter().map(line).collect()
}

/// What a version of a policy is good for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    InForce,
    Waits(u64),
    Cancelled(u64),
    Replaced,
}

impl State {
    fn of(dated: &DatedPolicy, timeline: &Timeline, now: Option<u64>) -> Self {
        let is = |other: Option<&DatedPolicy>| other.is_some_and(|other| other.index == dated.index);
        match dated.cancelled_by {
            Some(by) => Self::Cancelled(by),
            None if is(timeline.current(now)) => Self::InForce,
            None if is(timeline.waiting(now)) => Self::Waits(dated.effective_at.unwrap_or_default()),
            None => Self::Replaced,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::InForce => "in-force",
            Self::Waits(_) => "waits",
            Self::Cancelled(_) => "cancelled",
            Self::Replaced => "replaced",
        }
    }

    fn in_words(self) -> String {
        match self {
            Self::InForce => "in force".to_owned(),
            Self::Waits(until) => format!("waits until {}", times::utc(until)),
            Self::Cancelled(by) => format!("cancelled by entry {by}"),
            Self::Replaced => "replaced".to_owned(),
        }
    }
}

fn versions_to_json(origin: &str, known: &Known) -> Value {
    let (facts, now) = (&known.facts, known.log_time(clock::now()));
    let version = |dated: &DatedPolicy| {
        json!({
            "version": dated.policy.version,
            "entry": dated.index,
            "time": dated.time,
            "state": State::of(dated, &facts.timeline, Some(now)).word(),
            "effective_at": dated.effective_at,
            "cancelled_by": dated.cancelled_by,
            "policy": dated.policy.to_document(),
        })
    };
    json!({
        "schema": 1,
        "log": {"origin": origin, "size": known.size, "log_time": facts.log_time},
        "versions": facts.timeline.policies().iter().map(version).collect::<Vec<_>>(),
    })
}

fn to_json(policy: &Policy, from: &str, signers: &[String]) -> Value {
    json!({"schema": 1, "source": from, "policy": policy.to_document(), "signatures": signers})
}

fn print_text(policy: &Policy, from: &str, signers: &[String]) {
    print(from);
    lines(policy).iter().for_each(print);
    for signer in signers {
        print(format_args!("signed by   {signer}"));
    }
}

/// A policy for people.
pub(in crate::commands) fn lines(policy: &Policy) -> Vec<String> {
    let mut lines = vec![format!("version     {}", policy.version)];
    lines.push(format!("roots       {} of:", policy.roots.threshold));
    lines.extend(policy.roots.keys.iter().map(|key| format!("            {}", key.to_vkey())));
    if policy.cool_down > 0 {
        lines.push(format!("cool-down   {}", times::duration(policy.cool_down)));
    }
    for publisher in &policy.publishers {
        let projects: Vec<String> = publisher.projects.iter().map(ToString::to_string).collect();
        let withdraw = if publisher.withdraw { " (may withdraw)" } else { "" };
        lines.push(format!("publisher   {}: {}{withdraw}", shown(&publisher.name), projects.join(", ")));
        let key = |key: &PublisherKey| format!("            {}{}", key.key.to_vkey(), span(key));
        lines.extend(publisher.keys.iter().map(key));
    }
    for coverage in &policy.projects {
        let versions = match (&coverage.from, &coverage.until) {
            (None, None) => String::new(),
            _ => format!(" {}", coverage.versions()),
        };
        lines.push(format!("covers      {}{versions}", coverage.pattern));
        if !coverage.expected.is_empty() {
            let expected = serde_json::to_string(&coverage.expected).unwrap_or_default();
            lines.push(format!("            expected: {}", shown(&expected)));
        }
    }
    lines
}

fn span(key: &PublisherKey) -> String {
    let from = key.from.map(|from| format!(" from {}", times::utc(from))).unwrap_or_default();
    let until = key.until.map(|until| format!(" until {}", times::utc(until))).unwrap_or_default();
    format!("{from}{until}")
}

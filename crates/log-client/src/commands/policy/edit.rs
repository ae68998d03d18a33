//! `wheeltap policy edit`: the next version, from the newest.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use log_core::key::VerifierKey;
use log_core::limits::MAX_ENTRY_BYTES;
use log_core::policy::{Pattern, Policy, diff};
use log_core::statement::PolicyStatement;
use log_core::times;
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note, shown};
use log_io::{clock, key_file};

use super::diff::print_changes;
use super::{file, unpublished};
use crate::cli;
use crate::policy_edit::{self, Edit, Name, parse_coverage, parse_leave};

/// Arguments of `wheeltap policy edit`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("base").required(true).args(["file", "from_log"]),
    after_help = "\
Keys are given as such, as a file with one, or by key ID (name+hash) or name. Examples:
  wheeltap policy edit --from-log --add-publisher qa.key.pub 'nova,oslo-*' --out policy-2.json
  wheeltap policy edit --from-log --add-project team attrs --cover attrs --out policy-2.json
  wheeltap policy edit --from-log --add-key team new.pub --end-key old.pub --out policy-2.json
  wheeltap policy edit --from-log --end-key stolen.pub --at 2026-11-20T08:00:00Z --out p.json

--end-key does one of two things. With a time that is still to come, or now, the key is RETIRED: what it \
signs before counts for ever, what it signs later is refused. With a time in the past it is also REVOKED from \
then on: what it signed since, by the log's clock, is no longer believed, and its files are `revoked key` \
until another key of the publisher signs the same release once more (wheeltap append). Leave a key that has \
ended in the policy: taking it out makes what it signed count again.

The new version is in force at once, or after the cool-down of the version that it replaces. If another \
version still waits then, it is cancelled; to undo that one, start with --in-force.")]
pub struct EditArgs {
    /// The policy file to start from
    file: Option<PathBuf>,
    /// Start from the newest policy of the log
    #[arg(long)]
    from_log: bool,
    /// With --from-log: start from the policy in force, and not from one that still waits
    #[arg(long, requires = "from_log")]
    in_force: bool,
    /// Take everything from this policy document (JSON), which you have edited by hand, such as
    /// what `policy show --format json` prints; its version number is set
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// A publisher's key, and the projects it publishes, separated by commas
    #[arg(long, num_args = 2, value_names = ["KEY", "PROJECTS"])]
    add_publisher: Vec<String>,
    /// Further projects of a publisher, separated by commas
    #[arg(long, num_args = 2, value_names = ["PUBLISHER", "PROJECTS"])]
    add_project: Vec<String>,
    /// A project that a publisher may not publish any more, as it is written in the policy
    #[arg(long, num_args = 2, value_names = ["PUBLISHER", "PROJECT"])]
    remove_project: Vec<String>,
    /// A publisher that may not publish any more; what it published stays
    #[arg(long, value_name = "PUBLISHER")]
    remove_publisher: Vec<String>,
    /// A further key of a publisher
    #[arg(long, num_args = 2, value_names = ["PUBLISHER", "KEY"])]
    add_key: Vec<String>,
    /// A publisher's key that ends, see below
    #[arg(long, value_name = "KEY")]
    end_key: Vec<String>,
    /// When the keys of --end-key end: RFC 3339 or POSIX seconds [default: now]
    #[arg(long, value_name = "TIME", value_parser = cli::time, requires = "end_key")]
    at: Option<u64>,
    /// A further root key
    #[arg(long, value_name = "KEY")]
    add_root: Vec<String>,
    /// A root key that does not count any more
    #[arg(long, value_name = "KEY")]
    remove_root: Vec<String>,
    /// How many root keys must sign a policy
    #[arg(long)]
    threshold: Option<usize>,
    /// How long the policy after the new one waits before it is in force, e.g. 1d, 12h
    #[arg(long, value_name = "DURATION", value_parser = cli::duration)]
    cool_down: Option<u64>,
    /// A project that the log has all of, e.g. `nova>=13,<30`; in place of what the policy says of it
    #[arg(long, value_name = "PROJECT")]
    cover: Vec<String>,
    /// A project of which nothing is promised any more, as it is written in the policy
    #[arg(long, value_name = "PATTERN")]
    uncover: Vec<String>,
    /// A project that was handed over, with the first version that is somebody else's: `nova<30`
    #[arg(long, value_name = "PROJECT")]
    leave: Vec<String>,
    /// A publisher that may withdraw files of its projects
    #[arg(long, value_name = "PUBLISHER")]
    allow_withdraw: Vec<String>,
    /// A publisher that may not withdraw files any more
    #[arg(long, value_name = "PUBLISHER")]
    deny_withdraw: Vec<String>,
    /// Where the new policy goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    log: LogArgs,
}

/// What is edited, and for which log.
struct Base {
    policy: Policy,
    next_version: u64,
    origin: String,
    log_digest: log_core::hash::Hash,
    /// The log's time of its newest entry, when it was asked.
    log_time: Option<u64>,
}

pub(super) async fn run(args: &EditArgs) -> Outcome {
    let now = clock::now();
    let base = base(args, now).await?;
    let mut policy = match &args.json {
        Some(path) => read_document(path, base.next_version)?,
        None => Policy { version: base.next_version, ..base.policy.clone() },
    };
    let mut remarks = Vec::new();
    // Now, and after all that is logged: a key that retires has signed it in time.
    let end = args.at.unwrap_or_else(|| base.log_time.map_or(now, |time| now.max(time + 1)));
    for (option, edit) in edits(args, end)? {
        policy_edit::apply(&mut policy, &edit)
            .map_err(|error| Failure::usage(format!("{option}: {error}")))?;
        remarks.extend(policy_edit::remark(&policy, &edit));
        remarks.extend(explain_end(&edit, now));
    }
    let changes = diff(&base.policy, &policy);
    if changes.is_empty() {
        return Err(Failure::usage("the new policy would be the old one; say what is to change"));
    }
    let statement = PolicyStatement { origin: base.origin, log_digest: base.log_digest, policy };
    file::write_new(&args.out, &statement)?;
    print_changes(&changes);
    remarks.extend(unpublished(&statement.policy));
    for remark in &remarks {
        note(format_args!("note: {}", shown(remark)));
    }
    note(format_args!(
        "wrote {}, version {}; sign it: wheeltap policy sign --key ROOT.key {0}",
        args.out.display(),
        statement.policy.version
    ));
    Ok(Exit::Ok)
}

async fn base(args: &EditArgs, now: u64) -> Result<Base, Failure> {
    if let Some(path) = &args.file {
        let PolicyStatement { origin, log_digest, policy } = file::read(path)?.statement;
        return Ok(Base { next_version: policy.version + 1, policy, origin, log_digest, log_time: None });
    }
    let known = file::logged(&args.log).await?;
    let timeline = &known.facts.timeline;
    let newest = timeline.policies().last().map(|dated| &dated.policy);
    let policy = if args.in_force { &known.facts.policy } else { newest.unwrap_or(&known.facts.policy) };
    if let Some(waiting) = timeline.waiting(Some(known.log_time(now))) {
        let with = if args.in_force { "without" } else { "WITH" };
        note(format_args!(
            "note: version {} (entry {}) still waits and will be cancelled; the new version is made {with} its \
             changes",
            waiting.policy.version, waiting.index
        ));
    }
    let log = args.log.trusted_log()?.trust.genesis.log;
    let PolicyStatement { origin, log_digest, policy } = PolicyStatement::new(&log, policy.clone());
    let (next_version, log_time) = (timeline.next_version(), known.facts.log_time);
    Ok(Base { policy, next_version, origin, log_digest, log_time })
}

fn read_document(path: &std::path::Path, version: u64) -> Result<Policy, Failure> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let usage = |error: String| Failure::usage(format!("--json: {}: {error}", path.display()));
    if bytes.len() > MAX_ENTRY_BYTES {
        return Err(usage("it is too long for a policy".to_owned()));
    }
    let mut document: serde_json::Value =
        serde_json::from_slice(&bytes).map_err(|error| usage(error.to_string()))?;
    if let Some(policy) = document.get_mut("policy") {
        document = policy.take();
    }
    let object = document.as_object_mut().ok_or_else(|| usage("expected an object".to_owned()))?;
    object.insert("version".to_owned(), version.into());
    Policy::parse(&document.to_string()).map_err(|error| usage(error.to_string()))
}

/// The edits in an order in which one may rest on another, each with its option; keys end
/// at `end`.
fn edits(args: &EditArgs, end: u64) -> Result<Vec<(&'static str, Edit)>, Failure> {
    let usage = |option: &str, error: String| Failure::usage(format!("{option}: {error}"));
    let new_key = |option: &str, text: &str| -> Result<VerifierKey, Failure> {
        key_file::public_key(text).map_err(|error| usage(option, format!("{error:#}")))
    };
    let pattern = |option: &str, text: &str| Pattern::parse(text).map_err(|error| usage(option, error));
    let patterns = |option: &str, text: &str| -> Result<Vec<Pattern>, Failure> {
        text.split(',').map(|text| pattern(option, text)).collect()
    };
    let mut edits = Vec::new();
    for pair in args.add_publisher.chunks_exact(2) {
        let option = "--add-publisher";
        let (key, projects) = (new_key(option, &pair[0])?, patterns(option, &pair[1])?);
        edits.push((option, Edit::AddPublisher { key, projects }));
    }
    for pair in args.add_project.chunks_exact(2) {
        let (option, publisher) = ("--add-project", name(&pair[0]));
        edits.push((option, Edit::AddProjects { publisher, projects: patterns(option, &pair[1])? }));
    }
    for pair in args.remove_project.chunks_exact(2) {
        let (option, publisher) = ("--remove-project", name(&pair[0]));
        edits.push((option, Edit::RemoveProject { publisher, project: pattern(option, &pair[1])? }));
    }
    for pair in args.add_key.chunks_exact(2) {
        let key = new_key("--add-key", &pair[1])?;
        edits.push(("--add-key", Edit::AddKey { publisher: name(&pair[0]), key }));
    }
    edits.extend(args.end_key.iter().map(|key| ("--end-key", Edit::EndKey { key: name(key), at: end })));
    for text in &args.add_root {
        edits.push(("--add-root", Edit::AddRoot(new_key("--add-root", text)?)));
    }
    edits.extend(args.remove_root.iter().map(|root| ("--remove-root", Edit::RemoveRoot(name(root)))));
    edits.extend(args.threshold.map(|threshold| ("--threshold", Edit::Threshold(threshold))));
    edits.extend(args.cool_down.map(|seconds| ("--cool-down", Edit::CoolDown(seconds))));
    for text in &args.cover {
        let coverage = parse_coverage(text).map_err(|error| usage("--cover", error))?;
        edits.push(("--cover", Edit::Cover(coverage)));
    }
    for text in &args.uncover {
        edits.push(("--uncover", Edit::Uncover(pattern("--uncover", text)?)));
    }
    for text in &args.leave {
        edits.push(("--leave", parse_leave(text).map_err(|error| usage("--leave", error))?));
    }
    for (option, publishers, allowed) in
        [("--allow-withdraw", &args.allow_withdraw, true), ("--deny-withdraw", &args.deny_withdraw, false)]
    {
        let edit = |publisher: &String| Edit::Withdraw { publisher: name(publisher), allowed };
        edits.extend(publishers.iter().map(|publisher| (option, edit(publisher))));
    }
    let removed = args.remove_publisher.iter().map(|publisher| Edit::RemovePublisher(name(publisher)));
    edits.extend(removed.map(|edit| ("--remove-publisher", edit)));
    Ok(edits)
}

/// What is meant by a key, a file with one, or a name.
fn name(text: &str) -> Name {
    Name(key_file::public_key(text).map_or_else(|_| text.to_owned(), |key| key.keyid()))
}

/// Which of its two things `--end-key` does.
fn explain_end(edit: &Edit, now: u64) -> Option<String> {
    let Edit::EndKey { key: Name(key), at } = edit else { return None };
    let time = times::utc(*at);
    Some(if *at >= now {
        format!("{key} is retired at {time}: what it signs before counts, and stays")
    } else {
        format!(
            "{key} is retired now and revoked from {time} on: what it signed since is no longer believed, until \
             another key signs it once more"
        )
    })
}

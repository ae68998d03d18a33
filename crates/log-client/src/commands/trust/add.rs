//! `wheeltap trust add`: looks at a log, shows it, asks, and adds it to the trust file.
//!
//! What is trusted comes from the person: the root keys. The log's own key may come from
//! the log, since the policy that the roots have signed names it; so nothing is believed
//! because it was the first answer.

use std::fs;
use std::path::PathBuf;

use clap::{ArgGroup, Args};
use log_core::api::LOG_KEY_PATH;
use log_core::key::VerifierKey;
use log_core::policy::{Pattern, Roots};
use log_core::trust_policy::TrustPolicy;
use log_io::fetch::Http;
use log_io::outcome::{Exit, Failure, Outcome, note};
use log_io::session::Session;
use log_io::source::LogSource;
use log_io::trust_edit::{self, Place};
use log_io::trust_file::{TrustFile, TrustedLog};
use log_io::{clock, key_file, terminal};

use super::look::{KeyFrom, describe, look};
use super::policy_text::policy_text;
use super::{FileArgs, change};
use crate::cli;

/// Longest public key that is read from a log.
const MAX_KEY_BYTES: usize = 1024;

/// How old cosignatures may be unless told otherwise. A log asks its witnesses again every
/// few minutes, so this is a log that stands still for a day.
const DEFAULT_MAX_AGE: u64 = 24 * 3_600;

/// Arguments of `wheeltap trust add`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("witnessed").args(["policy", "witnesses"]),
    after_help = "\
Example:
  wheeltap trust add https://log.example.org/ --root root.example.org+11a9… --project 'oslo-*'

The root keys must come from somewhere you trust, not from the log. Its own key is read from the log, and \
counts only if the policy that the root keys have signed names it; give it with --log-key for a log that is \
empty or is served as plain files. Without --project the log is asked about all projects. \
Without a terminal nothing can be asked: look at what is shown, and give --yes.")]
pub struct AddArgs {
    /// The log's URL (http, https, or file for a directory)
    url: String,
    /// Public key of someone who signs policies, or a file with it; repeat for several
    #[arg(long = "root", required = true, value_name = "KEY")]
    roots: Vec<String>,
    /// How many root keys must have signed the log's first policy
    #[arg(long, value_name = "N", default_value_t = 1)]
    threshold: usize,
    /// The log's public key, or a file with it [default: ask the log]
    #[arg(long, value_name = "KEY", conflicts_with = "policy")]
    log_key: Option<String>,
    /// A witness's public key, or a file with it; repeat for several
    #[arg(long = "witness", value_name = "KEY")]
    witnesses: Vec<String>,
    /// How many of the witnesses must have cosigned [default: all]
    #[arg(long, value_name = "N", requires = "witnesses")]
    quorum: Option<usize>,
    /// A file with a C2SP tlog-policy: the log's key, its witnesses and their groups
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// How old the witnesses' cosignatures may be, e.g. 90m, 12h [default: 1d]
    #[arg(long, value_name = "DURATION", value_parser = cli::duration, requires = "witnessed")]
    max_age: Option<u64>,
    /// What the log is asked about: a project, or the start of names with `*`; repeat for
    /// several [default: all projects]
    #[arg(long = "project", value_name = "PATTERN", value_parser = Pattern::parse)]
    projects: Vec<Pattern>,
    /// Ask it before the logs that are in the file [default: after them]
    #[arg(long)]
    first: bool,
    /// Add it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    files: FileArgs,
}

pub(super) async fn run(args: &AddArgs) -> Outcome {
    let http = Http::new("wheeltap")?;
    let (log, from) = trusted(args, &http).await?;
    let path = args.files.trust_path()?;
    let place = if args.first { Place::First } else { Place::Last };
    let edit = |text: Option<&str>| {
        trust_edit::add(text, &log, place).map_err(|error| {
            Failure::usage(format!("trust file {}: {error:#}", path.display())).hint(
                "`wheeltap trust show` has its logs; say with --project what the new one is asked about, and with \
                 --first that it is asked before the others; or take one out with `wheeltap trust remove`",
            )
        })
    };
    // Before anything is asked, of the log or of the person.
    edit(TrustFile::read(&path)?.as_deref())?;
    let now = clock::now();
    let seen = look(&http, &log, from, now).await?;
    describe(&log, from, &seen, now).iter().for_each(note);
    terminal::confirm(&format!("Trust this log, in {}?", path.display()), args.yes)?;
    // It may be known from before, and must go on from there.
    let session = Session::new(http, log.clone(), &args.files.state_directory()?)?;
    session.checkpoint(clock::now()).await?;
    change(&path, edit)?;
    note(format_args!("added {} to {}", log.origin(), path.display()));
    Ok(Exit::Ok)
}

/// The log that the arguments speak of, and whence its key is.
async fn trusted(args: &AddArgs, http: &Http) -> Result<(TrustedLog, KeyFrom), Failure> {
    let roots = Roots::new(args.threshold, keys("--root", &args.roots)?)
        .map_err(|error| Failure::usage(format!("--threshold: {error}")))?;
    let source =
        LogSource::new(http.clone(), &args.url).map_err(|error| Failure::usage(format!("{error:#}")))?;
    let (policy, from) = match (&args.policy, &args.log_key) {
        (Some(path), _) => {
            let text = fs::read_to_string(path).map_err(|error| {
                Failure::usage(format!("--policy: cannot read {}: {error}", path.display()))
            })?;
            (text, KeyFrom::Given)
        }
        (None, given) => {
            let (key, from) = match given {
                Some(key) => (public_key("--log-key", key)?, KeyFrom::Given),
                None => (served_key(&source).await?, KeyFrom::Served),
            };
            let witnesses = keys("--witness", &args.witnesses)?;
            (policy_text(&key, &witnesses, args.quorum).map_err(Failure::usage)?, from)
        }
    };
    let needs_quorum = TrustPolicy::parse(&policy).is_ok_and(|policy| !policy.has_no_quorum());
    let max_age = args.max_age.or(needs_quorum.then_some(DEFAULT_MAX_AGE));
    let log = TrustedLog::new(args.url.clone(), policy, &roots, &args.projects, max_age);
    Ok((log.map_err(|error| Failure::usage(format!("--policy: {error:#}")))?, from))
}

/// The key that what answers at the URL gives for the log's.
async fn served_key(source: &LogSource) -> Result<VerifierKey, Failure> {
    let bytes = source.read(LOG_KEY_PATH, MAX_KEY_BYTES).await.map_err(anyhow::Error::from)?;
    let key = bytes.as_deref().and_then(|bytes| str::from_utf8(bytes).ok()).map(str::trim_end);
    key.and_then(|key| VerifierKey::parse(key).ok()).ok_or_else(|| {
        Failure::usage(format!(
            "{} does not say what the log's key is (no `{LOG_KEY_PATH}`)",
            source.location()
        ))
        .hint("check the URL; where the log is served as plain files, give its key with --log-key")
    })
}

fn keys(option: &str, texts: &[String]) -> Result<Vec<VerifierKey>, Failure> {
    texts.iter().map(|text| public_key(option, text)).collect()
}

fn public_key(option: &str, text: &str) -> Result<VerifierKey, Failure> {
    key_file::public_key(text).map_err(|error| Failure::usage(format!("{option}: {error:#}")))
}

//! `wheeltap policy init`: the first version.

use std::path::PathBuf;

use clap::Args;
use log_core::policy::{Coverage, Pattern, Policy, Publisher, PublisherKey, Roots};
use log_core::statement::PolicyStatement;
use log_io::key_file;
use log_io::outcome::{Exit, Failure, Outcome, note, shown};

use super::{file, unpublished};
use crate::cli;
use crate::policy_edit::{self, Edit, Name, parse_coverage};

/// Arguments of `wheeltap policy init`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example: one team publishes nova and all oslo projects, and may take files back; nova is covered from \
13.0.0 on; the next policy waits for a day before it is in force.
  wheeltap policy init --log-key log.pub --root root.key.pub \\
    --publisher team.key.pub 'nova,oslo-*' --may-withdraw team.key.pub \\
    --cover 'nova>=13.0.0' --cover 'oslo-*' --cool-down 1d --out policy.json
  wheeltap policy sign --key root.key policy.json
  wheeltap policy submit policy.json")]
pub struct InitArgs {
    /// The log's public key, or a file with it
    #[arg(long, value_name = "KEY")]
    log_key: String,
    /// Public key of someone who signs policies, or a file with it; repeat for several
    #[arg(long = "root", required = true, value_name = "KEY")]
    roots: Vec<String>,
    /// How many root keys must sign a policy
    #[arg(long, default_value_t = 1)]
    threshold: usize,
    /// A publisher's public key (or a file with it), and the projects it publishes:
    /// names and starts of names with `*`, separated by commas; repeat for several
    #[arg(long = "publisher", required = true, num_args = 2, value_names = ["KEY", "PROJECTS"])]
    publishers: Vec<String>,
    /// A publisher's key that may also withdraw files of its projects; repeat for several
    #[arg(long = "may-withdraw", value_name = "KEY")]
    may_withdraw: Vec<String>,
    /// Projects whose releases the log has all of, e.g. `nova`, `nova>=13.0.0,<30.0.0`,
    /// `oslo-*` [default: all projects of all publishers]
    #[arg(long = "cover", value_name = "PROJECT")]
    covered: Vec<String>,
    /// How long the policy after this one waits before it is in force, e.g. 1d, 12h or
    /// seconds: time to notice that a root key was stolen
    #[arg(long, value_name = "DURATION", default_value = "0", value_parser = cli::duration)]
    cool_down: u64,
    /// Where the policy goes
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

pub(super) fn run(args: &InitArgs) -> Outcome {
    let usage = |what: &str, error: String| Failure::usage(format!("{what}: {error}"));
    let key = |what: &str, text: &str| {
        key_file::public_key(text).map_err(|error| usage(what, format!("{error:#}")))
    };
    let log = key("--log-key", &args.log_key)?;
    let roots: Result<Vec<_>, _> = args.roots.iter().map(|root| key("--root", root)).collect();
    let roots =
        Roots::new(args.threshold, roots?).map_err(|error| usage("--threshold", error.to_string()))?;
    let mut publishers = Vec::new();
    for pair in args.publishers.chunks_exact(2) {
        let key = key("--publisher", &pair[0])?;
        let projects: Result<Vec<Pattern>, String> = pair[1].split(',').map(Pattern::parse).collect();
        let projects = projects.map_err(|error| usage("--publisher", error))?;
        let name = key.name().to_string();
        publishers.push(Publisher { name, keys: vec![PublisherKey::always(key)], projects, withdraw: false });
    }
    let mut projects: Vec<Coverage> = Vec::new();
    for text in &args.covered {
        projects.push(parse_coverage(text).map_err(|error| usage("--cover", error))?);
    }
    if projects.is_empty() {
        let all = publishers.iter().flat_map(|publisher| publisher.projects.clone());
        projects = all.map(Coverage::all).collect();
    }
    let mut policy = Policy { version: 1, roots, cool_down: args.cool_down, publishers, projects };
    for text in &args.may_withdraw {
        let publisher = Name(key("--may-withdraw", text)?.keyid());
        policy_edit::apply(&mut policy, &Edit::Withdraw { publisher, allowed: true })
            .map_err(|error| usage("--may-withdraw", error))?;
    }
    let remarks = unpublished(&policy);
    file::write_new(&args.out, &PolicyStatement::new(&log, policy))?;
    for remark in &remarks {
        note(format_args!("note: {}", shown(remark)));
    }
    note(format_args!("wrote {}; sign it: wheeltap policy sign --key ROOT.key {0}", args.out.display()));
    Ok(Exit::Ok)
}

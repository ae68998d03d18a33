//! `wheeltap policy sign`: a root reads what changes, and signs.

use std::path::PathBuf;

use clap::Args;
use log_core::key::VerifierKey;
use log_core::policy::{Policy, Roots, diff};
use log_core::rules::roots::root_signatures;
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note};
use log_io::{key_file, terminal};

use super::diff::{counted, print_changes};
use super::file::{self, PolicyFile};

/// Arguments of `wheeltap policy sign`.
#[derive(Debug, Args)]
#[command(after_help = "\
A later version is compared with the policy that it replaces, from the log in the trust file, or on a \
machine without a network from --replaces FILE. It needs as many signatures as the replaced policy demands \
of its roots, and as many as it demands of its own; a key that is in both counts for both.")]
pub struct SignArgs {
    /// The root key's file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The policy file
    file: PathBuf,
    /// A file with the policy in force, which the new one replaces [default: ask the log]
    #[arg(long, value_name = "FILE")]
    replaces: Option<PathBuf>,
    /// Sign without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) async fn run(args: &SignArgs) -> Outcome {
    let key = key_file::load(&args.key)?;
    let mut policy_file = file::read(&args.file)?;
    let replaced = replaced(args, policy_file.policy()).await?;
    check_is_root(key.public(), policy_file.policy(), replaced.as_ref())?;
    if let Some(replaced) = &replaced {
        let changes = diff(replaced, policy_file.policy());
        print_changes(&changes);
        note(format_args!(
            "version {} replaces version {}: {}",
            policy_file.policy().version,
            replaced.version,
            counted(&changes)
        ));
        terminal::confirm("Sign it?", args.yes)?;
    }
    policy_file.signed.envelope.sign(&key);
    file::write(&args.file, &policy_file.signed.envelope)?;
    note(format_args!(
        "signed {} as {}: {}",
        args.file.display(),
        key.public().keyid(),
        progress(&policy_file, replaced.as_ref())
    ));
    Ok(Exit::Ok)
}

/// The policy that this one replaces; the first one replaces none.
async fn replaced(args: &SignArgs, new: &Policy) -> Result<Option<Policy>, Failure> {
    if let Some(path) = &args.replaces {
        return Ok(Some(file::read(path)?.statement.policy));
    }
    if new.version == 1 {
        return Ok(None);
    }
    let known = file::logged(&args.log).await.map_err(|failure| {
        Failure::with_exit(
            failure.exit(),
            format!("the policy that version {} replaces is not known: {failure}", new.version),
        )
        .hint("without a network, give it with --replaces FILE")
    })?;
    let next = known.facts.timeline.next_version();
    if next != new.version {
        note(format_args!(
            "note: the log would refuse this version {}: its next one is version {next}",
            new.version
        ));
    }
    Ok(Some(known.facts.policy))
}

/// The log refuses a policy that anybody else has signed, too.
fn check_is_root(key: &VerifierKey, new: &Policy, replaced: Option<&Policy>) -> Result<(), Failure> {
    let is_root = |policy: &Policy| policy.roots.keys.contains(key);
    if is_root(new) || replaced.is_some_and(is_root) {
        return Ok(());
    }
    let keyid = key.keyid();
    let whose = match replaced {
        Some(_) => "a root key neither of this policy nor of the one that it replaces",
        None => "not a root key of this policy",
    };
    let message = format!("{keyid} is {whose}; with its signature the log would refuse the policy");
    Err(Failure::usage(message)
        .hint("sign it with one of the keys that `wheeltap policy show FILE` calls roots"))
}

/// How many of those who must sign have signed.
pub(super) fn progress(file: &PolicyFile, replaced: Option<&Policy>) -> String {
    let count =
        |roots: &Roots| format!("{} of {}", root_signatures(&file.signed.envelope, roots), roots.threshold);
    let own = count(&file.policy().roots);
    match replaced {
        Some(replaced) => {
            format!("{} of the replaced policy's roots, {own} of its own", count(&replaced.roots))
        }
        None => own,
    }
}

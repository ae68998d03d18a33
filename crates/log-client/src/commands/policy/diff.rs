//! `wheeltap policy diff`: how two policies differ, by what they mean.

use std::path::PathBuf;

use clap::Args;
use log_core::policy::{Change, diff};
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Exit, Failure, Outcome, note, print, shown};
use serde_json::json;

use super::file;

/// Arguments of `wheeltap policy diff`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wheeltap policy diff policy-1.json policy-2.json
  wheeltap policy diff --from-log policy-2.json       compared with the policy in force
Lines begin with `+` (new), `-` (gone) or `~` (different); what makes the second policy weaker than the \
first also has a line WEAKER.")]
pub struct DiffArgs {
    /// The older policy file, then the newer one; with --from-log only the newer one
    #[arg(required = true, num_args = 1..=2, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Compare with the policy in force in the log
    #[arg(long)]
    from_log: bool,
    /// How to print it
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) async fn run(args: &DiffArgs) -> Outcome {
    let (old, new) = match (args.files.as_slice(), args.from_log) {
        ([old, new], false) => (file::read(old)?.statement.policy, file::read(new)?.statement.policy),
        ([new], true) => (file::logged(&args.log).await?.facts.policy, file::read(new)?.statement.policy),
        _ => return Err(Failure::usage("give two policy files, or --from-log and one")),
    };
    let changes = diff(&old, &new);
    match args.format {
        Format::Text => print_changes(&changes),
        Format::Json => {
            let weaker = changes.iter().any(|change| change.weakens.is_some());
            let json = json!({
                "schema": 1, "old_version": old.version, "new_version": new.version, "weaker": weaker,
                "changes": changes,
            });
            print(format_args!("{json:#}"));
        }
    }
    note(format_args!("version {} and version {}: {}", old.version, new.version, counted(&changes)));
    Ok(Exit::Ok)
}

/// Prints the changes.
pub(super) fn print_changes(changes: &[Change]) {
    for change in changes {
        let what = format!("{} {}", change.kind, shown(&change.what));
        match (&change.before, &change.after) {
            (None, Some(after)) => print(format_args!("+ {what}: {}", shown(after))),
            (Some(before), None) => print(format_args!("- {what}: {}", shown(before))),
            (before, after) => {
                let text = |side: &Option<String>| shown(side.as_deref().unwrap_or("nothing"));
                print(format_args!("~ {what}: {}  ->  {}", text(before), text(after)));
            }
        }
        if let Some(why) = change.weakens {
            print(format_args!("  WEAKER: {why}"));
        }
    }
}

/// How many changes there are, in words.
pub(super) fn counted(changes: &[Change]) -> String {
    let weaker = changes.iter().filter(|change| change.weakens.is_some()).count();
    let differences = match changes.len() {
        0 => return "no difference".to_owned(),
        1 => "1 difference".to_owned(),
        many => format!("{many} differences"),
    };
    if weaker > 0 { format!("{differences}, of which {weaker} WEAKER") } else { differences }
}

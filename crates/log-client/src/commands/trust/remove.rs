//! `wheeltap trust remove`: takes a log out of the trust file.

use clap::Args;
use log_io::outcome::{Exit, Failure, Outcome, note};
use log_io::terminal;
use log_io::trust_edit;
use log_io::trust_file::TrustFile;

use super::{FileArgs, change};

/// Arguments of `wheeltap trust remove`.
#[derive(Debug, Args)]
#[command(after_help = "\
The rest of the file stays as it is. The projects that the log was asked about are from then on asked about \
in the next log that has them, or in none. What was seen of the log stays in the state directory.")]
pub struct RemoveArgs {
    /// The log's name, its origin
    origin: String,
    /// Remove it without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    files: FileArgs,
}

pub(super) fn run(args: &RemoveArgs) -> Outcome {
    let path = args.files.trust_path()?;
    let edit = |text: Option<&str>| {
        let text =
            text.ok_or_else(|| Failure::usage(format!("there is no trust file {}", path.display())))?;
        trust_edit::remove(text, &args.origin).map_err(|error| {
            Failure::usage(format!("trust file {}: {error:#}", path.display()))
                .hint("`wheeltap trust show` has its logs; to trust no log any more, delete the file")
        })
    };
    edit(TrustFile::read(&path)?.as_deref())?;
    terminal::confirm(&format!("Trust {} no more, in {}?", args.origin, path.display()), args.yes)?;
    change(&path, edit)?;
    note(format_args!("removed {} from {}", args.origin, path.display()));
    Ok(Exit::Ok)
}

//! `wheeltap policy`: the log's policy as one file that goes from hand to hand.
//!
//! The file is the DSSE envelope itself; `sign` adds a signature to it, and when
//! enough root keys have signed, `submit` sends it.
//!
//! | module | owns |
//! |---|---|
//! | `init` | the first version |
//! | `edit` | the next version, from the newest |
//! | `diff` | what two versions have not in common |
//! | `sign` | signatures, and how many there are |
//! | `show` | a file, or all versions of a log |
//! | `submit` | checking as the log does, and sending |
//! | `file` | reading and writing the file |

use clap::Subcommand;
use log_core::policy::{Pattern, Policy};
use log_io::outcome::Outcome;

use crate::policy_edit;

mod diff;
mod edit;
mod file;
mod init;
mod show;
mod sign;
mod submit;

pub(super) use show::{lines, print_versions};

/// Remarks on projects of which nothing can be logged.
fn unpublished(policy: &Policy) -> Vec<String> {
    let remark = |pattern: &Pattern| {
        format!("{pattern} is covered, and no publisher may publish it: all its files would be refused")
    };
    policy_edit::unpublished(policy).into_iter().map(remark).collect()
}

/// The commands of `wheeltap policy`.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Make the first policy of a log, unsigned
    Init(init::InitArgs),
    /// Make the next version of a policy, unsigned
    Edit(Box<edit::EditArgs>),
    /// Show how two policies differ, and what of it makes the second one weaker
    Diff(diff::DiffArgs),
    /// Add a root key's signature to a policy file
    Sign(sign::SignArgs),
    /// Show a policy file, or the policies of the log
    Show(show::ShowArgs),
    /// Send a signed policy file to the log
    Submit(submit::SubmitArgs),
}

/// Runs a policy command.
pub async fn run(command: &PolicyCommand) -> Outcome {
    match command {
        PolicyCommand::Init(args) => init::run(args),
        PolicyCommand::Edit(args) => edit::run(args).await,
        PolicyCommand::Diff(args) => diff::run(args).await,
        PolicyCommand::Sign(args) => sign::run(args).await,
        PolicyCommand::Show(args) => show::run(args).await,
        PolicyCommand::Submit(args) => submit::run(args).await,
    }
}

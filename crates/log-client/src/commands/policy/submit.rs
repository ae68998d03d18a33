//! `wheeltap policy submit`: checks a policy as the log does, and sends it.

use std::path::PathBuf;

use clap::Args;
use log_core::api::ReceiptStatus;
use log_core::policy::diff;
use log_core::rules::{self, Refusal};
use log_core::timeline::{Moment, Timeline};
use log_core::times;
use log_io::args::LogArgs;
use log_io::clock;
use log_io::outcome::{Exit, Outcome, note};

use super::diff::{counted, print_changes};
use super::file;
use crate::submit::WaitArgs;
use crate::{explain, facts, submit};

/// Arguments of `wheeltap policy submit`.
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// The policy file
    file: PathBuf,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    log: LogArgs,
}

pub(super) async fn run(args: &SubmitArgs) -> Outcome {
    let session = args.log.session("wheeltap")?;
    let file = file::read(&args.file)?;
    let now = clock::now();
    let known = facts::policies(&session, now).await?;
    let time = known.as_ref().map_or(now, |known| known.log_time(now));
    let size = known.as_ref().map_or(0, |known| known.size);
    let timeline = known.map_or_else(Timeline::default, |known| known.facts.timeline);
    let at = Moment { index: size, time: Some(time) };
    let is_logged = timeline.policies().iter().any(|dated| dated.policy == *file.policy());
    if !is_logged {
        rules::authorise(&file.signed, at, &timeline, &session.log.trust.genesis).map_err(|refusal| {
            match refusal {
                Refusal::UnknownKey { .. } => explain::refusal(&refusal)
                    .hint("only root keys sign policies: make the file again, and sign it with those"),
                refusal => explain::refusal(&refusal),
            }
        })?;
        if let Some(replaced) = timeline.in_force(at) {
            let changes = diff(&replaced.policy, file.policy());
            print_changes(&changes);
            note(format_args!("{} to version {}", counted(&changes), replaced.policy.version));
        }
    }
    let (receipt, _) = submit::submit(&session, &file.signed.envelope, &args.wait).await?;
    let again = if receipt.status == ReceiptStatus::AlreadyLogged { "was already" } else { "is" };
    note(format_args!("the policy {again} entry {}", receipt.index));
    if receipt.status == ReceiptStatus::Logged {
        foretell(&timeline, at);
    }
    Ok(Exit::Ok)
}

/// Says when the new policy will be in force, and what it cancels.
fn foretell(timeline: &Timeline, at: Moment) {
    let Some(replaced) = timeline.in_force(at) else { return };
    if let Some(waiting) = timeline.waiting(at.time) {
        note(format_args!(
            "version {} (entry {}), which still waited, is cancelled",
            waiting.policy.version, waiting.index
        ));
    }
    let cool_down = replaced.policy.cool_down;
    if cool_down > 0 {
        note(format_args!(
            "it waits for {} from then on, the cool-down of version {}: until about {}",
            times::duration(cool_down),
            replaced.policy.version,
            times::utc(at.time.unwrap_or_default().saturating_add(cool_down))
        ));
    }
}

//! Everything that a key has signed: what somebody needs who fears that it was stolen.
//!
//! There is no list of it in the index, so the log is read whole; then nothing can be
//! missing.

use std::path::Path;

use log_core::history::{History, Recorded};
use log_io::outcome::Failure;
use log_io::session::Session;
use log_io::{clock, key_file};

use super::Answer;
use super::found::Found;

/// What a key has signed from `since` on and before `until`.
pub(super) async fn read(
    session: &Session,
    key: &str,
    since: Option<u64>,
    until: Option<u64>,
) -> Result<Answer, Failure> {
    let keyid = match key_file::public_key(key) {
        Ok(key) => key.keyid(),
        Err(error) if Path::new(key).exists() || key_file::looks_like_path(key) => {
            return Err(Failure::usage(format!("--key-id: {error:#}")));
        }
        Err(_) if key.contains('+') => key.to_owned(),
        Err(_) => {
            return Err(Failure::usage(format!("--key-id: {key:?} is no key ID: expected `name+hash`"))
                .hint("`wheeltap policy show` lists keys; a key ID is the part before the second `+`"));
        }
    };
    let checkpoint = session.checkpoint(clock::now()).await?;
    let history = session.read_history(&checkpoint).await?;
    let in_time = |time: Option<u64>| {
        let time = time.unwrap_or_default();
        since.is_none_or(|since| time >= since) && until.is_none_or(|until| time < until)
    };
    let mut found = all(&history, &keyid);
    found.retain(|found| in_time(found.time));
    let log_time = history.commitment().map(|commitment| commitment.time);
    Ok(Answer { found, size: history.size(), log_time, complete: true })
}

/// All that a key has signed, in log order.
fn all(history: &History, keyid: &str) -> Vec<Found> {
    let mut found = Vec::new();
    found.extend(signed(history.policies(), keyid).map(Found::policy));
    for project in history.projects() {
        let withdrawals = history.withdrawals(project);
        let releases = signed(history.releases(project), keyid);
        found.extend(releases.map(|release| Found::release(release, withdrawals)));
        found.extend(signed(withdrawals, keyid).map(Found::withdrawal));
    }
    found.sort_by_key(|found| found.index);
    found
}

fn signed<'h, T>(entries: &'h [Recorded<T>], keyid: &str) -> impl Iterator<Item = &'h Recorded<T>> {
    entries.iter().filter(move |entry| entry.signers.iter().any(|signer| signer == keyid))
}

//! What the log says about some files: by look-up, or, when the log is served by
//! a static web server or lies in a directory, by reading all of it.
//!
//! Reading all of it costs more and knows more: that nothing else is logged.

use std::collections::BTreeSet;

use log_core::api::{LOOKUP_PATH, LookupAnswer, LookupKey, LookupRequest};
use log_core::limits::{MAX_LOOKUP_ANSWER_BYTES, MAX_LOOKUP_KEYS};
use log_core::verdict::{Distrust, Facts, check_answer, check_history};
use log_io::outcome::{Exit, Failure, note};
use log_io::session::Session;
use log_io::source::LogSource;

/// What is known, and under which checkpoint.
#[derive(Debug, Clone)]
pub struct Known {
    /// The facts.
    pub facts: Facts,
    /// The size of the tree they were proven under.
    pub size: u64,
}

/// Asks for everything about these keys.
pub async fn ask(session: &Session, keys: &[LookupKey], now: u64) -> Result<Known, Failure> {
    let LogSource::Url(_, url) = &session.source else { return read_all(session, keys, now).await };
    let url = format!("{url}{LOOKUP_PATH}");
    let mut known: Option<Known> = None;
    for keys in keys.chunks(MAX_LOOKUP_KEYS) {
        let Some(next) = look_up(session, &url, keys, now).await? else {
            note("the log is served without look-ups; reading all of it");
            return read_all(session, keys, now).await;
        };
        known = Some(match known {
            None => next,
            Some(before) => join(before, next),
        });
    }
    known.ok_or_else(|| Failure::usage("nothing to look up"))
}

/// One request; `None` when the server does not do look-ups. Project keys are
/// followed to their end.
async fn look_up(
    session: &Session,
    url: &str,
    keys: &[LookupKey],
    now: u64,
) -> Result<Option<Known>, Failure> {
    let mut keys = keys.to_vec();
    let mut known: Option<Known> = None;
    while !keys.is_empty() {
        let request = serde_json::to_vec(&LookupRequest { keys: keys.clone() })
            .map_err(|error| Failure::new(error.to_string()))?;
        let answer = match session.http.post(url, request, MAX_LOOKUP_ANSWER_BYTES).await {
            Ok((_, answer)) => answer,
            Err(error) if matches!(error.status().map(|s| s.as_u16()), Some(404 | 405 | 501)) => {
                return Ok(None);
            }
            Err(error) => return Err(anyhow::Error::from(error).into()),
        };
        let answer: LookupAnswer = serde_json::from_slice(&answer).map_err(|error| {
            Failure::with_exit(Exit::Invalid, format!("{url} did not answer a look-up: {error}"))
                .hint("check the URL in the trust file")
        })?;
        let checkpoint = session.accept(answer.checkpoint.as_bytes(), now).await?;
        let facts = check_answer(&session.log.trust.genesis, &checkpoint, &answer)
            .map_err(|distrust| session.misbehaviour(distrust))?;
        let next = Known { facts, size: checkpoint.checkpoint.size() };
        keys = more(&keys, &answer)?;
        known = Some(match known {
            None => next,
            Some(before) => join(before, next),
        });
    }
    Ok(known)
}

/// What is still to be asked after an answer that was cut: projects from where it
/// ended, other keys once more, now that fewer are asked for.
fn more(keys: &[LookupKey], answer: &LookupAnswer) -> Result<Vec<LookupKey>, Failure> {
    if answer.results.len() != keys.len() {
        return Err(Distrust::Malformed("it has not one result per key".to_owned()).into());
    }
    let mut more = Vec::new();
    for (key, result) in keys.iter().zip(&answer.results) {
        more.extend(result.next.map(|next| match key {
            LookupKey::Project { name, .. } => LookupKey::Project { name: name.clone(), from: next },
            other => other.clone(),
        }));
    }
    if more == keys {
        return Err(Distrust::Malformed("it is cut and does not go on".to_owned()).into());
    }
    Ok(more)
}

fn join(mut known: Known, next: Known) -> Known {
    known.facts.releases.extend(next.facts.releases);
    known.facts.releases.sort_by_key(|(index, _)| *index);
    known.facts.releases.dedup_by_key(|(index, _)| *index);
    known.facts.log_time = known.facts.log_time.min(next.facts.log_time);
    known.size = known.size.min(next.size);
    known
}

async fn read_all(session: &Session, keys: &[LookupKey], now: u64) -> Result<Known, Failure> {
    let checkpoint = session.checkpoint(now).await?;
    let history = session.read_history(&checkpoint).await?;
    let projects: BTreeSet<_> = keys
        .iter()
        .flat_map(|key| match key {
            LookupKey::File { project, .. }
            | LookupKey::Release { project, .. }
            | LookupKey::Project { name: project, .. } => vec![project.clone()],
            // Any project may have the file.
            LookupKey::Digest(digest) => history
                .projects()
                .filter(|project| {
                    let releases = history.releases(project).iter();
                    releases.flat_map(|(_, release)| &release.files).any(|file| file.sha256 == digest.0)
                })
                .cloned()
                .collect(),
        })
        .collect();
    let facts = check_history(&history, &projects).ok_or_else(|| {
        Failure::new("the log has no policy yet").hint("submit one: `wheeltap policy submit`")
    })?;
    Ok(Known { facts, size: history.size() })
}

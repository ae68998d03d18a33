//! What the log says about some files: by look-up, or, when the log is served by
//! a static web server or lies in a directory, by reading all of it.
//!
//! Both prove that nothing else is logged of what was asked for: a look-up by the
//! index that the log commits to, a reading by there being nothing else.

use std::collections::{BTreeSet, VecDeque};

use log_core::api::{HexDigest, LOOKUP_PATH, LookupAnswer, LookupKey, LookupRequest};
use log_core::hash::EMPTY_ROOT;
use log_core::limits::{MAX_LOOKUP_ANSWER_BYTES, MAX_LOOKUP_KEYS};
use log_core::verdict::{Distrust, Facts, check_answer, check_history};
use log_io::fetch::FetchError;
use log_io::outcome::{Exit, Failure, note};
use log_io::session::Session;
use log_io::source::LogSource;

use crate::proofs::Exchange;

/// What is known, and under which checkpoint.
#[derive(Debug, Clone)]
pub struct Known {
    /// The facts.
    pub facts: Facts,
    /// The size of the tree they were proven under.
    pub size: u64,
}

impl Known {
    /// The time that the log will give to what it takes now.
    pub fn log_time(&self, now: u64) -> u64 {
        self.facts.log_time.map_or(now, |log_time| log_time.max(now))
    }
}

/// Most requests for one question; each brings at least one entry more.
const MAX_REQUESTS: usize = 1_000;

/// Asks for everything about these keys.
pub async fn ask(session: &Session, keys: &[LookupKey], now: u64) -> Result<Known, Failure> {
    ask_recorded(session, keys, now, &mut None).await
}

/// The same; what was asked and answered is added to `record`, when there is one. A log
/// that is read whole answers nothing.
pub async fn ask_recorded(
    session: &Session,
    keys: &[LookupKey],
    now: u64,
    record: &mut Option<Vec<Exchange>>,
) -> Result<Known, Failure> {
    let Some(url) = lookup_url(session) else { return read_all(session, keys, now).await };
    let mut known: Option<Known> = None;
    let mut left: VecDeque<LookupKey> = keys.iter().cloned().collect();
    for _ in 0..MAX_REQUESTS {
        if left.is_empty() {
            return known.ok_or_else(|| Failure::usage("nothing to look up"));
        }
        let asked: Vec<LookupKey> = left.drain(..left.len().min(MAX_LOOKUP_KEYS)).collect();
        let Some((next, cut, answer)) = look_up(session, &url, &asked, now).await? else {
            note("the log is served without look-ups; reading all of it");
            return read_all(session, keys, now).await;
        };
        left.extend(cut);
        if let Some(record) = record {
            record.push(Exchange::new(asked, &answer).map_err(|error| Failure::new(error.to_string()))?);
        }
        known = Some(match known {
            None => next,
            Some(before) => join(before, next),
        });
    }
    Err(Failure::new(format!("the log's answer is not whole after {MAX_REQUESTS} requests"))
        .hint("ask for less at once"))
}

/// Asks for the policies alone, which come with every answer. `None` when the log is
/// empty.
pub async fn policies(session: &Session, now: u64) -> Result<Option<Known>, Failure> {
    policies_recorded(session, now, &mut None).await
}

/// The same, recorded as by [`ask_recorded`].
pub async fn policies_recorded(
    session: &Session,
    now: u64,
    record: &mut Option<Vec<Exchange>>,
) -> Result<Option<Known>, Failure> {
    if session.checkpoint(now).await?.checkpoint.size() == 0 {
        return Ok(None);
    }
    // The empty file: nobody releases that, so nothing else comes with them.
    let nothing = [LookupKey::Digest { sha256: HexDigest(EMPTY_ROOT), from: 0 }];
    ask_recorded(session, &nothing, now, record).await.map(Some)
}

/// Asks once, and takes what comes: for hints, on which no verdict rests. The only failure is
/// that the log misbehaved.
pub async fn ask_for_hints(
    session: &Session,
    keys: &[LookupKey],
    now: u64,
) -> Result<Option<Known>, Failure> {
    let Some(url) = lookup_url(session) else { return Ok(None) };
    let keys = &keys[..keys.len().min(MAX_LOOKUP_KEYS)];
    match look_up(session, &url, keys, now).await {
        Err(failure) if failure.exit() == Exit::Misbehaved => Err(failure),
        answer => Ok(answer.ok().flatten().map(|(known, ..)| known)),
    }
}

fn lookup_url(session: &Session) -> Option<String> {
    match &session.source {
        LogSource::Url(_, url) => Some(format!("{url}{LOOKUP_PATH}")),
        LogSource::Directory(_) => None,
    }
}

/// One request: what is known, what is still to be asked because the answer was cut, and
/// the answer as it was received. `None` when the server does not do look-ups.
async fn look_up(
    session: &Session,
    url: &str,
    keys: &[LookupKey],
    now: u64,
) -> Result<Option<(Known, Vec<LookupKey>, Vec<u8>)>, Failure> {
    let request = serde_json::to_vec(&LookupRequest { keys: keys.to_vec() })
        .map_err(|error| Failure::new(error.to_string()))?;
    let received = match session.http.post(url, request, MAX_LOOKUP_ANSWER_BYTES).await {
        Ok((_, answer)) => answer,
        Err(error) if matches!(error.status().map(|s| s.as_u16()), Some(404 | 405 | 501)) => {
            return Ok(None);
        }
        Err(FetchError::Status { problem: Some(problem), .. }) => {
            let message = format!("the log did not answer the look-up: {}", problem.detail);
            return Err(Failure::new(message).hint(problem.next_step.clone()));
        }
        Err(error) => return Err(anyhow::Error::from(error).into()),
    };
    let answer: LookupAnswer = serde_json::from_slice(&received).map_err(|error| {
        Failure::with_exit(Exit::Invalid, format!("{url} did not answer a look-up: {error}"))
            .hint("check the URL in the trust file")
    })?;
    let checkpoint = session.accept(answer.checkpoint.as_bytes(), now).await?;
    let mut facts = check_answer(&session.log.trust.genesis, &checkpoint, keys, &answer)
        .map_err(|distrust| session.misbehaviour(distrust))?;
    // Lists that were not cut are proven to be whole, or this would be an error; those
    // that were cut are asked for again. What remains are parts of long lists.
    facts.complete = keys.iter().all(|key| key.from() == 0);
    let cut = still_to_ask(keys, &answer)?;
    let known = Known { facts: facts.as_of(now), size: checkpoint.checkpoint.size() };
    Ok(Some((known, cut, received)))
}

/// The keys whose results were cut. Among others each is asked for once more as a
/// whole, so that it can be proven to be whole; when all were cut the first goes on
/// where it was, so that each request brings something.
fn still_to_ask(keys: &[LookupKey], answer: &LookupAnswer) -> Result<Vec<LookupKey>, Failure> {
    let malformed = |what: &str| Failure::from(Distrust::Malformed(what.to_owned()));
    let cut_all = answer.results.iter().all(|result| result.next.is_some());
    let mut cut = Vec::new();
    for (i, (key, result)) in keys.iter().zip(&answer.results).enumerate() {
        let Some(next) = result.next else { continue };
        if next < key.from() {
            return Err(malformed("it goes back"));
        }
        let whole = key.from() == 0 && !(cut_all && i == 0);
        cut.push(if whole { key.clone() } else { key.clone().starting(next) });
    }
    if cut == keys {
        return Err(malformed("it is cut and does not go on"));
    }
    Ok(cut)
}

/// What both say; under the smaller tree at least.
pub fn join(known: Known, next: Known) -> Known {
    Known { facts: known.facts.and(next.facts), size: known.size.min(next.size) }
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
            LookupKey::Digest { sha256, .. } => history
                .projects()
                .filter(|project| {
                    let releases = history.releases(project).iter();
                    releases.flat_map(|release| &release.statement.files).any(|file| file.sha256 == sha256.0)
                })
                .cloned()
                .collect(),
        })
        .collect();
    let facts = check_history(&history, &projects).ok_or_else(|| {
        Failure::new("the log has no policy yet").hint("submit one: `wheeltap policy submit`")
    })?;
    Ok(Known { facts: facts.as_of(now), size: history.size() })
}

#[cfg(test)]
mod tests {
    use log_core::api::{EntryJson, LookupResult};
    use log_core::artifact::ProjectName;
    use log_core::basis::Basis;
    use log_core::map_proof::{MapProof, MapProofJson};

    use super::*;

    fn answer(next: &[Option<u64>]) -> LookupAnswer {
        let nothing = MapProofJson::from(&MapProof { steps: Vec::new(), leaf: None });
        let entry = EntryJson { index: 0, entry: String::new(), proof: Vec::new() };
        let result = |next: &Option<u64>| LookupResult { next: *next, ..LookupResult::default() };
        let basis = Basis { commitment: entry, policies: vec![], policy_map: nothing, commitments: vec![] };
        LookupAnswer {
            checkpoint: String::new(),
            basis,
            results: next.iter().map(result).collect(),
            entries: Vec::new(),
        }
    }

    #[test]
    fn what_was_cut_is_asked_for_again() {
        let key =
            |name: &str, from| LookupKey::Project { name: ProjectName::parse(name).expect("a name"), from };
        let check = |asked: &[LookupKey], next: &[Option<u64>]| still_to_ask(asked, &answer(next)).ok();
        let (a, b) = (key("a", 0), key("b", 0));
        assert_eq!(check(&[a.clone(), b.clone()], &[None, None]), Some(vec![]));
        // As a whole, so that it can be proven to be whole.
        assert_eq!(check(&[a.clone(), b.clone()], &[None, Some(7)]), Some(vec![b.clone()]));
        assert_eq!(check(&[a.clone(), b.clone()], &[Some(5), Some(7)]), Some(vec![key("a", 5), b]));
        assert_eq!(check(&[a], &[Some(5)]), Some(vec![key("a", 5)]));
        assert_eq!(check(&[key("a", 5)], &[Some(9)]), Some(vec![key("a", 9)]));
        assert_eq!(check(&[key("a", 5)], &[Some(5)]), None, "it does not go on");
        assert_eq!(check(&[key("a", 5)], &[Some(4)]), None, "it goes back");
    }
}

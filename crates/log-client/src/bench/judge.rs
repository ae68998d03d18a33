//! Whether the answers are right: everything that the log can be held to is checked,
//! and the first wrong answer ends the bench.
//!
//! * a receipt: what was sent is proven to be in the tree; a statement has one index, and
//!   an index one statement; it is new once;
//! * a look-up: `check_answer`, with which it is whole; and it names what was logged before;
//! * a tile: the bytes that the signed tree has there;
//! * a checkpoint: signed and cosigned, each one checked once; at the end all are proven
//!   to be of one history.
//!
//! An answer that says why there is nothing is no wrong answer. It is counted.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use log_core::api::{LookupAnswer, Problem};
use log_core::hash::digest;
use log_core::trust_policy::TrustedCheckpoint;
use log_core::verdict::{Distrust, check_answer};
use log_io::outcome::{Exit, Failure, note};
use log_io::session::Session;
use log_io::{clock, durable};

use super::drive::Sent;
use super::http::{Answer, Message};
use super::measure::{Cost, cost};
use super::parallel;
use super::plan::{Ask, Asked, Request};
use super::tiles::Digests;

mod indices;
mod receipts;

use indices::Indices;

/// Checks answers, and remembers what must fit together.
pub(crate) struct Judge {
    session: Session,
    tiles: Digests,
    /// Each checkpoint that was seen, by its bytes.
    checkpoints: Mutex<HashMap<String, Arc<Seen>>>,
    indices: Indices,
}

/// A checkpoint that is trusted.
struct Seen {
    checkpoint: TrustedCheckpoint,
    /// Whether the policies that come with receipts were checked under it: they are the
    /// same in all of them.
    basis_checked: AtomicBool,
}

/// What an answer says, when it is right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Said {
    /// A statement has this index, as a new entry or as an old one.
    Logged { statement: u64, index: u64, again: bool },
    /// A statement has this index, in a tree that is not published yet.
    Committed { statement: u64, index: u64 },
    /// Things that were asked for: keys, a tile, a checkpoint.
    Found(u64),
    /// Why something is not there: a kind of error.
    Not(String),
}

impl Judge {
    /// A judge of what a log answers, with the session that has its trust and state.
    pub(crate) fn new(session: Session) -> Self {
        Self { session, tiles: Digests::new(), checkpoints: Mutex::default(), indices: Indices::default() }
    }

    /// The session.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// How many statements are known to be logged.
    pub(crate) fn logged(&self) -> usize {
        self.indices.count()
    }

    /// Tiles that will be asked for.
    pub(crate) fn know_tiles(&mut self, tiles: Digests) {
        self.tiles.extend(tiles);
    }

    /// Checks what was answered, on all processors; gives what each answer says.
    pub(crate) fn all(&mut self, plan: &[Request], sent: &[Sent]) -> Result<(Vec<Vec<Said>>, Cost), Failure> {
        let (judged, cost) = cost(|| parallel::map(0..sent.len(), |i| self.one(plan, &sent[i])));
        let mut said = Vec::with_capacity(judged.len());
        for (judged, sent) in judged.into_iter().zip(sent) {
            let judged =
                judged.and_then(|said| self.indices.check(&said).map(|()| said).map_err(Distrust::Malformed));
            said.push(judged.map_err(|distrust| self.wrong(&plan[sent.request].message, sent, distrust))?);
        }
        Ok((said, cost))
    }

    /// Proves that all checkpoints that were seen are of one history; says how many.
    pub(crate) async fn check_history(&self) -> Result<usize, Failure> {
        let mut seen: Vec<(u64, String)> = {
            let checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
            checkpoints
                .iter()
                .map(|(bytes, seen)| (seen.checkpoint.checkpoint.size(), bytes.clone()))
                .collect()
        };
        // Each is compared with the largest before it.
        seen.sort_unstable();
        for (_, checkpoint) in &seen {
            self.session.accept(checkpoint.as_bytes(), clock::now()).await?;
        }
        Ok(seen.len())
    }

    fn one(&self, plan: &[Request], sent: &Sent) -> Result<Vec<Said>, Distrust> {
        let answer = match &sent.answer {
            Ok(answer) => answer,
            Err(error) => return Ok(vec![Said::Not(error.as_str().to_owned())]),
        };
        let Request { ask, message } = &plan[sent.request];
        if !matches!(answer.status, 200 | 202) {
            return Ok(vec![Said::Not(problem(answer)); ask.answers()]);
        }
        match ask {
            Ask::Append(statement) => {
                self.receipt(*statement, posted(message), answer).map(|said| vec![said])
            }
            Ask::Batch(statements) => self.batch(statements, posted(message), &answer.body),
            Ask::Lookup(asked) => self.lookup(asked, &answer.body).map(|said| vec![said]),
            Ask::Tile(tile) if self.tiles.get(tile) == Some(&digest(&[&answer.body])) => {
                Ok(vec![Said::Found(1)])
            }
            Ask::Tile(tile) => {
                Err(Distrust::Malformed(format!("{tile} is not what the signed tree has there")))
            }
            Ask::Checkpoint => {
                let text =
                    str::from_utf8(&answer.body).map_err(|error| Distrust::Malformed(error.to_string()))?;
                self.open(text).map(|_| vec![Said::Found(1)])
            }
        }
    }

    fn lookup(&self, asked: &[Asked], answer: &[u8]) -> Result<Said, Distrust> {
        let malformed = |what: String| Distrust::Malformed(what);
        let answer: LookupAnswer = serde_json::from_slice(answer)
            .map_err(|error| malformed(format!("not the answer to a look-up: {error}")))?;
        let checkpoint = &self.open(&answer.checkpoint)?.checkpoint;
        let keys: Vec<_> = asked.iter().map(|asked| asked.key.clone()).collect();
        check_answer(&self.session.log.trust.genesis, checkpoint, &keys, &answer)?;
        // It is all that the log has. It must be what the bench has put there.
        for (asked, result) in asked.iter().zip(&answer.results) {
            let indices = asked.statements.iter().filter_map(|statement| self.indices.of(*statement));
            let missing = indices.filter(|index| !result.entries.contains(index)).min();
            let cut = result.next.is_some_and(|next| missing >= Some(next));
            let extra = asked.statements.is_empty() && !result.entries.is_empty();
            if missing.is_some() && !cut || extra {
                let key = serde_json::to_string(&asked.key).unwrap_or_default();
                return Err(malformed(format!("entries about {key} are not those that were logged")));
            }
        }
        Ok(Said::Found(keys.len() as u64))
    }

    /// A checkpoint, checked when it is seen for the first time.
    fn open(&self, text: &str) -> Result<Arc<Seen>, Distrust> {
        let known = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).get(text).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let checkpoint = self.session.log.trust.open(text.as_bytes(), clock::now())?;
        let seen = Arc::new(Seen { checkpoint, basis_checked: AtomicBool::new(false) });
        let mut checkpoints = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(checkpoints.entry(text.to_owned()).or_insert(seen)))
    }

    /// The failure that a wrong answer is; request and answer are kept.
    fn wrong(&self, message: &Message, sent: &Sent, distrust: Distrust) -> Failure {
        let mut bytes = format!("{}\n\n", message.path).into_bytes();
        bytes.extend_from_slice(posted(message));
        bytes.extend_from_slice(b"\n\n");
        bytes.extend_from_slice(sent.answer.as_ref().map_or(&[], |answer| &answer.body));
        let path = format!("wheeltap-bench-{}.wrong", digest(&[&bytes]).to_hex());
        match durable::write(path.as_ref(), &bytes) {
            Ok(()) => note(format_args!("the request and the wrong answer are in {path}")),
            Err(error) => note(format_args!("cannot keep the wrong answer in {path}: {error}")),
        }
        match distrust {
            // What answered is broken, or not the log: wrong, whatever else it may be.
            Distrust::Malformed(_) => Failure::with_exit(Exit::Invalid, distrust.to_string()),
            other => self.session.misbehaviour(other),
        }
    }
}

/// The body of a POST.
fn posted(message: &Message) -> &[u8] {
    message.body.as_ref().map_or(&[], |(_, body)| body)
}

/// What kind of problem an answer other than 200 says there is.
fn problem(answer: &Answer) -> String {
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(problem) => kind(&problem).to_owned(),
        Err(_) => format!("status-{}", answer.status),
    }
}

/// The last word of `urn:wheeltap:problem:<kind>`.
fn kind(problem: &Problem) -> &str {
    problem.kind.rsplit(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests;

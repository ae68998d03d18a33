//! What the logs say of projects, kept for a short time, asked for once at a time.
//!
//! Invariant: an answer is used for `max_age` at most; when the log cannot be asked again
//! there is none, unless the trust file grants a time of grace, counted from the last good
//! answer of that log to this process. A log that misbehaved is never in grace, and never
//! believed again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log_core::api::LookupKey;
use log_core::artifact::{ProjectName, Version};
use log_core::limits::MAX_LOOKUP_KEYS;
use log_core::verdict::Facts;
use log_io::clock::{self, Stopwatch};
use log_io::outcome::{Cause, Exit, Failure};
use log_io::session::Session;
use log_io::sessions::Sessions;
use tokio::sync::Mutex as AsyncMutex;

use super::denial::Denial;
use super::limits::{CACHED_PROJECTS, LOG_TIME};
use crate::facts;

/// How long a log that did not answer is not asked again: it may be back at any time, but
/// an installer that asks for a hundred files shall not wait for each.
const RETRY_TIME: Duration = Duration::from_secs(2);

/// The logs, and what they said.
#[derive(Debug)]
pub(super) struct Oracle {
    sessions: Sessions,
    max_age: Duration,
    answers: Mutex<HashMap<ProjectName, Arc<AsyncMutex<Option<Answer>>>>>,
    /// By origin: when it last answered well, and what went wrong since.
    logs: Mutex<BTreeMap<String, LogStatus>>,
}

/// What a log said of a project.
#[derive(Debug, Clone)]
struct Answer {
    since: Stopwatch,
    view: View,
    /// What the log said last.
    last: Option<Arc<Facts>>,
}

/// What is known of a project.
#[derive(Debug, Clone)]
pub(super) enum View {
    /// No log is asked about it.
    NoLog,
    /// What the log says.
    Log(Arc<Facts>),
    /// Nothing, and why.
    Nothing(Denial),
    /// Nothing, but it may pass, unless what the log said last is against it.
    Grace(Option<Arc<Facts>>),
}

/// How a log is doing.
#[derive(Debug, Clone, Default)]
pub(super) struct LogStatus {
    answered: Option<(Stopwatch, u64)>,
    /// The size of the tree that the last answer was proven under.
    pub(super) size: Option<u64>,
    /// What the last question came to, if not to an answer.
    pub(super) failure: Option<String>,
    /// When it last could not be reached, and why.
    failed: Option<(Stopwatch, Denial)>,
    /// It misbehaved, and is not believed any more.
    misbehaved: Option<Denial>,
}

impl LogStatus {
    /// Seconds since the last good answer, by the clock that goes on while a machine sleeps and
    /// by the one that nobody sets: the longer time.
    pub(super) fn age(&self) -> Option<u64> {
        let (watch, then) = self.answered.as_ref()?;
        Some(clock::now().saturating_sub(*then).max(watch.elapsed().as_secs()))
    }
}

impl Oracle {
    pub(super) fn new(sessions: Sessions, max_age: Duration) -> Self {
        let origin = |session: &Session| session.log.origin().to_owned();
        let logs = sessions.all().iter().map(|session| (origin(session), LogStatus::default()));
        let logs = Mutex::new(logs.collect());
        Self { sessions, max_age, answers: Mutex::default(), logs }
    }

    pub(super) fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// How each log is doing.
    pub(super) fn logs(&self) -> BTreeMap<String, LogStatus> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is known of a project; `versions` are those that the index has.
    pub(super) async fn view(&self, project: &ProjectName, versions: &[Version]) -> View {
        let Some(session) = self.sessions.of(project) else { return View::NoLog };
        let slot = self.slot(project);
        // Whoever comes second waits for the first one's answer.
        let mut answer = slot.lock().await;
        if let Some(denial) = self.status(session).misbehaved {
            return View::Nothing(denial);
        }
        if let Some(Answer { since, view, .. }) = &*answer
            && since.elapsed() < if matches!(view, View::Log(_)) { self.max_age } else { RETRY_TIME }
        {
            return view.clone();
        }
        let last = answer.as_ref().and_then(|answer| answer.last.clone());
        let (view, last) = match self.ask(session, project, versions).await {
            Ok(facts) => (View::Log(Arc::clone(&facts)), Some(facts)),
            Err(Silence::Grace) => (View::Grace(last.clone()), last),
            Err(Silence::Denied(denial)) => (View::Nothing(denial), last),
        };
        *answer = Some(Answer { since: Stopwatch::start(), view: view.clone(), last });
        view
    }

    fn status(&self, session: &Session) -> LogStatus {
        self.logs().remove(session.log.origin()).unwrap_or_default()
    }

    fn slot(&self, project: &ProjectName) -> Arc<AsyncMutex<Option<Answer>>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= CACHED_PROJECTS && !answers.contains_key(project) {
            answers.clear();
        }
        Arc::clone(answers.entry(project.clone()).or_default())
    }

    async fn ask(
        &self,
        session: &Session,
        project: &ProjectName,
        versions: &[Version],
    ) -> Result<Arc<Facts>, Silence> {
        let origin = session.log.origin().to_owned();
        let status = self.status(session);
        if let Some((since, denial)) = &status.failed
            && since.elapsed() < RETRY_TIME
        {
            return Err(self.unreachable(&status, denial.clone()));
        }
        let result = everything(session, project, versions).await;
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        let status = logs.entry(origin.clone()).or_default();
        // What was found while this question was under way.
        if let Some(denial) = &status.misbehaved {
            return Err(Silence::Denied(denial.clone()));
        }
        match result {
            Ok(known) => {
                *status = LogStatus {
                    answered: Some((Stopwatch::start(), clock::now())),
                    size: Some(known.size),
                    ..LogStatus::default()
                };
                Ok(Arc::new(known.facts))
            }
            Err(failure) => {
                let denial = Denial::failure(&origin, &failure);
                tracing::error!(log = origin, %project, error = %failure, "no verdict");
                status.failure = Some(failure.to_string());
                // A witness may have been wrong about a rollback: the log is asked again.
                if failure.exit() == Exit::Misbehaved && failure.cause() != Cause::Witness {
                    status.misbehaved = Some(denial.clone());
                    return Err(Silence::Denied(denial));
                }
                // Whatever else is wrong is so with this project alone, and the index may be
                // at fault.
                if failure.cause() != Cause::Unreachable {
                    return Err(Silence::Denied(denial));
                }
                status.failed = Some((Stopwatch::start(), denial.clone()));
                Err(self.unreachable(status, denial))
            }
        }
    }

    fn unreachable(&self, status: &LogStatus, denial: Denial) -> Silence {
        let in_grace = status.age().is_some_and(|age| age < self.sessions.grace);
        if in_grace { Silence::Grace } else { Silence::Denied(denial) }
    }
}

/// Why there is no answer.
enum Silence {
    /// The log cannot be reached, and its last good answer is not long ago.
    Grace,
    /// This is why.
    Denied(Denial),
}

/// All that the log has of a project; where that is too long for one proof, of the versions
/// that there are.
async fn everything(
    session: &Session,
    project: &ProjectName,
    versions: &[Version],
) -> Result<facts::Known, Failure> {
    let now = clock::now();
    let whole = [LookupKey::Project { name: project.clone(), from: 0 }];
    let known = tokio::time::timeout(LOG_TIME, facts::ask(session, &whole, now)).await;
    let late = || format!("it did not answer in {} s", LOG_TIME.as_secs());
    let known = known.unwrap_or_else(|_| Err(Failure::new(late()).caused_by(Cause::Unreachable)))?;
    if known.facts.complete {
        return Ok(known);
    }
    // How many questions follow is for the index to say.
    let pieces = tokio::time::timeout(LOG_TIME, piece_by_piece(session, project, versions, now)).await;
    pieces.unwrap_or_else(|_| Err(Failure::new(late()))).map_err(of_a_piece)
}

/// That a piece was not answered is no reason for grace, since the index, by having more
/// versions, can bring a log to refuse more questions.
fn of_a_piece(failure: Failure) -> Failure {
    match failure.cause() {
        Cause::Unreachable => failure.caused_by(Cause::Other),
        _ => failure,
    }
}

/// All that the log has of these versions.
async fn piece_by_piece(
    session: &Session,
    project: &ProjectName,
    versions: &[Version],
    now: u64,
) -> Result<facts::Known, Failure> {
    let release = |version: &Version| LookupKey::Release {
        project: project.clone(),
        version: version.clone(),
        from: 0,
    };
    let mut all: Option<facts::Known> = None;
    for versions in versions.chunks(MAX_LOOKUP_KEYS) {
        let keys: Vec<LookupKey> = versions.iter().map(release).collect();
        let known = facts::ask(session, &keys, now).await?;
        if !known.facts.complete {
            return Err(Failure::new(format!(
                "the log does not prove that its answer about {project} is whole"
            )));
        }
        all = Some(match all {
            None => known,
            Some(before) => {
                facts::Known { size: before.size.min(known.size), facts: before.facts.and(known.facts) }
            }
        });
    }
    all.ok_or_else(|| {
        Failure::new(format!("the index has no version of {project} that could be asked about"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_is_a_reason_for_grace() {
        let cause = |cause| of_a_piece(Failure::new("it").caused_by(cause)).cause();
        assert_eq!(cause(Cause::Unreachable), Cause::Other);
        for other in [Cause::Witness, Cause::NotTheLog, Cause::EvidenceNotKept] {
            assert_eq!(cause(other), other);
        }
    }
}

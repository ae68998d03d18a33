//! The parts of a running proxy, and what each request begins with: the plan of a project.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use log_core::artifact::{ProjectName, version_of};
use log_core::hash::{EMPTY_ROOT, Hash};
use log_core::verdict::{ByName, Facts, Subject, Verdict, judge};
use log_io::clock::Stopwatch;
use log_io::trust_file;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, Semaphore};

use super::denial::Denial;
use super::limits::{MAX_WRONG, WRONG_TIME};
use super::metrics::Metrics;
use super::notes::{Note, Notes};
use super::oracle::{Oracle, View};
use super::page::{self, Known, Plan, Uncovered};
use super::pages::{IndexPage, PageFailure, Pages};
use super::settings::ProxyConfig;
use super::store::Store;
use super::summary::Tally;

/// A running proxy.
#[derive(Debug)]
pub(super) struct State {
    pub(super) config: ProxyConfig,
    pub(super) oracle: Oracle,
    pub(super) pages: Pages,
    pub(super) store: Arc<Store>,
    pub(super) notes: Notes,
    pub(super) tally: Tally,
    pub(super) metrics: Metrics,
    /// Files that are fetched, and those that are held whole.
    pub(super) fetches: Arc<Semaphore>,
    pub(super) holds: Semaphore,
    plans: Mutex<HashMap<ProjectName, Planned>>,
    wrong: Mutex<HashMap<String, (Stopwatch, Denial)>>,
    flights: Mutex<HashMap<Hash, Arc<AsyncMutex<()>>>>,
}

/// A plan, and what it is of: kept for as long as the page is.
#[derive(Debug)]
struct Planned {
    page: Weak<IndexPage>,
    facts: Option<Arc<Facts>>,
    plan: Arc<Plan>,
}

impl State {
    pub(super) fn new(config: ProxyConfig, oracle: Oracle, pages: Pages, store: Store, notes: Notes) -> Self {
        Self {
            config,
            oracle,
            pages,
            store: Arc::new(store),
            notes,
            tally: Tally::default(),
            metrics: Metrics::default(),
            fetches: Arc::new(Semaphore::new(super::limits::FETCHED_AT_ONCE)),
            holds: Semaphore::new(super::limits::HELD_AT_ONCE),
            plans: Mutex::default(),
            wrong: Mutex::default(),
            flights: Mutex::default(),
        }
    }

    /// What is offered of a project.
    pub(super) async fn plan(self: &Arc<Self>, project: &ProjectName) -> Result<Arc<Plan>, PageFailure> {
        let page = self.pages.get(project).await?;
        let view = self.oracle.view(project, &page.versions).await;
        let facts = match &view {
            View::Log(facts) => Some(Arc::clone(facts)),
            View::NoLog | View::Nothing(_) | View::Grace(_) => None,
        };
        let pinning = self.oracle.sessions().uncovered == trust_file::Uncovered::Pin;
        // What follows from pins and failures changes without a new page or answer.
        let keep = !pinning && matches!(view, View::NoLog | View::Log(_));
        if keep && let Some(plan) = self.kept(project, &page, facts.as_ref()) {
            return Ok(plan);
        }
        let pins = if pinning { self.notes.pins_of(project) } else { BTreeMap::new() };
        let uncovered = match self.oracle.sessions().uncovered {
            trust_file::Uncovered::Pass => Uncovered::Pass,
            trust_file::Uncovered::Refuse => Uncovered::Refuse,
            trust_file::Uncovered::Pin => Uncovered::Pin(&pins),
        };
        let by_name;
        let known = match &view {
            View::NoLog => Known::NoLog,
            View::Log(facts) => {
                by_name = ByName::new(facts);
                Known::Log(&by_name)
            }
            View::Nothing(denial) => Known::Nothing(denial),
            View::Grace(None) => Known::Grace(None),
            View::Grace(Some(facts)) => {
                by_name = ByName::new(facts);
                Known::Grace(Some(&by_name))
            }
        };
        let plan = Arc::new(page::plan(project, &page.offer, known, uncovered, self.config.on_unlogged));
        if let View::Log(facts) = &view
            && self.notes.has_unjudged(project)
        {
            let (state, project, facts) = (Arc::clone(self), project.clone(), Arc::clone(facts));
            let judged = tokio::task::spawn_blocking(move || state.judge_grace(&project, &facts));
            if let Err(error) = judged.await {
                tracing::warn!(%error, "cannot judge the grace list");
            }
        }
        if keep {
            let page = Arc::downgrade(&page);
            let mut plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
            plans.retain(|_, planned| planned.page.strong_count() > 0);
            plans.insert(project.clone(), Planned { page, facts, plan: Arc::clone(&plan) });
        }
        Ok(plan)
    }

    fn kept(
        &self,
        project: &ProjectName,
        page: &Arc<IndexPage>,
        facts: Option<&Arc<Facts>>,
    ) -> Option<Arc<Plan>> {
        let plans = self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        let planned = plans.get(project)?;
        let same_facts = match (&planned.facts, facts) {
            (Some(known), Some(facts)) => Arc::ptr_eq(known, facts),
            (None, None) => true,
            _ => false,
        };
        let same_page = std::ptr::eq(planned.page.as_ptr(), Arc::as_ptr(page));
        (same_facts && same_page).then(|| Arc::clone(&planned.plan))
    }

    /// Judges what was served of a project while the log could not be asked, by what the log
    /// says of it, whatever the index has by now; writes.
    fn judge_grace(&self, project: &ProjectName, facts: &Facts) {
        let judge = |of_project: &[Note]| {
            for note in of_project {
                let uncovered = self.oracle.sessions().uncovered;
                let Some(denial) = wrong_to_have_served(project, note, facts, uncovered) else { continue };
                tracing::error!(
                    %project, file = %note.file, verdict = denial.verdict, reason = denial.reason,
                    "a file that was served without a verdict is not good"
                );
                self.metrics.grace_wrong();
                self.tally.held_back(project.as_str(), note.file.as_str(), true, &denial);
            }
        };
        if let Err(error) = self.notes.judge(project, judge) {
            tracing::warn!(%error, "cannot write the grace list");
        }
    }

    /// Why a file is not asked for again at the moment.
    pub(super) fn known_wrong(&self, url: &str) -> Option<Denial> {
        let wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        wrong.get(url).filter(|(since, _)| since.elapsed() < WRONG_TIME).map(|(_, denial)| denial.clone())
    }

    /// Remembers that a file is wrong, so that a client that asks for the rest of it is told.
    pub(super) fn note_wrong(&self, url: &str, denial: Denial) {
        let mut wrong = self.wrong.lock().unwrap_or_else(PoisonError::into_inner);
        if wrong.len() >= MAX_WRONG {
            wrong.clear();
        }
        wrong.insert(url.to_owned(), (Stopwatch::start(), denial));
    }

    /// Waits until nobody else fetches the file with this digest.
    pub(super) async fn flight(&self, hash: Hash) -> OwnedMutexGuard<()> {
        let flight = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            flights.retain(|_, flight| Arc::strong_count(flight) > 1);
            Arc::clone(flights.entry(hash).or_default())
        };
        flight.lock_owned().await
    }
}

/// Why a file should not have been served, which was.
fn wrong_to_have_served(
    project: &ProjectName,
    note: &Note,
    facts: &Facts,
    uncovered: trust_file::Uncovered,
) -> Option<Denial> {
    let Ok(version) = version_of(&note.file, project) else {
        return facts.policy.covers(project, None).then(Denial::bad_name);
    };
    // What is no digest is none of the log's.
    let sha256 = Hash::parse_hex(&note.sha256).unwrap_or(EMPTY_ROOT);
    let candidates = vec![(project.clone(), version.clone())];
    match judge(&Subject { name: note.file.clone(), sha256, candidates }, facts) {
        Verdict::NotCovered if uncovered == trust_file::Uncovered::Refuse => Some(Denial::uncovered(project)),
        Verdict::Verified { .. } | Verdict::NotCovered => None,
        verdict => Some(Denial::of(project, &version, &note.file, &verdict)),
    }
}

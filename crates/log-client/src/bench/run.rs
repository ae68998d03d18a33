//! A measurement: legs under the clock, verification between them.

use std::collections::BTreeMap;
use std::time::Duration;

use log_io::outcome::Failure;

use super::drive::{Driver, Leg, Limits, Pace};
use super::http::Target;
use super::judge::{Judge, Said};
use super::latency::Latencies;
use super::measure::{Cost, cpu_of, own_cpu};
use super::plan::Plan;

/// Bytes of answers that are kept before they are verified.
const KEPT_BYTES: usize = 256 << 20;

/// A log under load.
pub(crate) struct Bench {
    /// Who checks the answers.
    pub(crate) judge: Judge,
    /// Where requests go.
    pub(crate) target: Target,
    /// The server's process, when it is on this machine.
    pub(crate) server: Option<u32>,
}

/// How long a measurement goes on, and at what pace.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// The pace.
    pub(crate) pace: Pace,
    /// Time at the start that is not counted.
    pub(crate) warmup: Duration,
    /// Time that is counted, unless the plan ends before.
    pub(crate) time: Duration,
}

/// What was measured.
#[derive(Debug, Clone)]
pub(crate) struct Measured {
    /// What it was.
    pub(crate) name: String,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// The pace.
    pub(crate) pace: Pace,
    /// Requests that were sent.
    pub(crate) requests: u64,
    /// Things that were asked for and are right.
    pub(crate) good: u64,
    /// Statements among them that had been logged before.
    pub(crate) again: u64,
    /// Statements that are logged and not published yet.
    pub(crate) committed: u64,
    /// Things that were not there, by kind of error.
    pub(crate) errors: BTreeMap<String, u64>,
    /// Bytes of answers.
    pub(crate) bytes: u64,
    /// The time that was counted.
    pub(crate) elapsed: Duration,
    /// From when each request was due to its answer.
    pub(crate) latencies: Latencies,
    /// Processor time of this process, for sending and receiving.
    pub(crate) client: Duration,
    /// Processor time of the server.
    pub(crate) server: Option<Duration>,
    /// What it took to make and sign the requests.
    pub(crate) prepare: Cost,
    /// What it took to verify the answers.
    pub(crate) verify: Cost,
}

impl Bench {
    /// Sends a plan and verifies every answer.
    pub(crate) async fn run(
        &mut self,
        (name, unit): (&str, &'static str),
        plan: &Plan,
        terms: Terms,
    ) -> Result<Measured, Failure> {
        let mut measured = Measured::nothing(name, unit, terms.pace, plan.cost);
        let mut driver = Driver::new(&self.target, terms.pace);
        let mut next = 0;
        if !terms.warmup.is_zero() {
            let mut ignored = measured.clone();
            next = self.leg(&mut driver, plan, next, terms.warmup, &mut ignored).await?;
        }
        while next < plan.requests.len() && measured.elapsed < terms.time {
            let left = terms.time.saturating_sub(measured.elapsed);
            next = self.leg(&mut driver, plan, next, left, &mut measured).await?;
        }
        Ok(measured)
    }

    /// One leg, added to what was measured; gives the next request.
    async fn leg(
        &mut self,
        driver: &mut Driver,
        plan: &Plan,
        from: usize,
        time: Duration,
        measured: &mut Measured,
    ) -> Result<usize, Failure> {
        let cpu = || (own_cpu(), self.server.and_then(cpu_of));
        let before = cpu();
        let leg = driver.leg(&plan.requests, from, Limits { time, bytes: KEPT_BYTES }).await;
        let after = cpu();
        measured.client += after.0.saturating_sub(before.0);
        if let (Some(after), Some(before)) = (after.1, before.1) {
            *measured.server.get_or_insert_default() += after.saturating_sub(before);
        }
        let judged = tokio::task::block_in_place(|| self.judge.all(&plan.requests, &leg.sent));
        let (said, cost) = judged?;
        measured.verify += cost;
        measured.add(&leg, &said);
        Ok(leg.next)
    }
}

impl Measured {
    fn nothing(name: &str, unit: &'static str, pace: Pace, prepare: Cost) -> Self {
        Self {
            name: name.to_owned(),
            unit,
            pace,
            requests: 0,
            good: 0,
            again: 0,
            committed: 0,
            errors: BTreeMap::new(),
            bytes: 0,
            elapsed: Duration::ZERO,
            latencies: Latencies::default(),
            client: Duration::ZERO,
            server: None,
            prepare,
            verify: Cost::default(),
        }
    }

    /// Adds what was measured later, on the same terms.
    pub(crate) fn join(&mut self, later: Self) {
        self.requests += later.requests;
        self.good += later.good;
        self.again += later.again;
        self.committed += later.committed;
        for (kind, count) in later.errors {
            *self.errors.entry(kind).or_default() += count;
        }
        self.bytes += later.bytes;
        self.elapsed += later.elapsed;
        self.latencies.join(&later.latencies);
        self.client += later.client;
        self.server = self.server.zip(later.server).map(|(a, b)| a + b);
        self.prepare += later.prepare;
        self.verify += later.verify;
    }

    fn add(&mut self, leg: &Leg, said: &[Vec<Said>]) {
        self.requests += leg.sent.len() as u64;
        self.elapsed += leg.elapsed;
        for sent in &leg.sent {
            self.latencies.push(sent.latency);
            self.bytes += sent.answer.as_ref().map_or(0, |answer| answer.body.len() as u64);
        }
        for said in said.iter().flatten() {
            match said {
                Said::Logged { again, .. } => {
                    self.good += 1;
                    self.again += u64::from(*again);
                }
                Said::Committed { .. } => self.committed += 1,
                Said::Found(count) => self.good += count,
                Said::Not(kind) => *self.errors.entry(kind.clone()).or_default() += 1,
            }
        }
        if leg.unsent > 0 {
            *self.errors.entry("not-sent".to_owned()).or_default() += leg.unsent as u64;
        }
    }
}

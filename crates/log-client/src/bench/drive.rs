//! One leg: a part of a plan, sent over some connections while the clock runs.
//!
//! * Closed loop: each connection sends its next request when it has the answer.
//! * Open loop: requests arrive by the clock, as those of independent senders do. A
//!   latency counts from the time a request was due, also when all connections
//!   were busy then: a server that stalls cannot hide it by slowing its load down
//!   (coordinated omission).
//!
//! Answers are kept as they came; whether they are right is `judge`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use log_io::outcome::progress;
use tokio::sync::Semaphore;

use super::http::{Answer, Connection, NoAnswer, Target};
use super::measure::now;
use super::plan::Request;

/// How long requests that were due may still wait for a connection when a leg is
/// over; those that never got one are reported as not sent.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);

/// Wait after a connection failed, so that a server that is down is not hammered.
const FAILURE_WAIT: Duration = Duration::from_millis(100);

/// How requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Arrivals per second; a closed loop without.
    pub(crate) rate: Option<f64>,
}

/// What ends a leg before the plan does.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Time.
    pub(crate) time: Duration,
    /// Bytes of answers that are kept.
    pub(crate) bytes: usize,
}

/// What came of a leg.
#[derive(Debug)]
pub(crate) struct Leg {
    /// The requests that were sent.
    pub(crate) sent: Vec<Sent>,
    /// From the start to the last answer.
    pub(crate) elapsed: Duration,
    /// Requests that were due and found no connection in time.
    pub(crate) unsent: usize,
    /// The first request of the plan that was not due yet.
    pub(crate) next: usize,
}

/// A request and what came of it.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Which request of the plan.
    pub(crate) request: usize,
    /// From when it was due to the last byte of the answer.
    pub(crate) latency: Duration,
    /// The answer.
    pub(crate) answer: Result<Answer, NoAnswer>,
}

/// Connections that are kept open from leg to leg.
#[derive(Debug)]
pub(crate) struct Driver {
    connections: Vec<Connection>,
    rate: Option<f64>,
}

impl Driver {
    /// Connections to a server.
    pub(crate) fn new(target: &Target, pace: Pace) -> Self {
        let connections = (0..pace.connections).map(|_| Connection::new(target)).collect();
        Self { connections, rate: pace.rate }
    }

    /// Sends a plan from one of its requests on.
    pub(crate) async fn leg(&mut self, plan: &Arc<[Request]>, from: usize, limits: Limits) -> Leg {
        let leg = Arc::new(State {
            plan: Arc::clone(plan),
            from,
            next: AtomicUsize::new(from),
            kept: AtomicUsize::new(0),
            start: now(),
            limits,
            schedule: self.rate.map(|rate| Schedule { rate, due: Semaphore::new(0) }),
        });
        let dispatcher = leg.schedule.is_some().then(|| {
            let leg = Arc::clone(&leg);
            thread::spawn(move || leg.dispatch())
        });
        let workers: Vec<_> = self
            .connections
            .drain(..)
            .map(|connection| tokio::spawn(work(Arc::clone(&leg), connection)))
            .collect();
        let watcher = tokio::spawn(watch(Arc::clone(&leg)));
        let mut sent = Vec::new();
        let mut last = leg.start;
        for worker in workers {
            // Workers are not cancelled; a panic of one goes on here.
            let done = worker.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
            let (connection, own, ended) = done;
            self.connections.push(connection);
            sent.extend(own);
            last = last.max(ended);
        }
        watcher.abort();
        progress("");
        let next = leg.next.load(Ordering::Relaxed).min(plan.len());
        let due = dispatcher.map_or(next - from, |thread| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        let (next, unsent) = (from + due, from + due - next);
        Leg { sent, elapsed: last - leg.start, unsent, next }
    }
}

/// What the workers of a leg share.
struct State {
    plan: Arc<[Request]>,
    from: usize,
    /// The next request to be sent.
    next: AtomicUsize,
    /// Bytes of answers so far.
    kept: AtomicUsize,
    start: Instant,
    limits: Limits,
    schedule: Option<Schedule>,
}

struct Schedule {
    rate: f64,
    /// One permit for each request that is due and not sent; closed when there will
    /// be no more.
    due: Semaphore,
}

impl State {
    /// The next request, and when it was due; `None` at the end of the leg.
    async fn take(&self) -> Option<(usize, Instant)> {
        if let Some(schedule) = &self.schedule {
            schedule.due.acquire().await.ok()?.forget();
            let request = self.next.fetch_add(1, Ordering::Relaxed);
            return Some((request, self.start + schedule.after(request - self.from)));
        }
        if self.is_over() {
            return None;
        }
        let request = self.next.fetch_add(1, Ordering::Relaxed);
        (request < self.plan.len()).then(|| (request, now()))
    }

    fn is_over(&self) -> bool {
        self.kept.load(Ordering::Relaxed) >= self.limits.bytes || self.start.elapsed() >= self.limits.time
    }

    /// Makes requests due at their times, on a thread of its own: the runtime's timer
    /// has a resolution of a millisecond. Gives how many there were.
    fn dispatch(&self) -> usize {
        let Some(schedule) = &self.schedule else { return 0 };
        let mut made = 0;
        while made < self.plan.len() - self.from {
            if let Some(wait) = schedule.after(made).checked_sub(self.start.elapsed()) {
                thread::sleep(wait);
            }
            if self.is_over() {
                break;
            }
            schedule.due.add_permits(1);
            made += 1;
        }
        // A permit that is taken by nobody when this is closed is lost.
        let deadline = now() + DRAIN_TIMEOUT;
        while self.next.load(Ordering::Relaxed) < self.from + made && now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
        schedule.due.close();
        made
    }
}

impl Schedule {
    /// When a request is due, from the start of the leg.
    fn after(&self, number: usize) -> Duration {
        Duration::from_secs_f64(super::measure::real(number as u64) / self.rate)
    }
}

async fn work(leg: Arc<State>, mut connection: Connection) -> (Connection, Vec<Sent>, Instant) {
    let mut sent = Vec::new();
    let mut ended = leg.start;
    while let Some((request, due)) = leg.take().await {
        let answer = connection.send(&leg.plan[request].message).await;
        ended = now();
        let failed = answer.is_err();
        leg.kept.fetch_add(answer.as_ref().map_or(0, |answer| answer.body.len()), Ordering::Relaxed);
        sent.push(Sent { request, latency: ended - due, answer });
        if failed {
            tokio::time::sleep(FAILURE_WAIT).await;
        }
    }
    (connection, sent, ended)
}

/// Says how far it is, on a terminal.
async fn watch(leg: Arc<State>) {
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let sent = leg.next.load(Ordering::Relaxed).min(leg.plan.len()) - leg.from;
        let elapsed = leg.start.elapsed().as_secs_f64();
        progress(format_args!("{sent} of {} requests, {elapsed:.1} s", leg.plan.len() - leg.from));
    }
}

#[cfg(test)]
mod tests {
    use super::super::echo::Echo;
    use super::super::http::Message;
    use super::super::plan::checkpoint;
    use super::*;

    const NO_LIMITS: Limits = Limits { time: Duration::MAX, bytes: usize::MAX };

    fn plan(count: u8) -> Arc<[Request]> {
        let request = |number| {
            let body = Some(("text/plain", vec![number].into()));
            Request { message: Message { path: String::new(), body }, ..checkpoint() }
        };
        (0..count).map(request).collect()
    }

    fn check_all_were_echoed(leg: &Leg, from: usize, count: usize) {
        let mut sent: Vec<usize> = leg.sent.iter().map(|sent| sent.request).collect();
        sent.sort_unstable();
        assert_eq!(sent, (from..from + count).collect::<Vec<_>>());
        for sent in &leg.sent {
            let answer = sent.answer.as_ref().expect("an answer");
            assert_eq!((answer.status, &answer.body), (200, &vec![u8::try_from(sent.request).expect("few")]));
        }
        assert_eq!((leg.next, leg.unsent), (from + count, 0));
    }

    #[tokio::test]
    async fn every_request_is_sent_once() {
        let echo = Echo::start().await.expect("a server");
        let target = Target::new(&echo.url).expect("a target");
        assert!(target.is_loopback());
        for rate in [None, Some(5_000.0)] {
            let mut driver = Driver::new(&target, Pace { connections: 7, rate });
            let plan = plan(100);
            check_all_were_echoed(&driver.leg(&plan, 0, NO_LIMITS).await, 0, 100);
            check_all_were_echoed(&driver.leg(&plan, 60, NO_LIMITS).await, 60, 40);
            // A leg that is over goes on where it was.
            let leg = driver.leg(&plan, 0, Limits { bytes: 10, ..NO_LIMITS }).await;
            assert!(leg.sent.len() >= 10 && leg.next == leg.sent.len(), "{} {}", leg.sent.len(), leg.next);
        }
    }

    #[tokio::test]
    async fn a_stalling_server_cannot_hide_it() {
        const STALL: Duration = Duration::from_millis(30);
        let slow = axum::Router::new().fallback(|| tokio::time::sleep(STALL));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, slow).await });
        let target = Target::new(&url).expect("a target");
        let mut driver = Driver::new(&target, Pace { connections: 1, rate: Some(1_000.0) });
        let leg = driver.leg(&plan(10), 0, NO_LIMITS).await;
        // The last was due after 9 ms, and sent when nine others had been answered.
        let last = leg.sent.last().expect("ten requests");
        assert!(last.latency + Duration::from_millis(9) >= 10 * STALL, "{:?}", last.latency);
    }

    #[tokio::test]
    async fn a_server_that_is_not_there() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/", closed.local_addr().expect("an address"));
        drop(closed);
        let mut driver =
            Driver::new(&Target::new(&url).expect("a target"), Pace { connections: 2, rate: None });
        let leg = driver.leg(&plan(4), 0, NO_LIMITS).await;
        assert_eq!(leg.sent.len(), 4);
        assert!(
            leg.sent
                .iter()
                .all(|sent| sent.answer.as_ref().is_err_and(|error| *error == NoAnswer::Connection))
        );
        assert!(Target::new("https://127.0.0.1/").is_err());
    }
}

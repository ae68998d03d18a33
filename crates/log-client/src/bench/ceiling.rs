//! What this machine could do at best, measured in the same run: figures of a log mean
//! little without it.
//!
//! * Ed25519 verifications: a log verifies one signature for each statement;
//! * SHA-256;
//! * a durable write of a small file: a log does a few in each round;
//! * HTTP requests that are only sent back, over as many connections.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use hyper::body::Bytes;
use log_core::dsse::Envelope;
use log_core::hash::digest;
use log_io::durable;

use super::drive::{Driver, Limits, Pace};
use super::echo::Echo;
use super::http::{Message, Target};
use super::latency::Latencies;
use super::measure::{now, rate};
use super::parallel;
use super::plan::{Ask, Request};
use super::statements::Statements;

/// Longest time for each: enough for figures that hardly move.
const TIME: Duration = Duration::from_secs(1);

/// Statements that are verified over and over.
const STATEMENTS: usize = 256;

/// Bytes that are hashed at once, and that are written: about a tile.
const HASHED_BYTES: usize = 1 << 20;
const WRITTEN_BYTES: usize = 8 << 10;

/// Most requests for the echo.
const ECHOES: usize = 200_000;

/// The best this machine can do.
#[derive(Debug, Clone)]
pub(crate) struct Ceiling {
    /// Verifications a second, on one processor and on all.
    pub(crate) verifications: [f64; 2],
    /// Bytes hashed a second, on one processor and on all.
    pub(crate) hashed_bytes: [f64; 2],
    /// Durable writes a second one after the other, and their p50 and p99.
    pub(crate) writes: Option<(f64, [Duration; 2])>,
    /// Requests a second that are sent back, with their p50 and p99.
    pub(crate) echoes: (f64, [Duration; 2]),
}

/// Measures it, shortly beside measurements of so many seconds; files are written, and
/// removed, in `directory`.
pub(crate) async fn measure(
    statements: &Statements,
    directory: Option<&Path>,
    connections: usize,
    seconds: u32,
) -> anyhow::Result<Ceiling> {
    let time = TIME.min(Duration::from_secs(seconds.into()) / 10);
    let body = Bytes::from(statements.envelope(0));
    let on_processors = |processors| {
        let (verified, elapsed) = verify(statements, processors, time);
        let (hashed, hash_elapsed) = hash(processors, time);
        (rate(verified, elapsed), rate(hashed, hash_elapsed))
    };
    let (one, all) =
        tokio::task::block_in_place(|| (on_processors(1), on_processors(parallel::processors())));
    let writes =
        directory.map(|directory| tokio::task::block_in_place(|| write(directory, time))).transpose()?;
    Ok(Ceiling {
        verifications: [one.0, all.0],
        hashed_bytes: [one.1, all.1],
        writes,
        echoes: echo(body, connections, time).await?,
    })
}

fn verify(statements: &Statements, processors: usize, time: Duration) -> (u64, Duration) {
    let envelopes =
        parallel::map(0..STATEMENTS, |number| Envelope::parse(&statements.envelope(number as u64)));
    let key = statements.key().public();
    let good = |envelope: &Envelope| {
        envelope.signatures().first().is_some_and(|signature| envelope.is_signed_by(key, signature))
    };
    repeat(processors, time, || envelopes.iter().flatten().filter(|envelope| good(envelope)).count() as u64)
}

fn hash(processors: usize, time: Duration) -> (u64, Duration) {
    let bytes = vec![7; HASHED_BYTES];
    repeat(processors, time, || {
        std::hint::black_box(digest(&[&bytes]));
        HASHED_BYTES as u64
    })
}

/// Repeats some work on some processors, and adds up what it gives.
fn repeat(processors: usize, time: Duration, work: impl Fn() -> u64 + Sync) -> (u64, Duration) {
    let start = now();
    let on_one = |_| {
        let mut done = 0;
        while start.elapsed() < time {
            done += work();
        }
        done
    };
    let done = parallel::map(0..processors, on_one).into_iter().sum();
    (done, start.elapsed())
}

fn write(directory: &Path, time: Duration) -> anyhow::Result<(f64, [Duration; 2])> {
    let path = directory.join(".wheeltap-bench");
    let bytes = vec![7; WRITTEN_BYTES];
    let mut latencies = Latencies::default();
    let mut count = 0;
    let start = now();
    while start.elapsed() < time {
        let began = now();
        durable::write(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        latencies.push(began.elapsed());
        count += 1;
    }
    let elapsed = start.elapsed();
    durable::remove(&path)?;
    Ok((rate(count, elapsed), latencies.quantiles([500, 990]).unwrap_or_default()))
}

async fn echo(body: Bytes, connections: usize, time: Duration) -> anyhow::Result<(f64, [Duration; 2])> {
    let echo = Echo::start().await?;
    let message = Message { path: "echo".to_owned(), body: Some(("application/json", body)) };
    let request = Request { ask: Ask::Checkpoint, message };
    let plan: Arc<[Request]> = vec![request; ECHOES].into();
    let mut driver = Driver::new(&Target::new(&echo.url)?, Pace { connections, rate: None });
    let leg = driver.leg(&plan, 0, Limits { time, bytes: usize::MAX }).await;
    let mut latencies = Latencies::default();
    leg.sent.iter().for_each(|sent| latencies.push(sent.latency));
    Ok((rate(leg.sent.len() as u64, leg.elapsed), latencies.quantiles([500, 990]).unwrap_or_default()))
}

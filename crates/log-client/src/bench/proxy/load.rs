//! Asking a server for pages and files, and comparing each answer with what it must be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use hyper::body::Bytes;
use log_io::outcome::Failure;

use super::super::http::{Answer, Connection, Message, NoAnswer, Target};
use super::super::latency::Latencies;
use super::super::measure::{now, rate, real};

/// Longest time for all large files.
const STREAM_TIME: Duration = Duration::from_secs(600);

/// What is asked for, and what must come.
#[derive(Debug)]
pub(crate) struct Ask {
    /// The request.
    pub(crate) message: Message,
    /// What the answer must be.
    pub(crate) right: Right,
}

/// What an answer must be.
#[derive(Debug)]
pub(crate) enum Right {
    /// These bytes.
    Is(Bytes),
    /// A page that has each of these words.
    Has(Vec<String>),
}

/// A file of many equal blocks.
#[derive(Debug, Clone)]
pub(crate) struct Large {
    /// The request.
    pub(crate) message: Message,
    /// One block.
    pub(crate) block: Bytes,
    /// How many there are.
    pub(crate) times: u64,
}

/// When a measurement ends.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ends {
    /// When each was asked for once.
    Once,
    /// After this time.
    After(Duration),
}

/// What one of the two servers did.
#[derive(Debug)]
pub(crate) struct Side {
    /// Things a second.
    pub(crate) rate: f64,
    /// Of each request; none of streams.
    pub(crate) latencies: Latencies,
}

/// Asks for these, in turn, each connection for its next one when it has an answer.
pub(crate) async fn drive(
    target: &Target,
    asks: &Arc<[Ask]>,
    connections: usize,
    ends: Ends,
) -> Result<Side, Failure> {
    let (next, start) = (Arc::new(AtomicUsize::new(0)), now());
    let connections = (0..connections).map(|_| {
        let (target, asks, next) = (target.clone(), Arc::clone(asks), Arc::clone(&next));
        tokio::spawn(async move { one(&target, &asks, &next, (start, ends)).await })
    });
    let mut latencies = Latencies::default();
    let mut count = 0;
    for found in try_join_all(connections).await.map_err(anyhow::Error::from)? {
        let (answered, found) = found?;
        count += answered;
        latencies.join(&found);
    }
    Ok(Side { rate: rate(count, start.elapsed()), latencies })
}

async fn one(
    target: &Target,
    asks: &[Ask],
    next: &AtomicUsize,
    (start, ends): (Instant, Ends),
) -> Result<(u64, Latencies), Failure> {
    let mut connection = Connection::new(target);
    let (mut count, mut latencies) = (0, Latencies::default());
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let over = match ends {
            Ends::Once => number >= asks.len(),
            Ends::After(time) => start.elapsed() >= time,
        };
        let Some(ask) = asks.get(number % asks.len().max(1)).filter(|_| !over) else {
            return Ok((count, latencies));
        };
        let sent = now();
        let answer = connection.send(&ask.message).await;
        latencies.push(sent.elapsed());
        count += 1;
        if !answer.as_ref().is_ok_and(|answer| ask.right.is(answer)) {
            return Err(wrong(&ask.message, answer.map(|answer| answer.status)));
        }
    }
}

/// Fetches large files, all at once; the rate is in MB.
pub(crate) async fn stream(target: &Target, files: &[Large]) -> Result<Side, Failure> {
    let start = now();
    let streams = files.iter().cloned().map(|file| {
        let target = target.clone();
        tokio::spawn(async move { tokio::time::timeout(STREAM_TIME, whole(&target, &file)).await })
    });
    let mut bytes = 0;
    for came in try_join_all(streams).await.map_err(anyhow::Error::from)? {
        let late = || Failure::new(format!("a large file took more than {} s", STREAM_TIME.as_secs()));
        bytes += came.map_err(|_| late())??;
    }
    let rate = real(bytes) / 1e6 / start.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
    Ok(Side { rate, latencies: Latencies::default() })
}

async fn whole(target: &Target, file: &Large) -> Result<u64, Failure> {
    let (mut at, mut right) = (0, true);
    let mut length = 0;
    let take = |mut bytes: &[u8]| {
        length += bytes.len() as u64;
        while !bytes.is_empty() {
            let count = bytes.len().min(file.block.len() - at);
            right &= bytes[..count] == file.block[at..at + count];
            (bytes, at) = (&bytes[count..], (at + count) % file.block.len());
        }
    };
    let status = Connection::new(target).stream(&file.message, take).await;
    if status == Ok(200) && right && length == file.block.len() as u64 * file.times {
        return Ok(length);
    }
    Err(wrong(&file.message, status))
}

impl Right {
    fn is(&self, answer: &Answer) -> bool {
        let found = match self {
            Self::Is(bytes) => answer.body == *bytes,
            Self::Has(words) => {
                let text = String::from_utf8_lossy(&answer.body);
                words.iter().all(|word| text.contains(word.as_str()))
            }
        };
        answer.status == 200 && found
    }
}

fn wrong(message: &Message, status: Result<u16, NoAnswer>) -> Failure {
    let came = match status {
        Ok(status) => format!("status {status}"),
        Err(none) => format!("no answer ({})", none.as_str()),
    };
    Failure::new(format!("/{} was not answered rightly: {came}", message.path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_right_or_not() {
        let answer = |status, body: &str| Answer { status, body: body.as_bytes().to_vec() };
        let (is, has) = (Right::Is(Bytes::from_static(b"abc")), Right::Has(vec!["a".into(), "c".into()]));
        assert!(is.is(&answer(200, "abc")) && has.is(&answer(200, "cba")));
        assert!(!is.is(&answer(404, "abc")) && !has.is(&answer(403, "cba")));
        assert!(!is.is(&answer(200, "abcd")) && !has.is(&answer(200, "ab")));
    }
}

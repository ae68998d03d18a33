//! How far a long reading is: entries, speed and time left, on a terminal only.

use std::time::{Duration, Instant};

use log_io::outcome;

/// How often the line is written again.
const EVERY: Duration = Duration::from_millis(200);

/// A line on stderr that says how far it is.
#[derive(Debug)]
pub struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    started: Instant,
    shown: Instant,
}

impl Progress {
    /// Starts at 0 of `total` entries.
    pub fn start(what: &'static str, total: u64) -> Self {
        let now = now();
        Self { what, total, done: 0, started: now, shown: now }
    }

    /// Counts some more entries.
    pub fn advance(&mut self, entries: u64) {
        self.done += entries;
        let now = now();
        if now.duration_since(self.shown) < EVERY {
            return;
        }
        self.shown = now;
        outcome::progress(line(self.what, self.done, self.total, now.duration_since(self.started)));
    }

    /// Takes the line away.
    pub fn end(self) {
        outcome::progress("");
    }
}

#[expect(clippy::disallowed_methods, reason = "how long something takes is shown and decides nothing")]
fn now() -> Instant {
    Instant::now()
}

fn line(what: &str, done: u64, total: u64, elapsed: Duration) -> String {
    let tenths = u64::try_from(elapsed.as_millis() / 100).unwrap_or(u64::MAX).max(1);
    let speed = done.saturating_mul(10) / tenths;
    let left = total.saturating_sub(done).checked_div(speed);
    let left = left.map(|seconds| format!(", {seconds} s left")).unwrap_or_default();
    format!("{what}: {done} of {total} entries, {speed}/s{left}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speed_and_time_left() {
        let second = Duration::from_secs(1);
        assert_eq!(line("reading", 250, 1_000, second), "reading: 250 of 1000 entries, 250/s, 3 s left");
        assert_eq!(line("reading", 0, 1_000, second), "reading: 0 of 1000 entries, 0/s");
        assert_eq!(line("reading", 9, 9, Duration::ZERO), "reading: 9 of 9 entries, 90/s, 0 s left");
    }
}

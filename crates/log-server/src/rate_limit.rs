//! How often a client may ask: a token bucket per client, in bounded memory.
//!
//! Pure: the time is an argument, as the time since some fixed start. A bucket is one
//! number, the time at which it will be full again (the "theoretical arrival time" of
//! GCRA, ITU-T I.371): a request moves it on by one interval, and is refused when that
//! would be further ahead than the burst allows.
//!
//! Invariants: no more than `burst + rate × time` requests of one client pass; one that
//! keeps to the rate is never refused; at most `capacity` clients are remembered, and
//! those longest unseen are forgotten first. A forgotten client has a full bucket, so a
//! flood of addresses gains each of them no more than it had at first.
//!
//! Not the crate `governor`: its buckets per key grow with the addresses that come, until
//! they are swept, and its clock is its own.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

/// Requests at once, and how fast the allowance comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    /// The time after which one more request is allowed; more than nothing.
    interval: Duration,
    /// How far ahead of the time a bucket may be, after a request.
    tolerance: Duration,
}

/// The buckets of all clients.
#[derive(Debug)]
pub struct Limiter<K> {
    allowance: Allowance,
    /// Clients per generation.
    half: usize,
    /// Clients that were seen since the last change of generations.
    young: HashMap<K, Duration>,
    /// Those of the generation before; dropped whole at the next change.
    old: HashMap<K, Duration>,
}

impl Allowance {
    /// `burst` requests at once, and `per_second` in the long run; both at least 1.
    pub fn new(per_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self { interval, tolerance: interval * burst.max(1) }
    }
}

impl<K: Eq + Hash> Limiter<K> {
    /// Remembers at most `capacity` clients; at least two.
    pub fn new(allowance: Allowance, capacity: usize) -> Self {
        Self { allowance, half: (capacity / 2).max(1), young: HashMap::new(), old: HashMap::new() }
    }

    /// Takes one request of a client out of its bucket; `Err` with the time after which
    /// it will be allowed when the bucket is empty, and then nothing is taken.
    pub fn take(&mut self, client: K, now: Duration) -> Result<(), Duration> {
        let full_at = self.young.get(&client).or_else(|| self.old.get(&client)).copied();
        let full_at = full_at.unwrap_or(now).max(now);
        let after = full_at + self.allowance.interval;
        let excess = after.saturating_sub(now + self.allowance.tolerance);
        // A refused client is remembered, too: to go on asking is no way to be forgotten.
        self.remember(client, if excess.is_zero() { after } else { full_at });
        if excess.is_zero() { Ok(()) } else { Err(excess) }
    }

    fn remember(&mut self, client: K, full_at: Duration) {
        if self.young.len() >= self.half && !self.young.contains_key(&client) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(client, full_at);
    }

    /// How many clients are remembered.
    pub fn clients(&self) -> usize {
        self.young.len() + self.old.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    /// Requests of a few clients, each some milliseconds after the one before.
    fn requests() -> impl Strategy<Value = Vec<(u8, Duration)>> {
        vec((0..4u8, 0..400u64), 0..300).prop_map(|steps| {
            let mut now = Duration::ZERO;
            let at = |(client, wait)| {
                now += Duration::from_millis(wait);
                (client, now)
            };
            steps.into_iter().map(at).collect()
        })
    }

    #[test]
    fn a_burst_passes_and_the_next_waits_for_its_turn() {
        let mut limiter = Limiter::new(Allowance::new(10, 3), 8);
        let now = Duration::from_secs(7);
        for _ in 0..3 {
            assert_eq!(limiter.take("a", now), Ok(()));
        }
        assert_eq!(limiter.take("a", now), Err(Duration::from_millis(100)));
        assert_eq!(limiter.take("b", now), Ok(()), "another client has its own bucket");
        let later = now + Duration::from_millis(100);
        assert_eq!(limiter.take("a", later), Ok(()));
        assert_eq!(limiter.take("a", later), Err(Duration::from_millis(100)));
        assert_eq!(
            limiter.take("a", now),
            Err(Duration::from_millis(200)),
            "a time that goes back is no gain"
        );
    }

    proptest! {
        #[test]
        fn no_window_has_more_than_the_burst_and_the_rate(
            per_second in 1..20u32, burst in 1..10u32, requests in requests()
        ) {
            let mut limiter = Limiter::new(Allowance::new(per_second, burst), 8);
            let mut passed: Vec<Vec<Duration>> = vec![Vec::new(); 4];
            for (client, now) in requests {
                if limiter.take(client, now).is_ok() {
                    passed[usize::from(client)].push(now);
                }
            }
            for times in passed {
                for (i, from) in times.iter().enumerate() {
                    for (j, until) in times.iter().enumerate().skip(i) {
                        let window = until.saturating_sub(*from);
                        let most = f64::from(burst) + window.as_secs_f64() * f64::from(per_second);
                        let found = f64::from(u32::try_from(j - i + 1).expect("few"));
                        prop_assert!(found <= most + 1e-6, "{found} in {window:?}");
                    }
                }
            }
        }

        #[test]
        fn the_wait_is_exact(per_second in 1..20u32, burst in 1..10u32, requests in requests()) {
            let mut limiter = Limiter::new(Allowance::new(per_second, burst), 8);
            for (client, now) in requests {
                if let Err(wait) = limiter.take(client, now) {
                    let early = (now + wait).saturating_sub(Duration::from_nanos(1));
                    prop_assert_eq!(limiter.take(client, early), Err(Duration::from_nanos(1)));
                    prop_assert_eq!(limiter.take(client, now + wait), Ok(()));
                    break;
                }
            }
        }

        #[test]
        fn who_keeps_to_the_rate_is_never_refused(
            per_second in 1..50u32, burst in 1..10u32, others in vec(0..6u16, 0..200)
        ) {
            // The others are as many as are remembered beside it, and ask all the time.
            let mut limiter = Limiter::new(Allowance::new(per_second, burst), 16);
            let mut now = Duration::ZERO;
            for other in others {
                let _ = limiter.take(other, now);
                prop_assert_eq!(limiter.take(999, now), Ok(()));
                now += Duration::from_secs(1) / per_second;
            }
        }

        #[test]
        fn memory_is_bounded_and_the_busy_are_remembered(
            capacity in 4..20usize, strangers in vec(1..1_000u16, 0..500)
        ) {
            let mut limiter = Limiter::new(Allowance::new(1, 1), capacity);
            prop_assert_eq!(limiter.take(0, Duration::ZERO), Ok(()));
            for strangers in strangers.chunks(capacity / 2 - 1) {
                for stranger in strangers {
                    let _ = limiter.take(*stranger, Duration::ZERO);
                    prop_assert!(limiter.clients() <= capacity);
                }
                prop_assert!(limiter.take(0, Duration::ZERO).is_err(), "it was forgotten");
            }
        }
    }
}

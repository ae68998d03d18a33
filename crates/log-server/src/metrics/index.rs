//! The on-disk index.

use prometheus_client::metrics::gauge::Gauge;

use super::gauge;

metrics! {
    /// How large the index is.
    pub struct IndexMetrics {
        /// Keys of the verifiable index.
        keys: Gauge = "wheeltap_index_keys", Gauge::default();
        /// Sorted runs on disk that a look-up may have to read.
        runs: Gauge = "wheeltap_index_runs", Gauge::default();
    }
}

impl IndexMetrics {
    /// The index has so many keys, in so many runs.
    pub fn set_size(&self, keys: u64, runs: u64) {
        self.keys.set(gauge(keys));
        self.runs.set(gauge(runs));
    }
}

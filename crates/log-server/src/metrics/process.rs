//! The process and its disk.

use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use super::gauge;

metrics! {
    /// What the process takes of its machine.
    pub struct ProcessMetrics {
        /// Memory of the process that is not swapped out; 0 where it cannot be read.
        resident_memory: Gauge = "wheeltap_process_resident_memory_bytes", Gauge::default();
        /// When the process started, in POSIX seconds.
        start_time: Gauge = "wheeltap_process_start_time_seconds", Gauge::default();
        /// Space that is left for the log's directory.
        data_available: Gauge = "wheeltap_data_available_bytes", Gauge::default();
    }
}

impl ProcessMetrics {
    /// The process started then.
    pub(super) fn started(&self, time: u64) {
        self.start_time.set(gauge(time));
    }

    /// The process has so much memory.
    pub fn set_resident_memory(&self, bytes: u64) {
        self.resident_memory.set(gauge(bytes));
    }

    /// The log's directory has so much room.
    pub fn set_data_available(&self, bytes: u64) {
        self.data_available.set(gauge(bytes));
    }
}

/// Which program this is.
pub(super) fn register_build(registry: &mut Registry) {
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("wheeltap_build", "The program's version", build);
}

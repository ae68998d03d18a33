//! What the log counts and measures: typed handles, made once and passed in.
//!
//! Invariants: a handle's doc comment is its help text; names and base units are
//! those of Prometheus, with the prefix `wheeltap_`; label values come from enums, from
//! the router's own paths, or from the configuration, never from a client. Series
//! whose labels are known are there from the start, at zero, so that an alert sees the
//! first event. `docs/metrics.md` lists them all, and a test compares it.
//!
//! There is no global registry. What can be read when somebody asks (what is
//! published, how many statements wait) is set then, in `http::private`.

use std::hash::Hash;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[macro_use]
mod define;
mod http;
mod index;
pub mod labels;
mod log;
mod process;
mod store;

pub use http::HttpMetrics;
pub use index::IndexMetrics;
pub use log::LogMetrics;
pub use process::ProcessMetrics;
pub use store::StoreMetrics;

/// The type of what [`Metrics::render`] gives.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// All of them.
#[derive(Debug)]
pub struct Metrics {
    /// Requests and connections.
    pub http: HttpMetrics,
    /// Submissions, rounds and the tree.
    pub log: LogMetrics,
    /// The store's operations.
    pub store: StoreMetrics,
    /// The on-disk index.
    pub index: IndexMetrics,
    /// The process and its disk.
    pub process: ProcessMetrics,
    registry: Registry,
}

impl Metrics {
    /// Makes and registers them; `started` is the time in POSIX seconds.
    pub fn new(started: u64) -> Self {
        let mut registry = Registry::default();
        let http = HttpMetrics::register(&mut registry);
        let log = LogMetrics::register(&mut registry);
        let store = StoreMetrics::register(&mut registry);
        let index = IndexMetrics::register(&mut registry);
        let process = ProcessMetrics::register(&mut registry);
        process.started(started);
        process::register_build(&mut registry);
        Self { http, log, store, index, process, registry }
    }

    /// All values in the Prometheus text format.
    pub fn render(&self) -> String {
        let mut text = String::new();
        prometheus_text::encode(&mut text, &self.registry).expect("a string takes everything");
        text
    }
}

/// Buckets for what a client waits for, in seconds.
fn request_seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

/// Buckets for one operation of the disk or an object store, in seconds.
fn operation_seconds() -> Histogram {
    Histogram::new([0.000_01, 0.000_1, 0.000_5, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0])
}

/// Counters whose labels are known: there from the start, at zero.
fn known<L: Clone + Hash + Eq>(labels: impl Iterator<Item = L>) -> Family<L, Counter> {
    let family = Family::default();
    labels.for_each(|labels| drop(family.get_or_create(&labels)));
    family
}

/// A size as a gauge has it.
fn gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;

//! What is counted, for Prometheus.

use std::sync::Arc;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: String,
}

/// The counters.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Arc<Registry>,
    requests: Family<RequestLabels, Counter>,
    files: Family<OutcomeLabels, Counter>,
    grace_wrong: Counter,
    cache_bytes: Gauge,
    grace_files: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let (requests, files) = (Family::default(), Family::default());
        let (grace_wrong, cache_bytes, grace_files) =
            (Counter::default(), Gauge::default(), Gauge::default());
        let mut registry = Registry::default();
        registry.register("wheeltap_proxy_requests", "Requests by route and status", Clone::clone(&requests));
        registry.register(
            "wheeltap_proxy_files",
            "Files that were asked for, by what came of it: verified, uncovered, without verdict, or the verdict",
            Clone::clone(&files),
        );
        registry.register(
            "wheeltap_proxy_grace_wrong",
            "Files that were served without a verdict, and had a bad one later",
            Clone::clone(&grace_wrong),
        );
        registry.register(
            "wheeltap_proxy_cache_bytes",
            "Bytes of verified files",
            Clone::clone(&cache_bytes),
        );
        registry.register(
            "wheeltap_proxy_grace_files",
            "Files that were served without a verdict, and are not judged yet",
            Clone::clone(&grace_files),
        );
        Self { registry: Arc::new(registry), requests, files, grace_wrong, cache_bytes, grace_files }
    }
}

impl Metrics {
    pub(super) fn request(&self, route: &str, status: u16) {
        self.requests.get_or_create(&RequestLabels { route: route.to_owned(), status }).inc();
    }

    pub(super) fn file(&self, outcome: &str) {
        self.files.get_or_create(&OutcomeLabels { outcome: outcome.to_owned() }).inc();
    }

    pub(super) fn grace_wrong(&self) {
        self.grace_wrong.inc();
    }

    /// All of it as text, with the sizes as they are now.
    pub(super) fn text(&self, cache_bytes: u64, grace_files: usize) -> String {
        self.cache_bytes.set(i64::try_from(cache_bytes).unwrap_or(i64::MAX));
        self.grace_files.set(i64::try_from(grace_files).unwrap_or(i64::MAX));
        let mut page = String::new();
        // Writing to a string does not fail.
        let _ = text::encode(&mut page, &self.registry);
        page
    }
}

//! Requests and connections.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::labels::{RequestClass, Success};
use super::{gauge, known, request_seconds};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClassLabels {
    class: RequestClass,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: Success,
}

metrics! {
    /// Requests and connections of the public listener.
    pub struct HttpMetrics {
        /// Requests by route and status; 499 when the client went away before the answer.
        requests: Family<RequestLabels, Counter> = "wheeltap_http_requests", Family::default();
        /// Time from a request's headers to the last byte of its answer.
        request_duration: Family<RouteLabels, Histogram> =
            "wheeltap_http_request_duration_seconds", Family::new_with_constructor(request_seconds);
        /// Open connections.
        connections: Gauge = "wheeltap_http_connections", Gauge::default();
        /// Most connections at once, as configured.
        connections_limit: Gauge = "wheeltap_http_connections_limit", Gauge::default();
        /// Requests that were refused because a client asked too often.
        rate_limited: Family<ClassLabels, Counter> =
            "wheeltap_rate_limited", known(RequestClass::ALL.iter().map(|class| ClassLabels { class: *class }));
        /// Attempts to read the TLS certificate again.
        tls_reloads: Family<ResultLabels, Counter> =
            "wheeltap_tls_reloads", known(Success::ALL.iter().map(|result| ResultLabels { result: *result }));
        /// When the TLS certificate expires, in POSIX seconds; 0 without TLS.
        tls_expiry: Gauge = "wheeltap_tls_certificate_expiry_timestamp_seconds", Gauge::default();
    }
}

/// Counts a connection for as long as it lives.
#[derive(Debug)]
pub struct OpenConnection(Gauge);

impl HttpMetrics {
    /// A request has ended.
    pub fn request(&self, route: &str, status: u16, duration: Duration) {
        let labels = RequestLabels { route: route.to_owned(), status };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels { route: labels.route };
        self.request_duration.get_or_create(&labels).observe(duration.as_secs_f64());
    }

    /// A connection was opened; it is closed when the value is dropped.
    pub fn connection(&self) -> OpenConnection {
        self.connections.inc();
        OpenConnection(self.connections.clone())
    }

    /// How many there may be.
    pub fn set_connections_limit(&self, limit: u32) {
        self.connections_limit.set(limit.into());
    }

    /// A request was refused.
    pub fn rate_limited(&self, class: RequestClass) {
        self.rate_limited.get_or_create(&ClassLabels { class }).inc();
    }

    /// The certificate was read again, or could not be.
    pub fn tls_reload(&self, result: Success) {
        self.tls_reloads.get_or_create(&ResultLabels { result }).inc();
    }

    /// The certificate in use expires then.
    pub fn set_tls_expiry(&self, timestamp: u64) {
        self.tls_expiry.set(gauge(timestamp));
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

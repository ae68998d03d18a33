//! What every request of the public listener comes through before its handler, from
//! the outside in: the access log, the rate limit, the time limit.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use log_io::clock::Stopwatch;

use super::error::HttpError;
use crate::client_address::{Client, ClientKey};
use crate::config::values::{Network, Span};
use crate::config::{AccessLog, Config, Rate};
use crate::listen::Peer;
use crate::metrics::Metrics;
use crate::metrics::labels::RequestClass;
use crate::rate_limit::{Allowance, Limiter};

/// Clients that are remembered per class of requests; each takes some 100 bytes.
const MAX_CLIENTS: usize = 65_536;

/// What stands before the handlers.
#[derive(Debug)]
pub struct Front {
    pub(super) metrics: Arc<Metrics>,
    pub(super) access_log: bool,
    request_timeout: Span,
    trusted_proxies: Vec<Network>,
    started: Stopwatch,
    reads: Mutex<Limiter<ClientKey>>,
    posts: Mutex<Limiter<ClientKey>>,
    /// When the process started, so that its request IDs are its own.
    epoch: u64,
    requests: AtomicU64,
}

impl Front {
    /// As configured; `epoch` is the time in POSIX seconds.
    pub fn new(config: &Config, metrics: Arc<Metrics>, epoch: u64) -> Arc<Self> {
        let limiter = |rate: Rate| {
            let allowance = Allowance::new(rate.per_second.get(), rate.burst.get());
            Mutex::new(Limiter::new(allowance, MAX_CLIENTS))
        };
        Arc::new(Self {
            metrics,
            access_log: config.log.access == AccessLog::Stderr,
            request_timeout: config.limits.request_timeout,
            trusted_proxies: config.limits.trusted_proxies.clone(),
            started: Stopwatch::start(),
            reads: limiter(config.limits.reads),
            posts: limiter(config.limits.posts),
            epoch,
            requests: AtomicU64::new(0),
        })
    }

    /// A name for a request that no other request of this log has.
    pub(super) fn request_id(&self) -> String {
        format!("{:x}-{:x}", self.epoch, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// Where a request comes from.
    pub(super) fn client(&self, request: &Request) -> Client {
        let peer =
            request.extensions().get::<Peer>().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0);
        let forwarded = request.headers().get_all("x-forwarded-for").iter();
        let forwarded = forwarded.map(|value| value.to_str().unwrap_or("?"));
        Client::find(peer, forwarded.collect::<Vec<_>>().into_iter(), &self.trusted_proxies)
    }

    /// Takes a request out of its client's allowance; else how long to wait.
    fn take(&self, client: Client, class: RequestClass) -> Result<(), Duration> {
        if client.trusted {
            return Ok(());
        }
        let limiter = match class {
            RequestClass::Read => &self.reads,
            RequestClass::Post => &self.posts,
        };
        let mut limiter = limiter.lock().unwrap_or_else(PoisonError::into_inner);
        limiter.take(client.key(), self.started.elapsed())
    }
}

/// Refuses a client that asks too often.
pub(super) async fn limit(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    let class = if request.method() == Method::POST { RequestClass::Post } else { RequestClass::Read };
    let client = request.extensions().get().copied().unwrap_or_else(|| front.client(&request));
    match front.take(client, class) {
        Ok(()) => next.run(request).await,
        Err(wait) => {
            front.metrics.http.rate_limited(class);
            HttpError::too_many_requests(wait).into_response()
        }
    }
}

/// Ends a request that takes too long, its body included.
pub(super) async fn deadline(State(front): State<Arc<Front>>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(front.request_timeout.get(), next.run(request)).await {
        Ok(response) => response,
        Err(_) => HttpError::timeout(front.request_timeout).into_response(),
    }
}

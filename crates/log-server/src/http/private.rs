//! The private listener: metrics and health, for the operator's own machines.
//!
//! | route | answer |
//! |---|---|
//! | `GET /metrics` | all metrics, in the Prometheus text format |
//! | `GET /healthz` | 200 as long as the process answers: restart it when it does not |
//! | `GET /readyz` | 200, or 503 and the reason: send requests elsewhere |

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use crate::health::{Observed, Readiness, readiness};
use crate::metrics::{self, Metrics};
use crate::pool::Pool;
use crate::published::Newest;
use crate::view::View;

/// What is looked at when somebody asks.
#[derive(Debug, Clone)]
pub struct Probe {
    /// What is published, and whether statements are taken.
    pub newest: Newest,
    /// How many statements wait.
    pub pool: Pool,
    /// What look-ups can answer for.
    pub view: View,
    /// The log's directory.
    pub directory: PathBuf,
    /// Room that it should have, in bytes.
    pub min_free: u64,
    /// What was counted.
    pub metrics: Arc<Metrics>,
}

/// The interface.
pub fn router(probe: Probe) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || Json(json!({ "status": "ok" }))))
        .route("/readyz", get(readyz))
        .with_state(probe)
}

async fn metrics(State(probe): State<Probe>) -> Response {
    let observed = probe.clone().observe().await;
    let Probe { metrics, pool, view, .. } = probe;
    let (keys, runs) = view.index_size();
    metrics.index.set_size(keys, runs);
    metrics.log.set_unavailable(!observed.takes_statements);
    metrics.log.set_published_size(observed.published.unwrap_or(0));
    metrics.log.set_pool_entries(pool.waiting());
    metrics.process.set_data_available(observed.available.unwrap_or(0));
    metrics.process.set_resident_memory(resident_memory().unwrap_or(0));
    ([(CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics.render()).into_response()
}

async fn readyz(State(probe): State<Probe>) -> Response {
    let min_free = probe.min_free;
    let readiness = readiness(&probe.observe().await, min_free);
    match readiness {
        Readiness::Ready => Json(readiness).into_response(),
        Readiness::NotReady(reason) => {
            let body = json!({ "status": "not-ready", "reason": reason, "detail": reason.detail() });
            (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
        }
    }
}

impl Probe {
    async fn observe(self) -> Observed {
        // The index and the disk are asked off the runtime's own threads.
        let look = move || Observed {
            published: self.newest.get().map(|tree| tree.size),
            takes_statements: self.newest.for_statements().is_some(),
            indexed: Some(self.view.mark().size),
            available: rustix::fs::statvfs(&self.directory).ok().map(|fs| fs.f_bavail * fs.f_frsize),
        };
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }
}

/// The memory that the process has now, in bytes, where the system says so.
fn resident_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kibibytes = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kibibytes.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|number| number * 1_024)
}

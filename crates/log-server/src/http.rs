//! The HTTP interface: all routes, on one screen.
//!
//! | route | what |
//! |---|---|
//! | `GET /checkpoint`, `/tile/…` | C2SP tlog-tiles; also plain files below `public/` |
//! | `POST /api/v1/statements` | submit one DSSE envelope |
//! | `POST /api/v1/lookup` | entries and inclusion proofs |
//!
//! Handlers translate; they decide nothing about the protocol.

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::routing::{get, post};
use log_core::limits::{MAX_LOOKUP_BYTES, MAX_SUBMISSION_BYTES};
use tower_http::compression::CompressionLayer;
use tower_http::timeout::TimeoutLayer;

use crate::app::App;

mod error;
mod lookup;
mod statements;
mod tiles;

/// Longest time for one request, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The log's interface.
pub fn router(app: App) -> Router {
    // Hash tiles do not compress; entry bundles, base64 in JSON, do.
    let bundles = Router::new()
        .route("/tile/entries/{*path}", get(tiles::tile))
        .layer(CompressionLayer::new().gzip(true));
    Router::new()
        .route("/checkpoint", get(tiles::checkpoint))
        .route("/tile/{level}/{*path}", get(tiles::tile))
        .merge(bundles)
        .route(
            "/api/v1/statements",
            post(statements::submit).layer(DefaultBodyLimit::max(MAX_SUBMISSION_BYTES)),
        )
        .route("/api/v1/lookup", post(lookup::lookup).layer(DefaultBodyLimit::max(MAX_LOOKUP_BYTES)))
        .fallback(error::no_such_resource)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, REQUEST_TIMEOUT))
        .with_state(app)
}

#[cfg(test)]
mod tests;

//! The HTTP interface: all routes, on one screen.
//!
//! | route | what |
//! |---|---|
//! | `GET /checkpoint`, `/tile/…` | C2SP tlog-tiles; also plain files below `public/` |
//! | `GET /log.pub` | the log's public key |
//! | `POST /api/v1/statements` | submit one DSSE envelope |
//! | `POST /api/v1/lookup` | entries and inclusion proofs |
//! | `GET /api/v1/openapi.json` | all of this for programs |
//!
//! Handlers translate; they decide nothing about the protocol. What is for the
//! operator alone is in [`private`], on a listener of its own.

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use log_core::limits::{MAX_BATCH_BYTES, MAX_LOOKUP_BYTES};
use tower_http::compression::CompressionLayer;

use self::front::Front;
use crate::app::App;

mod access;
mod error;
pub mod front;
mod lookup;
pub mod openapi;
mod outcome;
pub mod private;
mod statements;
mod tiles;

/// The log's interface.
pub fn router(app: App, front: &Arc<Front>) -> Router {
    // Hash tiles do not compress; entry bundles, base64 in JSON, do.
    let bundles = Router::new()
        .route("/tile/entries/{*path}", get(tiles::entries))
        .layer(CompressionLayer::new().gzip(true));
    Router::new()
        .route("/checkpoint", get(tiles::checkpoint))
        .route("/log.pub", get(tiles::log_key))
        .route("/tile/{level}/{*path}", get(tiles::tile))
        .merge(bundles)
        .route("/api/v1/statements", post(statements::submit).layer(DefaultBodyLimit::max(MAX_BATCH_BYTES)))
        .route("/api/v1/lookup", post(lookup::lookup).layer(DefaultBodyLimit::max(MAX_LOOKUP_BYTES)))
        .route("/api/v1/openapi.json", get(openapi::document))
        .fallback(error::no_such_resource)
        .method_not_allowed_fallback(error::no_such_method)
        .layer(from_fn_with_state(Arc::clone(front), front::deadline))
        .layer(from_fn_with_state(Arc::clone(front), front::limit))
        .layer(from_fn_with_state(Arc::clone(front), access::observe))
        .with_state(app)
}

#[cfg(test)]
mod tests;

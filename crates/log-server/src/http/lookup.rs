//! `POST /api/v1/lookup`: keys in, entries with proofs out.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use log_core::api::{LookupAnswer, LookupRequest};
use log_core::limits::MAX_LOOKUP_BYTES;

use super::error::{HttpError, bad_body};
use super::openapi::{BadPost, Busy};
use crate::app::App;

/// Everything that the log says about files, digests, releases and projects, proven.
#[utoipa::path(
    post,
    path = "/api/v1/lookup",
    tag = "lookups",
    request_body(
        content = LookupRequest,
        example = json!({ "keys": [
            { "file": { "project": "nova", "name": "nova-27.0.0.tar.gz" } },
            { "release": { "project": "nova", "version": "27.0.0" } },
            { "project": { "name": "nova", "from": 0 } },
            { "digest": { "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" } },
        ] })
    ),
    responses((status = 200, description = "The answer, in the order of the keys", body = LookupAnswer), BadPost, Busy)
)]
pub(super) async fn lookup(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LookupAnswer>, HttpError> {
    let body = body.map_err(|rejection| bad_body(&rejection, MAX_LOOKUP_BYTES))?;
    let request: LookupRequest =
        serde_json::from_slice(&body).map_err(|error| HttpError::bad_request(error.to_string()))?;
    Ok(Json(app.lookup(request).await?))
}

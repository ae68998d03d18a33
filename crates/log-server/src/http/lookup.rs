//! `POST /api/v1/lookup`: keys in, entries with proofs out.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use log_core::api::LookupAnswer;
use log_core::limits::MAX_LOOKUP_BYTES;

use super::error::{HttpError, bad_body};
use crate::app::App;

pub(super) async fn lookup(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<LookupAnswer>, HttpError> {
    let body = body.map_err(|rejection| bad_body(&rejection, MAX_LOOKUP_BYTES))?;
    let request = serde_json::from_slice(&body).map_err(|error| HttpError::bad_request(error.to_string()))?;
    Ok(Json(app.lookup(request).await?))
}

//! `POST /api/v1/statements`: one DSSE envelope in, a receipt out.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use log_core::api::Receipt;
use log_core::limits::MAX_SUBMISSION_BYTES;

use super::error::{HttpError, bad_body};
use crate::app::App;

pub(super) async fn submit(
    State(app): State<App>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Receipt>, HttpError> {
    let body = body.map_err(|rejection| bad_body(&rejection, MAX_SUBMISSION_BYTES))?;
    Ok(Json(app.submit(body.into()).await?))
}

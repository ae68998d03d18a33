//! The read interface of C2SP tlog-tiles: checkpoint, tiles, entry bundles.
//!
//! A path is looked at as it came, undecoded, and must be the one spelling of a
//! tile; so no path reaches the store that was not made here.

use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, Uri};
use axum::response::{IntoResponse, Response};
use log_core::tile::TileId;

use super::error::HttpError;
use crate::app::{App, AppError};

const ANYONE: (HeaderName, &str) = (ACCESS_CONTROL_ALLOW_ORIGIN, "*");

pub(super) async fn checkpoint(State(app): State<App>) -> Result<Response, HttpError> {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache"), ANYONE];
    let bytes = read(app, "checkpoint".to_owned()).await?;
    let bytes = bytes.ok_or_else(|| HttpError::not_found("nothing is published yet"))?;
    Ok((headers, bytes).into_response())
}

pub(super) async fn tile(State(app): State<App>, uri: Uri) -> Result<Response, HttpError> {
    let id = uri.path().strip_prefix('/').and_then(TileId::parse);
    let id = id.ok_or_else(|| HttpError::not_found("this is not the path of a tile or entry bundle"))?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CACHE_CONTROL, "public, max-age=604800, immutable"),
        ANYONE,
    ];
    let bytes = read(app, id.path()).await?;
    let bytes = bytes.ok_or_else(|| HttpError::not_found(&format!("{id} does not exist (yet)")))?;
    Ok((headers, bytes).into_response())
}

async fn read(app: App, path: String) -> Result<Option<Vec<u8>>, HttpError> {
    let read = tokio::task::spawn_blocking(move || app.objects.get(&path)).await;
    let bytes = read.map_err(|error| AppError::Internal(error.into()))?;
    Ok(bytes.map_err(AppError::from)?)
}

//! The read interface of C2SP tlog-tiles: checkpoint, tiles, entry bundles; and the log's
//! public key beside them.
//!
//! A path is looked at as it came, undecoded, and must be the one spelling of a
//! tile; so no path reaches the store that was not made here.

use std::io;

use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, Uri};
use axum::response::{IntoResponse, Response};
use log_core::tile::TileId;

use super::error::HttpError;
use super::openapi::{Busy, NoFile};
use crate::app::{App, AppError};

const ANYONE: (HeaderName, &str) = (ACCESS_CONTROL_ALLOW_ORIGIN, "*");

/// The newest signed checkpoint, with the cosignatures that it has.
#[utoipa::path(
    get,
    path = "/checkpoint",
    tag = "reads",
    responses(
        (status = 200, description = "A C2SP tlog-checkpoint", content_type = "text/plain", body = String),
        NoFile,
        Busy,
    )
)]
pub(super) async fn checkpoint(State(app): State<App>) -> Result<Response, HttpError> {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache"), ANYONE];
    let bytes = blocking(move || app.objects.get("checkpoint")).await?;
    let bytes = bytes.ok_or_else(|| HttpError::not_found("nothing is published yet"))?;
    Ok((headers, bytes).into_response())
}

/// The log's public key, a C2SP vkey. It proves nothing by being here: the policies, which
/// the roots have signed, say which key is the log's.
#[utoipa::path(
    get,
    path = "/log.pub",
    tag = "reads",
    responses((status = 200, description = "A C2SP vkey and a line feed", content_type = "text/plain", body = String))
)]
pub(super) async fn log_key(State(app): State<App>) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache"), ANYONE];
    (headers, format!("{}\n", app.genesis.log.to_vkey())).into_response()
}

/// Hashes of a tile.
#[utoipa::path(
    get,
    path = "/tile/{level}/{path}",
    tag = "reads",
    params(
        ("level" = u8, Path, maximum = 63, example = 0, description = "The level; 0 has the hashes of the entries"),
        ("path" = String, Path, example = "000", pattern = "^(x[0-9]{3}/)*[0-9]{3}([.]p/[1-9][0-9]{0,2})?$", description = TILE_PATH),
    ),
    responses(
        (
            status = 200,
            description = "At most 256 hashes of 32 bytes each",
            content_type = "application/octet-stream", body = String
        ),
        NoFile,
        Busy,
    )
)]
pub(super) async fn tile(state: State<App>, uri: Uri) -> Result<Response, HttpError> {
    file(state, uri).await
}

/// Entries, each with its length in two bytes before it.
#[utoipa::path(
    get,
    path = "/tile/entries/{path}",
    tag = "reads",
    params((
        "path" = String, Path, example = "000", pattern = "^(x[0-9]{3}/)*[0-9]{3}([.]p/[1-9][0-9]{0,2})?$", description = TILE_PATH
    )),
    responses(
        (
            status = 200,
            description = "At most 256 entries",
            content_type = "application/octet-stream", body = String
        ),
        NoFile,
        Busy,
    )
)]
pub(super) async fn entries(state: State<App>, uri: Uri) -> Result<Response, HttpError> {
    file(state, uri).await
}

/// OpenAPI cannot say that a parameter has slashes.
const TILE_PATH: &str = "The tile's index and width as in C2SP tlog-tiles, such as `x001/234` or `000.p/7`. Its \
                         slashes are sent as they are, not percent-encoded.";

async fn file(State(app): State<App>, uri: Uri) -> Result<Response, HttpError> {
    let id = uri.path().strip_prefix('/').and_then(TileId::parse);
    let id = id.ok_or_else(|| HttpError::not_found("this is not the path of a tile or entry bundle"))?;
    let headers = [
        (CONTENT_TYPE, "application/octet-stream"),
        (CACHE_CONTROL, "public, max-age=604800, immutable"),
        ANYONE,
    ];
    let bytes = match app.reader.cached_file(id) {
        Some(bytes) => Some(bytes),
        None => blocking(move || app.reader.file(id)).await?,
    };
    let bytes = bytes.ok_or_else(|| HttpError::not_found(&format!("{id} does not exist (yet)")))?;
    Ok((headers, bytes).into_response())
}

async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, HttpError> {
    let read = tokio::task::spawn_blocking(read).await;
    let bytes = read.map_err(|error| AppError::Internal(error.into()))?;
    Ok(bytes.map_err(AppError::from)?)
}

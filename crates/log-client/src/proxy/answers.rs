//! The answers about a file: that it is refused, missing, or did not come; and the headers
//! of one that is served.

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, ETAG};
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use log_core::artifact::{FileName, ProjectName};
use log_core::hash::Hash;
use log_io::index_client::IndexError;

use super::denial::Denial;
use super::files::Found;
use super::serve::refuse_with;
use super::state::State;
use super::transfer::Done;

pub(super) fn missing(why: &str) -> Response {
    refuse_with(StatusCode::NOT_FOUND, &Denial::new("no file", why, "ask for the project's page again"))
}

pub(super) fn denied(state: &State, project: &ProjectName, file: &FileName, denial: &Denial) -> Response {
    state.tally.held_back(project.as_str(), file.as_str(), true, denial);
    state.metrics.file(&denial.verdict);
    refuse_with(StatusCode::FORBIDDEN, denial)
}

/// The answer when a file was not served, before anything of it was.
pub(super) fn not_whole(state: &State, found: &Found, done: Done) -> Response {
    match done {
        Done::Wrong(_) => {
            let denial = state.known_wrong(&found.planned.url);
            let denial = denial.unwrap_or_else(|| broken(&found.name, "its bytes are wrong"));
            refuse_with(StatusCode::FORBIDDEN, &denial)
        }
        // Not 502: pip would try again, and in the end not say why.
        Done::Broken(why) => refuse_with(StatusCode::GATEWAY_TIMEOUT, &broken(&found.name, &why)),
        Done::Right | Done::Unnoted => {
            let why = "what is served of it cannot be noted";
            let denial = Denial::new(
                "no verdict",
                format!("{}: {why}", found.name),
                "make room in the state directory",
            );
            refuse_with(StatusCode::FORBIDDEN, &denial)
        }
    }
}

pub(super) fn index_failure(state: &State, found: &Found, error: &IndexError) -> Response {
    state.metrics.file("index failed");
    let status = match error {
        IndexError::Status { code: 404 | 410, .. } => StatusCode::NOT_FOUND,
        IndexError::Host { .. } => StatusCode::FORBIDDEN,
        _ => StatusCode::GATEWAY_TIMEOUT,
    };
    let next = match error {
        IndexError::Host { .. } => {
            "if its files belong there, name the host in `file_hosts` of the configuration"
        }
        _ => "try again, or ask the index's operator",
    };
    refuse_with(status, &Denial::new("no file", format!("{}: {error}", found.name), next))
}

pub(super) fn broken(name: &FileName, why: &str) -> Denial {
    Denial::new("no file", format!("{name} did not come whole: {why}"), "try again")
}

pub(super) fn etag(hash: Hash) -> String {
    format!("\"{}\"", hash.to_hex())
}

pub(super) fn with_length(body: Body, length: Option<u64>, hash: Option<Hash>) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    // A file that is kept by a client is one that it has after it was withdrawn.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, length.into());
    }
    if let Some(etag) = hash.and_then(|hash| HeaderValue::from_str(&etag(hash)).ok()) {
        headers.insert(ETAG, etag);
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    }
    response
}

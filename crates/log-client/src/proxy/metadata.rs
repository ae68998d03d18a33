//! The metadata of wheels (PEP 658): from the index if it is what the log has, else from the
//! verified wheel.

use std::sync::Arc;

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use log_core::hash::{Hash, digest};

use super::answers::{denied, index_failure, missing};
use super::denial::Denial;
use super::files::{Found, Terms, drain, fetch};
use super::page::{Gate, Metadata};
use super::state::State;
use super::summary::As;

/// The metadata of a wheel: small, so it is compared before anything is sent. What the
/// index has instead of the logged metadata does not matter: it is in the wheel, too.
pub(super) async fn answer(state: &Arc<State>, found: &Found) -> Response {
    let (expected, wheel) = match &found.planned.gate {
        Gate::Verify { metadata: Some(hash), sha256, .. } => (Some(*hash), Some(*sha256)),
        Gate::Uncovered { metadata: Metadata::Exactly(hash), .. } => (Some(*hash), None),
        Gate::Uncovered { metadata: Metadata::Any, .. } | Gate::Grace { .. } => (None, None),
        _ => return missing("no metadata is offered for this wheel"),
    };
    let fetched = state.pages.metadata(&found.planned.url).await;
    let denial = match &fetched {
        Ok(bytes) => {
            let sha256 = digest(&[bytes]);
            match expected.filter(|expected| *expected != sha256) {
                None => return metadata_answer(bytes.clone()),
                Some(expected) => {
                    let file = format!("{}.metadata", found.name);
                    let denial = Denial::other_bytes(&file, expected, sha256);
                    state.tally.held_back(found.project.as_str(), &file, true, &denial);
                    Some(denial)
                }
            }
        }
        Err(_) => None,
    };
    if let Some((expected, wheel)) = expected.zip(wheel)
        && let Some(bytes) = metadata_in(state, found, wheel).await
        && digest(&[&bytes]) == expected
    {
        return metadata_answer(bytes);
    }
    match (denial, fetched) {
        (Some(denial), _) => denied(state, &found.project, &found.name, &denial),
        (None, Err(error)) => index_failure(state, found, &error),
        (None, Ok(_)) => missing("no metadata is offered for this wheel"),
    }
}

fn metadata_answer(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, "application/octet-stream"), (CACHE_CONTROL, "no-cache")], bytes).into_response()
}

/// The metadata in a verified wheel, which is fetched for it.
async fn metadata_in(state: &Arc<State>, found: &Found, wheel: Hash) -> Option<Vec<u8>> {
    let flight = state.flight(wheel).await;
    let read = |state: &Arc<State>| {
        let (store, name) = (Arc::clone(&state.store), found.name.clone());
        tokio::task::spawn_blocking(move || {
            let (mut file, _) = store.get(wheel)?;
            crate::wheel::metadata(&mut file, &name).ok()
        })
    };
    if let Some(bytes) = read(state).await.ok().flatten() {
        return Some(bytes);
    }
    let terms = Terms { expected: Some(wheel), served_as: As::Verified, pin: false };
    let response = fetch(state, found.clone(), terms, Some(flight)).await;
    drain(response.into_body()).await.ok()?;
    read(state).await.ok().flatten()
}

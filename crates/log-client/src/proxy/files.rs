//! A file that is asked for: refused, from the store, or from the index.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State as Shared};
use axum::http::header::{CACHE_CONTROL, CONTENT_RANGE, ETAG, RANGE};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use log_core::artifact::{FileName, ProjectName};
use log_core::hash::Hash;
use log_io::clock;
use log_io::index_client::FetchedFile;

use super::answers::{broken, denied, etag, index_failure, missing, not_whole, with_length};
use super::denial::Denial;
use super::metadata;
use super::notes::Note;
use super::page::{Gate, Planned};
use super::pages::PageFailure;
use super::paths::{self, Asked, path_of};
use super::range::{Part, part};
use super::serve::{matches_etag, refuse_with};
use super::state::State;
use super::summary::As;
use super::transfer::{self, Done};

/// A file of a project, as it was found on its page.
#[derive(Clone)]
pub(super) struct Found {
    pub(super) project: ProjectName,
    pub(super) name: FileName,
    pub(super) planned: Planned,
}

/// What the bytes of a file must be, and what is noted of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Terms {
    pub(super) expected: Option<Hash>,
    pub(super) served_as: As,
    pub(super) pin: bool,
}

impl Terms {
    /// Whether there is anything to note before it is served.
    fn noted(self) -> bool {
        self.pin || self.served_as == As::WithoutVerdict
    }
}

/// `GET` and `HEAD` of a file or of metadata.
pub(super) async fn file(
    Shared(state): Shared<Arc<State>>,
    Path(path): Path<String>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let Some(asked) = paths::asked(&path) else { return missing("this is no path of a file") };
    let found = match find(&state, &asked, &path).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let terms = match &found.planned.gate {
        Gate::Deny(denial) => return denied(&state, &found.project, &found.name, denial),
        Gate::Verify { sha256, .. } => Terms { expected: Some(*sha256), served_as: As::Verified, pin: false },
        Gate::Uncovered { sha256, pin, .. } => {
            Terms { expected: *sha256, served_as: As::Uncovered, pin: *pin }
        }
        Gate::Grace { sha256 } => Terms { expected: *sha256, served_as: As::WithoutVerdict, pin: false },
    };
    if asked.metadata {
        return metadata::answer(&state, &found).await;
    }
    serve(&state, found, terms, &method, &headers).await
}

/// The file on its project's page that has this path.
pub(super) async fn find(state: &Arc<State>, asked: &Asked, path: &str) -> Result<Found, Response> {
    let project = &asked.project;
    let not_listed = || missing("the index does not list this file");
    let plan = match state.plan(project).await {
        Ok(plan) => plan,
        Err(PageFailure::Missing(_)) => return Err(not_listed()),
        Err(failure) => {
            let denial =
                Denial::new("no page", failure.to_string(), "try again, or ask the index's operator");
            return Err(refuse_with(StatusCode::BAD_GATEWAY, &denial));
        }
    };
    if let Some((_, denial)) = plan.left_out.iter().find(|(name, _)| name == asked.file.as_str()) {
        return Err(denied(state, project, &asked.file, denial));
    }
    let planned = plan.files.get(asked.file.as_str()).ok_or_else(not_listed)?;
    let here = path_of(project, asked.file.as_str(), &planned.url);
    let suffix = if asked.metadata { ".metadata" } else { "" };
    let is_here = here.strip_prefix("files/").is_some_and(|here| {
        here.len() + suffix.len() == path.len() && path.starts_with(here) || decoded_same(here, suffix, path)
    });
    let found = || Found { project: project.clone(), name: asked.file.clone(), planned: planned.clone() };
    is_here.then(found).ok_or_else(not_listed)
}

/// The router has decoded the path.
fn decoded_same(here: &str, suffix: &str, path: &str) -> bool {
    path.strip_suffix(suffix) == Some(log_core::simple_index::html::decode_percent(here).as_str())
}

async fn serve(
    state: &Arc<State>,
    found: Found,
    terms: Terms,
    method: &Method,
    headers: &HeaderMap,
) -> Response {
    if let Some(denial) = state.known_wrong(&found.planned.url) {
        return denied(state, &found.project, &found.name, &denial);
    }
    let partial = method == Method::HEAD || headers.contains_key(RANGE);
    let Some(expected) = terms.expected else {
        // Of a file without a digest nothing is known until it has come whole.
        return fetch(state, found, terms, None).await;
    };
    if let Some(response) = stored(state, &found, terms, expected, headers).await {
        return response;
    }
    let flight = state.flight(expected).await;
    // Somebody else may have fetched it meanwhile, or found it wrong.
    if let Some(denial) = state.known_wrong(&found.planned.url) {
        return denied(state, &found.project, &found.name, &denial);
    }
    if let Some(response) = stored(state, &found, terms, expected, headers).await {
        return response;
    }
    if partial {
        // Parts of a file that is not verified are not for anybody: first all of it.
        let whole = Found {
            project: found.project.clone(),
            name: found.name.clone(),
            planned: found.planned.clone(),
        };
        let response = fetch(state, whole, terms, Some(flight)).await;
        if !response.status().is_success() {
            return response;
        }
        if drain(response.into_body()).await.is_err() {
            let denial = state.known_wrong(&found.planned.url);
            let denial = denial.unwrap_or_else(|| broken(&found.name, "the index broke off"));
            return denied(state, &found.project, &found.name, &denial);
        }
        return match stored(state, &found, terms, expected, headers).await {
            Some(response) => response,
            // There is no room to keep it: a client may always be given all of it.
            None => fetch(state, found, terms, None).await,
        };
    }
    fetch(state, found, terms, Some(flight)).await
}

/// Reads a body to its end.
pub(super) async fn drain(body: Body) -> Result<(), axum::Error> {
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = futures_util::StreamExt::next(&mut chunks).await {
        chunk?;
    }
    Ok(())
}

/// The file from the store, or a part of it.
async fn stored(
    state: &Arc<State>,
    found: &Found,
    terms: Terms,
    hash: Hash,
    headers: &HeaderMap,
) -> Option<Response> {
    let store = Arc::clone(&state.store);
    // A file that is read for the first time is hashed.
    let (file, length) = tokio::task::spawn_blocking(move || store.get(hash)).await.ok()??;
    if let Err(denial) = noted(state, found, terms, hash).await {
        return Some(denied(state, &found.project, &found.name, &denial));
    }
    let etag = etag(hash);
    if matches_etag(headers, &etag) {
        return Some(
            (StatusCode::NOT_MODIFIED, [(ETAG, etag), (CACHE_CONTROL, "no-cache".to_owned())])
                .into_response(),
        );
    }
    served(state, found, terms);
    let (status, from, count) = match part(headers, length, &etag) {
        Part::Whole => (StatusCode::OK, 0, length),
        Part::Range { from, count } => (StatusCode::PARTIAL_CONTENT, from, count),
        Part::Unsatisfiable => {
            let range = format!("bytes */{length}");
            return Some((StatusCode::RANGE_NOT_SATISFIABLE, [(CONTENT_RANGE, range)]).into_response());
        }
    };
    let mut response = with_length(transfer::from_store(file, from, count), Some(count), Some(hash));
    *response.status_mut() = status;
    if status == StatusCode::PARTIAL_CONTENT
        && let Ok(range) = HeaderValue::from_str(&format!("bytes {from}-{}/{length}", from + count - 1))
    {
        response.headers_mut().insert(CONTENT_RANGE, range);
    }
    Some(response)
}

/// The file from the index.
pub(super) async fn fetch(
    state: &Arc<State>,
    found: Found,
    terms: Terms,
    flight: Option<tokio::sync::OwnedMutexGuard<()>>,
) -> Response {
    let Ok(permit) = Arc::clone(&state.fetches).acquire_owned().await else {
        return missing("the proxy is stopping");
    };
    let fetched = match state.pages.client().file(&found.planned.url).await {
        Ok(fetched) => fetched,
        Err(error) => return index_failure(state, &found, &error),
    };
    if transfer::is_small(&fetched) {
        return held(state, &found, terms, fetched).await;
    }
    let (length, expected) = (fetched.length, terms.expected);
    let (before, after) = (Arc::clone(state), Arc::clone(state));
    let again = found.clone();
    let (project, name) = (found.project.clone(), found.name.clone());
    let before_last = move |hash| match note(&before, &project, &name, terms, hash) {
        Ok(()) => true,
        Err(denial) => {
            before.tally.held_back(project.as_str(), name.as_str(), true, &denial);
            before.metrics.file(&denial.verdict);
            false
        }
    };
    let done = move |done: &Done| {
        match done {
            Done::Right => served(&after, &found, terms),
            Done::Wrong(hash) => wrong(&after, &found, terms, *hash),
            Done::Unnoted => {}
            Done::Broken(why) => {
                tracing::warn!(file = %found.name, why, "a file did not come whole");
                after.metrics.file("broken");
            }
        }
        // Whoever waits for the same file may go on.
        drop((flight, permit));
    };
    if length.is_some() {
        let body = transfer::pass_on(fetched, expected, &state.store, before_last, done);
        return with_length(body, length, expected);
    }
    // A client that is told no length cannot know that a file is cut short.
    let store = Arc::clone(&state.store);
    // It goes on when the client goes away, who then finds it in the store.
    let received = tokio::spawn(async move {
        let result = transfer::whole(fetched, expected, store, before_last).await;
        match &result {
            Ok(_) => done(&Done::Right),
            Err(other) => done(other),
        }
        result
    });
    let failed = |_| Err(Done::Broken("it could not be read".to_owned()));
    match received.await.unwrap_or_else(failed) {
        Ok((file, length, hash)) => {
            with_length(transfer::from_store(file, 0, length), Some(length), Some(hash))
        }
        Err(done) => not_whole(state, &again, done),
    }
}

/// A small file, verified before the first byte of the answer.
async fn held(state: &Arc<State>, found: &Found, terms: Terms, fetched: FetchedFile) -> Response {
    let Ok(_permit) = state.holds.acquire().await else { return missing("the proxy is stopping") };
    match transfer::hold(fetched, terms.expected, &state.store).await {
        Ok((bytes, hash)) => {
            if let Err(denial) = noted(state, found, terms, hash).await {
                return denied(state, &found.project, &found.name, &denial);
            }
            served(state, found, terms);
            let length = bytes.len() as u64;
            with_length(Body::from(Bytes::from(bytes)), Some(length), Some(hash))
        }
        Err(done) => {
            match &done {
                Done::Wrong(hash) => wrong(state, found, terms, *hash),
                Done::Broken(_) => state.metrics.file("broken"),
                Done::Right | Done::Unnoted => {}
            }
            not_whole(state, found, done)
        }
    }
}

fn served(state: &State, found: &Found, terms: Terms) {
    state.tally.served(terms.served_as, found.project.as_str(), found.name.as_str());
    state.metrics.file(match terms.served_as {
        As::Verified => "verified",
        As::Uncovered => "uncovered",
        As::WithoutVerdict => "without verdict",
    });
}

fn wrong(state: &State, found: &Found, terms: Terms, hash: Hash) {
    let Some(expected) = terms.expected else { return };
    let denial = Denial::other_bytes(found.name.as_str(), expected, hash);
    tracing::warn!(project = %found.project, file = %found.name, reason = denial.reason, "refused");
    state.tally.held_back(found.project.as_str(), found.name.as_str(), true, &denial);
    state.metrics.file(&denial.verdict);
    state.note_wrong(&found.planned.url, denial);
}

/// Notes what has to be known of a file before it is served whole.
async fn noted(state: &Arc<State>, found: &Found, terms: Terms, hash: Hash) -> Result<(), Denial> {
    if !terms.noted() {
        return Ok(());
    }
    let (state, found) = (Arc::clone(state), found.clone());
    let noted =
        tokio::task::spawn_blocking(move || note(&state, &found.project, &found.name, terms, hash)).await;
    noted.unwrap_or_else(|error| {
        Err(Denial::new("no verdict", format!("nothing is noted: {error}"), "try again"))
    })
}

/// The same, for a thread that may wait for the disk.
fn note(
    state: &State,
    project: &ProjectName,
    name: &FileName,
    terms: Terms,
    hash: Hash,
) -> Result<(), Denial> {
    let note =
        || Note { time: clock::now(), project: project.clone(), file: name.clone(), sha256: hash.to_hex() };
    let noted = if terms.served_as == As::WithoutVerdict {
        state.notes.grace(note())
    } else if terms.pin {
        state.notes.pin(note(), hash)
    } else {
        return Ok(());
    };
    noted.map_err(|error| {
        let next = "make room in the state directory";
        Denial::new("no verdict", format!("what is served of {project} cannot be noted: {error}"), next)
    })
}

//! The routes: pages, files, and what the proxy says of itself.
//!
//! | route | answer |
//! |---|---|
//! | `/simple/{project}/` | the project's page, in HTML or JSON |
//! | `/files/…` | a file, or a wheel's metadata |
//! | `/` | what was done so far; `?format=json` |
//! | `/metrics`, `/healthz` | for monitoring |
//!
//! Handlers translate; what is offered `page` decides.
//!
//! Specification: PEP 503, 658, 691, 700, 714, 792.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State as Shared};
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION, VARY};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::ext::ReasonPhrase;
use log_core::artifact::ProjectName;
use log_core::hash::digest;
use log_core::simple_index::negotiate::{Form, negotiate};
use log_core::simple_index::write::{escape_html, to_html, to_json};
use log_io::clock::Stopwatch;
use serde_json::{Value, json};

use super::denial::Denial;
use super::page::{Gate, Plan};
use super::pages::PageFailure;
use super::paths::path_of;
use super::state::State;
use super::{callers, files, limits};

/// The number of the JSON of the status page.
const SCHEMA: u32 = 1;

/// All routes.
pub(super) fn router(state: &Arc<State>) -> Router {
    Router::new()
        .route("/simple/", get(all_projects))
        .route("/simple/{project}", get(add_slash))
        .route("/simple/{project}/", get(project_page))
        .route("/files/{*path}", get(files::file))
        .route("/", get(status))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(from_fn_with_state(Arc::clone(state), observe))
        .with_state(Arc::clone(state))
}

/// Counts a request, and logs it when that is wanted.
async fn observe(Shared(state): Shared<Arc<State>>, request: Request, next: Next) -> Response {
    let watch = Stopwatch::start();
    let path = request.uri().path();
    let route = match path.split('/').nth(1) {
        Some("simple") => "simple",
        Some("files") => "files",
        Some("") => "status",
        Some("metrics" | "healthz") => "monitoring",
        _ => "unmatched",
    };
    // Percent-encoded, so that it stays one line.
    let line = state.config.access_log.then(|| (request.method().to_string(), path.to_owned()));
    let config = &state.config;
    let response = match callers::check(config.listen.ip(), &config.names, request.headers()) {
        Ok(()) => next.run(request).await,
        Err(denial) => refuse_with(StatusCode::MISDIRECTED_REQUEST, &denial),
    };
    state.metrics.request(route, response.status().as_u16());
    if let Some((method, path)) = line {
        let (status, millis) = (response.status().as_u16(), watch.elapsed().as_millis());
        tracing::info!(target: "access", method, path, status, millis, "answered");
    }
    response
}

async fn all_projects() -> Response {
    let phrase = "Wheeltap: the list of all projects is not passed on. Next: ask for /simple/<project>/";
    answer_with(StatusCode::NOT_FOUND, phrase)
}

async fn add_slash(Path(project): Path<String>) -> Response {
    match ProjectName::normalise(&project) {
        Ok(project) => moved_to(&format!("/simple/{project}/")),
        Err(error) => answer_with(StatusCode::NOT_FOUND, &format!("Wheeltap: {error}")),
    }
}

async fn project_page(
    Shared(state): Shared<Arc<State>>,
    Path(raw): Path<String>,
    headers: HeaderMap,
) -> Response {
    let Ok(project) = ProjectName::normalise(&raw) else {
        return answer_with(StatusCode::NOT_FOUND, "Wheeltap: this is no name of a project");
    };
    if project.as_str() != raw {
        return moved_to(&format!("/simple/{project}/"));
    }
    let plan = match state.plan(&project).await {
        Ok(plan) => plan,
        Err(failure) => return page_failure(&failure),
    };
    for (name, denial) in &plan.left_out {
        state.tally.held_back(project.as_str(), name, false, denial);
    }
    let offer = rewritten(&project, &plan, state.config.index_only);
    let accept = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let form = negotiate(&accept.collect::<Vec<_>>().join(","));
    let body = match form {
        Form::Json => to_json(&project, &offer),
        Form::Html | Form::TextHtml => to_html(&project, &offer),
    };
    let etag = format!("\"{}\"", &digest(&[form.media_type().as_bytes(), body.as_bytes()]).to_hex()[..32]);
    // A page that is kept is a file that can be installed after it was withdrawn.
    let cache = [(CACHE_CONTROL, "no-cache"), (VARY, "Accept")];
    if matches_etag(&headers, &etag) {
        return (StatusCode::NOT_MODIFIED, cache, [(ETAG, etag)]).into_response();
    }
    (cache, [(ETAG, etag)], [(CONTENT_TYPE, form.media_type())], body).into_response()
}

/// The page with the URLs that clients shall ask.
fn rewritten(project: &ProjectName, plan: &Plan, index_only: bool) -> log_core::simple_index::Offer {
    let mut offer = plan.offer.clone();
    for file in &mut offer.files {
        // What is refused, and what is noted when it is served, comes from here.
        let from_here = plan.files.get(&file.name).is_none_or(|planned| match &planned.gate {
            Gate::Deny(_) | Gate::Grace { .. } => true,
            Gate::Uncovered { pin, .. } => *pin,
            Gate::Verify { .. } => false,
        });
        if !index_only || from_here {
            // Relative to the page, so that it does not matter how the proxy is reached.
            file.url = format!("../../{}", path_of(project, &file.name, &file.url));
        }
    }
    offer
}

fn page_failure(failure: &PageFailure) -> Response {
    let status = match failure {
        PageFailure::Missing(_) => StatusCode::NOT_FOUND,
        PageFailure::Index(_) | PageFailure::Malformed(_) => StatusCode::BAD_GATEWAY,
    };
    let next = "try again, or ask the index's operator";
    refuse_with(status, &Denial::new("no page", failure.to_string(), next))
}

/// Whether a client has what this entity tag is of.
pub(super) fn matches_etag(headers: &HeaderMap, etag: &str) -> bool {
    let values = headers.get_all(IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|value| {
        let value = value.trim();
        value == "*" || value.trim_start_matches("W/") == etag
    })
}

/// An answer whose status line says why.
pub(super) fn refuse_with(status: StatusCode, denial: &Denial) -> Response {
    answer_with(status, &denial.phrase())
}

fn answer_with(status: StatusCode, phrase: &str) -> Response {
    let mut response = (
        status,
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-cache")],
        format!("{phrase}\n"),
    )
        .into_response();
    let plain: Vec<u8> = phrase.bytes().filter(|byte| *byte == b' ' || byte.is_ascii_graphic()).collect();
    if let Ok(reason) = ReasonPhrase::try_from(plain) {
        response.extensions_mut().insert(reason);
    }
    response
}

fn moved_to(path: &str) -> Response {
    let location = HeaderValue::from_str(path).unwrap_or(HeaderValue::from_static("/"));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::MOVED_PERMANENTLY;
    response.headers_mut().insert(LOCATION, location);
    response
}

async fn status(Shared(state): Shared<Arc<State>>, uri: Uri) -> Response {
    let status = status_json(&state);
    if uri.query() == Some("format=json") {
        return axum::Json(status).into_response();
    }
    let page = status_html(&status);
    ([(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-cache")], page).into_response()
}

fn status_json(state: &State) -> Value {
    let logs: Vec<Value> = state
        .oracle
        .logs()
        .into_iter()
        .map(|(origin, log)| {
            json!({"origin": origin, "size": log.size, "answered_seconds_ago": log.age(), "failure": log.failure})
        })
        .collect();
    let (bytes, files) = state.store.size();
    json!({
        "schema": SCHEMA,
        "upstream": state.pages.client().url(),
        "index_only": state.config.index_only,
        "logs": logs,
        "cache": {"bytes": bytes, "limit": state.config.cache_bytes, "files": files},
        "grace": state.notes.unjudged(),
        "summary": state.tally.summary(),
    })
}

fn status_html(status: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => escape_html(text),
        Value::Null => "–".to_owned(),
        other => escape_html(&other.to_string()),
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Wheeltap</title></head><body>\n\
         <h1>Wheeltap</h1>\n<p>Index: {}</p>\n<h2>Logs</h2>\n<table>\n\
         <tr><th>log</th><th>size</th><th>answered, seconds ago</th><th>failure</th></tr>\n",
        text(&status["upstream"])
    );
    let mut row = |cells: &[&Value]| {
        page.push_str("<tr>");
        for cell in cells {
            let _ = write!(page, "<td>{}</td>", text(cell));
        }
        page.push_str("</tr>\n");
    };
    for log in list(&status["logs"]) {
        row(&[&log["origin"], &log["size"], &log["answered_seconds_ago"], &log["failure"]]);
    }
    let summary = &status["summary"];
    let count = |what: &str| list(&summary[what]).len();
    let _ = write!(
        page,
        "</table>\n<h2>Files</h2>\n<p>{} verified, {} of no covered project, {} without a verdict, {} held back; \
         {} of at most {} bytes kept.</p>\n<table>\n<tr><th>project</th><th>file</th><th>verdict</th><th>why</th>\
         <th>next</th></tr>\n",
        count("verified"),
        count("uncovered"),
        count("without_verdict"),
        count("held_back"),
        text(&status["cache"]["bytes"]),
        text(&status["cache"]["limit"]),
    );
    let mut row = |cells: &[&Value]| {
        page.push_str("<tr>");
        for cell in cells {
            let _ = write!(page, "<td>{}</td>", text(cell));
        }
        page.push_str("</tr>\n");
    };
    for held in list(&summary["held_back"]) {
        row(&[&held["project"], &held["file"], &held["verdict"], &held["reason"], &held["next_step"]]);
    }
    page.push_str("</table>\n</body></html>\n");
    page
}

async fn metrics(Shared(state): Shared<Arc<State>>) -> Response {
    let (bytes, _) = state.store.size();
    let text = state.metrics.text(bytes, state.notes.unjudged().len());
    ([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

/// Judges what was served without a verdict, as soon as a log answers again.
pub(super) async fn judge_later(state: Arc<State>) {
    loop {
        tokio::time::sleep(limits::PAGE_TIME * 3).await;
        let mut projects: Vec<ProjectName> =
            state.notes.unjudged().into_iter().map(|note| note.project).collect();
        projects.sort();
        projects.dedup();
        for project in projects {
            // What it comes to is noted where the plan is made.
            if let Err(error) = state.plan(&project).await {
                tracing::debug!(%project, %error, "not judged yet");
            }
        }
    }
}

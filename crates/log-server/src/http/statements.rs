//! `POST /api/v1/statements`: one DSSE envelope in, a receipt out; or several, one a line.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use log_core::api::{BatchLine, Committed, JSON_LINES, Problem, Receipt};
use log_core::limits::{MAX_BATCH, MAX_BATCH_BYTES, MAX_SUBMISSION_BYTES};

use super::error::{HttpError, bad_body};
use super::openapi::{BadPost, Busy, Envelope};
use super::outcome;
use crate::app::{App, Submitted};
use crate::metrics::labels::SubmissionOutcome;

/// Submits one statement, or up to 1,000 as JSON lines.
///
/// Safe to repeat: a statement is never logged twice. Each line of the answer to JSON
/// lines is a `BatchLine`, in the order of the request; the last one is a `BatchEnd`.
#[utoipa::path(
    post,
    path = "/api/v1/statements",
    tag = "statements",
    request_body(content((Envelope = "application/json"), (String = "application/jsonl"))),
    responses(
        (
            status = 200,
            description = "Logged and published, now or before",
            content((Receipt = "application/json"), (String = "application/jsonl"))
        ),
        (status = 202, description = "Logged, and not published yet: too few witnesses have cosigned", body = Committed),
        (
            status = 403,
            description = "The signatures do not allow it",
            body = Problem, content_type = "application/problem+json"
        ),
        (
            status = 409,
            description = "It contradicts what is logged, which is in `earlier`",
            body = Problem, content_type = "application/problem+json"
        ),
        BadPost,
        Busy,
    )
)]
pub(super) async fn submit(
    State(app): State<App>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, HttpError> {
    let count = |outcome| app.metrics.log.submission(outcome);
    let body = body.map_err(|rejection| {
        count(SubmissionOutcome::Malformed);
        bad_body(&rejection, MAX_BATCH_BYTES)
    })?;
    if is_json_lines(&headers) {
        return submit_lines(&app, &body).await;
    }
    if body.len() > MAX_SUBMISSION_BYTES {
        count(SubmissionOutcome::Malformed);
        return Err(HttpError::too_large(format!("the body has more than {MAX_SUBMISSION_BYTES} bytes")));
    }
    let answer = app.submit(&body).await;
    count(outcome::of_submitted(&answer));
    Ok(match answer? {
        Submitted::Published(receipt) => Json(receipt).into_response(),
        Submitted::Committed(committed) => (StatusCode::ACCEPTED, Json(committed)).into_response(),
    })
}

async fn submit_lines(app: &App, body: &[u8]) -> Result<Response, HttpError> {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let lines: Vec<Vec<u8>> =
        body.split(|byte| *byte == b'\n').take(MAX_BATCH + 1).map(<[u8]>::to_vec).collect();
    if lines.len() > MAX_BATCH {
        app.metrics.log.submission(SubmissionOutcome::Malformed);
        return Err(HttpError::bad_request(format!("expected 1 to {MAX_BATCH} lines")));
    }
    let (lines, end) = app.submit_lines(lines).await?;
    let mut answer = Vec::new();
    for line in lines {
        app.metrics.log.submission(outcome::of_line(&line));
        let line = line.unwrap_or_else(|error| BatchLine::Problem(HttpError::from(error).into_problem()));
        push_line(&mut answer, &line)?;
    }
    push_line(&mut answer, &end)?;
    Ok(([(CONTENT_TYPE, JSON_LINES)], answer).into_response())
}

fn push_line(answer: &mut Vec<u8>, line: &impl serde::Serialize) -> Result<(), HttpError> {
    serde_json::to_writer(&mut *answer, line).map_err(|error| HttpError::internal(&error.into()))?;
    answer.push(b'\n');
    Ok(())
}

fn is_json_lines(headers: &HeaderMap) -> bool {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = value.split(';').next().unwrap_or_default().trim();
    media_type.eq_ignore_ascii_case(JSON_LINES) || media_type.eq_ignore_ascii_case("application/x-ndjson")
}

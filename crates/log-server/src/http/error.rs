//! The one place where what went wrong becomes an HTTP answer: an RFC 9457 problem
//! document that says what, why, and what to do next. The log's own faults are
//! logged here and nowhere else.

use axum::extract::rejection::BytesRejection;
use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use log_core::api::Problem;
use log_core::dsse::EnvelopeError;
use log_core::entry::EntryError;
use log_core::rules::Refusal;

use crate::app::AppError;

/// An answer that is not the one asked for.
#[derive(Debug)]
pub(crate) struct HttpError {
    problem: Box<Problem>,
    retry_after: Option<u32>,
}

impl HttpError {
    fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>, next_step: &str) -> Self {
        let problem = Problem {
            kind: format!("urn:wheeltap:problem:{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            next_step: next_step.to_owned(),
            earlier: None,
        };
        Self { problem: Box::new(problem), retry_after: None }
    }

    fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        let next = "correct the request; docs/protocol.md has the format";
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request is malformed", detail, next)
    }

    pub(crate) fn not_found(what: &str) -> Self {
        let next = "read `/checkpoint` first: it says which tiles exist";
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such resource", what, next)
    }
}

impl From<AppError> for HttpError {
    fn from(error: AppError) -> Self {
        match error {
            AppError::Entry(error) => bad_entry(&error),
            AppError::Refused(refusal, earlier) => {
                let mut answer = refused(&refusal);
                answer.problem.earlier = earlier.map(|earlier| *earlier);
                answer
            }
            AppError::Request(detail) => Self::bad_request(detail),
            AppError::Busy(error) => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "The log is busy",
                error.to_string(),
                "send the same statement again after a second; it is never logged twice",
            )
            .retry_after(1),
            AppError::Unavailable => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "The log cannot store statements at the moment",
                "it is recovering from a failed write; whether the statement was logged is not known yet",
                "send the same statement again in a few seconds; it is never logged twice",
            )
            .retry_after(5),
            AppError::NoPolicy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "no-policy",
                "The log is empty",
                error.to_string(),
                "submit the first policy, signed by the root keys: `wheeltap policy submit`",
            )
            .retry_after(5),
            AppError::Internal(source) => {
                tracing::error!(error = format!("{source:#}"), "a request failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal",
                    "The log failed",
                    "the log's store or view failed; its operator finds the reason in the server's log",
                    "try again later; if it stays so, tell the log's operator",
                )
            }
        }
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = serde_json::to_vec(&*self.problem).unwrap_or_default();
        let headers = [(CONTENT_TYPE, "application/problem+json"), (CACHE_CONTROL, "no-store")];
        let mut response = (status, headers, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A body that could not be read.
pub(crate) fn bad_body(rejection: &BytesRejection, limit: usize) -> HttpError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return too_large(format!("the body has more than {limit} bytes"));
    }
    HttpError::bad_request(rejection.body_text())
}

pub(crate) async fn no_such_resource(uri: Uri) -> HttpError {
    let path: String = uri.path().chars().take(200).collect();
    HttpError::not_found(&format!("nothing is served at {path:?}"))
}

pub(crate) async fn no_such_method(uri: Uri) -> Response {
    let allowed = if uri.path().starts_with("/api/") { "POST" } else { "GET, HEAD" };
    let next = format!("use {allowed}");
    let title = "The method is not allowed here";
    let error =
        HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, uri.path(), &next);
    ([(ALLOW, allowed)], error).into_response()
}

fn too_large(detail: impl Into<String>) -> HttpError {
    let next = "a statement lists ALL files of a release and has at most 65,535 bytes, about 140 wheels; \
                larger releases cannot be recorded by this version";
    HttpError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The statement is too large", detail, next)
}

fn bad_entry(error: &EntryError) -> HttpError {
    match error {
        EntryError::TooLong(_) | EntryError::Envelope(EnvelopeError::TooLong { .. }) => {
            too_large(error.to_string())
        }
        EntryError::Envelope(_) => HttpError::new(
            StatusCode::BAD_REQUEST,
            "bad-envelope",
            "The body is not a DSSE envelope",
            error.to_string(),
            "send one DSSE envelope as JSON; `wheeltap append` makes them",
        ),
        EntryError::Statement(_) | EntryError::Commitment => HttpError::new(
            StatusCode::BAD_REQUEST,
            "bad-statement",
            "The envelope's payload is not a statement that this log records",
            error.to_string(),
            "correct the named field and sign again; `wheeltap append` makes such statements",
        ),
    }
}

fn refused(refusal: &Refusal) -> HttpError {
    let (status, kind, title, next) = match refusal {
        Refusal::Unsigned | Refusal::BadSignature { .. } => (
            StatusCode::FORBIDDEN,
            "bad-signature",
            "The signature does not verify",
            "sign the payload again with the key that the keyid names",
        ),
        Refusal::UnknownKey { .. } => (
            StatusCode::FORBIDDEN,
            "unknown-key",
            "The key is not in the policy",
            "sign with a publisher key of the policy: `wheeltap policy show`",
        ),
        Refusal::NotForProject { .. } => (
            StatusCode::FORBIDDEN,
            "not-for-project",
            "The key may not publish this project",
            "sign with a key of the project's publisher: `wheeltap policy show`",
        ),
        Refusal::Conflict { .. } => (
            StatusCode::CONFLICT,
            "conflict",
            "A file name is logged with another digest",
            "never change a published file: release a new version. If the earlier entry is not yours, \
             find out who made it: it is in `earlier`, with its proof",
        ),
        Refusal::NoPolicy => (
            StatusCode::FORBIDDEN,
            "no-policy",
            "The log has no policy yet",
            "submit the first policy, signed by the root keys: `wheeltap policy submit`",
        ),
        Refusal::PolicyNotDue { .. } => (
            StatusCode::CONFLICT,
            "policy-not-due",
            "The policy does not follow the one in force",
            "look at the policy in force: `wheeltap policy show`",
        ),
        Refusal::OtherLog { .. } => (
            StatusCode::FORBIDDEN,
            "other-log",
            "The policy is for another log",
            "make the policy with this log's key: `wheeltap policy init --log-key`",
        ),
        Refusal::Threshold { .. } => (
            StatusCode::FORBIDDEN,
            "too-few-root-signatures",
            "Too few root keys have signed the policy",
            "have more root keys sign the file: `wheeltap policy sign`",
        ),
    };
    HttpError::new(status, kind, title, refusal.to_string(), next)
}

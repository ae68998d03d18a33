//! The one place where what went wrong becomes an HTTP answer: an RFC 9457 problem
//! document that says what, why, and what to do next. The log's own faults are
//! logged here and nowhere else.

use std::time::Duration;

use axum::extract::rejection::BytesRejection;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use log_core::api::Problem;
use log_core::dsse::EnvelopeError;
use log_core::entry::EntryError;
use log_core::rules::Refusal;

use crate::app::AppError;
use crate::config::values::Span;

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

impl HttpError {
    /// The client asks too often; `wait` until it may ask again.
    pub(crate) fn too_many_requests(wait: Duration) -> Self {
        let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX).max(1);
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-requests",
            "Too many requests",
            format!("this address has used up its allowance; the next request is allowed in {seconds} s"),
            "wait as long as `Retry-After` says, and ask for more at once: a look-up takes many keys",
        )
        .retry_after(seconds)
    }

    /// The request took too long.
    pub(crate) fn timeout(limit: Span) -> Self {
        Self::new(
            StatusCode::REQUEST_TIMEOUT,
            "timeout",
            "The request took too long",
            format!("it was not done after {limit}; a statement in it may be logged all the same"),
            "send the same request again; a statement is never logged twice",
        )
    }

    pub(crate) fn too_large(detail: impl Into<String>) -> Self {
        let next = "a statement lists ALL files of a release and has at most 65,535 bytes, about 140 wheels; \
                    larger releases cannot be recorded by this version";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The statement is too large", detail, next)
    }

    /// The log's own fault, which is logged here.
    pub(crate) fn internal(source: &anyhow::Error) -> Self {
        tracing::error!(error = format!("{source:#}"), "a request failed");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "The log failed",
            "the log's store or view failed; its operator finds the reason in the server's log",
            "try again later; if it stays so, tell the log's operator",
        )
    }

    pub(crate) fn into_problem(self) -> Box<Problem> {
        self.problem
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
            AppError::Internal(source) => Self::internal(&source),
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
        return HttpError::too_large(format!("the body has more than {limit} bytes"));
    }
    HttpError::bad_request(rejection.body_text())
}

pub(crate) async fn no_such_resource(uri: Uri) -> HttpError {
    let path: String = uri.path().chars().take(200).collect();
    HttpError::not_found(&format!("nothing is served at {path:?}"))
}

/// The router adds `Allow`.
pub(crate) async fn no_such_method(uri: Uri) -> HttpError {
    let title = "The method is not allowed here";
    let next = "use one of the methods in the header `Allow`";
    HttpError::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", title, uri.path(), next)
}

fn bad_entry(error: &EntryError) -> HttpError {
    match error {
        EntryError::TooLong(_) | EntryError::Envelope(EnvelopeError::TooLong { .. }) => {
            HttpError::too_large(error.to_string())
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
        Refusal::KeyNotInTime { .. } => (
            StatusCode::FORBIDDEN,
            "key-not-in-time",
            "The key does not count now",
            "sign with another key of the publisher: `wheeltap policy show`",
        ),
        Refusal::MayNotWithdraw { .. } => (
            StatusCode::FORBIDDEN,
            "may-not-withdraw",
            "The publisher may not withdraw files",
            "have somebody sign who may: `wheeltap policy show`",
        ),
        Refusal::Withdrawn { .. } => (
            StatusCode::CONFLICT,
            "withdrawn",
            "A file of the release was withdrawn",
            "a withdrawal is for ever: release a new version. The withdrawal is in `earlier`, with its proof",
        ),
        Refusal::LeavesOut { .. } => (
            StatusCode::CONFLICT,
            "leaves-out-files",
            "The statement leaves out files of the release",
            "list the earlier files of the version, too: they are in `earlier`",
        ),
        Refusal::NotLogged { .. } => (
            StatusCode::CONFLICT,
            "not-logged",
            "A file to be withdrawn is not logged",
            "check the name: `wheeltap lookup --project`",
        ),
        Refusal::PolicyHistoryFull(_) => (
            StatusCode::CONFLICT,
            "policy-history-full",
            "There is no room for another policy",
            "make the policy shorter; when there is no room at all, a new log has to follow this one",
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
            "The policy does not follow the newest one",
            "make it from the newest policy: `wheeltap policy edit`",
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

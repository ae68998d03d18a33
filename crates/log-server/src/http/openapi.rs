//! The OpenAPI document: what `GET /api/v1/openapi.json` answers, and what is golden in
//! `docs/openapi.json`.
//!
//! Schemas follow from the types that are read and written (`log_core::api`), bounds from
//! `log_core::limits`, and paths from the attributes of the handlers, so that it cannot
//! drift from them unnoticed; a test compares it with the router. What is here is what
//! no type says.

use std::sync::LazyLock;

use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::IntoResponse;
use log_core::api::{BatchEnd, BatchLine, Problem};
use utoipa::openapi::schema::AdditionalProperties;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{IntoResponses, Modify, OpenApi, ToSchema};

use super::{lookup, statements, tiles};

/// The document.
#[derive(Debug, OpenApi)]
#[openapi(
    info(
        title = "Wheeltap log",
        description = "A transparency log of the files that releases are made of. Reads are C2SP tlog-tiles \
            (<https://c2sp.org/tlog-tiles>). There are no accounts: a statement's signature is its authorisation. \
            Errors are problem documents (RFC 9457). What the fields prove, and how, is in docs/protocol.md.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    paths(
        tiles::checkpoint,
        tiles::log_key,
        tiles::tile,
        tiles::entries,
        statements::submit,
        lookup::lookup,
        document,
    ),
    // Lines of a media type that OpenAPI 3.1 cannot describe line by line.
    components(schemas(BatchLine, BatchEnd)),
    modifiers(&Strict),
)]
struct Document;

/// Says of the look-up keys that they have no unknown fields, which utoipa does not read
/// from an enum.
struct Strict;

impl Modify for Strict {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        let schemas = document.components.as_mut().map(|components| &mut components.schemas);
        if let Some(RefOr::T(schema)) = schemas.and_then(|schemas| schemas.get_mut("LookupKey")) {
            close(schema);
        }
    }
}

/// Forbids further properties, at every depth.
fn close(schema: &mut Schema) {
    match schema {
        Schema::Object(object) if !object.properties.is_empty() => {
            object.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
            object.properties.values_mut().filter_map(owned).for_each(close);
        }
        Schema::OneOf(choice) => choice.items.iter_mut().filter_map(owned).for_each(close),
        _ => {}
    }
}

fn owned(schema: &mut RefOr<Schema>) -> Option<&mut Schema> {
    match schema {
        RefOr::T(schema) => Some(schema),
        RefOr::Ref(_) => None,
    }
}

/// The document as it is served; it does not change.
pub fn json() -> &'static str {
    static JSON: LazyLock<String> = LazyLock::new(|| {
        Document::openapi().to_pretty_json().expect("a document of strings and numbers") + "\n"
    });
    &JSON
}

/// This document.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "meta",
    responses((status = 200, description = "The document", content_type = "application/json", body = Object), Busy)
)]
pub(super) async fn document() -> impl IntoResponse {
    let headers =
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache"), (ACCESS_CONTROL_ALLOW_ORIGIN, "*")];
    (headers, json())
}

/// A DSSE envelope with an in-toto statement, signed with Ed25519.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "`log_core::dsse` reads envelopes; this says what it reads")]
pub(super) struct Envelope {
    /// Always the same.
    #[schema(rename = "payloadType", pattern = r"^application/vnd\.in-toto\+json$")]
    payload_type: String,
    /// The statement, in padded standard base64.
    #[schema(
        min_length = 4,
        max_length = 65535,
        pattern = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$"
    )]
    payload: String,
    /// In any order; the log sorts them by `keyid`.
    #[schema(min_items = 1, max_items = 16)]
    signatures: Vec<Signature>,
}

/// A signature over the payload's pre-authentication encoding.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "`log_core::dsse` reads envelopes; this says what it reads")]
pub(super) struct Signature {
    /// The signer's key name and key ID: `<name>+<8 hex digits>`.
    #[schema(max_length = 264)]
    keyid: String,
    /// The Ed25519 signature, in padded standard base64.
    #[schema(min_length = 88, max_length = 88, pattern = "^[A-Za-z0-9+/]{85}[AQgw]==$")]
    sig: String,
}

/// Answers that any request may get.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "the answers are made in `error`; this says which there are")]
pub(super) enum Busy {
    /// The request took too long.
    #[response(status = 408, content_type = "application/problem+json")]
    Timeout(Problem),
    /// This client asks too often; `Retry-After` says when to come back.
    #[response(status = 429, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds")))]
    TooManyRequests(Problem),
    /// The log failed; its operator finds the reason in the server's log.
    #[response(status = 500, content_type = "application/problem+json")]
    Internal(Problem),
}

/// Answers to a path of a file that is not there.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "the answers are made in `error`; this says which there are")]
pub(super) enum NoFile {
    /// There is no such file, or not yet.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(Problem),
}

/// Answers to a POST that cannot be served.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "the answers are made in `error`; this says which there are")]
pub(super) enum BadPost {
    /// The request is malformed; `detail` names the field.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(Problem),
    /// The body is longer than allowed.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(Problem),
    /// The log is empty, recovers or has no room; `Retry-After` says when to come back.
    #[response(status = 503, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds")))]
    Unavailable(Problem),
}

#[cfg(test)]
mod tests;

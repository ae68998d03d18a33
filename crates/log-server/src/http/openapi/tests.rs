//! The document is the golden one, and has the router's paths.
//!
//! After a change: `WHEELTAP_BLESS=1 cargo test -p log-server openapi`.

use std::path::Path;

use log_core::limits::{
    MAX_ENTRY_BYTES, MAX_ENVELOPE_SIGNATURES, MAX_LOOKUP_ENTRIES, MAX_LOOKUP_KEYS, MAX_PROOF_HASHES,
};

use super::*;

#[test]
fn the_document_is_the_golden_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("WHEELTAP_BLESS").is_some() {
        std::fs::write(&path, json()).expect("written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        golden == json(),
        "docs/openapi.json is not what the server says; WHEELTAP_BLESS=1 writes it again"
    );
}

#[test]
fn the_document_has_the_routers_paths() {
    // A parameter of several segments has a star there, which OpenAPI does not have.
    let source = include_str!("../../http.rs");
    let mut routes: Vec<String> = source
        .split(".route(")
        .skip(1)
        .map(|route| route.split('"').nth(1).expect("a path").replace("{*", "{"))
        .collect();
    routes.sort();
    let documented: Vec<String> = Document::openapi().paths.paths.into_keys().collect();
    assert_eq!(documented, routes);
}

#[test]
fn bounds_are_those_of_the_protocol() {
    let document: serde_json::Value = serde_json::from_str(json()).expect("JSON");
    let base64 = |bytes: usize| bytes.div_ceil(3) * 4;
    for (schema, field, bound, limit) in [
        // An attribute takes no constant.
        ("LookupRequest", "keys", "maxItems", MAX_LOOKUP_KEYS),
        ("LookupAnswer", "results", "maxItems", MAX_LOOKUP_KEYS),
        ("LookupAnswer", "entries", "maxItems", MAX_LOOKUP_ENTRIES),
        ("LookupResult", "entries", "maxItems", MAX_LOOKUP_ENTRIES),
        ("Receipt", "entry", "maxLength", base64(MAX_ENTRY_BYTES)),
        ("BatchReceipt", "entry", "maxLength", base64(MAX_ENTRY_BYTES)),
        ("BatchReceipt", "proof", "maxItems", MAX_PROOF_HASHES),
        ("EntryJson", "entry", "maxLength", base64(MAX_ENTRY_BYTES)),
        ("EntryJson", "proof", "maxItems", MAX_PROOF_HASHES),
        ("Envelope", "payload", "maxLength", MAX_ENTRY_BYTES),
        ("Envelope", "signatures", "maxItems", MAX_ENVELOPE_SIGNATURES),
    ] {
        let found = &document["components"]["schemas"][schema]["properties"][field][bound];
        assert_eq!(found.as_u64(), Some(limit as u64), "{schema}.{field} {bound}");
    }
}

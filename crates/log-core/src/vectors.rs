//! The foreign test vectors of `tests/vectors/tlog.json` (provenance beside it).

use serde_json::Value;

/// The whole file.
pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../../tests/vectors/tlog.json")).expect("the vectors parse")
}

/// A string value.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

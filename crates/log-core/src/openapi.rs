//! Schemas of the texts that have one spelling (feature `openapi`), for the OpenAPI
//! document of a server. Whatever else travels derives its schema where it stands.
//!
//! Invariant: a text that a pattern here allows is one that `parse` accepts. What they
//! cannot say, such as which files belong to which project, is left to `parse`.

use std::borrow::Cow;

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::api::HexDigest;
use crate::artifact::{FileName, ProjectName, Version};
use crate::limits::{MAX_FILE_NAME_BYTES, MAX_PROJECT_NAME_BYTES, MAX_VERSION_BYTES};

/// Runs of lower-case letters and digits, joined by single dashes (PEP 503).
const PROJECT_NAME: &str = "^[a-z0-9]+(-[a-z0-9]+)*$";

/// Printable ASCII without spaces, slashes and backslashes; not a hidden file or option.
const FILE_NAME: &str = r"^[!-,0-\[\]-~][!-.0-\[\]-~]*$";

/// The normalised spelling (PEP 440); numbers of at most 19 digits.
const VERSION: &str = concat!(
    r"^([1-9][0-9]{0,18}!)?(0|[1-9][0-9]{0,18})(\.(0|[1-9][0-9]{0,18}))*((a|b|rc)(0|[1-9][0-9]{0,18}))?",
    r"(\.post(0|[1-9][0-9]{0,18}))?(\.dev(0|[1-9][0-9]{0,18}))?",
    r"(\+(0|[1-9][0-9]{0,18}|[0-9]*[a-z][a-z0-9]*)(\.(0|[1-9][0-9]{0,18}|[0-9]*[a-z][a-z0-9]*))*)?$",
);

const HEX_DIGEST: &str = "^[0-9a-f]{64}$";

/// The index of an entry; any that the type holds is understood.
pub(crate) fn index() -> ObjectBuilder {
    let largest = usize::try_from(u64::MAX).unwrap_or(usize::MAX);
    ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0)).maximum(Some(largest))
}

/// A text of some length and pattern.
macro_rules! text_schema {
    ($($type:ident: $pattern:expr, $longest:expr, $description:literal, $example:literal;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                let text = ObjectBuilder::new()
                    .schema_type(Type::String)
                    .min_length(Some(1))
                    .max_length(Some($longest))
                    .pattern(Some($pattern))
                    .description(Some($description))
                    .examples([$example]);
                text.into()
            }
        }

        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                stringify!($type).into()
            }
        }
    )*};
}

text_schema! {
    ProjectName: PROJECT_NAME, MAX_PROJECT_NAME_BYTES, "The normalised name of a project (PEP 503).", "oslo-log";
    FileName: FILE_NAME, MAX_FILE_NAME_BYTES, "The name of a file, as uploaded.", "oslo_log-6.1.2-py3-none-any.whl";
    Version: VERSION, MAX_VERSION_BYTES, "A version in its normalised spelling (PEP 440).", "6.1.2";
    HexDigest: HEX_DIGEST, 64, "A SHA-256 in lower-case hex.",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::string::string_regex;

    use super::*;

    /// Texts that a pattern allows, at most so long.
    fn allowed(pattern: &str, longest: usize) -> impl Strategy<Value = String> + use<> {
        // proptest takes a pattern for the whole text and has no anchors.
        let inner = pattern.trim_start_matches('^').trim_end_matches('$');
        let texts = string_regex(inner).expect("a pattern");
        texts.prop_filter("too long", move |text| text.len() <= longest)
    }

    proptest! {
        #[test]
        fn what_the_patterns_allow_is_accepted(
            project in allowed(PROJECT_NAME, MAX_PROJECT_NAME_BYTES),
            file in allowed(FILE_NAME, MAX_FILE_NAME_BYTES),
            version in allowed(VERSION, MAX_VERSION_BYTES),
        ) {
            prop_assert!(ProjectName::parse(&project).is_ok(), "{project}");
            prop_assert!(FileName::parse(&file).is_ok(), "{file}");
            prop_assert!(Version::parse(&version).is_ok(), "{version}");
        }
    }
}

//! Project names.
//!
//! Invariant: a [`ProjectName`] is 1 to [`MAX_PROJECT_NAME_BYTES`] lower case
//! ASCII letters and digits, in runs joined by single dashes. Two spellings
//! that `PyPI` serves as one project are one `ProjectName`.
//!
//! Left out: whether the project exists, and names that merely look alike.
//!
//! Specification: PEP 503, "Normalized Names"; which raw names are valid is in
//! the core metadata specification, field `Name`.

use super::excerpt;
use crate::limits::MAX_PROJECT_NAME_BYTES;

/// The normalised name of a project.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProjectName(String);

/// Why a text is not a project name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say what the fields hold")]
pub enum NameError {
    /// Refused before looking at the characters.
    #[error("project name {value:?} has {len} bytes, expected at most {MAX_PROJECT_NAME_BYTES}")]
    TooLong { value: String, len: usize },
    /// Not a valid name in any spelling.
    #[error(
        "project name {value:?} is not valid, expected ASCII letters, digits, `.`, `_` and `-`, \
         with a letter or digit at both ends"
    )]
    Invalid { value: String },
    /// A valid name in another spelling than the normalised one.
    #[error("project name {value:?} is not normalised, expected {expected:?}")]
    NotNormalised { value: String, expected: String },
}

impl ProjectName {
    /// Accepts the normalised spelling only.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name = Self::normalise(text)?;
        if name.0 == text {
            Ok(name)
        } else {
            Err(NameError::NotNormalised { value: excerpt(text), expected: name.0 })
        }
    }

    /// Accepts any valid spelling: lower cases it and turns every run of `-`,
    /// `_` and `.` into one `-`.
    pub fn normalise(raw: &str) -> Result<Self, NameError> {
        let value = || excerpt(raw);
        if raw.len() > MAX_PROJECT_NAME_BYTES {
            return Err(NameError::TooLong { value: value(), len: raw.len() });
        }
        let is_inner = |c: char| c.is_ascii_alphanumeric() || is_separator(c);
        let is_outer = |c: char| c.is_ascii_alphanumeric();
        if !raw.chars().all(is_inner) || !raw.starts_with(is_outer) || !raw.ends_with(is_outer) {
            return Err(NameError::Invalid { value: value() });
        }
        let runs: Vec<&str> = raw.split(is_separator).filter(|run| !run.is_empty()).collect();
        Ok(Self(runs.join("-").to_ascii_lowercase()))
    }

    /// The normalised name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_' | '.')
}

impl_text_traits!(ProjectName);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use serde::Deserialize;

    use super::*;
    use crate::artifact::vectors;

    #[derive(Deserialize)]
    struct Case {
        raw: String,
        normalised: Option<String>,
    }

    #[test]
    fn agrees_with_packaging() {
        for case in vectors::list::<Case>("names") {
            let name = ProjectName::normalise(&case.raw).ok();
            assert_eq!(name.as_ref().map(ProjectName::as_str), case.normalised.as_deref(), "{:?}", case.raw);
            let exact = ProjectName::parse(&case.raw).is_ok();
            assert_eq!(exact, case.normalised.as_ref() == Some(&case.raw), "{:?}", case.raw);
        }
    }

    #[test]
    fn bounds_the_length() {
        let longest = "a".repeat(MAX_PROJECT_NAME_BYTES);
        assert_eq!(ProjectName::parse(&longest).unwrap().as_str(), longest);
        let error = ProjectName::normalise(&"-".repeat(MAX_PROJECT_NAME_BYTES + 1)).unwrap_err();
        assert!(matches!(error, NameError::TooLong { len: 129, .. }));
        let error = ProjectName::normalise(&"é\n".repeat(10_000)).unwrap_err();
        assert!(error.to_string().len() < 1000, "{error}");
    }

    #[test]
    fn says_what_was_expected() {
        let message = |text| ProjectName::parse(text).unwrap_err().to_string();
        assert_eq!(message("Foo__bar"), r#"project name "Foo__bar" is not normalised, expected "foo-bar""#);
        assert!(message("foo\n").starts_with(r#"project name "foo\n" is not valid, expected"#));
    }

    #[test]
    fn is_a_string_in_json() {
        let name: ProjectName = serde_json::from_str(r#""foo-bar""#).unwrap();
        assert_eq!(serde_json::to_string(&name).unwrap(), r#""foo-bar""#);
        assert!(serde_json::from_str::<ProjectName>(r#""foo_bar""#).is_err());
    }

    proptest! {
        #[test]
        fn normalising_is_idempotent(raw in "[a-zA-Z0-9]([a-zA-Z0-9._-]{0,40}[a-zA-Z0-9])?") {
            let name = ProjectName::normalise(&raw).unwrap();
            prop_assert_eq!(ProjectName::normalise(name.as_str()), Ok(name.clone()));
            prop_assert_eq!(ProjectName::parse(name.as_str()), Ok(name));
        }

        #[test]
        fn never_panics(raw in any::<String>()) {
            if let Ok(name) = ProjectName::normalise(&raw) {
                prop_assert_eq!(ProjectName::parse(name.as_str()), Ok(name));
            }
        }
    }
}

//! The head record: what is committed. Swapping it is the commit point.
//!
//! ```text
//! wheeltap/head@v1LF
//! <size>LF
//! <base64 root>LF
//! <name of the staging object, or ->LF
//! ```

use std::fmt;

use log_core::hash::{EMPTY_ROOT, Hash, parse_decimal};

const HEADER: &str = "wheeltap/head@v1\n";

/// What is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeadRecord {
    /// How many leaves the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
    /// The staging object with the newest leaves, which may not be in tiles yet.
    pub staging: Option<String>,
}

impl HeadRecord {
    /// The head of an empty log.
    pub fn empty() -> Self {
        Self { size: 0, root: EMPTY_ROOT, staging: None }
    }

    /// Reads a record; `None` for any spelling but the one `Display` gives.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let mut lines = text.strip_prefix(HEADER)?.strip_suffix('\n')?.split('\n');
        let size = parse_decimal(lines.next()?)?;
        let root = Hash::parse_base64(lines.next()?)?;
        let staging = lines.next().filter(|name| !name.is_empty())?;
        let staging = (staging != "-").then(|| staging.to_owned());
        lines.next().is_none().then_some(Self { size, root, staging })
    }
}

impl fmt::Display for HeadRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let staging = self.staging.as_deref().unwrap_or("-");
        write!(f, "{HEADER}{}\n{}\n{staging}\n", self.size, self.root.to_base64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_spelling() {
        for staging in [None, Some("7-x".to_owned())] {
            let head = HeadRecord { size: 7, root: EMPTY_ROOT, staging };
            let text = head.to_string();
            assert_eq!(HeadRecord::parse(text.as_bytes()), Some(head));
            for bad in [text.trim_end(), &format!("{text}\n"), &text.replace("\n7\n", "\n07\n"), ""] {
                assert_eq!(HeadRecord::parse(bad.as_bytes()), None, "{bad:?}");
            }
        }
    }
}

//! Index commitments: the last leaf of every published tree.
//!
//! ```text
//! wheeltap/index@v1LF
//! <number of leaves before this one>LF
//! <base64 root of the verifiable index over exactly those leaves>LF
//! <the log's time, POSIX seconds, never smaller than in the one before>LF
//! <index of the first leaf that this is the time of>LF
//! ```
//!
//! The last line makes the time of an entry provable with one commitment: without it
//! a log could show a later commitment than the first after an entry, and so move the
//! entry in time, past a cool-down or the end of a key.

use std::fmt;

use crate::hash::{Hash, parse_decimal};

/// The first line.
pub(crate) const HEADER: &str = "wheeltap/index@v1\n";

/// What the log committed to at one size.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexCommitment {
    /// How many leaves are before this one; its own index.
    pub size: u64,
    /// The root of the verifiable index over those leaves.
    pub root: Hash,
    /// The log's time, in POSIX seconds: the time of all entries since the
    /// commitment before.
    pub time: u64,
    /// The first of those entries: the index after the commitment before; 0 in the
    /// first commitment. At most `size`.
    pub first: u64,
}

impl IndexCommitment {
    /// Reads an entry; `None` for any spelling but the one `Display` gives.
    pub fn parse(entry: &str) -> Option<Self> {
        let mut lines = entry.strip_prefix(HEADER)?.strip_suffix('\n')?.split('\n');
        let size = parse_decimal(lines.next()?)?;
        let root = Hash::parse_base64(lines.next()?)?;
        let time = parse_decimal(lines.next()?)?;
        let first = parse_decimal(lines.next()?)?;
        (lines.next().is_none() && first <= size).then_some(Self { size, root, time, first })
    }

    /// Whether this is the commitment that says the time of the entry `index`.
    pub fn dates(&self, index: u64) -> bool {
        (self.first..self.size).contains(&index)
    }
}

impl fmt::Display for IndexCommitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HEADER}{}\n{}\n{}\n{}\n", self.size, self.root.to_base64(), self.time, self.first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::EMPTY_ROOT;

    #[test]
    fn one_spelling() {
        let commitment = IndexCommitment { size: 7, root: EMPTY_ROOT, time: 1_700_000_000, first: 3 };
        let good = commitment.to_string();
        assert_eq!(IndexCommitment::parse(&good), Some(commitment));
        let dated: Vec<u64> = (0..9).filter(|index| commitment.dates(*index)).collect();
        assert_eq!(dated, [3, 4, 5, 6]);
        for bad in [
            good.trim_end(),
            &format!("{good}\n"),
            &good.replace("\n7\n", "\n07\n"),
            &good.replace("@v1", "@v2"),
            &good.replace("\n7\n", "\n7\n\n"),
            &good.replace('\n', "\r\n"),
            &good.replace("1700000000", "-1"),
            &good.replace("\n3\n", "\n8\n"),
            &good.replace("\n3\n", "\n"),
        ] {
            assert_eq!(IndexCommitment::parse(bad), None, "{bad:?}");
        }
    }
}

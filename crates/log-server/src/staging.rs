//! Staging objects: the entries of one round, durable before the round commits.
//!
//! ```text
//! wheeltap/staging@v1LF
//! <size before>LF
//! <number of entries>LF
//! <entries, framed as in an entry bundle>
//! ```
//!
//! Tiles and bundles are a function of the tree before and this, so whoever finds
//! a head that names a staging object can write them again without harm.

use log_core::bundle::{parse_bundle, push_entry};
use log_core::hash::{Hash, digest, parse_decimal};

const HEADER: &[u8] = b"wheeltap/staging@v1\n";

/// The entries of one round.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staging {
    /// The size of the tree they are appended to.
    pub size_before: u64,
    /// The entries.
    pub entries: Vec<Vec<u8>>,
}

impl Staging {
    /// The object's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = HEADER.to_vec();
        bytes.extend_from_slice(format!("{}\n{}\n", self.size_before, self.entries.len()).as_bytes());
        for entry in &self.entries {
            push_entry(&mut bytes, entry);
        }
        bytes
    }

    /// Reads an object; `None` when it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(HEADER)?;
        let (size_before, rest) = decimal_line(rest)?;
        let (count, rest) = decimal_line(rest)?;
        let entries = parse_bundle(rest, usize::try_from(count).ok()?).ok()?;
        Some(Self { size_before, entries: entries.into_iter().map(<[u8]>::to_vec).collect() })
    }

    /// A name that no other round has: the sizes, and the digest of the bytes.
    pub fn name(&self, bytes: &[u8]) -> String {
        let digest: Hash = digest(&[bytes]);
        format!("{}-{}-{}", self.size_before, self.entries.len(), digest.to_hex())
    }
}

fn decimal_line(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let number = parse_decimal(str::from_utf8(&bytes[..end]).ok()?)?;
    Some((number, &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trip_and_damage() {
        let staging = Staging { size_before: 7, entries: vec![b"a".to_vec(), Vec::new(), b"\n".to_vec()] };
        let bytes = staging.encode();
        assert_eq!(Staging::parse(&bytes), Some(staging));
        for end in 0..bytes.len() {
            assert_eq!(Staging::parse(&bytes[..end]), None, "cut at {end}");
        }
    }
}

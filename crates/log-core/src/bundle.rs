//! Entry bundles: up to 256 entries, each behind its length (C2SP tlog-tiles).
//!
//! ```text
//! u16 big endian length, that many bytes      once per entry, nothing after
//! ```

use thiserror::Error;

use crate::limits::MAX_ENTRY_BYTES;

/// Why bytes are not the bundle that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BundleError {
    /// The bytes end inside an entry.
    #[error("the bundle ends inside entry {position}")]
    Truncated {
        /// The entry's position in the bundle.
        position: usize,
    },
    /// Another number of entries than the bundle's width.
    #[error("the bundle does not hold exactly {expected} entries")]
    Count {
        /// The bundle's width.
        expected: usize,
    },
}

/// Appends one entry.
///
/// # Panics
/// When the entry is longer than 65,535 bytes, which submission refuses.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    let length = u16::try_from(entry.len()).unwrap_or_else(|_| {
        panic!("an entry of {} bytes is over the limit of {MAX_ENTRY_BYTES}", entry.len())
    });
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
}

/// The entries of a bundle that must hold exactly `count`.
pub fn parse_bundle(bundle: &[u8], count: usize) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::with_capacity(count.min(256));
    let mut rest = bundle;
    while !rest.is_empty() {
        if entries.len() == count {
            return Err(BundleError::Count { expected: count });
        }
        let truncated = BundleError::Truncated { position: entries.len() };
        let Some((length, after)) = rest.split_first_chunk::<2>() else { return Err(truncated) };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((entry, after)) = after.split_at_checked(length) else { return Err(truncated) };
        entries.push(entry);
        rest = after;
    }
    if entries.len() == count { Ok(entries) } else { Err(BundleError::Count { expected: count }) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::hash::decode_hex;
    use crate::vectors::{text, vectors};

    #[test]
    fn bundle_vector() {
        let vectors = vectors();
        let bytes = decode_hex(text(&vectors["bundle_7_hex"])).expect("hex");
        let entries = parse_bundle(&bytes, 7).expect("a bundle of seven");
        let mut again = Vec::new();
        for (entry, expected) in entries.iter().zip(vectors["entries"].as_array().expect("a list")) {
            assert_eq!(*entry, text(expected).as_bytes());
            push_entry(&mut again, entry);
        }
        assert_eq!(again, bytes);
        assert_eq!(parse_bundle(&bytes, 6), Err(BundleError::Count { expected: 6 }));
        assert_eq!(parse_bundle(&bytes, 8), Err(BundleError::Count { expected: 8 }));
        let cut = &bytes[..bytes.len() - 1];
        assert_eq!(parse_bundle(cut, 7), Err(BundleError::Truncated { position: 6 }));
    }

    proptest! {
        #[test]
        fn round_trip(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..20)) {
            let mut bundle = Vec::new();
            for entry in &entries {
                push_entry(&mut bundle, entry);
            }
            let parsed = parse_bundle(&bundle, entries.len()).expect("what was written");
            prop_assert_eq!(parsed, entries.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
    }
}

//! Postings and slots: what the index consists of, as ordered bytes.
//!
//! ```text
//! record = key (32 bytes) ‖ index of an entry that concerns it (8 bytes, big endian)
//! ```
//!
//! Invariant: the order of the bytes is the order by key and then by index, so the
//! records of a key, and those of all keys with a common prefix, lie together.

use std::cmp::Ordering;

use log_core::prefix_map;

/// A key of the map, or of the other look-ups: a SHA-256 digest.
pub(super) type Key = [u8; 32];

/// Bytes of a record.
pub(super) const RECORD_BYTES: usize = 40;

/// That an entry concerns a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Record([u8; RECORD_BYTES]);

/// All keys that begin with the first `depth` bits of `prefix`; its other bits are zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Slot {
    pub(super) prefix: Key,
    pub(super) depth: u16,
}

impl Record {
    pub(super) fn new(key: &Key, index: u64) -> Self {
        let mut bytes = [0; RECORD_BYTES];
        bytes[..32].copy_from_slice(key);
        bytes[32..].copy_from_slice(&index.to_be_bytes());
        Self(bytes)
    }

    pub(super) fn from_bytes(bytes: [u8; RECORD_BYTES]) -> Self {
        Self(bytes)
    }

    pub(super) fn as_bytes(&self) -> &[u8; RECORD_BYTES] {
        &self.0
    }

    pub(super) fn key(&self) -> &Key {
        self.0.first_chunk().unwrap_or(&[0; 32])
    }

    pub(super) fn index(&self) -> u64 {
        self.0.last_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }

    fn head(&self) -> u64 {
        self.0.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

impl Ord for Record {
    fn cmp(&self, other: &Self) -> Ordering {
        // Of two keys the first eight bytes nearly always tell, at a tenth of the cost.
        self.head().cmp(&other.head()).then_with(|| self.0.cmp(&other.0))
    }
}

impl PartialOrd for Record {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Slot {
    /// All keys.
    pub(super) const ROOT: Self = Self { prefix: [0; 32], depth: 0 };

    /// The slot of `depth` bits, at most 32, with this number.
    pub(super) fn numbered(depth: usize, number: u32) -> Self {
        let mut prefix = [0; 32];
        let bits = u64::from(number) << (32 - depth);
        prefix[..4].copy_from_slice(&bits.to_be_bytes()[4..]);
        Self { prefix, depth: u16::try_from(depth).unwrap_or(u16::MAX) }
    }

    /// Its half with the next bit 0, or 1.
    pub(super) fn half(&self, side: usize) -> Self {
        let mut prefix = self.prefix;
        if side == 1 {
            prefix[usize::from(self.depth / 8)] |= 0x80 >> (self.depth % 8);
        }
        Self { prefix, depth: self.depth + 1 }
    }

    /// The half that a key of the slot is in.
    pub(super) fn side(&self, key: &Key) -> usize {
        prefix_map::bit(key, self.depth)
    }

    /// The least record there can be.
    pub(super) fn first(&self) -> Record {
        Record::new(&self.prefix, 0)
    }

    /// The greatest record there can be.
    pub(super) fn last(&self) -> Record {
        let mut key = self.prefix;
        let whole = usize::from(self.depth / 8);
        if let Some((byte, rest)) = key.get_mut(whole..).and_then(<[u8]>::split_first_mut) {
            *byte |= 0xff >> (self.depth % 8);
            rest.fill(0xff);
        }
        Record::new(&key, u64::MAX)
    }
}

/// The number of the slot of `depth` bits, at most 32, that a key is in.
pub(super) fn number(key: &Key, depth: usize) -> u32 {
    let head = u32::from_be_bytes(*key.first_chunk().unwrap_or(&[0; 4]));
    u32::try_from(u64::from(head) >> (32 - depth)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_between_its_first_and_last_record_and_the_sum_of_its_halves() {
        let mut slot = Slot::ROOT;
        for depth in 0..256u16 {
            assert_eq!(slot.depth, depth);
            let [low, high] = [slot.half(0), slot.half(1)];
            assert_eq!((slot.first(), slot.last()), (low.first(), high.last()));
            assert!(low.last() < high.first());
            assert_eq!(slot.side(low.last().key()), 0);
            assert_eq!(slot.side(high.first().key()), 1);
            if depth < 32 {
                let of = number(low.first().key(), usize::from(depth) + 1);
                assert_eq!(Slot::numbered(usize::from(depth) + 1, of), low);
                assert_eq!(Slot::numbered(usize::from(depth) + 1, of + 1), high);
            }
            slot = if depth % 3 == 0 { high } else { low };
        }
    }
}

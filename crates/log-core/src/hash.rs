//! RFC 6962 hashing, and the one strict spelling of every hash and number.
//!
//! A [`struct@Hash`] is 32 bytes of SHA-256: a tree hash (written in base64) or a
//! file's digest (written in lower-case hex). Leaves and nodes are hashed with
//! different prefixes (RFC 6962 §2.1), so that neither can be passed off as
//! the other.
//!
//! Invariant: each value has exactly one accepted spelling per format. What is
//! left out: trees (`tile_tree`, `edge`) and proofs (`proof`).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

/// 32 bytes of SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

/// The root of the empty tree, SHA-256 of nothing (RFC 6962 §2.1).
pub const EMPTY_ROOT: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// SHA-256(0x00 ‖ entry), RFC 6962 §2.1.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    digest(&[&[0], entry])
}

/// SHA-256(0x01 ‖ left ‖ right), RFC 6962 §2.1.
pub fn node_hash(left: Hash, right: Hash) -> Hash {
    digest(&[&[1], &left.0, &right.0])
}

/// SHA-256 over the parts, one after the other.
#[inline]
pub fn digest(parts: &[&[u8]]) -> Hash {
    let length = parts.iter().map(|part| part.len()).sum();
    if length <= SHORT_BYTES { short_digest(parts, length) } else { long_digest(parts) }
}

/// Longest message of two blocks: a one bit and the length follow it.
const SHORT_BYTES: usize = 128 - 9;

/// SHA-256 of a message of at most two blocks, such as every node of a tree. Half of
/// what it takes a hasher to buffer it is saved. FIPS 180-4, §5.1.1 and §6.2.
#[inline]
fn short_digest(parts: &[&[u8]], length: usize) -> Hash {
    const INITIAL: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let mut blocks = [0; 128];
    let mut end = 0;
    for part in parts {
        blocks[end..end + part.len()].copy_from_slice(part);
        end += part.len();
    }
    blocks[end] = 0x80;
    let used = if length < 64 - 8 { 64 } else { 128 };
    blocks[used - 8..used].copy_from_slice(&(8 * length as u64).to_be_bytes());
    let mut state = INITIAL;
    compress256(&mut state, blocks[..used].as_chunks().0);
    let mut bytes = [0; 32];
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    Hash(bytes)
}

fn long_digest(parts: &[&[u8]]) -> Hash {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    Hash(hasher.finalize().into())
}

/// SHA-256 of a stream, for files that do not fit in memory.
#[derive(Debug, Clone, Default)]
pub struct StreamDigest {
    hasher: Sha256,
    bytes: u64,
}

impl StreamDigest {
    /// Takes the next bytes of the stream.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }

    /// The digest of all bytes taken, and how many there were.
    pub fn finish(self) -> (Hash, u64) {
        (Hash(self.hasher.finalize().into()), self.bytes)
    }
}

impl Hash {
    /// The hash with these bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash with these bytes; `None` unless there are exactly 32.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Reads 44 characters of padded standard base64.
    pub fn parse_base64(text: &str) -> Option<Self> {
        if text.len() != 44 {
            return None;
        }
        Self::from_slice(&decode_base64(text)?)
    }

    /// Padded standard base64, 44 characters.
    pub fn to_base64(self) -> String {
        encode_base64(&self.0)
    }

    /// Reads 64 lower-case hexadecimal digits.
    pub fn parse_hex(text: &str) -> Option<Self> {
        Self::from_slice(&decode_hex(text)?)
    }

    /// Lower-case hexadecimal, 64 digits.
    pub fn to_hex(self) -> String {
        encode_hex(&self.0)
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({})", self.to_base64())
    }
}

/// Strict padded standard base64; `None` for any other spelling.
pub fn decode_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Padded standard base64.
pub fn encode_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Strict lower-case hexadecimal; `None` for any other spelling.
pub fn decode_hex(text: &str) -> Option<Vec<u8>> {
    fn nibble(digit: u8) -> Option<u8> {
        match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        }
    }
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

/// Lower-case hexadecimal.
pub fn encode_hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// Reads an ASCII decimal number without sign or leading zero.
///
/// `u64::from_str` alone would also take `+7` and `007`.
pub fn parse_decimal(text: &str) -> Option<u64> {
    let strict = text == "0" || (text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0'));
    if strict { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_root_is_sha256_of_nothing() {
        assert_eq!(digest(&[]), EMPTY_ROOT);
        assert_eq!(EMPTY_ROOT.to_base64(), "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    }

    #[test]
    fn short_messages_are_hashed_as_long_ones() {
        let bytes: Vec<u8> = (0..=200u8).collect();
        for length in 0..bytes.len() {
            for split in [0, length / 3, length] {
                let (one, other) = bytes[..length].split_at(split);
                assert_eq!(digest(&[one, other]), long_digest(&[&bytes[..length]]));
            }
        }
    }

    #[test]
    fn vectors_of_origins() {
        let vectors = crate::vectors::vectors();
        for origin in ["log.example.org/test", "go.sum database tree"] {
            let expected = crate::vectors::text(&vectors["origin_hash"][origin]).to_owned();
            assert_eq!(digest(&[origin.as_bytes()]).to_hex(), expected);
        }
    }

    #[test]
    fn one_spelling_per_value() {
        let text = EMPTY_ROOT.to_base64();
        assert_eq!(Hash::parse_base64(&text), Some(EMPTY_ROOT));
        assert_eq!(Hash::parse_hex(&EMPTY_ROOT.to_hex()), Some(EMPTY_ROOT));
        for bad in [
            text.trim_end_matches('=').to_owned(),
            format!("{text}\n"),
            text.replace('+', "-"),
            // The last two bits before the padding must be zero.
            text.replace("FU=", "FV="),
        ] {
            assert_eq!(Hash::parse_base64(&bad), None, "{bad:?}");
        }
        assert_eq!(Hash::parse_hex(&EMPTY_ROOT.to_hex().to_uppercase()), None);
        assert_eq!(decode_hex("abc"), None);
    }

    #[test]
    fn decimals_are_strict() {
        assert_eq!(parse_decimal("0"), Some(0));
        assert_eq!(parse_decimal("18446744073709551615"), Some(u64::MAX));
        for bad in ["", "00", "01", "+1", "-1", " 1", "1 ", "18446744073709551616", "१"] {
            assert_eq!(parse_decimal(bad), None, "{bad:?}");
        }
    }
}

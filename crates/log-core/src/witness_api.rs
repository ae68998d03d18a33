//! What a log and a witness say to one another (C2SP tlog-witness, `add-checkpoint`).
//!
//! ```text
//! old <N>LF
//! <base64 hash>LF          0 to 63 lines: the consistency proof from N
//! LF
//! <checkpoint>             a signed note, verbatim
//! ```
//!
//! The answer is one or more signature lines (200), or the size that the witness knows
//! (409, `text/x.tlog.size`). What is left out: HTTP, and what a witness decides.

use thiserror::Error;

use crate::hash::{Hash, parse_decimal};
use crate::limits::{MAX_NOTE_BYTES, MAX_PROOF_HASHES};
use crate::note::{NoteSignature, parse_signatures};

/// Where a witness takes checkpoints, below its submission prefix.
pub const ADD_CHECKPOINT_PATH: &str = "add-checkpoint";

/// Most hashes in a request: 63 lines, for trees below 2^63 leaves.
pub const MAX_REQUEST_HASHES: usize = MAX_PROOF_HASHES - 1;

/// Longest request: the `old` line, 63 lines of 45 bytes, and a note.
pub const MAX_REQUEST_BYTES: usize = 32 + MAX_REQUEST_HASHES * 45 + MAX_NOTE_BYTES;

/// Longest answer that is read: 16 signature lines of ML-DSA (3,244 characters).
pub const MAX_RESPONSE_BYTES: usize = 64 * 1024;

/// A request to cosign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the newest checkpoint that the witness has cosigned; 0 when none.
    pub old: u64,
    /// The consistency proof from that size to the checkpoint's.
    pub proof: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: String,
}

/// Why a request is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("not an add-checkpoint request: {0}")]
pub struct RequestError(&'static str);

impl AddCheckpoint {
    /// Reads a request's body.
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        if body.len() > MAX_REQUEST_BYTES {
            return Err(RequestError("it is too long"));
        }
        let text = str::from_utf8(body).map_err(|_| RequestError("it is not UTF-8"))?;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(RequestError("there is no blank line before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_decimal);
        let old = old.ok_or(RequestError("the first line is not `old` and a size"))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == MAX_REQUEST_HASHES {
                return Err(RequestError("the proof has more than 63 hashes"));
            }
            proof.push(
                Hash::parse_base64(line).ok_or(RequestError("a proof line is not 32 bytes in base64"))?,
            );
        }
        Ok(Self { old, proof, checkpoint: checkpoint.to_owned() })
    }

    /// The request's body.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = format!("old {}\n", self.old);
        for hash in &self.proof {
            body.push_str(&hash.to_base64());
            body.push('\n');
        }
        body.push('\n');
        body.push_str(&self.checkpoint);
        body.into_bytes()
    }
}

/// The signature lines of a good answer; `None` when it is none.
pub fn parse_response(body: &[u8]) -> Option<Vec<NoteSignature>> {
    if body.len() > MAX_RESPONSE_BYTES {
        return None;
    }
    parse_signatures(str::from_utf8(body).ok()?)
}

/// The size in the body of a 409. Its media type is not looked at: witnesses differ.
pub fn parse_size(body: &[u8]) -> Option<u64> {
    parse_decimal(str::from_utf8(body).ok()?.strip_suffix('\n')?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vectors};

    #[test]
    fn the_vectors_parse_and_round_trip() {
        let vectors = vectors();
        let mut answers = 0;
        for case in vectors["add_checkpoint"].as_array().expect("a list") {
            let body = text(&case["body"]);
            let request = AddCheckpoint::parse(body.as_bytes()).expect("a request");
            assert_eq!(request.encode(), body.as_bytes());
            let Some(response) = case["response"].as_str().map(str::as_bytes) else { continue };
            match case["status"].as_u64() {
                Some(200) => {
                    let lines = parse_response(response).expect("signature lines");
                    assert_eq!(
                        lines.iter().map(ToString::to_string).collect::<String>().as_bytes(),
                        response
                    );
                    answers += 1;
                }
                Some(409) => assert!(parse_size(response).is_some()),
                _ => {}
            }
        }
        assert!(answers > 0);
    }

    #[test]
    fn what_the_specification_calls_malformed_is_refused() {
        let vectors = vectors();
        for case in vectors["extra"]["add_checkpoint_matrix"].as_array().expect("a list") {
            let parsed = AddCheckpoint::parse(text(&case["body"]).as_bytes());
            // Of the rest some are refused for what they say, which is not judged here.
            assert!(parsed.is_ok() || case["status"] == 400, "{case}");
        }
        let good = "old 1\nKgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n\nnote\n";
        assert!(AddCheckpoint::parse(good.as_bytes()).is_ok());
        let many = format!("old 1\n{}\nnote\n", "KgEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(64));
        for bad in
            ["", "old 01\n\nnote\n", "old -1\n\nnote\n", "old 1\nx\n\nnote\n", "old 1\r\n\nnote\n", &many]
        {
            assert!(AddCheckpoint::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        for bad in ["7", "07\n", "7\n\n", "+7\n", ""] {
            assert_eq!(parse_size(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(parse_size(b"7\n"), Some(7));
    }
}

//! Timestamped Ed25519 cosignatures of checkpoints, type 0x04 (C2SP tlog-cosignature).
//!
//! ```text
//! payload    u64 big endian POSIX seconds ‖ 64-byte signature over:
//! message    cosignature/v1LF
//!            time <seconds>LF
//!            <whole text of the checkpoint, extension lines included>
//! ```

use crate::key::{SignerKey, VerifierKey};
use crate::note::NoteSignature;

/// Cosigns a checkpoint's text at `time`.
pub fn sign(key: &SignerKey, text: &str, time: u64) -> NoteSignature {
    let public = key.cosigner();
    let mut payload = time.to_be_bytes().to_vec();
    payload.extend_from_slice(&key.sign(message(text, time).as_bytes()));
    NoteSignature { name: public.name().clone(), id: public.id(), payload }
}

/// The time of a good cosignature; `None` when it is not good.
pub(crate) fn verify(key: &VerifierKey, text: &str, payload: &[u8]) -> Option<u64> {
    let (time, signature) = payload.split_first_chunk::<8>()?;
    let time = u64::from_be_bytes(*time);
    let in_range = i64::try_from(time).is_ok();
    (in_range && key.verifies(message(text, time).as_bytes(), signature)).then_some(time)
}

fn message(text: &str, time: u64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hash::decode_hex;
    use crate::key::KeyName;
    use crate::note::Note;
    use crate::vectors::{text, vectors};

    #[test]
    fn cosigned_checkpoints_equal_the_vectors() {
        let vectors = vectors();
        let log = SignerKey::parse(text(&vectors["log"]["skey"])).expect("a key");
        let seed = decode_hex(text(&vectors["witness"]["seed"])).expect("hex");
        let name = KeyName::parse(text(&vectors["witness"]["name"])).expect("a name");
        let witness = SignerKey::from_seed(name, &seed.try_into().expect("32 bytes"));
        let mut cosigned: Vec<&str> =
            ["0", "3", "7"].map(|size| text(&vectors["checkpoints"][size]["cosigned"])).to_vec();
        cosigned.push(text(&vectors["extra"]["checkpoint_with_extension"]["cosigned"]));
        for expected in cosigned {
            let parsed = Note::parse(expected.as_bytes()).expect("a note");
            let mut note = Note::unsigned(parsed.text().to_owned());
            note.sign(&log);
            note.push(sign(&witness, parsed.text(), 1_700_000_000));
            assert_eq!(note.to_string(), expected);
            let good = parsed.open(&[log.public().clone(), witness.cosigner()]).expect("two signatures");
            assert_eq!(good[1].time, Some(1_700_000_000));
        }
    }
}

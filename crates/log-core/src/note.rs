//! Signed notes (C2SP signed-note v1).
//!
//! ```text
//! <text, ends in LF>
//! <LF>
//! — <key name> <base64(key ID ‖ signature)>LF      one or more
//! ```
//!
//! [`Note::parse`] knows the form only; [`Note::open`] decides. Invariant: an
//! opened note has at least one good signature of a known key and no bad one.
//! Lines of unknown keys are ignored and are gone after re-encoding.

use std::fmt;

use thiserror::Error;

use crate::cosignature;
use crate::hash::{decode_base64, encode_base64};
use crate::key::{KeyId, KeyName, KeyType, SignerKey, VerifierKey};
use crate::limits::{MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES};

/// The start of a signature line: an em dash (U+2014) and a space.
const SIGNATURE_PREFIX: &str = "— ";

/// A note whose signatures have not been checked.
#[derive(Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// The signer's name.
    pub name: KeyName,
    /// The signer's key ID.
    pub id: KeyId,
    /// What follows the key ID.
    pub payload: Vec<u8>,
}

/// A signature that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GoodSignature {
    /// Which of the given keys made it.
    pub key: usize,
    /// When, in POSIX seconds, if the signature says so (cosignatures).
    pub time: Option<u64>,
}

/// Why a note was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoteError {
    /// Over the bounds.
    #[error("the note has more than {MAX_NOTE_BYTES} bytes or {MAX_NOTE_SIGNATURES} signature lines")]
    TooLong,
    /// Not the form of a signed note.
    #[error("not a signed note: {0}")]
    Form(&'static str),
    /// The known key's signature does not verify.
    #[error("the signature of {keyid} does not verify")]
    BadSignature {
        /// Name and key ID.
        keyid: String,
    },
    /// No line is of a known key.
    #[error("no signature of a known key")]
    NoKnownKey,
    /// Two of the configured keys share name and key ID.
    #[error("two configured keys are both called {keyid}")]
    AmbiguousKeys {
        /// Name and key ID.
        keyid: String,
    },
}

impl Note {
    /// Reads the form of a note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong);
        }
        let note = str::from_utf8(bytes).map_err(|_| NoteError::Form("it is not UTF-8"))?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Form("it has control characters"));
        }
        // The last blank line separates; the text keeps its own final LF.
        let split = note.rfind("\n\n").ok_or(NoteError::Form("there is no blank line before signatures"))?;
        let (text, lines) = (&note[..=split], &note[split + 2..]);
        if lines.bytes().filter(|byte| *byte == b'\n').count() > MAX_NOTE_SIGNATURES {
            return Err(NoteError::TooLong);
        }
        let signatures = parse_signatures(lines).ok_or(NoteError::Form("a signature line is malformed"))?;
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// A note without signatures yet.
    ///
    /// # Panics
    /// When the text does not end in a line feed.
    pub fn unsigned(text: String) -> Self {
        assert!(text.ends_with('\n'), "a note's text ends in a line feed");
        Self { text, signatures: Vec::new() }
    }

    /// Adds an Ed25519 signature over the text.
    pub fn sign(&mut self, key: &SignerKey) {
        let payload = key.sign(self.text.as_bytes()).to_vec();
        let public = key.public();
        self.signatures.push(NoteSignature { name: public.name().clone(), id: public.id(), payload });
    }

    /// Adds a signature line made elsewhere.
    pub fn push(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// The signed text. Nothing about it is verified.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Checks the signatures of the known keys.
    ///
    /// A bad signature of a known key refuses the note even when others are good.
    /// Of several lines of one key the first counts.
    pub fn open(&self, keys: &[VerifierKey]) -> Result<Vec<GoodSignature>, NoteError> {
        check_unambiguous(keys)?;
        let mut good: Vec<GoodSignature> = Vec::new();
        for line in &self.signatures {
            let Some(key) = keys.iter().position(|key| *key.name() == line.name && key.id() == line.id)
            else {
                continue;
            };
            if good.iter().any(|earlier| earlier.key == key) {
                continue;
            }
            let bad = || NoteError::BadSignature { keyid: keys[key].keyid() };
            let time = match keys[key].key_type() {
                KeyType::Ed25519 if keys[key].verifies(self.text.as_bytes(), &line.payload) => None,
                KeyType::Ed25519 => return Err(bad()),
                KeyType::CosignatureV1 => {
                    Some(cosignature::verify(&keys[key], &self.text, &line.payload).ok_or_else(bad)?)
                }
            };
            good.push(GoodSignature { key, time });
        }
        if good.is_empty() { Err(NoteError::NoKnownKey) } else { Ok(good) }
    }

    /// The same note with only the lines of the known keys, as [`Note::open`]
    /// counted them: what may be stored.
    #[must_use]
    pub fn only(&self, keys: &[VerifierKey]) -> Self {
        let mut kept: Vec<NoteSignature> = Vec::new();
        for line in &self.signatures {
            let known = keys.iter().any(|key| *key.name() == line.name && key.id() == line.id);
            let repeated = kept.iter().any(|earlier| earlier.name == line.name && earlier.id == line.id);
            if known && !repeated {
                kept.push(line.clone());
            }
        }
        Self { text: self.text.clone(), signatures: kept }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut blob = self.id.as_bytes().to_vec();
        blob.extend_from_slice(&self.payload);
        writeln!(f, "{SIGNATURE_PREFIX}{} {}", self.name, encode_base64(&blob))
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| write!(f, "{line}"))
    }
}

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({:?})", self.to_string())
    }
}

/// One or more signature lines, each ending in a line feed, and nothing else; at most as
/// many as a note may have.
pub fn parse_signatures(lines: &str) -> Option<Vec<NoteSignature>> {
    let lines = lines.strip_suffix('\n')?;
    let mut signatures = Vec::new();
    for line in lines.split('\n') {
        if signatures.len() == MAX_NOTE_SIGNATURES {
            return None;
        }
        signatures.push(parse_line(line)?);
    }
    Some(signatures)
}

fn parse_line(line: &str) -> Option<NoteSignature> {
    let (name, blob) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
    let name = KeyName::parse(name).ok()?;
    let blob = decode_base64(blob)?;
    let (id, payload) = blob.split_first_chunk::<4>()?;
    (!payload.is_empty()).then(|| NoteSignature {
        name,
        id: KeyId::from_bytes(*id),
        payload: payload.to_vec(),
    })
}

fn check_unambiguous(keys: &[VerifierKey]) -> Result<(), NoteError> {
    for (i, key) in keys.iter().enumerate() {
        if keys[..i].iter().any(|other| other.name() == key.name() && other.id() == key.id()) {
            return Err(NoteError::AmbiguousKeys { keyid: key.keyid() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TEXT: &str = "If you think cryptography is the answer to your problem,\n\
                        then you don't know what your problem is.\n";

    fn peter() -> SignerKey {
        SignerKey::parse("PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")
            .expect("a key")
    }

    #[test]
    fn public_notes_verify() {
        let mut note = Note::unsigned(TEXT.to_owned());
        note.sign(&peter());
        let expected = format!(
            "{TEXT}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXg\
             KvqfqdngotpRZb6KE6RyyBwJnAM=\n"
        );
        assert_eq!(note.to_string(), expected);
        for (vkey, note) in [
            ("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", expected.as_str()),
            (
                "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
                "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppz\
                 i2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n",
            ),
            (
                "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
                "go.sum database tree\n35225469\nvt5T6GaLCXvyHFl9VUvvItR43XZxfLgftEcTyO3eJCQ=\n\n— \
                 sum.golang.org Az3grpukl5AXaVfYkLiDGORx/DN2nlcS5kZHR5uYOBV2KA2HgXpD+gu9HHONebHLAyaKbbTM\
                 75QTtPydhKCExixSfwQ=\n",
            ),
        ] {
            let parsed = Note::parse(note.as_bytes()).expect("a note");
            let key = VerifierKey::parse(vkey).expect("a vkey");
            assert_eq!(parsed.open(&[key]).map(|good| good.len()), Ok(1), "{vkey}");
            assert_eq!(parsed.to_string(), note);
        }
    }

    #[test]
    fn a_bad_line_of_a_known_key_refuses_the_note() {
        let mut note = Note::unsigned(TEXT.to_owned());
        note.sign(&peter());
        let key = peter().public().clone();
        let mut bad = note.signatures()[0].clone();
        bad.payload[3] ^= 1;

        let mut doubled = note.clone();
        doubled.push(bad.clone());
        assert!(doubled.open(std::slice::from_ref(&key)).is_ok(), "the first line of a key counts");

        let mut first_bad = Note::unsigned(TEXT.to_owned());
        first_bad.push(bad);
        first_bad.sign(&peter());
        let error = first_bad.open(std::slice::from_ref(&key)).expect_err("a bad line");
        assert!(matches!(error, NoteError::BadSignature { .. }), "{error}");

        let stranger =
            VerifierKey::parse("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")
                .expect("a vkey");
        assert_eq!(note.open(std::slice::from_ref(&stranger)), Err(NoteError::NoKnownKey));
        assert!(matches!(note.open(&[key.clone(), key]), Err(NoteError::AmbiguousKeys { .. })));
        assert_eq!(note.only(&[stranger]).signatures().len(), 0);
    }

    #[test]
    fn malformed_notes_are_refused() {
        let line = "— a AAAAAAA=\n";
        assert!(Note::parse(format!("x\n\n{line}").as_bytes()).is_ok());
        let many = line.repeat(MAX_NOTE_SIGNATURES + 1);
        for bad in [
            String::new(),
            "x\n".into(),
            "x\n\n".into(),
            format!("x\n{line}"),
            format!("x\r\n\n{line}"),
            format!("x\t\n\n{line}"),
            format!("x\n\n{}", line.trim_end()),
            format!("x\n\n{line}\n"),
            "x\n\n- a AAAAAAA=\n".into(),
            "x\n\n—a AAAAAAA=\n".into(),
            "x\n\n—  a AAAAAAA=\n".into(),
            "x\n\n— a  AAAAAAA=\n".into(),
            "x\n\n— a AAAAAAA\n".into(),
            "x\n\n— a AAAAAA==\n".into(),
            "x\n\n— a+b AAAAAAA=\n".into(),
            format!("x\n\n{many}"),
        ] {
            assert!(Note::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
        assert!(Note::parse(b"\xff\n\n").is_err());
    }

    proptest! {
        #[test]
        fn parsing_never_panics_and_has_one_spelling(text in "\\PC{0,60}\n\n(— [a-z]{1,4} [A-Za-z+/]{8}\n){0,4}") {
            if let Ok(note) = Note::parse(text.as_bytes()) {
                prop_assert_eq!(note.to_string(), text);
            }
        }
    }
}

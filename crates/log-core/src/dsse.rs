//! DSSE envelopes: how a statement is signed, and its one canonical spelling.
//!
//! ```text
//! {"payloadType":"…","payload":"<base64>","signatures":[{"keyid":"name+id","sig":"<base64>"},…]}
//! signed bytes    "DSSEv1" SP len SP payloadType SP len SP payload
//! ```
//!
//! Canonical: fields in this order, no white space, padded standard base64,
//! signatures sorted by keyid, each keyid once. Submissions are parsed leniently
//! in spelling, strictly in content, and re-encoded; the payload bytes are never
//! changed, since the signatures cover them. What the payload says is
//! `statement`; who may sign is `policy`.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hash::{Hash, decode_base64, digest, encode_base64};
use crate::key::{SignerKey, VerifierKey};
use crate::limits::{MAX_ENTRY_BYTES, MAX_ENVELOPE_SIGNATURES, MAX_NAME_BYTES, MAX_SUBMISSION_BYTES};

/// The payload type of all statements.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// A signed payload. Nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    payload: Vec<u8>,
    signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// `<key name>+<key ID>`.
    pub keyid: String,
    /// The Ed25519 signature.
    pub signature: [u8; 64],
}

/// Why bytes are not an envelope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EnvelopeError {
    /// Over the limit before or after encoding.
    #[error("the envelope has {found} bytes; an entry may have at most {limit}")]
    TooLong {
        /// How many it has.
        found: usize,
        /// How many it may have.
        limit: usize,
    },
    /// Not the JSON of an envelope.
    #[error("not a DSSE envelope: {0}")]
    Json(String),
    /// A field has a bad value.
    #[error("envelope field `{field}`: {problem}")]
    Field {
        /// Which field.
        field: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Right content, other spelling.
    #[error("the envelope is not in its canonical spelling")]
    NotCanonical,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireEnvelope {
    #[serde(rename = "payloadType")]
    payload_type: String,
    payload: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: String,
    sig: String,
}

impl Envelope {
    /// An envelope without signatures yet.
    pub fn unsigned(payload: Vec<u8>) -> Self {
        Self { payload, signatures: Vec::new() }
    }

    /// Reads an envelope in any JSON spelling.
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        Self::read(bytes).map(|(envelope, _)| envelope)
    }

    /// Reads an envelope in its canonical spelling and no other.
    pub fn parse_canonical(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let (envelope, canonical) = Self::read(bytes)?;
        if canonical == bytes { Ok(envelope) } else { Err(EnvelopeError::NotCanonical) }
    }

    /// An envelope in any JSON spelling, and its canonical one.
    fn read(bytes: &[u8]) -> Result<(Self, Vec<u8>), EnvelopeError> {
        if bytes.len() > MAX_SUBMISSION_BYTES {
            return Err(EnvelopeError::TooLong { found: bytes.len(), limit: MAX_SUBMISSION_BYTES });
        }
        // serde would also read a struct from an array of its fields' values.
        if bytes.trim_ascii_start().first().is_some_and(|byte| *byte != b'{') {
            return Err(EnvelopeError::Json("expected an object".to_owned()));
        }
        let wire: WireEnvelope =
            serde_json::from_slice(bytes).map_err(|error| EnvelopeError::Json(error.to_string()))?;
        let envelope = Self::from_wire(&wire)?;
        let canonical = envelope.to_canonical();
        if canonical.len() > MAX_ENTRY_BYTES {
            return Err(EnvelopeError::TooLong { found: canonical.len(), limit: MAX_ENTRY_BYTES });
        }
        Ok((envelope, canonical))
    }

    /// The canonical spelling: the bytes of a log entry.
    pub fn to_canonical(&self) -> Vec<u8> {
        let signatures = self.signatures.iter().map(|signature| WireSignature {
            keyid: signature.keyid.clone(),
            sig: encode_base64(&signature.signature),
        });
        let wire = WireEnvelope {
            payload_type: PAYLOAD_TYPE.to_owned(),
            payload: encode_base64(&self.payload),
            signatures: signatures.collect(),
        };
        serde_json::to_vec(&wire).unwrap_or_default()
    }

    /// Adds a signature, in its place; a signature of the same key is replaced.
    pub fn sign(&mut self, key: &SignerKey) {
        let keyid = key.public().keyid();
        let signature = key.sign(&self.signed_bytes());
        self.signatures.retain(|other| other.keyid != keyid);
        self.signatures.push(EnvelopeSignature { keyid, signature });
        self.signatures.sort_by(|a, b| a.keyid.cmp(&b.keyid));
    }

    /// The payload.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The payload's identity: two envelopes with the same one say the same.
    pub fn payload_digest(&self) -> Hash {
        digest(&[&self.payload])
    }

    /// The signatures, sorted by keyid.
    pub fn signatures(&self) -> &[EnvelopeSignature] {
        &self.signatures
    }

    /// Whether `signature` is `key`'s over this envelope.
    #[must_use]
    pub fn is_signed_by(&self, key: &VerifierKey, signature: &EnvelopeSignature) -> bool {
        key.is_called(&signature.keyid) && key.verifies(&self.signed_bytes(), &signature.signature)
    }

    /// DSSE's pre-authentication encoding.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes =
            format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), self.payload.len()).into_bytes();
        bytes.extend_from_slice(&self.payload);
        bytes
    }

    fn from_wire(wire: &WireEnvelope) -> Result<Self, EnvelopeError> {
        let field = |field: &str, problem| EnvelopeError::Field { field: field.to_owned(), problem };
        if wire.payload_type != PAYLOAD_TYPE {
            return Err(field("payloadType", "expected `application/vnd.in-toto+json`"));
        }
        let payload = decode_base64(&wire.payload)
            .ok_or_else(|| field("payload", "expected padded standard base64"))?;
        if wire.signatures.len() > MAX_ENVELOPE_SIGNATURES {
            return Err(field("signatures", "expected at most 16"));
        }
        let mut signatures = Vec::new();
        for (i, signature) in wire.signatures.iter().enumerate() {
            let bytes = decode_base64(&signature.sig).and_then(|bytes| bytes.try_into().ok());
            let bytes = bytes.ok_or_else(|| {
                field(&format!("signatures[{i}].sig"), "expected the padded base64 of 64 bytes")
            })?;
            // Name, `+`, eight digits.
            if signature.keyid.len() > MAX_NAME_BYTES + 9 {
                return Err(field(&format!("signatures[{i}].keyid"), "expected at most 264 bytes"));
            }
            signatures.push(EnvelopeSignature { keyid: signature.keyid.clone(), signature: bytes });
        }
        signatures.sort_by(|a, b| a.keyid.cmp(&b.keyid));
        if signatures.windows(2).any(|pair| pair[0].keyid == pair[1].keyid) {
            return Err(field("signatures", "the same keyid is there twice"));
        }
        Ok(Self { payload, signatures })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::key::KeyName;

    fn signer(number: u8) -> SignerKey {
        let name = KeyName::parse(&format!("signer{number}")).expect("a name");
        SignerKey::from_seed(name, &[number; 32])
    }

    fn signed() -> Envelope {
        let mut envelope = Envelope::unsigned(b"{\"a\": 1}".to_vec());
        envelope.sign(&signer(2));
        envelope.sign(&signer(1));
        envelope
    }

    #[test]
    fn canonical_spelling() {
        let envelope = signed();
        let bytes = envelope.to_canonical();
        let text = String::from_utf8(bytes.clone()).expect("UTF-8");
        assert!(text.starts_with(
            "{\"payloadType\":\"application/vnd.in-toto+json\",\"payload\":\"eyJhIjogMX0=\",\
             \"signatures\":[{\"keyid\":\"signer1+"
        ));
        assert_eq!(Envelope::parse_canonical(&bytes), Ok(envelope.clone()));
        for signature in envelope.signatures() {
            let key = if signature.keyid.starts_with("signer1") { signer(1) } else { signer(2) };
            assert!(envelope.is_signed_by(key.public(), signature));
            assert!(!envelope.is_signed_by(signer(3).public(), signature));
        }
        let mut spaced = text.replace("\",\"", "\" ,\n \"");
        spaced.push('\n');
        assert_eq!(Envelope::parse(spaced.as_bytes()), Ok(envelope));
        assert_eq!(Envelope::parse_canonical(spaced.as_bytes()), Err(EnvelopeError::NotCanonical));
    }

    #[test]
    fn signed_bytes_follow_dsse() {
        // The example of the DSSE protocol, with our payload type.
        let envelope = Envelope::unsigned(b"hello world".to_vec());
        assert_eq!(envelope.signed_bytes(), b"DSSEv1 28 application/vnd.in-toto+json 11 hello world");
    }

    #[test]
    fn bad_envelopes_name_the_field() {
        let good = String::from_utf8(signed().to_canonical()).expect("UTF-8");
        let first = signed().signatures()[0].keyid.clone();
        let second = signed().signatures()[1].keyid.clone();
        for (bad, message) in [
            (String::new(), "EOF"),
            ("[]".into(), "expected an object"),
            ("{}".into(), "payloadType"),
            (good.replace("vnd.in-toto+json", "json"), "payloadType"),
            (good.replace("eyJhIjogMX0=", "eyJhIjogMX0"), "`payload`"),
            (good.replace("eyJhIjogMX0=", "eyJhIjogMX0=\\n"), "`payload`"),
            (good.replace("\"sig\":\"", "\"sig\":\"AA"), "signatures[0].sig"),
            (good.replace("\"keyid\"", "\"cert\":\"\",\"keyid\""), "cert"),
            (good.replace(&second, &first), "twice"),
            (good.replace("\"payload\":", "\"payload\":\"\",\"payload\":"), "duplicate field"),
            (format!("{good}x"), "trailing"),
            (format!("[{},{},[]]", "\"a\"", "\"b\""), "expected an object"),
            ("[".repeat(10_000), "DSSE"),
            (" ".repeat(MAX_SUBMISSION_BYTES + 1), "bytes"),
        ] {
            let error = Envelope::parse(bad.as_bytes()).expect_err(&bad);
            assert!(error.to_string().contains(message), "{error} should name {message}");
        }
        let long = Envelope::unsigned(vec![b' '; 50_000]).to_canonical();
        assert!(matches!(Envelope::parse(&long), Err(EnvelopeError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn damage_never_verifies(at in 0usize..1000, bit in 0u8..8) {
            let good = signed().to_canonical();
            let mut bytes = good.clone();
            let at = at % bytes.len();
            bytes[at] ^= 1 << bit;
            if let Ok(envelope) = Envelope::parse_canonical(&bytes) {
                let (a, b) = (signer(1), signer(2));
                let all_good = envelope.signatures().iter().all(|signature| {
                    envelope.is_signed_by(a.public(), signature) || envelope.is_signed_by(b.public(), signature)
                });
                prop_assert!(!all_good);
            }
        }
    }
}

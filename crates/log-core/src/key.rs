//! Keys and their text forms (C2SP signed-note).
//!
//! ```text
//! vkey    <name>+<8 hex of key ID>+<base64(type ‖ public key)>
//! skey    PRIVATE+KEY+<name>+<8 hex of key ID>+<base64(0x01 ‖ seed)>
//! keyid   <name>+<8 hex of key ID>          in DSSE signatures
//! ```
//!
//! A key's name and ID together say key AND algorithm; the ID is an index and no
//! proof of anything, so it is recomputed on load and never trusted.
//!
//! What is left out: key files (log-io) and what a key may do (`policy`).

use std::fmt;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use thiserror::Error;

use crate::hash::{decode_base64, decode_hex, digest, encode_base64, encode_hex};
use crate::limits::MAX_NAME_BYTES;

/// A key's or an origin's name: no white space, no `+`, 1 to 255 bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A key ID, the first four bytes of a hash over name, type and key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 4]);

/// What a key's signatures mean; the type byte of a vkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyType {
    /// 0x01: Ed25519 over the bytes.
    Ed25519,
    /// 0x04: timestamped Ed25519 cosignature of a checkpoint.
    CosignatureV1,
}

/// A public key with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    id: KeyId,
    key_type: KeyType,
    key: VerifyingKey,
}

/// A private key with its name. Wiped on drop; its `Debug` shows the name only.
pub struct SignerKey {
    key: SigningKey,
    public: VerifierKey,
}

/// Why a key's text was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum KeyError {
    /// The name is empty, too long, or has white space or a `+`.
    #[error("key name {name:?} must have 1 to 255 bytes, no white space and no `+`")]
    Name {
        /// What was given.
        name: String,
    },
    /// Not the three parts of a vkey.
    #[error("not a verifier key: expected `<name>+<8 hex digits>+<base64>`")]
    VerifierForm,
    /// Not the parts of a signer key.
    #[error("not a signer key: expected `PRIVATE+KEY+<name>+<8 hex digits>+<base64>`")]
    SignerForm,
    /// The key ID does not belong to the key.
    #[error("the key ID of {name} is {found}, but the key's own is {expected}: the text is damaged")]
    Id {
        /// The key's name.
        name: String,
        /// What the text says.
        found: String,
        /// What it must be.
        expected: String,
    },
    /// A type byte other than those understood here.
    #[error("key {name} is of type 0x{found:02x}; understood are 0x01 (Ed25519) and 0x04 (cosignature)")]
    Type {
        /// The key's name.
        name: String,
        /// The type byte.
        found: u8,
    },
    /// Not 32 bytes, or not a point on the curve.
    #[error("key {name} is not a 32-byte Ed25519 key")]
    Material {
        /// The key's name.
        name: String,
    },
}

impl KeyName {
    /// Checks a name.
    pub fn parse(name: &str) -> Result<Self, KeyError> {
        let bad = name.is_empty()
            || name.len() > MAX_NAME_BYTES
            || name.chars().any(|c| c.is_whitespace() || c.is_control() || c == '+');
        if bad {
            return Err(KeyError::Name { name: name.chars().take(MAX_NAME_BYTES).collect() });
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl KeyId {
    /// The key ID with these bytes.
    pub const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(bytes)
    }

    /// The four bytes.
    pub const fn as_bytes(&self) -> &[u8; 4] {
        &self.0
    }

    fn of(name: &KeyName, key_type: KeyType, key: &VerifyingKey) -> Self {
        let hash = digest(&[name.0.as_bytes(), b"\n", &[key_type.byte()], key.as_bytes()]);
        let [a, b, c, d, ..] = *hash.as_bytes();
        Self([a, b, c, d])
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode_hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyId({self})")
    }
}

impl KeyType {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureV1 => 0x04,
        }
    }
}

impl VerifierKey {
    /// A public key under a name.
    pub fn new(name: KeyName, key_type: KeyType, key: VerifyingKey) -> Self {
        let id = KeyId::of(&name, key_type, &key);
        Self { name, id, key_type, key }
    }

    /// Reads a vkey and checks its key ID.
    pub fn parse(vkey: &str) -> Result<Self, KeyError> {
        // The base64 part may contain `+`; the name and the ID may not.
        let mut parts = vkey.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::VerifierForm);
        };
        let name = KeyName::parse(name)?;
        let id = parse_id(id).ok_or(KeyError::VerifierForm)?;
        let material = decode_base64(material).ok_or(KeyError::VerifierForm)?;
        let (type_byte, key) = material.split_first().ok_or(KeyError::VerifierForm)?;
        let key_type = match type_byte {
            0x01 => KeyType::Ed25519,
            0x04 => KeyType::CosignatureV1,
            other => return Err(KeyError::Type { name: name.0, found: *other }),
        };
        let Some(key) = key.try_into().ok().and_then(|key| VerifyingKey::from_bytes(key).ok()) else {
            return Err(KeyError::Material { name: name.0 });
        };
        let key = Self::new(name, key_type, key);
        key.check_id(id)?;
        Ok(key)
    }

    /// The vkey text.
    pub fn to_vkey(&self) -> String {
        let mut material = vec![self.key_type.byte()];
        material.extend_from_slice(self.key.as_bytes());
        format!("{}+{}+{}", self.name, self.id, encode_base64(&material))
    }

    /// The key's name.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// The key's ID.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// What its signatures mean.
    pub fn key_type(&self) -> KeyType {
        self.key_type
    }

    /// The 32 bytes of the public key, whatever its name and type.
    pub fn public_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// `<name>+<key ID>`, as in DSSE signatures.
    pub fn keyid(&self) -> String {
        format!("{}+{}", self.name, self.id)
    }

    /// Whether this is the key that `keyid` names, without writing the name out.
    pub fn is_called(&self, keyid: &str) -> bool {
        let id = keyid.strip_prefix(self.name.as_str()).and_then(|rest| rest.strip_prefix('+'));
        id.is_some_and(|id| id.len() == 8 && decode_hex(id).as_deref() == Some(&self.id.0))
    }

    /// Whether `signature` is this key's over `message`. Strict: no small-order
    /// keys, canonical scalars only.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        signature
            .try_into()
            .is_ok_and(|bytes| self.key.verify_strict(message, &Signature::from_bytes(bytes)).is_ok())
    }

    fn check_id(&self, found: KeyId) -> Result<(), KeyError> {
        if found == self.id {
            return Ok(());
        }
        Err(KeyError::Id {
            name: self.name.0.clone(),
            found: found.to_string(),
            expected: self.id.to_string(),
        })
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_vkey())
    }
}

impl SignerKey {
    /// The Ed25519 key with this seed.
    pub fn from_seed(name: KeyName, seed: &[u8; 32]) -> Self {
        let key = SigningKey::from_bytes(seed);
        let public = VerifierKey::new(name, KeyType::Ed25519, key.verifying_key());
        Self { key, public }
    }

    /// Reads a signer key and checks its key ID.
    pub fn parse(skey: &str) -> Result<Self, KeyError> {
        let mut parts = skey.strip_prefix("PRIVATE+KEY+").ok_or(KeyError::SignerForm)?.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::SignerForm);
        };
        let name = KeyName::parse(name)?;
        let id = parse_id(id).ok_or(KeyError::SignerForm)?;
        let material = decode_base64(material).ok_or(KeyError::SignerForm)?;
        let (type_byte, seed) = material.split_first().ok_or(KeyError::SignerForm)?;
        if *type_byte != KeyType::Ed25519.byte() {
            return Err(KeyError::Type { name: name.0, found: *type_byte });
        }
        let Ok(seed) = seed.try_into() else { return Err(KeyError::Material { name: name.0 }) };
        let key = Self::from_seed(name, seed);
        key.public.check_id(id)?;
        Ok(key)
    }

    /// The private text form. Secret: it goes into a key file and nowhere else.
    pub fn to_skey(&self) -> String {
        let mut material = vec![KeyType::Ed25519.byte()];
        material.extend_from_slice(self.key.as_bytes());
        format!("PRIVATE+KEY+{}+{}+{}", self.public.name, self.public.id, encode_base64(&material))
    }

    /// The public key.
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// The public key as a cosigner's, which has another key ID.
    pub fn cosigner(&self) -> VerifierKey {
        VerifierKey::new(self.public.name.clone(), KeyType::CosignatureV1, self.public.key)
    }

    /// Signs bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({})", self.public.keyid())
    }
}

fn parse_id(text: &str) -> Option<KeyId> {
    decode_hex(text)?.try_into().ok().map(KeyId)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vectors};

    #[test]
    fn vectors_of_keys() {
        let vectors = vectors();
        let log = SignerKey::parse(text(&vectors["log"]["skey"])).expect("a signer key");
        assert_eq!(log.public().to_vkey(), text(&vectors["log"]["vkey"]));
        assert_eq!(log.public().id().to_string(), text(&vectors["log"]["keyid"]));
        assert_eq!(log.to_skey(), text(&vectors["log"]["skey"]));

        let seed = decode_hex(text(&vectors["witness"]["seed"])).expect("hex");
        let name = KeyName::parse(text(&vectors["witness"]["name"])).expect("a name");
        let witness = SignerKey::from_seed(name, &seed.try_into().expect("32 bytes"));
        assert_eq!(witness.cosigner().to_vkey(), text(&vectors["witness"]["vkey"]));
        assert_eq!(witness.public().to_vkey(), text(&vectors["witness"]["vkey_if_type_01"]));
        for vkey in ["vkey", "vkey_if_type_01"] {
            let vkey = text(&vectors["witness"][vkey]);
            assert_eq!(VerifierKey::parse(vkey).expect("a vkey").to_vkey(), vkey);
        }
    }

    #[test]
    fn known_public_keys() {
        for vkey in [
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        ] {
            assert_eq!(VerifierKey::parse(vkey).expect("a vkey").to_vkey(), vkey);
        }
    }

    #[test]
    fn damaged_keys_are_refused() {
        let good = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        let check = |bad: &str| VerifierKey::parse(bad).expect_err(bad);
        assert!(matches!(check(&good.replace("c74f", "c74e")), KeyError::Id { .. }));
        assert!(matches!(check(&good.replace("Peter", "Pete")), KeyError::Id { .. }));
        assert_eq!(check("PeterNeumann"), KeyError::VerifierForm);
        assert_eq!(check(&good.replace("c74f20a3", "C74F20A3")), KeyError::VerifierForm);
        assert!(matches!(check(&good.replace("PeterNeumann", "Peter Neumann")), KeyError::Name { .. }));
        assert!(matches!(check(&good.replace("+AR", "+BR")), KeyError::Type { found: 5, .. }));
        assert_eq!(SignerKey::parse(good).expect_err("a vkey"), KeyError::SignerForm);
        let log = vectors()["log"]["skey"].as_str().expect("a string").to_owned();
        let shown = format!("{:?}", SignerKey::parse(&log).expect("a key"));
        assert_eq!(shown, "SignerKey(log.example.org/test+82258d05)");
    }
}

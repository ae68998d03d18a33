//! Signed webhooks: who receives one can tell that it is from somebody who has the secret,
//! and that it is not an old one.
//!
//! ```text
//! webhook-id: msg_<from the body>
//! webhook-timestamp: <POSIX seconds>
//! webhook-signature: v1,<base64 of HMAC-SHA256(secret, id "." timestamp "." body)>
//! ```
//!
//! Invariant: what is sent again has the same identity, so that a receiver can pass it over.
//!
//! Specification: Standard Webhooks, symmetric signatures (`v1`); secrets are `whsec_` and
//! base64.

use std::fmt;
use std::path::Path;

use anyhow::Context as _;
use hmac::{Hmac, KeyInit as _, Mac as _};
use log_core::hash::{decode_base64, digest, encode_base64};
use log_io::key_file;
use sha2::Sha256;

/// How long a secret is, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// What sender and receiver share.
pub struct Secret(Vec<u8>);

impl Secret {
    /// Reads one from a file that nobody else may read.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = key_file::read_private(path)?;
        Self::parse(text.trim_end()).with_context(|| {
            format!(
                "{} holds no secret: expected `whsec_` and 24 to 64 bytes in base64, as \
                 `echo \"whsec_$(openssl rand -base64 32)\"` makes one",
                path.display()
            )
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let bytes = decode_base64(text.strip_prefix("whsec_")?)?;
        SECRET_BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The headers of a request with this body, sent `now`.
    pub fn headers(&self, body: &[u8], now: u64) -> [(&'static str, String); 3] {
        let id = format!("msg_{}", &digest(&[body]).to_hex()[..32]);
        let now = now.to_string();
        let signed = [id.as_bytes(), b".", now.as_bytes(), b".", body];
        let signature = format!("v1,{}", encode_base64(&mac(&self.0, &signed)));
        [("webhook-id", id), ("webhook-timestamp", now), ("webhook-signature", signature)]
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret").finish_non_exhaustive()
    }
}

/// HMAC-SHA256 of what these parts are together.
fn mac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        use std::fmt::Write as _;
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    #[test]
    fn the_vectors_of_rfc_4231() {
        for (key, data, expected) in [
            (
                &[0x0b; 20][..],
                &b"Hi There"[..],
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe",
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                &[0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            let (first, rest) = data.split_at(3);
            assert_eq!(hex(&mac(key, &[first, rest])), expected);
        }
    }

    #[test]
    fn the_example_of_standard_webhooks() {
        let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("a secret");
        let parts: [&[u8]; 3] = [b"msg_p5jXN8AQM9LWM0D4loKWxJek", b".1614265330.", b"{\"test\": 2432232314}"];
        assert_eq!(encode_base64(&mac(&secret.0, &parts)), "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn the_same_again_has_the_same_identity() {
        let secret = Secret::parse(&format!("whsec_{}", encode_base64(&[7; 32]))).expect("a secret");
        let (first, again) = (secret.headers(b"{}", 1_000), secret.headers(b"{}", 1_060));
        assert_eq!((&first[0], &first[1].1), (&again[0], &"1000".to_owned()));
        assert!(first[2] != again[2] && secret.headers(b"{ }", 1_000)[0] != first[0]);
        for bad in ["", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_MfKQ9r8GKYq!"] {
            assert!(Secret::parse(bad).is_none(), "{bad}");
        }
        assert!(!format!("{secret:?}").contains('7'));
    }
}

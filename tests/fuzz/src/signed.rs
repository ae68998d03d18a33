//! What is signed: nothing is accepted that the holder of a key did not sign.

use log_core::checkpoint::{Checkpoint, OpenCheckpoint};
use log_core::dsse::Envelope;
use log_core::entry::{Entry, IndexKey, SignedStatement};
use log_core::hash::encode_base64;
use log_core::note::{Note, parse_signatures};
use log_core::policy::Policy;
use log_core::statement::Statement;
use log_core::testing::{key, public};
use log_core::trust_policy::TrustPolicy;
use log_core::witness_api::{AddCheckpoint, parse_response, parse_size};

use super::world::{COSIGNED_AT, WORLD};

/// Submissions, in any spelling and in the canonical one.
pub fn envelope(bytes: &[u8]) {
    let Ok(envelope) = Envelope::parse(bytes) else {
        assert!(Envelope::parse_canonical(bytes).is_err());
        return;
    };
    let canonical = envelope.to_canonical();
    assert_eq!(Envelope::parse_canonical(&canonical), Ok(envelope.clone()));
    assert_eq!(Envelope::parse_canonical(bytes).is_ok(), canonical == bytes, "one canonical spelling");
    let names = ["root1", "root2", "team", "oslo"];
    let is_signed = |name: &&str| {
        envelope.signatures().iter().any(|signature| envelope.is_signed_by(&public(name), signature))
    };
    if names.iter().any(is_signed) {
        assert!(WORLD.has_payload(&envelope), "nobody has signed this");
    }
    if let Ok(signed) = SignedStatement::new(envelope) {
        let _ = signed.index_keys().iter().map(IndexKey::hash).count();
    }
}

/// Payloads.
pub fn statement(bytes: &[u8]) {
    let Ok(statement) = Statement::parse(bytes) else { return };
    let again = match &statement {
        Statement::Release(release) => release.to_payload(),
        Statement::Withdrawal(withdrawal) => withdrawal.to_payload(),
        Statement::Policy(policy) => policy.to_payload(),
    };
    assert_eq!(Statement::parse(&again), Ok(statement));
}

/// Entries of the log.
pub fn entry(bytes: &[u8]) {
    match Entry::parse(bytes) {
        Ok(Entry::Statement(signed)) => {
            assert_eq!(signed.envelope.to_canonical(), bytes);
            let _ = signed.index_keys();
        }
        Ok(Entry::Commitment(commitment)) => assert_eq!(commitment.to_string().as_bytes(), bytes),
        Err(error) => drop((error.may_be_newer(), error.to_string())),
    }
}

/// Policy documents.
pub fn policy(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(policy) = Policy::parse(text) else { return };
    let again = serde_json::to_string(&policy.to_document()).expect("JSON");
    assert_eq!(Policy::parse(&again), Ok(policy));
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(value(text), value(&again), "a policy has one document");
}

/// Notes.
pub fn note(bytes: &[u8]) {
    let Ok(note) = Note::parse(bytes) else { return };
    assert_eq!(note.to_string().as_bytes(), bytes);
    let keys = [public("log.example"), key("w.example").cosigner()];
    let only = note.only(&keys);
    assert_eq!(only.open(&keys), note.open(&keys));
    if let Ok(good) = note.open(&keys) {
        assert!(!good.is_empty());
        assert!(WORLD.note.starts_with(note.text()), "nobody has signed this");
    }
}

/// Checkpoints, under the log's key and under a quorum.
pub fn checkpoint(bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(checkpoint) = Checkpoint::parse(text)
    {
        assert_eq!(checkpoint.to_string(), text);
    }
    let open = OpenCheckpoint::open(bytes, &public("log.example"));
    if let Ok(open) = &open {
        assert_eq!((open.size(), open.root()), (WORLD.log.size(), WORLD.log.root()));
    }
    if let Ok(trusted) = WORLD.trust.open(bytes) {
        assert_eq!(open.as_ref(), Ok(&trusted.checkpoint), "what is trusted is the log's");
        assert_eq!(trusted.cosigned_at, Some(COSIGNED_AT));
        assert_eq!(trusted.note, WORLD.note, "the known lines and no others");
    }
}

/// The payload of the witness's signature line: time and signature.
pub fn cosignature(bytes: &[u8]) {
    let witness = key("w.example").cosigner();
    let mut blob = witness.id().as_bytes().to_vec();
    blob.extend_from_slice(bytes);
    let line = format!("\u{2014} {} {}\n", witness.name(), encode_base64(&blob));
    let note = format!("{}{line}", WORLD.log.checkpoint());
    if let Ok(trusted) = WORLD.trust.open(note.as_bytes()) {
        assert_eq!((note, trusted.cosigned_at), (WORLD.note.clone(), Some(COSIGNED_AT)));
    }
}

/// Trust policies, and what they make of a checkpoint.
pub fn trust_policy(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let Ok(policy) = TrustPolicy::parse(text) else { return };
    if let Ok(trusted) = policy.open(WORLD.note.as_bytes()) {
        assert_eq!(trusted.checkpoint.size(), WORLD.log.size());
        assert_eq!(trusted.cosigned_at.is_none(), policy.has_no_quorum());
    }
}

/// What log and witness say to one another.
pub fn witness(bytes: &[u8]) {
    if let Ok(request) = AddCheckpoint::parse(bytes) {
        assert_eq!(request.encode(), bytes);
    }
    if let Some(lines) = parse_response(bytes) {
        let text: String = lines.iter().map(ToString::to_string).collect();
        assert_eq!(text.as_bytes(), bytes);
        assert_eq!(parse_signatures(&text), Some(lines));
    }
    if let Some(size) = parse_size(bytes) {
        assert_eq!(format!("{size}\n").as_bytes(), bytes);
    }
}

//! Every parser of outside bytes, fed with damaged good input: it never panics,
//! and what it accepts it writes again byte for byte.

use log_core::api::LookupRequest;
use log_core::artifact::{FileName, candidates};
use log_core::bundle::{parse_bundle, push_entry};
use log_core::checkpoint::Checkpoint;
use log_core::commitment::IndexCommitment;
use log_core::dsse::Envelope;
use log_core::entry::Entry;
use log_core::evidence::Evidence;
use log_core::hash::EMPTY_ROOT;
use log_core::key::{SignerKey, VerifierKey};
use log_core::note::Note;
use log_core::proof_file::{Extra, ProofFile, ProvenEntry};
use log_core::statement::Statement;
use log_core::testing::{
    genesis, key, policy, public, release, signed_policy, signed_release, signed_withdrawal,
};
use log_core::tile::TileId;
use log_core::trust_policy::TrustPolicy;
use proptest::prelude::*;

/// One damage: where, how, and with which byte.
type Damage = (prop::sample::Index, u8, u8);

fn damages() -> impl Strategy<Value = Vec<Damage>> {
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..5, any::<u8>()), 0..4)
}

fn damaged(good: &[u8], damages: &[Damage]) -> Vec<u8> {
    // Bytes that mean something to one of the formats.
    const TELLING: &[u8] = b"\n \t\r\0+/=0129-\"{}[]:,.xpAZ\xe2\x80\x94";
    let mut bytes = good.to_vec();
    for (at, how, with) in damages {
        let at = at.index(bytes.len().max(1));
        let telling = TELLING[usize::from(*with) % TELLING.len()];
        match how {
            0 if at < bytes.len() => bytes[at] ^= with | 1,
            1 if at < bytes.len() => bytes[at] = telling,
            2 => bytes.insert(at.min(bytes.len()), telling),
            3 if at < bytes.len() => drop(bytes.remove(at)),
            _ => bytes.truncate(at),
        }
    }
    bytes
}

/// The same for formats of text.
fn damaged_text(good: &str, damages: &[Damage]) -> Option<String> {
    String::from_utf8(damaged(good.as_bytes(), damages)).ok()
}

fn checkpoint() -> String {
    let origin = "log.example".to_owned();
    let checkpoint = Checkpoint { origin, size: 7, root: EMPTY_ROOT, extensions: vec![] };
    checkpoint.sign(&key("log.example")).to_string()
}

fn proof_file() -> ProofFile {
    let entry = signed_release("nova", "1.0", "a", "team").envelope.to_canonical();
    let policy = signed_policy(policy(), &["root1", "root2"]).envelope.to_canonical();
    let policy = ProvenEntry { index: 0, entry: policy, proof: vec![EMPTY_ROOT; 2] };
    let extra =
        Extra { entry, policies: vec![policy.clone()], commitments: vec![policy] }.to_string().into_bytes();
    ProofFile { extra: Some(extra), index: 3, proof: vec![EMPTY_ROOT; 2], checkpoint: checkpoint() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn notes_and_checkpoints(damage in damages()) {
        let bytes = damaged(checkpoint().as_bytes(), &damage);
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes.clone());
            if let Ok(checkpoint) = Checkpoint::parse(note.text()) {
                prop_assert_eq!(checkpoint.to_string(), note.text());
            }
            // Whatever was damaged, no other text is signed.
            if note.open(&[public("log.example")]).is_ok() {
                prop_assert!(checkpoint().starts_with(note.text()));
            }
        }
    }

    #[test]
    fn keys_and_trust_policies(damage in damages()) {
        let vkey = public("log.example").to_vkey();
        if let Some(text) = damaged_text(&vkey, &damage)
            && let Ok(key) = VerifierKey::parse(&text)
        {
            prop_assert_eq!(key.to_vkey(), text);
        }
        if let Some(text) = damaged_text(&key("a").to_skey(), &damage)
            && let Ok(key) = SignerKey::parse(&text)
        {
            prop_assert_eq!(key.to_skey(), text);
        }
        let witness = key("w").cosigner().to_vkey();
        let policy = format!("log {vkey} https://log\nwitness w {witness}\ngroup g 1 w\nquorum g\n");
        if let Some(text) = damaged_text(&policy, &damage) {
            let _ = TrustPolicy::parse(&text);
        }
    }

    #[test]
    fn entries(damage in damages()) {
        let statement = signed_release("nova", "1.0", "a", "team").envelope.to_canonical();
        let policy = signed_policy(policy(), &["root1", "root2"]).envelope.to_canonical();
        let commitment = IndexCommitment { size: 7, root: EMPTY_ROOT, time: 9, first: 3 }.to_string().into_bytes();
        for good in [&statement, &policy, &commitment] {
            let bytes = damaged(good, &damage);
            match Entry::parse(&bytes) {
                Ok(Entry::Statement(signed)) => prop_assert_eq!(&signed.envelope.to_canonical(), &bytes),
                Ok(Entry::Commitment(commitment)) => {
                    prop_assert_eq!(commitment.to_string().into_bytes(), bytes.clone());
                }
                Err(_) => {}
            }
            // A submission may be spelled otherwise; its canonical form is an entry.
            if let Ok(envelope) = Envelope::parse(&bytes) {
                prop_assert!(Envelope::parse_canonical(&envelope.to_canonical()).is_ok());
            }
        }
    }

    #[test]
    fn statements(damage in damages()) {
        let release = release("nova", "1.0", "a").to_payload();
        let policy = signed_policy(policy(), &[]).envelope.payload().to_vec();
        let withdrawal = signed_withdrawal("nova", "1.0", "a", "team").envelope.payload().to_vec();
        for good in [&release, &policy, &withdrawal] {
            // Read, written and read again it says the same.
            match Statement::parse(&damaged(good, &damage)) {
                Ok(Statement::Release(release)) => {
                    let again = Statement::parse(&release.to_payload());
                    prop_assert_eq!(again, Ok(Statement::Release(release)));
                }
                Ok(Statement::Withdrawal(withdrawal)) => {
                    let again = Statement::parse(&withdrawal.to_payload());
                    prop_assert_eq!(again, Ok(Statement::Withdrawal(withdrawal)));
                }
                Ok(Statement::Policy(policy)) => {
                    let again = Statement::parse(&policy.to_payload());
                    prop_assert_eq!(again, Ok(Statement::Policy(policy)));
                }
                Err(_) => {}
            }
        }
    }

    #[test]
    fn proof_files(damage in damages()) {
        let bytes = damaged(proof_file().to_string().as_bytes(), &damage);
        if let Ok(file) = ProofFile::parse(&bytes) {
            prop_assert_eq!(file.to_string().into_bytes(), bytes.clone());
            if let Some(Ok(extra)) = file.extra.as_deref().map(Extra::parse) {
                prop_assert_eq!(Some(extra.to_string().into_bytes()), file.extra);
            }
        }
    }

    #[test]
    fn tiles_and_bundles(damage in damages()) {
        for good in ["tile/0/x001/x234/067.p/7", "tile/entries/000", "tile/63/999"] {
            if let Some(text) = damaged_text(good, &damage)
                && let Some(tile) = TileId::parse(&text)
            {
                prop_assert_eq!(tile.path(), text);
            }
        }
        let mut bundle = Vec::new();
        for entry in [b"one".as_slice(), b"", b"three"] {
            push_entry(&mut bundle, entry);
        }
        let bytes = damaged(&bundle, &damage);
        if let Ok(entries) = parse_bundle(&bytes, 3) {
            let mut again = Vec::new();
            for entry in entries {
                push_entry(&mut again, entry);
            }
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn json_of_the_interface(damage in damages()) {
        let request =
            br#"{"keys":[{"file":{"project":"nova","name":"nova-1.tar.gz"}},{"project":{"name":"nova"}}]}"#;
        let _ = serde_json::from_slice::<LookupRequest>(&damaged(request, &damage));
        let evidence = Evidence::fork(checkpoint(), checkpoint(), EMPTY_ROOT, &[EMPTY_ROOT]);
        let json = serde_json::to_vec(&evidence).expect("JSON");
        if let Ok(evidence) = serde_json::from_slice::<Evidence>(&damaged(&json, &damage)) {
            prop_assert!(evidence.verify(&genesis(), &[]).is_err(), "no fork was ever signed");
        }
    }

    #[test]
    fn file_names(damage in damages()) {
        for good in ["oslo.config-9.6.0-1-py2.py3-none-any.whl", "foo-1.0-1.tar.gz", "a-1!2+b.zip"] {
            if let Some(text) = damaged_text(good, &damage)
                && let Ok(name) = FileName::parse(&text)
            {
                prop_assert_eq!(name.as_str(), text);
                let _ = candidates(&name);
            }
        }
    }
}

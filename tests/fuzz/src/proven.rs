//! What is proven: nothing is accepted that is not in the log, and an honest log is
//! never accused.

use log_core::api::{BatchEnd, BatchLine, Committed, LookupAnswer, LookupRequest, Problem, Receipt};
use log_core::basis::{Basis, BasisError};
use log_core::edge::Edge;
use log_core::entry::Entry;
use log_core::evidence::Evidence;
use log_core::hash::{Hash, leaf_hash};
use log_core::history::History;
use log_core::map_proof::MapProofJson;
use log_core::proof::{verify_consistency, verify_inclusion};
use log_core::proof_file::{Extra, ProofFile};
use log_core::statement::Statement;
use log_core::verdict::{Distrust, check_answer, check_proof_file};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::world::WORLD;

/// The first byte says which leaf, the second where it is said to be; then the proof.
pub fn inclusion(bytes: &[u8]) {
    let [leaf, index, proof @ ..] = bytes else { return };
    let leaves = WORLD.leaves();
    let leaf = leaves[usize::from(*leaf) % leaves.len()];
    let index = u64::from(*index);
    if verify_inclusion(leaf, index, WORLD.log.size(), WORLD.log.root(), &hashes(proof)).is_ok() {
        let there = leaves.iter().position(|own| *own == leaf).map(|index| index as u64);
        assert_eq!(there, Some(index));
        assert_eq!(hashes(proof), WORLD.log.proven(index).proof, "one proof for each leaf");
    }
}

/// The first byte is the older size; then its root, and the proof.
pub fn consistency(bytes: &[u8]) {
    let [old, rest @ ..] = bytes else { return };
    let old = u64::from(*old);
    let [root, proof @ ..] = &hashes(rest)[..] else { return };
    if verify_consistency(old, *root, WORLD.log.size(), WORLD.log.root(), proof).is_ok() {
        let mut edge = Edge::new();
        let count = usize::try_from(old).expect("a byte");
        WORLD.leaves().into_iter().take(count).for_each(|leaf| drop(edge.push(leaf)));
        assert_eq!((edge.size(), edge.root()), (old, *root), "another history");
    }
}

/// The first byte chooses the key; then a proof in JSON.
pub fn map_proof(bytes: &[u8]) {
    let [key, json @ ..] = bytes else { return };
    let Ok(json) = serde_json::from_slice::<MapProofJson>(json) else { return };
    let key = &WORLD.keys[usize::from(*key) % WORLD.keys.len()];
    let result = WORLD.answer.results.iter().zip(&WORLD.keys).find(|(_, own)| *own == key);
    let (Some((honest, _)), Some(key), Ok(proof)) = (result, key.index_key(), json.decode()) else { return };
    let hash = key.hash();
    let Entry::Commitment(commitment) = WORLD.entry(WORLD.log.entries().len() - 1) else { return };
    if let Ok(found) = proof.verify(hash.as_bytes(), commitment.root) {
        let expected =
            (!honest.entries.is_empty()).then(|| *log_core::index::list_root(&honest.entries).as_bytes());
        assert_eq!(found, expected, "another list");
        assert_eq!(Some(&json), honest.map.as_ref(), "one proof for each key");
    }
}

/// What everything is judged on.
pub fn basis(bytes: &[u8]) {
    let Some(basis) = json_round_trip::<Basis>(bytes) else { return };
    match basis.check(&WORLD.genesis, &WORLD.checkpoint.checkpoint) {
        Ok(grounds) => assert_eq!(grounds.policy().map(|(_, policy)| policy), Some(&WORLD.all.policy)),
        Err(BasisError::Broken(what)) => panic!("an honest log is accused: {what}"),
        Err(_) => {}
    }
}

/// Offline proofs, with what is in their `extra` line.
pub fn proof_file(bytes: &[u8]) {
    if let Ok(extra) = Extra::parse(bytes) {
        assert_eq!(extra.to_string().as_bytes(), bytes);
    }
    let Ok(file) = ProofFile::parse(bytes) else { return };
    assert_eq!(file.to_string().as_bytes(), bytes);
    if let Some(Ok(extra)) = file.extra.as_deref().map(Extra::parse) {
        assert_eq!(Some(extra.to_string().into_bytes()), file.extra);
    }
    let Ok(checkpoint) = WORLD.trust.open(file.checkpoint.as_bytes()) else { return };
    match check_proof_file(&WORLD.genesis, &checkpoint, &file) {
        Ok(facts) => assert!(WORLD.says(&facts), "the log never said this"),
        Err(error) => not_accused(&error),
    }
}

/// Requests of look-ups.
pub fn lookup_request(bytes: &[u8]) {
    let Some(request) = json_round_trip::<LookupRequest>(bytes) else { return };
    for key in &request.keys {
        let _ = key.index_key().map(|key| key.hash());
        assert_eq!(key.clone().starting(7).from(), 7);
    }
}

/// Answers to look-ups.
pub fn lookup_answer(bytes: &[u8]) {
    let Some(answer) = json_round_trip::<LookupAnswer>(bytes) else { return };
    match check_answer(&WORLD.genesis, &WORLD.checkpoint, &WORLD.keys, &answer) {
        Ok(facts) => {
            assert!(WORLD.says(&facts), "the log never said this");
            let has_all = WORLD.facts.releases.iter().all(|release| facts.releases.contains(release))
                && WORLD.facts.withdrawals.iter().all(|withdrawal| facts.withdrawals.contains(withdrawal));
            assert!(has_all || !facts.complete, "it is not complete");
        }
        Err(error) => not_accused(&error),
    }
}

/// Receipts and problems, of one statement and of several.
pub fn receipt(bytes: &[u8]) {
    json_round_trip::<Receipt>(bytes);
    json_round_trip::<Committed>(bytes);
    json_round_trip::<BatchLine>(bytes);
    json_round_trip::<BatchEnd>(bytes);
    json_round_trip::<Problem>(bytes);
}

/// Evidence against the honest log.
pub fn evidence(bytes: &[u8]) {
    let Some(evidence) = json_round_trip::<Evidence>(bytes) else { return };
    assert!(
        evidence.verify(&WORLD.genesis, &WORLD.trust.witness_keys()).is_err(),
        "an honest log is accused"
    );
}

/// Entries one after the other, framed as in a bundle.
pub fn history(bytes: &[u8]) {
    let mut history = History::new(WORLD.genesis.clone());
    let mut edge = Edge::new();
    let mut rest = bytes;
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let Some((entry, after)) = after.split_at_checked(u16::from_be_bytes(*length).into()) else { break };
        edge.push(leaf_hash(entry));
        // Judged when their commitment comes.
        let _ = history.push(entry);
        rest = after;
    }
    assert_eq!((history.size(), history.root()), (edge.size(), edge.root()));
    let is_signed = |said: Statement| {
        assert!(WORLD.signed.iter().any(|signed| signed.statement == said), "nobody has signed {said:?}");
    };
    for project in history.projects() {
        let releases = history.releases(project).iter();
        releases.for_each(|release| is_signed(Statement::Release(release.statement.clone())));
        let withdrawals = history.withdrawals(project).iter();
        withdrawals.for_each(|withdrawal| is_signed(Statement::Withdrawal(withdrawal.statement.clone())));
    }
    assert!(history.policy().is_none_or(|(_, policy)| *policy == WORLD.all.policy));
}

/// Reads JSON; what was read is written and reads the same.
fn json_round_trip<T: DeserializeOwned + Serialize + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let again: T =
        serde_json::from_slice(&serde_json::to_vec(&value).expect("JSON")).expect("what was written");
    assert_eq!(value, again);
    Some(value)
}

fn not_accused(error: &Distrust) {
    assert!(!matches!(error, Distrust::Misbehaviour { .. }), "an honest log is accused: {error}");
}

fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks_exact(32).filter_map(Hash::from_slice).collect()
}

use super::*;
use crate::commitment::IndexCommitment;
use crate::hash::EMPTY_ROOT;
use crate::history::{History, Violation};
use crate::policy::Roots;
use crate::testing::{genesis, key, policy, public, signed, signed_policy, signed_release};

/// After the first policy, without times.
const LATER: Moment = Moment { index: 7, time: None };

fn timeline() -> Timeline {
    let mut timeline = Timeline::default();
    timeline.push(Moment { index: 0, time: None }, 1, policy()).expect("room");
    timeline
}

fn refuses_release(signed: &SignedStatement) -> Refusal {
    authorise(signed, LATER, &timeline(), &genesis()).expect_err("a refusal")
}

#[test]
fn publishers_publish_their_own_projects() {
    let good = signed_release("nova", "1.0", "a", "team");
    assert_eq!(authorise(&good, LATER, &timeline(), &genesis()), Ok(()));
    assert_eq!(authorise(&good, LATER, &Timeline::default(), &genesis()), Err(Refusal::NoPolicy));
    let foreign = signed_release("oslo-log", "1.0", "a", "team");
    assert!(matches!(refuses_release(&foreign), Refusal::NotForProject { .. }));
    let unknown = signed_release("nova", "1.0", "a", "mallory");
    assert!(matches!(refuses_release(&unknown), Refusal::UnknownKey { .. }));
    let root = signed_release("nova", "1.0", "a", "root1");
    assert!(matches!(refuses_release(&root), Refusal::UnknownKey { .. }));
    let nobody = signed(good.envelope.payload().to_vec(), &[]);
    assert_eq!(refuses_release(&nobody), Refusal::Unsigned);
    let both = signed(good.envelope.payload().to_vec(), &["team", "oslo"]);
    assert!(matches!(refuses_release(&both), Refusal::NotForProject { .. }), "all signers must be allowed");
}

#[test]
fn signatures_must_be_of_the_key_they_name() {
    let good = signed_release("nova", "1.0", "a", "team");
    let other = signed_release("nova", "1.1", "a", "team");
    // The other statement's signature under this payload.
    let forged = String::from_utf8(good.envelope.to_canonical()).expect("UTF-8");
    let sig =
        |signed: &SignedStatement| crate::hash::encode_base64(&signed.envelope.signatures()[0].signature);
    let forged = forged.replace(&sig(&good), &sig(&other));
    let forged = SignedStatement::new(Envelope::parse(forged.as_bytes()).expect("an envelope")).expect("one");
    assert!(matches!(refuses_release(&forged), Refusal::BadSignature { .. }));
    let team = public("team");
    let find = |keyid: &str| (keyid == team.keyid()).then_some(&team);
    assert_eq!(check_signatures(&good.envelope, find), Ok(()));
    assert!(matches!(check_signatures(&forged.envelope, find), Err(Refusal::BadSignature { .. })));
    assert_eq!(check_signatures(&forged.envelope, |_| None), Ok(()), "unknown keys are judged later");
}

#[test]
fn the_first_policy_needs_both_thresholds() {
    let none = Timeline::default();
    let check =
        |policy, signers: &[&str]| authorise(&signed_policy(policy, signers), LATER, &none, &genesis());
    assert_eq!(check(policy(), &["root1", "root3"]), Ok(()));
    assert_eq!(
        check(policy(), &["root1"]),
        Err(Refusal::Threshold { found: 1, needed: 2, whose: "the log's" })
    );
    assert!(matches!(check(policy(), &["root1", "root2", "team"]), Err(Refusal::UnknownKey { .. })));
    let mut own = policy();
    own.roots = Roots::new(1, vec![public("new-root")]).expect("1 of 1");
    assert_eq!(
        check(own.clone(), &["root1", "root2"]),
        Err(Refusal::Threshold { found: 0, needed: 1, whose: "its own" })
    );
    assert_eq!(check(own, &["root1", "root2", "new-root"]), Ok(()));
    let mut second = policy();
    second.version = 2;
    assert!(matches!(check(second, &["root1", "root2"]), Err(Refusal::PolicyNotDue { .. })));
    let again = signed_policy(policy(), &["root1", "root2"]);
    let refusal = authorise(&again, LATER, &timeline(), &genesis());
    assert!(matches!(refusal, Err(Refusal::PolicyNotDue { .. })));
    let mut elsewhere = genesis();
    elsewhere.log = key("other.example").public().clone();
    assert!(matches!(authorise(&again, LATER, &none, &elsewhere), Err(Refusal::OtherLog { .. })));
}

/// A log's entries, each commitment true.
fn entries(statements: &[SignedStatement]) -> Vec<Vec<u8>> {
    let mut index = crate::index::VerifiableIndex::default();
    let mut entries: Vec<Vec<u8>> = Vec::new();
    for signed in statements {
        let first = entries.len() as u64;
        index.add(first, signed.index_keys().iter().map(crate::entry::IndexKey::hash));
        entries.push(signed.envelope.to_canonical());
        let commitment = IndexCommitment { size: first + 1, root: index.root(), time: first + 1, first };
        entries.push(commitment.to_string().into_bytes());
    }
    entries
}

fn replay(entries: &[Vec<u8>]) -> Result<History, crate::history::HistoryError> {
    let mut history = History::new(genesis());
    entries.iter().try_for_each(|entry| history.push(entry))?;
    Ok(history)
}

#[test]
fn a_history_keeps_its_promises() {
    let honest = [
        signed_policy(policy(), &["root1", "root2"]),
        signed_release("nova", "1.0", "a", "team"),
        signed_release("oslo-log", "1.0", "a", "oslo"),
    ];
    let good = entries(&honest);
    let history = replay(&good).expect("an honest log");
    assert_eq!((history.size(), history.ends_in_commitment()), (6, true));
    assert_eq!(history.projects().count(), 2);
    let release = &history.releases(history.projects().next().expect("nova"))[0];
    assert_eq!((release.index, release.time), (2, Some(3)));
    assert_eq!(release.signers, [public("team").keyid()]);
    let root = history.root();
    assert_eq!(
        crate::reference::root(&good.iter().map(|e| crate::hash::leaf_hash(e)).collect::<Vec<_>>()),
        root
    );

    let check = |entries: &[Vec<u8>]| replay(entries).expect_err("a violation");
    // A second digest for a name.
    let mut forked = honest.to_vec();
    forked.push(signed_release("nova", "1.0", "b", "team"));
    let error = check(&entries(&forked));
    assert_eq!(error.index, 6);
    assert!(matches!(error.violation, Violation::Refused(Refusal::Conflict { .. })), "{error}");
    // The same files again are no conflict.
    let mut again = honest.to_vec();
    again.push(signed_release("nova", "1.0", "a", "team"));
    assert!(replay(&entries(&again)).is_ok());
    // Somebody without permission.
    let mut mallory = honest.to_vec();
    mallory.push(signed_release("nova", "1.1", "a", "mallory"));
    assert!(matches!(check(&entries(&mallory)).violation, Violation::Refused(Refusal::UnknownKey { .. })));
    // Releases before a policy, and commitments that lie.
    assert!(matches!(check(&entries(&honest[1..])).violation, Violation::Refused(Refusal::NoPolicy)));
    let lie = |commitment: IndexCommitment| {
        let mut lying = good.clone();
        lying[5] = commitment.to_string().into_bytes();
        check(&lying).violation
    };
    let IndexCommitment { size, root, time, first } =
        IndexCommitment::parse(str::from_utf8(&good[5]).expect("UTF-8")).expect("a commitment");
    assert_eq!(lie(IndexCommitment { size: 4, root, time, first }), Violation::CommitmentSize { found: 4 });
    assert_eq!(lie(IndexCommitment { size, root: EMPTY_ROOT, time, first }), Violation::CommitmentRoot);
    let earlier = lie(IndexCommitment { size, root, time, first: 2 });
    assert_eq!(earlier, Violation::CommitmentFirst { found: 2, expected: 4 });
    let back = lie(IndexCommitment { size, root, time: 1, first });
    assert_eq!(back, Violation::CommitmentTime { before: 3, found: 1 });
    let mut garbage = good.clone();
    garbage[2].push(b' ');
    assert!(matches!(check(&garbage).violation, Violation::Entry(_)));
}

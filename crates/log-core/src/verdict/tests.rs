//! An honest small log, and every way to lie about it.

use super::*;
use crate::artifact::{FileName, candidates};
use crate::checkpoint::Checkpoint;
use crate::cosignature;
use crate::hash::{Hash, leaf_hash};
use crate::testing::{
    SmallLog, genesis, key, policy, release, sha256, signed_policy, signed_release, signed_withdrawal,
};
use crate::toy::ToyLog;

fn honest() -> SmallLog {
    SmallLog::with(&[
        signed_policy(policy(), &["root1", "root2"]),
        signed_release("nova", "1.0", "a", "team"),
        signed_release("nova", "1.1", "a", "team"),
    ])
}

/// The answer about the project nova, of which these are the entries.
fn about_nova(log: &SmallLog, indices: &[u64]) -> LookupAnswer {
    log.answer_listing(&[(nova(), indices.to_vec())])
}

fn trust(quorum: &str) -> Trust {
    let witness = key("w.example").cosigner().to_vkey();
    let text = format!("log {}\nwitness w {witness}\nquorum {quorum}\n", genesis().log.to_vkey());
    let policy = TrustPolicy::parse(&text).expect("a trust policy");
    Trust { policy, genesis: genesis(), max_age: Some(100) }
}

fn nova() -> LookupKey {
    LookupKey::Project { name: ProjectName::parse("nova").expect("a name"), from: 0 }
}

fn facts(answer: &LookupAnswer) -> Result<Facts, Distrust> {
    let trust = trust("none");
    let open = trust.open(answer.checkpoint.as_bytes(), 0)?;
    check_answer(&trust.genesis, &open, &[nova()], answer)
}

fn subject(name: &str, sha256: Hash) -> Subject {
    let name = FileName::parse(name).expect("a file name");
    Subject { candidates: candidates(&name), name, sha256 }
}

#[test]
fn verdicts_on_an_honest_log() {
    let facts = facts(&about_nova(&honest(), &[1, 2])).expect("an honest answer");
    assert_eq!((facts.log_time, facts.complete), (Some(1_000), true));
    let good = sha256("nova-1.0.tar.gz a");
    let verdict = judge(&subject("nova-1.0.tar.gz", good), &facts);
    assert!(matches!(verdict, Verdict::Verified { index: 1, .. }), "{verdict:?}");
    let verdict = judge(&subject("nova-1.0.tar.gz", sha256("evil")), &facts);
    assert_eq!(verdict, Verdict::OtherHash { logged: good, index: 1 });
    let verdict = judge(&subject("nova-1.0-1-py3-none-any.whl", sha256("evil")), &facts);
    assert!(
        matches!(verdict, Verdict::NotLogged { release_logged: true, logged_as: None, .. }),
        "{verdict:?}"
    );
    let verdict = judge(&subject("nova-1.2.tar.gz", good), &facts);
    let Verdict::NotLogged { release_logged, logged_as, .. } = verdict else { panic!("{verdict:?}") };
    assert_eq!((release_logged, logged_as.as_ref().map(FileName::as_str)), (false, Some("nova-1.0.tar.gz")));
    // The name alone does not make a file of another project this project's.
    let mut other = subject("nova-1.0.tar.gz", good);
    other.candidates[0].0 = ProjectName::parse("glance").expect("a name");
    assert!(matches!(judge(&other, &facts), Verdict::NotLogged { .. }));
}

#[test]
fn uncovered_projects_are_said_to_be_so() {
    let mut narrow = policy();
    narrow.projects.clear();
    let log = SmallLog::with(&[signed_policy(narrow, &["root1", "root2"])]);
    let facts = facts(&about_nova(&log, &[])).expect("an honest answer");
    assert_eq!(judge(&subject("nova-1.0.tar.gz", sha256("a")), &facts), Verdict::NotCovered);
}

#[test]
fn quorum_and_age() {
    let log = honest();
    let note = crate::note::Note::parse(log.checkpoint().as_bytes()).expect("a note");
    let mut cosigned = note.clone();
    cosigned.push(cosignature::sign(&key("w.example"), note.text(), 5_000));
    let cosigned = cosigned.to_string();
    let open = |text: &str, now| trust("w").open(text.as_bytes(), now).map(|open| open.cosigned_at);
    assert!(matches!(open(&note.to_string(), 5_000), Err(Distrust::Checkpoint(TrustError::Quorum { .. }))));
    assert_eq!(open(&cosigned, 5_100), Ok(Some(5_000)));
    assert_eq!(open(&cosigned, 5_101), Err(Distrust::Stale { age: 101, limit: 100 }));
    assert_eq!(open(&cosigned, 4_700), Ok(Some(5_000)), "clocks differ a little");
    assert_eq!(open(&cosigned, 4_699), Err(Distrust::Future { ahead: 301 }));
    assert!(trust("w").open_at_any_age(cosigned.as_bytes()).is_ok());
}

#[test]
fn offline_proofs() {
    let log = honest();
    let check = |file: &ProofFile| {
        let trust = trust("none");
        let open = trust.open_at_any_age(file.checkpoint.as_bytes())?;
        check_proof_file(&trust.genesis, &open, file)
    };
    let good = log.proof_file(2);
    let again = ProofFile::parse(good.to_string().as_bytes()).expect("what was written");
    assert_eq!(again, good);
    let facts = check(&good).expect("a good proof");
    assert_eq!(facts.releases[0].statement, release("nova", "1.1", "a"));
    let mut bad = good.clone();
    bad.index = 1;
    assert!(matches!(check(&bad), Err(Distrust::NotIncluded { index: 1, .. })));
    let mut bad = good.clone();
    bad.proof.push(bad.proof[0]);
    assert!(matches!(check(&bad), Err(Distrust::NotIncluded { .. })));
    let mut bad = good.clone();
    bad.extra = Some(b"other".to_vec());
    assert!(matches!(check(&bad), Err(Distrust::Malformed(_))));
    let swapped =
        Extra { entry: log.entries()[1].clone(), policies: vec![log.proven(0)], commitments: vec![] };
    bad.extra = Some(swapped.to_string().into_bytes());
    assert!(matches!(check(&bad), Err(Distrust::NotIncluded { .. })));
    let no_policy =
        Extra { entry: log.entries()[2].clone(), policies: vec![log.proven(1)], commitments: vec![] };
    bad.extra = Some(no_policy.to_string().into_bytes());
    assert!(matches!(check(&bad), Err(Distrust::Malformed(_))));
}

#[test]
fn answers_that_lie_are_not_believed() {
    let log = honest();
    let good = about_nova(&log, &[1, 2]);
    let lie = |change: &dyn Fn(&mut LookupAnswer)| {
        let mut answer = good.clone();
        change(&mut answer);
        facts(&answer).expect_err("a lie")
    };
    let error = lie(&|answer| answer.entries[1].index = 3);
    assert!(matches!(error, Distrust::NotIncluded { .. }), "{error}");
    let error = lie(&|answer| answer.entries[0].proof.clear());
    assert!(matches!(error, Distrust::NotIncluded { .. }), "{error}");
    let other = EntryJson::new(&SmallLog::with(&[signed_release("nova", "9", "x", "team")]).proven(0));
    let error = lie(&|answer| answer.entries[0] = other.clone());
    assert!(matches!(error, Distrust::NotIncluded { .. }), "{error}");
    let error = lie(&|answer| answer.basis.policies[0] = answer.entries[0].clone());
    assert!(matches!(error, Distrust::Malformed(_)), "{error}");
    let error = lie(&|answer| answer.basis.commitment = answer.entries[0].clone());
    assert!(matches!(error, Distrust::Malformed(_)), "{error}");
    let error = lie(&|answer| answer.entries[0].entry.push('='));
    assert!(matches!(error, Distrust::Malformed(_)), "{error}");
    let error = lie(&|answer| answer.checkpoint = answer.checkpoint.replace("\n4\n", "\n5\n"));
    assert!(matches!(error, Distrust::Checkpoint(_)), "{error}");
    // A tree whose last leaf is no commitment is never published.
    let mut unfinished = honest();
    unfinished.push(&signed_release("nova", "1.2", "a", "team"));
    assert!(matches!(facts(&about_nova(&unfinished, &[1])), Err(Distrust::Malformed(_))));
}

#[test]
fn a_log_that_hides_something_is_caught() {
    let log = honest();
    let good = about_nova(&log, &[1, 2]);
    assert!(facts(&good).is_ok());
    let caught = |change: &dyn Fn(&mut LookupAnswer)| {
        let mut answer = good.clone();
        change(&mut answer);
        let error = facts(&answer).expect_err("a lie");
        assert!(matches!(error, Distrust::Incomplete { .. }), "{error}");
    };
    // It hides an entry, drops one of two, says that there is none, or swaps them.
    caught(&|answer| answer.results[0].entries.truncate(1));
    caught(&|answer| {
        answer.results[0].entries.remove(0);
    });
    caught(&|answer| answer.results[0].entries.clear());
    caught(&|answer| answer.results[0].entries.swap(0, 1));
    // It gives no proof, that of another key, or that of an older index.
    caught(&|answer| answer.results[0].map = None);
    caught(&|answer| answer.results[0].map = Some(answer.basis.policy_map.clone()));
    caught(&|answer| answer.basis.policy_map = answer.results[0].map.clone().expect("a proof"));
    let older = SmallLog::with(&[
        signed_policy(policy(), &["root1", "root2"]),
        signed_release("nova", "1.0", "a", "team"),
    ]);
    caught(&|answer| {
        answer.results[0] = about_nova(&older, &[1]).results[0].clone();
        answer.entries.truncate(1);
    });
    // It names an entry that it does not show.
    let mut answer = good.clone();
    answer.entries.pop();
    assert!(matches!(facts(&answer), Err(Distrust::Malformed(_))));
    // An answer that was cut is believed, and is not complete.
    let mut cut = good.clone();
    cut.results[0].next = Some(2);
    cut.results[0].entries.pop();
    assert!(!facts(&cut).expect("a true part").complete);
    // Of a project that the log has nothing of, nothing is proven to be all.
    let trust = trust("none");
    let open = trust.open(good.checkpoint.as_bytes(), 0).expect("a checkpoint");
    let glance = LookupKey::Project { name: ProjectName::parse("glance").expect("a name"), from: 0 };
    let mut absent = about_nova(&log, &[]);
    let index_key = glance.index_key().expect("a key");
    absent.results[0].map = Some(log.map_proof(&index_key));
    let facts = check_answer(&trust.genesis, &open, &[glance], &absent).expect("absent");
    assert!(facts.complete && facts.releases.is_empty());
    assert!(check_answer(&trust.genesis, &open, &[nova()], &absent).is_err(), "nova is not absent");
}

#[test]
fn misbehaviour_yields_evidence() {
    let first = signed_policy(policy(), &["root1", "root2"]);
    let release = signed_release("nova", "1.0", "a", "team");
    let check = |statements: &[SignedStatement]| {
        let log = SmallLog::with(statements);
        let indices: Vec<u64> = (1..statements.len() as u64).collect();
        let Err(Distrust::Misbehaviour { what, evidence }) = facts(&about_nova(&log, &indices)) else {
            panic!("misbehaviour")
        };
        let json = serde_json::to_string(&evidence).expect("JSON");
        let again: Evidence = serde_json::from_str(&json).expect("evidence");
        assert!(again.verify(&genesis(), &[]).is_ok(), "{what}");
        let mut elsewhere = genesis();
        elsewhere.log = key("other.example").public().clone();
        assert!(again.verify(&elsewhere, &[]).is_err());
        what
    };
    let conflict = signed_release("nova", "1.0", "b", "team");
    assert!(check(&[first.clone(), release.clone(), conflict]).contains("two digests"));
    let mallory = signed_release("nova", "1.1", "b", "mallory");
    assert!(check(&[first.clone(), release.clone(), mallory]).contains("refuses"));
    // A first policy of other roots is another log, or a mistake in a trust file.
    let other_roots = SmallLog::with(&[signed_policy(policy(), &["root1"]), release]);
    assert_eq!(facts(&about_nova(&other_roots, &[1])).expect_err("not ours"), Distrust::OtherRoots);
    let answer = other_roots.answer(&[]);
    let entries = other_roots.entries().iter().map(|entry| crate::hash::encode_base64(entry)).collect();
    let checkpoint = other_roots.checkpoint();
    for none in [
        Evidence::BrokenRule { checkpoint: checkpoint.clone(), basis: answer.basis, entries: vec![] },
        Evidence::BrokenHistory { checkpoint, entries },
    ] {
        assert!(none.verify(&genesis(), &[]).expect_err("none").is_of_other_roots());
    }
    // Whole histories are judged by the same rules.
    let lying = SmallLog::with(&[first.clone(), signed_release("nova", "1.1", "b", "mallory")]);
    for (log, guilty) in [(&lying, true), (&honest(), false)] {
        let entries = log.entries().iter().map(|entry| crate::hash::encode_base64(entry)).collect();
        let evidence = Evidence::BrokenHistory { checkpoint: log.checkpoint(), entries };
        assert_eq!(evidence.verify(&genesis(), &[]).is_ok(), guilty);
    }
    // An honest log yields none, not even when its policy is shown once more.
    let log = honest();
    let json = |index| log.json(index);
    let honest = Evidence::BrokenRule {
        checkpoint: log.checkpoint(),
        basis: about_nova(&log, &[]).basis,
        entries: vec![json(0), json(1), json(2)],
    };
    assert!(honest.verify(&genesis(), &[]).is_err());
}

/// Rounds under policies with times, each of which breaks one rule.
#[test]
fn misbehaviour_in_time_yields_evidence() {
    let until = |time: u64| {
        let mut policy = policy();
        policy.publishers[0].keys[0].until = Some(time);
        policy
    };
    let version = |version: u64, policy: Policy| Policy { version, ..policy };
    let first = |policy: Policy| signed_policy(policy, &["root1", "root2"]);
    let (old, new) = (signed_release("nova", "1.0", "a", "team"), signed_release("nova", "1.1", "a", "team"));
    let check = |rounds: &[(u64, &[&SignedStatement])]| {
        let mut log = SmallLog::default();
        for (time, round) in rounds {
            let round: Vec<SignedStatement> = round.iter().map(|signed| (*signed).clone()).collect();
            log.round(*time, &round);
        }
        let lookup = facts(&log.answer(&[nova()]));
        let entries = log.entries().iter().map(|entry| crate::hash::encode_base64(entry)).collect();
        let whole = Evidence::BrokenHistory { checkpoint: log.checkpoint(), entries }.verify(&genesis(), &[]);
        match lookup {
            Err(Distrust::Misbehaviour { what, evidence }) => {
                assert!(whole.is_ok(), "{what}");
                assert_eq!(evidence.verify(&genesis(), &[]), Ok(what));
                Some(what)
            }
            lookup => {
                assert!(lookup.is_ok() && whole.is_err(), "{lookup:?}");
                None
            }
        }
    };
    // A key outside its time; the round decides, not the statement.
    let ends = first(until(2_000));
    assert_eq!(check(&[(1_000, &[&ends]), (1_999, &[&old, &new])]), None);
    let late = check(&[(1_000, &[&ends]), (1_500, &[&old]), (2_000, &[&new])]);
    assert!(late.expect("misbehaviour").contains("its policy refuses"));
    // A later policy by too few roots, out of turn, or in force too early.
    let start = first(until(9_000));
    let bad = signed_policy(version(2, until(8_000)), &["root1"]);
    let few = check(&[(1_000, &[&start]), (1_100, &[&old]), (1_200, &[&bad])]);
    assert!(few.expect("misbehaviour").contains("roots that it needs"));
    let skipped = first(version(3, until(8_000)));
    assert!(check(&[(1_000, &[&start]), (1_200, &[&skipped])]).is_some());
    let slow = first(Policy { cool_down: 500, ..policy() });
    let opens = first(version(2, {
        let mut policy = policy();
        policy.publishers[1].projects = policy.publishers[0].projects.clone();
        policy
    }));
    let early = signed_release("nova", "2.0", "a", "oslo");
    assert_eq!(check(&[(1_000, &[&slow]), (1_100, &[&opens]), (1_600, &[&early])]), None);
    assert!(check(&[(1_000, &[&slow]), (1_100, &[&opens]), (1_599, &[&early])]).is_some());
    // The policy that waits is cancelled by the next.
    let stop = first(version(3, policy()));
    let rounds: [(u64, &[&SignedStatement]); 4] =
        [(1_000, &[&slow]), (1_100, &[&opens]), (1_200, &[&stop]), (1_650, &[&early])];
    assert!(check(&rounds).is_some());
    // A withdrawn file that comes back, and one that was never there.
    let withdrawal = signed_withdrawal("nova", "1.0", "a", "team");
    assert_eq!(check(&[(1_000, &[&start]), (1_100, &[&old]), (1_200, &[&withdrawal])]), None);
    let again = signed_release("nova", "1.0", "a", "team");
    let back = check(&[(1_000, &[&start]), (1_100, &[&old, &withdrawal]), (1_200, &[&again])]);
    assert!(back.expect("misbehaviour").contains("was withdrawn"));
    let forbidden = first(version(2, {
        let mut policy = until(9_000);
        policy.publishers[0].withdraw = false;
        policy
    }));
    assert!(check(&[(1_000, &[&start, &forbidden]), (1_100, &[&old]), (1_200, &[&withdrawal])]).is_some());
    // A clock that goes back.
    let back = check(&[(1_500, &[&start]), (1_400, &[&old]), (1_600, &[&new])]);
    assert!(back.expect("misbehaviour").contains("time went back"));
}

/// A commitment that takes over entries of the one before: two times for one entry.
#[test]
fn an_entry_with_two_times_yields_evidence() {
    let mut policy = policy();
    policy.publishers[0].keys[0].until = Some(2_000);
    let mut log = SmallLog::default();
    log.round(1_000, &[signed_policy(policy, &["root1", "root2"])]);
    log.round(1_500, &[signed_release("nova", "1.0", "a", "team")]);
    log.push(&signed_release("nova", "1.1", "a", "oslo"));
    let lying = crate::commitment::IndexCommitment { first: 2, ..log.commitment(1_600) };
    log.commit(lying);
    let mut answer = log.answer(&[nova()]);
    let error = facts(&answer).expect_err("a lie");
    let Distrust::Misbehaviour { what, evidence } = error else { panic!("{error}") };
    assert!(what.contains("say the time of one entry"), "{what}");
    assert_eq!(evidence.verify(&genesis(), &[]), Ok(what));
    // When only one of the two is shown, nobody can tell but who reads the log whole.
    answer.basis.commitments.retain(|commitment| commitment.index != 3);
    assert!(matches!(facts(&answer), Err(Distrust::Misbehaviour { what, .. }) if what.contains("refuses")));
    let entries = log.entries().iter().map(|entry| crate::hash::encode_base64(entry)).collect();
    let whole = Evidence::BrokenHistory { checkpoint: log.checkpoint(), entries };
    assert!(whole.verify(&genesis(), &[]).is_ok());
}

#[test]
fn an_entry_of_a_later_protocol_is_no_misbehaviour() {
    let known = signed_release("nova", "1.0", "a", "team").envelope.payload().to_vec();
    let later = String::from_utf8(known)
        .expect("UTF-8")
        .replace("in-toto.io/attestation/release/v0.2", "example.org/new");
    let mut envelope = crate::dsse::Envelope::unsigned(later.into_bytes());
    envelope.sign(&key("team"));
    let mut log = honest();
    log.push_bytes(envelope.to_canonical(), &[nova().index_key().expect("a key").hash()]);
    log.commit(log.commitment(1_000));
    assert!(matches!(facts(&about_nova(&log, &[1, 2, 4])), Err(Distrust::Newer { index: 4, .. })));
    let json = |index| log.json(index);
    let evidence = Evidence::BrokenRule {
        checkpoint: log.checkpoint(),
        basis: about_nova(&log, &[]).basis,
        entries: vec![json(4)],
    };
    assert!(evidence.verify(&genesis(), &[]).is_err());
    let entries = log.entries().iter().map(|entry| crate::hash::encode_base64(entry)).collect();
    let evidence = Evidence::BrokenHistory { checkpoint: log.checkpoint(), entries };
    assert!(evidence.verify(&genesis(), &[]).is_err());
}

#[test]
fn an_ambiguous_name_has_no_verdict() {
    // foo-1-2.tar.gz is 2 of foo-1 and 1.post2 of foo, whichever was logged first.
    let release = |project: &str, version: &str, bytes: &str| {
        let mut release = release(project, version, bytes);
        release.files.truncate(1);
        release.files[0].name = FileName::parse("foo-1-2.tar.gz").expect("a name");
        release.files[0].sha256 = sha256(bytes);
        release
    };
    let (good, evil) = (release("foo-1", "2", "good"), release("foo", "1.post2", "evil"));
    let facts = |releases: &[&Release]| {
        let recorded = |(index, release): (u64, &&Release)| Recorded {
            index,
            time: None,
            signers: vec![],
            statement: (*release).clone(),
        };
        let releases = (1u64..).zip(releases).map(recorded).collect();
        let timeline = Timeline::default();
        Facts { timeline, policy: policy(), releases, withdrawals: vec![], log_time: None, complete: false }
    };
    for (text, order) in [("evil", [&evil, &good]), ("good", [&evil, &good]), ("good", [&good, &evil])] {
        let verdict = judge(&subject("foo-1-2.tar.gz", sha256(text)), &facts(&order));
        assert!(matches!(&verdict, Verdict::Ambiguous { projects } if projects.len() == 2), "{verdict:?}");
        let mut one = subject("foo-1-2.tar.gz", sha256(text));
        one.candidates.retain(|(project, _)| project.as_str() == "foo-1");
        let verdict = judge(&one, &facts(&order));
        assert_eq!(matches!(verdict, Verdict::Verified { .. }), text == "good", "{verdict:?}");
    }
    let verdict = judge(&subject("foo-1-2.tar.gz", sha256("good")), &facts(&[&good]));
    assert!(matches!(verdict, Verdict::Verified { .. }), "only one of them is logged");
}

#[test]
fn forks_yield_evidence_at_every_pair_of_sizes() {
    let sign = |tree: &ToyLog| {
        let (size, root) = (tree.edge.size(), tree.edge.root());
        let origin = "log.example".to_owned();
        Checkpoint { origin, size, root, extensions: vec![] }.sign(&key("log.example")).to_string()
    };
    for old in 1..20u64 {
        let (mut left, mut right) = (ToyLog::default(), ToyLog::default());
        for i in 0..old {
            left.push(leaf_hash(&i.to_be_bytes()));
            right.push(leaf_hash(&(i + u64::from(i == old / 2)).to_be_bytes()));
        }
        for new in old..20 {
            let size = right.edge.size();
            let root = crate::consistency::root_at(old, size, |id| right.tile(id));
            let evidence = Evidence::fork(sign(&left), sign(&right), root, &right.consistency(old));
            assert!(evidence.verify(&genesis(), &[]).is_ok(), "{old} and {new}");
            // The honest prefix of the same tree is none.
            let own = consistent(&right, old, &sign);
            assert!(own.verify(&genesis(), &[]).is_err(), "{old} and {new}");
            right.push(leaf_hash(&new.to_be_bytes()));
        }
    }
}

fn consistent(tree: &ToyLog, old: u64, sign: &dyn Fn(&ToyLog) -> String) -> Evidence {
    let size = tree.edge.size();
    let root = crate::consistency::root_at(old, size, |id| tree.tile(id));
    let origin = "log.example".to_owned();
    let older = Checkpoint { origin, size: old, root, extensions: vec![] }.sign(&key("log.example"));
    Evidence::fork(older.to_string(), sign(tree), root, &tree.consistency(old))
}

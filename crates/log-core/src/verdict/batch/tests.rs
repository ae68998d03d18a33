//! Honest answers to batches, and every way to lie in one.

use super::*;
use crate::api::Committed;
use crate::testing::{SmallLog, genesis, policy, signed, signed_policy, signed_release};
use crate::trust_policy::TrustPolicy;
use crate::verdict::{Trust, check_proof_file};

fn trust() -> Trust {
    let text = format!("log {}\nquorum none\n", genesis().log.to_vkey());
    let policy = TrustPolicy::parse(&text).expect("a trust policy");
    Trust { policy, genesis: genesis(), max_age: None }
}

fn check(sent: &[Envelope], answer: &BatchAnswer) -> Result<CheckedBatch, Distrust> {
    let trust = trust();
    let open = trust.open_at_any_age(answer.end.checkpoint.as_bytes())?;
    check_batch(&trust.genesis, &open, sent, answer)
}

/// Two rounds under a policy whose keys have times; the second policy comes between them.
fn log() -> (SmallLog, Vec<Envelope>) {
    let mut first = policy();
    first.publishers[0].keys[0].until = Some(5_000);
    let mut second = first.clone();
    second.version = 2;
    let statements = [
        signed_policy(first, &["root1", "root2"]),
        signed_release("nova", "1.0", "a", "team"),
        signed_policy(second, &["root1", "root2"]),
        signed_release("nova", "1.1", "a", "team"),
        signed_release("oslo-log", "1.0", "a", "oslo"),
    ];
    let mut log = SmallLog::default();
    for (time, round) in [(1_000, &statements[..2]), (2_000, &statements[2..3]), (3_000, &statements[3..])] {
        log.round(time, round);
    }
    (log, statements.map(|signed| signed.envelope).into())
}

fn answer(log: &SmallLog, sent: &[Envelope]) -> BatchAnswer {
    let (lines, end) = log.batch(sent);
    BatchAnswer { lines, end }
}

#[test]
fn honest_answers_are_checked_and_give_proofs() {
    let (log, sent) = log();
    let good = answer(&log, &sent);
    let mut text: Vec<String> =
        good.lines.iter().map(|line| serde_json::to_string(line).expect("JSON")).collect();
    text.push(serde_json::to_string(&good.end).expect("JSON"));
    for text in [text.join("\n"), text.join("\n") + "\n"] {
        assert_eq!(BatchAnswer::parse(text.as_bytes()), Ok(good.clone()));
    }
    for bad in ["", "{}", "\n", &text.join("\n\n"), &text[..1].join("\n")] {
        assert!(BatchAnswer::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let checked = check(&sent, &good).expect("an honest answer");
    let trust = trust();
    for outcome in &checked.outcomes {
        let BatchOutcome::Logged { entry, .. } = outcome else { panic!("{outcome:?}") };
        let file = checked.proof_file(entry);
        // What is built from the parts is what the log would give.
        assert_eq!(file, log.proof_file(entry.index));
        let open = trust.open_at_any_age(file.checkpoint.as_bytes()).expect("a checkpoint");
        let facts = check_proof_file(&trust.genesis, &open, &file).expect("a proof");
        assert!(facts.releases.len() + facts.timeline.policies().len() > 0);
    }
    // Parts of it, in any order, and a statement twice.
    let some = [sent[3].clone(), sent[1].clone(), sent[3].clone()];
    let checked = check(&some, &answer(&log, &some)).expect("an honest answer");
    assert_eq!(checked.outcomes[0], checked.outcomes[2]);
    assert!(check(&[], &answer(&log, &[])).expect("an honest answer").outcomes.is_empty());
}

#[test]
fn signatures_may_be_others_and_payloads_may_not() {
    let (log, mut sent) = log();
    let index = log.position(&sent[1]).expect("it is logged");
    // The same statement by somebody else: the entry that is logged comes with it.
    sent[1] = signed(sent[1].payload().to_vec(), &["mallory"]).envelope;
    let good = answer(&log, &sent);
    let checked = check(&sent, &good).expect("an honest answer");
    assert!(matches!(&checked.outcomes[1], BatchOutcome::Logged { entry, .. } if entry.index == index));
    let mut bare = good.clone();
    let BatchLine::Logged(receipt) = &mut bare.lines[1] else { panic!("a receipt") };
    receipt.entry = None;
    assert!(matches!(check(&sent, &bare), Err(Distrust::NotIncluded { .. })));
    let other = encode_base64(&log.proven(0).entry);
    receipt_of(&mut bare, 1).entry = Some(other);
    assert!(check(&sent, &bare).is_err());
}

#[test]
fn lines_that_are_no_receipts_are_passed_on() {
    let (log, sent) = log();
    let mut good = answer(&log, &sent);
    good.lines[0] = BatchLine::Committed(Committed { index: 99 });
    let problem = Problem {
        kind: "urn:wheeltap:problem:conflict".into(),
        title: "x".into(),
        status: 409,
        detail: "x".into(),
        next_step: "x".into(),
        earlier: None,
    };
    good.lines[1] = BatchLine::Problem(Box::new(problem.clone()));
    let checked = check(&sent, &good).expect("an honest answer");
    assert_eq!(checked.outcomes[0], BatchOutcome::Committed(99));
    assert_eq!(checked.outcomes[1], BatchOutcome::Problem(Box::new(problem)));
}

#[test]
fn lies_are_not_believed() {
    let (log, sent) = log();
    let good = answer(&log, &sent);
    let lie = |change: &dyn Fn(&mut BatchAnswer)| {
        let mut bad = good.clone();
        change(&mut bad);
        assert_ne!(bad, good);
        check(&sent, &bad).expect_err("a lie")
    };
    lie(&|bad| drop(bad.lines.pop()));
    lie(&|bad| bad.lines.push(bad.lines[0].clone()));
    lie(&|bad| bad.lines.swap(1, 3));
    lie(&|bad| receipt_of(bad, 1).index += 1);
    lie(&|bad| receipt_of(bad, 1).proof.clear());
    lie(&|bad| receipt_of(bad, 1).proof[0].push('='));
    // An older policy list, a date that is another entry's, or none at all.
    lie(&|bad| drop(bad.end.basis.policies.pop()));
    lie(&|bad| bad.end.basis.commitments.clear());
    lie(&|bad| drop(bad.end.basis.commitments.remove(0)));
    lie(&|bad| bad.end.basis.commitment = bad.end.basis.commitments[0].clone());
    let another = SmallLog::with(&[signed_policy(policy(), &["root1", "root2"])]);
    let error = lie(&|bad| bad.end.checkpoint = another.checkpoint());
    assert!(matches!(error, Distrust::NotIncluded { .. } | Distrust::Malformed(_)), "{error}");
}

#[test]
fn what_no_log_may_hold_is_evidence() {
    let first = signed_policy(policy(), &["root1", "root2"]);
    let (one, other) =
        (signed_release("nova", "1.0", "a", "team"), signed_release("nova", "1.0", "b", "team"));
    let log = SmallLog::with(&[first, one.clone(), other.clone()]);
    // Each is good by itself; together they are two digests for one name.
    for sent in [[one.clone(), other.clone()], [other, one]] {
        let sent = sent.map(|signed| signed.envelope);
        let Err(Distrust::Misbehaviour { evidence, .. }) = check(&sent, &answer(&log, &sent)) else {
            panic!("misbehaviour")
        };
        assert!(evidence.verify(&genesis(), &[]).is_ok());
        assert!(check(&sent[..1], &answer(&log, &sent[..1])).is_ok());
    }
    // A policy that stands in the tree, and not in the list of policies.
    let (mut log, mut sent) = log_of_rounds();
    let mut hidden = policy();
    hidden.version = 2;
    let hidden = signed_policy(hidden, &["root1", "root2"]);
    log.push_bytes(hidden.envelope.to_canonical(), &[]);
    log.commit(log.commitment(9_000));
    sent.push(hidden.envelope);
    let error = check(&sent, &answer(&log, &sent)).expect_err("a lie");
    assert!(matches!(&error, Distrust::Malformed(what) if what.contains("not among")), "{error}");
}

fn log_of_rounds() -> (SmallLog, Vec<Envelope>) {
    let first = signed_policy(policy(), &["root1", "root2"]);
    let one = signed_release("nova", "1.0", "a", "team");
    let log = SmallLog::with(&[first, one.clone()]);
    (log, vec![one.envelope])
}

fn receipt_of(answer: &mut BatchAnswer, line: usize) -> &mut BatchReceipt {
    match &mut answer.lines[line] {
        BatchLine::Logged(receipt) => receipt,
        other => panic!("{other:?}"),
    }
}

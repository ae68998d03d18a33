//! Random small logs against a naive model of the rules (`reference`), which is written
//! in another way: it knows nothing but the list of what was accepted.
//!
//! * What the model accepts, and nothing else, is accepted by a whole reading.
//! * A log that records what the model refuses is caught, with evidence where a look-up
//!   can show it.
//! * The verdicts from a whole reading and from look-ups are the model's.
//! * No honest log ever yields evidence, whatever part of it is shown.

mod reference;
mod world;

use std::collections::BTreeMap;

use log_core::api::LookupKey;
use log_core::artifact::candidates;
use log_core::dsse::Envelope;
use log_core::entry::SignedStatement;
use log_core::evidence::Evidence;
use log_core::hash::encode_base64;
use log_core::history::{History, Violation};
use log_core::rules::Refusal;
use log_core::testing::{SmallLog, genesis};
use log_core::trust_policy::{TrustPolicy, TrustedCheckpoint};
use log_core::verdict::batch::{BatchAnswer, BatchOutcome};
use log_core::verdict::{
    ByName, Distrust, Facts, Subject, check_answer, check_batch, check_history, check_proof_file, judge,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use reference::{Model, Said};
use world::{Round, file_names, projects, rounds, sha256_of};

/// A log that was made of rounds, and what was accepted on the way.
struct Grown {
    model: Model,
    log: SmallLog,
    history: History,
    /// After each round: the checkpoint and the size.
    checkpoints: Vec<(String, u64)>,
    refused: Vec<Refusal>,
}

/// Offers each statement of each round to the log; checks that model and reading agree.
fn grow(rounds: &[Round]) -> Grown {
    let mut grown = Grown {
        model: Model::default(),
        log: SmallLog::default(),
        history: History::new(genesis()),
        checkpoints: Vec::new(),
        refused: Vec::new(),
    };
    let mut time = 100;
    for round in rounds {
        time += round.wait;
        let mut accepted: Vec<SignedStatement> = Vec::new();
        for op in &round.ops {
            let version = grown.model.policies() + 1;
            let signed = op.sign(version);
            let said = Said::new(op, version, grown.log.size() + accepted.len() as u64, time);
            let allowed = grown.model.allows(&said);
            let offered = [accepted.as_slice(), std::slice::from_ref(&signed)].concat();
            match read_round(&grown, time, &offered) {
                Ok(_) => {
                    assert!(allowed, "the model refuses {said:?}");
                    grown.model.accept(said);
                    accepted.push(signed);
                }
                Err(Violation::Refused(refusal)) => {
                    assert!(!allowed, "the model allows {said:?}: {refusal}");
                    caught(&grown, time, &offered, &refusal);
                    grown.refused.push(refusal);
                }
                Err(other) => panic!("{other}"),
            }
        }
        grown.history = read_round(&grown, time, &accepted).expect("each was accepted");
        grown.log.round(time, &accepted);
        grown.checkpoints.push((grown.log.checkpoint(), grown.log.size()));
        assert_eq!((grown.history.size(), grown.history.root()), (grown.log.size(), grown.log.root()));
    }
    grown
}

/// Reads one more round of the log.
fn read_round(grown: &Grown, time: u64, round: &[SignedStatement]) -> Result<History, Violation> {
    let mut log = grown.log.clone();
    log.round(time, round);
    let mut history = grown.history.clone();
    let from = usize::try_from(history.size()).expect("small");
    for entry in &log.entries()[from..] {
        history.push(entry).map_err(|error| error.violation)?;
    }
    Ok(history)
}

/// A log that records what is refused shows it to whoever looks it up, unless that
/// follows only from what it does not have; and to whoever reads it whole.
fn caught(grown: &Grown, time: u64, round: &[SignedStatement], refusal: &Refusal) {
    let mut log = grown.log.clone();
    log.round(time, round);
    match answer(&log, &projects_as_keys()) {
        Err(Distrust::Misbehaviour { what, evidence }) => {
            assert_eq!(evidence.verify(&genesis(), &[]), Ok(what), "{refusal:?}");
        }
        Err(other) => panic!("{refusal:?}: {other}"),
        Ok(_) => {
            let by_absence = matches!(refusal, Refusal::LeavesOut { .. } | Refusal::NotLogged { .. });
            assert!(by_absence, "{refusal:?} was not noticed");
        }
    }
    assert!(whole(&log.checkpoint(), log.entries()).verify(&genesis(), &[]).is_ok(), "{refusal:?}");
}

fn whole(checkpoint: &str, entries: &[Vec<u8>]) -> Evidence {
    let entries = entries.iter().map(|entry| encode_base64(entry)).collect();
    Evidence::BrokenHistory { checkpoint: checkpoint.to_owned(), entries }
}

fn open(log: &SmallLog) -> TrustedCheckpoint {
    let text = format!("log {}\nquorum none\n", genesis().log.to_vkey());
    let policy = TrustPolicy::parse(&text).expect("a trust policy");
    policy.open(log.checkpoint().as_bytes()).expect("a checkpoint")
}

fn answer(log: &SmallLog, keys: &[LookupKey]) -> Result<Facts, Distrust> {
    check_answer(&genesis(), &open(log), keys, &log.answer(keys))
}

fn projects_as_keys() -> Vec<LookupKey> {
    projects().map(|name| LookupKey::Project { name, from: 0 }).to_vec()
}

/// The indices of all statements.
fn statements(log: &SmallLog) -> Vec<u64> {
    let is_statement = |entry: &[u8]| !entry.starts_with(b"wheeltap/index@v1");
    (0..log.size()).zip(log.entries()).filter(|(_, entry)| is_statement(entry)).map(|(i, _)| i).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn rules_and_verdicts_are_the_models(rounds in rounds(), later in 0u64..12) {
        let grown = grow(&rounds);
        // Rounds of which nothing was accepted have moved the log's time on, too.
        let log_time = grown.history.commitment().map_or(0, |commitment| commitment.time);
        let now = grown.model.time().max(log_time) + later;
        let read = check_history(&grown.history, &projects()).expect("there is a policy").as_of(now);
        let by_name = ByName::new(&read);
        for name in projects().iter().flat_map(file_names) {
            let (project, version) = candidates(&name)[0].clone();
            let keys = [
                LookupKey::File { project: project.clone(), name: name.clone(), from: 0 },
                LookupKey::Release { project, version, from: 0 },
            ];
            let looked_up = answer(&grown.log, &keys).expect("an honest answer").as_of(now);
            prop_assert!(looked_up.complete);
            for bytes in ["a", "b"] {
                let (sha256, candidates) = (sha256_of(&name, bytes), candidates(&name));
                let subject = Subject { name: name.clone(), sha256, candidates };
                let expected = grown.model.verdict(&subject, now);
                prop_assert_eq!(&judge(&subject, &read), &expected, "read, {:?}", &subject);
                prop_assert_eq!(&judge(&subject, &by_name), &expected, "by name, {:?}", &subject);
                prop_assert_eq!(&judge(&subject, &looked_up), &expected, "looked up, {:?}", &subject);
            }
        }
    }

    #[test]
    fn an_honest_log_yields_no_evidence(rounds in rounds(), shown in any::<u64>(), reversed in any::<bool>()) {
        let grown = grow(&rounds);
        let log = &grown.log;
        prop_assert!(answer(log, &projects_as_keys()).is_ok());
        // Some of its entries, in some order.
        let mut some: Vec<u64> = statements(log).into_iter().filter(|i| shown >> (i % 64) & 1 == 1).collect();
        if reversed {
            some.reverse();
        }
        let entries = some.iter().map(|index| log.json(*index)).collect();
        let part = Evidence::BrokenRule { checkpoint: log.checkpoint(), basis: log.basis(&some), entries };
        prop_assert!(part.verify(&genesis(), &[]).is_err());
        // All of them, at every size at which it has published.
        for (checkpoint, size) in &grown.checkpoints {
            let entries = &log.entries()[..usize::try_from(*size).expect("small")];
            prop_assert!(whole(checkpoint, entries).verify(&genesis(), &[]).is_err());
            let (older, root) = (checkpoint.clone(), log.root_at(*size));
            let fork = Evidence::fork(older, log.checkpoint(), root, &log.consistency(*size));
            prop_assert!(fork.verify(&genesis(), &[]).is_err());
        }
        // Every proof it gives is good, alone and in a batch.
        let mut sent = Vec::new();
        for index in statements(log) {
            let facts = check_proof_file(&genesis(), &open(log), &log.proof_file(index));
            prop_assert!(facts.is_ok(), "{}: {:?}", index, facts.err());
            sent.push(Envelope::parse(&log.proven(index).entry).expect("an envelope"));
        }
        let (lines, end) = log.batch(&sent);
        let checked = check_batch(&genesis(), &open(log), &sent, &BatchAnswer { lines, end });
        let checked = checked.expect("an honest answer");
        for outcome in &checked.outcomes {
            let BatchOutcome::Logged { entry, .. } = outcome else { panic!("{outcome:?}") };
            prop_assert_eq!(checked.proof_file(entry), log.proof_file(entry.index));
        }
    }
}

/// The strategy makes what it is meant to make: statements of each kind, refusals for
/// each reason, and each verdict.
#[test]
fn the_random_logs_are_worth_looking_at() {
    let mut runner = TestRunner::deterministic();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |debug: String| {
        let word = debug.split([' ', '{', '(']).next().unwrap_or_default().to_owned();
        *seen.entry(word).or_insert(0) += 1;
    };
    for _ in 0..150 {
        let grown = grow(&rounds().new_tree(&mut runner).expect("rounds").current());
        grown.model.said().iter().for_each(|said| count(format!("{:?}", said.op)));
        grown.refused.iter().for_each(|refusal| count(format!("{refusal:?}")));
        let timeline = grown.history.timeline();
        let cancelled = timeline.policies().iter().filter(|policy| policy.cancelled_by.is_some()).count();
        (0..cancelled).for_each(|_| count("Cancelled".to_owned()));
        for name in projects().iter().flat_map(file_names) {
            let subject = Subject { sha256: sha256_of(&name, "a"), candidates: candidates(&name), name };
            count(format!("{:?}", grown.model.verdict(&subject, grown.model.time())));
        }
    }
    for word in [
        "Policy",
        "Release",
        "Withdraw",
        "Cancelled",
        "Verified",
        "NotCovered",
        "OtherHash",
        "Withdrawn",
        "Revoked",
        "Unsigned",
        "UnknownKey",
        "KeyNotInTime",
        "NotForProject",
        "MayNotWithdraw",
        "Conflict",
        "LeavesOut",
        "NotLogged",
        "PolicyNotDue",
        "Threshold",
    ] {
        assert!(seen.get(word).is_some_and(|count| *count >= 3), "{word}: {seen:?}");
    }
}

//! The crash matrix: each write of a round fails, before or after it has happened
//! or half way, the log restarts, and everything is checked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use log_core::rules::Refusal;
use log_core::testing::{policy, signed_policy, signed_release};

use super::*;
use crate::cosign::{Cosigned, Prove};
use crate::store::memory::Fault;
use crate::testing::TestLog;

fn releases(from: usize, count: usize) -> Vec<log_core::entry::SignedStatement> {
    (from..from + count).map(|i| signed_release("nova", &format!("{i}.0"), "a", "team")).collect()
}

fn indices(answers: &[Result<Admitted, NotAdmitted>]) -> Vec<(u64, bool)> {
    let admitted = answers.iter().map(|answer| answer.as_ref().expect("admitted"));
    admitted.map(|admitted| (admitted.index, admitted.again)).collect()
}

#[test]
fn rounds_append_and_end_in_a_commitment() {
    let mut log = TestLog::with_policy();
    let answers = log.submit(&releases(1, 3)).expect("a round");
    assert_eq!(indices(&answers), [(2, false), (3, false), (4, false)]);
    assert_eq!(log.check().len(), 6);
    // The same statements again, among a new one, and twice in one round.
    let mut again = releases(1, 3);
    again.extend(releases(9, 1));
    again.extend(releases(9, 1));
    let answers = log.submit(&again).expect("a round");
    assert_eq!(indices(&answers), [(2, true), (3, true), (4, true), (6, false), (6, true)]);
    // A round without anything new writes nothing.
    log.faults.arm(usize::MAX, Fault::Lost);
    log.submit(&again).expect("a round");
    assert_eq!(log.faults.disarm(), 0);
    assert_eq!(log.check().len(), 8);
}

#[test]
fn refusals_are_distinct_and_change_nothing() {
    let mut log = TestLog::new();
    let answers = log.submit(&releases(1, 1)).expect("a round");
    assert_eq!(answers[0], Err(Refusal::NoPolicy.into()));
    let first = signed_policy(policy(), &["root1", "root2"]);
    // The policy is in force for what comes after it in the same round.
    let mut round = vec![first];
    round.extend(releases(1, 1));
    assert_eq!(indices(&log.submit(&round).expect("a round")), [(0, false), (1, false)]);
    let answers = log
        .submit(&[
            signed_release("nova", "1.0", "other bytes", "team"),
            signed_release("nova", "2.0", "a", "mallory"),
            signed_release("oslo-log", "2.0", "a", "team"),
            signed_release("nova", "3.0", "a", "team"),
            signed_release("nova", "3.0", "b", "team"),
        ])
        .expect("a round");
    let refusal = |i: usize| match &answers[i] {
        Err(NotAdmitted::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    assert!(matches!(refusal(0), Refusal::Conflict { logged, .. } if logged.index == 1));
    assert!(matches!(refusal(1), Refusal::UnknownKey { .. }));
    assert!(matches!(refusal(2), Refusal::NotForProject { .. }));
    assert_eq!(indices(&answers[3..4]), [(3, false)]);
    assert!(matches!(refusal(4), Refusal::Conflict { logged, .. } if logged.index == 3));
    assert_eq!(log.check().len(), 5);
}

/// Writes of one round: stage, head, tiles, checkpoint, drop the staging object.
const WRITES: usize = 5;

#[test]
fn a_round_makes_five_writes() {
    let mut log = TestLog::with_policy();
    log.faults.arm(usize::MAX, Fault::Lost);
    log.submit(&releases(1, 300)).expect("a round");
    assert_eq!(log.faults.disarm(), WRITES);
}

#[test]
fn crash_matrix() {
    for at in 0..WRITES {
        for fault in [Fault::Lost, Fault::Persisted, Fault::Torn] {
            for lose_view in [false, true] {
                for before in [1, 253, 254, 255] {
                    check_crash(at, fault, lose_view, before);
                }
            }
        }
    }
}

fn check_crash(at: usize, fault: Fault, lose_view: bool, before: usize) {
    let case = format!("write {at} {fault:?}, view lost: {lose_view}, {before} entries before");
    let mut log = TestLog::with_policy();
    let acknowledged = releases(0, before);
    log.submit(&acknowledged).expect(&case);
    log.faults.arm(at, fault);
    let pending = releases(1_000, 5);
    assert!(log.submit(&pending).is_err(), "{case}");
    // Nothing can be recovered while the store fails; nothing breaks either.
    if log.restart().is_ok() {
        log.check();
    }
    log.faults.disarm();
    if lose_view {
        log.lose_view();
    }
    log.restart().expect(&case);
    let entries = log.check();
    for signed in &acknowledged {
        assert!(entries.contains(&signed.envelope.to_canonical()), "{case}: an entry is lost");
    }
    // The senders try again and succeed, whatever became of the first time; the
    // round was committed exactly when its head was.
    let committed = at > 1 || at == 1 && fault != Fault::Lost;
    let answers = log.submit(&pending).expect(&case);
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|a| a.again == committed)), "{case}");
    assert_eq!(log.check().len(), 2 + before + 1 + 6, "{case}");
    // And once more from what is on disk.
    log.restart().expect(&case);
    assert_eq!(indices(&log.submit(&acknowledged[..1]).expect(&case)), [(2, true)], "{case}");
}

#[test]
fn an_old_copy_is_refused() {
    let mut log = TestLog::with_policy();
    let old = log.sequencer.stores.head.load().expect("readable").expect("a head");
    log.submit(&releases(1, 3)).expect("a round");
    let new = log.sequencer.stores.head.load().expect("readable");
    log.sequencer.stores.head.swap(new.as_ref(), &old).expect("a swap");
    let error = log.restart().expect_err("rolled back").to_string();
    assert!(error.contains("would fork"), "{error}");
}

#[test]
fn nothing_is_built_on_a_head_that_may_not_be_durable() {
    let mut log = TestLog::with_policy();
    log.faults.arm(0, Fault::Lost);
    assert!(log.restart().is_err(), "the head is written again before it is believed");
    log.faults.disarm();
    log.restart().expect("a start");
    log.check();
}

#[test]
fn a_published_checkpoint_with_cosignatures_stays() {
    let mut log = TestLog::with_policy();
    let own = log.sequencer.stores.log.get("checkpoint").expect("readable").expect("published");
    let mut note = Note::parse(&own).expect("a note");
    note.push(log_core::cosignature::sign(&log_core::testing::key("w.example"), note.text(), 5));
    let cosigned = note.to_string().into_bytes();
    log.sequencer.stores.log.overwrite("checkpoint", &cosigned).expect("written");
    log.restart().expect("a start");
    assert_eq!(log.sequencer.stores.log.get("checkpoint").expect("readable"), Some(cosigned));
    log.submit(&releases(1, 1)).expect("a round");
    log.check();
}

/// Witnesses that do as they are told.
#[derive(Debug, Default)]
struct Fakes {
    asleep: AtomicBool,
    /// A size that one of them has seen.
    seen: AtomicU64,
    times: AtomicU64,
}

impl Cosign for Fakes {
    fn gather(&self, checkpoint: &Note, size: u64, prove: Prove<'_>) -> Result<Cosigned, RolledBack> {
        let seen = self.seen.load(Ordering::Relaxed);
        if seen > size {
            return Err(RolledBack { who: "witness w".to_owned(), seen, size });
        }
        if seen > 0 {
            assert_eq!(prove(seen).expect("a proof").is_empty(), seen == size);
        }
        let mut note = checkpoint.clone();
        let quorum = !self.asleep.load(Ordering::Relaxed);
        if quorum {
            let time = self.times.fetch_add(1, Ordering::Relaxed);
            note.push(log_core::cosignature::sign(&log_core::testing::key("w.example"), note.text(), time));
            self.seen.store(size, Ordering::Relaxed);
        }
        Ok(Cosigned { note, quorum })
    }
}

fn witnessed(required: bool) -> (TestLog, Arc<Fakes>) {
    let mut log = TestLog::with_policy();
    let fakes = Arc::new(Fakes::default());
    log.sequencer.witnesses = Some(Witnesses { cosign: fakes.clone(), required });
    (log, fakes)
}

fn published(log: &TestLog) -> (u64, usize) {
    let bytes = log.sequencer.stores.log.get("checkpoint").expect("readable").expect("published");
    let open = OpenCheckpoint::open(&bytes, &log.sequencer.genesis.log).expect("a checkpoint");
    (open.size(), open.note().signatures().len())
}

#[test]
fn nothing_is_published_without_a_quorum() {
    let (mut log, fakes) = witnessed(true);
    log.submit(&releases(1, 1)).expect("a round");
    assert_eq!(published(&log), (4, 2));
    fakes.asleep.store(true, Ordering::Relaxed);
    let answers = log.submit(&releases(2, 1)).expect("a round");
    assert_eq!(indices(&answers), [(4, false)], "committed");
    assert_eq!(published(&log), (4, 2), "and not published");
    // What waits is found to be logged, and goes out with the next round.
    assert_eq!(indices(&log.submit(&releases(2, 1)).expect("a round")), [(4, true)]);
    fakes.asleep.store(false, Ordering::Relaxed);
    log.submit(&releases(3, 1)).expect("a round");
    assert_eq!(published(&log), (8, 2));
    log.check();
    // And without a next round by asking again.
    fakes.asleep.store(true, Ordering::Relaxed);
    log.submit(&releases(4, 1)).expect("a round");
    fakes.asleep.store(false, Ordering::Relaxed);
    log.sequencer.refresh(log.state.as_ref().expect("started")).expect("published");
    assert_eq!(published(&log), (10, 2));
    // A start without witnesses keeps what is published.
    fakes.asleep.store(true, Ordering::Relaxed);
    log.submit(&releases(5, 1)).expect("a round");
    log.restart().expect("a start");
    assert_eq!(published(&log), (10, 2));
    assert!(log.check().len() == 10);
}

#[test]
fn cosignatures_are_made_anew() {
    let (mut log, _fakes) = witnessed(true);
    log.submit(&releases(1, 1)).expect("a round");
    let before = log.sequencer.stores.log.get("checkpoint").expect("readable");
    log.sequencer.refresh(log.state.as_ref().expect("started")).expect("refreshed");
    assert_ne!(log.sequencer.stores.log.get("checkpoint").expect("readable"), before);
    assert_eq!(published(&log), (4, 2), "one line of each key");
}

#[test]
fn a_quorum_may_be_optional() {
    let (mut log, fakes) = witnessed(false);
    fakes.asleep.store(true, Ordering::Relaxed);
    log.submit(&releases(1, 1)).expect("a round");
    assert_eq!(published(&log), (4, 1));
}

#[test]
fn a_log_that_a_witness_has_seen_further_signs_no_more() {
    let (mut log, fakes) = witnessed(true);
    fakes.seen.store(99, Ordering::Relaxed);
    let error = log.submit(&releases(1, 1)).expect_err("an old copy");
    assert!(error.is::<RolledBack>() && error.to_string().contains("size 99"), "{error}");
    assert!(log.restart().expect_err("an old copy").is::<RolledBack>());
}

#[test]
fn a_damaged_tile_is_refused() {
    let mut log = TestLog::with_policy();
    log.submit(&releases(1, 3)).expect("a round");
    let tile = "tile/0/000.p/6";
    let mut bytes = log.sequencer.stores.log.get(tile).expect("readable").expect("a tile");
    bytes[40] ^= 1;
    log.sequencer.stores.log.overwrite(tile, &bytes).expect("written");
    let error = log.restart().expect_err("damaged").to_string();
    assert!(error.contains("damaged"), "{error}");
}

#[test]
fn a_view_that_lies_is_built_again() {
    let mut log = TestLog::with_policy();
    log.submit(&releases(1, 3)).expect("a round");
    // A view with the right mark and something else in it.
    let lying = &log.sequencer.view;
    let mark = lying.mark();
    lying.clear().expect("cleared");
    let other = &releases(7, 1)[0];
    lying.apply(&[view::keys(2, other, other.envelope.payload_digest())]).expect("applied");
    lying.add_commitments([1, 5], mark).expect("written");
    lying.settle(mark).expect("settled");
    log.restart().expect("a start");
    assert_eq!(indices(&log.submit(&releases(3, 1)).expect("a round")), [(4, true)]);
    assert_eq!(indices(&log.submit(&releases(7, 1)).expect("a round")), [(6, false)]);
    log.check();
}

#[test]
fn a_damaged_bundle_never_gets_into_the_view() {
    let mut log = TestLog::with_policy();
    log.submit(&releases(1, 300)).expect("a round");
    for bundle in ["tile/entries/000", "tile/entries/001.p/47"] {
        let good = log.sequencer.stores.log.get(bundle).expect("readable").expect("a bundle");
        let mut bytes = good.clone();
        bytes[500] ^= 1;
        log.sequencer.stores.log.overwrite(bundle, &bytes).expect("written");
        log.lose_view();
        let error = log.restart().expect_err("damaged").to_string();
        assert!(error.contains("not those of the tree"), "{error}");
        log.sequencer.stores.log.overwrite(bundle, &good).expect("written");
    }
    log.restart().expect("a start");
    log.check();
}

#[test]
fn a_clock_that_goes_back_does_not_take_the_log_with_it() {
    let mut log = TestLog::with_policy();
    log.sequencer.clock = || 5;
    log.submit(&releases(1, 1)).expect("a round");
    log.restart().expect("a start");
    log.submit(&releases(2, 1)).expect("a round");
    log.check();
}

#[test]
fn another_logs_view_is_thrown_away() {
    let mut log = TestLog::with_policy();
    log.submit(&releases(1, 3)).expect("a round");
    let mut other = TestLog::with_policy();
    other.submit(&releases(7, 1)).expect("a round");
    other.sequencer.view = log.sequencer.view.clone();
    other.restart().expect("a start");
    assert_eq!(indices(&other.submit(&releases(7, 1)).expect("a round")), [(2, true)]);
    assert_eq!(indices(&other.submit(&releases(1, 1)).expect("a round")), [(4, false)]);
    other.check();
}

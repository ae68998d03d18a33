//! The crash matrix: each write of a round fails, before or after it has happened
//! or half way, the log restarts, and everything is checked.

use log_core::rules::Refusal;
use log_core::testing::{policy, signed_policy, signed_release};

use super::*;
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
    let mut note = log_core::note::Note::parse(&own).expect("a note");
    note.push(log_core::cosignature::sign(&log_core::testing::key("w.example"), note.text(), 5));
    let cosigned = note.to_string().into_bytes();
    log.sequencer.stores.log.overwrite("checkpoint", &cosigned).expect("written");
    log.restart().expect("a start");
    assert_eq!(log.sequencer.stores.log.get("checkpoint").expect("readable"), Some(cosigned));
    log.submit(&releases(1, 1)).expect("a round");
    log.check();
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
    let view = &log.sequencer.view;
    let mark = view.mark().expect("readable").expect("a mark");
    view.clear().expect("cleared");
    let other = releases(7, 1)[0].envelope.to_canonical();
    view.apply(2, [other.as_slice()], mark).expect("written");
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

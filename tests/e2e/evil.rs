//! A log that lies in every way we know, and what its users see of it.
//!
//! The tables say of each lie how `wheeltap` ends, and whether it keeps evidence. A lie
//! that the log has signed is proven to everybody; one that it has not signed is only
//! not believed, since anybody may have told it. Some lies cannot be seen in a look-up:
//! they are in the signed tree, and whoever reads the log whole has them.

mod lies;
mod world;

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use log_core::api::Committed;
use log_core::commitment::IndexCommitment;
use log_core::entry::IndexKey;
use log_core::policy::Policy;
use log_core::testing::{SmallLog, key, policy, signed_release};

use self::lies::{SIGNED, UNSIGNED, by_roots, first, honest, older, second, truth, without};
use self::world::Ends::{With, WithEvidence};
use self::world::{Ends, World, json};
use crate::stub::Answer;

#[test]
fn lies_that_it_has_not_signed_are_not_believed() {
    for (what, lie, version, ends) in UNSIGNED {
        let world = World::new(honest(), lie);
        world.check(what, &["verify", &world.file(version)], ends);
    }
}

#[test]
fn lies_that_it_has_signed_are_proven() {
    for (what, tree, version, by_lookup, whole) in SIGNED {
        let world = World::new(tree(), truth);
        world.check(what, &["verify", &world.file(version)], by_lookup);
        let team = key("team").public().to_vkey();
        world.check(what, &["lookup", "--key-id", &team, "--state", "other"], whole);
    }
}

/// An entry is moved in time, past the cool-down of the policy that allows it. The
/// commitment that shows it is kept back: a look-up cannot tell, a reading can.
#[test]
fn an_entry_that_is_moved_in_time_is_seen_by_whoever_reads_all() {
    let slow = by_roots(Policy { cool_down: 500, ..policy() });
    let mut opens = Policy { version: 2, ..policy() };
    opens.publishers[1].projects = opens.publishers[0].projects.clone();
    let mut log = SmallLog::default();
    log.round(1_000, &[slow]);
    log.round(1_100, &[by_roots(opens)]);
    // Too early, by a key that only the second policy allows; then the time goes by.
    log.round(1_200, &[signed_release("nova", "1.0", "a", "oslo")]);
    let lie = IndexCommitment { first: 4, ..log.commitment(1_600) };
    log.commit(lie);
    let world = World::new(log, |log, keys| {
        let mut answer = log.answer(keys);
        answer.basis.commitments.retain(|commitment| commitment.index != 5);
        answer
    });
    world.check("moved in time", &["verify", &world.file("1.0")], With(0));
    let team = key("team").public().to_vkey();
    world.check("moved in time", &["lookup", "--key-id", &team, "--state", "other"], WithEvidence);
    let world = World::new(world.log.lock().expect("not poisoned").clone(), truth);
    world.check("both commitments", &["verify", &world.file("1.0")], WithEvidence);
}

/// The log commits to an index without the withdrawal, and proves from that: in a look-up
/// the file is good.
#[test]
fn a_false_index_is_seen_by_whoever_reads_all() {
    let mut log = honest();
    let lie = IndexCommitment { root: older().commitment(0).root, ..log.commitment(6_000) };
    log.commit(lie);
    let world = World::new(log, |log, keys| {
        let mut answer = log.answer_listing(&without(keys, log, |index| index < 7));
        let older = older();
        answer.results.clone_from(&older.answer(keys).results);
        answer.basis.policy_map = older.map_proof(&IndexKey::Policy);
        answer
    });
    world.check("a false index", &["verify", &world.file("1.1")], With(0));
    let team = key("team").public().to_vkey();
    world.check("a false index", &["lookup", "--key-id", &team, "--state", "other"], WithEvidence);
}

/// A monitor that could not keep the evidence has not read that part.
#[test]
fn what_breaks_a_rule_is_read_again_until_the_evidence_is_kept() {
    let mut log = honest();
    log.round(6_000, &[signed_release("nova", "2.0", "a", "oslo")]);
    let world = World::new(log, truth);
    let monitor = ["monitor", "--project", "nova"];
    // The state directory of the log is made by whatever is asked first.
    world.run(&["verify", &world.file("1.1")]);
    let evidence = world.state().join("evidence");
    let _ = fs::remove_dir_all(&evidence);
    fs::write(&evidence, "in the way").expect("written");
    let ended = world.run(&monitor);
    assert_eq!(ended.code, Some(13), "{ended:?}");
    assert!(ended.stderr.contains("the evidence could NOT be kept"), "{ended:?}");
    fs::remove_file(&evidence).expect("removed");
    world.check("room was made", &monitor, WithEvidence);
    world.check("it is said once", &monitor, With(0));
}

/// Nobody has judged what comes after the last commitment.
#[test]
fn a_tree_without_its_end_is_seen_by_a_monitor() {
    let mut log = honest();
    log.push(&signed_release("nova", "1.2", "a", "team"));
    let world = World::new(log, truth);
    world.check("no end", &["monitor", "--project", "glance"], WithEvidence);
}

/// What was true once: an old copy, with or without what proves that it is one.
#[test]
fn an_old_copy_is_not_taken_for_the_log() {
    let world = World::new(honest(), truth);
    let file = world.file("1.1");
    world.check("the newest", &["verify", &file], With(14));
    *world.log.lock().expect("not poisoned") = older();
    // It has no tiles of what came later, so it cannot prove that it only lags.
    world.check("an old copy", &["verify", &file], With(12));
    // Somebody who has seen nothing believes it, unless a witness has to be asked, too.
    world.check("an old copy", &["verify", &file, "--state", "other"], With(0));
    let trust = world.scene.read("trust.toml");
    let witness = key("w.example");
    let quorum = format!("witness w {}\nquorum w", witness.cosigner().to_vkey());
    let trust = trust.replace("quorum none", &quorum) + "max_age = 3600\n";
    world.scene.write("trust.toml", trust.as_bytes());
    let run = |state| world.run(&["verify", &file, "--state", state]);
    assert_eq!(run("none").code, Some(12), "it is not cosigned");
    for (age, code) in [(3_700, 12), (60, 0)] {
        *world.cosigned.lock().expect("not poisoned") = Some(log_io::clock::now() - age);
        let ended = run("aged");
        assert_eq!(ended.code, Some(code), "cosigned {age} s ago: {ended:?}");
    }
}

/// What was true once, and is proven to be a beginning of what was seen since. A cache may
/// show it for a while, and then nobody.
#[test]
fn an_old_answer_is_not_taken_for_long() {
    let world = World::new(honest(), truth);
    let file = world.file("1.1");
    world.check("the newest", &["verify", &file], With(14));
    *world.lie.lock().expect("not poisoned") = |_, keys| older().answer(keys);
    world.check("just before", &["verify", &file], With(0));
    let remembered = fs::File::options().write(true).open(world.state().join("checkpoint")).expect("a file");
    for (ago, ends) in [(290, With(0)), (310, With(12)), (-310, With(12))] {
        let then = log_io::clock::now().checked_add_signed(-ago).expect("a time");
        remembered.set_modified(UNIX_EPOCH + Duration::from_secs(then)).expect("its time is set");
        world.check("the newest was seen before", &["verify", &file], ends);
    }
    *world.log.lock().expect("not poisoned") = SmallLog::default();
    world.check("nothing", &["policy", "show"], With(12));
}

#[test]
fn a_fork_is_proven() {
    let world = World::new(honest(), truth);
    let file = world.file("1.0");
    world.check("the first history", &["verify", &file], With(0));
    for (what, time, more) in [
        ("a fork of the same size", 5_000, vec![]),
        ("a longer fork", 5_000, vec![signed_release("nova", "1.3", "a", "team")]),
    ] {
        let mut fork = SmallLog::default();
        fork.round(1_000, &[first()]);
        fork.round(2_000, &[signed_release("nova", "1.0", "a", "team"), second()]);
        fork.round(3_000, &[signed_release("nova", "1.1", "a", "team")]);
        // The withdrawal never was.
        fork.round(4_000, &[signed_release("nova", "2.0", "a", "team")]);
        fork.round(time, &[signed_release("oslo-log", "1.0", "a", "oslo")]);
        if !more.is_empty() {
            fork.round(time, &more);
        }
        *world.log.lock().expect("not poisoned") = fork;
        world.check(what, &["verify", &file], WithEvidence);
    }
}

/// The log says what it did with a statement; that is checked, too.
#[test]
fn receipts_that_lie_are_not_believed() {
    type Receipt = fn(&SmallLog, u64) -> Answer;
    let cases: [(&str, Receipt, Ends); 6] = [
        ("the truth", |log, index| json(&log.receipt(index)), With(0)),
        ("committed, for ever", |_, index| (202, json(&Committed { index }).1), With(12)),
        ("the receipt of another entry", |log, _| json(&log.receipt(0)), With(11)),
        (
            "another index",
            |log, index| {
                let mut receipt = log.receipt(index);
                receipt.index += 1;
                json(&receipt)
            },
            With(11),
        ),
        (
            "a proof of another tree",
            |log, index| {
                let mut receipt = log.receipt(index);
                receipt.proof = receipt.proof.replace("\nindex ", "\nindex 1");
                json(&receipt)
            },
            With(11),
        ),
        ("nonsense", |_, _| (200, b"{}".to_vec()), With(11)),
    ];
    for (what, receipt, ends) in cases {
        let world = World::new(SmallLog::with(&[by_roots(policy())]), truth);
        *world.receipt.lock().expect("not poisoned") = receipt;
        let file = world.file("3.0");
        let args =
            ["append", "--key", "team.key", "--project", "nova", "--version", "3.0", "--wait", "0", &file];
        let ended = world.check(what, &args, ends);
        let proof = world.scene.path(&format!("{file}.tlog-proof"));
        assert_eq!(proof.exists(), ends == With(0), "{what}: a proof is written when there is one");
        if ends == With(12) {
            assert!(ended.stderr.contains("entry 2 is committed"), "{ended:?}");
            assert!(ended.stderr.contains("nothing is lost"), "{ended:?}");
            // It has come; the same command again writes the proof.
            *world.receipt.lock().expect("not poisoned") = |log, index| json(&log.receipt(index));
            world.check(what, &args, With(0));
            assert!(proof.exists());
        }
    }
}

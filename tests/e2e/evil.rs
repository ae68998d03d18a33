//! A log that lies in every way we know, and what its users see of it.
//!
//! The tables say of each lie how `wheeltap` ends, and whether it keeps evidence. A lie
//! that the log has signed is proven to everybody; one that it has not signed is only
//! not believed, since anybody may have told it. Some lies cannot be seen in a look-up:
//! they are in the signed tree, and whoever reads the log whole has them.

use std::fs;
use std::sync::{Arc, Mutex};

use log_core::api::{Committed, LookupAnswer, LookupKey, LookupRequest};
use log_core::artifact::ProjectName;
use log_core::commitment::IndexCommitment;
use log_core::cosignature;
use log_core::dsse::Envelope;
use log_core::entry::{IndexKey, SignedStatement};
use log_core::hash::{EMPTY_ROOT, encode_base64};
use log_core::note::Note;
use log_core::policy::Policy;
use log_core::testing::{
    SmallLog, genesis, key, policy, release, signed, signed_policy, signed_release, signed_withdrawal,
};
use log_io::key_file;
use log_io::trust_file::TrustedLog;

use crate::harness::{Ended, Scene};
use crate::stub::{self, Answer};

/// What a command is to end with, and whether evidence is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ends {
    With(i32),
    /// With 13, and evidence that convinces others.
    WithEvidence,
}

use Ends::{With, WithEvidence};

/// The log's tree, and what it says about it.
type Tree = fn() -> SmallLog;
type Lie = fn(&SmallLog, &[LookupKey]) -> LookupAnswer;

/// Policies with times, three releases, a withdrawal; each has a round of its own.
fn honest() -> SmallLog {
    let mut log = SmallLog::default();
    log.round(1_000, &[first()]);
    log.round(2_000, &[signed_release("nova", "1.0", "a", "team"), second()]);
    log.round(3_000, &[signed_release("nova", "1.1", "a", "team")]);
    log.round(4_000, &[signed_withdrawal("nova", "1.1", "a", "team")]);
    log.round(5_000, &[signed_release("oslo-log", "1.0", "a", "oslo")]);
    log
}

/// The team's key ends at 10,000.
fn says(version: u64) -> Policy {
    let mut policy = Policy { version, ..policy() };
    policy.publishers[0].keys[0].until = Some(10_000);
    policy
}

fn by_roots(policy: Policy) -> SignedStatement {
    signed_policy(policy, &["root1", "root2"])
}

fn first() -> SignedStatement {
    by_roots(says(1))
}

fn second() -> SignedStatement {
    by_roots(says(2))
}

fn truth(log: &SmallLog, keys: &[LookupKey]) -> LookupAnswer {
    log.answer(keys)
}

/// The honest log with one more round.
fn and(time: u64, statements: &[SignedStatement]) -> SmallLog {
    let mut log = honest();
    log.round(time, statements);
    log
}

/// Lies about a tree that is as it should be: nobody is accused, and nobody is fooled.
const UNSIGNED: [(&str, Lie, &str, Ends); 15] = [
    ("the truth", truth, "1.0", With(0)),
    ("the truth about a withdrawn file", truth, "1.1", With(14)),
    ("the truth about a file that is not there", truth, "1.2", With(10)),
    ("it has nothing", |log, keys| log.answer_listing(&without(keys, log, |_| false)), "1.0", With(11)),
    (
        "a withdrawn file without its withdrawal",
        |log, keys| log.answer_listing(&without(keys, log, |index| index != 7)),
        "1.1",
        With(11),
    ),
    (
        "the withdrawal without the release",
        |log, keys| log.answer_listing(&without(keys, log, |index| index != 5)),
        "1.1",
        With(11),
    ),
    (
        "the answer to another question",
        |log, keys| {
            let other = LookupKey::Project { name: ProjectName::parse("glance").expect("a name"), from: 0 };
            log.answer(&vec![other; keys.len()])
        },
        "1.0",
        With(11),
    ),
    (
        "the answer of an older index",
        |log, keys| {
            let mut answer = log.answer(keys);
            let older = older();
            answer.results.clone_from(&older.answer(keys).results);
            answer.entries.retain(|entry| entry.index < older.size());
            answer
        },
        "1.1",
        With(11),
    ),
    (
        "an older commitment",
        |log, keys| {
            let mut answer = log.answer(keys);
            answer.basis.commitment = log.json(older().size() - 1);
            answer
        },
        "1.0",
        With(11),
    ),
    (
        "an older policy as if it were the newest",
        |log, keys| {
            let mut answer = log.answer(keys);
            answer.basis.policies.pop();
            answer
        },
        "1.0",
        With(11),
    ),
    (
        "an older policy, and the proof from an older index",
        |log, keys| {
            let mut answer = log.answer(keys);
            answer.basis.policies.pop();
            answer.basis.policy_map = SmallLog::with(&[first()]).map_proof(&IndexKey::Policy);
            answer
        },
        "1.0",
        With(11),
    ),
    (
        "no date",
        |log, keys| {
            let mut answer = log.answer(keys);
            answer.basis.commitments.clear();
            answer
        },
        "1.0",
        With(11),
    ),
    (
        "another date",
        |log, keys| {
            let mut answer = log.answer(keys);
            answer.basis.commitments.retain(|commitment| commitment.index != 4);
            answer.basis.commitments.push(log.json(6));
            answer
        },
        "1.0",
        With(11),
    ),
    (
        "an entry that is not in the tree",
        |log, keys| {
            let mut answer = log.answer(keys);
            let other = signed_release("nova", "1.0", "b", "team").envelope.to_canonical();
            answer.entries[0].entry = encode_base64(&other);
            answer
        },
        "1.0",
        With(11),
    ),
    (
        "a checkpoint that it has not signed",
        |log, keys| {
            let mut answer = log.answer(keys);
            answer.checkpoint =
                answer.checkpoint.replacen(&log.root().to_base64(), &EMPTY_ROOT.to_base64(), 1);
            answer
        },
        "1.0",
        With(11),
    ),
];

/// Trees that no honest log has, and what a look-up of `nova` in this version, and a
/// reading of the whole log, make of them.
const SIGNED: [(&str, Tree, &str, Ends, Ends); 14] = [
    (
        "two digests for one name",
        || and(6_000, &[signed_release("nova", "1.0", "b", "team")]),
        "1.0",
        WithEvidence,
        WithEvidence,
    ),
    (
        "a withdrawn file again",
        || and(6_000, &[signed_release("nova", "1.1", "a", "team")]),
        "1.1",
        WithEvidence,
        WithEvidence,
    ),
    (
        "a key that the policy does not know",
        || and(6_000, &[signed_release("nova", "1.2", "a", "mallory")]),
        "1.2",
        WithEvidence,
        WithEvidence,
    ),
    (
        "a key of another project",
        || and(6_000, &[signed_release("nova", "1.2", "a", "oslo")]),
        "1.2",
        WithEvidence,
        WithEvidence,
    ),
    (
        "a key after its time",
        || and(10_000, &[signed_release("nova", "1.2", "a", "team")]),
        "1.2",
        WithEvidence,
        WithEvidence,
    ),
    (
        "a withdrawal by somebody who may not",
        || and(6_000, &[signed_withdrawal("nova", "1.0", "a", "oslo")]),
        "1.0",
        WithEvidence,
        WithEvidence,
    ),
    (
        "a policy that one root has signed",
        || and(6_000, &[signed_policy(says(3), &["root1"])]),
        "1.0",
        WithEvidence,
        WithEvidence,
    ),
    ("a policy out of turn", || and(6_000, &[by_roots(says(4))]), "1.0", WithEvidence, WithEvidence),
    (
        "an entry that is none",
        || {
            let mut log = honest();
            log.push_bytes(b"{}".to_vec(), &keys_of_nova_1_0());
            log.commit(log.commitment(6_000));
            log
        },
        "1.0",
        WithEvidence,
        WithEvidence,
    ),
    (
        "two times for one entry",
        || {
            let mut log = honest();
            log.push(&signed_release("nova", "1.2", "a", "team"));
            let lie = IndexCommitment { first: 5, ..log.commitment(6_000) };
            log.commit(lie);
            log
        },
        "1.1",
        WithEvidence,
        WithEvidence,
    ),
    // What is not shown in the answer is not seen in it.
    (
        "a clock that goes back",
        || and(4_999, &[signed_release("nova", "1.2", "a", "team")]),
        "1.2",
        With(0),
        WithEvidence,
    ),
    (
        "an index that leaves out an entry",
        || {
            let mut log = honest();
            let lie = IndexCommitment { root: older().commitment(0).root, ..log.commitment(6_000) };
            log.commit(lie);
            log
        },
        "1.1",
        With(11),
        WithEvidence,
    ),
    (
        "a release that is in no list of the index",
        || {
            let mut log = honest();
            log.push_bytes(signed_release("nova", "1.2", "a", "team").envelope.to_canonical(), &[]);
            log.commit(log.commitment(6_000));
            log
        },
        "1.2",
        With(10),
        WithEvidence,
    ),
    (
        "a release without files of the one before",
        || {
            let mut half = release("nova", "1.0", "a");
            half.files.pop();
            and(6_000, &[signed(half.to_payload(), &["team"])])
        },
        "1.0",
        With(0),
        WithEvidence,
    ),
];

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
    let states = fs::read_dir(world.scene.path("state")).expect("a directory").flatten();
    let state = states.map(|entry| entry.path()).find(|path| path.join("checkpoint").exists());
    let evidence = state.expect("the log's").join("evidence");
    let _ = fs::remove_dir_all(&evidence);
    fs::write(&evidence, "in the way").expect("written");
    let ended = world.run(&monitor);
    assert_eq!(ended.code, Some(13), "{ended:?}");
    assert!(ended.stderr.contains("the evidence could NOT be kept"), "{ended:?}");
    fs::remove_file(&evidence).expect("removed");
    world.check("room was made", &monitor, WithEvidence);
    world.check("it is said once", &monitor, With(0));
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

/// What is answered to a statement that was logged as this entry.
type MakeReceipt = fn(&SmallLog, u64) -> Answer;

/// An evil log and somebody who uses it.
struct World {
    scene: Scene,
    log: Arc<Mutex<SmallLog>>,
    /// When a witness cosigned what it shows.
    cosigned: Arc<Mutex<Option<u64>>>,
    receipt: Arc<Mutex<MakeReceipt>>,
}

impl World {
    fn new(log: SmallLog, lie: Lie) -> Self {
        let scene = Scene::empty();
        let log = Arc::new(Mutex::new(log));
        let cosigned = Arc::new(Mutex::new(None));
        let receipt: fn(&SmallLog, u64) -> Answer = |log, index| json(&log.receipt(index));
        let receipt = Arc::new(Mutex::new(receipt));
        let (served, at, receipts) = (Arc::clone(&log), Arc::clone(&cosigned), Arc::clone(&receipt));
        let url = stub::serve(move |_, path, body| {
            let mut log = served.lock().expect("not poisoned");
            let at = *at.lock().expect("not poisoned");
            match path {
                "/api/v1/lookup" => {
                    let request: LookupRequest = serde_json::from_slice(body).expect("a look-up");
                    let mut answer = lie(&log, &request.keys);
                    answer.checkpoint = cosign(&answer.checkpoint, at);
                    json(&answer)
                }
                "/api/v1/statements" => {
                    let envelope = Envelope::parse(body).expect("an envelope");
                    let index = log.position(&envelope).unwrap_or_else(|| {
                        let index = log.size();
                        log.round(5_000, &[SignedStatement::new(envelope).expect("a statement")]);
                        index
                    });
                    let receipt = *receipts.lock().expect("not poisoned");
                    receipt(&log, index)
                }
                "/checkpoint" => (200, cosign(&log.checkpoint(), at).into_bytes()),
                path => match log.file(path.trim_start_matches('/')) {
                    Some(bytes) => (200, bytes),
                    None => (404, Vec::new()),
                },
            }
        });
        let trust = TrustedLog::to_text(&url, &genesis().log, &genesis().roots).expect("a trust file");
        scene.write("trust.toml", trust.as_bytes());
        key_file::create(&scene.path("team.key"), &key("team")).expect("a key file");
        Self { scene, log, cosigned, receipt }
    }

    /// The sdist of `nova` in this version, as it is released.
    fn file(&self, version: &str) -> String {
        let name = format!("nova-{version}.tar.gz");
        self.scene.write(&format!("dist/{name}"), format!("{name} a").as_bytes())
    }

    fn run(&self, args: &[&str]) -> Ended {
        self.scene.run("wheeltap", args)
    }

    /// Runs a command and checks how it ends; evidence must convince somebody else.
    fn check(&self, what: &str, args: &[&str], ends: Ends) -> Ended {
        let ended = self.run(args);
        let code = match ends {
            With(code) => code,
            WithEvidence => 13,
        };
        assert_eq!(ended.code, Some(code), "{what}: {args:?}: {ended:?}");
        let kept = ended.stderr.split_once("evidence: ").or(ended.stdout.split_once("evidence: "));
        match kept {
            None => assert_ne!(ends, WithEvidence, "{what}: {ended:?}"),
            Some((_, path)) => {
                assert_eq!(ends, WithEvidence, "{what}: {ended:?}");
                let path = path.lines().next().unwrap_or_default().trim_end_matches(')');
                self.convinces_others(what, path);
            }
        }
        ended
    }

    /// In another directory, with nothing but the trust file and the evidence.
    fn convinces_others(&self, what: &str, evidence: &str) {
        let elsewhere = Scene::empty();
        for (from, to) in [("trust.toml", "trust.toml"), (evidence, "evidence.json")] {
            fs::copy(self.scene.path(from), elsewhere.path(to)).expect("copied");
        }
        let ended = elsewhere.run("wheeltap", &["evidence", "evidence.json"]);
        assert_eq!(ended.code, Some(13), "{what}: {ended:?}");
        // Not about another log.
        let other = fs::read_to_string(self.scene.path("trust.toml")).expect("a trust file");
        let other = other.replace(&genesis().log.to_vkey(), &key("other.example").public().to_vkey());
        elsewhere.write("trust.toml", other.as_bytes());
        assert_eq!(elsewhere.run("wheeltap", &["evidence", "evidence.json"]).code, Some(1), "{what}");
    }
}

/// The honest log before the withdrawal.
fn older() -> SmallLog {
    let mut log = SmallLog::default();
    log.round(1_000, &[first()]);
    log.round(2_000, &[signed_release("nova", "1.0", "a", "team"), second()]);
    log.round(3_000, &[signed_release("nova", "1.1", "a", "team")]);
    log
}

/// The lists of these keys, without some entries.
fn without(keys: &[LookupKey], log: &SmallLog, keep: fn(u64) -> bool) -> Vec<(LookupKey, Vec<u64>)> {
    let list = |key: &LookupKey| log.listed(key).into_iter().filter(|index| keep(*index)).collect();
    keys.iter().map(|key| (key.clone(), list(key))).collect()
}

fn keys_of_nova_1_0() -> Vec<log_core::hash::Hash> {
    signed_release("nova", "1.0", "a", "team").index_keys().iter().map(IndexKey::hash).collect()
}

fn cosign(checkpoint: &str, at: Option<u64>) -> String {
    let Some(at) = at else { return checkpoint.to_owned() };
    let Ok(mut note) = Note::parse(checkpoint.as_bytes()) else { return checkpoint.to_owned() };
    note.push(cosignature::sign(&key("w.example"), note.text(), at));
    note.to_string()
}

fn json(value: &impl serde::Serialize) -> Answer {
    (200, serde_json::to_vec(value).expect("JSON"))
}

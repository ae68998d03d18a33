//! The lies: what is said of an honest tree, and trees that no honest log has.

use log_core::api::{LookupAnswer, LookupKey};
use log_core::artifact::ProjectName;
use log_core::commitment::IndexCommitment;
use log_core::entry::{IndexKey, SignedStatement};
use log_core::hash::{EMPTY_ROOT, encode_base64};
use log_core::policy::Policy;
use log_core::testing::{
    SmallLog, policy, release, signed, signed_policy, signed_release, signed_withdrawal,
};

use super::world::Ends::{self, With, WithEvidence};

/// The log's tree, and what it says about it.
pub(super) type Tree = fn() -> SmallLog;
pub(super) type Lie = fn(&SmallLog, &[LookupKey]) -> LookupAnswer;

/// Policies with times, three releases, a withdrawal; each has a round of its own.
pub(super) fn honest() -> SmallLog {
    let mut log = SmallLog::default();
    log.round(1_000, &[first()]);
    log.round(2_000, &[signed_release("nova", "1.0", "a", "team"), second()]);
    log.round(3_000, &[signed_release("nova", "1.1", "a", "team")]);
    log.round(4_000, &[signed_withdrawal("nova", "1.1", "a", "team")]);
    log.round(5_000, &[signed_release("oslo-log", "1.0", "a", "oslo")]);
    log
}

/// The team's key ends at 10,000.
pub(super) fn says(version: u64) -> Policy {
    let mut policy = Policy { version, ..policy() };
    policy.publishers[0].keys[0].until = Some(10_000);
    policy
}

pub(super) fn by_roots(policy: Policy) -> SignedStatement {
    signed_policy(policy, &["root1", "root2"])
}

pub(super) fn first() -> SignedStatement {
    by_roots(says(1))
}

pub(super) fn second() -> SignedStatement {
    by_roots(says(2))
}

pub(super) fn truth(log: &SmallLog, keys: &[LookupKey]) -> LookupAnswer {
    log.answer(keys)
}

/// The honest log with one more round.
pub(super) fn and(time: u64, statements: &[SignedStatement]) -> SmallLog {
    let mut log = honest();
    log.round(time, statements);
    log
}

/// Lies about a tree that is as it should be: nobody is accused, and nobody is fooled.
pub(super) const UNSIGNED: [(&str, Lie, &str, Ends); 15] = [
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
pub(super) const SIGNED: [(&str, Tree, &str, Ends, Ends); 14] = [
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

/// The honest log before the withdrawal.
pub(super) fn older() -> SmallLog {
    let mut log = SmallLog::default();
    log.round(1_000, &[first()]);
    log.round(2_000, &[signed_release("nova", "1.0", "a", "team"), second()]);
    log.round(3_000, &[signed_release("nova", "1.1", "a", "team")]);
    log
}

/// The lists of these keys, without some entries.
pub(super) fn without(
    keys: &[LookupKey],
    log: &SmallLog,
    keep: fn(u64) -> bool,
) -> Vec<(LookupKey, Vec<u64>)> {
    let list = |key: &LookupKey| log.listed(key).into_iter().filter(|index| keep(*index)).collect();
    keys.iter().map(|key| (key.clone(), list(key))).collect()
}

pub(super) fn keys_of_nova_1_0() -> Vec<log_core::hash::Hash> {
    signed_release("nova", "1.0", "a", "team").index_keys().iter().map(IndexKey::hash).collect()
}

//! Random histories, and a long one.

use log_core::hash::digest;
use log_core::index::VerifiableIndex;
use proptest::prelude::*;

use super::model::{Model, NAMES, key, tiny};
use crate::index::config::Config;
use crate::index::files::Files;
use crate::index::{EntryKeys, Family, IndexError, IndexStore, Mark};

#[derive(Debug, Clone)]
enum Op {
    Apply(Vec<(u64, Vec<u8>, Vec<u8>)>),
    Settle,
    Rollback,
    Flush,
    Reopen,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let names = || prop::collection::vec(0..NAMES, 0..6);
    let round = prop::collection::vec((0u64..3, names(), names()), 0..6);
    let op = prop_oneof![
        8 => round.prop_map(Op::Apply),
        6 => Just(Op::Settle),
        1 => Just(Op::Rollback),
        1 => Just(Op::Flush),
        1 => Just(Op::Reopen),
    ];
    prop::collection::vec(op, 1..32)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_history_gives_the_index_that_is_defined(
        ops in ops(),
        bucket_keys in 1u64..5,
        deep_keys in 1usize..6,
        flush_records in 1u64..40,
        threads in 1usize..4,
    ) {
        let directory = tempfile::tempdir().expect("a directory");
        let config = Config { bucket_keys, deep_keys, flush_records, threads, ..tiny() };
        let mut model = Model::new(directory.path(), config);
        for op in ops {
            match op {
                Op::Apply(round) => model.apply(&round).expect("applied"),
                Op::Settle => model.settle().expect("settled"),
                Op::Rollback => model.rollback(),
                Op::Flush => match model.store().flush_now() {
                    Err(IndexError::Unsettled) => model.rollback(),
                    flushed => {
                        flushed.expect("flushed");
                        model.open(Files::default()).expect("opened");
                    }
                },
                Op::Reopen => model.open(Files::default()).expect("opened"),
            }
            model.check();
        }
    }
}

#[test]
fn a_flush_loses_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), Config { flush_records: 1_000, ..tiny() });
    for round in 0..20 {
        model.apply(&[(1, vec![round, round + 1], vec![round])]).expect("applied");
        model.settle().expect("settled");
    }
    let before = model.expected.clone();
    model.store().flush_now().expect("flushed");
    model.open(Files::default()).expect("opened");
    assert_eq!(model.expected.entries, before.entries);
    // Nothing was added: nothing is written.
    let files = || {
        let walk = ["map", "aux", "levels"].map(|part| std::fs::read_dir(directory.path().join(part)));
        let names = walk.into_iter().flat_map(|files| files.expect("a directory"));
        names.map(|file| file.expect("a file").path()).collect::<Vec<_>>()
    };
    let were = files();
    model.store().flush_now().expect("flushed");
    assert_eq!(files(), were);
    // A mark that moved without entries is written.
    model.settle().expect("settled");
    model.store().flush_now().expect("flushed");
    let size = model.expected.size;
    model.open(Files::default()).expect("opened");
    assert_eq!(model.expected.size, size);
    model.check();
}

#[test]
fn another_log_s_index_is_nothing() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), tiny());
    for round in 0..20 {
        model.apply(&[(0, vec![round], vec![round])]).expect("applied");
        model.settle().expect("settled");
    }
    drop(model);
    let other = IndexStore::open_with(directory.path(), "other.example", tiny(), Files::default());
    assert_eq!(other.expect("opened").mark(), Mark::EMPTY);
    let again = IndexStore::open_with(directory.path(), "log.example", tiny(), Files::default());
    assert_eq!(again.expect("opened").mark(), Mark::EMPTY, "its files are gone");
}

#[test]
fn entries_come_in_order_and_nothing_is_settled_below_them() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), tiny());
    model.apply(&[(5, vec![1], vec![])]).expect("applied");
    let entry = |index| EntryKeys { index, map: vec![key(2)], aux: vec![] };
    let mut refused = |round: &[EntryKeys]| {
        assert!(matches!(model.store().apply(round), Err(IndexError::Order)));
    };
    refused(&[entry(5)]);
    refused(&[entry(8), entry(7)]);
    model.apply(&[(0, vec![1], vec![])]).expect("what was refused changes nothing");
    assert!(matches!(model.store().settle(Mark { size: 6, root: digest(&[]) }), Err(IndexError::Order)));
    assert!(matches!(model.store().flush_now(), Err(IndexError::Unsettled)));
    model.settle().expect("settled");
    model.check();
}

#[test]
fn thousands_of_keys_with_the_usual_sizes() {
    let directory = tempfile::tempdir().expect("a directory");
    let config = Config { flush_records: 4_096, background: false, ..Config::default() };
    let mut store =
        IndexStore::open_with(directory.path(), "log", config.clone(), Files::default()).expect("opened");
    let mut index = VerifiableIndex::default();
    let hot = digest(&[b"hot"]);
    let name = |index: u64, n: u8| digest(&[&index.to_be_bytes(), &[n]]);
    for round in 0..30u64 {
        let entries: Vec<EntryKeys> = (0..200)
            .map(|i| {
                let index = round * 201 + i;
                EntryKeys {
                    index,
                    map: vec![name(index, 0), name(index, 1), hot],
                    aux: vec![name(index / 7, 2)],
                }
            })
            .collect();
        for entry in &entries {
            index.add(entry.index, entry.map.clone());
        }
        assert_eq!(store.apply(&entries).expect("applied"), index.root());
        let size = (round + 1) * 201;
        store.settle(Mark { size, root: digest(&[&size.to_be_bytes()]) }).expect("settled");
        let keys: Vec<_> = (0..size).step_by(97).map(|at| name(at, 1)).chain([hot, name(size, 0)]).collect();
        let proven = store.reader().prove(&keys).expect("proofs");
        for (key, proof) in keys.iter().zip(proven.proofs) {
            assert_eq!(proof, index.map().prove(key.as_bytes()));
        }
        if round % 7 == 6 {
            let mark = store.mark();
            store.flush_now().expect("flushed");
            drop(store);
            store = IndexStore::open_with(directory.path(), "log", config.clone(), Files::default())
                .expect("opened");
            assert_eq!((store.mark(), store.map_root()), (mark, index.root()));
        }
    }
    assert_eq!(store.list(Family::Map, &hot, 0, u64::MAX, usize::MAX).expect("a list").len(), 6_000);
    assert_eq!(store.list_newest(Family::Map, &hot, 2).expect("a list"), [6_028, 6_027]);
}

#[test]
fn there_is_one_writer() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut model = Model::new(directory.path(), tiny());
    model.apply(&[(0, vec![1], vec![])]).expect("applied");
    let other = IndexStore::open_with(directory.path(), "log.example", tiny(), Files::default());
    assert!(matches!(other, Err(IndexError::InUse)));
    // Readers of a store that is closed are in nobody's way.
    let reader = model.store().reader();
    model.open(Files::default()).expect("opened");
    assert_eq!(reader.mark(), Mark::EMPTY);
}

//! What the protocol costs: signatures, parsing, hashing, proofs, verdicts.
//!
//! `cargo bench -p log-core`. The verification of one signature is the yardstick: it
//! cannot be avoided, so everything else that is done once per statement should be
//! small beside it.

#![allow(clippy::expect_used, missing_docs, reason = "a benchmark")]

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use log_core::api::LookupKey;
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::dsse::Envelope;
use log_core::entry::{Entry, SignedStatement};
use log_core::hash::{Hash, digest, leaf_hash, node_hash};
use log_core::history::Recorded;
use log_core::index::VerifiableIndex;
use log_core::proof::verify_inclusion;
use log_core::statement::{Release, ReleaseFile, Statement};
use log_core::testing::{SmallLog, genesis, key, policy, public, sha256, signed, signed_policy};
use log_core::timeline::Timeline;
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::{ByName, Facts, Subject, check_answer, judge};

/// Releases in the log that is looked up, and keys in one look-up.
const RELEASES: usize = 1_000;
const KEYS: usize = 300;

/// A large project: versions, and files of each.
const VERSIONS: usize = 300;
const FILES: usize = 60;

/// Keys in the index whose proofs are measured.
const INDEX_KEYS: usize = 100_000;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1_500))
        .without_plots();
    targets = signatures, parsing, hashing, proofs, index, answers, verdicts
}
criterion_main!(benches);

/// An sdist, a wheel and the wheel's metadata, as nearly every release has them.
fn release(number: usize) -> Release {
    let version = format!("{}.{}.{}", number / 100, number / 10 % 10, number % 10);
    let file = |name: String, size| ReleaseFile {
        sha256: sha256(&name),
        name: FileName::parse(&name).expect("a file name"),
        size,
    };
    let wheel = format!("oslo_messaging-{version}-py3-none-any.whl");
    Release {
        project: ProjectName::parse("oslo-messaging").expect("a name"),
        version: Version::parse(&version).expect("a version"),
        files: vec![
            file(format!("oslo_messaging-{version}.tar.gz"), Some(217_231)),
            file(format!("{wheel}.metadata"), None),
            file(wheel, Some(188_840)),
        ],
        source: None,
    }
}

fn signed_release(number: usize) -> SignedStatement {
    signed(release(number).to_payload(), &["oslo"])
}

fn signatures(c: &mut Criterion) {
    let signed = signed_release(0);
    let (signature, oslo) = (&signed.envelope.signatures()[0], public("oslo"));
    let mut group = c.benchmark_group("signature");
    group.bench_function("verify_strict", |b| {
        b.iter(|| assert!(black_box(&signed.envelope).is_signed_by(&oslo, signature)));
    });
    let key = key("oslo");
    let payload = release(0).to_payload();
    group.bench_function("sign", |b| {
        b.iter_batched(
            || Envelope::unsigned(payload.clone()),
            |mut envelope| envelope.sign(&key),
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

fn parsing(c: &mut Criterion) {
    let bytes = signed_release(0).envelope.to_canonical();
    let envelope = Envelope::parse(&bytes).expect("an envelope");
    let payload = release(0).to_payload();
    let mut group = c.benchmark_group("parse");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("envelope", |b| b.iter(|| Envelope::parse(black_box(&bytes))));
    group.bench_function("envelope/canonical", |b| b.iter(|| Envelope::parse_canonical(black_box(&bytes))));
    group.bench_function("envelope/encode", |b| b.iter(|| black_box(&envelope).to_canonical()));
    group.bench_function("statement", |b| b.iter(|| Statement::parse(black_box(&payload))));
    group.bench_function("entry", |b| b.iter(|| Entry::parse(black_box(&bytes))));
    group.bench_function("version", |b| b.iter(|| Version::parse(black_box("14.3.1"))));
    let statement = signed_release(0);
    group.bench_function("index_keys", |b| {
        b.iter(|| {
            let keys = black_box(&statement).index_keys();
            keys.iter().map(log_core::entry::IndexKey::hash).collect::<Vec<Hash>>()
        });
    });
    group.finish();
}

fn hashing(c: &mut Criterion) {
    let entry = signed_release(0).envelope.to_canonical();
    let (left, right) = (sha256("left"), sha256("right"));
    let megabyte = vec![7; 1 << 20];
    let mut group = c.benchmark_group("hash");
    group.bench_function("node", |b| b.iter(|| node_hash(black_box(left), black_box(right))));
    group.throughput(Throughput::Bytes(entry.len() as u64));
    group.bench_function("leaf", |b| b.iter(|| leaf_hash(black_box(&entry))));
    group.throughput(Throughput::Bytes(megabyte.len() as u64));
    group.bench_function("megabyte", |b| b.iter(|| digest(&[black_box(&megabyte)])));
    group.finish();
}

fn proofs(c: &mut Criterion) {
    let log = log();
    let (index, size, root) = (log.size() / 3, log.size(), log.root());
    let proven = log.proven(index);
    let leaf = leaf_hash(&proven.entry);
    let mut group = c.benchmark_group("inclusion");
    group.bench_function("prove", |b| b.iter(|| log.proven(black_box(index))));
    group.bench_function("verify", |b| {
        b.iter(|| verify_inclusion(black_box(leaf), index, size, root, &proven.proof));
    });
    group.finish();
}

fn index(c: &mut Criterion) {
    let keys: Vec<Hash> = (0..INDEX_KEYS).map(|i| sha256(&i.to_string())).collect();
    let mut index = VerifiableIndex::default();
    for (at, key) in (0..).zip(&keys) {
        index.add(at, [*key]);
    }
    let map = index.map();
    let root = map.root();
    let mut group = c.benchmark_group("index");
    let mut next = 0;
    // One round: a hundred statements of four keys each, and the root over them.
    group.throughput(Throughput::Elements(400));
    group.bench_function("insert a round", |b| {
        b.iter(|| {
            for _ in 0..100 {
                next += 1;
                let at = INDEX_KEYS as u64 + next;
                index.add(at, (0u8..4).map(|part| digest(&[&at.to_be_bytes(), &[part]])));
            }
            index.root()
        });
    });
    group.throughput(Throughput::Elements(1));
    let key = keys[INDEX_KEYS / 2];
    let proof = map.prove(key.as_bytes());
    group.bench_function("prove", |b| b.iter(|| map.prove(black_box(key.as_bytes()))));
    group.bench_function("verify", |b| b.iter(|| black_box(&proof).verify(key.as_bytes(), root)));
    group.finish();
}

fn answers(c: &mut Criterion) {
    let log = log();
    let keys: Vec<LookupKey> = (0..KEYS)
        .map(|i| {
            let Release { project, files, .. } = release(i * 3);
            LookupKey::File { project, name: files[0].name.clone(), from: 0 }
        })
        .collect();
    let answer = log.answer(&keys);
    let json = serde_json::to_vec(&answer).expect("JSON");
    let policy = format!("log {}\nquorum none\n", public("log.example").to_vkey());
    let policy = TrustPolicy::parse(&policy).expect("a trust policy");
    let checkpoint = policy.open(answer.checkpoint.as_bytes()).expect("a checkpoint");
    let mut group = c.benchmark_group("answer");
    group.sample_size(20).throughput(Throughput::Elements(KEYS as u64));
    group.bench_function("check", |b| {
        b.iter(|| check_answer(&genesis(), &checkpoint, &keys, black_box(&answer)).expect("honest"));
    });
    group.bench_function("read", |b| {
        b.iter(|| serde_json::from_slice::<log_core::api::LookupAnswer>(black_box(&json)).expect("JSON"));
    });
    group.finish();
}

/// All files of a large project, as the verifying index judges them.
fn verdicts(c: &mut Criterion) {
    let project = ProjectName::parse("oslo-messaging").expect("a name");
    let file = |version: usize, tag: usize| {
        let name = format!("oslo_messaging-1.{version}-cp3{tag}-cp3{tag}-manylinux_2_17_x86_64.whl");
        ReleaseFile { sha256: sha256(&name), name: FileName::parse(&name).expect("a name"), size: None }
    };
    let recorded = |version: usize| Recorded {
        index: version as u64,
        time: Some(10),
        signers: Vec::new(),
        statement: Release {
            project: project.clone(),
            version: Version::parse(&format!("1.{version}")).expect("a version"),
            files: (0..FILES).map(|tag| file(version, tag)).collect(),
            source: None,
        },
    };
    let facts = Facts {
        timeline: Timeline::default(),
        policy: policy(),
        releases: (0..VERSIONS).map(recorded).collect(),
        withdrawals: Vec::new(),
        log_time: Some(10),
        complete: true,
    };
    let releases = facts.releases.iter().map(|recorded| &recorded.statement);
    let subjects: Vec<Subject> = releases
        .flat_map(|release| release.files.iter().map(|file| (release.version.clone(), file)))
        .map(|(version, file)| Subject {
            name: file.name.clone(),
            sha256: file.sha256,
            candidates: vec![(project.clone(), version)],
        })
        .collect();
    let mut group = c.benchmark_group("verdicts");
    group.sample_size(20).throughput(Throughput::Elements(1));
    let middle = &subjects[subjects.len() / 2];
    group.bench_function("of a file, all facts read", |b| b.iter(|| judge(black_box(middle), &facts)));
    group.throughput(Throughput::Elements(subjects.len() as u64));
    group.bench_function("of all files, by name", |b| {
        b.iter(|| {
            let by_name = ByName::new(black_box(&facts));
            subjects
                .iter()
                .map(|subject| judge(subject, &by_name))
                .for_each(|verdict| drop(black_box(verdict)));
        });
    });
    group.finish();
}

fn log() -> SmallLog {
    let mut statements = vec![signed_policy(policy(), &["root1", "root2"])];
    statements.extend((0..RELEASES).map(signed_release));
    SmallLog::with(&statements)
}

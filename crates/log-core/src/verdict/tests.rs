//! An honest small log, and every way to lie about it.

use super::*;
use crate::api::LookupResult;
use crate::artifact::{FileName, candidates};
use crate::checkpoint::Checkpoint;
use crate::commitment::IndexCommitment;
use crate::cosignature;
use crate::index::VerifiableIndex;
use crate::map_proof::MapProofJson;
use crate::testing::{genesis, key, policy, release, sha256, signed_policy, signed_release};
use crate::toy::ToyLog;

/// A log in memory that puts anything into its tree.
#[derive(Default)]
struct AnyLog {
    tree: ToyLog,
    entries: Vec<Vec<u8>>,
    index: VerifiableIndex,
}

impl AnyLog {
    fn with(statements: &[SignedStatement]) -> Self {
        let mut log = Self::default();
        for signed in statements {
            log.index.add(log.entries.len() as u64, signed.index_keys().iter().map(IndexKey::hash));
            log.push(signed.envelope.to_canonical());
        }
        let size = log.entries.len() as u64;
        let commitment = IndexCommitment { size, root: log.index.root(), time: 1_000 };
        log.push(commitment.to_string().into_bytes());
        log
    }

    fn honest() -> Self {
        Self::with(&[
            signed_policy(policy(), &["root1", "root2"]),
            signed_release("nova", "1.0", "a", "team"),
            signed_release("nova", "1.1", "a", "team"),
        ])
    }

    fn push(&mut self, entry: Vec<u8>) {
        self.tree.push(leaf_hash(&entry));
        self.entries.push(entry);
    }

    fn checkpoint(&self) -> String {
        let edge = &self.tree.edge;
        let origin = "log.example".to_owned();
        let checkpoint = Checkpoint { origin, size: edge.size(), root: edge.root(), extensions: vec![] };
        checkpoint.sign(&key("log.example")).to_string()
    }

    fn proven(&self, index: usize) -> ProvenEntry {
        let (entry, proof) = (self.entries[index].clone(), self.tree.inclusion(index as u64));
        ProvenEntry { index: index as u64, entry, proof }
    }

    /// The answer about the project nova, of which these are the entries.
    fn answer(&self, indices: &[usize]) -> LookupAnswer {
        let json = |index: &usize| EntryJson::new(&self.proven(*index));
        let map = self.index.map();
        let proof = |key: IndexKey| MapProofJson::from(&map.prove(key.hash().as_bytes()));
        let entries = indices.iter().map(|index| *index as u64).collect();
        let result = LookupResult { entries, next: None, map: nova().index_key().map(proof) };
        LookupAnswer {
            checkpoint: self.checkpoint(),
            commitment: json(&(self.entries.len() - 1)),
            policy: json(&0),
            policy_map: proof(IndexKey::Policy),
            results: vec![result],
            entries: indices.iter().map(json).collect(),
        }
    }

    fn proof_file(&self, index: usize) -> ProofFile {
        let proven = self.proven(index);
        let extra = Extra { entry: proven.entry, policy: self.proven(0) };
        ProofFile {
            extra: Some(extra.to_string().into_bytes()),
            index: proven.index,
            proof: proven.proof,
            checkpoint: self.checkpoint(),
        }
    }
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
    let facts = facts(&AnyLog::honest().answer(&[1, 2])).expect("an honest answer");
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
    let log = AnyLog::with(&[signed_policy(narrow, &["root1", "root2"])]);
    let facts = facts(&log.answer(&[])).expect("an honest answer");
    assert_eq!(judge(&subject("nova-1.0.tar.gz", sha256("a")), &facts), Verdict::NotCovered);
}

#[test]
fn quorum_and_age() {
    let log = AnyLog::honest();
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
    let log = AnyLog::honest();
    let check = |file: &ProofFile| {
        let trust = trust("none");
        let open = trust.open_at_any_age(file.checkpoint.as_bytes())?;
        check_proof_file(&trust.genesis, &open, file)
    };
    let good = log.proof_file(2);
    let again = ProofFile::parse(good.to_string().as_bytes()).expect("what was written");
    assert_eq!(again, good);
    let facts = check(&good).expect("a good proof");
    assert_eq!(facts.releases, vec![(2, release("nova", "1.1", "a"))]);
    let mut bad = good.clone();
    bad.index = 1;
    assert!(matches!(check(&bad), Err(Distrust::NotIncluded { index: 1, .. })));
    let mut bad = good.clone();
    bad.proof.push(bad.proof[0]);
    assert!(matches!(check(&bad), Err(Distrust::NotIncluded { .. })));
    let mut bad = good.clone();
    bad.extra = Some(b"other".to_vec());
    assert!(matches!(check(&bad), Err(Distrust::Malformed(_))));
    let swapped = Extra { entry: log.entries[1].clone(), policy: log.proven(0) };
    bad.extra = Some(swapped.to_string().into_bytes());
    assert!(matches!(check(&bad), Err(Distrust::NotIncluded { .. })));
    let no_policy = Extra { entry: log.entries[2].clone(), policy: log.proven(1) };
    bad.extra = Some(no_policy.to_string().into_bytes());
    assert!(matches!(check(&bad), Err(Distrust::Malformed(_))));
}

#[test]
fn answers_that_lie_are_not_believed() {
    let log = AnyLog::honest();
    let good = log.answer(&[1, 2]);
    let lie = |change: &dyn Fn(&mut LookupAnswer)| {
        let mut answer = good.clone();
        change(&mut answer);
        facts(&answer).expect_err("a lie")
    };
    let error = lie(&|answer| answer.entries[1].index = 3);
    assert!(matches!(error, Distrust::NotIncluded { .. }), "{error}");
    let error = lie(&|answer| answer.entries[0].proof.clear());
    assert!(matches!(error, Distrust::NotIncluded { .. }), "{error}");
    let other = EntryJson::new(&AnyLog::with(&[signed_release("nova", "9", "x", "team")]).proven(0));
    let error = lie(&|answer| answer.entries[0] = other.clone());
    assert!(matches!(error, Distrust::NotIncluded { .. }), "{error}");
    let error = lie(&|answer| answer.policy = answer.entries[0].clone());
    assert!(matches!(error, Distrust::Malformed(_)), "{error}");
    let error = lie(&|answer| answer.commitment = answer.entries[0].clone());
    assert!(matches!(error, Distrust::Malformed(_)), "{error}");
    let error = lie(&|answer| answer.entries[0].entry.push('='));
    assert!(matches!(error, Distrust::Malformed(_)), "{error}");
    let error = lie(&|answer| answer.checkpoint = answer.checkpoint.replace("\n4\n", "\n5\n"));
    assert!(matches!(error, Distrust::Checkpoint(_)), "{error}");
    // A tree whose last leaf is no commitment is never published.
    let mut unfinished = AnyLog::honest();
    unfinished.push(signed_release("nova", "1.2", "a", "team").envelope.to_canonical());
    assert!(matches!(facts(&unfinished.answer(&[1])), Err(Distrust::Malformed(_))));
}

#[test]
fn a_log_that_hides_something_is_caught() {
    let log = AnyLog::honest();
    let good = log.answer(&[1, 2]);
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
    caught(&|answer| answer.results[0].map = Some(answer.policy_map.clone()));
    caught(&|answer| answer.policy_map = answer.results[0].map.clone().expect("a proof"));
    let older = AnyLog::with(&[
        signed_policy(policy(), &["root1", "root2"]),
        signed_release("nova", "1.0", "a", "team"),
    ]);
    caught(&|answer| {
        answer.results[0] = older.answer(&[1]).results[0].clone();
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
    let mut absent = log.answer(&[]);
    let index_key = glance.index_key().expect("a key").hash();
    absent.results[0].map = Some((&log.index.map().prove(index_key.as_bytes())).into());
    let facts = check_answer(&trust.genesis, &open, &[glance], &absent).expect("absent");
    assert!(facts.complete && facts.releases.is_empty());
    assert!(check_answer(&trust.genesis, &open, &[nova()], &absent).is_err(), "nova is not absent");
}

#[test]
fn misbehaviour_yields_evidence() {
    let first = signed_policy(policy(), &["root1", "root2"]);
    let release = signed_release("nova", "1.0", "a", "team");
    let check = |statements: &[SignedStatement]| {
        let log = AnyLog::with(statements);
        let indices: Vec<usize> = (1..statements.len()).collect();
        let Err(Distrust::Misbehaviour { what, evidence }) = facts(&log.answer(&indices)) else {
            panic!("misbehaviour")
        };
        let json = serde_json::to_string(&evidence).expect("JSON");
        let again: Evidence = serde_json::from_str(&json).expect("evidence");
        assert!(again.verify(&genesis()).is_ok(), "{what}");
        let mut elsewhere = genesis();
        elsewhere.log = key("other.example").public().clone();
        assert!(again.verify(&elsewhere).is_err());
        what
    };
    let conflict = signed_release("nova", "1.0", "b", "team");
    assert!(check(&[first.clone(), release.clone(), conflict]).contains("two digests"));
    let mallory = signed_release("nova", "1.1", "b", "mallory");
    assert!(check(&[first.clone(), release.clone(), mallory]).contains("refuses"));
    let forged = signed_policy(policy(), &["root1"]);
    assert!(check(&[forged, release]).contains("root keys"));
    // Whole histories are judged by the same rules.
    let lying = AnyLog::with(&[first.clone(), signed_release("nova", "1.1", "b", "mallory")]);
    for (log, guilty) in [(&lying, true), (&AnyLog::honest(), false)] {
        let entries = log.entries.iter().map(|entry| crate::hash::encode_base64(entry)).collect();
        let evidence = Evidence::BrokenHistory { checkpoint: log.checkpoint(), entries };
        assert_eq!(evidence.verify(&genesis()).is_ok(), guilty);
    }
    // An honest log yields none, not even when its policy is shown once more.
    let log = AnyLog::honest();
    let json = |index| EntryJson::new(&log.proven(index));
    let honest = Evidence::BrokenRule {
        checkpoint: log.checkpoint(),
        policy: json(0),
        entries: vec![json(0), json(1), json(2)],
    };
    assert!(honest.verify(&genesis()).is_err());
}

#[test]
fn an_entry_of_a_later_protocol_is_no_misbehaviour() {
    let known = signed_release("nova", "1.0", "a", "team").envelope.payload().to_vec();
    let later = String::from_utf8(known)
        .expect("UTF-8")
        .replace("in-toto.io/attestation/release/v0.2", "example.org/new");
    let mut envelope = crate::dsse::Envelope::unsigned(later.into_bytes());
    envelope.sign(&key("team"));
    let mut log = AnyLog::honest();
    log.push(envelope.to_canonical());
    log.index.add(4, nova().index_key().map(|key| key.hash()));
    let commitment = IndexCommitment { size: 5, root: log.index.root(), time: 1_000 };
    log.push(commitment.to_string().into_bytes());
    assert!(matches!(facts(&log.answer(&[1, 2, 4])), Err(Distrust::Newer { index: 4, .. })));
    let json = |index| EntryJson::new(&log.proven(index));
    let evidence =
        Evidence::BrokenRule { checkpoint: log.checkpoint(), policy: json(0), entries: vec![json(4)] };
    assert!(evidence.verify(&genesis()).is_err());
    let entries = log.entries.iter().map(|entry| crate::hash::encode_base64(entry)).collect();
    let evidence = Evidence::BrokenHistory { checkpoint: log.checkpoint(), entries };
    assert!(evidence.verify(&genesis()).is_err());
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
        let releases = (1u64..).zip(releases.iter().map(|release| (*release).clone())).collect();
        Facts { policy: policy(), releases, log_time: None, complete: false }
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
            assert!(evidence.verify(&genesis()).is_ok(), "{old} and {new}");
            // The honest prefix of the same tree is none.
            let own = consistent(&right, old, &sign);
            assert!(own.verify(&genesis()).is_err(), "{old} and {new}");
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

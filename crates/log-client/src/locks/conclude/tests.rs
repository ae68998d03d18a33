use log_core::api::LookupKey;
use log_core::policy::{Coverage, Pattern};
use log_core::testing::{
    SmallLog, genesis, policy, release, signed_policy, signed_release, signed_withdrawal,
};
use log_core::trust_policy::TrustPolicy;
use log_core::verdict::check_answer;
use proptest::prelude::*;

use super::super::{Permitted, Place};
use super::*;

/// What a log says that has nova 1.0, and nova 1.1 whose sdist was taken back.
fn facts() -> Facts {
    let mut only_nova = policy();
    only_nova.projects = vec![Coverage::all(Pattern::parse("nova").expect("a pattern"))];
    let log = SmallLog::with(&[
        signed_policy(only_nova, &["root1", "root2"]),
        signed_release("nova", "1.0", "a", "team"),
        signed_release("nova", "1.1", "a", "team"),
        signed_withdrawal("nova", "1.1", "a", "team"),
    ]);
    let keys: Vec<LookupKey> = ["1.0", "1.1", "9.9"]
        .map(|version| LookupKey::Release {
            project: ProjectName::parse("nova").expect("a name"),
            version: Version::parse(version).expect("a version"),
            from: 0,
        })
        .to_vec();
    let answer = log.answer(&keys);
    let key = genesis().log.to_vkey();
    let trust = TrustPolicy::parse(&format!("log {key}\nquorum none\n")).expect("a policy");
    let checkpoint = trust.open(answer.checkpoint.as_bytes()).expect("a checkpoint");
    check_answer(&genesis(), &checkpoint, &keys, &answer).expect("an honest answer")
}

fn index(version: &str, permits: Vec<Permitted>) -> Wanted {
    Wanted {
        place: Place::Line(1),
        project: Some(ProjectName::parse("nova").expect("a name")),
        version: if version.is_empty() { Pin::Open } else { Pin::of(version) },
        origin: Origin::Index(None),
        permits,
    }
}

fn logged(version: &str, at: usize) -> (String, Hash) {
    let file = &release("nova", version, "a").files[at];
    (file.name.to_string(), file.sha256)
}

fn named(version: &str, at: usize) -> Permitted {
    let (name, sha256) = logged(version, at);
    Permitted { name: Some(name), url: None, digests: vec![Digest::Sha256(sha256)] }
}

fn hash(sha256: Hash) -> Permitted {
    Permitted { digests: vec![Digest::Sha256(sha256)], ..Permitted::default() }
}

fn other() -> Hash {
    Hash::from_bytes([7; 32])
}

#[test]
fn an_entry_is_verified_when_all_that_it_permits_is_proven() {
    let facts = facts();
    for permits in [
        vec![named("1.0", 0), named("1.0", 1)],
        vec![hash(logged("1.0", 0).1), hash(logged("1.0", 1).1)],
        vec![named("1.0", 1), hash(logged("1.0", 0).1)],
    ] {
        let conclusion = conclude(&index("1.0", permits), Some(&facts));
        assert!(matches!(conclusion, Conclusion::Verified { files: 2, .. }), "{conclusion:?}");
    }
    let open = conclude(&index("", vec![named("1.0", 0)]), Some(&facts));
    assert!(matches!(open, Conclusion::Verified { .. }), "the name of the file says the version: {open:?}");
}

#[test]
fn one_permitted_file_that_is_not_proven_spoils_it() {
    let facts = facts();
    let good = || named("1.0", 0);
    let mut sha512 = good();
    sha512.digests.push(Digest::Other("sha512".to_owned()));
    let mut bad_name = good();
    bad_name.name = Some("nova-1.0.zip".to_owned());
    let mut other_bytes = good();
    other_bytes.digests = vec![Digest::Sha256(other())];
    let mut no_hash = good();
    no_hash.digests.clear();
    let is = |permitted: Permitted, says: fn(&Conclusion) -> bool| {
        let conclusion = conclude(&index("1.0", vec![good(), permitted]), Some(&facts));
        assert!(says(&conclusion), "{conclusion:?}");
    };
    is(hash(other()), |found| matches!(found, Conclusion::UnknownHash { release_logged: true, .. }));
    is(sha512, |found| matches!(found, Conclusion::Unprovable(what) if what.contains("sha512")));
    is(bad_name, |found| matches!(found, Conclusion::File(Some(_), Verdict::NotLogged { .. })));
    is(other_bytes, |found| matches!(found, Conclusion::File(_, Verdict::OtherHash { .. })));
    is(no_hash, |found| matches!(found, Conclusion::Unprovable(what) if what.contains("without a hash")));
    is(named("1.1", 1), |found| matches!(found, Conclusion::Disagrees(_)));
    // The hash of a file of another version is none of this one's.
    is(hash(logged("1.1", 1).1), |found| matches!(found, Conclusion::UnknownHash { .. }));
}

#[test]
fn withdrawn_files_and_releases() {
    let facts = facts();
    for permits in [vec![named("1.1", 0), named("1.1", 1)], vec![hash(logged("1.1", 0).1)], vec![]] {
        let conclusion = conclude(&index("1.1", permits), Some(&facts));
        assert!(matches!(conclusion, Conclusion::File(Some(_), Verdict::Withdrawn { .. })), "{conclusion:?}");
    }
    // The wheel was not taken back.
    let wheel = conclude(&index("1.1", vec![named("1.1", 1)]), Some(&facts));
    assert!(matches!(wheel, Conclusion::Verified { .. }), "{wheel:?}");
}

#[test]
fn without_hashes_there_is_less_to_say() {
    let facts = facts();
    let only = conclude(&index("1.0", vec![]), Some(&facts));
    assert!(matches!(only, Conclusion::VersionOnly { .. }), "{only:?}");
    let unknown = conclude(&index("9.9", vec![]), Some(&facts));
    assert!(matches!(unknown, Conclusion::File(None, Verdict::NotLogged { .. })), "{unknown:?}");
    for (version, says) in [("", "not pinned"), ("odd one", "no PEP 440")] {
        let conclusion = conclude(&index(version, vec![]), Some(&facts));
        assert!(matches!(&conclusion, Conclusion::Unprovable(what) if what.contains(says)), "{conclusion:?}");
    }
}

#[test]
fn where_it_is_from_counts() {
    let facts = facts();
    let mut wanted = index("1.0", vec![]);
    wanted.origin = Origin::Repository("git+https://g.example/nova".to_owned());
    assert!(matches!(conclude(&wanted, Some(&facts)), Conclusion::Unprovable(_)));
    wanted.origin = Origin::Directory(".".to_owned());
    assert_eq!(conclude(&wanted, Some(&facts)), Conclusion::Local);
    let (name, sha256) = logged("1.0", 0);
    let mut file = hash(sha256);
    file.url = Some(format!("https://f.example/{name}"));
    let mut wanted =
        Wanted { origin: Origin::Archive, permits: vec![file], project: None, ..index("", vec![]) };
    assert!(matches!(conclude(&wanted, Some(&facts)), Conclusion::Verified { .. }), "a bare URL");
    wanted.permits[0].digests.push(Digest::Sha256(other()));
    assert!(matches!(conclude(&wanted, Some(&facts)), Conclusion::File(_, Verdict::OtherHash { .. })));
    wanted.permits[0].digests.clear();
    assert!(matches!(conclude(&wanted, Some(&facts)), Conclusion::Unprovable(_)));
}

#[test]
fn what_no_log_covers_is_said_to_be_that_and_no_more() {
    let facts = facts();
    let mut wanted = index("1.0", vec![hash(other())]);
    assert_eq!(conclude(&wanted, None), Conclusion::NotCovered { pinned: true });
    wanted.project = Some(ProjectName::parse("requests").expect("a name"));
    assert_eq!(conclude(&wanted, Some(&facts)), Conclusion::NotCovered { pinned: true });
    wanted.permits.push(Permitted { name: Some("requests-1.0.zip".to_owned()), ..Permitted::default() });
    assert_eq!(conclude(&wanted, Some(&facts)), Conclusion::NotCovered { pinned: false });
    // Whoever is not covered may have names of any kind; whoever is has none of these.
    wanted.permits.push(Permitted { name: Some("main.zip".to_owned()), ..Permitted::default() });
    assert_eq!(conclude(&wanted, Some(&facts)), Conclusion::NotCovered { pinned: false });
    let mut strange = named("1.0", 0);
    strange.name = Some("main.zip".to_owned());
    assert!(matches!(conclude(&index("1.0", vec![strange]), Some(&facts)), Conclusion::Disagrees(_)));
    // Not even an entry that nobody covers may name a file of another project.
    wanted.permits.push(named("1.0", 0));
    assert!(matches!(conclude(&wanted, Some(&facts)), Conclusion::Disagrees(_)));
}

proptest! {
    /// Whatever is permitted beside it, only proven hashes are verified.
    #[test]
    fn never_verified_with_a_hash_that_is_not_logged(
        bytes in any::<[u8; 32]>(), kinds in proptest::collection::vec(0_u8..4, 0..6), at in 0_usize..6
    ) {
        let mut permits: Vec<Permitted> = kinds.iter().map(|kind| match kind {
            0 => named("1.0", 0),
            1 => named("1.0", 1),
            2 => hash(logged("1.0", 0).1),
            _ => hash(logged("1.0", 1).1),
        }).collect();
        permits.insert(at.min(permits.len()), hash(Hash::from_bytes(bytes)));
        let conclusion = conclude(&index("1.0", permits), Some(&facts()));
        let refused = matches!(conclusion, Conclusion::UnknownHash { .. });
        prop_assert!(refused, "{:?}", conclusion);
    }
}

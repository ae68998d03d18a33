//! Every case of the plan.

use std::collections::BTreeMap;

use log_core::hash::digest;
use log_core::history::Recorded;
use log_core::statement::{Reason, Release, ReleaseFile, Withdrawal, WithdrawnFile};
use log_core::testing::{policy, release};
use log_core::timeline::Timeline;
use log_core::verdict::Facts;
use proptest::prelude::*;

use super::*;

const PYPI: &str = "https://files.example/packages/aa/bb/cc/";

fn nova() -> ProjectName {
    ProjectName::parse("nova").expect("a name")
}

fn recorded<T>(index: u64, statement: T) -> Recorded<T> {
    Recorded { index, time: Some(10), signers: vec![], statement }
}

/// 1.0 and 1.1 are logged, with metadata; the wheel of 1.0 was withdrawn.
fn facts() -> Facts {
    let logged = |version: &str| -> Release {
        let mut release = release("nova", version, "official");
        let name = FileName::parse(&format!("nova-{version}-py3-none-any.whl.metadata")).expect("a name");
        release.files.push(ReleaseFile { name, sha256: digest(&[b"metadata"]), size: None });
        release
    };
    let first = logged("1.0");
    let file = &first.files[1];
    let withdrawn = WithdrawnFile { name: file.name.clone(), sha256: file.sha256 };
    let withdrawal = Withdrawal {
        project: nova(),
        version: first.version.clone(),
        files: vec![withdrawn],
        reason: Reason::Compromised,
        text: "bad".to_owned(),
    };
    Facts {
        timeline: Timeline::default(),
        policy: policy(),
        releases: vec![recorded(1, first), recorded(2, logged("1.1"))],
        withdrawals: vec![recorded(3, withdrawal)],
        log_time: Some(10),
        complete: true,
    }
}

fn logged(name: &str) -> Hash {
    let name = FileName::parse(name).expect("a name");
    let facts = facts();
    let mut files = facts.releases.iter().filter_map(|release| release.statement.file(&name));
    files.next().expect("a logged file").sha256
}

fn offered(name: &str, digests: &[(&str, String)]) -> Offered {
    Offered {
        name: name.to_owned(),
        url: format!("{PYPI}{name}"),
        digests: digests.iter().map(|(algorithm, hex)| ((*algorithm).to_owned(), hex.clone())).collect(),
        metadata: is_wheel(name).then(Vec::new),
        ..Offered::default()
    }
}

fn claimed(name: &str, bytes: &str) -> Offered {
    offered(name, &[("md5", "0".repeat(32)), ("sha256", digest(&[bytes.as_bytes()]).to_hex())])
}

fn honest(name: &str) -> Offered {
    offered(name, &[("sha256", logged(name).to_hex())])
}

fn plan_of(files: Vec<Offered>, known: Known<'_>, uncovered: Uncovered<'_>, on_unlogged: OnUnlogged) -> Plan {
    plan(&nova(), &Offer { files, ..Offer::default() }, known, uncovered, on_unlogged)
}

fn judged(files: Vec<Offered>) -> Plan {
    let facts = facts();
    plan_of(files, Known::Log(&ByName::new(&facts)), Uncovered::Pass, OnUnlogged::Block)
}

fn denial(plan: &Plan, name: &str) -> String {
    match &plan.files[name].gate {
        Gate::Deny(denial) => denial.verdict.clone(),
        gate => panic!("{name} is not refused: {gate:?}"),
    }
}

#[test]
fn an_official_file_has_the_digest_of_the_log_and_no_other() {
    let wheel = "nova-1.1-py3-none-any.whl";
    for file in [honest(wheel), offered(wheel, &[]), offered(wheel, &[("md5", "0".repeat(32))])] {
        let plan = judged(vec![file]);
        let expected =
            Gate::Verify { sha256: logged(wheel), metadata: Some(digest(&[b"metadata"])), entry: 2 };
        assert_eq!(plan.files[wheel].gate, expected);
        let listed = &plan.offer.files[0];
        assert_eq!(listed.digests, [("sha256".to_owned(), logged(wheel).to_hex())]);
        assert_eq!(listed.metadata, Some(vec![("sha256".to_owned(), digest(&[b"metadata"]).to_hex())]));
    }
    // Metadata that the index does not offer is not promised.
    let mut file = honest(wheel);
    file.metadata = None;
    assert!(judged(vec![file]).offer.files[0].metadata.is_none());
}

#[test]
fn what_the_log_does_not_vouch_for_is_listed_and_refused() {
    for (file, verdict) in [
        (claimed("nova-1.2-py3-none-any.whl", "evil"), "not logged"),
        (claimed("nova-1.1.post1-py3-none-any.whl", "evil"), "not logged"),
        (claimed("nova-1!0.1.tar.gz", "evil"), "not logged"),
        (claimed("nova-1.1-py3-none-any.whl", "evil"), "other hash"),
        (honest("nova-1.0-py3-none-any.whl"), "withdrawn"),
    ] {
        let name = file.name.clone();
        let plan = judged(vec![file]);
        assert_eq!(denial(&plan, &name), verdict, "{name}");
        let listed = &plan.offer.files[0];
        assert_eq!((listed.name.as_str(), listed.digests.len(), &listed.metadata), (&*name, 0, &None));
    }
}

#[test]
fn what_would_be_preferred_to_official_files_is_left_out() {
    for name in [
        "nova-1.1-1-py3-none-any.whl",
        "nova-1.1-cp311-cp311-manylinux2014_x86_64.whl",
        "nova-1.1.zip",
        // The same version in another spelling.
        "nova-1.1.0-py3-none-any.whl",
    ] {
        let plan = judged(vec![claimed(name, "evil"), honest("nova-1.1.tar.gz")]);
        assert_eq!(plan.offer.files.len(), 1, "{name}");
        assert_eq!((plan.left_out[0].0.as_str(), &*plan.left_out[0].1.verdict), (name, "not logged"));
        assert!(!plan.files.contains_key(name));
    }
    // What is of no version of the project, no installer should see.
    for name in ["other-1.1.tar.gz", "nova.exe", "../nova-1.1.tar.gz", ""] {
        let plan = judged(vec![claimed(name, "evil")]);
        assert!(plan.offer.files.is_empty() && plan.files.is_empty(), "{name}");
    }
}

#[test]
fn an_unknown_file_without_an_official_one_stays_listed() {
    let name = "nova-1.1-1-py3-none-any.whl";
    let plan = judged(vec![claimed(name, "evil"), honest("nova-1.0.tar.gz")]);
    assert_eq!(denial(&plan, name), "not logged");
    assert_eq!(plan.offer.files.len(), 2, "so that nobody drifts to 1.0");
}

#[test]
fn the_first_of_two_files_of_a_name_counts() {
    let plan = judged(vec![claimed("nova-1.1.tar.gz", "evil"), honest("nova-1.1.tar.gz")]);
    assert_eq!(plan.offer.files.len(), 1);
    assert_eq!(denial(&plan, "nova-1.1.tar.gz"), "other hash");
}

#[test]
fn hiding_hides_the_sdist_beside_a_hidden_wheel() {
    let facts = facts();
    let files = vec![
        honest("nova-1.0-py3-none-any.whl"),
        honest("nova-1.0.tar.gz"),
        honest("nova-1.1.tar.gz"),
        claimed("nova-1.2.tar.gz", "evil"),
    ];
    let plan = plan_of(files, Known::Log(&ByName::new(&facts)), Uncovered::Pass, OnUnlogged::Hide);
    let names: Vec<&str> = plan.offer.files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(names, ["nova-1.1.tar.gz"]);
    assert_eq!(plan.left_out.len(), 3);
    assert_eq!(plan.files.len(), 1);
}

#[test]
fn without_an_answer_of_the_log_there_is_none() {
    let denial_of = Denial::new("no verdict", "the log is down", "wait");
    let files = || vec![honest("nova-1.1.tar.gz"), claimed("nova-1.2.tar.gz", "evil")];
    let plan = plan_of(files(), Known::Nothing(&denial_of), Uncovered::Pass, OnUnlogged::Block);
    assert!(plan.files.values().all(|planned| planned.gate == Gate::Deny(denial_of.clone())));
    assert_eq!(plan.offer.files.len(), 2, "so that nobody drifts to another version");
    let plan = plan_of(files(), Known::Grace(None), Uncovered::Pass, OnUnlogged::Block);
    assert!(plan.files.values().all(|planned| matches!(planned.gate, Gate::Grace { sha256: Some(_) })));
}

#[test]
fn grace_forgets_nothing() {
    let facts = facts();
    let by_name = ByName::new(&facts);
    let gate = |name: &str, known: Known<'_>, uncovered: Uncovered<'_>| {
        plan_of(vec![claimed(name, "other")], known, uncovered, OnUnlogged::Block).files[name].gate.clone()
    };
    let other = Gate::Grace { sha256: Some(digest(&[b"other"])) };
    let name = "nova-1.2.tar.gz";
    // What the log said last.
    for name in [name, "nova-1.1.tar.gz", "nova-1.0-py3-none-any.whl"] {
        assert!(matches!(gate(name, Known::Grace(Some(&by_name)), Uncovered::Pass), Gate::Deny(_)), "{name}");
        assert_eq!(gate(name, Known::Grace(None), Uncovered::Pass), other);
    }
    let good = plan_of(
        vec![honest("nova-1.1.tar.gz")],
        Known::Grace(Some(&by_name)),
        Uncovered::Pass,
        OnUnlogged::Block,
    );
    assert_eq!(good.files["nova-1.1.tar.gz"].gate, Gate::Grace { sha256: Some(logged("nova-1.1.tar.gz")) });
    // Pins, and that only what is covered may pass.
    let (same, changed) = (pin(name, digest(&[b"other"])), pin(name, digest(&[b"first"])));
    assert_eq!(gate(name, Known::Grace(None), Uncovered::Pin(&same)), other);
    assert!(matches!(gate(name, Known::Grace(None), Uncovered::Pin(&changed)), Gate::Deny(_)));
    assert!(matches!(gate(name, Known::Grace(None), Uncovered::Refuse), Gate::Deny(_)));
}

#[test]
fn metadata_that_only_a_revoked_key_has_named_is_not_offered() {
    let mut facts = facts();
    let wheel = "nova-1.1-py3-none-any.whl";
    let metadata = |facts: &Facts| {
        let plan =
            plan_of(vec![honest(wheel)], Known::Log(&ByName::new(facts)), Uncovered::Pass, OnUnlogged::Block);
        match &plan.files[wheel].gate {
            Gate::Verify { metadata, .. } => *metadata,
            gate => panic!("{gate:?}"),
        }
    };
    assert_eq!(metadata(&facts), Some(digest(&[b"metadata"])));
    // First without metadata; then a key that has ended names the wheel again, and some.
    let ended = log_core::testing::public("ended");
    facts.policy.publishers[0].keys.push(log_core::policy::PublisherKey {
        key: ended.clone(),
        from: None,
        until: Some(5),
    });
    facts.releases[1].statement.files.retain(|file| !file.name.is_metadata());
    let mut again = facts.releases[1].statement.clone();
    let name = FileName::parse(&format!("{wheel}.metadata")).expect("a name");
    again.files.push(ReleaseFile { name, sha256: digest(&[b"evil"]), size: None });
    facts.releases.push(Recorded { signers: vec![ended.keyid()], ..recorded(9, again) });
    assert_eq!(metadata(&facts), None);
}

#[test]
fn uncovered_files_pass_are_refused_or_pinned() {
    let name = "nova-1.1.tar.gz";
    let (first, other) = (digest(&[b"first"]), digest(&[b"other"]));
    let file = || claimed(name, "first");
    let ask = |uncovered: Uncovered<'_>, file: Offered| {
        plan_of(vec![file], Known::NoLog, uncovered, OnUnlogged::Block).files[name].gate.clone()
    };
    let gate = |sha256, pin| Gate::Uncovered { sha256, metadata: Metadata::Missing, pin };
    assert_eq!(ask(Uncovered::Pass, file()), gate(Some(first), false));
    assert!(matches!(ask(Uncovered::Refuse, file()), Gate::Deny(_)));
    let (none, same, changed) = (BTreeMap::new(), pin(name, first), pin(name, other));
    assert_eq!(ask(Uncovered::Pin(&none), file()), gate(Some(first), true));
    assert_eq!(ask(Uncovered::Pin(&same), file()), gate(Some(first), false));
    assert!(matches!(ask(Uncovered::Pin(&changed), file()), Gate::Deny(_)));
    // An index that says nothing of the digest does not undo the pin.
    assert_eq!(ask(Uncovered::Pin(&same), offered(name, &[])), gate(Some(first), false));
    // One that contradicts itself is not believed at all.
    let both = offered(name, &[("sha256", first.to_hex()), ("sha256", other.to_hex())]);
    assert!(matches!(ask(Uncovered::Pass, both), Gate::Deny(_)));
}

fn pin(name: &str, hash: Hash) -> BTreeMap<FileName, Hash> {
    BTreeMap::from([(FileName::parse(name).expect("a name"), hash)])
}

proptest! {
    /// Whatever the page says, a file of the covered project is served with the digest
    /// that the log has for its very name, or not at all.
    #[test]
    fn nothing_is_served_that_the_log_does_not_vouch_for(
        files in prop::collection::vec(
            (
                prop::sample::select(vec![
                    "nova-1.0.tar.gz", "nova-1.0-py3-none-any.whl", "nova-1.1.tar.gz",
                    "nova-1.1-py3-none-any.whl", "nova-1.1-1-py3-none-any.whl", "nova-1.2.tar.gz",
                    "Nova-1.1.tar.gz", "nova-1.1.0.tar.gz", "nova-1!1.1.tar.gz", "nova-1.1.zip",
                ]),
                prop::option::of("[a-c]"),
                any::<bool>(),
            ),
            0..8,
        ),
        hide in any::<bool>(),
    ) {
        let facts = facts();
        let on_unlogged = if hide { OnUnlogged::Hide } else { OnUnlogged::Block };
        let files = files.into_iter().map(|(name, bytes, md5)| {
            let mut digests = Vec::new();
            digests.extend(bytes.map(|bytes| ("sha256", digest(&[bytes.as_bytes()]).to_hex())));
            digests.extend(md5.then(|| ("md5", "0".repeat(32))));
            offered(name, &digests)
        });
        let plan = plan_of(files.collect(), Known::Log(&ByName::new(&facts)), Uncovered::Pass, on_unlogged);
        for file in &plan.offer.files {
            match &plan.files[&file.name].gate {
                Gate::Verify { sha256, .. } => {
                    prop_assert_eq!(*sha256, logged(&file.name));
                    prop_assert_eq!(&file.digests, &vec![("sha256".to_owned(), sha256.to_hex())]);
                    prop_assert!(file.name != "nova-1.0-py3-none-any.whl", "it was withdrawn");
                }
                Gate::Deny(_) => {
                    prop_assert!(!hide);
                    prop_assert!(file.digests.is_empty());
                }
                gate => prop_assert!(false, "{} is covered: {gate:?}", file.name),
            }
        }
        prop_assert_eq!(plan.offer.files.len(), plan.files.len());
    }
}

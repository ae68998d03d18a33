use std::collections::BTreeSet;

use log_core::key::{KeyName, SignerKey};
use log_core::policy::{Coverage, Pattern, Roots};
use log_core::statement::{Reason, ReleaseFile, WithdrawnFile};

use super::*;
use log_core::simple_index::IndexFile;

/// The version, and its files as `name=bytes`.
type LoggedRelease<'a> = (&'a str, &'a [&'a str]);

const NOVA_1: LoggedRelease<'_> = ("1.0", &["nova-1.0.tar.gz=sdist", "nova-1.0-py3-none-any.whl=wheel"]);

/// What is found in `nova`, of which everything is covered, as `kind version file`.
/// An index file is `name=bytes`, `name=bytes=bytes of its metadata`, or `name` if
/// there is no sha256.
#[track_caller]
fn check(logged: &[LoggedRelease<'_>], index: &[&str], expected: &[&str]) -> Vec<Finding> {
    check_covered((None, None), logged, Some(&page(index)), expected)
}

#[track_caller]
fn check_covered(
    (from, until): (Option<&str>, Option<&str>),
    logged: &[LoggedRelease<'_>],
    page: Option<&Page>,
    expected: &[&str],
) -> Vec<Finding> {
    let pattern = Pattern::parse("nova").expect("a pattern");
    let (from, until) = (from.map(version), until.map(version));
    let coverage = Coverage { from, until, ..Coverage::all(pattern) };
    let found = findings(&nova(), only(&releases(logged)), &policy(vec![coverage]), page);
    let lines: Vec<String> = found.iter().map(line).collect();
    assert_eq!(lines, expected);
    let ids: BTreeSet<&str> = found.iter().map(|finding| finding.id.as_str()).collect();
    assert_eq!(ids.len(), found.len(), "ids are unique");
    found
}

#[test]
fn what_agrees_is_no_finding() {
    check(&[NOVA_1], &["nova-1.0.tar.gz=sdist", "nova-1.0-py3-none-any.whl=wheel"], &[]);
    check(&[], &[], &[]);
    // A later statement lists the old files and the new one.
    check(
        &[("1.0", &["nova-1.0.tar.gz=sdist"]), NOVA_1],
        &["nova-1.0.tar.gz=sdist", "nova-1.0-py3-none-any.whl=wheel"],
        &[],
    );
}

#[test]
fn extra_releases() {
    for (file, expected) in [
        ("nova-2.0.tar.gz=x", "extra-release 2.0 -"),
        ("nova-1.0.post1.tar.gz=x", "extra-release 1.0.post1 -"),
        ("nova-1.0-1.tar.gz=x", "extra-release 1.0.post1 -"),
        ("nova-1!0.1.tar.gz=x", "extra-release 1!0.1 -"),
        ("nova-1.0.dev7.tar.gz=x", "extra-release 1.0.dev7 -"),
        ("nova-1.0+local-py3-none-any.whl=x", "extra-release 1.0+local -"),
        ("nova-1.0.win32.exe=x", "extra-file 1.0 nova-1.0.win32.exe"),
        ("nova-3.0.win32-py2.7.exe=x", "extra-release 3.0 -"),
        // The wheel's bytes under a new name are not the wheel.
        ("nova-3.0-py3-none-any.whl=wheel", "extra-release 3.0 -"),
    ] {
        let index = ["nova-1.0.tar.gz=sdist", "nova-1.0-py3-none-any.whl=wheel", file];
        check(&[NOVA_1], &index, &[expected]);
    }
}

#[test]
fn an_extra_release_is_one_finding_that_names_its_files() {
    let index = ["nova-1.0-py3-none-any.whl=x", "nova-1.0.0.tar.gz=y", "nova-2.tar.gz=z"];
    let found = check(&[], &index, &["extra-release 1.0 -", "extra-release 2 -"]);
    assert_eq!(
        found[0].detail,
        "nothing is logged of this version; the index has nova-1.0-py3-none-any.whl, nova-1.0.0.tar.gz"
    );
    // In another spelling it is the same finding.
    let again = check(&[], &["nova-1.0.0.tar.gz=y"], &["extra-release 1.0.0 -"]);
    assert_eq!(again[0].id, found[0].id);
}

#[test]
fn extra_files() {
    for (file, expected) in [
        // What an installer prefers to the official wheel, even under `===1.0`.
        ("nova-1.0-1-py3-none-any.whl=x", "extra-file 1.0 nova-1.0-1-py3-none-any.whl"),
        (
            "nova-1.0-cp311-cp311-manylinux_2_17_x86_64.whl=x",
            "extra-file 1.0 nova-1.0-cp311-cp311-manylinux_2_17_x86_64.whl",
        ),
        // Equal to 1.0, of which the log lists all files.
        ("nova-1.0.0.tar.gz=sdist", "extra-file 1.0.0 nova-1.0.0.tar.gz"),
        ("Nova-1.0.tar.gz=sdist", "extra-file 1.0 Nova-1.0.tar.gz"),
        ("nova-1.0-py3-none-any.whl.metadata=x", "extra-file 1.0 nova-1.0-py3-none-any.whl.metadata"),
        ("nova-latest.tar.gz=x", "extra-file - nova-latest.tar.gz"),
        ("nova-1.0.txt=x", "extra-file - nova-1.0.txt"),
        ("glance-1.0.tar.gz=x", "extra-file - glance-1.0.tar.gz"),
        ("nova-1.0-py3-none-any-x86_64_v3.whl=x", "extra-file - nova-1.0-py3-none-any-x86_64_v3.whl"),
    ] {
        let index = ["nova-1.0.tar.gz=sdist", "nova-1.0-py3-none-any.whl=wheel", file];
        let found = check(&[NOVA_1], &index, &[expected]);
        let bytes = file.split_once('=').map(|(_, bytes)| sha256(bytes));
        assert_eq!(found[0].found, bytes, "{file}");
        assert_eq!(found[0].entry, found[0].version.is_some().then_some(1), "{file}");
    }
}

#[test]
fn names_that_are_none_are_extra_files() {
    let mut page = page(&[]);
    let long = "x".repeat(300);
    page.bad_names
        .extend(["../nova-9.0.tar.gz", "nova-\u{202e}9.0.tar.gz\n", long.as_str()].map(str::to_owned));
    let cut = format!("extra-file - {}... (300 bytes, sha256 {})", "x".repeat(200), sha256(&long).to_hex());
    let expected = ["extra-file - ../nova-9.0.tar.gz", "extra-file - nova-\\u{202e}9.0.tar.gz\\n", &cut];
    check_covered((Some("10"), None), &[], Some(&page), &expected);
    let uncovered = findings(&nova(), only(&releases(&[NOVA_1])), &policy(Vec::new()), Some(&page));
    assert_eq!(uncovered.iter().map(line).collect::<Vec<_>>(), missing_nova_1());
}

#[test]
fn hash_mismatches() {
    let index = ["nova-1.0.tar.gz=other", "nova-1.0-py3-none-any.whl"];
    let expected = ["hash-mismatch 1.0 nova-1.0-py3-none-any.whl", "hash-mismatch 1.0 nova-1.0.tar.gz"];
    let found = check(&[NOVA_1], &index, &expected);
    assert_eq!((found[0].logged, found[0].found, found[0].entry), (Some(sha256("wheel")), None, Some(1)));
    let (logged, other) = (sha256("wheel").to_hex(), sha256("other").to_hex());
    assert_eq!(
        found[0].detail,
        format!("cannot be compared: the index gives no sha256; logged with {logged} in entry 1")
    );
    let sdist = sha256("sdist").to_hex();
    assert_eq!((found[1].logged, found[1].found), (Some(sha256("sdist")), Some(sha256("other"))));
    assert_eq!(found[1].detail, format!("logged with sha256 {sdist} in entry 1, the index has {other}"));
}

#[test]
fn an_index_that_contradicts_itself_is_not_believed() {
    let mut page = page(&["nova-1.0.tar.gz=sdist", "nova-1.0-py3-none-any.whl=wheel"]);
    let file = page.files.get_mut(&file_name("nova-1.0.tar.gz")).expect("a file");
    file.sha256.insert(sha256("other"));
    let found = check_covered((None, None), &[NOVA_1], Some(&page), &["hash-mismatch 1.0 nova-1.0.tar.gz"]);
    assert_eq!(found[0].found, Some(sha256("other")));
}

#[test]
fn metadata_is_compared_and_never_missed() {
    let (wheel, metadata) = ("nova-1.0-py3-none-any.whl", "nova-1.0-py3-none-any.whl.metadata");
    let with = format!("{wheel}=wheel");
    let both = [with.as_str(), &format!("{metadata}=meta")];
    let mismatch = format!("hash-mismatch 1.0 {metadata}");
    for (logged, index, expected) in [
        (&both[..], vec![format!("{wheel}=wheel=meta")], vec![]),
        (&both[..], vec![format!("{wheel}=wheel=other")], vec![mismatch.as_str()]),
        (&both[..], vec![format!("{wheel}=wheel")], vec![]),
        (&both[..1], vec![format!("{wheel}=wheel=other")], vec![]),
        // Listed as a file, too: one finding.
        (&both[..], vec![format!("{wheel}=wheel=other"), format!("{metadata}=other")], vec![&mismatch]),
        (&both[..], vec![format!("{wheel}=wheel"), format!("{metadata}=meta")], vec![]),
    ] {
        let index: Vec<&str> = index.iter().map(String::as_str).collect();
        check(&[("1.0", logged)], &index, &expected);
    }
}

#[test]
fn missing_files() {
    let found = check(&[NOVA_1], &["nova-1.0.tar.gz=sdist"], &["missing-file 1.0 nova-1.0-py3-none-any.whl"]);
    assert_eq!(found[0].detail, "logged in entry 1, gone from the index");
    assert_eq!((found[0].logged, found[0].found, found[0].entry), (Some(sha256("wheel")), None, Some(1)));
    let found = check_covered((None, None), &[NOVA_1], None, &missing_nova_1());
    assert_eq!(found[0].detail, "logged in entry 1, the index has no such project");
}

#[test]
fn only_covered_versions_can_be_extra() {
    let logged = [("0.5", &["nova-0.5.tar.gz=old", "nova-0.5.zip=gone"][..]), NOVA_1];
    let index = page(&[
        "nova-0.4.tar.gz=x",
        "nova-0.5.tar.gz=other",
        "nova-0.5-py3-none-any.whl=x",
        "nova-1.0rc1.tar.gz=x",
        "nova-1.0.tar.gz=sdist",
        "nova-1.0-py3-none-any.whl=wheel",
        "nova-1.5.tar.gz=x",
        "nova-2.0.dev1.tar.gz=x",
        "nova-2.0.0.tar.gz=x",
        "nova-1!0.5.tar.gz=x",
    ]);
    let always = ["hash-mismatch 0.5 nova-0.5.tar.gz", "missing-file 0.5 nova-0.5.zip"];
    for (from, until, extra) in [
        (Some("1.0"), Some("2.0"), vec!["extra-release 1.5 -", "extra-release 2.0.dev1 -"]),
        (Some("2.0"), None, vec!["extra-release 2.0.0 -", "extra-release 1!0.5 -"]),
        (
            None,
            Some("1.0"),
            vec!["extra-release 0.4 -", "extra-release 1.0rc1 -", "extra-file 0.5 nova-0.5-py3-none-any.whl"],
        ),
    ] {
        check_covered((from, until), &logged, Some(&index), &[extra, always.to_vec()].concat());
    }
    let uncovered = findings(&nova(), only(&releases(&logged)), &policy(Vec::new()), Some(&index));
    assert_eq!(uncovered.iter().map(line).collect::<Vec<_>>(), always);
}

#[test]
fn findings_are_sorted_and_their_ids_stable() {
    let index = [
        "nova-1.0-2-py3-none-any.whl=x",
        "nova-1.0-1-py3-none-any.whl=x",
        "nova-10.tar.gz=x",
        "nova-9.tar.gz=x",
        "nova-1.0.tar.gz=other",
    ];
    let expected = [
        "extra-release 9 -",
        "extra-release 10 -",
        "extra-file 1.0 nova-1.0-1-py3-none-any.whl",
        "extra-file 1.0 nova-1.0-2-py3-none-any.whl",
        "hash-mismatch 1.0 nova-1.0.tar.gz",
        "missing-file 1.0 nova-1.0-py3-none-any.whl",
    ];
    let found = check(&[NOVA_1], &index, &expected);
    let id = |text: &str| sha256(text).to_hex()[..32].to_owned();
    assert_eq!(found[0].id, id("extra-release\0nova\x009\0"));
    assert_eq!(found[2].id, id("extra-file\0nova\x001\0nova-1.0-1-py3-none-any.whl"));
}

#[test]
fn metadata_is_not_counted() {
    let files = ["nova-1.0-py3-none-any.whl=x", "nova-1.0-py3-none-any.whl.metadata=x"];
    assert_eq!(count_logged(only(&releases(&[("1.0", &files), ("1.0", &files)]))), 1);
}

#[test]
fn what_was_withdrawn_may_be_gone() {
    let releases = releases(&[NOVA_1]);
    let withdrawal = Withdrawal {
        project: nova(),
        version: version("1.0"),
        files: vec![WithdrawnFile { name: file_name("nova-1.0.tar.gz"), sha256: sha256("sdist") }],
        reason: Reason::Mistake,
        text: "see the announcement".to_owned(),
    };
    let withdrawals = [Recorded { index: 9, time: None, signers: Vec::new(), statement: withdrawal }];
    let logged = Logged { releases: &releases, withdrawals: &withdrawals };
    assert_eq!(count_logged(logged), 1);
    let all = policy(vec![Coverage::all(Pattern::parse("nova").expect("a pattern"))]);
    let lines = |page: &[&str]| -> Vec<String> {
        findings(&nova(), logged, &all, Some(&self::page(page))).iter().map(line).collect()
    };
    assert_eq!(lines(&["nova-1.0-py3-none-any.whl=wheel"]), [""; 0]);
    assert_eq!(lines(&[]), ["missing-file 1.0 nova-1.0-py3-none-any.whl"]);
    // While it is there it must still be what was logged.
    let both = ["nova-1.0-py3-none-any.whl=wheel", "nova-1.0.tar.gz=sdist"];
    assert_eq!(lines(&both), [""; 0]);
    assert_eq!(lines(&[both[0], "nova-1.0.tar.gz=other"]), ["hash-mismatch 1.0 nova-1.0.tar.gz"]);
}

/// These releases, and no withdrawals.
fn only(releases: &[Recorded<Release>]) -> Logged<'_> {
    Logged { releases, withdrawals: &[] }
}

fn missing_nova_1() -> [&'static str; 2] {
    ["missing-file 1.0 nova-1.0-py3-none-any.whl", "missing-file 1.0 nova-1.0.tar.gz"]
}

fn line(finding: &Finding) -> String {
    let version = finding.version.as_ref().map_or("-", Version::as_str);
    format!("{} {version} {}", finding.kind, finding.file.as_deref().unwrap_or("-"))
}

/// Entries 1, 2, …
fn releases(logged: &[LoggedRelease<'_>]) -> Vec<Recorded<Release>> {
    let release = |(index, (of, files)): (u64, &LoggedRelease<'_>)| {
        let files = files.iter().map(|file| {
            let (name, bytes) = file.split_once('=').expect("name=bytes");
            ReleaseFile { name: file_name(name), sha256: sha256(bytes), size: None }
        });
        let statement =
            Release { project: nova(), version: version(of), files: files.collect(), source: None };
        Recorded { index, time: None, signers: Vec::new(), statement }
    };
    (1..).zip(logged).map(release).collect()
}

fn page(files: &[&str]) -> Page {
    let file = |text: &&str| {
        let mut parts = text.split('=');
        let name = file_name(parts.next().unwrap_or_default());
        let mut digest = || parts.next().map(sha256).into_iter().collect();
        (name, IndexFile { sha256: digest(), metadata_sha256: digest(), ..IndexFile::default() })
    };
    Page { files: files.iter().map(file).collect(), bad_names: BTreeSet::new() }
}

fn policy(projects: Vec<Coverage>) -> Policy {
    let root = SignerKey::from_seed(KeyName::parse("root").expect("a name"), &[7; 32]);
    let roots = Roots::new(1, vec![root.public().clone()]).expect("one root");
    Policy { version: 1, roots, cool_down: 0, publishers: Vec::new(), projects }
}

fn nova() -> ProjectName {
    ProjectName::parse("nova").expect("a name")
}

fn version(text: &str) -> Version {
    Version::parse(text).expect("a version")
}

fn file_name(text: &str) -> FileName {
    FileName::parse(text).expect("a file name")
}

fn sha256(bytes: &str) -> Hash {
    digest(&[bytes.as_bytes()])
}

//! A log that has lived: policies that were changed, keys that ended, files that were
//! taken back; and every verdict on its files, from the log itself, from a static mirror,
//! and offline.

mod lived;

use std::path::PathBuf;
use std::process::Command;

use log_core::api::Problem;
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::checkpoint::{Checkpoint, OpenCheckpoint};
use log_core::cosignature;
use log_core::dsse::Envelope;
use log_core::hash::{EMPTY_ROOT, digest};
use log_core::note::Note;
use log_core::statement::{Release, ReleaseFile};
use log_core::testing::key;
use log_io::fetch::FetchError;
use log_io::{clock, key_file};
use serde_json::Value;

pub(crate) use self::lived::Lived;
use crate::harness::{Ended, Scene, Server, free_port, has, missing};

/// A file, how its verification ends, and with which verdict.
type Expected = (&'static str, i32, &'static str);

const VERDICTS: [Expected; 9] = [
    ("dist/nova-2.0.tar.gz", 0, "verified"), // by a key that was retired later
    ("dist/nova-4.0.tar.gz", 0, "verified"), // by a revoked key, and then by another
    ("dist/glance-1.0.tar.gz", 0, "verified"),
    ("dist/nova-9.9.tar.gz", 10, "not-logged"),
    ("dist/glance-2.0.tar.gz", 10, "not-covered"), // the project was handed over with 2
    ("other/nova-1.0.tar.gz", 11, "other-hash"),
    ("dist/nova-3.0.tar.gz", 11, "revoked-key"),
    ("dist/nova-1.1.tar.gz", 14, "withdrawn"),
    ("dist/nova-7.0.tar.gz", 1, "no-verdict"), // there is no such file
];

#[test]
fn a_log_lives_and_every_verdict_is_shown() {
    let lived = Lived::new();
    let scene = &lived.scene;
    refused_by_the_log(&lived);
    show_verdicts(&lived, &["--state", "state"]);
    say_what_happened(&lived);
    fsck_agrees(&lived);
    offline(&lived);
    if missing("Python 3", has("python3", "--version")) {
        return;
    }
    let mirror = mirror(scene);
    scene.trust(&mirror.url);
    show_verdicts(&lived, &["--state", "state"]);
    what_the_witnesses_say(scene);
    broken_and_forked(scene);
    fsck_of_a_mirror(scene);
}

/// Whoever does not use the client is refused by the log, with the entry that is in
/// the way.
fn refused_by_the_log(lived: &Lived) {
    let scene = &lived.scene;
    let key = key_file::load(&scene.path("team.key")).expect("a key");
    let signed = |version: &str, files: &[(&str, &[u8])]| {
        let file = |(name, bytes): &(&str, &[u8])| ReleaseFile {
            name: FileName::parse(name).expect("a name"),
            sha256: digest(&[bytes]),
            size: None,
        };
        let (project, version) = (ProjectName::parse("nova").expect("nova"), Version::parse(version));
        let (version, files) = (version.expect("a version"), files.iter().map(file).collect());
        let mut envelope = Envelope::unsigned(Release { project, version, files, source: None }.to_payload());
        envelope.sign(&key);
        envelope.to_canonical()
    };
    for (version, files, expected) in [
        ("1.0", vec![("nova-1.0.tar.gz", b"other bytes".as_slice())], "conflict"),
        ("2.0", vec![("nova-2.0.zip", b"another file".as_slice())], "leaves-out-files"),
        (
            "1.1",
            vec![("nova-1.1.tar.gz", b"official bytes of 1.1".as_slice()), ("nova-1.1.zip", b"x")],
            "withdrawn",
        ),
    ] {
        let error = lived.post(&signed(version, &files)).expect_err(expected);
        assert_eq!(error.status().map(|status| status.as_u16()), Some(409), "{error}");
        assert_eq!(kind(&error), expected);
        let earlier = problem(&error).and_then(|problem| problem.earlier.clone()).expect("the entry");
        assert!(earlier.proof.starts_with("c2sp.org/tlog-proof@v1\n"), "{expected}");
    }
}

fn show_verdicts(lived: &Lived, more: &[&str]) {
    let scene = &lived.scene;
    for (file, code, verdict) in VERDICTS {
        verify(scene, &[&[file], more].concat(), code, verdict);
    }
    for package in &lived.packages {
        verify(scene, &[&[package.as_str()], more].concat(), 0, "verified");
    }
    // The exit code of several files is that of the worst.
    let ended =
        scene.run("wheeltap", &[&["verify", VERDICTS[0].0, VERDICTS[3].0, VERDICTS[7].0], more].concat());
    assert_eq!(ended.code, Some(14), "{ended:?}");
    let ended = scene.run("wheeltap", &["verify"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

/// What the log says about it all.
fn say_what_happened(lived: &Lived) {
    let scene = &lived.scene;
    let json = |args: &[&str]| -> Value {
        let printed = scene.ok("wheeltap", &[&["lookup", "--format", "json"], args].concat());
        serde_json::from_str(&printed).expect("JSON")
    };
    let found = json(&["--project", "nova", "--version", "1.1"]);
    let entries = found["entries"].as_array().expect("entries");
    assert_eq!(entries.len(), 2, "{found}");
    assert_eq!((&entries[0]["kind"], &entries[1]["kind"]), (&"release".into(), &"withdrawal".into()));
    assert_eq!(entries[0]["files"][0]["withdrawn_by"], entries[1]["entry"]);
    assert_eq!((&entries[1]["reason"], &found["complete"]), (&"compromised".into(), &true.into()));
    assert!(entries.iter().all(|entry| entry["time"].is_u64()), "{found}");
    let found = json(&["--project", "nova", "--version", "1.0"]);
    assert_eq!(found["entries"][0]["source"]["repository"], "https://example.org/nova");
    // What a key has signed, and when.
    let by = |args: &[&str]| -> Vec<String> {
        let found = json(&[&["--key-id"], args].concat());
        let line = |entry: &Value| {
            format!(
                "{} {}",
                entry["kind"].as_str().expect("a kind"),
                entry["version"].as_str().unwrap_or("-")
            )
        };
        found["entries"].as_array().expect("entries").iter().map(line).collect()
    };
    assert_eq!(by(&["second.key.pub"]), ["release 3.0", "release 4.0"]);
    assert_eq!(by(&["root3.key.pub"]), ["policy -"; 4]);
    let time = found["entries"][0]["time"].to_string();
    let nothing = scene.run("wheeltap", &["lookup", "--key-id", "second.key.pub", "--until", &time]);
    assert_eq!(nothing.code, Some(10), "{nothing:?}");
    let policies = json(&["--policy"]);
    let states: Vec<&str> = policies["versions"]
        .as_array()
        .expect("versions")
        .iter()
        .map(|version| version["state"].as_str().expect("a state"))
        .collect();
    assert_eq!(states[..6], ["replaced"; 6]);
    assert_eq!(states[6..], ["cancelled", "in-force"]);
}

/// Whoever derives the whole log again comes to the same, from the directory and over HTTP.
fn fsck_agrees(lived: &Lived) {
    let scene = &lived.scene;
    let by_url = ["--url", lived.server.url.as_str(), "--trust", "trust.toml"];
    for source in [&["--dir", "log"], by_url.as_slice()] {
        let printed = scene.ok("wheeltap-log", &[&["fsck", "--format", "json"], source].concat());
        let found: Value = serde_json::from_str(&printed).expect("JSON");
        let summary = &found["summary"];
        assert_eq!(summary["withdrawn"]["count"], 1, "{summary}");
        let what = summary["withdrawn"]["first"][0]["what"].as_str().unwrap_or_default();
        assert!(what.contains("nova-1.1.tar.gz") && what.contains("compromised"), "{what}");
        assert_eq!(summary["revoked"]["count"], 2, "the statements of the key that was stolen: {summary}");
        let policies = summary["policies"].as_array().expect("policies");
        let state = |at: usize| policies[at]["state"].as_str().unwrap_or_default();
        assert_eq!((state(0), state(5)), ("replaced", "in force"), "as of the log's last commitment");
        assert!(state(6).starts_with("cancelled by entry "), "{summary}");
        assert!(state(7).starts_with("waits until "), "{summary}");
    }
}

/// What is served is what was signed, and cosigned, or it is said what is wrong.
fn fsck_of_a_mirror(scene: &Scene) {
    let fsck = |trust: &str| {
        let args = ["fsck", "--dir", "mirror", "--trust", trust];
        scene.run("wheeltap-log", &args)
    };
    let ended = fsck("trust.toml");
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let ended = fsck("quorum.toml");
    assert_eq!(ended.code, Some(12), "no cosignature: {ended:?}");
    let checkpoint = scene.read("mirror/checkpoint");
    let stale = {
        let mut note = Note::parse(checkpoint.as_bytes()).expect("a note");
        let cosignature = cosignature::sign(&key("w.example"), note.text(), clock::now() - 1_000);
        note.push(cosignature);
        note.to_string()
    };
    scene.write("mirror/checkpoint", stale.as_bytes());
    let ended = fsck("quorum.toml");
    assert_eq!(ended.code, Some(12), "an old cosignature: {ended:?}");
    scene.write("mirror/checkpoint", checkpoint.as_bytes());
    let tile = scene.path("mirror/tile/0/000.p");
    let tile = std::fs::read_dir(tile).expect("tiles").next().expect("a tile").expect("readable").path();
    let good = std::fs::read(&tile).expect("a tile");
    let mut bad = good.clone();
    bad[5] ^= 1;
    std::fs::write(&tile, bad).expect("damaged");
    let ended = fsck("trust.toml");
    assert_eq!(ended.code, Some(11), "{ended:?}");
    std::fs::write(&tile, good).expect("mended");
    let ended = scene.run("wheeltap-log", &["fsck", "--dir", "nowhere", "--trust", "trust.toml"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

/// Without a network: what a proof shows, and what it cannot.
fn offline(lived: &Lived) {
    let scene = &lived.scene;
    for package in &lived.packages {
        verify(scene, &["--offline", package], 0, "verified");
    }
    for version in ["1.1", "2.0", "3.0"] {
        let file = format!("dist/nova-{version}.tar.gz");
        let ended = scene.run("wheeltap", &["verify", "--offline", &file]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stderr.contains("nor that the files were not withdrawn"), "{ended:?}");
    }
    verify(scene, &["--offline", "dist/nova-9.9.tar.gz"], 1, "no-verdict");
    let proof = scene.read("dist/nova-2.0.tar.gz.tlog-proof");
    scene.write("other/nova-2.0.tar.gz", b"an intruder's bytes");
    scene.write("other/nova-2.0.tar.gz.tlog-proof", proof.as_bytes());
    verify(scene, &["--offline", "other/nova-2.0.tar.gz"], 11, "other-hash");
    scene.write("other/nova-2.1.tar.gz", b"an intruder's bytes");
    scene.write("other/nova-2.1.tar.gz.tlog-proof", proof.as_bytes());
    verify(scene, &["--offline", "other/nova-2.1.tar.gz"], 11, "invalid");
    let (head, tail) = proof.split_once("index ").expect("an index");
    scene.write("other/nova-2.0.tar.gz.tlog-proof", format!("{head}index 1{tail}").as_bytes());
    verify(scene, &["--offline", "other/nova-2.0.tar.gz"], 11, "invalid");
}

/// A static mirror whose checkpoint a witness has cosigned: fresh, too old, or not at all.
fn what_the_witnesses_say(scene: &Scene) {
    let witness = key("w.example");
    let trust = scene
        .read("trust.toml")
        .replace("quorum none", &format!("witness w {}\nquorum w", witness.cosigner().to_vkey()));
    scene.write("quorum.toml", format!("{trust}max_age = 100\n").as_bytes());
    let file = VERDICTS[0].0;
    let trusting = [file, "--trust", "quorum.toml"];
    let run = || scene.run("wheeltap", &[&["verify"], &trusting[..]].concat());
    let ended = run();
    assert_eq!(ended.code, Some(12), "{ended:?}");
    assert!(ended.stderr.contains("quorum"), "{ended:?}");
    let plain = scene.read("mirror/checkpoint");
    for (age, code) in [(1_000, 12), (10, 0)] {
        let mut note = Note::parse(plain.as_bytes()).expect("a note");
        let cosignature = cosignature::sign(&witness, note.text(), clock::now() - age);
        note.push(cosignature);
        scene.write("mirror/checkpoint", note.to_string().as_bytes());
        let ended = run();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert_eq!(code == 12, ended.stderr.contains("old"), "{ended:?}");
    }
    scene.write("mirror/checkpoint", plain.as_bytes());
}

/// A mirror that is damaged, and a log that says something else than before.
fn broken_and_forked(scene: &Scene) {
    let checkpoint = scene.read("mirror/checkpoint");
    let (name, value) = checkpoint.rsplit_once(' ').expect("a signature");
    let damaged = format!("{name} {}", value.replacen(['b', 'c', 'd', 'e', 'f'], "a", 1));
    scene.write("mirror/checkpoint", damaged.as_bytes());
    let run = || scene.run("wheeltap", &["verify", VERDICTS[0].0]);
    let ended = run();
    assert_eq!(ended.code, Some(11), "{ended:?}");
    // The log's own key signs another tree of the same size.
    let log = key_file::load(&scene.path("log/private/log.key")).expect("the log's key");
    let open = OpenCheckpoint::open(checkpoint.as_bytes(), log.public()).expect("a checkpoint");
    let origin = "log.example".to_owned();
    let other = Checkpoint { origin, size: open.size(), root: EMPTY_ROOT, extensions: vec![] }.sign(&log);
    scene.write("mirror/checkpoint", other.to_string().as_bytes());
    let ended = run();
    assert_eq!(ended.code, Some(13), "{ended:?}");
    let (_, evidence) = ended.stderr.split_once("evidence: ").expect("where the evidence is");
    let evidence = evidence.lines().next().expect("a path");
    assert_eq!(scene.run("wheeltap", &["evidence", evidence]).code, Some(13));
    scene.write("mirror/checkpoint", checkpoint.as_bytes());
    assert_eq!(run().code, Some(0));
}

fn verify(scene: &Scene, args: &[&str], code: i32, verdict: &str) -> Value {
    let ended: Ended = scene.run("wheeltap", &[&["verify", "--format", "json"], args].concat());
    assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
    let json: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(json["files"][0]["verdict"], verdict, "{args:?}: {json}");
    assert_eq!(json["files"][0]["exit_code"], code, "{args:?}: {json}");
    json
}

/// A copy of the log's public files behind a plain web server.
fn mirror(scene: &Scene) -> Server {
    let copied = Command::new("cp").args(["-r", "log/public", "mirror"]).current_dir(scene.path("")).status();
    assert!(copied.expect("cp runs").success());
    let port = free_port();
    let port_text = port.to_string();
    let directory: PathBuf = scene.path("mirror");
    let mut python = Command::new("python3");
    python.args(["-m", "http.server", &port_text, "--bind", "127.0.0.1", "--directory"]).arg(directory);
    Server::spawn(&mut python, port)
}

fn envelope(scene: &Scene, file: &str) -> Vec<u8> {
    scene.read(file).trim_end().as_bytes().to_vec()
}

fn problem(error: &FetchError) -> Option<&Problem> {
    match error {
        FetchError::Status { problem, .. } => problem.as_deref(),
        _ => None,
    }
}

fn kind(error: &FetchError) -> &str {
    problem(error).and_then(|problem| problem.kind.rsplit(':').next()).unwrap_or_default()
}

/// Waits until the clock says another second.
fn next_second() {
    let now = clock::now();
    while clock::now() == now {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

//! A log that has lived: policies that were changed, keys that ended, files that were
//! taken back; and every verdict on its files, from the log itself, from a static mirror,
//! and offline.

use std::path::PathBuf;
use std::process::Command;

use log_client::offline_index;
use log_core::api::Problem;
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::checkpoint::{Checkpoint, OpenCheckpoint};
use log_core::cosignature;
use log_core::dsse::Envelope;
use log_core::hash::{EMPTY_ROOT, digest};
use log_core::note::Note;
use log_core::statement::{Release, ReleaseFile};
use log_core::testing::key;
use log_io::fetch::{FetchError, Http};
use log_io::{clock, key_file};
use serde_json::Value;

use crate::harness::{Ended, Scene, Server, free_port, has, missing};

/// The scene after the story, with the log running.
pub(crate) struct Lived {
    pub(crate) scene: Scene,
    pub(crate) server: Server,
    /// A wheel, its metadata and its sdist.
    packages: Vec<String>,
}

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

impl Lived {
    /// Tells the story.
    pub(crate) fn new() -> Self {
        let scene = Scene::empty();
        for name in ["root", "root2", "root3", "team", "second", "old", "other", "mallory"] {
            scene.ok("wheeltap", &["keygen", &format!("{name}.example"), &format!("{name}.key")]);
        }
        let init = ["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"];
        let log_key = scene.ok("wheeltap-log", &init);
        scene.write("log.pub", log_key.as_bytes());
        let mut init = vec!["policy", "init", "--log-key", "log.pub", "--root", "root.key.pub"];
        init.extend(["--publisher", "team.key.pub", "nova", "--may-withdraw", "team.key.pub"]);
        init.extend(["--publisher", "other.key.pub", "glance", "--out", "policy-1.json"]);
        scene.ok("wheeltap", &init);
        scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "policy-1.json"]);
        let server = scene.serve("log");
        scene.trust(&server.url);
        scene.ok("wheeltap", &["policy", "submit", "policy-1.json"]);

        let mut lived = Self { scene, server, packages: Vec::new() };
        lived.release_of_real_packages();
        lived.ends_of_keys();
        lived.rotated_roots();
        lived.a_policy_that_waits();
        lived
    }

    /// A wheel with its metadata; another file later; a release that is taken back.
    fn release_of_real_packages(&mut self) {
        let scene = &self.scene;
        let project = ProjectName::parse("nova").expect("a name");
        for package in offline_index::build(&project, &Version::parse("1.0").expect("1.0")).expect("built") {
            self.packages.push(scene.write(&format!("dist/{}", package.name), &package.bytes));
            if let Some(metadata) = &package.metadata {
                self.packages.push(scene.write(&format!("dist/{}.metadata", package.name), metadata));
            }
        }
        let files: Vec<&str> =
            self.packages.iter().map(String::as_str).filter(|name| !name.ends_with(".metadata")).collect();
        let (wheels, sdists): (Vec<&str>, Vec<&str>) = files.iter().partition(|name| name.contains("-none-"));
        let (wheel, sdist) = (wheels[0], sdists[0]);
        let source = ["--source-repository", "https://example.org/nova", "--source-commit"];
        let commit = "0123456789abcdef".repeat(3)[..40].to_owned();
        let append = |file, more: &[&str]| {
            let args = ["append", "--key", "team.key", "--project", "nova", "--version", "1.0", file];
            self.scene.run("wheeltap", &[&args[..], more].concat())
        };
        let first = append(sdist, &[&source[..], &[commit.as_str()]].concat());
        assert_eq!(first.code, Some(0), "{first:?}");
        // The wheel alone would leave the sdist out.
        let alone = append(wheel, &[]);
        assert_eq!(alone.code, Some(1), "{alone:?}");
        assert!(alone.stderr.contains("has further files of this version: nova-1.0.tar.gz"), "{alone:?}");
        assert!(alone.stderr.contains("--with-logged"), "{alone:?}");
        let both = append(wheel, &["--with-logged"]);
        assert_eq!(both.code, Some(0), "{both:?}");
        // Each of the two jobs may run again.
        for (again, entry) in [
            (append(sdist, &[&source[..], &[commit.as_str()]].concat()), 2),
            (append(wheel, &["--with-logged"]), 4),
        ] {
            assert_eq!(again.code, Some(0), "{again:?}");
            assert!(again.stderr.contains(&format!("nova 1.0 was already entry {entry}")), "{again:?}");
        }

        scene.append("1.1");
        let withdraw = |key, more: &[&str]| {
            let args = ["withdraw", "--key", key, "--project", "nova", "--version", "1.1"];
            let why = ["--reason", "compromised", "--text", "the build host was taken over"];
            scene.run("wheeltap", &[&args[..], &why[..], more].concat())
        };
        let alone = withdraw("team.key", &["--all"]);
        assert_eq!(alone.code, Some(2), "nobody confirms: {alone:?}");
        let stranger = withdraw("mallory.key", &["--all", "--yes"]);
        assert_eq!(stranger.code, Some(1), "{stranger:?}");
        assert!(stranger.stderr.contains("knows no such key"), "{stranger:?}");
        let unknown = withdraw("team.key", &["--yes", "nova-1.1-py3-none-any.whl"]);
        assert_eq!(unknown.code, Some(10), "{unknown:?}");
        for says in ["is entry", "was already entry"] {
            let done = withdraw("team.key", &["--all", "--yes"]);
            assert_eq!(done.code, Some(0), "{done:?}");
            assert!(done.stderr.contains(says), "{done:?}");
        }
        // It cannot be released again.
        let again = scene.sdist("1.1", "official bytes");
        let zip = scene.write("dist/nova-1.1.zip", b"another file of the version");
        let args = ["append", "--key", "team.key", "--project", "nova", "--version", "1.1", &again, &zip];
        let again = scene.run("wheeltap", &args);
        assert_eq!(again.code, Some(14), "{again:?}");
        assert!(again.stderr.contains("was withdrawn by entry 8 (compromised)"), "{again:?}");
        std::fs::remove_file(scene.path(&zip)).expect("removed");
        let glance = scene.write("dist/glance-1.0.tar.gz", b"official bytes");
        let args = ["append", "--key", "other.key", "--project", "glance", "--version", "1.0", &glance];
        scene.ok("wheeltap", &args);
    }

    /// A key that is retired, and one that was stolen.
    fn ends_of_keys(&self) {
        let scene = &self.scene;
        let keys =
            ["--add-key", "team.example", "old.key.pub", "--add-key", "team.example", "second.key.pub"];
        self.change(2, &keys, &["root.key"]);
        let stolen_at = clock::now();
        self.release("old.key", "2.0", 0);
        self.release("second.key", "3.0", 0);
        self.release("second.key", "4.0", 0);
        // What is signed in the very second in which a key ends is signed too late.
        next_second();
        let ends = self.change(3, &["--end-key", "old.key.pub"], &["root.key"]);
        assert!(ends.contains("is retired at"), "{ends}");
        // A release job with a retired key may run again, and not make anything new.
        self.release("old.key", "2.0", 0);
        let refused = self.release("old.key", "2.1", 1);
        assert!(refused.contains("does not count at the log's time"), "{refused}");
        std::fs::remove_file(scene.path("dist/nova-2.1.tar.gz")).expect("removed");

        self.verify("dist/nova-4.0.tar.gz", 0, "verified");
        let at = stolen_at.to_string();
        let ends = self.change(4, &["--end-key", "second.key.pub", "--at", &at], &["root.key"]);
        assert!(ends.contains("revoked from"), "{ends}");
        self.verify("dist/nova-3.0.tar.gz", 11, "revoked-key");
        self.verify("dist/nova-4.0.tar.gz", 11, "revoked-key");
        // The same statement, signed once more by another key, is an entry of its own.
        let again = self.release("team.key", "4.0", 0);
        assert!(again.contains("nova 4.0 is entry"), "{again}");
        self.verify("dist/nova-4.0.tar.gz", 0, "verified");
    }

    /// New roots, and more of them; the old one has nothing to say any more.
    fn rotated_roots(&self) {
        let scene = &self.scene;
        let rotate = ["--add-root", "root2.key.pub", "--add-root", "root3.key.pub", "--remove-root"];
        let rotate = [&rotate[..], &["root.example", "--threshold", "2"]].concat();
        let out = self.edit(5, &rotate);
        let sign = |key, code| {
            let ended = scene.run("wheeltap", &["policy", "sign", "--key", key, &out, "--yes"]);
            assert_eq!(ended.code, Some(code), "{ended:?}");
            ended.stderr
        };
        assert!(sign("mallory.key", 2).contains("root key neither of this policy nor of the one"));
        let said = sign("root2.key", 0);
        assert!(said.contains("0 of 1 of the replaced policy's roots, 1 of 2 of its own"), "{said}");
        let submit = || scene.run("wheeltap", &["policy", "submit", &out]);
        assert!(submit().stderr.contains("0 of the 1 signatures it needs of the replaced policy's"));
        let said = sign("root.key", 0);
        assert!(said.contains("1 of 1 of the replaced policy's roots, 1 of 2 of its own"), "{said}");
        let early = submit();
        assert_eq!(early.code, Some(1), "{early:?}");
        assert!(early.stderr.contains("1 of the 2 signatures it needs of its own"), "{early:?}");
        assert!(sign("root3.key", 0).contains("2 of 2 of its own"));
        assert_eq!(submit().code, Some(0));

        // The old root alone, even for a policy that would bring it back.
        let back = ["--add-root", "root.key.pub", "--threshold", "1"];
        let out = self.edit(6, &back);
        scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", &out, "--yes"]);
        let ended = scene.run("wheeltap", &["policy", "submit", &out]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("0 of the 2 signatures it needs of the replaced policy's"),
            "{ended:?}"
        );
        // Nor does the log take it from somebody who does not ask first.
        let problem = self.post(&envelope(scene, &out)).expect_err("a refusal");
        assert_eq!(kind(&problem), "too-few-root-signatures");
        std::fs::remove_file(scene.path(&out)).expect("removed");
        self.change(6, &["--cool-down", "3"], &["root2.key", "root3.key"]);
    }

    /// Somebody has stolen the roots; the others stop that in time.
    fn a_policy_that_waits(&self) {
        let scene = &self.scene;
        let stolen = ["--add-publisher", "mallory.key.pub", "*"];
        let printed = self.change(7, &stolen, &["root2.key", "root3.key"]);
        assert!(printed.contains("it waits for 3s"), "{printed}");
        let refused = self.release("mallory.key", "6.0", 1);
        assert!(refused.contains("knows no such key"), "{refused}");
        // Made from the policy in force, not from the one that waits.
        let leave = ["--in-force", "--leave", "glance<2"];
        let printed = self.change(8, &leave, &["root2.key", "root3.key"]);
        assert!(printed.contains("version 7 (entry") && printed.contains("is cancelled"), "{printed}");
        let show = || scene.ok("wheeltap", &["policy", "show", "--all"]);
        let shown = show();
        assert!(shown.contains("version 7  entry") && shown.contains("cancelled by entry"), "{shown}");
        assert!(shown.contains("waits until"), "{shown}");
        let in_force =
            || show().lines().any(|line| line.starts_with("version 8 ") && line.ends_with("in force"));
        let waited = (0..300).any(|_| {
            std::thread::sleep(std::time::Duration::from_millis(200));
            in_force()
        });
        assert!(waited, "version 8 is not in force: {}", show());
        let refused = self.release("mallory.key", "6.0", 1);
        assert!(refused.contains("knows no such key"), "{refused}");
        std::fs::remove_file(scene.path("dist/nova-6.0.tar.gz")).expect("removed");
        // Files that nobody logged.
        scene.sdist("9.9", "an intruder's bytes");
        scene.write("dist/glance-2.0.tar.gz", b"somebody else's bytes");
        scene.write("other/nova-1.0.tar.gz", b"an intruder's bytes");
    }

    /// Makes, signs and submits the next version; gives what was said.
    fn change(&self, version: u64, edit: &[&str], keys: &[&str]) -> String {
        let out = format!("policy-{version}.json");
        let args = [&["policy", "edit", "--from-log", "--out", &out], edit].concat();
        let mut said = self.run_ok(&args);
        for key in keys {
            said += &self.run_ok(&["policy", "sign", "--key", key, &out, "--yes"]);
        }
        said + &self.run_ok(&["policy", "submit", &out])
    }

    fn edit(&self, version: u64, edit: &[&str]) -> String {
        let out = format!("policy-{version}.json");
        self.run_ok(&[&["policy", "edit", "--from-log", "--out", &out], edit].concat());
        out
    }

    fn run_ok(&self, args: &[&str]) -> String {
        let ended = self.scene.run("wheeltap", args);
        assert_eq!(ended.code, Some(0), "{args:?}: {ended:?}");
        ended.stdout + &ended.stderr
    }

    /// Appends `nova` in a version; gives what was said.
    fn release(&self, key: &str, version: &str, code: i32) -> String {
        let file = self.scene.sdist(version, "official bytes");
        let args = ["append", "--key", key, "--project", "nova", "--version", version, &file];
        let ended = self.scene.run("wheeltap", &args);
        assert_eq!(ended.code, Some(code), "{args:?}: {ended:?}");
        ended.stderr
    }

    fn verify(&self, file: &str, code: i32, verdict: &str) -> Value {
        verify(&self.scene, &[file], code, verdict)
    }

    /// Sends an envelope as anybody can.
    fn post(&self, envelope: &[u8]) -> Result<Vec<u8>, FetchError> {
        let http = Http::new("test").expect("a client");
        let url = format!("{}api/v1/statements", self.server.url);
        let sent = http.post(&url, envelope.to_vec(), 1 << 24);
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(sent).map(|(_, answer)| answer)
    }
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

//! A whole log is checked, damaged in every file, and mended where that follows.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use log_core::bundle::push_entry;
use log_core::checkpoint::Checkpoint;
use log_core::commitment::IndexCommitment;
use log_core::edge::Edge;
use log_core::entry::{IndexKey, SignedStatement};
use log_core::hash::leaf_hash;
use log_core::index::VerifiableIndex;
use log_core::testing::{genesis, key, policy, public, signed_policy, signed_release};
use serde_json::Value;

use crate::harness::{Ended, Scene};

const ROOT: [&str; 4] = ["--key", "log.pub", "--root", "root.key.pub"];

/// Runs `fsck` with these arguments; what it printed, and how it ended.
fn fsck(scene: &Scene, args: &[&str]) -> (Value, Ended) {
    let args = [&["fsck", "--format", "json"], args].concat();
    let ended = scene.run("wheeltap-log", &args);
    let json = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("no JSON: {ended:?}"));
    (json, ended)
}

fn problems(json: &Value) -> Vec<(String, String)> {
    let problems = json["problems"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    problems.map(|problem| (text(&problem["path"]), text(&problem["remedy"]))).collect()
}

fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in next.read_dir().expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else {
                let name =
                    path.strip_prefix(directory).expect("below it").to_str().expect("UTF-8").to_owned();
                files.insert(name, fs::read(&path).expect("a file"));
            }
        }
    }
    files
}

#[test]
fn every_damage_is_found_and_what_follows_is_mended() {
    let (scene, server) = Scene::with_server();
    for version in 1..=130 {
        scene.append(&format!("{version}.0"));
    }
    // The private side is the running server's.
    let (json, ended) = fsck(&scene, &["--dir", "log"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("the private side was not looked at"), "{}", ended.stderr);
    let team = &json["summary"]["publishers"][0]["keys"][0];
    assert_eq!((&json["size"], &team["statements"]), (&262.into(), &130.into()), "{json}");
    let ended = scene.run("wheeltap-log", &["fsck", "--dir", "log", "--repair"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("another process serves the log"), "{}", ended.stderr);
    // The same over HTTP, and for a copy without a private side.
    let url = [&["--url", &server.url], ROOT.as_slice()].concat();
    assert_eq!(fsck(&scene, &url).1.code, Some(0));
    assert_eq!(fsck(&scene, &["--trust", "trust.toml"]).1.code, Some(0));
    server.kill();
    let copy = [&["--dir", "log/public"], ROOT.as_slice()].concat();
    assert_eq!(fsck(&scene, &copy).1.code, Some(0));
    let (json, ended) = fsck(&scene, &["--dir", "log"]);
    assert_eq!((ended.code, json["remarks"].as_array().map(Vec::len)), (Some(0), Some(0)), "{json}");

    let public = scene.path("log/public");
    let sound = files(&public);
    // All that the checkpoint asks for, and of the older partial tiles some.
    let asked = [
        "tile/0/000",
        "tile/0/001.p/6",
        "tile/1/000.p/1",
        "tile/entries/000",
        "tile/entries/001.p/6",
        "tile/0/000.p/2",
        "tile/0/001.p/4",
        "tile/entries/000.p/254",
        "tile/entries/001.p/2",
    ];
    for path in asked {
        let bytes = &sound[path];
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 0x10;
        let variants = [
            Some(flipped),
            Some(bytes[..bytes.len() - 1].to_vec()),
            Some([bytes.as_slice(), b"x"].concat()),
            // An older partial tile may be gone: its checkpoint is history.
            None,
        ];
        for changed in variants {
            let context = format!("{path}, {:?} bytes", changed.as_ref().map(Vec::len));
            let older = !["tile/entries/001.p/6", "tile/0/001.p/6", "tile/1/000.p/1"].contains(&path)
                && path.contains(".p/");
            match &changed {
                Some(changed) => fs::write(public.join(path), changed).expect("written"),
                None => fs::remove_file(public.join(path)).expect("removed"),
            }
            let (json, ended) = fsck(&scene, &["--dir", "log"]);
            if older && changed.is_none() {
                assert_eq!((ended.code, problems(&json)), (Some(0), vec![]), "{context}");
                fs::write(public.join(path), bytes).expect("written");
                continue;
            }
            let derivable = older || !path.starts_with("tile/entries/");
            let remedy = if derivable { "derivable" } else { "copy" };
            assert_eq!(ended.code, Some(11), "{context}: {json}");
            assert_eq!(problems(&json), [(path.to_owned(), remedy.to_owned())], "{context}");
            // Looking changes nothing.
            assert_eq!(fs::read(public.join(path)).ok(), changed, "{context}");

            let (json, ended) = fsck(&scene, &["--dir", "log", "--repair"]);
            if derivable {
                assert_eq!((ended.code, &json["repaired"][0]), (Some(0), &path.into()), "{context}");
                let kept = scene.path(&format!("log/private/damaged/{path}.damaged-1"));
                assert_eq!(fs::read(&kept).ok(), changed, "{context}");
                let _ = fs::remove_file(&kept);
            } else {
                assert_eq!(ended.code, Some(11), "{context}");
                fs::write(public.join(path), bytes).expect("written");
            }
            assert_eq!(files(&public), sound, "{context}");
        }
    }

    // Everything that is derivable at once.
    for path in sound.keys().filter(|path| path.starts_with("tile/0/") || path.starts_with("tile/1/")) {
        fs::write(public.join(path), b"lost").expect("written");
    }
    let (_, ended) = fsck(&scene, &["--dir", "log", "--repair"]);
    assert_eq!((ended.code, files(&public) == sound), (Some(0), true), "{ended:?}");
    let again = fsck(&scene, &["--dir", "log", "--repair"]).0;
    assert_eq!(again["repaired"].as_array().map(Vec::len), Some(0), "nothing is left to do");
    // A plain directory says where replaced files go.
    fs::remove_file(public.join("tile/0/000")).expect("removed");
    let copy = [&["--dir", "log/public", "--repair"], ROOT.as_slice()].concat();
    assert_eq!(scene.run("wheeltap-log", &[&["fsck"], copy.as_slice()].concat()).code, Some(2));
    assert_eq!(fsck(&scene, &[copy.as_slice(), &["--keep", "kept"]].concat()).1.code, Some(0));
    assert_eq!(files(&public), sound);
    drop(scene.serve("log"));
}

#[test]
fn checkpoint_and_head_are_not_derivable() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    server.kill();
    for path in ["public/checkpoint", "private/head"] {
        let file = scene.path("log").join(path);
        let bytes = fs::read(&file).expect("a file");
        let mut flipped = bytes.clone();
        // In the first hash of the one, and the root of the other.
        flipped[30] ^= 1;
        let shorter = bytes[..bytes.len() - 2].to_vec();
        for changed in [Some(flipped), Some(shorter), None] {
            match &changed {
                Some(changed) => fs::write(&file, changed).expect("written"),
                None => fs::remove_file(&file).expect("removed"),
            }
            for repair in [&["--dir", "log"] as &[&str], &["--dir", "log", "--repair"]] {
                let (json, ended) = fsck(&scene, repair);
                let name = path.strip_prefix("public/").unwrap_or(path);
                assert_eq!(problems(&json), [(name.to_owned(), "server".to_owned())], "{json}");
                assert_eq!(ended.code, Some(11), "{ended:?}");
                assert_eq!(fs::read(&file).ok(), changed, "nothing is made up");
            }
        }
        fs::write(&file, bytes).expect("written");
    }
    // An old head: going on from it would fork the log.
    let head = scene.read("log/private/head");
    let old = "wheeltap/head@v1\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n-\n";
    scene.write("log/private/head", old.as_bytes());
    let (json, ended) = fsck(&scene, &["--dir", "log"]);
    assert_eq!(ended.code, Some(11));
    assert!(json["problems"][0]["message"].as_str().is_some_and(|text| text.contains("forks")), "{json}");
    scene.write("log/private/head", head.as_bytes());
    // Left-overs are said and are no problem.
    scene.write("log/private/staging/0-1-x", b"x");
    scene.write("log/public/.tmp-1", b"x");
    scene.write("log/public/tile/index.html", b"x");
    let (json, ended) = fsck(&scene, &["--dir", "log"]);
    assert_eq!((ended.code, json["remarks"].as_array().map(Vec::len)), (Some(0), Some(3)), "{json}");
}

#[test]
fn wrong_places_and_keys_have_no_verdict_of_soundness() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    let run = |args: &[&str]| scene.run("wheeltap-log", &[&["fsck"], args].concat()).code;
    assert_eq!(run(&[]), Some(2), "nothing to check");
    assert_eq!(run(&["--url", &server.url]), Some(2), "nobody to believe");
    assert_eq!(run(&["--url", &server.url, "--key", "log.pub"]), Some(2), "no roots");
    assert_eq!(run(&["--dir", "log", "--url", &server.url]), Some(2));
    assert_eq!(run(&["--url", &server.url, "--trust", "trust.toml", "--repair"]), Some(2));
    fs::create_dir(scene.path("empty")).expect("a directory");
    assert_eq!(run(&[&["--dir", "empty"], ROOT.as_slice()].concat()), Some(1), "no log there");
    let other = ["--key", "team.key.pub", "--root", "root.key.pub"];
    assert_eq!(run(&[&["--url", &server.url], other.as_slice()].concat()), Some(11), "another log's");
    let url = server.url.clone();
    server.kill();
    assert_eq!(run(&[&["--url", url.as_str()], ROOT.as_slice()].concat()), Some(1), "nobody answers");

    // Signed by the log, but not by the witnesses that the trust file asks for.
    let witness = key("w.example").cosigner().to_vkey();
    let trust = scene.read("trust.toml").replace("quorum none", &format!("witness w {witness}\nquorum w"));
    scene.write("strict.toml", trust.as_bytes());
    let strict = ["--dir", "log", "--trust", "strict.toml"];
    let (json, ended) = fsck(&scene, &strict);
    assert_eq!((ended.code, &json["proven"]), (Some(12), &true.into()), "{json}");
    // Damage is the worse news.
    fs::remove_file(scene.path("log/public/tile/0/000.p/4")).expect("removed");
    assert_eq!(fsck(&scene, &strict).1.code, Some(11));
}

/// A log that signed what its own rules forbid.
#[test]
fn a_broken_promise_yields_evidence() {
    let scene = Scene::empty();
    let evil = signed_release("nova", "1.0", "other bytes", "team");
    let honest = evil_log(&scene, "honest", &[signed_release("nova", "2.0", "bytes", "team")], 1);
    assert_eq!(honest.1.code, Some(0), "{honest:?}");
    for (name, (json, ended)) in [
        ("overwrite", evil_log(&scene, "overwrite", &[evil], 1)),
        ("stranger", evil_log(&scene, "stranger", &[signed_release("nova", "2.0", "x", "mallory")], 1)),
        ("clock", evil_log(&scene, "clock", &[], 0)),
    ] {
        assert_eq!((ended.code, &json["proven"]), (Some(13), &true.into()), "{name}: {ended:?}");
        assert_eq!(json["problems"][0]["kind"], "rule", "{name}");
        let (_, evidence) = ended.stderr.split_once("evidence: ").expect("where the evidence is");
        let evidence = evidence.lines().next().expect("a path");
        let ended = scene.run("wheeltap", &["evidence", evidence, "--trust", &format!("{name}.toml")]);
        assert_eq!(ended.code, Some(13), "{name}: {ended:?}");
    }
}

/// A signed log in a directory: policy, one release, and then these; checked.
fn evil_log(scene: &Scene, name: &str, more: &[SignedStatement], later: u64) -> (Value, Ended) {
    let first =
        [signed_policy(policy(), &["root1", "root2"]), signed_release("nova", "1.0", "bytes", "team")];
    let mut index = VerifiableIndex::default();
    let mut entries: Vec<Vec<u8>> = Vec::new();
    let mut start = 0;
    for (statements, time) in [(first.as_slice(), 1_700_000_000), (more, 1_699_999_999 + 2 * later)] {
        for signed in statements {
            index.add(entries.len() as u64, signed.index_keys().iter().map(IndexKey::hash));
            entries.push(signed.envelope.to_canonical());
        }
        let size = entries.len() as u64;
        let commitment = IndexCommitment { size, root: index.root(), time, first: start };
        entries.push(commitment.to_string().into_bytes());
        start = entries.len() as u64;
    }
    let (mut edge, mut bundle) = (Edge::new(), Vec::new());
    for entry in &entries {
        edge.push(leaf_hash(entry));
        push_entry(&mut bundle, entry);
    }
    let size = edge.size();
    let checkpoint =
        Checkpoint { origin: "log.example".into(), size, root: edge.root(), extensions: Vec::new() };
    scene.write(&format!("{name}/checkpoint"), checkpoint.sign(&key("log.example")).to_string().as_bytes());
    let (id, items) = edge.partial_tiles().next().expect("a tile");
    let tile: Vec<u8> = items.iter().flat_map(|hash| *hash.as_bytes()).collect();
    scene.write(&format!("{name}/{id}"), &tile);
    scene.write(&format!("{name}/tile/entries/000.p/{size}"), &bundle);

    let log = public("log.example").to_vkey();
    let roots: Vec<String> = genesis().roots.keys.iter().map(|key| format!("{:?}", key.to_vkey())).collect();
    let trust = format!(
        "[[log]]\nurl = \"file://{}\"\npolicy = \"log {log}\\nquorum none\\n\"\nroots = [{}]\nthreshold = 2\n",
        scene.path(name).display(),
        roots.join(", ")
    );
    scene.write(&format!("{name}.toml"), trust.as_bytes());
    fsck(scene, &["--trust", &format!("{name}.toml"), "--state", name])
}

/// A checkpoint that is not a continuation of the one seen before is a fork; one
/// that is older is not believed. Both are noticed by a check that remembers.
#[test]
fn a_check_with_a_trust_file_remembers() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    server.kill();
    let copied = Command::new("cp").args(["-r", "log", "old"]).current_dir(scene.path("")).status();
    assert!(copied.expect("cp runs").success());
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.append("2.0");
    server.kill();
    let check = |dir: &str| {
        scene.run("wheeltap-log", &["fsck", "--dir", dir, "--trust", "trust.toml", "--state", "seen"]).code
    };
    assert_eq!(check("log"), Some(0));
    assert_eq!(check("old"), Some(12));
    assert_eq!(check("log"), Some(0));
    // The old copy grows into another history.
    let server = scene.serve("old");
    scene.trust(&server.url);
    let file = scene.sdist("2.0", "forked");
    let append = ["append", "--key", "team.key", "--project", "nova", "--version", "2.0", "--state", "other"];
    scene.ok("wheeltap", &[append.as_slice(), &[file.as_str()]].concat());
    server.kill();
    assert_eq!(check("old"), Some(13));
}

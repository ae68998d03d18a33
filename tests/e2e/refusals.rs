//! Bad input: one clear message, the right exit code, and nothing is stored.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use log_client::offline_index::{self, OfflineIndex};
use log_core::artifact::{ProjectName, Version};

use crate::harness::{Ended, Scene};

/// Runs a command that must be refused and must leave the log as it is.
fn refused(scene: &Scene, code: i32, says: &[&str], program: &str, args: &[&str]) -> Ended {
    let before = scene.read("log/public/checkpoint");
    let ended = scene.run(program, args);
    assert_eq!(ended.code, Some(code), "{program} {args:?}: {ended:?}");
    for part in says {
        assert!(ended.stderr.contains(part), "{part:?} is missing in {}", ended.stderr);
    }
    assert_eq!(ended.stderr.matches("error:").count(), 1, "one message: {}", ended.stderr);
    assert_eq!(scene.read("log/public/checkpoint"), before, "the log was changed");
    ended
}

#[test]
fn wrong_key_wrong_project_and_other_bytes_are_three_refusals() {
    let (scene, _server) = Scene::with_server();
    let file = scene.append("1.0");
    let append = |key: &'static str, project: &'static str, file: &str| {
        ["append", "--key", key, "--project", project, "--version", "1.0", file].map(str::to_owned)
    };
    let check_exit = |code: i32, args: [String; 8], says: &[&str]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refused(&scene, code, says, "wheeltap", &args);
    };
    let check = |args, says: &[&str]| check_exit(1, args, says);
    check(
        append("mallory.key", "nova", &scene.sdist("1.0", "new")),
        &["the policy in force knows no such key", "mallory.example"],
    );
    let other = scene.write("dist/glance-1.0.tar.gz", b"x");
    check(append("team.key", "glance", &other), &["may not publish project glance"]);
    check_exit(
        11,
        append("team.key", "nova", &scene.sdist("1.0", "other")),
        &[
            "nova-1.0.tar.gz is already logged with another sha256",
            "entry 2 says",
            "hint: never change a published file",
        ],
    );
    // The same statement again succeeds, with the old index.
    scene.sdist("1.0", "official bytes");
    let again = scene
        .run("wheeltap", &["append", "--key", "team.key", "--project", "nova", "--version", "1.0", &file]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stderr.contains("nova 1.0 was already entry 2"), "{}", again.stderr);
    // What does not fit together is refused before it is sent.
    check(append("team.key", "nova", &scene.sdist("2.0", "x")), &["is a file of version 2.0, not of 1.0"]);
    check(append("team.key", "nova", "dist/none-1.0.tar.gz"), &["dist/none-1.0.tar.gz"]);
}

#[test]
fn nothing_is_imported_by_mistake() {
    let (scene, _server) = Scene::with_server();
    let project = ProjectName::parse("nova").expect("a name");
    let packages = ["1.0", "2.0", "3.0"].map(|version| {
        let version = Version::parse(version).expect("a version");
        offline_index::build(&project, &version).expect("packages")
    });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let index = runtime.block_on(OfflineIndex::start(vec![(project.clone(), packages.concat())]));
    let index = index.expect("an index");
    let url = index.url();
    let import = |key: &'static str, more: &[&'static str]| {
        let mut args = vec!["import", "--key", key, "--project", "nova", "--index-url"];
        args.push(&url);
        args.extend(more);
        args.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let check = |code: i32, args: &[String], says: &[&str]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refused(&scene, code, says, "wheeltap", &args)
    };
    // What is logged is logged for ever: a version that is not there is a slip.
    let says = ["--except 9.9: the index has no such version of nova"];
    check(2, &import("team.key", &["--except", "9.9", "--except", "2.0"]), &says);
    check(2, &import("team.key", &["--except", "9.9", "--dry-run"]), &says);
    // A key that may say nothing is refused once, and not once for each release.
    let says = ["the policy in force knows no such key", "`wheeltap policy show` lists them"];
    let ended = check(1, &import("mallory.key", &[]), &says);
    assert_eq!(ended.stderr.lines().count(), 2, "{}", ended.stderr);
    let args = import("team.key", &["--except", "2.0"]);
    scene.ok("wheeltap", &args.iter().map(String::as_str).collect::<Vec<_>>());
    let logged = scene.ok("wheeltap", &["lookup", "--project", "nova"]);
    assert!(logged.contains("nova 1.0") && !logged.contains("nova 2.0"), "{logged}");
}

#[test]
fn keys_that_others_may_read_are_refused() {
    let (scene, server) = Scene::with_server();
    let file = scene.sdist("1.0", "x");
    for key in ["team.key", "log/private/log.key"] {
        fs::set_permissions(scene.path(key), fs::Permissions::from_mode(0o644)).expect("chmod");
    }
    let append = ["append", "--key", "team.key", "--project", "nova", "--version", "1.0", &file];
    refused(&scene, 1, &["team.key has mode 644", "chmod 600"], "wheeltap", &append);
    server.kill();
    let serve = ["serve", "--dir", "log", "--listen", "127.0.0.1:0"];
    refused(&scene, 1, &["log.key has mode 644", "chmod 600"], "wheeltap-log", &serve);
}

#[test]
fn what_was_mixed_up_is_said() {
    let (scene, server) = Scene::with_server();
    let file = scene.append("1.0");
    let append = |key: &'static str| ["append", "--key", key, "--project", "nova", "--version", "1.0"];
    let public = [&append("team.key.pub")[..], &[&file]].concat();
    refused(
        &scene,
        1,
        &["team.key.pub is a public key: give the private one (team.key)"],
        "wheeltap",
        &public,
    );
    let lookup = ["lookup", "--key-id", "none.key.pub"];
    refused(&scene, 2, &["--key-id: there is no file none.key.pub"], "wheeltap", &lookup);
    let says = ["\"release.key\" looks like a file", "the name comes first"];
    refused(&scene, 2, &says, "wheeltap", &["keygen", "release.key", "release.example.org"]);
    assert!(!scene.path("release.example.org").exists());
    let says = ["there is no file none.json", "`wheeltap trust show`"];
    refused(&scene, 2, &says, "wheeltap", &["evidence", "none.json"]);
    // Both files are of other options.
    scene.write("requirements.txt", b"nova==1.0\n");
    scene.write("uv.lock", b"version = 1\n");
    let ended = scene.run("wheeltap", &["verify", "requirements.txt", "uv.lock"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    for hint in ["requirements.txt: for requirements: -r", "uv.lock: for lock files: --lock"] {
        assert!(ended.stderr.contains(hint), "{hint:?} is missing in {}", ended.stderr);
    }
    // Another key, and nothing at all, at the URL.
    scene.write("other.toml", scene.trust_text(&server.url, "mallory.key.pub", "root.key.pub").as_bytes());
    let says =
        [&*format!("the checkpoint at {} is not signed by the log key", server.url), "mallory.example+"];
    refused(&scene, 11, &says, "wheeltap", &["verify", &file, "--trust", "other.toml"]);
    let nowhere = format!("{}nowhere/", server.url);
    scene.write("nowhere.toml", scene.trust_text(&nowhere, "log.pub", "root.key.pub").as_bytes());
    let says = ["there is no log at", "hint: check the URL"];
    refused(&scene, 1, &says, "wheeltap", &["lookup", "--key-id", "team.key.pub", "--trust", "nowhere.toml"]);
    // The scene names its trust file and its state in the environment.
    let says = ["Usage: wheeltap trust add --root <KEY> <URL>\n"];
    refused(&scene, 2, &says, "wheeltap", &["trust", "add"]);
}

#[test]
fn a_log_is_never_made_or_shared_by_accident() {
    let (scene, _server) = Scene::with_server();
    let serve = ["serve", "--dir", "log", "--listen", "127.0.0.1:0"];
    refused(&scene, 1, &["another process serves the log"], "wheeltap-log", &serve);
    let serve = ["serve", "--dir", "missing", "--listen", "127.0.0.1:0"];
    refused(&scene, 1, &["there is no log in missing", "wheeltap-log init"], "wheeltap-log", &serve);
    assert!(!scene.path("missing").exists());
    let init = ["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"];
    refused(&scene, 1, &["not empty", "never overwritten"], "wheeltap-log", &init);
    let keygen = ["keygen", "root.example", "root.key"];
    refused(&scene, 1, &["root.key exists", "never overwritten"], "wheeltap", &keygen);
}

#[test]
fn malformed_names_keys_policies_and_proofs_name_what_is_wrong() {
    let (scene, _server) = Scene::with_server();
    let file = scene.append("1.0");
    let root = scene.read("root.key.pub");
    let usage = |says: &[&str], args: &[&str]| {
        refused(&scene, 2, says, "wheeltap", args);
    };
    usage(&["key name \"a b\""], &["keygen", "a b", "x.key"]);
    usage(&["--project", "_nova_"], &["lookup", "--project", "_nova_"]);
    usage(&["--version", "\"one\""], &["lookup", "--project", "nova", "--version", "one"]);
    usage(&["--digest", "64 hex digits"], &["lookup", "--digest", "abc"]);
    usage(&["say what to look up"], &["lookup"]);
    let damaged = root.replacen("root.example+", "root.example+0", 1);
    let add = |root: &str| {
        vec![
            "trust".to_owned(),
            "add".into(),
            "http://127.0.0.1:1/".into(),
            "--log-key".into(),
            "log.pub".into(),
            "--root".into(),
            root.to_owned(),
        ]
    };
    let args = add(damaged.trim_end());
    usage(&["--root", "not a verifier key"], &args.iter().map(String::as_str).collect::<Vec<_>>());
    let policy = |pattern: &'static str| {
        [
            "policy",
            "init",
            "--log-key",
            "log.pub",
            "--root",
            "root.key.pub",
            "--publisher",
            "team.key.pub",
            pattern,
            "--out",
            "p.json",
        ]
    };
    usage(&["--publisher", "\"Nova_\""], &policy("Nova_"));
    let twice = add("root.key.pub");
    let mut twice: Vec<&str> = twice.iter().map(String::as_str).collect();
    twice.extend(["--root", "root.key.pub", "--threshold", "2"]);
    usage(&["this key is there twice"], &twice);
    // What a policy file says cannot rewrite what a reviewer sees of it.
    let forged = scene.read("policy.json").replacen("\"keyid\":\"", "\"keyid\":\"\\u001b[2K", 1);
    scene.write("forged.json", forged.as_bytes());
    let shown = scene.ok("wheeltap", &["policy", "show", "forged.json"]);
    assert!(shown.contains("not a root key") && !shown.contains('\u{1b}'), "{shown}");
    scene.write("p.json", scene.read("policy.json").replacen("payload", "payloads", 1).as_bytes());
    usage(&["p.json", "payloads"], &["policy", "show", "p.json"]);

    // Proof files.
    let proof = format!("{file}.tlog-proof");
    let good = scene.read(&proof);
    let offline = |bad: &str, code: i32, says: &str| {
        scene.write(&proof, bad.as_bytes());
        let ended = scene.run("wheeltap", &["verify", "--offline", &file]);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stdout.contains(says), "{says:?} is missing in {}", ended.stdout);
        assert_eq!(ended.stderr.contains("proven"), code == 0, "nothing is: {}", ended.stderr);
    };
    offline(&good, 0, "verified");
    offline("", 11, "c2sp.org/tlog-proof@v1");
    offline(&good.replacen("index 2", "index 02", 1), 11, "index");
    offline(&good.replacen("index 2", "index 1", 1), 11, "not proven");
    offline(&good.replacen("— log.example ", "— log.example g", 1), 11, "note");
    fs::remove_file(scene.path(&proof)).expect("removed");
    let ended = scene.run("wheeltap", &["verify", "--offline", &file]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(
        ended.stdout.contains("no verdict") && ended.stdout.contains("no proof file"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_log_that_is_told_to_stop_ends_in_order() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    assert_eq!(server.terminate(), Some(0));
    assert_eq!(fs::read_dir(scene.path("log/private/staging")).expect("a directory").count(), 0);
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.append("2.0");
}

#[test]
fn a_client_that_never_ends_its_request_does_not_hold_up_the_end() {
    use std::io::Write as _;
    let (_scene, server) = Scene::with_server();
    let address = server.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let mut slow = std::net::TcpStream::connect(address).expect("connected");
    slow.write_all(b"POST /api/v1/statements HTTP/1.1\r\nContent-Le").expect("sent");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn without_a_verdict_the_exit_code_is_not_zero() {
    let (scene, server) = Scene::with_server();
    let file = scene.append("1.0");
    // A policy that another root signed: a mistake here, or another log. Nobody is accused.
    let text = scene.trust_text(&server.url, "log.pub", "mallory.key.pub");
    scene.write("other-root.toml", text.as_bytes());
    let ended = scene.run("wheeltap", &["verify", &file, "--trust", "other-root.toml"]);
    assert_eq!(ended.code, Some(11), "{ended:?}");
    assert!(
        !ended.stderr.contains("evidence") && ended.stderr.contains("compare the root keys"),
        "{ended:?}"
    );
    // A log with another key.
    let text = scene.trust_text(&server.url, "mallory.key.pub", "root.key.pub");
    scene.write("other-log.toml", text.as_bytes());
    let ended = scene.run("wheeltap", &["verify", &file, "--trust", "other-log.toml"]);
    assert_eq!(ended.code, Some(11), "{ended:?}");
    // A quorum that nobody signs for.
    let key = log_core::testing::key("w.example").cosigner().to_vkey();
    let quorum = scene.read("trust.toml").replace("quorum none", &format!("witness w {key}\nquorum w"));
    scene.write("quorum.toml", quorum.as_bytes());
    let ended = scene.run("wheeltap", &["verify", &file, "--trust", "quorum.toml"]);
    assert_eq!(ended.code, Some(12), "{ended:?}");
    // A file that is no artifact, and one that is not there, beside a good one.
    let readme = scene.write("README", b"x");
    for bad in [readme.as_str(), "dist/nova-9.tar.gz"] {
        let ended = scene.run("wheeltap", &["verify", &file, bad]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stdout.contains("verified") && ended.stdout.contains("no verdict"), "{}", ended.stdout);
    }
    // Nobody there.
    server.kill();
    let ended = scene.run("wheeltap", &["verify", &file]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("cannot reach http://127.0.0.1:"), "{}", ended.stderr);
}

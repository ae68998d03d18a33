//! The foreign verifier in `tests/go`, on golang.org/x/mod, reads our logs.

use std::path::Path;
use std::process::Command;

use crate::harness::{Ended, Scene, has, missing};

#[test]
fn the_go_reference_code_verifies_the_log() {
    if missing("Go (https://go.dev)", has("go", "version")) {
        return;
    }
    let (scene, server) = Scene::with_server();
    let verifier = scene.path("verifier");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let built = Command::new("go").args(["build", "-o"]).arg(&verifier).arg(".").current_dir(source).output();
    let built = Ended::from(built.expect("go runs"));
    assert_eq!(built.code, Some(0), "{built:?}");

    let mut old = vec![scene.read("log/public/checkpoint")];
    for version in 1..=140 {
        scene.append(&format!("{version}.0"));
        if version % 20 == 0 {
            old.push(scene.read("log/public/checkpoint"));
        }
    }
    let old: Vec<String> =
        old.iter().enumerate().map(|(i, note)| scene.write(&format!("old{i}"), note.as_bytes())).collect();
    let vkey = scene.read("log.pub");
    let verify = |log: &str| {
        let mut command = Command::new(&verifier);
        command.args(["-vkey", vkey.trim_end(), "-log", log, "-all-prefixes", "-all-tiles"]);
        for old in &old {
            command.args(["-old", old]);
        }
        Ended::from(command.current_dir(scene.path("")).output().expect("it runs"))
    };
    // 282 entries: the policy, 140 releases, and a commitment after each.
    for log in [server.url.as_str(), "log/public"] {
        let ended = verify(log);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(ended.stdout.starts_with("OK origin=log.example size=282 "), "{}", ended.stdout);
        assert!(ended.stdout.contains("inclusion=282 "), "{}", ended.stdout);
    }
    // And it would notice.
    let tile = scene.path("log/public/tile/0/000");
    let mut bytes = std::fs::read(&tile).expect("a tile");
    bytes[700] ^= 1;
    std::fs::write(&tile, bytes).expect("written");
    assert_eq!(verify("log/public").code, Some(1));
}

#[test]
fn its_own_tests_pass() {
    if missing("Go (https://go.dev)", has("go", "version")) {
        return;
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let ended = Command::new("go").args(["test", "./..."]).current_dir(source).output().expect("go runs");
    let ended = Ended::from(ended);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

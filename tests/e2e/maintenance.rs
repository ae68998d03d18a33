//! What is done with a log that is not running leaves it as good as it was.

use std::fs;

use crate::harness::Scene;

#[test]
fn a_collected_and_reindexed_log_goes_on() {
    let (scene, server) = Scene::with_server();
    let mut old = Vec::new();
    for version in 1..=130 {
        scene.append(&format!("{version}.0"));
        if version % 40 == 0 {
            old.push(scene.read("log/public/checkpoint"));
        }
    }
    for command in ["gc", "reindex"] {
        let ended = scene.run("wheeltap-log", &[command, "--dir", "log"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains("another process serves the log"), "{}", ended.stderr);
    }
    server.kill();

    // A round that was not finished needs what is before it.
    scene.write("log/private/staging/1-1-x", b"x");
    assert_eq!(scene.run("wheeltap-log", &["gc", "--dir", "log"]).code, Some(1));
    fs::remove_file(scene.path("log/private/staging/1-1-x")).expect("removed");
    let has = |path: &str| scene.path("log/public/tile").join(path).exists();
    assert!(has("entries/000.p/2") && has("0/000.p/2") && has("entries/001.p/2"));
    scene.ok("wheeltap-log", &["gc", "--dir", "log"]);
    for gone in ["entries/000.p", "0/000.p"] {
        assert!(!has(gone), "{gone} is left");
    }
    // Of tiles that are not full all are there: the specification asks for them.
    for there in ["entries/000", "0/000", "entries/001.p/2", "entries/001.p/6", "0/001.p/2", "1/000.p/1"] {
        assert!(has(there), "{there} is missing");
    }
    scene.ok("wheeltap-log", &["gc", "--dir", "log"]);
    scene.ok("wheeltap-log", &["fsck", "--dir", "log"]);

    // Whoever has seen an older checkpoint proves it to be a prefix from full tiles.
    scene.trust(&format!("file://{}", scene.path("log/public").display()));
    for (at, checkpoint) in old.iter().enumerate() {
        let state = scene.path("state");
        let _ = fs::remove_dir_all(&state);
        scene.ok("wheeltap", &["verify", "dist/nova-1.0.tar.gz"]);
        let seen = fs::read_dir(&state).expect("a state").next().expect("a log").expect("readable").path();
        fs::write(seen.join("checkpoint"), checkpoint).expect("written");
        scene.ok("wheeltap", &["verify", "dist/nova-1.0.tar.gz"]);
        let now = fs::read_to_string(seen.join("checkpoint")).expect("a checkpoint");
        assert!(now != *checkpoint, "checkpoint {at} was proven and replaced");
    }

    fs::write(scene.path("log/private/view/garbage"), b"x").expect("written");
    let ended = scene.run("wheeltap-log", &["reindex", "--dir", "log"]);
    assert!(ended.code == Some(0) && ended.stderr.contains("all 262 entries"), "{ended:?}");
    assert!(!scene.path("log/private/view/garbage").exists());
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.append("131.0");
    assert!(scene.ok("wheeltap", &["lookup", "--project", "nova"]).contains("nova 1.0"));
}

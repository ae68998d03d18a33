//! A log that shows two histories, or goes back to an earlier one, is caught, with evidence
//! that stands alone.

use std::process::Command;
use std::sync::atomic::Ordering;

use log_core::key::VerifierKey;

use crate::harness::Scene;
use crate::stub_witness::Witness;

#[test]
fn a_fork_yields_evidence_and_an_old_copy_does_not() {
    let (scene, server) = Scene::with_server();
    let first = scene.append("1.0");
    server.kill();
    // The operator copies the whole log, key included, and lets both copies grow.
    for copy in ["old", "fork"] {
        let copied = Command::new("cp").args(["-r", "log", copy]).current_dir(scene.path("")).status();
        assert!(copied.expect("cp runs").success());
    }
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.append("2.0");
    scene.append("3.0");
    scene.ok("wheeltap", &["verify", &first]);
    server.kill();

    // A copy from before cannot prove that it only lags. It is not believed, and it
    // is not called a fork.
    let server = scene.serve("old");
    scene.trust(&server.url);
    let ended = scene.run("wheeltap", &["verify", &first]);
    assert_eq!(ended.code, Some(12), "{ended:?}");
    assert!(ended.stderr.contains("has size 4, but this machine has seen size 8"), "{}", ended.stderr);
    server.kill();

    for same_size in [true, false] {
        let server = scene.serve("fork");
        scene.trust(&server.url);
        // Another user, who has seen nothing, believes the fork and feeds it.
        let feed = |version: &str| {
            let file = scene.sdist(version, "forked bytes");
            let args = [
                "append",
                "--key",
                "team.key",
                "--project",
                "nova",
                "--version",
                version,
                &file,
                "--state",
                "other",
            ];
            assert_eq!(scene.run("wheeltap", &args).code, Some(0));
        };
        if same_size {
            feed("2.0");
            feed("3.0");
        } else {
            feed("4.0");
        }
        let ended = scene.run("wheeltap", &["verify", &first]);
        assert_eq!(ended.code, Some(13), "{ended:?}");
        let evidence = evidence(&ended.stderr);
        server.kill();
        // Without any server: the evidence stands alone.
        let ended = scene.run("wheeltap", &["evidence", &evidence]);
        assert_eq!(ended.code, Some(13), "{ended:?}");
        assert!(ended.stdout.contains("two histories"), "{}", ended.stdout);
        let damaged = scene.read(&evidence).replacen("\"root_in_newer\": \"", "\"root_in_newer\": \"A", 1);
        scene.write("damaged.json", damaged.as_bytes());
        assert_eq!(scene.run("wheeltap", &["evidence", "damaged.json"]).code, Some(1));
    }
}

/// The path in `evidence: <path>`.
fn evidence(stderr: &str) -> String {
    let (_, after) = stderr.split_once("evidence: ").expect("where the evidence is");
    after.lines().next().expect("a path").to_owned()
}

#[test]
fn a_rollback_that_a_witness_cosigned_yields_evidence() {
    let scene = Scene::with_log();
    let log = VerifierKey::parse(scene.read("log.pub").trim_end()).expect("a key");
    let trust = |witness: &Witness| {
        scene.write("trust.toml", witness.trusted_in(&scene.read("trust.toml")).as_bytes());
    };
    let serve = |witness: &Witness| {
        scene.write("log/wheeltap-log.toml", witness.log_config().as_bytes());
        let server = scene.serve("log");
        scene.trust(&server.url);
        server
    };
    let witness = Witness::start(log.clone());
    let server = serve(&witness);
    trust(&witness);
    // The empty tree is cosigned, too.
    scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
    let first = scene.append("1.0");
    server.kill();
    let copied = Command::new("cp").args(["-r", "log", "old"]).current_dir(scene.path("")).status();
    assert!(copied.expect("cp runs").success());
    let server = serve(&witness);
    trust(&witness);
    scene.append("2.0");
    scene.ok("wheeltap", &["verify", &first]);
    server.kill();

    // Log and witness come back from what they were: the witness has forgotten.
    for name in ["log", "old"] {
        std::fs::rename(scene.path(name), scene.path(&format!("{name}-away"))).expect("renamed");
    }
    std::fs::rename(scene.path("old-away"), scene.path("log")).expect("renamed");
    let forgetful = Witness::start(log);
    forgetful.ahead.store(600, Ordering::Relaxed);
    // What was cosigned back then, and is shown again, is an old copy and no evidence.
    scene.trust(&format!("file://{}", scene.path("log/public").display()));
    trust(&forgetful);
    let ended = scene.run("wheeltap", &["verify", &first]);
    assert_eq!(ended.code, Some(12), "{ended:?}");
    std::fs::remove_file(scene.path("log/public/checkpoint")).expect("removed");
    let server = serve(&forgetful);
    trust(&forgetful);
    let ended = scene.run("wheeltap", &["verify", &first]);
    assert_eq!(ended.code, Some(13), "{ended:?}");
    assert!(ended.stderr.contains("rolled back"), "{}", ended.stderr);
    let path = evidence(&ended.stderr);
    server.kill();
    // Without any server the evidence stands alone, for whoever trusts this witness.
    let ended = scene.run("wheeltap", &["evidence", &path]);
    assert_eq!(ended.code, Some(13), "{ended:?}");
    assert!(ended.stdout.contains("a smaller tree of the log after a larger one"), "{}", ended.stdout);
    scene.trust("http://127.0.0.1:9/");
    let ended = scene.run("wheeltap", &["evidence", &path]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("not one that is trusted"), "{}", ended.stderr);
}

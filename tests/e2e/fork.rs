//! A log that shows two histories is caught, with evidence that stands alone.

use std::process::Command;

use crate::harness::Scene;

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
        let (_, evidence) = ended.stderr.split_once("evidence: ").expect("where the evidence is");
        let evidence = evidence.lines().next().expect("a path");
        server.kill();
        // Without any server: the evidence stands alone.
        let ended = scene.run("wheeltap", &["evidence", evidence]);
        assert_eq!(ended.code, Some(13), "{ended:?}");
        assert!(ended.stdout.contains("two histories"), "{}", ended.stdout);
        let damaged = scene.read(evidence).replacen("\"root_in_newer\": \"", "\"root_in_newer\": \"A", 1);
        scene.write("damaged.json", damaged.as_bytes());
        assert_eq!(scene.run("wheeltap", &["evidence", "damaged.json"]).code, Some(1));
    }
}

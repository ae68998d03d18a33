//! A copy of a log, served by a plain web server, is as good as the log.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::harness::{Ended, Scene, Server, free_port, has, missing};

const FROM: [&str; 7] = ["mirror", "--trust", "trust.toml", "--dir", "mirror", "--state", "mirror-state"];

#[test]
fn a_mirror_behind_a_static_web_server_is_verified_by_everybody() {
    if missing("Python 3", has("python3", "--version"))
        || missing("Go (https://go.dev)", has("go", "version"))
    {
        return;
    }
    let (scene, server) = Scene::with_server();
    let old_files: Vec<String> = (1..=3).map(|version| scene.append(&format!("{version}.0"))).collect();
    let made = scene.ok("wheeltap-log", &FROM);
    assert_eq!(made, "log.example: 8 entries, 8 of them new\n");
    assert_eq!(scene.ok("wheeltap-log", &FROM), "", "there is nothing new");
    let old = scene.read("mirror/checkpoint");
    for version in 4..=130 {
        scene.append(&format!("{version}.0"));
    }
    assert_eq!(scene.ok("wheeltap-log", &FROM), "log.example: 262 entries, 254 of them new\n");
    assert!(!scene.path("mirror/tile/entries/000.p").exists(), "the full bundle is there");
    // The same from the directory, without any server.
    server.kill();
    let from = ["mirror", "--from", "log", "--key", "log.pub", "--dir", "export"];
    scene.ok("wheeltap-log", &from);
    let same = Command::new("diff").args(["-r", "mirror", "export"]).current_dir(scene.path("")).status();
    assert!(same.expect("diff runs").success());
    let check = ["fsck", "--dir", "mirror", "--key", "log.pub", "--root", "root.key.pub"];
    scene.ok("wheeltap-log", &check);

    let port = free_port();
    let port_text = port.to_string();
    let arguments = ["-m", "http.server", &port_text, "--bind", "127.0.0.1", "--directory"];
    let mut python = Command::new("python3");
    let server = Server::spawn(python.args(arguments).arg(scene.path("mirror")), port);
    scene.trust(&server.url);
    for file in &old_files {
        scene.ok("wheeltap", &["verify", file]);
    }
    let unknown = scene.sdist("999.0", "an intruder's bytes");
    assert_eq!(scene.run("wheeltap", &["verify", &unknown]).code, Some(10));
    scene.ok("wheeltap-log", &["fsck", "--trust", "trust.toml"]);
    // A mirror of the mirror.
    let again = ["mirror", "--url", &server.url, "--key", "log.pub", "--dir", "again"];
    scene.ok("wheeltap-log", &again);

    let verifier = scene.path("verifier");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let built = Command::new("go").args(["build", "-o"]).arg(&verifier).arg(".").current_dir(source).output();
    let built = Ended::from(built.expect("go runs"));
    assert_eq!(built.code, Some(0), "{built:?}");
    scene.write("old", old.as_bytes());
    let vkey = scene.read("log.pub");
    let mut command = Command::new(&verifier);
    command.args(["-vkey", vkey.trim_end(), "-log", &server.url, "-all-tiles", "-old", "old"]);
    let ended = Ended::from(command.current_dir(scene.path("")).output().expect("it runs"));
    assert!(
        ended.code == Some(0) && ended.stdout.starts_with("OK origin=log.example size=262 "),
        "{ended:?}"
    );
}

#[test]
fn a_mirror_that_is_killed_again_and_again_ends_up_whole() {
    let (scene, server) = Scene::with_server();
    let mut kills = 0;
    for version in 1..=60 {
        scene.append(&format!("{version}.0"));
        let mut mirror = scene.command("wheeltap-log", &FROM);
        let mut child = mirror.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        // From before the first write to after the last.
        std::thread::sleep(Duration::from_millis(version));
        kills += usize::from(child.try_wait().expect("a child").is_none());
        let _ = child.kill();
        child.wait().expect("it ended");
        // What readers see is a whole log, however far the copying came.
        if scene.path("mirror/checkpoint").exists() {
            let check = ["fsck", "--dir", "mirror", "--key", "log.pub", "--root", "root.key.pub"];
            scene.ok("wheeltap-log", &check);
        }
    }
    assert!(kills > 0, "no run was cut off");
    scene.ok("wheeltap-log", &FROM);
    assert_eq!(scene.read("mirror/checkpoint"), scene.read("log/public/checkpoint"));
    drop(server);
}

#[test]
fn a_followed_log_is_kept_up_and_a_fork_is_not() {
    let (scene, server) = Scene::with_server();
    scene.append("1.0");
    let copied = Command::new("cp").args(["-r", "log", "fork"]).current_dir(scene.path("")).status();
    assert!(copied.expect("cp runs").success());
    let follow = [FROM.as_slice(), &["--follow", "1"]].concat();
    let mut following = Following::start(&scene, &follow);
    scene.append("2.0");
    following.wait_for(&scene, &scene.read("log/public/checkpoint"));
    // One writer for one copy, and none in a log's own directory.
    let second = scene.run("wheeltap-log", &FROM);
    assert!(second.code == Some(1) && second.stderr.contains("cannot lock"), "{second:?}");
    for own in ["log", "log/public"] {
        let args = ["mirror", "--trust", "trust.toml", "--dir", own];
        assert_eq!(scene.run("wheeltap-log", &args).code, Some(2), "{own}");
    }
    // A source that is away for a while is waited for.
    let port = server.url.trim_end_matches('/').rsplit_once(':').expect("a port").1.parse().expect("a port");
    server.kill();
    std::thread::sleep(Duration::from_secs(2));
    let server = scene.serve_on("log", port);
    scene.append("3.0");
    let good = scene.read("log/public/checkpoint");
    following.wait_for(&scene, &good);
    server.kill();

    // Another history, in the same place.
    let server = scene.serve_on("fork", port);
    for version in ["4.0", "5.0", "6.0"] {
        let file = scene.sdist(version, "forked bytes");
        let args = ["append", "--key", "team.key", "--project", "nova", "--version", version, &file];
        scene.ok("wheeltap", &[args.as_slice(), &["--state", "other"]].concat());
    }
    let ended = following.end();
    assert_eq!(ended.code, Some(13), "{ended:?}");
    assert_eq!(scene.read("mirror/checkpoint"), good, "the copy is as it was");
    let (_, evidence) = ended.stderr.split_once("evidence: ").expect("where the evidence is");
    let evidence = evidence.lines().next().expect("a path");
    assert_eq!(scene.run("wheeltap", &["evidence", evidence]).code, Some(13));
    drop(server);
}

/// A running `mirror --follow`.
struct Following {
    child: Option<std::process::Child>,
}

impl Following {
    fn start(scene: &Scene, args: &[&str]) -> Self {
        let mut command = scene.command("wheeltap-log", args);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
        Self { child: Some(child) }
    }

    fn wait_for(&mut self, scene: &Scene, checkpoint: &str) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().expect("a child"));
        assert!(ended.is_none(), "it ended: {ended:?}");
        for _ in 0..600 {
            if std::fs::read_to_string(scene.path("mirror/checkpoint")).is_ok_and(|now| now == checkpoint) {
                return;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the mirror does not come to {checkpoint}");
    }

    fn end(&mut self) -> Ended {
        let child = self.child.take().expect("a child");
        Ended::from(child.wait_with_output().expect("it ends"))
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

//! The demo is the whole story, and checks itself; these tests run it.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::process::Command;
use std::time::Duration;

use crate::harness::{Scene, missing};

#[test]
fn offline() {
    let scene = Scene::empty();
    let ended = scene.run("wheeltap", &["demo", "--offline"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for part in [
        "$ wheeltap-log init --dir log --origin log.example --root root.key.pub > log.pub",
        "extra-release  wheeltap-demo  2.0.post1",
        "verified  downloads/wheeltap_demo-2.0.tar.gz  (wheeltap-demo 2.0, entry ",
        "not logged  downloads/wheeltap_demo-2.0.post1.tar.gz  (the log has no wheeltap-demo 2.0.post1)",
        "other hash  tampered/wheeltap_demo-2.0.tar.gz",
        "[exit code 10]",
        "[exit code 11]",
        "[exit code 20]",
    ] {
        assert!(ended.stdout.contains(part), "{part:?} is missing in {}", ended.stdout);
    }
    // It can be repeated, and the log is gone at the end.
    let (_, rest) = ended.stdout.split_once("The log at http://").expect("the log's URL");
    let (address, had) = rest.split_once(' ').expect("a word after it");
    let serve = format!("$ wheeltap-log serve --dir log --listen {} ", address.trim_end_matches('/'));
    assert!(ended.stdout.contains(&serve), "{serve:?} is missing in {}", ended.stdout);
    assert!(had.starts_with("had every release"), "{had}");
}

#[test]
fn a_kept_demo_leaves_a_log_that_answers() {
    let scene = Scene::empty();
    let ended = scene.run("wheeltap", &["demo", "--offline", "--keep", "--dir", "demo"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let (_, process) = ended.stdout.rsplit_once("kill ").expect("how to end it");
    let verify = ["verify", "--trust", "demo/trust.toml", "demo/downloads/wheeltap_demo-2.0.tar.gz"];
    let verified = scene.run("wheeltap", &verify);
    let killed = Command::new("kill").arg(process.trim()).status().expect("kill runs");
    assert!(killed.success());
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[test]
fn on_a_real_project() {
    let pypi = ("pypi.org", 443).to_socket_addrs().ok().and_then(|mut addresses| addresses.next());
    let reached =
        pypi.is_some_and(|address| TcpStream::connect_timeout(&address, Duration::from_secs(10)).is_ok());
    if missing("PyPI (https://pypi.org)", reached) {
        return;
    }
    let scene = Scene::empty();
    let ended = scene.run("wheeltap", &["demo", "--dir", "demo"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("Done. The log at http://127.0.0.1:"), "{}", ended.stdout);
    let kept = scene.path("demo/downloads").read_dir().expect("proofs").count();
    assert!(kept > 80, "a proof for each file of each release, not {kept}");
}

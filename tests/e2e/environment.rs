//! `wheeltap verify --environment`: what a real pip has installed, and what was done to it
//! afterwards.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::clients::stage;
use crate::harness::Scene;
use crate::hostile::Index;
use crate::tools;

/// The exit code, and the one entry about `tap-lib`.
fn verify(scene: &Scene) -> (Option<i32>, Value) {
    let ended = scene.run("wheeltap", &["verify", "--environment", "site", "--format", "json"]);
    let json: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let entries = json["locks"][0]["entries"].as_array().expect("entries").clone();
    let about = entries.into_iter().find(|entry| entry["title"] == "tap-lib 1.1");
    (ended.code, about.expect("tap-lib"))
}

#[test]
fn what_is_installed_leaves_traces() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let (scene, log) = stage::log();
    let index = Index::start().put("honest", stage::honest());
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--no-cache-dir", "--index-url", &index, "--target"]);
    let installed = pip.arg(scene.path("site")).args(["tap-lib==1.1", "free-lib"]).status();
    assert!(installed.expect("pip runs").success());
    let (code, entry) = verify(&scene);
    assert_eq!((code, entry["verdict"].as_str()), (Some(0), Some("version-only")), "{entry}");
    let reason = entry["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with("its metadata is that of tap_lib-1.1-py3-none-any.whl"), "{reason}");

    fs::write(scene.path("site/tap_lib.py"), "changed").expect("written");
    let (code, entry) = verify(&scene);
    assert_eq!((code, entry["verdict"].as_str()), (Some(11), Some("disagrees")), "{entry}");
    let reason = entry["reason"].as_str().unwrap_or_default();
    assert_eq!(reason, "not as it was installed, by its RECORD: tap_lib.py");
    assert!(entry["next_step"].as_str().unwrap_or_default().contains("make it anew"), "{entry}");
    drop(log);
}

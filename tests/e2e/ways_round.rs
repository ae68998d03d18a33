//! A lock file with absolute URLs goes round any index: it is shown to, and by what it is
//! noticed.

use std::process::{Command, Output};

use crate::clients::stage;
use crate::harness::Scene;
use crate::hostile::Index;
use crate::tools;

/// Runs a program in the project, with this index for uv.
fn uv(scene: &Scene, mut command: Command, index: &str) -> Output {
    command.current_dir(scene.path("project")).env("UV_DEFAULT_INDEX", index).env("UV_NO_CACHE", "1");
    command.env("UV_PYTHON_DOWNLOADS", "never").env("HOME", scene.path("home")).env_remove("VIRTUAL_ENV");
    command.output().expect("it runs")
}

#[test]
fn a_lock_with_absolute_urls_is_named_and_refused() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let (scene, log) = stage::log();
    let mut shelf = stage::honest();
    *shelf.get_mut("tap-lib").expect("a page").file("1.1-py3-none-any.whl") =
        stage::wheel(&stage::intruders("tap-lib", "1.1"));
    let hostile = Index::start().put("hostile", shelf);
    let project = "[project]\nname = \"job\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"tap-lib==1.1\"]\n";
    scene.write("project/pyproject.toml", project.as_bytes());
    let program = programs.join("uv");
    let mut lock = Command::new(&program);
    lock.args(["lock", "--python", "python3"]);
    let done = uv(&scene, lock, &hostile);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert!(
        scene.read("project/uv.lock").contains(&format!("url = \"{}", hostile.trim_end_matches("simple/")))
    );

    let wheeltap = |args: &[&str]| {
        let mut command = scene.command("wheeltap", args);
        for (name, path) in [("WHEELTAP_TRUST", "trust.toml"), ("WHEELTAP_STATE", "state")] {
            command.env(name, scene.path(path));
        }
        command
    };
    // It does go round: uv fetches what the lock says, and nobody is asked.
    let mut sync = wheeltap(&["run", "--upstream", &hostile, "--cache", "cache", "--"]);
    sync.arg(&program).args(["sync", "--frozen", "--python", "python3"]);
    let done = uv(&scene, sync, &hostile);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("uv.lock") && said.contains("lock-addresses"), "it says so before: {said}");
    assert!(done.status.success(), "{said}");
    let found = Command::new("find").arg(scene.path("project/.venv")).args(["-name", "tap_lib.py"]).output();
    let installed = String::from_utf8(found.expect("find runs").stdout).expect("text");
    let module = std::fs::read_to_string(installed.trim()).expect("it was installed");
    assert!(module.contains("an intruder's"), "{module}");
    // And two commands notice.
    let done = uv(&scene, wheeltap(&["doctor"]), &hostile);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(20), "{said}");
    assert!(said.contains("lock-addresses") && said.contains("uv.lock:"), "{said}");
    let done = uv(&scene, wheeltap(&["verify", "--lock", "uv.lock"]), &hostile);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert_eq!(done.status.code(), Some(11), "{said}");
    assert!(said.contains("other hash"), "{said}");
    drop(log);
}

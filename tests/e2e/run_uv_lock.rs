//! `uv lock` under `wheeltap run`: the lock is the one that uv makes without it, and uv
//! takes it as its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::clients::stage;
use crate::harness::{Ended, Scene, binary};
use crate::hostile::{Index, sha256};
use crate::tools;

const PROJECT: &str = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9,<4\"\n\
                       dependencies = [\"tap-app\"]\n";

/// Runs a command in the project `name`, with uv set to an index.
fn run(scene: &Scene, programs: &Path, name: &str, index: &str, command: &[&str]) -> Ended {
    let mut run = Command::new(command[0]);
    run.args(&command[1..]).current_dir(scene.path(name)).env_clear();
    let path = std::env::join_paths([programs, Path::new("/usr/bin"), Path::new("/bin")]);
    for (variable, value) in [
        ("PATH", path.expect("a path")),
        ("HOME", scene.path("home").into()),
        ("WHEELTAP_TRUST", scene.path("trust.toml").into()),
        ("WHEELTAP_STATE", scene.path("state").into()),
        ("UV_DEFAULT_INDEX", index.into()),
        ("UV_PYTHON_DOWNLOADS", "never".into()),
        ("UV_HTTP_RETRIES", "0".into()),
        ("NO_PROXY", "127.0.0.1".into()),
    ] {
        run.env(variable, value);
    }
    run.output().expect("it runs").into()
}

#[test]
fn a_lock_has_the_addresses_of_the_index() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let (scene, server) = stage::log();
    let indexes = Index::start();
    let index = indexes.put("honest", stage::honest());
    for name in ["direct", "under"] {
        scene.write(&format!("{name}/pyproject.toml"), PROJECT.as_bytes());
    }
    let wheeltap = binary("wheeltap");
    let wheeltap = wheeltap.to_str().expect("UTF-8");
    // With and without a slash at its end, as the user has it.
    for index in [index.as_str(), index.trim_end_matches('/')] {
        let on = |name: &str, command: &[&str]| {
            let ended = run(&scene, &programs, name, index, command);
            assert_eq!(ended.code, Some(0), "{command:?}: {ended:?}");
            ended
        };
        let _ = fs::remove_file(scene.path("direct/uv.lock"));
        let _ = fs::remove_file(scene.path("under/uv.lock"));
        on("direct", &["uv", "lock"]);
        let ended = on("under", &[wheeltap, "run", "--", "uv", "lock"]);
        let said = format!("wheeltap: uv.lock has the addresses of {index}, not of this run\n");
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
        let lock = scene.read("under/uv.lock");
        assert_eq!(lock, scene.read("direct/uv.lock"), "as if it had been made without");
        assert!(lock.contains("tap_lib-1.1-py3-none-any.whl"), "{lock}");
        on("under", &["uv", "lock", "--check"]);
        on("under", &[wheeltap, "verify", "--lock", "uv.lock"]);
        on("under", &["uv", "sync", "--frozen"]);
        // And again, from the lock that is there.
        on("under", &[wheeltap, "run", "--", "uv", "sync"]);
        assert_eq!(scene.read("under/uv.lock"), lock);
        fs::remove_dir_all(scene.path("under/.venv")).expect("it was installed");
        // From elsewhere.
        fs::remove_file(scene.path("under/uv.lock")).expect("a lock");
        let elsewhere = ["--directory=..", "lock", "--project", "under"];
        let ended = on("direct", &[&[wheeltap, "run", "--", "uv"], &elsewhere[..]].concat());
        assert!(ended.stderr.contains("wheeltap: ../under/uv.lock has the addresses"), "{}", ended.stderr);
        assert_eq!(scene.read("under/uv.lock"), lock);
    }
    drop(server);
}

#[test]
fn a_lock_with_a_refused_file_does_not_lead_to_it() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let (scene, server) = stage::log();
    let mut shelf = stage::honest();
    let sdist = shelf.get_mut("tap-lib").expect("a page").file("tap_lib-1.1.tar.gz");
    sdist.bytes.extend_from_slice(b"\0");
    sdist.hashes.insert("sha256", sha256(&sdist.bytes));
    let index = Index::start().put("hostile", shelf);
    scene.write("under/pyproject.toml", PROJECT.as_bytes());
    let wheeltap = binary("wheeltap");
    let command = [wheeltap.to_str().expect("UTF-8"), "run", "--", "uv", "lock"];
    let ended = run(&scene, &programs, "under", &index, &command);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("uv.lock keeps addresses that end with this run"), "{}", ended.stderr);
    assert!(!scene.read("under/uv.lock").contains(&index), "it leads nowhere");
    // A lock that had such addresses before is not touched.
    let before = scene.read("under/uv.lock");
    let command = [command[0], "run", "--", "true"];
    let ended = run(&scene, &programs, "under", &index, &command);
    assert!(!ended.stderr.contains("uv.lock keeps") && scene.read("under/uv.lock") == before);
    drop(server);
}

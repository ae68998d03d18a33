//! `wheeltap run -- tox -r`: a small project with a real OpenStack dependency, whose
//! wheel is recorded in a log, from an index that has the real wheels; then with one of
//! them changed.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex};

use log_client::offline_index::Package;
use log_core::artifact::{FileName, WheelName};
use log_core::hash::digest;
use serde_json::Value;

use crate::harness::{Ended, Scene, Server, missing};
use crate::hostile::{Index, Listed, Page, Shelf, sha256};
use crate::stub;
use crate::tools;

/// What the project needs, and what it is built with.
const NEEDS: [&str; 3] = ["oslo.i18n==6.5.1", "setuptools==80.9.0", "wheel==0.45.1"];

const TOX_INI: &str = "\
[tox]
env_list = t
[testenv]
deps = oslo.i18n==6.5.1
commands = python -c \"import oslo_i18n, small; print('it works', small.ANSWER)\"
";

const PYPROJECT: &str = "\
[build-system]
requires = [\"setuptools==80.9.0\", \"wheel==0.45.1\"]
build-backend = \"setuptools.build_meta\"
[project]
name = \"small\"
version = \"1\"
[tool.setuptools]
py-modules = [\"small\"]
";

/// The wheels of the project's needs, from the real index.
fn download(programs: &Path, to: &Path) -> bool {
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "download", "--quiet", "--only-binary", ":all:", "--dest"]).arg(to).args(NEEDS);
    pip.status().is_ok_and(|status| status.success())
}

fn wheels(directory: &Path) -> Vec<(WheelName, Listed)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let bytes = fs::read(&path).expect("readable");
        let name = path.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        let name = FileName::parse(name).expect("a file name");
        let package = Package { sha256: digest(&[&bytes]), name: name.clone(), bytes, metadata: None };
        all.push((WheelName::parse(&name).expect("a wheel"), Listed::new(package)));
    }
    all
}

fn shelf(wheels: &[(WheelName, Listed)]) -> Shelf {
    let mut shelf: Shelf = BTreeMap::new();
    for (name, listed) in wheels {
        let page = shelf.entry(name.project.to_string()).or_insert_with(|| Page::new(Vec::new()));
        page.files.push(listed.clone());
    }
    shelf
}

/// A log that has the wheel of `oslo.i18n`, and the policy that covers `oslo-*`.
fn log(wheel: &Path) -> (Scene, Server) {
    let scene = Scene::empty();
    for name in ["root", "team"] {
        scene.ok("wheeltap", &["keygen", &format!("{name}.example"), &format!("{name}.key")]);
    }
    let init = ["init", "--dir", "log", "--origin", "log.example", "--root", "root.key.pub"];
    let log_key = scene.ok("wheeltap-log", &init);
    scene.write("log.pub", log_key.as_bytes());
    let keys = ["--log-key", "log.pub", "--root", "root.key.pub", "--publisher", "team.key.pub", "oslo-*"];
    scene.ok("wheeltap", &[&["policy", "init"], &keys[..], &["--out", "policy.json"]].concat());
    scene.ok("wheeltap", &["policy", "sign", "--key", "root.key", "policy.json"]);
    let server = scene.serve("log");
    scene.trust(&server.url);
    scene.ok("wheeltap", &["policy", "submit", "policy.json"]);
    let release = ["append", "--key", "team.key", "--project", "oslo.i18n", "--version", "6.5.1"];
    scene.ok("wheeltap", &[&release[..], &[wheel.to_str().expect("UTF-8")]].concat());
    (scene, server)
}

/// `wheeltap run -- tox -r` for the project, with this index; its output, and the report.
fn tox(scene: &Scene, programs: &Path, upstream: &str) -> (Output, Value) {
    fs::create_dir_all(scene.path("project")).expect("a directory");
    for (name, text) in [("tox.ini", TOX_INI), ("pyproject.toml", PYPROJECT), ("small.py", "ANSWER = 42\n")] {
        scene.write(&format!("project/{name}"), text.as_bytes());
    }
    let report = scene.path("report.json");
    let tox = programs.join("tox");
    let mut command = scene.command("wheeltap", &["run", "--upstream", upstream, "--cache", "cache"]);
    command.arg("--report").arg(&report).arg("--").arg(tox).args(["run", "-r"]);
    command.current_dir(scene.path("project"));
    for (name, path) in [("WHEELTAP_TRUST", "trust.toml"), ("WHEELTAP_STATE", "state")] {
        command.env(name, scene.path(path));
    }
    // What this machine has set for its own pip is set aside, which is the point.
    command.env("HOME", scene.path("home")).env("PIP_FIND_LINKS", "/nowhere").env("PIP_RETRIES", "0");
    let output = command.output().expect("it runs");
    let report = serde_json::from_slice(&fs::read(report).expect("a report")).expect("JSON");
    (output, report)
}

#[test]
fn tox_works_unchanged_and_is_refused_what_was_changed() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let directory = tempfile::tempdir().expect("a directory");
    let there = download(&programs, directory.path());
    if missing("a package index with oslo.i18n", there) {
        return;
    }
    let mut wheels = wheels(directory.path());
    let index = Index::start();
    let honest = index.put("honest", shelf(&wheels));
    let oslo = |wheels: &mut Vec<(WheelName, Listed)>| {
        let (_, listed) =
            wheels.iter_mut().find(|(name, _)| name.project.as_str() == "oslo-i18n").expect("its wheel");
        listed.clone()
    };
    let official = oslo(&mut wheels);
    let (scene, server) = log(&directory.path().join(&official.name));

    let (output, report) = tox(&scene, &programs, &honest);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("it works 42"), "{said}");
    assert!(said.contains("set aside for this command: PIP_FIND_LINKS"), "{said}");
    assert!(said.contains("wheeltap: 1 file verified"), "{said}");
    let named = |list: &Value| -> Vec<String> {
        let files = list.as_array().expect("a list").iter();
        files.map(|file| file["file"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(report["schema"], 1);
    assert_eq!(report["exit_code"], 0);
    assert_eq!(named(&report["summary"]["verified"]), [official.name.as_str()]);
    let uncovered = named(&report["summary"]["uncovered"]);
    for builder in ["setuptools-80.9.0-py3-none-any.whl", "wheel-0.45.1-py3-none-any.whl"] {
        assert!(uncovered.iter().any(|file| file == builder), "built in isolation, with {uncovered:?}");
    }

    // Somebody changes the file at the index, and the page with it.
    let mut changed = official.clone();
    changed.bytes.extend_from_slice(b"\0");
    changed.hashes.insert("sha256", sha256(&changed.bytes));
    for (_, listed) in wheels.iter_mut().filter(|(_, listed)| listed.name == official.name) {
        *listed = changed.clone();
    }
    let hostile = index.put("hostile", shelf(&wheels));
    let (output, report) = tox(&scene, &programs, &hostile);
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "tox's own code: {said}");
    assert!(said.contains("Wheeltap: other hash"), "pip shows why: {said}");
    assert!(said.contains(&format!("wheeltap: refused {}", official.name)), "{said}");
    assert!(named(&report["summary"]["verified"]).is_empty());
    assert_eq!(report["summary"]["held_back"][0]["verdict"], "other-hash");
    drop(server);
}

#[test]
fn the_exit_code_is_the_commands() {
    let (scene, server) = Scene::with_server();
    let run = |command: &[&str]| {
        let mut args = vec!["run", "--upstream", "http://127.0.0.1:9/simple/", "--cache", "cache", "--"];
        args.extend(command);
        scene.run("wheeltap", &args)
    };
    assert_eq!(run(&["sh", "-c", "exit 7"]).code, Some(7));
    assert_eq!(run(&["sh", "-c", "kill -9 $$"]).code, Some(137));
    let ended = run(&["sh", "-c", "echo $PIP_INDEX_URL $UV_DEFAULT_INDEX"]);
    assert_eq!(ended.code, Some(0));
    let words: Vec<&str> = ended.stdout.split_whitespace().collect();
    assert!(
        words.len() == 2 && words[0] == words[1] && words[0].starts_with("http://127.0.0.1:"),
        "{words:?}"
    );
    let ended = run(&["no-such-program"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    drop(server);
}

/// A bit for each signal that this process ignores, as far as Linux says.
fn ignored_signals() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

#[test]
fn signals_reach_the_command() {
    let (scene, server) = Scene::with_server();
    // A shell cannot trap what was ignored when it began, as `nohup` and `&` leave some.
    let ignored = ignored_signals();
    let signals = [("TERM", 15, 3), ("INT", 2, 4), ("HUP", 1, 5)];
    for (signal, code) in signals
        .iter()
        .filter(|(_, number, _)| ignored >> (number - 1) & 1 == 0)
        .map(|(name, _, code)| (name, *code))
    {
        let script = "trap 'exit 3' TERM; trap 'exit 4' INT; trap 'exit 5' HUP; touch ready; \
                      while :; do sleep 0.05; done";
        let args = ["run", "--upstream", "http://127.0.0.1:9/simple/", "--cache", "cache", "--", "sh", "-c"];
        let mut command = scene.command("wheeltap", &args);
        let _ = fs::remove_file(scene.path("ready"));
        // In no terminal's foreground, as in a CI job.
        let mut child = command.arg(script).process_group(0).spawn().expect("it starts");
        while !scene.path("ready").exists() {
            assert_eq!(child.try_wait().expect("a child"), None);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let killed = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
        assert!(killed.expect("kill runs").success());
        assert_eq!(child.wait().expect("ended").code(), Some(code), "{signal}");
    }
    drop(server);
}

/// Locks whose addresses are to be led back to an index that does not answer, or says no.
#[test]
fn what_comes_after_the_command_has_an_end() {
    let (scene, server) = Scene::with_server();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&asked);
    let index = stub::serve(move |_, path, _| {
        noted.lock().expect("not poisoned").push(path.to_owned());
        if path.contains("gone") {
            return (404, Vec::new());
        }
        loop {
            std::thread::park();
        }
    });
    scene.write("packages/member/pyproject.toml", b"");
    let script = "for name; do printf '[[package]]\nurl = \"%sfiles/%s\"\n' \"${UV_DEFAULT_INDEX%simple/}\" $name; done \
                  > packages/uv.lock";
    let upstream = format!("{index}simple/");
    let run = |files: &[&str], signal: Option<&str>| {
        asked.lock().expect("not poisoned").clear();
        let args = ["run", "--upstream", &upstream, "--cache", "cache", "--", "sh", "-c", script, "sh"];
        let mut command = scene.command("wheeltap", &[&args, files].concat());
        command.env("UV_PROJECT", "packages/member").stderr(Stdio::piped());
        let mut child = command.process_group(0).spawn().expect("it starts");
        while asked.lock().expect("not poisoned").is_empty() {
            assert_eq!(child.try_wait().expect("a child"), None);
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        if let Some(signal) = signal {
            let killed = Command::new("kill").args([signal, &child.id().to_string()]).status();
            assert!(killed.expect("kill runs").success());
        }
        let ended: Ended = child.wait_with_output().expect("ended").into();
        assert_eq!(ended.code, Some(0), "the command's: {ended:?}");
        assert!(scene.read("packages/uv.lock").contains("http://127.0.0.1:"));
        let said = ended.stderr.split_once("packages/uv.lock keeps addresses that end with this run: ");
        let (_, why) = said.unwrap_or_else(|| panic!("{}", ended.stderr));
        fs::remove_file(scene.path("packages/uv.lock")).expect("it was made");
        why.lines().next().expect("why").to_owned()
    };
    let waits = ["nova/nova-1.0.tar.gz"];
    for signal in ["-TERM", "-INT"] {
        assert_eq!(run(&waits, Some(signal)), "a signal has ended this");
    }
    assert_eq!(run(&waits, None), "the index takes long to answer");
    let gone = ["a-gone/a_gone-1.tar.gz", "b-gone/b_gone-1.tar.gz"];
    assert_eq!(run(&gone, None), "not all of its files are served from the index");
    let asked = asked.lock().expect("not poisoned");
    assert!(asked.iter().all(|path| path.contains("a-gone")), "the first says it: {asked:?}");
    drop(server);
}

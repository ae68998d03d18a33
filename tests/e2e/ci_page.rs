//! The commands in `docs/ci.md`, each run as it is written there, in a project that has what
//! they name.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::clients::stage;
use crate::harness::{Ended, binary};
use crate::hostile::Index;
use crate::tools;

/// The commands of the page, in their order, each once.
fn commands() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let page = fs::read_to_string(page).expect("the page");
    // Every second part is in a code block.
    let code = page.split("```").skip(1).step_by(2);
    let mut commands: Vec<String> = Vec::new();
    for line in code.flat_map(str::lines).map(str::trim) {
        let command = ["- run: ", "command: ", "- "].iter().find_map(|start| line.strip_prefix(start));
        let command = command.unwrap_or(line);
        if command.starts_with("wheeltap ") && !commands.iter().any(|known| known == command) {
            commands.push(command.to_owned());
        }
    }
    commands
}

#[test]
fn the_commands_of_the_page_work() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let commands = commands();
    assert!(commands.len() >= 4, "{commands:?}");
    let (scene, server) = stage::log();
    let index = Index::start().put("honest", stage::honest());
    scene.write("home/.config/pip/pip.conf", format!("[global]\nindex-url = {index}\n").as_bytes());
    scene.write("project/requirements.txt", b"tap-app==1.0\n");
    let tox = "[tox]\nno_package = true\nenv_list = t\n[testenv]\ndeps = -rrequirements.txt\ncommands =\n";
    scene.write("project/tox.ini", tox.as_bytes());
    let project = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9\"\ndependencies = [\"tap-app\"]\n";
    scene.write("project/pyproject.toml", project.as_bytes());
    fs::copy(scene.path("trust.toml"), scene.path("project/trust.toml")).expect("copied");
    let venv = scene.path("venv");
    let made = Command::new(programs.join("python")).args(["-m", "venv"]).arg(&venv).status();
    assert!(made.expect("Python runs").success());

    let shell = |command: &str| {
        let bins = binary("wheeltap").parent().expect("a directory").to_owned();
        let path = [venv.join("bin"), bins, programs.clone(), "/usr/bin".into(), "/bin".into()];
        let mut shell = Command::new("sh");
        shell.args(["-ec", command]).current_dir(scene.path("project")).env_clear().stdin(Stdio::null());
        shell.env("PATH", std::env::join_paths(path).expect("a path")).env("HOME", scene.path("home"));
        shell.env("WHEELTAP_TRUST", "trust.toml").env("UV_PYTHON_DOWNLOADS", "never");
        Ended::from(shell.output().expect("it runs"))
    };
    let locked = shell(&format!("uv lock --default-index {index}"));
    assert_eq!(locked.code, Some(0), "{locked:?}");
    for command in commands {
        let ended = shell(&command);
        assert_eq!(ended.code, Some(0), "{command}: {ended:?}");
        if command.contains("--report wheeltap.json") {
            let report = fs::read_to_string(scene.path("project/wheeltap.json")).expect("a report");
            assert!(report.contains("tap_lib-1.1-py3-none-any.whl"), "{command}: {report}");
            // The next one installs it again.
            let _ = shell("python -m pip uninstall --quiet --yes tap-app tap-lib");
        }
    }
    drop(server);
}

//! `docs/ci.md`: each of its blocks does what it says, in a project that has what they name.
//!
//! The shell commands are one script; the jobs of GitHub Actions and GitLab CI are parsed, and
//! their commands run with their variables; Zuul's playbook is run by Ansible.
//!
//! Left out: the services themselves, and the actions of others that a job uses.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::clients::stage;
use crate::harness::{Ended, Scene, binary};
use crate::hostile::Index;
use crate::tools;

/// Variables of a job, and its commands.
#[derive(Debug)]
struct Job {
    variables: BTreeMap<String, String>,
    commands: Vec<String>,
}

/// A project, and what a job finds on its machine.
struct Machine<'a> {
    scene: &'a Scene,
    path: Vec<PathBuf>,
}

/// The blocks of the page in this language, in their order.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let blocks = page.split("```").skip(1).step_by(2);
    let own = blocks.filter_map(|block| block.split_once('\n')).filter(|(first, _)| *first == language);
    own.map(|(_, body)| body.to_owned()).collect()
}

/// YAML, as it is parsed by the library that Ansible has.
fn parsed(programs: &Path, yaml: &str) -> Value {
    let program = "import json, sys, yaml; json.dump(yaml.safe_load(sys.argv[1]), sys.stdout)";
    let output = Command::new(programs.join("python")).args(["-c", program, yaml]).output();
    let output = output.expect("Python runs");
    assert!(output.status.success(), "{yaml}{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// A job from where its service has variables and commands.
fn job(variables: &Value, commands: Vec<&Value>) -> Job {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let variables = variables.as_object().expect("variables");
    Job {
        variables: variables.iter().map(|(name, value)| (name.clone(), text(value))).collect(),
        commands: commands.into_iter().map(text).collect(),
    }
}

impl Machine<'_> {
    /// Runs a command in the project; what its output was.
    fn run(&self, program: &str, args: &[&str], variables: &BTreeMap<String, String>) {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.scene.path("project")).env_clear().stdin(Stdio::null());
        command.env("PATH", std::env::join_paths(&self.path).expect("a path"));
        command.env("HOME", self.scene.path("home")).env("LANG", "C.UTF-8");
        command.env("UV_PYTHON_DOWNLOADS", "never").envs(variables);
        let ended = Ended::from(command.output().expect("it runs"));
        assert_eq!(ended.code, Some(0), "{program} {args:?}: {ended:?}");
    }

    /// What the last `wheeltap run` has reported; it is taken away, and so is what was
    /// installed.
    fn check_report(&self, of: &str) {
        let path = self.scene.path("project/wheeltap.json");
        let report = fs::read_to_string(&path).expect("a report");
        assert!(report.contains("tap_lib-1.1-py3-none-any.whl"), "{of}: {report}");
        fs::remove_file(path).expect("removed");
        let pip = ["-m", "pip", "uninstall", "--quiet", "--yes", "tap-app", "tap-lib"];
        let _ = Command::new(self.scene.path("venv/bin/python")).args(pip).output();
    }
}

#[test]
fn the_jobs_of_the_page_work() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let Some(ci) = tools::install(tools::CI) else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md");
    let page = fs::read_to_string(page).expect("the page");
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
    let bins = binary("wheeltap").parent().expect("a directory").to_owned();
    let path = vec![venv.join("bin"), bins, programs, ci.clone(), "/usr/bin".into(), "/bin".into()];
    let machine = Machine { scene: &scene, path };
    machine.run("uv", &["lock", "--default-index", &index], &BTreeMap::new());

    let shell = blocks(&page, "sh").concat();
    assert!(shell.contains("wheeltap run ") && shell.contains("wheeltap verify --lock "), "{shell}");
    machine.run("sh", &["-ec", &shell], &BTreeMap::new());
    machine.check_report("the shell commands");

    let [github, gitlab, zuul] = <[String; 3]>::try_from(blocks(&page, "yaml")).expect("three services");
    let github = &parsed(&ci, &github)["jobs"]["test"];
    let steps = github["steps"].as_array().expect("steps");
    let github = job(&github["env"], steps.iter().filter_map(|step| step.get("run")).collect());
    let gitlab = &parsed(&ci, &gitlab)["test"];
    let gitlab = job(&gitlab["variables"], gitlab["script"].as_array().expect("a script").iter().collect());
    for job in [github, gitlab] {
        assert!(job.commands.iter().any(|command| command.starts_with("wheeltap run ")), "{job:?}");
        machine.run("sh", &["-ec", &job.commands.join("\n")], &job.variables);
        machine.check_report(&job.commands.join("\n"));
    }

    let playbook = scene.write("playbook.yaml", zuul.as_bytes());
    let playbook = scene.path(&playbook);
    let source = json!({"zuul": {"project": {"src_dir": scene.path("project")}}}).to_string();
    let hosts = ["--inventory", "localhost,", "--connection", "local", "--extra-vars", &source];
    let playbook = playbook.to_str().expect("UTF-8");
    machine.run("ansible-playbook", &[&hosts[..], &[playbook]].concat(), &BTreeMap::new());
    machine.check_report("the playbook");
    drop(server);
}

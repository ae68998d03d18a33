//! `wheeltap run` with every installer, and with configuration files that name another
//! index, which has a newer version of everything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::clients::stage::{self, intruders, wheel};
use crate::harness::{Ended, Scene};
use crate::hostile::{Index, Page, Shelf, sha256};
use crate::tools;

/// Files by their names.
type Files = &'static [(&'static str, &'static str)];

/// A tool, what is run in the shell, and the files of a project that it is run in. What is
/// installed goes to `site`, or to the virtual environment `venv`.
const TOOLS: [(&str, &str, Files); 6] = [
    ("pip", "python -m pip install --target site tap-app", &[]),
    ("uv", "uv pip install --python $(command -v python) --target site tap-app", &[]),
    (
        "pip-tools",
        "pip-compile --quiet --generate-hashes --no-emit-index-url --output-file pins.txt need.in \
         && python -m pip install --target site --require-hashes -r pins.txt",
        &[("need.in", "tap-app\n")],
    ),
    (
        "poetry",
        "poetry install --no-interaction",
        &[("pyproject.toml", "PROJECT[tool.poetry]\npackage-mode = false\n")],
    ),
    ("pdm", "pdm install --no-self", &[("pyproject.toml", "PROJECT[tool.pdm]\ndistribution = false\n")]),
    (
        "tox",
        "tox run -r",
        &[(
            "tox.ini",
            "[tox]\nno_package = true\nenv_list = t\n[testenv]\ndeps = tap-app\ncommands = pip freeze\n",
        )],
    ),
];

const PROJECT: &str = "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9,<4\"\n\
                       dependencies = [\"tap-app\"]\n";

/// A machine on which everything is configured to ask two indexes.
struct Machine<'a> {
    scene: &'a Scene,
    programs: &'a Path,
    /// The one that is stood in front of.
    index: &'a str,
    other: &'a str,
}

impl Machine<'_> {
    /// Runs a tool under `wheeltap run` in a new project; gives what came of it, and the
    /// project.
    fn run(&self, tool: &str, command: &str, files: Files) -> (Ended, Value, PathBuf) {
        let project = format!("{tool}-project");
        let _ = fs::remove_dir_all(self.scene.path(&project));
        let home = format!("{tool}-home");
        let Self { index, other, .. } = self;
        let _ = fs::remove_dir_all(self.scene.path(&home));
        for (name, text) in files {
            self.scene.write(&format!("{project}/{name}"), text.replace("PROJECT", PROJECT).as_bytes());
        }
        fs::create_dir_all(self.scene.path(&project)).expect("a directory");
        let pip = format!(
            "[global]\nindex-url = {index}\nextra-index-url =\n    {other}\n[install]\nfind-links = {other}tap-lib/\n"
        );
        self.scene.write(&format!("{home}/.config/pip/pip.conf"), pip.as_bytes());
        let uv = format!("[[index]]\nurl = \"{other}\"\n[[index]]\nurl = \"{index}\"\ndefault = true\n");
        self.scene.write(&format!("{home}/.config/uv/uv.toml"), uv.as_bytes());

        let venv = self.scene.path(&project).join("venv");
        let shell = format!("set -e; python -m venv --without-pip venv; {command}");
        let mut run =
            self.scene.command("wheeltap", &["run", "--report", "report.json", "--", "sh", "-c", &shell]);
        run.env_clear().current_dir(self.scene.path(&project));
        let path = std::env::join_paths([self.programs, Path::new("/usr/bin"), Path::new("/bin")]);
        for (name, value) in [
            ("PATH", path.expect("a path")),
            ("HOME", self.scene.path(&home).into()),
            ("VIRTUAL_ENV", venv.into()),
            ("WHEELTAP_TRUST", self.scene.path("trust.toml").into()),
            ("WHEELTAP_STATE", self.scene.path("state").into()),
            ("COLUMNS", "2000".into()),
            ("PIP_RETRIES", "0".into()),
            ("UV_HTTP_RETRIES", "0".into()),
            ("UV_PYTHON_DOWNLOADS", "never".into()),
            ("POETRY_REQUESTS_MAX_RETRIES", "0".into()),
            ("PDM_CHECK_UPDATE", "false".into()),
        ] {
            run.env(name, value);
        }
        let output: Output = run.output().expect("it runs");
        let report = fs::read(self.scene.path(&project).join("report.json")).expect("a report");
        (output.into(), serde_json::from_slice(&report).expect("JSON"), self.scene.path(&project))
    }
}

/// All files of a project that a text is in.
fn files_with(directory: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let text = || fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        if path.is_file() && text().is_ok_and(|text| text.contains(needle)) {
            found.push(path);
        }
    }
    found
}

/// The versions of `tap-lib` that are anywhere below a directory.
fn versions(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for path in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry").path())
        {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if let Some(version) =
                name.strip_prefix("tap_lib-").and_then(|rest| rest.strip_suffix(".dist-info"))
            {
                found.push(version.to_owned());
            } else if path.is_dir() && !path.is_symlink() {
                left.push(path);
            }
        }
    }
    found
}

#[test]
fn every_installer_gets_what_is_logged_and_nothing_beside_it() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let (scene, server) = stage::log();
    let indexes = Index::start();
    let index = indexes.put("honest", stage::honest());
    let newer: Shelf = ["tap-lib", "tap-app"]
        .iter()
        .map(|name| ((*name).to_owned(), Page::new(vec![wheel(&intruders(name, "9.9"))])))
        .collect::<BTreeMap<_, _>>();
    let other = indexes.put("other", newer);
    let machine = Machine { scene: &scene, programs: &programs, index: &index, other: &other };
    for (tool, command, files) in TOOLS {
        let (ended, report, project) = machine.run(tool, command, files);
        assert_eq!(ended.code, Some(0), "{tool}: {ended:?}");
        assert_eq!(versions(&project), ["1.1"], "{tool}: {ended:?}");
        let verified = report["summary"]["verified"].to_string();
        assert!(verified.contains("tap_lib-1.1-py3-none-any.whl"), "{tool}: {report}");
        assert!(ended.stderr.contains("pip.conf:3: extra-index-url"), "{tool}: {}", ended.stderr);
        // And nothing else.
        let counts = ended.stderr.lines().find(|line| line.contains("verified")).unwrap_or_default();
        assert!(counts.ends_with("verified"), "{tool}: {}", ended.stderr);
        // The proxy is gone, and nothing in the project remembers it.
        let remembers = files_with(&project, "http://127.0.0.1");
        assert!(remembers.is_empty(), "{tool}: {remembers:?}");
    }
    let runs = fs::read_dir(scene.path("pip-home/.cache/wheeltap/run")).expect("a directory");
    let names = runs.map(|entry| entry.expect("an entry").file_name());
    assert_eq!(names.collect::<Vec<_>>(), ["lock"], "the run's directory is gone");
    drop(server);
}

#[test]
fn no_installer_gets_what_was_changed() {
    let Some(programs) = tools::install(tools::CLIENTS) else { return };
    let (scene, server) = stage::log();
    let indexes = Index::start();
    let mut shelf = stage::honest();
    let page = shelf.get_mut("tap-lib").expect("a page");
    let changed = page.file("tap_lib-1.1-py3-none-any.whl");
    changed.bytes.extend_from_slice(b"\0");
    changed.hashes.insert("sha256", sha256(&changed.bytes));
    let index = indexes.put("hostile", shelf);
    let machine = Machine { scene: &scene, programs: &programs, index: &index, other: &index };
    for (tool, command, files) in TOOLS {
        let (ended, report, project) = machine.run(tool, command, files);
        assert!(ended.code.is_some_and(|code| code != 0), "{tool}: {ended:?}");
        assert!(versions(&project).is_empty(), "{tool}: {ended:?}");
        let said = format!("{}{}", ended.stdout, ended.stderr);
        assert!(
            said.contains("wheeltap: refused tap_lib-1.1-py3-none-any.whl: other hash"),
            "{tool}: {said}"
        );
        assert!(said.contains("Wheeltap: other hash"), "{tool} itself says why: {said}");
        assert_eq!(report["summary"]["held_back"][0]["verdict"], "other-hash", "{tool}");
    }
    drop(server);
}

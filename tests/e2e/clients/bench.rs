//! How each installer is asked: its command line, its variables and its project.
//!
//! Invariant: what an installer does depends on its arguments alone. It has an empty home
//! and no cache but the one it is given, sees no variable and no configuration of this
//! machine, and does not try again what failed.
//!
//! What can be set by variables or in a project is set there, where `wheeltap doctor` looks.

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::installers::{Asked, Client};
use crate::harness::{Ended, Scene};

/// Where the programs are, and a directory to work in.
pub(super) struct Bench<'a> {
    client: Client,
    programs: &'a Path,
    asked: Asked<'a>,
    directory: TempDir,
}

impl<'a> Bench<'a> {
    pub(super) fn new(client: Client, programs: &'a Path, asked: Asked<'a>) -> Self {
        Self { client, programs, asked, directory: tempfile::tempdir().expect("a directory") }
    }

    pub(super) fn pip(&self, requirements: &str, more: &[&str]) -> (PathBuf, String) {
        let requirements = self.write("requirements.txt", requirements);
        let site = self.path("site");
        let mut pip = self.command("python");
        pip.args(["-m", "pip", "install", "--no-compile", "--target"]).arg(&site);
        (site, said(pip.args(more).arg("--requirement").arg(requirements)))
    }

    /// From a `pylock.toml`.
    pub(super) fn locked_pip(&self, index: &str) -> (PathBuf, String) {
        let locked = self.pylock(index);
        let site = self.path("site");
        let mut pip = self.command("python");
        pip.args(["-m", "pip", "install", "--no-compile", "--target"]).arg(&site);
        (site, locked + &said(pip.args(["--requirement", "pylock.toml"])))
    }

    pub(super) fn uv(&self) -> (PathBuf, String) {
        let requirements = self.write("requirements.txt", self.asked.requirements);
        let site = self.path("site");
        let mut uv = self.command("uv");
        uv.args(["pip", "install", "--python"]).arg(self.programs.join("python"));
        (site.clone(), said(uv.arg("--target").arg(site).arg("--requirement").arg(requirements)))
    }

    /// From a `uv.lock`.
    pub(super) fn locked_uv(&self, index: &str) -> (PathBuf, String) {
        self.project("");
        let mut lock = self.command("uv");
        lock.args(["lock", "--python"]).arg(self.programs.join("python")).env("UV_DEFAULT_INDEX", index);
        let locked = self.lock("uv.lock", &mut lock);
        let mut uv = self.command("uv");
        let synced = said(uv.args(["sync", "--frozen", "--python"]).arg(self.programs.join("python")));
        (site_packages(&self.path(".venv")), locked + &synced)
    }

    pub(super) fn poetry(&self) -> (PathBuf, String) {
        let (site, venv) = self.venv();
        let mut tables = "[tool.poetry]\npackage-mode = false\n".to_owned();
        // `wheeltap run` stands in for PyPI.
        if self.asked.run.is_none() {
            write!(tables, "[[tool.poetry.source]]\nname = \"index\"\nurl = \"{}\"\n", self.asked.index)
                .expect("a string");
        }
        if let Some(index) = self.asked.further_index {
            let source = "[[tool.poetry.source]]\nname = \"further\"\npriority = \"supplemental\"";
            writeln!(tables, "{source}\nurl = \"{index}\"").expect("a string");
        }
        self.project(&tables);
        let poetry = |command| {
            let mut poetry = self.command("poetry");
            poetry.args([command, "--no-interaction"]).env("VIRTUAL_ENV", &venv);
            if self.asked.cache.is_none() {
                poetry.arg("--no-cache");
            }
            poetry
        };
        let locked = self.asked.locked_at.map(|_| self.lock("poetry.lock", &mut poetry("lock")));
        (site, locked.unwrap_or_default() + &said(&mut poetry("install")))
    }

    pub(super) fn pdm(&self) -> (PathBuf, String) {
        let (site, venv) = self.venv();
        self.project("[tool.pdm]\ndistribution = false\n");
        let mut pdm = self.command("pdm");
        (site, said(pdm.args(["install", "--no-self"]).env("VIRTUAL_ENV", venv)))
    }

    pub(super) fn tox(&self) -> (PathBuf, String) {
        let requirements = self.asked.requirements;
        // tox takes digests from a file only.
        if requirements.contains("--hash") {
            self.write("requirements.txt", requirements);
            return self.tox_with("deps = -r requirements.txt\n");
        }
        let deps = requirements.lines().fold(String::new(), |deps, line| deps + "    " + line + "\n");
        self.tox_with(&format!("deps =\n{deps}"))
    }

    /// From a `pylock.toml`.
    pub(super) fn locked_tox(&self, index: &str) -> (PathBuf, String) {
        let locked = self.pylock(index);
        let (site, installed) = self.tox_with("pylock = pylock.toml\n");
        (site, locked + &installed)
    }

    fn tox_with(&self, settings: &str) -> (PathBuf, String) {
        let core = "[tox]\nno_package = true\nenv_list = t\n";
        self.write("tox.ini", &format!("{core}[testenv]\ncommands =\n{settings}"));
        let said = said(self.command("tox").args(["run", "-r"]));
        (site_packages(&self.path(".tox/t")), said)
    }

    pub(super) fn pip_tools(&self) -> (PathBuf, String) {
        let wanted = self.write("requirements.in", self.asked.requirements);
        let pinned = self.path("pinned.txt");
        let mut compile = self.command("pip-compile");
        compile.args(["--generate-hashes", "--no-header", "--no-emit-index-url"]);
        let compiled = said(compile.arg("--output-file").arg(&pinned).arg(wanted));
        let Ok(requirements) = fs::read_to_string(pinned) else { return (self.path("site"), compiled) };
        let (site, installed) = self.pip(&requirements, &["--require-hashes"]);
        (site, compiled + &installed)
    }

    /// What `wheeltap doctor` finds here, beside trust file and log: identities.
    pub(super) fn doctor(&self, scene: &Scene) -> Vec<String> {
        let mut doctor = self.wheeltap(scene, &["doctor", "--format", "json", "--proxy", self.asked.index]);
        let ended = Ended::from(doctor.output().expect("it runs"));
        let report: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|_| panic!("{ended:?}"));
        let findings = report["findings"].as_array().expect("a list").iter();
        let mut ids: Vec<String> =
            findings.map(|finding| finding["id"].as_str().expect("an identity").to_owned()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// `pylock.toml`, of what is asked for.
    fn pylock(&self, index: &str) -> String {
        let requirements = self.write("requirements.txt", self.asked.requirements);
        let mut lock = self.command("python");
        lock.args(["-m", "pip", "lock", "--requirement"]).arg(requirements).env("PIP_INDEX_URL", index);
        self.lock("pylock.toml", &mut lock)
    }

    /// Makes a lock, or takes the one that was made before, which is kept with the cache.
    fn lock(&self, name: &str, lock: &mut Command) -> String {
        let kept = self.asked.cache.map(|cache| cache.join(name));
        if let Some(kept) = kept.as_ref().filter(|kept| kept.exists()) {
            fs::copy(kept, self.path(name)).expect("copied");
            return String::new();
        }
        let said = said(lock);
        if let Some(kept) = kept {
            fs::copy(self.path(name), kept).unwrap_or_else(|_| panic!("no {name}: {said}"));
        }
        said
    }

    /// A virtual environment with nothing in it: where packages go, and where it is. Made
    /// like the one of the programs, by hand, since that takes no time.
    fn venv(&self) -> (PathBuf, PathBuf) {
        let (venv, model) = (self.path("venv"), self.programs.parent().expect("a directory"));
        let site = venv.join(site_packages(model).strip_prefix(model).expect("below it"));
        fs::create_dir_all(&site).expect("a directory");
        fs::copy(model.join("pyvenv.cfg"), venv.join("pyvenv.cfg")).expect("copied");
        let python = fs::canonicalize(self.programs.join("python")).expect("Python");
        fs::create_dir(venv.join("bin")).expect("a directory");
        std::os::unix::fs::symlink(python, venv.join("bin/python")).expect("a link");
        (site, venv)
    }

    /// `pyproject.toml` of something that needs what is asked for.
    fn project(&self, tables: &str) {
        let mut dependencies = String::new();
        for line in self.asked.requirements.lines() {
            write!(dependencies, "\"{line}\", ").expect("a string");
        }
        let project = format!(
            "[project]\nname = \"app\"\nversion = \"1\"\nrequires-python = \">=3.9,<4\"\n\
             dependencies = [{dependencies}]\n{tables}"
        );
        self.write("pyproject.toml", &project);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, text).expect("written");
        path
    }

    /// A command, under `wheeltap run` where that is asked for.
    fn command(&self, program: &str) -> Command {
        let Some(scene) = self.asked.run else {
            return self.in_directory(Command::new(self.programs.join(program)));
        };
        let run = ["run", "--upstream", self.asked.index, "--cache", "wheeltap-cache", "--"];
        let mut command = self.wheeltap(scene, &run);
        command.arg(program);
        command
    }

    fn wheeltap(&self, scene: &Scene, args: &[&str]) -> Command {
        let mut command = self.in_directory(scene.command("wheeltap", args));
        command.env("WHEELTAP_TRUST", scene.path("trust.toml")).env("WHEELTAP_STATE", self.path("state"));
        command
    }

    fn in_directory(&self, mut command: Command) -> Command {
        command.current_dir(self.directory.path()).env_clear().envs(self.variables()).stdin(Stdio::null());
        command
    }

    fn variables(&self) -> Vec<(String, OsString)> {
        let Asked { index, further_index, find_links, cache, .. } = self.asked;
        // Shared, as on a machine that has used tox before.
        let app_data = self.programs.with_file_name("virtualenv");
        let path = [self.programs, Path::new("/usr/bin"), Path::new("/bin")];
        let mut variables: Vec<(&str, OsString)> = vec![
            ("PATH", std::env::join_paths(path).expect("a path")),
            ("HOME", self.directory.path().into()),
            ("LANG", "C.UTF-8".into()),
            // Wide, so that nothing is wrapped.
            ("COLUMNS", "2000".into()),
            ("NO_COLOR", "1".into()),
            ("PIP_CONFIG_FILE", "/dev/null".into()),
            ("PIP_DISABLE_PIP_VERSION_CHECK", "1".into()),
            ("PIP_NO_COMPILE", "1".into()),
            ("PIP_NO_INPUT", "1".into()),
            ("PIP_RETRIES", "0".into()),
            ("UV_HTTP_RETRIES", "0".into()),
            ("UV_NO_CONFIG", "1".into()),
            ("UV_PYTHON_DOWNLOADS", "never".into()),
            ("POETRY_REQUESTS_MAX_RETRIES", "0".into()),
            ("PDM_CHECK_UPDATE", "false".into()),
            ("VIRTUALENV_OVERRIDE_APP_DATA", app_data.into()),
            ("VIRTUALENV_SYMLINK_APP_DATA", "1".into()),
            ("VIRTUALENV_NO_SETUPTOOLS", "1".into()),
            ("PIP_INDEX_URL", index.into()),
            ("UV_DEFAULT_INDEX", index.into()),
            ("PDM_PYPI_URL", index.into()),
        ];
        // pip's variables are also those of tox.
        let [further, links] = match self.client {
            Client::Uv => ["UV_INDEX", "UV_FIND_LINKS"],
            _ => ["PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS"],
        };
        variables.extend(find_links.map(|directory| (links, directory.into())));
        // poetry's is in the project.
        variables
            .extend(further_index.filter(|_| self.client != Client::Poetry).map(|url| (further, url.into())));
        match cache {
            None => variables.extend([("PIP_NO_CACHE_DIR", "1".into()), ("UV_NO_CACHE", "1".into())]),
            Some(cache) => {
                let below = |name: &str| cache.join(name).into_os_string();
                let own = [("PIP_CACHE_DIR", "pip"), ("UV_CACHE_DIR", "uv"), ("POETRY_CACHE_DIR", "poetry")];
                variables.extend(own.map(|(variable, name)| (variable, below(name))));
            }
        }
        variables.extend(self.asked.variables.iter().map(|(name, value)| (*name, value.into())));
        variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The text without the names of directories, which are others each time.
    pub(super) fn without_paths(&self, text: &str) -> String {
        let own = self.directory.path().to_str().expect("UTF-8");
        text.replace(own, "").replace(self.programs.to_str().expect("UTF-8"), "")
    }
}

/// Runs a command; gives all that it printed.
fn said(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Where the packages of a virtual environment are.
fn site_packages(venv: &Path) -> PathBuf {
    let versions = fs::read_dir(venv.join("lib")).map(|mut entries| entries.find_map(Result::ok));
    versions.ok().flatten().map_or_else(|| venv.to_owned(), |entry| entry.path().join("site-packages"))
}

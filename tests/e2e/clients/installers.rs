//! The installers: how each is asked for some requirements, and what came of it.
//!
//! Invariant: what an installer does depends on its arguments alone. It has an empty home
//! and no cache, sees no variable and no configuration of this machine, and does not try
//! again what failed.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::hostile::sha256;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    Pip,
    Uv,
    Poetry,
    Pdm,
    Tox,
    /// pip-compile, and then pip with the hashes it wrote.
    PipTools,
}

/// What an installer is asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) index: &'a str,
    /// For `--extra-index-url`.
    pub(crate) extra_index: Option<&'a str>,
    /// As in `requirements.txt`, one a line.
    pub(crate) requirements: &'a str,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(crate) struct Came {
    /// By the project's name.
    pub(crate) installed: BTreeMap<String, Installed>,
    /// All that was printed, one line after the other.
    pub(crate) said: String,
}

/// An installed distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Installed {
    pub(crate) version: String,
    /// The digest of its module.
    pub(crate) module_sha256: String,
    /// By the backend in its sdist, which is code that ran.
    pub(crate) built_from_sdist: bool,
}

/// Where the programs are, and a directory to work in.
struct Bench<'a> {
    programs: &'a Path,
    directory: TempDir,
}

impl Client {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pip => "pip",
            Self::Uv => "uv",
            Self::Poetry => "poetry",
            Self::Pdm => "pdm",
            Self::Tox => "tox",
            Self::PipTools => "pip-tools",
        }
    }

    /// Installs into an empty place, with the programs in this directory.
    pub(crate) fn install(self, programs: &Path, asked: Asked<'_>) -> Came {
        let directory = tempfile::tempdir().expect("a directory");
        let bench = Bench { programs, directory };
        let (site, said) = match self {
            Self::Pip => bench.pip(asked, &[]),
            Self::Uv => bench.uv(asked),
            Self::Poetry => bench.poetry(asked),
            Self::Pdm => bench.pdm(asked),
            Self::Tox => bench.tox(asked),
            Self::PipTools => bench.pip_tools(asked),
        };
        Came { installed: installed(&site), said: bench.without_paths(&said) }
    }
}

impl Bench<'_> {
    fn pip(&self, asked: Asked<'_>, more: &[&str]) -> (PathBuf, String) {
        let requirements = self.write("requirements.txt", asked.requirements);
        let site = self.path("site");
        let mut pip = self.command("python");
        pip.args(["-m", "pip", "install", "--no-cache-dir", "--no-compile", "--target"]).arg(&site);
        pip.args(["--index-url", asked.index]).args(more);
        if let Some(extra) = asked.extra_index {
            pip.args(["--extra-index-url", extra]);
        }
        (site, said(pip.arg("--requirement").arg(requirements)))
    }

    fn uv(&self, asked: Asked<'_>) -> (PathBuf, String) {
        let requirements = self.write("requirements.txt", asked.requirements);
        let site = self.path("site");
        let mut uv = self.command("uv");
        uv.args(["pip", "install", "--no-cache", "--python"]).arg(self.programs.join("python"));
        uv.arg("--target").arg(&site).args(["--default-index", asked.index]);
        if let Some(extra) = asked.extra_index {
            uv.args(["--index", extra]);
        }
        (site, said(uv.arg("--requirement").arg(requirements)))
    }

    fn poetry(&self, asked: Asked<'_>) -> (PathBuf, String) {
        let (site, venv) = self.venv();
        let source = format!("[[tool.poetry.source]]\nname = \"index\"\nurl = \"{}\"\n", asked.index);
        self.project(asked, &format!("[tool.poetry]\npackage-mode = false\n{source}"));
        let mut poetry = self.command("poetry");
        poetry.args(["install", "--no-interaction", "--no-cache"]).env("VIRTUAL_ENV", venv);
        (site, said(&mut poetry))
    }

    fn pdm(&self, asked: Asked<'_>) -> (PathBuf, String) {
        let (site, venv) = self.venv();
        let source = format!("[[tool.pdm.source]]\nname = \"pypi\"\nurl = \"{}\"\n", asked.index);
        self.project(asked, &format!("[tool.pdm]\ndistribution = false\n{source}"));
        let mut pdm = self.command("pdm");
        (site, said(pdm.args(["install", "--no-self"]).env("VIRTUAL_ENV", venv)))
    }

    fn tox(&self, asked: Asked<'_>) -> (PathBuf, String) {
        let deps: Vec<String> = asked.requirements.lines().map(|line| format!("    {line}\n")).collect();
        let ini = format!(
            "[tox]\nno_package = true\nenv_list = t\n[testenv]\ndeps =\n{}commands =\n",
            deps.concat()
        );
        self.write("tox.ini", &ini);
        let mut tox = self.command("tox");
        tox.args(["run", "-r"]).env("PIP_INDEX_URL", asked.index);
        let said = said(&mut tox);
        (site_packages(&self.path(".tox/t")), said)
    }

    fn pip_tools(&self, asked: Asked<'_>) -> (PathBuf, String) {
        let wanted = self.write("requirements.in", asked.requirements);
        let pinned = self.path("pinned.txt");
        let mut compile = self.command("pip-compile");
        compile.args(["--generate-hashes", "--no-header", "--no-emit-index-url", "--index-url", asked.index]);
        let compiled = said(compile.arg("--output-file").arg(&pinned).arg(wanted));
        let Ok(requirements) = fs::read_to_string(pinned) else { return (self.path("site"), compiled) };
        let (site, installed) =
            self.pip(Asked { requirements: &requirements, ..asked }, &["--require-hashes"]);
        (site, compiled + &installed)
    }

    /// A virtual environment with nothing in it: where packages go, and where it is.
    fn venv(&self) -> (PathBuf, PathBuf) {
        let venv = self.path("venv");
        let made = self.command("python").args(["-m", "venv", "--without-pip"]).arg(&venv).status();
        assert!(made.expect("Python runs").success());
        (site_packages(&venv), venv)
    }

    /// `pyproject.toml` of something that needs what is asked for.
    fn project(&self, asked: Asked<'_>, tables: &str) {
        let mut dependencies = String::new();
        for line in asked.requirements.lines() {
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

    fn command(&self, program: impl AsRef<Path>) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.directory.path()).env_clear().stdin(Stdio::null());
        for (name, value) in [
            ("PATH", self.programs.as_os_str()),
            ("HOME", self.directory.path().as_os_str()),
            ("LANG", OsStr::new("C.UTF-8")),
            // Wide, so that nothing is wrapped.
            ("COLUMNS", OsStr::new("2000")),
            ("NO_COLOR", OsStr::new("1")),
            ("PIP_CONFIG_FILE", OsStr::new("/dev/null")),
            ("PIP_DISABLE_PIP_VERSION_CHECK", OsStr::new("1")),
            ("PIP_NO_CACHE_DIR", OsStr::new("1")),
            ("PIP_NO_INPUT", OsStr::new("1")),
            ("PIP_RETRIES", OsStr::new("0")),
            ("UV_HTTP_RETRIES", OsStr::new("0")),
            ("UV_NO_CONFIG", OsStr::new("1")),
            ("UV_PYTHON_DOWNLOADS", OsStr::new("never")),
            ("POETRY_REQUESTS_MAX_RETRIES", OsStr::new("0")),
            ("PDM_CHECK_UPDATE", OsStr::new("false")),
        ] {
            command.env(name, value);
        }
        command
    }

    /// The text without the names of directories, which are others each time.
    fn without_paths(&self, text: &str) -> String {
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

/// What tox has in its environments before it installs anything.
const BROUGHT_BY_TOOLS: [&str; 3] = ["pip", "setuptools", "wheel"];

/// The distributions in a directory, without those that a tool brings.
fn installed(site: &Path) -> BTreeMap<String, Installed> {
    let mut found = BTreeMap::new();
    let Ok(entries) = fs::read_dir(site) else { return found };
    for entry in entries.map(|entry| entry.expect("an entry")) {
        let directory = entry.file_name().into_string().expect("UTF-8");
        let Some((module, version)) =
            directory.strip_suffix(".dist-info").and_then(|stem| stem.split_once('-'))
        else {
            continue;
        };
        if BROUGHT_BY_TOOLS.contains(&module) {
            continue;
        }
        let bytes = fs::read(site.join(module).with_extension("py")).expect("its module");
        let about = fs::read_to_string(entry.path().join("WHEEL")).expect("WHEEL");
        let installed = Installed {
            version: version.to_owned(),
            module_sha256: sha256(&bytes),
            built_from_sdist: about.contains("Generator: backend.py"),
        };
        found.insert(module.replace('_', "-"), installed);
    }
    found
}

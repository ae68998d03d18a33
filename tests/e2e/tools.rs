//! Other people's programs, each at one version: a set of them is a file of pinned
//! requirements in `tests/e2e/tools/`, installed once into a virtual environment below
//! the target directory.
//!
//! Invariant: an environment that is used is whole and is that of its file. Tests that run
//! at the same time, in whichever process, wait for the one that installs.
//!
//! A file is made anew with
//! `python3 -m venv v && v/bin/pip install NAMES && v/bin/pip freeze --all`, without the
//! lines of what the environment itself brings (setuptools, and pip unless it is a tool).

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::harness::{has, missing};

/// What installs packages: pip, uv, poetry, pdm, tox and pip-tools.
pub(crate) const CLIENTS: &str = "clients";

/// What serves packages: pypiserver, devpi-server and proxpi (a Flask application).
pub(crate) const SERVERS: &str = "servers";

/// What runs Zuul's playbooks: Ansible.
pub(crate) const CI: &str = "ci";

/// What asks an HTTP service everything.
pub(crate) const SCHEMATHESIS: &str = "schemathesis";

/// The directory with the programs of a set; none to skip the test.
pub(crate) fn install(set: &str) -> Option<PathBuf> {
    if missing("Python 3 with venv", has("python3", "--version")) {
        return None;
    }
    let requirements =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/e2e/tools").join(set).with_extension("txt");
    let wanted = fs::read(&requirements).expect("a file of requirements");
    let own = std::env::current_exe().expect("this program has a path");
    let target = own.ancestors().nth(3).expect("target/<profile>/deps/e2e-…");
    let environments = target.join("tools");
    fs::create_dir_all(&environments).expect("a directory");
    let lock = File::create(environments.join(set).with_extension("lock")).expect("a lock file");
    lock.lock().expect("locked"); // Until this function ends.

    let environment = environments.join(set);
    let programs = environment.join("bin");
    // Written last, so that it says that the rest is there.
    let installed = environment.join("requirements.txt");
    if fs::read(&installed).ok().as_ref() == Some(&wanted) {
        return Some(programs);
    }
    let _ = fs::remove_dir_all(&environment);
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(&environment);
    let mut pip = Command::new(programs.join("python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"]);
    pip.arg(&requirements);
    let made = [venv, pip]
        .iter_mut()
        .all(|command| command.stdout(Stdio::null()).status().is_ok_and(|status| status.success()));
    if missing(&format!("a package index with what {} names", requirements.display()), made) {
        return None;
    }
    fs::write(installed, wanted).expect("written");
    Some(programs)
}

#[test]
fn sets_are_installed_once() {
    for (set, programs) in [
        (CLIENTS, &["pip", "uv", "poetry", "pdm", "tox", "pip-compile"][..]),
        (SERVERS, &["pypi-server", "devpi-server", "devpi-init", "flask"]),
        (CI, &["ansible-playbook"]),
        (SCHEMATHESIS, &["schemathesis"]),
    ] {
        let Some(directory) = install(set) else { return };
        for program in programs {
            assert!(directory.join(program).is_file(), "{program} is not in {}", directory.display());
        }
        let marker = directory.with_file_name("requirements.txt");
        let made = || fs::metadata(&marker).and_then(|file| file.modified()).expect("a marker");
        let before = made();
        assert_eq!(install(set), Some(directory), "the same again");
        assert_eq!(made(), before, "and not made again");
    }
}

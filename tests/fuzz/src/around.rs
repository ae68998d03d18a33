//! A project's files, as `wheeltap doctor` reads them: anybody may have written them.

use std::path::{Path, PathBuf};

// Included as a file, as in `stored`.
#[allow(dead_code, unreachable_pub, reason = "a file of another crate")]
#[path = "../../../crates/log-client/src/doctor/mod.rs"]
mod doctor;

use doctor::surroundings::{ReadFile, Surroundings};
use doctor::{Place, Target, findings, place, requirements};

/// One of each kind.
const NAMES: [&str; 13] = [
    "pip.conf",
    "uv.toml",
    "pyproject.toml",
    "tox.ini",
    "tox.toml",
    "setup.cfg",
    "requirements.txt",
    "environment.yml",
    "Pipfile",
    "pdm.toml",
    "uv.lock",
    "pylock.toml",
    "Pipfile.lock",
];

/// The first byte says which file it is; then its text.
pub fn doctor_files(bytes: &[u8]) {
    let [which, text @ ..] = bytes else { return };
    let text = String::from_utf8_lossy(text).into_owned();
    let path = PathBuf::from(NAMES[usize::from(*which) % NAMES.len()]);
    let kind = place::kind(&path).expect("a kind");
    let lines = text.matches('\n').count() + 1;
    let includes = requirements::includes(&text);
    assert!(includes.len() <= text.len());
    let surroundings = Surroundings { files: vec![ReadFile { path, kind, text }], ..Surroundings::default() };
    let proxy = Target::Proxy("http://127.0.0.1:8070/simple/".to_owned());
    let all = findings(&surroundings, &proxy);
    // At most so many of each kind, and what `wheeltap run` takes care of is a part of it.
    assert!(all.len() <= 22 * doctor::rules::ALL.len());
    for finding in &all {
        if let Place::File(path, line) = &finding.place {
            assert!(NAMES.iter().any(|name| path == Path::new(name)));
            assert!(line.is_none_or(|line| (1..=lines).contains(&line)), "{finding:?} of {lines} lines");
        }
    }
    for finding in findings(&surroundings, &Target::Run) {
        assert!(!finding.rule.set_aside, "{finding:?}");
    }
}

/// A good file of each kind, with something in it to be found.
pub fn seeds() -> Vec<Vec<u8>> {
    let texts = [
        "[global]\nextra-index-url =\n    https://u:p@h/a\n",
        "find-links = [\"/a\"]\n[[index]]\nname = \"a\"\nurl = \"https://h/a\"\n",
        "[tool.uv.sources]\na = { index = \"b\" }\n[tool.poetry.group.t.dependencies]\nb = { git = \"https://h/b\" }\n",
        "[testenv]\ndeps =\n  py3: a @ https://h/a.whl\nsetenv = PIP_INDEX_URL = https://h/\ninstall_command = pip install -f /a\n",
        "[env.a]\ninstall_command = [\"pip\", \"-i\", \"https://h/\"]\nset_env = { UV_INDEX = \"https://h/\" }\n",
        "[easy_install]\nindex_url = https://h/\n[tox:tox]\nindexserver =\n  a = https://h/\n",
        "a @ https://h/a.whl\n-i https://h/ \\\n  --trusted-host h\n-r b.txt # c\n",
        "dependencies:\n  - pip:\n    - \"-i https://h/\"\n",
        "[[source]]\nurl = \"https://h/\"\n[packages]\na = {git = \"https://h/a\"}\n",
        "[pypi]\nurl = \"https://h/\"\n[pypi.b]\nurl = \"https://i/\"\n",
        "[[package]]\nname = \"a\"\nsource = { git = \"https://h/a\" }\nwheels = [{ url = \"https://h/a.whl\" }]\n",
        "[[packages]]\nname = \"a\"\nvcs = { url = \"https://h/a\" }\n",
        "{\"_meta\":{\"sources\":[{\"url\":\"https://h/\"}]},\"default\":{\"a\":{\"git\":\"https://h/a\"}}}",
    ];
    (0u8..).zip(texts).map(|(which, text)| [&[which], text.as_bytes()].concat()).collect()
}

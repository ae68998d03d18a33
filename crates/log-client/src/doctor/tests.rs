//! What each scanner finds, and what it leaves alone: tables of one file or variable each.

use std::path::{Path, PathBuf};

use super::place::{self, Kind};
use super::surroundings::{ReadFile, Surroundings};
use super::{Finding, Place, Target, findings};

const PROXY: &str = "http://127.0.0.1:8070/simple/";

/// A machine with these variables and files, on which pip and the rest are pointed at the
/// proxy unless they say otherwise.
fn surroundings(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Surroundings {
    let pointed = [
        ("PIP_INDEX_URL", PROXY),
        ("UV_DEFAULT_INDEX", PROXY),
        ("PDM_PYPI_URL", PROXY),
        ("PIPENV_PYPI_MIRROR", PROXY),
        ("POETRY_PYPI_MIRROR_URL", PROXY),
    ];
    let all = pointed.iter().chain(variables);
    let files = files.iter().map(|(path, text)| {
        let path = PathBuf::from(path);
        let level = u8::from(path.starts_with("user"));
        let kind = match place::kind(&path).expect("a kind") {
            Kind::PipConf(_) => Kind::PipConf(level),
            kind => kind,
        };
        ReadFile { path, kind, text: (*text).to_owned() }
    });
    Surroundings {
        variables: all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        files: files.collect(),
        ..Surroundings::default()
    }
}

fn judged(surroundings: &Surroundings) -> Vec<Finding> {
    findings(surroundings, &Target::Proxy(PROXY.to_owned()))
}

/// The findings as `id` for variables and whole files, `id:line` for lines.
fn found(variables: &[(&str, &str)], files: &[(&str, &str)]) -> Vec<String> {
    let text = |finding: &Finding| match finding.place {
        Place::File(_, Some(line)) => format!("{}:{line}", finding.rule.id),
        _ => finding.rule.id.to_owned(),
    };
    judged(&surroundings(variables, files)).iter().map(text).collect()
}

#[test]
fn a_machine_that_is_pointed_at_the_proxy_has_no_findings() {
    assert_eq!(found(&[], &[]), [] as [&str; 0]);
}

#[test]
fn variables() {
    for (name, value, expected) in [
        ("PIP_INDEX_URL", "https://h/simple", &["pip-index"] as &[&str]),
        ("PIP_INDEX_URL", "", &["pip-index"]),
        ("PIP_PYPI_URL", "https://h/simple", &["pip-index"]),
        ("PIP_EXTRA_INDEX_URL", "https://h/simple", &["pip-extra-index"]),
        ("PIP_EXTRA_INDEX_URL", PROXY, &[]),
        ("PIP_EXTRA_INDEX_URL", "http://127.0.0.1:8070/simple/ https://h", &["pip-extra-index"]),
        ("PIP_FIND_LINKS", "/wheels", &["pip-find-links"]),
        ("PIP_NO_INDEX", "1", &["pip-no-index"]),
        ("PIP_NO_INDEX", "0", &[]),
        ("PIP_TRUSTED_HOST", "h", &["pip-trusted-host"]),
        ("PIP_PROXY", "http://p:3128", &["pip-http-proxy"]),
        ("PIP_CERT", "/ca.pem", &[]),
        ("UV_DEFAULT_INDEX", "corp=https://h/simple", &["uv-index"]),
        ("UV_INDEX", "https://h/simple", &["uv-extra-index-variable"]),
        ("UV_INDEX", PROXY, &[]),
        ("UV_EXTRA_INDEX_URL", "https://h/simple", &["uv-extra-index-variable"]),
        ("UV_FIND_LINKS", "/wheels", &["uv-find-links-variable"]),
        ("UV_INDEX_STRATEGY", "unsafe-best-match", &["uv-index-strategy"]),
        ("UV_INDEX_STRATEGY", "first-index", &[]),
        ("UV_INSECURE_HOST", "h", &["uv-insecure-host"]),
        ("UV_TORCH_BACKEND", "auto", &["uv-torch-backend"]),
        ("PIP_CONSTRAINT", "a.txt https://h/b.txt", &["requirements-remote"]),
        ("PIP_BUILD_CONSTRAINT", "a.txt", &[]),
        ("UV_OVERRIDE", "https://h/a.txt", &["requirements-remote"]),
        ("PDM_PYPI_URL", "https://h/simple", &["pdm-index"]),
        ("PIPENV_PYPI_MIRROR", "https://h/simple", &["pipenv-index"]),
    ] {
        assert_eq!(found(&[(name, value)], &[]), expected, "{name}={value}");
    }
}

/// A file, and what is found in it with its lines.
const FILES: &[(&str, &str, &[&str])] = &[
    ("pip.conf", "[global]\nextra-index-url = https://h/a\n", &["pip-extra-index:2"]),
    ("pip.conf", "[global]\nindex-url = https://h/a\n", &[]), // The variable goes before it.
    ("pip.conf", "[install]\nfind_links =\n  /a\n  /b\n", &["pip-find-links:2"]),
    ("pip.conf", "[freeze]\nfind-links = /a\n", &[]),
    ("pip.conf", "[global]\nextra-index-url = http://127.0.0.1:8070/simple\n", &[]),
    ("uv.toml", "[[index]]\nurl = \"https://h/a\"\n", &["uv-extra-index:2"]),
    ("uv.toml", "[[index]]\nurl = \"https://h/a\"\ndefault = true\n", &[]),
    ("uv.toml", "find-links = [\"/a\"]\nno-index = true\n", &["uv-find-links:1", "uv-find-links:2"]),
    ("uv.toml", "[pip]\nextra-index-url = [\"https://h/a\"]\n", &["uv-extra-index:2"]),
    ("uv.toml", "index-strategy = \"unsafe-first-match\"\n", &["uv-index-strategy:1"]),
    ("uv.toml", "index = [", &["not-looked-at"]),
    (
        "pyproject.toml",
        "[tool.uv.sources]\na = { path = \"../a\" }\nb = { git = \"https://h/b\" }\n",
        &["uv-source:3"],
    ),
    ("pyproject.toml", "[tool.uv.sources]\na = { index = \"torch\" }\n", &["uv-source:2"]),
    (
        "pyproject.toml",
        "[tool.uv]\noverride-dependencies = [\"a @ https://h/a.whl\"]\n",
        &["direct-reference:2"],
    ),
    ("pyproject.toml", "[[tool.poetry.source]]\nname = \"a\"\nurl = \"https://h/a\"\n", &["poetry-source:3"]),
    (
        "pyproject.toml",
        "[[tool.poetry.source]]\nname = \"a\"\nurl = \"http://127.0.0.1:8070/simple/\"\n",
        &[],
    ),
    (
        "pyproject.toml",
        "[tool.poetry.dependencies]\na = \"1\"\nb = { url = \"https://h/b.whl\" }\n",
        &["direct-reference:3"],
    ),
    (
        "pyproject.toml",
        "[tool.poetry.group.t.dependencies]\nb = { git = \"https://h/b\" }\n",
        &["direct-reference:2"],
    ),
    ("pyproject.toml", "[[tool.pdm.source]]\nname = \"a\"\nurl = \"https://h/a\"\n", &["pdm-source:3"]),
    (
        "pyproject.toml",
        "[build-system]\nrequires = [\n  \"a\",\n  \"b @ git+https://h/b\",\n]\n",
        &["build-requires-direct:4"],
    ),
    (
        "pyproject.toml",
        "[project]\ndependencies = [\"a>=1\", \"b @ https://h/b.whl ; python_version > '3'\"]\n",
        &["direct-reference:2"],
    ),
    (
        "pyproject.toml",
        "[dependency-groups]\nt = [{ include-group = \"u\" }, \"b @ file:///b.whl\"]\n",
        &["direct-reference:2"],
    ),
    (
        "pyproject.toml",
        "[tool.uv.extra-build-dependencies]\na = [\"b @ https://h/b.whl\"]\nc = [{ requirement = \"d @ https://h/d.whl\", match-runtime = true }]\n",
        &["build-requires-direct:2", "build-requires-direct:3"],
    ),
    (
        "hatch.toml",
        "[envs.a]\ndependencies = [\"b @ https://h/b.whl\"]\n[build.hooks.c]\nhome = \"https://h/\"\ndependencies = [\"d @ https://h/d.whl\"]\n",
        &["direct-reference:2", "build-requires-direct:5"],
    ),
    (
        "pyproject.toml",
        "[tool.hatch.envs.a]\nextra-dependencies = [\"b @ https://h/b.whl\"]\n",
        &["direct-reference:2"],
    ),
    ("pyproject.toml", "[project.urls]\nHome = \"https://h/\"\n", &[]),
    (
        "pyproject.toml",
        "[tool.tox]\nlegacy_tox_ini = '''\n[testenv]\nsetenv = PIP_INDEX_URL = https://h/\n'''\n",
        &["tox-set-env:2"],
    ),
    (
        "pyproject.toml",
        "[tool.tox.env_run_base]\nset_env = { UV_INDEX = \"https://h/\" }\n",
        &["tox-set-env:2"],
    ),
    (
        "tox.toml",
        "[env.a]\ninstall_command = [\"pip\", \"install\", \"-f\", \"/a\", \"{packages}\"]\n",
        &["tox-install-command:2"],
    ),
    ("tox.toml", "[env_run_base]\ndeps = [\n  \"a\",\n  \"git+https://h/b\",\n]\n", &["direct-reference:4"]),
    (
        "tox.ini",
        "[testenv]\ndeps =\n  -c{env:C:https://releases.example/upper}\n  py3: a @ https://h/a.whl\n  b\n",
        &["requirements-remote:3", "direct-reference:4"],
    ),
    ("tox.ini", "[testenv]\nset_env = PIP_INDEX_URL =\n", &["tox-set-env:2"]),
    ("tox.ini", "[testenv]\nset_env = PIP_EXTRA_INDEX_URL =\n", &[]),
    (
        "tox.ini",
        "[testenv]\nset_env =\n  py3: PIP_INDEX_URL = {env:UV_INDEX_URL:https://h/}\n",
        &["tox-set-env:3"],
    ),
    (
        "tox.ini",
        "[testenv]\nset_env =\n  A = \u{2028}PIP_FIND_LINKS = /a\n  B = 1\\\n\n  PIP_FIND_LINKS = {env:C:} /b # c\n",
        &["tox-set-env:3"],
    ),
    (
        "tox.ini",
        "[testenv]\ninstall_command = pip --isolated install \\\n  {opts} {packages}\n",
        &["tox-install-command:2"],
    ),
    (
        "tox.ini",
        "[testenv]\ninstall_command = pip install \\\n  --index-url=https://h/ {packages}\n",
        &["tox-install-command:2"],
    ),
    (
        "tox.ini",
        "[testenv]\ncommands_pre =\n  pip list -i\n  - python -m pip install -Ui https://h/ a\n  pytest -f b\ncommands = sh -c 'uv pip install -f /a b'\n",
        &["tox-install-command:4", "tox-install-command:6"],
    ),
    ("tox.ini", "[testenv]\ncommands = pip install -i {env:PIP_INDEX_URL} a\n", &[]),
    (
        "tox.ini",
        "[testenv]\ncommands =\n  pip install --proxy http://p:1 -c https://h/c.txt a\n  uv pip install 'b @ https://h/b.whl'\n  curl https://h/\n",
        &["requirements-remote:3", "direct-reference:4"],
    ),
    ("tox.ini", "[tox]\nrequires =\n  tox>=4\n  a @ https://h/a.whl\n", &["direct-reference:4"]),
    ("tox.ini", "[testenv]\nconstraints = https://h/c.txt\n", &["requirements-remote:2"]),
    (
        "tox.toml",
        "[env_run_base]\nset_env.PIP_INDEX_URL = \"\"\nset_env.UV_INDEX = { replace = \"env\", name = \"UV_INDEX\", default = \"https://h/\" }\n",
        &["tox-set-env:2", "tox-set-env:3"],
    ),
    (
        "tox.toml",
        "[env_run_base]\nset_env = { PDM_PYPI_URL = { value = \"https://h/\", marker = \"a\" }, UV_INDEX_URL = { replace = \"ref\" } }\n",
        &["tox-set-env:2", "tox-set-env:2"],
    ),
    (
        "tox.toml",
        "requires = [\"a @ https://h/a.whl\"]\n[env_run_base]\ncommands = [\n  [\"pytest\"],\n  [\"pip\", \"install\", \"--isolated\", \"a\"],\n]\n",
        &["direct-reference:1", "tox-install-command:5"],
    ),
    ("tox.ini", "[testenv]\nsetenv =\n  A = 1\n  PIP_EXTRA_INDEX_URL = https://h/\n", &["tox-set-env:4"]),
    ("tox.ini", "[testenv]\nset_env = PIP_INDEX_URL = {env:PIP_INDEX_URL:https://pypi.org/simple}\n", &[]),
    ("tox.ini", "[testenv]\ninstall_command = pip install {opts} {packages}\n", &[]),
    (
        "tox.ini",
        "[testenv]\ninstall_command = pip install --extra-i https://h/ {packages}\n",
        &["tox-install-command:2"],
    ),
    ("tox.ini", "[tox]\nindexserver =\n  default = https://h/\n", &["tox-index-server:3"]),
    ("tox.ini", "[testenv]\ndisallow_pass_env = PIP_*\n", &["tox-disallow-pass-env:2"]),
    ("tox.ini", "[testenv]\ndisallow_pass_env = HOME\n", &[]),
    ("setup.cfg", "[easy_install]\nindex_url = https://h/\n", &["easy-install:2"]),
    ("setup.cfg", "[options]\ndependency_links = https://h/\n", &["dependency-links:2"]),
    ("setup.cfg", "[tox:testenv]\nsetenv = PIP_FIND_LINKS = /a\n", &["tox-set-env:2"]),
    (
        "setup.cfg",
        "[options]\ninstall_requires =\n  a\n  b @ https://h/b.whl ; python_version > '3'\nsetup_requires = a; c @ git+https://h/c\n[options.extras_require]\nd = file: d.txt\ne = f @ file:/f.whl\n",
        &["direct-reference:4", "build-requires-direct:5", "direct-reference:8"],
    ),
    ("setup.cfg", "[metadata]\nurl = https://h/\n", &[]),
    ("requirements.txt", "# -i https://no/\na==1 --hash=sha256:00\n-r other.txt\n", &[]),
    (
        "requirements.txt",
        "a\n-i https://h/ \\\n  --trusted-host h\n",
        &["requirements-index:2", "requirements-trusted-host:2"],
    ),
    (
        "requirements.txt",
        "--extra-index-url=https://h/\n--find-links /a\n",
        &["requirements-find-links:2", "requirements-index:1"],
    ),
    ("requirements.txt", "-i http://127.0.0.1:8070/simple/\n", &[]),
    ("requirements.txt", "# -*- coding: utf-8 -*-\n", &[]),
    (
        "requirements.txt",
        "# a\n# vim: set fileencoding=utf-7 :\n+AC0-i https://h/\n",
        &["direct-reference:3", "not-looked-at:2"],
    ),
    ("requirements.txt", "-\0i\0", &["not-looked-at"]),
    ("requirements.txt", "# pinned by us\u{2028}--extra-index-url https://h/\n", &["requirements-index:1"]),
    (
        "requirements.txt",
        "-r https://h/a.txt\n-c b.txt --constraint=https://h/c.txt\n",
        &["requirements-remote:1", "requirements-remote:2"],
    ),
    (
        "requirements.txt",
        "a @ https://h/a.whl#sha256=00\n-e git+ssh://git@h/b#egg=b\n-e .\n./c\n",
        &["direct-reference:1", "direct-reference:2"],
    ),
    (
        "environment.yml",
        "dependencies:\n  - numpy\n  - pip:\n    - a\n    - \"--index-url https://h/\"\n  - scipy\n",
        &["requirements-index:5", "conda-environment"],
    ),
    (
        "Pipfile",
        "[[source]]\nurl = \"https://pypi.org/simple\"\n[[source]]\nurl = \"https://h/\"\n[packages]\na = {git = \"https://h/a\"}\n",
        &["direct-reference:6", "pipenv-source:4"],
    ),
    ("pdm.toml", "[pypi]\nurl = \"https://h/\"\n[pypi.extra]\nurl = \"https://i/\"\n", &["pdm-source:4"]),
    (
        "uv.lock",
        "[[package]]\nname = \"a\"\nsource = { registry = \"https://pypi.org/simple\" }\nwheels = [\n  { url = \"https://files/a.whl\" },\n]\n",
        &["lock-addresses:5"],
    ),
    (
        "uv.lock",
        "[[package]]\nname = \"a\"\n[package.sdist]\nurl = \"http://127.0.0.1:8070/files/packages/a.tar.gz\"\n",
        &[],
    ),
    (
        "uv.lock",
        "[[package]]\nname = \"a\"\nsource = { git = \"https://h/a\" }\n",
        &["lock-direct-reference:3"],
    ),
    ("uv.lock", "[[package]]\nname = \"a\"\nsource = { editable = \".\" }\n", &[]),
    ("poetry.lock", "[[package]]\nname = \"a\"\nfiles = [{ file = \"a.whl\", hash = \"sha256:00\" }]\n", &[]),
    (
        "poetry.lock",
        "[[package]]\nname = \"a\"\n[package.source]\ntype = \"git\"\nurl = \"https://h/a\"\n",
        &["lock-direct-reference:3"],
    ),
    (
        "pylock.toml",
        "[[packages]]\nname = \"a\"\nvcs = { type = \"git\", url = \"https://h/a\" }\n",
        &["lock-direct-reference:3"],
    ),
    (
        "pylock.dev.toml",
        "[[packages]]\nname = \"a\"\n[[packages.wheels]]\nurl = \"https://files/a.whl\"\n",
        &["lock-addresses:4"],
    ),
    (
        "Pipfile.lock",
        "{\"_meta\":{\"sources\":[{\"url\":\"https://h/\"}]},\"default\":{\"a\":{\"git\":\"https://h/a\"}}}",
        &["lock-direct-reference", "pipenv-source"],
    ),
    ("Pipfile.lock", "[", &["not-looked-at"]),
];

#[test]
fn files() {
    const ELSEWHERE: &str = "https://h/simple";
    for (path, text, expected) in FILES.iter().copied() {
        let mut expected: Vec<&str> = expected.to_vec();
        let mut found = found(&[], &[(path, text)]);
        found.sort();
        expected.sort_unstable();
        assert_eq!(found, expected, "{path}:\n{text}");
    }
    assert_eq!(
        found(&[("PIP_INDEX_URL", "")], &[("pip.conf", "[global]\nindex-url = https://h/simple\n")]),
        ["pip-index:2"]
    );
    let without = |name| {
        found(&[(name, "")], &[("poetry.lock", ""), ("pdm.lock", ""), ("uv.lock", ""), ("Pipfile", "")])
    };
    assert_eq!(without("UV_DEFAULT_INDEX"), ["uv-index"], "uv is used here");
    assert_eq!(without("PDM_PYPI_URL"), ["pdm-index"]);
    assert_eq!(without("PIPENV_PYPI_MIRROR"), ["pipenv-index"]);
    assert_eq!(without("POETRY_PYPI_MIRROR_URL"), ["poetry-index"]);
    assert!(found(&[("UV_DEFAULT_INDEX", ELSEWHERE)], &[]).contains(&"uv-index".to_owned()));
}

#[test]
fn of_pips_settings_the_one_that_counts_is_judged() {
    let machine = ("pip.conf", "[global]\nextra-index-url = https://machine/\n");
    let user = ("user/pip.conf", "[global]\nextra-index-url = https://user/\n");
    let install = ("pip.conf", "[install]\nextra-index-url = https://install/\n");
    let check = |variables: &[(&str, &str)], files: &[(&str, &str)]| {
        let found = judged(&surroundings(variables, files));
        found.into_iter().map(|finding| finding.what).collect::<Vec<_>>()
    };
    assert_eq!(check(&[], &[user, machine]), ["extra-index-url = https://user/"]);
    // The section of the command goes before [global], of whatever file; for others it does not.
    assert_eq!(
        check(&[], &[user, install]),
        ["extra-index-url = https://install/", "extra-index-url = https://user/"]
    );
    let variable = [("PIP_EXTRA_INDEX_URL", "https://variable/")];
    assert_eq!(check(&variable, &[user, install]), ["extra-index-url = https://variable/"]);
    let constraint = ("pip.conf", "[install]\nconstraint = a.txt https://h/b.txt\n");
    assert_eq!(check(&[], &[constraint]), ["constraint = a.txt https://h/b.txt"]);
    assert_eq!(check(&[("PIP_CONSTRAINT", "a.txt")], &[constraint]), [] as [&str; 0]);
}

#[test]
fn what_run_sets_aside_is_no_finding_for_it() {
    let check = |variables: &[(&str, &str)], files: &[(&str, &str)]| {
        let found = findings(&surroundings(variables, files), &Target::Run);
        found.iter().map(|finding| finding.rule.id).collect::<Vec<_>>()
    };
    let aside = [("PIP_EXTRA_INDEX_URL", "https://h/"), ("PIP_FIND_LINKS", "/a"), ("UV_INDEX", "https://h/")];
    assert_eq!(
        check(&aside, &[("pip.conf", "[global]\nno-index = true\n"), ("poetry.lock", "")]),
        [] as [&str; 0]
    );
    assert_eq!(check(&[], &[("requirements.txt", "-i https://h/\n")]), ["requirements-index"]);
    let empty = ("tox.ini", "[testenv]\nset_env = PIP_EXTRA_INDEX_URL =\n");
    let extra = ("pip.conf", "[global]\nextra-index-url = https://h/\n");
    assert_eq!(check(&[], &[empty]), [] as [&str; 0]);
    assert_eq!(check(&[], &[empty, extra]), ["tox-set-env"], "pip.conf's counts again");
    assert_eq!(check(&[], &[("uv.toml", "[[index]]\nurl = \"https://h/\"\n")]), ["uv-extra-index"]);
}

#[test]
fn findings_are_bounded_and_hide_credentials() {
    let many = "a @ https://user:s3cret@h/a.whl\n".repeat(1_000);
    let found = judged(&surroundings(&[], &[("requirements.txt", &many)]));
    assert_eq!(found.len(), 21);
    assert!(found.iter().any(|finding| finding.what == "and 980 more in this file"));
    let long = format!("a @ https://h/{}\n", "x".repeat(10_000));
    let found = [found, judged(&surroundings(&[], &[("requirements.txt", &long)]))].concat();
    assert!(found.iter().all(|finding| finding.what.chars().count() <= 201));
    assert!(!format!("{found:?}").contains("s3cret"));
}

#[test]
fn odd_files_are_no_trouble() {
    let odd =
        ["", "\u{feff}", "[", "=", ":\n =", "-i", "--", "-", "\\", "- pip:", "[a]\n  b\n", "\0", "é\\\n#é"];
    for name in [
        "pip.conf",
        "uv.toml",
        "pyproject.toml",
        "tox.ini",
        "tox.toml",
        "hatch.toml",
        "setup.cfg",
        "requirements.txt",
        "environment.yml",
        "Pipfile",
        "pdm.toml",
        "uv.lock",
        "Pipfile.lock",
    ] {
        for text in odd {
            for finding in judged(&surroundings(&[], &[(name, text)])) {
                if let Place::File(path, Some(line)) = finding.place {
                    assert_eq!(path, Path::new(name));
                    assert!((1..=text.lines().count()).contains(&line), "{name}: {text:?}");
                }
            }
        }
    }
}

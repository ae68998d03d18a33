//! Which files there are to read, and what kind each is.

use std::path::{Path, PathBuf};

use super::surroundings::Surroundings;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `pip.conf`; a higher level goes before a lower one.
    PipConf(u8),
    /// `uv.toml`.
    UvToml,
    /// `pyproject.toml`.
    Pyproject,
    /// `hatch.toml`.
    HatchToml,
    /// `tox.ini`.
    ToxIni,
    /// `tox.toml`.
    ToxToml,
    /// `setup.cfg`, or `.pydistutils.cfg`.
    SetupCfg,
    /// A requirements or constraints file.
    Requirements,
    /// Variables that tox sets, from a file of their own.
    ToxEnv,
    /// A conda environment.
    CondaEnvironment,
    /// `Pipfile`.
    Pipfile,
    /// pdm's configuration.
    PdmToml,
    /// A lock file in TOML.
    TomlLock,
    /// A lock file in JSON.
    JsonLock,
}

/// Directories of a project that hold other people's code, or no settings.
const LEFT_OUT: [&str; 11] = [
    "node_modules",
    "site-packages",
    "venv",
    "env",
    "build",
    "dist",
    "target",
    "__pycache__",
    "vendor",
    "_vendor",
    "htmlcov",
];

/// The kind of a file of a project, by its name and its directory's.
pub fn kind(path: &Path) -> Option<Kind> {
    let name = path.file_name()?.to_str()?;
    let directory = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    Some(match name {
        "uv.toml" => Kind::UvToml,
        "pyproject.toml" => Kind::Pyproject,
        "hatch.toml" => Kind::HatchToml,
        "tox.ini" => Kind::ToxIni,
        "tox.toml" => Kind::ToxToml,
        "setup.cfg" => Kind::SetupCfg,
        "Pipfile" => Kind::Pipfile,
        "pdm.toml" | ".pdm.toml" => Kind::PdmToml,
        "uv.lock" | "poetry.lock" | "pdm.lock" => Kind::TomlLock,
        "Pipfile.lock" => Kind::JsonLock,
        "environment.yml" | "environment.yaml" => Kind::CondaEnvironment,
        "pip.conf" | "pip.ini" => Kind::PipConf(0),
        _ if is_pylock(name) => Kind::TomlLock,
        _ => {
            let (stem, extension) = name.rsplit_once('.')?;
            let named = ["requirement", "constraint"].iter().any(|word| stem.contains(word));
            let listed = matches!(extension, "txt" | "in")
                && (named || matches!(directory, Some("requirements" | "constraints")));
            return listed.then_some(Kind::Requirements);
        }
    })
}

/// Whether a directory of a project is looked into.
pub fn is_entered(name: &str) -> bool {
    !name.starts_with('.') && !LEFT_OUT.contains(&name) && !name.ends_with(".egg-info")
}

/// The configuration files of the machine and the user, whether they are there or not,
/// those first that go before others; `parents` are the directories above the project.
pub fn configuration(surroundings: &Surroundings, parents: &[PathBuf]) -> Vec<(PathBuf, Kind)> {
    let variable = |name: &str| surroundings.variable(name);
    let home = variable("HOME").map(PathBuf::from);
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let user = variable("XDG_CONFIG_HOME").map(PathBuf::from).or_else(|| in_home(".config"));
    let machine = variable("XDG_CONFIG_DIRS").unwrap_or("/etc/xdg").split(':').filter(|dir| !dir.is_empty());
    let machine: Vec<PathBuf> = machine.map(PathBuf::from).collect();
    let mut files = Vec::new();

    let pip_file = variable("PIP_CONFIG_FILE");
    // pip then reads no file at all.
    if pip_file != Some("/dev/null") {
        files.extend(pip_file.map(|file| (file.into(), Kind::PipConf(3))));
        for prefix in ["VIRTUAL_ENV", "CONDA_PREFIX"].iter().filter_map(|name| variable(name)) {
            files.push((Path::new(prefix).join("pip.conf"), Kind::PipConf(2)));
        }
        let users = [
            user.as_ref().map(|user| user.join("pip/pip.conf")),
            in_home("Library/Application Support/pip/pip.conf"),
            in_home(".pip/pip.conf"),
        ];
        files.extend(users.into_iter().flatten().map(|path| (path, Kind::PipConf(1))));
        let machines = machine.iter().map(|directory| directory.join("pip/pip.conf"));
        let machines =
            machines.chain(["/etc/pip.conf".into(), "/Library/Application Support/pip/pip.conf".into()]);
        files.extend(machines.map(|path| (path, Kind::PipConf(0))));
    }

    if let Some(file) = variable("UV_CONFIG_FILE") {
        files.push((file.into(), Kind::UvToml));
    } else if variable("UV_NO_CONFIG").is_none() {
        for parent in parents {
            files.push((parent.join("uv.toml"), Kind::UvToml));
            files.push((parent.join("pyproject.toml"), Kind::Pyproject));
        }
        files.extend(user.as_ref().map(|user| (user.join("uv/uv.toml"), Kind::UvToml)));
        files.extend(machine.iter().map(|directory| (directory.join("uv/uv.toml"), Kind::UvToml)));
        files.push(("/etc/uv/uv.toml".into(), Kind::UvToml));
    }
    files.extend(user.map(|user| (user.join("pdm/config.toml"), Kind::PdmToml)));
    files.extend(in_home(".pydistutils.cfg").map(|path| (path, Kind::SetupCfg)));
    files
}

fn is_pylock(name: &str) -> bool {
    // PEP 751: `pylock.toml`, or `pylock.<name>.toml`.
    let rest = name.strip_prefix("pylock.").and_then(|rest| rest.strip_suffix("toml"));
    rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_names() {
        for (path, expected) in [
            ("a/tox.ini", Some(Kind::ToxIni)),
            ("hatch.toml", Some(Kind::HatchToml)),
            ("requirements.txt", Some(Kind::Requirements)),
            ("test-requirements.txt", Some(Kind::Requirements)),
            ("upper-constraints.txt", Some(Kind::Requirements)),
            ("requirements/dev.txt", Some(Kind::Requirements)),
            ("requirements/dev.in", Some(Kind::Requirements)),
            ("docs/dev.txt", None),
            ("pylock.toml", Some(Kind::TomlLock)),
            ("pylock.dev.toml", Some(Kind::TomlLock)),
            ("pylock.txt", None),
            ("Cargo.lock", None),
        ] {
            assert_eq!(kind(Path::new(path)), expected, "{path}");
        }
        assert!(is_entered("src") && !is_entered(".tox") && !is_entered("node_modules"));
    }

    #[test]
    fn configuration_is_where_the_tools_look() {
        let check = |variables: &[(&str, &str)]| {
            let variables =
                variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let surroundings = Surroundings { variables, ..Surroundings::default() };
            let files = configuration(&surroundings, &["/p".into()]);
            files.into_iter().map(|(path, _)| path.display().to_string()).collect::<Vec<_>>()
        };
        let files = check(&[("HOME", "/h"), ("VIRTUAL_ENV", "/v"), ("PIP_CONFIG_FILE", "/f")]);
        let pip: Vec<_> = files.iter().filter(|file| !file.contains("Library")).take(6).collect();
        let expected = [
            "/f",
            "/v/pip.conf",
            "/h/.config/pip/pip.conf",
            "/h/.pip/pip.conf",
            "/etc/xdg/pip/pip.conf",
            "/etc/pip.conf",
        ];
        assert_eq!(pip, expected);
        for file in ["/p/uv.toml", "/p/pyproject.toml", "/h/.config/uv/uv.toml", "/etc/uv/uv.toml"] {
            assert!(files.contains(&file.to_owned()), "{file}");
        }
        let none = check(&[("PIP_CONFIG_FILE", "/dev/null"), ("UV_NO_CONFIG", "1")]);
        assert_eq!(none, [] as [&str; 0]);
    }
}

//! Which files a file or a variable names, so that they are read, too.
//!
//! | named by | what |
//! |---|---|
//! | requirements and constraints files, conda environments | `-r`, `-c` |
//! | `tox.ini`, `tox.toml`, `[tool.tox]` | `deps`, `constraints`, `set_env`, commands |
//! | `setup.cfg`, `[tool.setuptools.dynamic]` | requirements that are `file: …` |
//! | `PIP_CONSTRAINT`, `UV_CONSTRAINT`, … and `pip.conf` | the whole value, between white space |
//!
//! A variable in a name that is not known here is left as it is.

use std::path::{Path, PathBuf};

use super::place::{self, Kind};
use super::surroundings::{ReadFile, Surroundings};
use super::{pip, pyproject, requirements, tox, url, uv};

/// The files that a file names.
pub fn of_file(file: &ReadFile, surroundings: &Surroundings) -> Vec<(PathBuf, Kind)> {
    let text = &file.text;
    let mut names = match file.kind {
        Kind::Requirements => requirements::includes(text),
        Kind::CondaEnvironment => requirements::includes_of_conda(text),
        Kind::Pyproject => pyproject::includes(text),
        Kind::SetupCfg => pip::setup_cfg_includes(text),
        _ => Vec::new(),
    };
    names.extend(tox::includes(file));
    let directory = file.path.parent().unwrap_or(Path::new(""));
    let names = names.into_iter().map(|name| expanded(&name, directory, surroundings));
    let mut files: Vec<_> = names.map(|name| (directory.join(&name), kind(Path::new(&name)))).collect();
    let variables =
        tox::variable_files(file).into_iter().map(|name| expanded(&name, directory, surroundings));
    files.extend(variables.map(|name| (directory.join(name), Kind::ToxEnv)));
    files
}

/// The files that the variables and configuration files of pip and uv name.
pub fn of_settings(surroundings: &Surroundings) -> Vec<(PathBuf, Kind)> {
    let of_uv = uv::FILES.iter().filter_map(|name| surroundings.variable(name));
    let values = pip::named_files(surroundings).into_iter().chain(of_uv.map(str::to_owned));
    let names: Vec<PathBuf> = values
        .flat_map(|value| value.split_whitespace().map(PathBuf::from).collect::<Vec<_>>())
        .filter(|path| !url::is_address(&path.to_string_lossy()))
        .collect();
    names.into_iter().map(|path| (path.clone(), kind(&path))).collect()
}

/// What is named is read as requirements, but for the files that uv takes for something else.
fn kind(path: &Path) -> Kind {
    let own =
        place::kind(path).filter(|kind| matches!(kind, Kind::Pyproject | Kind::SetupCfg | Kind::TomlLock));
    own.unwrap_or(Kind::Requirements)
}

/// A name with what pip and tox put in for variables.
fn expanded(name: &str, directory: &Path, surroundings: &Surroundings) -> String {
    // The file is in tox's root, which a name is relative to anyway.
    let root = if directory.is_absolute() { directory.display().to_string() } else { ".".to_owned() };
    let mut name = name.replace("{toxinidir}", &root).replace("{tox_root}", &root).replace("{/}", "/");
    for (open, close) in [("{env:", '}'), ("${", '}')] {
        // Once for each that can be there; a value with another in it is not looked into.
        let mut expanded = String::new();
        let mut rest = name.as_str();
        while let Some((before, after)) = rest.split_once(open) {
            let Some((inner, next)) = after.split_once(close) else { break };
            let (variable, default) = inner.split_once(':').unwrap_or((inner, ""));
            expanded.push_str(before);
            match surroundings.variables.get(variable) {
                Some(value) => expanded.push_str(value),
                // pip leaves it as it is, tox takes what stands behind the colon.
                None if open == "${" => expanded.extend([open, inner, "}"]),
                None => expanded.push_str(default),
            }
            rest = next;
        }
        expanded.push_str(rest);
        name = expanded;
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_variables_in_them() {
        let variables = [("A".to_owned(), "a".to_owned())].into();
        let surroundings = Surroundings { variables, ..Surroundings::default() };
        for (name, directory, expected) in [
            ("{toxinidir}/b.txt", "/p", "/p/b.txt"),
            ("{tox_root}{/}b.txt", "p", "./b.txt"),
            ("${A}/b-${B}.txt", "p", "a/b-${B}.txt"),
            ("{env:A}/{env:B:c}.txt", "p", "a/c.txt"),
            ("{env:B", "p", "{env:B"),
        ] {
            assert_eq!(expanded(name, Path::new(directory), &surroundings), expected, "{name}");
        }
    }

    #[test]
    fn settings_name_files() {
        let variables = [("PIP_CONSTRAINT", "a.txt https://h/b.txt c"), ("UV_OVERRIDE", "d.txt")];
        let variables =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let surroundings = Surroundings { variables, ..Surroundings::default() };
        let names: Vec<_> = of_settings(&surroundings).into_iter().map(|(path, _)| path).collect();
        assert_eq!(names, [Path::new("a.txt"), Path::new("c"), Path::new("d.txt")]);
    }
}

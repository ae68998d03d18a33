//! `pyproject.toml`, and the files of poetry, pdm and pipenv.

use std::path::Path;

use toml::de::DeTable;

use super::collect::Findings;
use super::place::Kind;
use super::surroundings::Surroundings;
use super::toml_file::{self, TomlFile, Value};
use super::{Place, requirements, rules, tox, url, uv};

/// Judges the variables of pdm, pipenv and poetry's mirror plugin, and whether these tools
/// are pointed at the proxy at all.
pub fn judge_variables(surroundings: &Surroundings, found: &mut Findings<'_>) {
    for (tool, name, files, rule) in [
        ("pdm", "PDM_PYPI_URL", ["pdm.lock", "pdm.toml"], &rules::PDM_INDEX),
        ("pipenv", "PIPENV_PYPI_MIRROR", ["Pipfile", "Pipfile.lock"], &rules::PIPENV_INDEX),
        ("poetry", "POETRY_PYPI_MIRROR_URL", ["poetry.lock", "poetry.toml"], &rules::POETRY_INDEX),
    ] {
        let place = Place::Variable(name.to_owned());
        match surroundings.variable(name) {
            Some(value) if found.target.is_proxy(value) => {}
            Some(value) => found.push(rule, place, &url::shown(value)),
            None if (files.iter().any(|file| surroundings.has(file)) || has_table(surroundings, tool))
                && !(tool == "poetry" && has_poetry_source(surroundings, found)) =>
            {
                found.push(rule, place, &format!("not set, so {tool} asks PyPI"));
            }
            None => {}
        }
    }
}

/// Judges `pyproject.toml`.
pub fn judge_file(path: &Path, text: &str, found: &mut Findings<'_>) {
    let file = match TomlFile::parse(text) {
        Ok(file) => file,
        Err(error) => return found.push(&rules::UNREAD, Place::File(path.to_owned(), None), &error),
    };
    let place = |value: &Value<'_>| Place::File(path.to_owned(), Some(file.line(value)));
    for (value, text) in file.get(&["build-system", "requires"]).map(toml_file::texts).unwrap_or_default() {
        if let Some(reference) = requirements::direct_reference(text) {
            found.push(&rules::BUILD_REQUIRES, place(value), &url::shown(reference));
        }
    }
    for keys in [
        &["project", "dependencies"] as &[_],
        &["project", "optional-dependencies"],
        &["dependency-groups"],
        &["tool", "pdm", "dev-dependencies"],
    ] {
        for (value, text) in file.get(keys).map(toml_file::texts).unwrap_or_default() {
            if let Some(reference) = requirements::direct_reference(text) {
                found.push(&rules::DIRECT_REFERENCE, place(value), &url::shown(reference));
            }
        }
    }
    if let Some(table) = file.table(&["tool", "hatch"]) {
        judge_hatch(table, &place, found);
    }
    if let Some(table) = file.table(&["tool", "uv"]) {
        uv::judge_table(path, &file, table, found);
    }
    if let Some(value) = file.get(&["tool", "tox"]) {
        tox::judge_toml(path, &file, "tox", value, found);
    }
    for (keys, rule) in [
        (&["tool", "poetry", "source"], &rules::POETRY_SOURCE),
        (&["tool", "pdm", "source"], &rules::PDM_SOURCE),
    ] {
        let sources = file.get(keys).map(toml_file::tables).unwrap_or_default();
        for url in sources.into_iter().filter_map(|(_, source)| source.get("url")) {
            let address = url.get_ref().as_str().unwrap_or_default();
            if !found.target.is_proxy(address) {
                found.push(rule, place(url), &url::shown(address));
            }
        }
    }
    if let Some(poetry) = file.table(&["tool", "poetry"]) {
        for (key, value) in poetry {
            match key.get_ref().as_ref() {
                "dependencies" | "dev-dependencies" => direct_tables(value, &place, found),
                "group" => {
                    let groups = value.get_ref().as_table().into_iter().flatten();
                    let groups = groups.filter_map(|(_, group)| group.get_ref().as_table());
                    for value in groups.filter_map(|group| group.get("dependencies")) {
                        direct_tables(value, &place, found);
                    }
                }
                _ => {}
            }
        }
    }
}

/// The files from which setuptools takes requirements.
pub fn includes(text: &str) -> Vec<String> {
    let Ok(file) = TomlFile::parse(text) else { return Vec::new() };
    let Some(dynamic) = file.table(&["tool", "setuptools", "dynamic"]) else { return Vec::new() };
    let optional = dynamic.get("optional-dependencies").and_then(|value| value.get_ref().as_table());
    let optional = optional.into_iter().flatten().map(|(_, value)| value);
    let lists = dynamic.get("dependencies").into_iter().chain(optional);
    let files = lists.filter_map(|list| list.get_ref().as_table()?.get("file"));
    files.flat_map(toml_file::texts).map(|(_, name)| name.to_owned()).collect()
}

/// Judges `hatch.toml`.
pub fn judge_hatch_file(path: &Path, text: &str, found: &mut Findings<'_>) {
    match TomlFile::parse(text) {
        Ok(file) => {
            let place = |value: &Value<'_>| Place::File(path.to_owned(), Some(file.line(value)));
            judge_hatch(file.root(), &place, found);
        }
        Err(error) => found.push(&rules::UNREAD, Place::File(path.to_owned(), None), &error),
    }
}

/// Judges `hatch.toml`, or `[tool.hatch]`: what is in its environments, and what it builds with.
fn judge_hatch(table: &DeTable<'_>, place: &impl Fn(&Value<'_>) -> Place, found: &mut Findings<'_>) {
    let mut texts: Vec<_> = table.get("envs").map(toml_file::texts).unwrap_or_default();
    texts.retain(|(_, text)| requirements::direct_reference(text).is_some());
    for (value, text) in texts {
        found.push(&rules::DIRECT_REFERENCE, place(value), &url::shown(text));
    }
    // Hooks and targets have other settings with addresses in them.
    let mut left: Vec<&Value<'_>> = table.get("build").into_iter().collect();
    while let Some(table) = left.pop().and_then(|value| value.get_ref().as_table()) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "dependencies" => {
                    for (value, text) in toml_file::texts(value) {
                        if let Some(reference) = requirements::direct_reference(text) {
                            found.push(&rules::BUILD_REQUIRES, place(value), &url::shown(reference));
                        }
                    }
                }
                _ if value.get_ref().is_table() => left.push(value),
                _ => {}
            }
        }
    }
}

/// Judges a `Pipfile` or pdm's configuration.
pub fn judge_sources(path: &Path, text: &str, found: &mut Findings<'_>) {
    let file = match TomlFile::parse(text) {
        Ok(file) => file,
        Err(error) => return found.push(&rules::UNREAD, Place::File(path.to_owned(), None), &error),
    };
    let place = |value: &Value<'_>| Place::File(path.to_owned(), Some(file.line(value)));
    for (_, source) in file.get(&["source"]).map(toml_file::tables).unwrap_or_default() {
        let Some(url) = source.get("url") else { continue };
        let address = url.get_ref().as_str().unwrap_or_default();
        // For PyPI the mirror stands in, which is judged by its variable.
        if !found.target.is_proxy(address) && !url::is_pypi(address) {
            found.push(&rules::PIPENV_SOURCE, place(url), &url::shown(address));
        }
    }
    for packages in ["packages", "dev-packages"] {
        if let Some(value) = file.get(&[packages]) {
            direct_tables(value, &place, found);
        }
    }
    let Some(pypi) = file.table(&["pypi"]) else { return };
    for (key, value) in pypi {
        let (url, rule) = match value.get_ref().as_table() {
            Some(named) => (named.get("url"), &rules::PDM_SOURCE),
            None => (Some(value).filter(|_| key.get_ref() == "url"), &rules::PDM_INDEX),
        };
        let shadowed =
            value.get_ref().as_table().is_none() && found.surroundings.variable("PDM_PYPI_URL").is_some();
        let Some(url) = url.filter(|_| !shadowed) else { continue };
        let address = url.get_ref().as_str().unwrap_or_default();
        if !found.target.is_proxy(address) {
            found.push(rule, place(url), &url::shown(address));
        }
    }
}

/// Dependencies whose value is a table with an address: `{ git = "https://…" }`.
fn direct_tables(value: &Value<'_>, place: &impl Fn(&Value<'_>) -> Place, found: &mut Findings<'_>) {
    for (name, value) in value.get_ref().as_table().into_iter().flatten() {
        for (value, table) in toml_file::tables(value) {
            if let Some(address) = direct(table) {
                let what = format!("{} from {}", name.get_ref(), url::shown(address));
                found.push(&rules::DIRECT_REFERENCE, place(value), &what);
            }
        }
    }
}

/// The address of a dependency that is fetched from it.
pub(super) fn direct<'t>(table: &'t DeTable<'_>) -> Option<&'t str> {
    let at = |key: &str| toml_file::text(table, key).filter(|text| url::is_address(text) || key == "git");
    ["git", "url", "file", "hg", "svn", "bzr"].iter().find_map(|key| at(key))
}

fn has_table(surroundings: &Surroundings, tool: &str) -> bool {
    pyprojects(surroundings).any(|toml| toml.table(&["tool", tool]).is_some())
}

/// Whether the project points poetry at the proxy itself.
fn has_poetry_source(surroundings: &Surroundings, found: &Findings<'_>) -> bool {
    pyprojects(surroundings).any(|toml| {
        let sources = toml.get(&["tool", "poetry", "source"]).map(toml_file::tables).unwrap_or_default();
        sources.iter().any(|(_, source)| {
            let priority = toml_file::text(source, "priority").unwrap_or("primary");
            let address = toml_file::text(source, "url").unwrap_or_default();
            matches!(priority, "primary" | "default") && found.target.is_proxy(address)
        })
    })
}

fn pyprojects(surroundings: &Surroundings) -> impl Iterator<Item = TomlFile<'_>> {
    let files = surroundings.files.iter().filter(|file| file.kind == Kind::Pyproject);
    files.filter_map(|file| TomlFile::parse(&file.text).ok())
}

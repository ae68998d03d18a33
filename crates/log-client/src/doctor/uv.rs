//! uv's settings: variables, `uv.toml` and `[tool.uv]`.
//!
//! A variable goes before the files for the default index; further indexes add up. uv asks
//! the further ones first, and stops at the first that has the project.

use std::path::{Path, PathBuf};

use toml::de::DeTable;

use super::collect::Findings;
use super::place::Kind;
use super::rules::{self, Rule};
use super::surroundings::Surroundings;
use super::toml_file::{self, TomlFile, Value};
use super::{Place, requirements, url};

/// Variables that hold one index, the first that is set goes before the others.
const DEFAULT: [&str; 2] = ["UV_DEFAULT_INDEX", "UV_INDEX_URL"];

/// Variables that name files with requirements.
pub const FILES: [&str; 3] = ["UV_CONSTRAINT", "UV_BUILD_CONSTRAINT", "UV_OVERRIDE"];

/// Keys of `[tool.uv]` that hold requirements.
const REQUIREMENTS: [&str; 4] =
    ["override-dependencies", "constraint-dependencies", "build-constraint-dependencies", "dev-dependencies"];

/// Judges the variables, and whether uv is pointed at the proxy at all.
pub fn judge(surroundings: &Surroundings, found: &mut Findings<'_>) {
    let set = |name: &str| surroundings.variable(name);
    let variable = |name: &str| Place::Variable(name.to_owned());
    let default = DEFAULT.iter().find_map(|name| Some((*name, set(name)?)));
    match default {
        Some((name, value)) if !found.target.is_proxy(address(value)) => {
            found.push(&rules::UV_INDEX, variable(name), &url::shown(value));
        }
        None if is_used(surroundings) && !has_default(surroundings) => {
            let what = "not set, so uv asks https://pypi.org/simple";
            found.push(&rules::UV_INDEX, variable(DEFAULT[0]), what);
        }
        _ => {}
    }
    let elsewhere = |value: &str| value.split_whitespace().any(|one| !found.target.is_proxy(address(one)));
    let mut findings: Vec<(&'static Rule, &str)> = Vec::new();
    for name in ["UV_INDEX", "UV_EXTRA_INDEX_URL"] {
        if set(name).is_some_and(elsewhere) {
            findings.push((&rules::UV_EXTRA_INDEX_VARIABLE, name));
        }
    }
    if set("UV_INDEX_STRATEGY").is_some_and(|strategy| strategy != "first-index") {
        findings.push((&rules::UV_INDEX_STRATEGY, "UV_INDEX_STRATEGY"));
    }
    for (name, rule) in [
        ("UV_FIND_LINKS", &rules::UV_FIND_LINKS_VARIABLE),
        ("UV_INSECURE_HOST", &rules::UV_INSECURE_HOST),
        ("UV_TORCH_BACKEND", &rules::UV_TORCH),
    ] {
        if set(name).is_some() {
            findings.push((rule, name));
        }
    }
    for name in FILES {
        if set(name).is_some_and(url::is_address) {
            findings.push((&rules::REQUIREMENTS_REMOTE, name));
        }
    }
    for (rule, name) in findings {
        found.push(rule, variable(name), &url::shown(set(name).unwrap_or_default()));
    }
    if let Some(cache) = surroundings.uv_cache.as_ref().filter(|_| is_used(surroundings)) {
        found.push(&rules::UV_CACHE, Place::File(cache.clone(), None), "packages that uv has kept");
    }
}

/// Where uv keeps what it got, unless a variable says that it keeps nothing.
pub fn cache_directory(surroundings: &Surroundings) -> Option<PathBuf> {
    let set = |name: &str| surroundings.variable(name);
    let below = |name: &str, path: &str| set(name).map(|directory| Path::new(directory).join(path));
    let directory = set("UV_CACHE_DIR").map(PathBuf::from);
    let directory =
        directory.or_else(|| below("XDG_CACHE_HOME", "uv")).or_else(|| below("HOME", ".cache/uv"));
    directory.filter(|_| set("UV_NO_CACHE").is_none())
}

/// The default index that uv has, where that can be told; none: PyPI.
pub fn default_index(surroundings: &Surroundings) -> Option<(Place, String)> {
    let variable = |name: &&str| {
        let value = surroundings.variable(name)?;
        Some((Place::Variable((*name).to_owned()), address(value).to_owned()))
    };
    DEFAULT.iter().find_map(variable).or_else(|| {
        surroundings.files.iter().find_map(|file| {
            let toml = TomlFile::parse(&file.text).ok()?;
            let (value, index) = default_of(table_of(&toml, file.kind)?)?;
            Some((Place::File(file.path.clone(), Some(toml.line(value))), index.to_owned()))
        })
    })
}

/// Judges `uv.toml`.
pub fn judge_file(path: &Path, text: &str, found: &mut Findings<'_>) {
    match TomlFile::parse(text) {
        Ok(file) => judge_table(path, &file, file.root(), found),
        Err(error) => found.push(&rules::UNREAD, Place::File(path.to_owned(), None), &error),
    }
}

/// Judges `uv.toml`, or `[tool.uv]`.
pub fn judge_table(path: &Path, file: &TomlFile<'_>, table: &DeTable<'_>, found: &mut Findings<'_>) {
    let place = |value: &Value<'_>| Place::File(path.to_owned(), Some(file.line(value)));
    let indexes = table.get("index").map(toml_file::tables).unwrap_or_default();
    let elsewhere: Vec<&DeTable<'_>> = indexes
        .iter()
        .map(|(_, index)| *index)
        .filter(|index| !found.target.is_proxy(toml_file::text(index, "url").unwrap_or_default()))
        .collect();
    // A variable goes before what the file says of the default.
    let shadowed = DEFAULT.iter().any(|name| found.surroundings.variable(name).is_some());
    for index in &elsewhere {
        let Some(url) = index.get("url") else { continue };
        let address = url.get_ref().as_str().unwrap_or_default();
        if !is_default(index) {
            found.push(&rules::UV_EXTRA_INDEX, place(url), &url::shown(address));
        } else if !shadowed {
            found.push(&rules::UV_INDEX, place(url), &url::shown(address));
        }
    }
    judge_keys(table, shadowed, &place, found);
    if let Some(pip) = table.get("pip").and_then(|pip| pip.get_ref().as_table()) {
        judge_keys(pip, shadowed, &place, found);
    }
    let sources = table.get("sources").and_then(|sources| sources.get_ref().as_table());
    for (project, source) in sources.into_iter().flatten() {
        for (value, source) in toml_file::tables(source) {
            let named = toml_file::text(source, "index");
            let of_index = named.is_some_and(|name| {
                // An index of another file, or one that is not the proxy.
                !indexes.iter().any(|(_, index)| toml_file::text(index, "name") == Some(name))
                    || elsewhere.iter().any(|index| toml_file::text(index, "name") == Some(name))
            });
            let from = ["url", "git"].iter().find_map(|key| toml_file::text(source, key));
            if let Some(from) = from.or(named.filter(|_| of_index)) {
                let what = format!("{} from {}", project.get_ref(), url::shown(from));
                found.push(&rules::UV_SOURCE, place(value), &what);
            }
        }
    }
    let build = table.get("extra-build-dependencies").map(toml_file::texts).unwrap_or_default();
    for (value, text) in build {
        if let Some(reference) = requirements::direct_reference(text) {
            found.push(&rules::BUILD_REQUIRES, place(value), &url::shown(reference));
        }
    }
    for key in REQUIREMENTS {
        for (value, text) in table.get(key).map(toml_file::texts).unwrap_or_default() {
            requirements::judge_line(text, &place(value), found);
        }
    }
}

/// The keys that stand both at the top and in `[pip]`.
fn judge_keys(
    table: &DeTable<'_>,
    shadowed: bool,
    place: &impl Fn(&Value<'_>) -> Place,
    found: &mut Findings<'_>,
) {
    for (key, rule) in [
        ("index-url", &rules::UV_INDEX),
        ("extra-index-url", &rules::UV_EXTRA_INDEX),
        ("find-links", &rules::UV_FIND_LINKS),
        ("allow-insecure-host", &rules::UV_INSECURE_HOST),
        ("torch-backend", &rules::UV_TORCH),
        ("index-strategy", &rules::UV_INDEX_STRATEGY),
    ] {
        let values = table.get(key).map(toml_file::texts).unwrap_or_default();
        for (value, text) in values {
            let harmless = match key {
                "index-url" => shadowed || found.target.is_proxy(text),
                "extra-index-url" => found.target.is_proxy(text),
                "index-strategy" => text == "first-index",
                _ => false,
            };
            if !harmless {
                found.push(rule, place(value), &format!("{key} = {}", url::shown(text)));
            }
        }
    }
    if let Some(value) = table.get("no-index").filter(|value| value.get_ref().as_bool() == Some(true)) {
        found.push(&rules::UV_FIND_LINKS, place(value), "no-index = true");
    }
}

/// The address in `name=address`.
pub(super) fn address(index: &str) -> &str {
    let named = index.split_once('=').filter(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
    });
    named.map_or(index, |(_, address)| address).trim()
}

fn is_default(index: &DeTable<'_>) -> bool {
    index.get("default").and_then(|value| value.get_ref().as_bool()) == Some(true)
}

fn default_of<'t, 'a>(table: &'t DeTable<'a>) -> Option<(&'t Value<'a>, &'t str)> {
    let indexes = table.get("index").map(toml_file::tables).unwrap_or_default();
    let default = indexes.into_iter().map(|(_, index)| index).find(|index| is_default(index));
    let value = default.and_then(|index| index.get("url")).or_else(|| table.get("index-url"))?;
    Some((value, value.get_ref().as_str()?))
}

/// The table with uv's settings in a file.
fn table_of<'t, 'a>(file: &'t TomlFile<'a>, kind: Kind) -> Option<&'t DeTable<'a>> {
    match kind {
        Kind::UvToml => Some(file.root()),
        Kind::Pyproject => file.table(&["tool", "uv"]),
        _ => None,
    }
}

fn has_default(surroundings: &Surroundings) -> bool {
    default_index(surroundings).is_some()
}

/// Whether anything here is for uv.
fn is_used(surroundings: &Surroundings) -> bool {
    let settings = |name: &String| name.starts_with("UV_");
    surroundings.has("uv.lock")
        || surroundings.variables.keys().any(settings)
        || surroundings.files.iter().any(|file| {
            let toml = || TomlFile::parse(&file.text).ok();
            file.kind == Kind::UvToml
                || file.kind == Kind::Pyproject
                    && toml().is_some_and(|toml| toml.table(&["tool", "uv"]).is_some())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_may_have_a_name() {
        assert_eq!(address("corp=https://h/simple?a=b"), "https://h/simple?a=b");
        assert_eq!(address("https://h/simple?a=b"), "https://h/simple?a=b");
    }
}

//! tox: what its configuration gives to pip and uv, in INI and in TOML.
//!
//! tox 4 passes `PIP_*` on to what it runs, so that a proxy that was set outside is used;
//! these are the settings that go before it.

use std::path::Path;

use super::collect::Findings;
use super::options::{self, Meaning};
use super::toml_file::{self, TomlFile, Value};
use super::words::words;
use super::{Place, ini, requirements, rules, url};

/// Variables that say where files come from.
const SOURCES: [&str; 14] = [
    "PIP_INDEX_URL",
    "PIP_PYPI_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "PIP_CONFIG_FILE",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_INDEX",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_CONFIG_FILE",
    "PDM_PYPI_URL",
    "PIPENV_PYPI_MIRROR",
];

/// Judges `tox.ini`, or the sections of `setup.cfg` that begin with `tox:`.
pub fn judge_ini(path: &Path, text: &str, prefix: &str, found: &mut Findings<'_>) {
    for entry in ini::entries(text).iter().filter(|entry| entry.section.starts_with(prefix)) {
        let lines = entry.values.iter().map(|(line, value)| (*line, value.as_str()));
        judge_key(path, &entry.key, entry.line, lines, found);
    }
}

/// Judges `tox.toml`.
pub fn judge_toml_text(path: &Path, text: &str, found: &mut Findings<'_>) {
    match TomlFile::parse(text) {
        Ok(file) => file.root().iter().for_each(|(key, value)| {
            judge_toml(path, &file, key.get_ref(), value, found);
        }),
        Err(error) => found.push(&rules::UNREAD, Place::File(path.to_owned(), None), &error),
    }
}

/// Judges a value of `tox.toml`, or of `[tool.tox]`, and all that is below it.
pub fn judge_toml(path: &Path, file: &TomlFile<'_>, key: &str, value: &Value<'_>, found: &mut Findings<'_>) {
    let mut left = vec![(key, value)];
    while let Some((key, value)) = left.pop() {
        let line = file.line(value);
        match (key, value.get_ref().as_table()) {
            ("legacy_tox_ini", _) => {
                for entry in ini::entries(value.get_ref().as_str().unwrap_or_default()) {
                    // The lines of a text within a text are not worth counting.
                    let lines = entry.values.iter().map(|(_, text)| (line, text.as_str()));
                    judge_key(path, &entry.key, line, lines, found);
                }
            }
            ("set_env" | "setenv", Some(variables)) => {
                for (name, value) in variables {
                    let text = value.get_ref().as_str().unwrap_or_default();
                    judge_variable(path, file.line(value), name.get_ref(), text, found);
                }
            }
            (_, Some(table)) => {
                left.extend(table.iter().map(|(key, value)| (key.get_ref().as_ref(), value)));
            }
            ("install_command", None) => {
                let words: Vec<String> =
                    toml_file::texts(value).into_iter().map(|(_, text)| text.to_owned()).collect();
                judge_command(path, line, &words, found);
            }
            _ => {
                let texts = toml_file::texts(value).into_iter();
                judge_key(path, key, line, texts.map(|(value, text)| (file.line(value), text)), found);
            }
        }
    }
}

fn judge_key<'t>(
    path: &Path,
    key: &str,
    line: usize,
    values: impl Iterator<Item = (usize, &'t str)>,
    found: &mut Findings<'_>,
) {
    let place = |line| Place::File(path.to_owned(), Some(line));
    match key {
        "deps" => {
            for (line, value) in values {
                requirements::judge_line(without_factor(value), &place(line), found);
            }
        }
        "install_command" => {
            let command: Vec<&str> = values.map(|(_, value)| value).collect();
            judge_command(path, line, &words(&command.join(" ")), found);
        }
        "set_env" | "setenv" => {
            for (line, value) in values {
                let (name, value) = without_factor(value).split_once('=').unwrap_or((value, ""));
                judge_variable(path, line, name, value, found);
            }
        }
        "indexserver" => {
            for (line, value) in values {
                let address = value.split_once('=').map_or(value, |(_, address)| address).trim();
                if !found.target.is_proxy(address) {
                    found.push(&rules::TOX_INDEX_SERVER, place(line), &url::shown(value));
                }
            }
        }
        "disallow_pass_env" => {
            for (line, value) in values {
                let hides = |pattern: &str| {
                    let start = pattern.trim_end_matches('*').to_ascii_uppercase();
                    SOURCES
                        .iter()
                        .any(|name| *name == start || pattern.ends_with('*') && name.starts_with(&start))
                };
                if value.split([',', ' ']).any(|pattern| !pattern.is_empty() && hides(pattern)) {
                    found.push(&rules::TOX_PASS_ENV, place(line), value);
                }
            }
        }
        _ => {}
    }
}

fn judge_command(path: &Path, line: usize, words: &[String], found: &mut Findings<'_>) {
    let goes_round = options::read(words).options.into_iter().any(|(meaning, value)| match meaning {
        Meaning::Index | Meaning::ExtraIndex => !found.target.is_proxy(&value) && !is_passed_on(&value),
        Meaning::FindLinks | Meaning::NoIndex => true,
        _ => false,
    });
    if goes_round {
        let place = Place::File(path.to_owned(), Some(line));
        found.push(&rules::TOX_INSTALL_COMMAND, place, &url::shown(&words.join(" ")));
    }
}

fn judge_variable(path: &Path, line: usize, name: &str, value: &str, found: &mut Findings<'_>) {
    let (name, value) = (name.trim().to_ascii_uppercase(), value.trim());
    let harmless = value.is_empty() || found.target.is_proxy(value) || is_passed_on(value);
    if SOURCES.contains(&name.as_str()) && !harmless {
        let place = Place::File(path.to_owned(), Some(line));
        found.push(&rules::TOX_SET_ENV, place, &format!("{name} = {}", url::shown(value)));
    }
}

/// `{env:PIP_INDEX_URL:…}`: what is set outside counts.
fn is_passed_on(value: &str) -> bool {
    let inner = value.strip_prefix("{env:").and_then(|rest| rest.split(['}', ':']).next());
    inner.is_some_and(|name| SOURCES.contains(&name.trim()))
}

/// A value without the factors it is for: `py39,py310: nova`.
fn without_factor(value: &str) -> &str {
    let Some((factors, rest)) = value.split_once(':') else { return value.trim() };
    let is_factor = |c: char| c.is_ascii_alphanumeric() || "-_.,!{} ".contains(c);
    // Not the colon of an address, or of a substitution.
    let is_whole = factors.matches('{').count() == factors.matches('}').count();
    if is_whole && factors.chars().all(is_factor) && !rest.starts_with("//") {
        rest.trim()
    } else {
        value.trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_and_what_is_passed_on() {
        assert_eq!(without_factor("py39: nova"), "nova");
        assert_eq!(without_factor("!py39,py3{10,11}: -i URL"), "-i URL");
        assert_eq!(without_factor("https://a/b"), "https://a/b");
        assert_eq!(without_factor("-c{env:A:https://b}"), "-c{env:A:https://b}");
        assert!(is_passed_on("{env:PIP_INDEX_URL:https://a/}"));
        assert!(!is_passed_on("{env:HOME}") && !is_passed_on("https://a/"));
    }
}

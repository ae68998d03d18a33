//! tox: what its configuration gives to pip and uv.
//!
//! tox 4 passes `PIP_*` on to what it runs, so that a proxy that was set outside is used;
//! these are the settings that go before it.

use std::path::Path;

use super::collect::Findings;
use super::options::{self, Meaning};
use super::rules::{self, Rule};
use super::surroundings::ReadFile;
use super::toml_file::{TomlFile, Value};
use super::tox_env::{self, SOURCES};
use super::tox_read::{self, Setting};
use super::words::words;
use super::{Place, requirements, url};

/// What makes a command with pip or uv in it one that installs, or gets what is installed.
const VERBS: [&str; 6] = ["install", "download", "wheel", "sync", "add", "lock"];

/// Judges `tox.ini`, or the sections of `setup.cfg` that begin with `tox:`.
pub fn judge_ini(path: &Path, text: &str, prefix: &str, found: &mut Findings<'_>) {
    for setting in tox_read::of_ini(text, prefix) {
        judge_setting(path, &setting, found);
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
    for setting in tox_read::of_toml(file, key, value) {
        judge_setting(path, &setting, found);
    }
}

/// The files with requirements that a file of tox names, as they are written.
pub fn includes(file: &ReadFile) -> Vec<String> {
    let mut names = Vec::new();
    for setting in tox_read::of_file(file) {
        for (_, value) in &setting.values {
            let value = without_factor(value);
            match setting.key.as_str() {
                key if is_command(key, value) => {
                    let options = options::read(&command_words(value)).options.into_iter();
                    let included = options.filter(|(meaning, name)| {
                        *meaning == Meaning::Include && !name.is_empty() && !url::is_address(name)
                    });
                    names.extend(included.map(|(_, name)| name));
                }
                "constraints" if !value.starts_with('-') && !url::is_address(value) => {
                    names.push(value.to_owned());
                }
                "set_env" | "setenv" => names.extend(tox_env::includes(value)),
                "deps" | "constraints" => names.extend(requirements::includes_of_line(value)),
                _ => {}
            }
        }
    }
    names
}

/// The files with variables that a file of tox names: `set_env = file|ci.env`.
pub fn variable_files(file: &ReadFile) -> Vec<String> {
    let settings = tox_read::of_file(file).into_iter();
    let lines = settings.filter(|setting| matches!(setting.key.as_str(), "set_env" | "setenv"));
    let lines = lines.flat_map(|setting| setting.values);
    lines
        .filter_map(|(_, line)| Some(without_factor(&line).strip_prefix("file|")?.trim().to_owned()))
        .collect()
}

fn judge_setting(path: &Path, setting: &Setting, found: &mut Findings<'_>) {
    for (line, value) in &setting.values {
        let place = || Place::File(path.to_owned(), Some(*line));
        let value = value.as_str();
        match setting.key.as_str() {
            "deps" | "requires" => requirements::judge_line(without_factor(value), &place(), found),
            "constraints" if url::is_address(value) => {
                found.push(&rules::REQUIREMENTS_REMOTE, place(), &url::shown(value));
            }
            "set_env" | "setenv" => tox_env::judge(&place(), without_factor(value), found),
            "indexserver" => {
                let address = value.split_once('=').map_or(value, |(_, address)| address).trim();
                if !found.target.is_proxy(address) {
                    found.push(&rules::TOX_INDEX_SERVER, place(), &url::shown(value));
                }
            }
            "disallow_pass_env" if value.split([',', ' ']).any(hides) => {
                found.push(&rules::TOX_PASS_ENV, place(), value);
            }
            key if is_command(key, value) => {
                judge_command(&place(), without_factor(value), found);
            }
            _ => {}
        }
    }
}

/// Whether it is a command that installs.
fn is_command(key: &str, value: &str) -> bool {
    key == "install_command" || key.starts_with("commands") && installs(value)
}

/// The words of a command; those of one that is a word of it, too: `sh -c "pip install a"`.
fn command_words(command: &str) -> Vec<String> {
    words(command).iter().flat_map(|word| words(word)).collect()
}

/// Whether a command is one of pip or uv that installs.
fn installs(command: &str) -> bool {
    let words = command_words(command);
    let is_tool = |word: &String| {
        let name = word.rsplit('/').next().unwrap_or_default().trim_start_matches(['-', '!', '@']);
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        matches!(name, "pip" | "uv" | "uvx")
    };
    words.iter().any(is_tool) && words.iter().any(|word| VERBS.contains(&word.as_str()))
}

fn judge_command(place: &Place, command: &str, found: &mut Findings<'_>) {
    let words = command_words(command);
    let line = options::read(&words);
    let mut named: Vec<(&'static Rule, &str)> = Vec::new();
    named.extend(line.others.iter().map(|word| (&rules::DIRECT_REFERENCE, word.as_str())));
    named.extend(line.options.iter().filter_map(|(meaning, value)| match meaning {
        Meaning::Editable => Some((&rules::DIRECT_REFERENCE, value.as_str())),
        Meaning::Include => Some((&rules::REQUIREMENTS_REMOTE, value.as_str())),
        _ => None,
    }));
    for (rule, address) in named.into_iter().filter(|(_, word)| url::is_address(word)) {
        found.push(rule, place.clone(), &url::shown(address));
    }
    let goes_round = line.options.into_iter().any(|(meaning, value)| match meaning {
        Meaning::Index => tox_env::goes_round("PIP_INDEX_URL", &value, found),
        Meaning::ExtraIndex => tox_env::goes_round("PIP_EXTRA_INDEX_URL", &value, found),
        Meaning::FindLinks | Meaning::NoIndex | Meaning::Isolated => true,
        _ => false,
    });
    if goes_round {
        found.push(&rules::TOX_INSTALL_COMMAND, place.clone(), &url::shown(&words.join(" ")));
    }
}

/// Whether a pattern of variables that are not passed on is for one that matters.
fn hides(pattern: &str) -> bool {
    let start = pattern.trim_end_matches('*').to_ascii_uppercase();
    !pattern.is_empty()
        && SOURCES.iter().any(|name| *name == start || pattern.ends_with('*') && name.starts_with(&start))
}

/// A value without the factors it is for: `py39,py310: nova`.
fn without_factor(value: &str) -> &str {
    let Some((factors, rest)) = value.split_once(':') else { return value.trim() };
    let is_factor = |c: char| c.is_alphanumeric() || "-_.,!{}".contains(c);
    // Not the colon of an address, or of a substitution.
    let is_whole = factors.matches('{').count() == factors.matches('}').count();
    if is_whole && factors.chars().all(is_factor) && rest.starts_with(char::is_whitespace) {
        rest.trim()
    } else {
        value.trim()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_taken_off() {
        assert_eq!(without_factor("py39: nova"), "nova");
        assert_eq!(without_factor("!py39,py3{10,11}: -i URL"), "-i URL");
        assert_eq!(without_factor("https://a/b"), "https://a/b");
        assert_eq!(without_factor("pip install -i file:/a"), "pip install -i file:/a");
        assert_eq!(without_factor("-c{env:A:https://b}"), "-c{env:A:https://b}");
    }

    #[test]
    fn commands_that_install_are_known() {
        for command in
            ["pip install a", "-{envpython} -m pip3.12 install", "uv pip sync a", "sh -c 'pip install a'"]
        {
            assert!(installs(command), "{command}");
        }
        for command in ["pytest -i", "pip check", "echo install"] {
            assert!(!installs(command), "{command}");
        }
    }
}

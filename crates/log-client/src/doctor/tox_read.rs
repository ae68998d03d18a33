//! tox's settings as tox reads them, from INI and TOML in one form.
//!
//! | setting | one value is |
//! |---|---|
//! | `set_env` | `NAME=value`, or `file|path` |
//! | `install_command`, `commands`, … | one command |
//! | others | one line, or one text |

use super::ini;
use super::place::Kind;
use super::surroundings::ReadFile;
use super::toml_file::{self, TomlFile, Value};
use super::words::python_lines;

/// A setting where it stands.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its key.
    pub key: String,
    /// Its values, each with its line.
    pub values: Vec<(usize, String)>,
}

/// The settings in `tox.ini`, or in the sections of `setup.cfg` that begin with `tox:`.
pub fn of_ini(text: &str, prefix: &str) -> Vec<Setting> {
    let entries = ini::entries(text).into_iter().filter(|entry| entry.section.starts_with(prefix));
    let settings = entries.map(|entry| {
        let mut values: Vec<(usize, String)> = Vec::new();
        let mut is_open = false;
        for (line, text) in entry.values {
            let text = without_comment(&text);
            let (text, goes_on) = text.strip_suffix('\\').map_or((text, false), |text| (text, true));
            match values.last_mut().filter(|_| is_open) {
                Some((_, last)) => last.push_str(text),
                None => values.push((line, text.to_owned())),
            }
            is_open = goes_on;
        }
        if entry.key == "install_command" {
            // One command, over however many lines.
            let all: Vec<String> = values.drain(..).map(|(_, text)| text).collect();
            values.push((entry.line, all.join(" ")));
        }
        let split = values.iter().flat_map(|(line, text)| python_lines(text).map(|(_, part)| (*line, part)));
        let values = split.map(|(line, part)| (line, part.trim().to_owned()));
        Setting { key: entry.key, values: values.filter(|(_, text)| !text.is_empty()).collect() }
    });
    settings.collect()
}

/// The settings in a value of `tox.toml`, or in `[tool.tox]`.
pub fn of_toml(file: &TomlFile<'_>, key: &str, value: &Value<'_>) -> Vec<Setting> {
    let mut settings = Vec::new();
    let mut left = vec![(key, value)];
    while let Some((key, value)) = left.pop() {
        let line = file.line(value);
        let mut push = |values: Vec<(usize, String)>| settings.push(Setting { key: key.to_owned(), values });
        match key {
            "legacy_tox_ini" => {
                for mut setting in of_ini(value.get_ref().as_str().unwrap_or_default(), "") {
                    // The lines of a text within a text are not worth counting.
                    setting.values.iter_mut().for_each(|(number, _)| *number = line);
                    settings.push(setting);
                }
            }
            "set_env" | "setenv" => push(variables(file, value)),
            "install_command" => push(vec![(line, command(value))]),
            _ if key.starts_with("commands") => {
                let commands = value.get_ref().as_array().into_iter().flatten();
                push(commands.map(|one| (file.line(one), command(one))).collect());
            }
            _ if value.get_ref().is_table() => {
                let table = value.get_ref().as_table().into_iter().flatten();
                left.extend(table.map(|(key, value)| (key.get_ref().as_ref(), value)));
            }
            _ => {
                let texts = toml_file::texts(value).into_iter();
                push(texts.map(|(value, text)| (file.line(value), text.to_owned())).collect());
            }
        }
    }
    settings
}

/// The settings in a file, if it is one that tox reads.
pub fn of_file(file: &ReadFile) -> Vec<Setting> {
    let toml = |keys: &[&str]| {
        let Ok(toml) = TomlFile::parse(&file.text) else { return Vec::new() };
        let table = if keys.is_empty() { Some(toml.root()) } else { toml.table(keys) };
        let values = table.into_iter().flatten();
        values.flat_map(|(key, value)| of_toml(&toml, key.get_ref(), value)).collect()
    };
    match file.kind {
        Kind::ToxIni => of_ini(&file.text, ""),
        Kind::SetupCfg => of_ini(&file.text, "tox:"),
        Kind::ToxToml => toml(&[]),
        Kind::Pyproject => toml(&["tool", "tox"]),
        _ => Vec::new(),
    }
}

/// The words of a command in one line.
fn command(value: &Value<'_>) -> String {
    let words: Vec<&str> = toml_file::texts(value).into_iter().map(|(_, text)| text).collect();
    words.join(" ")
}

/// The variables of one `set_env`, or of several.
fn variables(file: &TomlFile<'_>, value: &Value<'_>) -> Vec<(usize, String)> {
    let mut variables = Vec::new();
    for (name, value) in toml_file::tables(value).into_iter().flat_map(|(_, table)| table) {
        let name = name.get_ref();
        let text = match value.get_ref().as_table() {
            None if name == "file" => {
                variables.push((
                    file.line(value),
                    format!("file|{}", value.get_ref().as_str().unwrap_or_default()),
                ));
                continue;
            }
            None => value.get_ref().as_str().unwrap_or("{}").to_owned(),
            Some(table) => {
                let text = |key| toml_file::text(table, key);
                match (text("value"), text("replace"), text("name")) {
                    (Some(value), _, _) => value.to_owned(),
                    (_, Some("env"), Some(of)) => {
                        format!("{{env:{of}:{}}}", text("default").unwrap_or_default())
                    }
                    // Something from elsewhere.
                    _ => "{}".to_owned(),
                }
            }
        };
        variables.push((file.line(value), format!("{name}={text}")));
    }
    variables
}

/// A `#` begins a comment for tox, wherever it is, unless a backslash is before it.
fn without_comment(line: &str) -> &str {
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| !line[..*at].ends_with('\\'));
    comment.map_or(line, |at| line[..at].trim_end())
}

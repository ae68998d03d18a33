//! pip's settings: variables and configuration files, which of them counts, and setuptools'
//! own downloading.
//!
//! pip lets a setting replace those of lower rank, lists too: the environment goes before
//! the section of the command, that before `[global]`, and within a section `PIP_CONFIG_FILE`
//! before the environment's (site), the user's and the machine's file. A setting that another
//! one replaces goes round nothing, and is not found.

use std::path::Path;

use super::collect::Findings;
use super::place::Kind;
use super::rules::{self, Rule};
use super::surroundings::Surroundings;
use super::{Place, Target, ini, url};

/// The commands that fetch files; each has a section of its own.
const COMMANDS: [&str; 4] = ["install", "download", "wheel", "lock"];

/// The keys that name files with requirements.
const FILES: [&str; 3] = ["requirement", "constraint", "build-constraint"];

/// A setting where it stands.
#[derive(Debug, Clone)]
pub struct Setting {
    /// `index-url`, `find-links`, ….
    pub key: String,
    /// Its value in one line.
    pub value: String,
    /// Where it stands.
    pub place: Place,
    /// None for a variable.
    section: Option<String>,
    level: u8,
}

/// Judges pip's settings.
pub fn judge(surroundings: &Surroundings, found: &mut Findings<'_>) {
    let settings = settings(surroundings);
    for command in COMMANDS {
        let of = |key| effective(&settings, command, key);
        let indexes = of("index-url");
        if indexes.is_empty() {
            let place = Place::Variable("PIP_INDEX_URL".to_owned());
            found.push(&rules::PIP_INDEX, place, "not set, so pip asks https://pypi.org/simple");
        }
        let elsewhere = |setting: &&Setting| !found.target.is_proxy(&setting.value);
        let indexes: Vec<_> = indexes.into_iter().filter(elsewhere).collect();
        let extra = of("extra-index-url").into_iter();
        // One that is the proxy twice over does no harm.
        let extra: Vec<_> = extra
            .filter(|setting| setting.value.split_whitespace().any(|url| !found.target.is_proxy(url)))
            .collect();
        let no_index = of("no-index").into_iter().filter(|setting| is_true(&setting.value)).collect();
        let proxy = of("proxy").into_iter();
        let proxy = proxy.filter(|setting| *found.target == Target::Run && !is_variable(setting)).collect();
        let fetched = FILES.iter().flat_map(|key| of(key));
        let fetched = fetched.filter(|setting| url::is_address(&setting.value)).collect();
        for (rule, settings) in [
            (&rules::PIP_INDEX, indexes),
            (&rules::PIP_EXTRA_INDEX, extra),
            (&rules::PIP_FIND_LINKS, of("find-links")),
            (&rules::PIP_NO_INDEX, no_index),
            (&rules::PIP_TRUSTED_HOST, of("trusted-host")),
            (&rules::PIP_PROXY, if loopback(found.target) { of("proxy") } else { proxy }),
            (&rules::REQUIREMENTS_REMOTE, fetched),
        ] as [(&'static Rule, Vec<&Setting>); 7]
        {
            for setting in settings {
                let what = format!("{} = {}", setting.key, url::shown(&setting.value));
                found.push(rule, setting.place.clone(), &what);
            }
        }
    }
}

/// The index that pip takes files from when it installs; none: PyPI.
pub fn index_url(surroundings: &Surroundings) -> Option<Setting> {
    let settings = settings(surroundings);
    effective(&settings, "install", "index-url").into_iter().next().cloned()
}

/// The values that name requirements and constraints files.
pub fn named_files(surroundings: &Surroundings) -> Vec<String> {
    let settings = settings(surroundings);
    let mut values: Vec<String> = Vec::new();
    for command in COMMANDS {
        for key in FILES {
            values.extend(effective(&settings, command, key).into_iter().map(|one| one.value.clone()));
        }
    }
    values.sort();
    values.dedup();
    values
}

/// What stands in `setup.cfg` or `.pydistutils.cfg` for setuptools.
pub fn judge_setup_cfg(path: &Path, text: &str, found: &mut Findings<'_>) {
    for entry in ini::entries(text) {
        if let Some(rule) = requirements_rule(&entry) {
            for (line, value) in entry.values.iter().filter(|(_, value)| url::is_address(value)) {
                if !is_file_directive(value) {
                    found.push(rule, Place::File(path.to_owned(), Some(*line)), &url::shown(value));
                }
            }
        }
        let rule = match (entry.section.as_str(), entry.key.replace('-', "_").as_str()) {
            ("easy_install", "index_url" | "find_links") => &rules::EASY_INSTALL,
            ("options" | "metadata", "dependency_links") => &rules::DEPENDENCY_LINKS,
            _ => continue,
        };
        if !found.target.is_proxy(&entry.value()) {
            let what = format!("{} = {}", entry.key, url::shown(&entry.value()));
            found.push(rule, Place::File(path.to_owned(), Some(entry.line)), &what);
        }
    }
}

/// The files from which setuptools takes requirements: `install_requires = file: a, b`.
pub fn setup_cfg_includes(text: &str) -> Vec<String> {
    let entries = ini::entries(text).into_iter().filter(|entry| requirements_rule(entry).is_some());
    let values = entries.map(|entry| entry.value()).filter(|value| is_file_directive(value));
    let names = values.flat_map(|value| value[5..].split(',').map(str::to_owned).collect::<Vec<_>>());
    names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

/// What a requirement with an address is, when the entry holds requirements.
fn requirements_rule(entry: &ini::Entry) -> Option<&'static Rule> {
    match (entry.section.as_str(), entry.key.replace('-', "_").as_str()) {
        ("options", "setup_requires") => Some(&rules::BUILD_REQUIRES),
        ("options", "install_requires" | "tests_require") | ("options.extras_require", _) => {
            Some(&rules::DIRECT_REFERENCE)
        }
        _ => None,
    }
}

/// `file: requirements.txt` names a file of the project, and is no address.
fn is_file_directive(value: &str) -> bool {
    value.starts_with("file:") && !value.contains("://")
}

fn settings(surroundings: &Surroundings) -> Vec<Setting> {
    let variables = surroundings.variables.iter().filter_map(|(name, value)| {
        let key = key(name.strip_prefix("PIP_")?);
        let place = Place::Variable(name.clone());
        // An empty one counts as not set.
        (!value.is_empty()).then(|| Setting { key, value: value.clone(), place, section: None, level: 0 })
    });
    let mut settings: Vec<Setting> = variables.collect();
    for file in &surroundings.files {
        let Kind::PipConf(level) = file.kind else { continue };
        for entry in ini::entries(&file.text) {
            if !entry.values.is_empty() {
                let (key, value) = (key(&entry.key), entry.value());
                let place = Place::File(file.path.clone(), Some(entry.line));
                settings.push(Setting { key, value, place, section: Some(entry.section), level });
            }
        }
    }
    settings
}

/// The settings of a key that count for a command: those of the highest rank.
fn effective<'s>(settings: &'s [Setting], command: &str, key: &str) -> Vec<&'s Setting> {
    let rank = |setting: &Setting| match setting.section.as_deref() {
        None => Some((2, 0)),
        Some(section) if section == command => Some((1, setting.level)),
        Some("global") => Some((0, setting.level)),
        Some(_) => None,
    };
    let of_key = || settings.iter().filter(|setting| setting.key == key);
    let highest = of_key().filter_map(rank).max();
    of_key().filter(|setting| highest.is_some() && rank(setting) == highest).collect()
}

fn key(name: &str) -> String {
    match name.to_ascii_lowercase().replace('_', "-").trim_start_matches('-') {
        // Another name of the same option.
        "pypi-url" => "index-url".to_owned(),
        key => key.to_owned(),
    }
}

fn is_true(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "y" | "yes" | "t" | "true" | "on" | "1")
}

/// Whether a value of a flag takes it back.
pub(super) fn is_false(value: &str) -> bool {
    matches!(value.trim().to_ascii_lowercase().as_str(), "n" | "no" | "f" | "false" | "off" | "0")
}

/// Whether a configuration file has a setting that counts when no variable does.
pub(super) fn is_in_files(surroundings: &Surroundings, key: &str) -> bool {
    settings(surroundings).iter().any(|setting| setting.key == key && !is_variable(setting))
}

fn is_variable(setting: &Setting) -> bool {
    matches!(setting.place, Place::Variable(_))
}

fn loopback(target: &Target) -> bool {
    let Target::Proxy(proxy) = target else { return false };
    ["http://127.", "http://localhost", "http://[::1]"].iter().any(|start| proxy.starts_with(start))
}

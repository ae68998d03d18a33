//! The variables that tox sets in its environments: which of them go round the proxy.
//!
//! A value may refer to what is set outside, `{env:NAME:default}`. What it comes to is told
//! from what is set here, or from what `wheeltap run` will have set.

use std::path::Path;

use super::collect::Findings;
use super::words::{python_lines, python_trim};
use super::{Place, Target, pip, rules, url, uv};

/// Variables that say where files come from.
pub const SOURCES: [&str; 14] = [
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

/// Those without which PyPI is asked.
const INSTEAD_OF_PYPI: [&str; 5] =
    ["PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL", "PDM_PYPI_URL", "PIPENV_PYPI_MIRROR"];

/// Those that `wheeltap run` points at its proxy, or at nothing.
pub(crate) const POINTED: [&str; 9] = [
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "PIP_FIND_LINKS",
    "PIP_NO_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX",
    "PDM_PYPI_URL",
    "PIPENV_PYPI_MIRROR",
    "WHEELTAP_INDEX_URL",
];

/// Those that it takes out.
pub(crate) const TAKEN_OUT: [&str; 4] =
    ["PIP_PYPI_URL", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"];

/// Those that name files with requirements.
const FILES: [&str; 6] = [
    "PIP_REQUIREMENT",
    "PIP_CONSTRAINT",
    "PIP_BUILD_CONSTRAINT",
    "UV_CONSTRAINT",
    "UV_BUILD_CONSTRAINT",
    "UV_OVERRIDE",
];

/// Defaults within defaults; nobody writes more, and what has more is said to go round.
const MAX_NESTED: usize = 8;

/// Judges a file with variables, one a line.
pub fn judge_file(path: &Path, text: &str, found: &mut Findings<'_>) {
    for (number, line) in python_lines(text) {
        let line = python_trim(line);
        if !line.starts_with('#') {
            judge(&Place::File(path.to_owned(), Some(number)), line, found);
        }
    }
}

/// The local files with requirements that are named in `NAME=value`.
pub fn includes(setting: &str) -> Vec<String> {
    let Some((name, value)) = setting.split_once('=') else { return Vec::new() };
    if !FILES.contains(&name.trim().to_ascii_uppercase().as_str()) {
        return Vec::new();
    }
    let names = words(without_marker(value)).into_iter().filter(|word| !url::is_address(word));
    names.map(str::to_owned).collect()
}

/// Judges `NAME=value`.
pub fn judge(place: &Place, setting: &str, found: &mut Findings<'_>) {
    let Some((name, value)) = setting.split_once('=') else { return };
    let (name, value) = (name.trim().to_ascii_uppercase(), without_marker(value));
    if FILES.contains(&name.as_str()) && url::is_address(value) {
        let what = format!("{name} = {}", url::shown(value));
        found.push(&rules::REQUIREMENTS_REMOTE, place.clone(), &what);
    }
    if SOURCES.contains(&name.as_str()) && goes_round(&name, value, found) {
        let what = format!("{name} = {}", url::shown(value));
        found.push(&rules::TOX_SET_ENV, place.clone(), &what);
    }
}

/// Whether a variable with this value leads elsewhere than to the proxy.
pub fn goes_round(name: &str, value: &str, found: &Findings<'_>) -> bool {
    let words = words(value);
    if words.is_empty() {
        return empty_goes_round(name, found);
    }
    words.into_iter().any(|word| match reference(word) {
        Some((other, default)) => reference_goes_round(name, other, default, found),
        None if name == "PIP_NO_INDEX" => !pip::is_false(word),
        None => !found.target.is_proxy(uv::address(word)),
    })
}

/// An empty variable is as good as none: the tool asks PyPI, or what its files say counts.
fn empty_goes_round(name: &str, found: &Findings<'_>) -> bool {
    let key = match name {
        "PIP_EXTRA_INDEX_URL" => "extra-index-url",
        "PIP_FIND_LINKS" => "find-links",
        "PIP_NO_INDEX" => "no-index",
        _ => return INSTEAD_OF_PYPI.contains(&name),
    };
    let hidden = *found.target == Target::Run || found.surroundings.variable(name).is_some();
    hidden && pip::is_in_files(found.surroundings, key)
}

fn reference_goes_round(name: &str, other: &str, default: &str, found: &Findings<'_>) -> bool {
    let own = name == other;
    if *found.target == Target::Run {
        if POINTED.contains(&other) {
            return false;
        }
        if TAKEN_OUT.contains(&other) {
            return goes_round(name, default, found);
        }
    }
    match found.surroundings.variables.get(other) {
        // It is judged by itself.
        Some(_) if own => false,
        None if own && INSTEAD_OF_PYPI.contains(&name) => false,
        // What is set outside is not expanded once more.
        Some(value) if reference(value).is_some() => true,
        Some(value) => goes_round(name, value, found),
        None => goes_round(name, default, found),
    }
}

/// The name and the default in `{env:NAME:default}`, when that is all there is.
fn reference(word: &str) -> Option<(&str, &str)> {
    let inner = word.strip_prefix("{env:")?.strip_suffix('}')?;
    let (name, default) = inner.split_once(':').unwrap_or((inner, ""));
    let mut depth = 0usize;
    for c in default.chars() {
        match c {
            '{' => depth += 1,
            // `{env:A:}{env:B:}` is two.
            '}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth > MAX_NESTED {
            return None;
        }
    }
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    (is_name && depth == 0).then_some((name, default))
}

/// The words of a value; white space in a reference separates none.
fn words(value: &str) -> Vec<&str> {
    let mut depth = 0;
    let words = value.split(|c: char| {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        depth <= 0 && c.is_whitespace()
    });
    words.filter(|word| !word.is_empty()).collect()
}

/// A value without the marker that says when it is set: `value; sys_platform == "linux"`.
fn without_marker(value: &str) -> &str {
    let end = value.match_indices(';').map(|(at, _)| at).find(|at| !value[..*at].ends_with('\\'));
    value[..end.unwrap_or(value.len())].trim()
}

#[cfg(test)]
mod tests {
    use super::super::surroundings::Surroundings;
    use super::*;

    const PROXY: &str = "http://127.0.0.1:8070/simple/";

    #[test]
    fn references_are_whole() {
        let deep = |depth| "{env:A:".repeat(depth) + &"}".repeat(depth);
        assert!(reference(&deep(MAX_NESTED + 1)).is_some() && reference(&deep(MAX_NESTED + 2)).is_none());
        assert_eq!(reference("{env:A}"), Some(("A", "")));
        assert_eq!(reference("{env:A:{env:B:https://h/}}"), Some(("A", "{env:B:https://h/}")));
        for other in ["{env:A:}{env:B:}", "{env:A:} b", "{[base]a}", "{env:}", "a"] {
            assert_eq!(reference(other), None, "{other}");
        }
    }

    #[test]
    fn what_goes_round() {
        let check = |target: &Target, name: &str, value: &str| {
            let variables = [("PIP_INDEX_URL", PROXY), ("OWN", PROXY), ("OTHER", "https://h/")];
            let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let surroundings = Surroundings { variables: variables.collect(), ..Surroundings::default() };
            goes_round(name, value, &Findings::new(&surroundings, target))
        };
        let proxy = Target::Proxy(PROXY.to_owned());
        for (name, value, of_proxy, of_run) in [
            ("PIP_INDEX_URL", "", true, true),
            ("PIP_EXTRA_INDEX_URL", "", false, false),
            ("UV_INDEX", "", false, false),
            ("PIP_INDEX_URL", PROXY, false, true),
            ("PIP_INDEX_URL", "http://127.0.0.1:8070/simple/ https://h/", true, true),
            ("PIP_INDEX_URL", "{env:PIP_INDEX_URL:https://h/}", false, false),
            ("UV_DEFAULT_INDEX", "{env:PIP_INDEX_URL:https://h/}", false, false),
            ("PIP_INDEX_URL", "{env:UV_INDEX_URL:https://h/}", true, true),
            ("PIP_INDEX_URL", "{env:UV_INDEX_URL:}", true, true),
            ("PIP_INDEX_URL", "{env:UV_DEFAULT_INDEX:https://h/}", true, false),
            ("PIP_INDEX_URL", "{env:UV_INDEX_URL:{env:PIP_INDEX_URL:}}", false, false),
            ("PIP_EXTRA_INDEX_URL", "{env:PIP_EXTRA_INDEX_URL:https://h/}", true, false),
            ("PIP_EXTRA_INDEX_URL", "{env:PIP_EXTRA_INDEX_URL:} https://h/", true, true),
            ("UV_EXTRA_INDEX_URL", "{env:UV_EXTRA_INDEX_URL:}", false, false),
            ("UV_EXTRA_INDEX_URL", "{env:UV_EXTRA_INDEX_URL:https://h/}", true, true),
            ("PIP_INDEX_URL", "{env:OWN}", false, true),
            ("PIP_INDEX_URL", "{env:OTHER:}", true, true),
            ("PIP_NO_INDEX", "0", false, false),
            ("PIP_NO_INDEX", "1", true, true),
        ] {
            assert_eq!(check(&proxy, name, value), of_proxy, "{name} = {value}");
            assert_eq!(check(&Target::Run, name, value), of_run, "{name} = {value}, under run");
        }
    }

    #[test]
    fn markers_are_no_part_of_a_value() {
        assert_eq!(without_marker(" ; sys_platform == 'linux'"), "");
        assert_eq!(without_marker("a\\;b ; c"), "a\\;b");
    }
}

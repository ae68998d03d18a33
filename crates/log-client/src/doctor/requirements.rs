//! Requirements and constraints files: index lines, and what is named by its address.
//!
//! Files that are named by `-r` and `-c` are read, too, when they are local.

use std::path::Path;

use super::collect::Findings;
use super::options::{self, Meaning};
use super::rules;
use super::words::words;
use super::{Place, url};

/// Judges a requirements file.
pub fn judge(path: &Path, text: &str, found: &mut Findings<'_>) {
    for (number, line) in lines(text) {
        judge_line(&line, &Place::File(path.to_owned(), Some(number)), found);
    }
}

/// Judges one requirement, or a line with options.
pub fn judge_line(line: &str, place: &Place, found: &mut Findings<'_>) {
    if let Some(reference) = direct_reference(line) {
        found.push(&rules::DIRECT_REFERENCE, place.clone(), &url::shown(reference));
        return;
    }
    if !line.starts_with('-') {
        return;
    }
    for (meaning, value) in options::read(&words(line)).options {
        let rule = match meaning {
            Meaning::Index | Meaning::ExtraIndex if !found.target.is_proxy(&value) => {
                &rules::REQUIREMENTS_INDEX
            }
            Meaning::NoIndex => &rules::REQUIREMENTS_INDEX,
            Meaning::FindLinks => &rules::REQUIREMENTS_FIND_LINKS,
            Meaning::TrustedHost => &rules::REQUIREMENTS_TRUSTED_HOST,
            Meaning::Editable if url::is_address(&value) => &rules::DIRECT_REFERENCE,
            _ => continue,
        };
        found.push(rule, place.clone(), &url::shown(line));
    }
}

/// What stands in a conda environment: its existence, and the part for pip.
pub fn judge_conda(path: &Path, text: &str, found: &mut Findings<'_>) {
    let place = |number: Option<usize>| Place::File(path.to_owned(), number);
    found.push(&rules::CONDA, place(None), "conda's own packages");
    let mut pip: Option<usize> = None;
    for (number, line) in text.lines().enumerate() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let item = content.strip_prefix("- ").map(|item| item.trim().trim_matches(['"', '\'']));
        match (pip, item) {
            (Some(outer), Some(item)) if indent > outer => {
                judge_line(item, &place(Some(number + 1)), found);
            }
            (_, Some("pip:")) => pip = Some(indent),
            _ => pip = None,
        }
    }
}

/// The local files that a requirements file includes, as they are written.
pub fn includes(text: &str) -> Vec<String> {
    let lines = lines(text).into_iter().filter(|(_, line)| line.starts_with('-'));
    let options = lines.flat_map(|(_, line)| options::read(&words(&line)).options);
    options
        .filter(|(meaning, value)| {
            *meaning == Meaning::Include && !value.is_empty() && !url::is_address(value)
        })
        .map(|(_, value)| value)
        .collect()
}

/// The address in a requirement such as `name @ https://…` or `git+https://…`.
pub fn direct_reference(requirement: &str) -> Option<&str> {
    // Before the marker; a comment is gone already.
    let requirement = requirement.split(" ;").next().unwrap_or_default().trim();
    (!requirement.starts_with('-') && url::is_address(requirement)).then_some(requirement)
}

/// Logical lines without comments, each with the number of its first line.
fn lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (number, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (first, mut logical) = open.take().unwrap_or((number + 1, String::new()));
        let line = without_comment(line);
        if let Some(part) = line.strip_suffix('\\') {
            logical.push_str(part);
            open = Some((first, logical));
            continue;
        }
        logical.push_str(line);
        let logical = logical.trim();
        if !logical.is_empty() {
            lines.push((first, logical.to_owned()));
        }
    }
    lines.extend(
        open.filter(|(_, line)| !line.trim().is_empty()).map(|(n, line)| (n, line.trim().to_owned())),
    );
    lines
}

/// A `#` begins a comment at the start of a line or after white space.
fn without_comment(line: &str) -> &str {
    let starts = |at: usize| line[..at].chars().next_back().is_none_or(char::is_whitespace);
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| starts(*at));
    line[..comment.unwrap_or(line.len())].trim_end()
}

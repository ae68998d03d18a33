//! Requirements and constraints files: index lines, and what is named by its address.
//!
//! Files that are named by `-r` and `-c` are read, too, when they are local (`include`); what
//! is fetched for that is a finding.
//!
//! Lines are those of Python, so that none is an index line for pip and a comment here.

use std::path::Path;

use super::collect::Findings;
use super::options::{self, Meaning};
use super::rules;
use super::words::{is_python_space, python_lines, python_trim, words};
use super::{Place, url};

/// Judges a requirements file.
pub fn judge(path: &Path, text: &str, found: &mut Findings<'_>) {
    if let Some((number, why)) = unreadable(text) {
        found.push(&rules::UNREAD, Place::File(path.to_owned(), number), why);
    }
    for (number, line) in lines(text) {
        judge_line(&line, &Place::File(path.to_owned(), Some(number)), found);
    }
}

/// Why pip sees other lines in it than are seen here.
fn unreadable(text: &str) -> Option<(Option<usize>, &'static str)> {
    if text.contains('\0') {
        return Some((None, "it is not UTF-8; pip reads UTF-16 and UTF-32, too"));
    }
    // pip looks for it in the first two lines.
    for (number, line) in text.split('\n').take(2).enumerate().filter(|(_, line)| line.starts_with('#')) {
        let mut codings = ["coding:", "coding="].iter().filter_map(|word| line.split_once(word));
        let is_own = codings.any(|(_, coding)| {
            let coding = coding.trim_start().to_ascii_lowercase().replace('_', "-");
            let end = coding.find(|c: char| !(c.is_ascii_alphanumeric() || "-.".contains(c)));
            let coding = &coding[..end.unwrap_or(coding.len())];
            !matches!(coding, "" | "utf-8" | "utf8" | "utf-8-sig" | "ascii" | "us-ascii")
        });
        if is_own {
            return Some((Some(number + 1), "it has an encoding of its own, in which pip reads it"));
        }
    }
    None
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
            Meaning::Include if url::is_address(&value) => &rules::REQUIREMENTS_REMOTE,
            _ => continue,
        };
        found.push(rule, place.clone(), &url::shown(line));
    }
}

/// What stands in a conda environment: its existence, and the part for pip.
pub fn judge_conda(path: &Path, text: &str, found: &mut Findings<'_>) {
    let place = |number: Option<usize>| Place::File(path.to_owned(), number);
    found.push(&rules::CONDA, place(None), "conda's own packages");
    for (number, item) in conda_items(text) {
        judge_line(item, &place(Some(number)), found);
    }
}

/// The lines of a conda environment that are for pip.
fn conda_items(text: &str) -> Vec<(usize, &str)> {
    let mut items = Vec::new();
    let mut pip: Option<usize> = None;
    for (number, line) in text.lines().enumerate() {
        let content = line.trim_start();
        let indent = line.len() - content.len();
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let item = content.strip_prefix("- ").map(|item| item.trim().trim_matches(['"', '\'']));
        match (pip, item) {
            (Some(outer), Some(item)) if indent > outer => items.push((number + 1, item)),
            (_, Some("pip:")) => pip = Some(indent),
            _ => pip = None,
        }
    }
    items
}

/// The local files that a requirements file includes, as they are written.
pub fn includes(text: &str) -> Vec<String> {
    lines(text).iter().flat_map(|(_, line)| includes_of_line(line)).collect()
}

/// The local files that the part of a conda environment for pip includes.
pub fn includes_of_conda(text: &str) -> Vec<String> {
    conda_items(text).into_iter().flat_map(|(_, line)| includes_of_line(line)).collect()
}

/// The local files that one line includes.
pub fn includes_of_line(line: &str) -> Vec<String> {
    if !line.starts_with('-') {
        return Vec::new();
    }
    let included = options::read(&words(line)).options.into_iter().filter(|(meaning, value)| {
        *meaning == Meaning::Include && !value.is_empty() && !url::is_address(value)
    });
    included.map(|(_, value)| value).collect()
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
    for (number, line) in python_lines(text.trim_start_matches('\u{feff}')) {
        let (first, mut logical) = open.take().unwrap_or((number, String::new()));
        let content = without_comment(line);
        // A backslash before white space or a comment continues nothing.
        if let Some(part) = content.strip_suffix('\\') {
            logical.push_str(part);
            open = Some((first, logical));
            continue;
        }
        logical.push_str(content);
        lines.push((first, logical));
    }
    lines.extend(open);
    let trimmed = lines.into_iter().map(|(number, line)| (number, python_trim(&line).to_owned()));
    trimmed.filter(|(_, line)| !line.is_empty()).collect()
}

/// A `#` begins a comment at the start of a line or after white space.
fn without_comment(line: &str) -> &str {
    let starts = |at: usize| line[..at].chars().next_back().is_none_or(is_python_space);
    let comment = line.match_indices('#').map(|(at, _)| at).find(|at| starts(*at));
    // What is left ends in the white space before the comment, and in no backslash.
    &line[..comment.unwrap_or(line.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_those_of_pip() {
        let check = |text: &str| lines(text).into_iter().map(|(_, line)| line).collect::<Vec<_>>();
        for end in ["\r", "\u{b}", "\u{c}", "\u{1c}", "\u{1d}", "\u{1e}", "\u{85}", "\u{2028}", "\u{2029}"] {
            assert_eq!(check(&format!("# ours{end}-i https://h/\n")), ["-i https://h/"], "{end:?}");
        }
        assert_eq!(check("a # b\n  c==1 \\\n --hash=d\n"), ["a", "c==1  --hash=d"]);
        assert_eq!(check("a \\ \n-i URL\n"), ["a \\", "-i URL"], "white space is behind the backslash");
        assert_eq!(check("a \\\n# b \\\n-i URL\n"), ["a", "-i URL"]);
        assert_eq!(check("\u{1f}-i URL"), ["-i URL"]);
    }

    #[test]
    fn local_files_are_included() {
        assert_eq!(includes("-r a.txt\n--constraint=b.txt # c\n-r https://h/d\n-e .\n"), ["a.txt", "b.txt"]);
        assert_eq!(includes_of_conda("- pip:\n  - -r a.txt\n- -r b.txt\n"), ["a.txt"]);
    }
}

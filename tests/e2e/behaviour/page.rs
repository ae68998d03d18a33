//! What came of a command, in words, and the tables of `docs/behaviour.md`.
//!
//! Invariant: the same outcomes give the same text. What differs from one run to the next
//! (ports, directories, seconds) is left out.

use std::fmt::Write as _;

use super::conditions::ALL;
use super::stage::{Ask, Stage};
use crate::harness::Ended;

/// What came of a command.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) label: String,
    /// The exit code; of a proxy that runs, the status of its answer.
    pub(super) code: i32,
    pub(super) says: String,
    pub(super) next: Option<String>,
    pub(super) ended: Ended,
}

impl Row {
    pub(super) fn new(stage: &Stage, ask: &Ask, ended: Ended) -> Self {
        let all = format!("{}\n{}", ended.stderr, ended.stdout);
        for bad in ["panicked", "backtrace", "RUST_"] {
            assert!(!all.contains(bad), "{}: {ended:?}", ask.label);
        }
        let code = ended.code.unwrap_or_else(|| panic!("{} was ended by a signal: {ended:?}", ask.label));
        let (code, says, next) = outcome(code, ask.is_proxy(), &ended);
        let plain = |text: &str| plain(stage, text);
        Self { label: ask.label.clone(), code, says: plain(&says), next: next.as_deref().map(plain), ended }
    }

    pub(super) fn of(self, what: &str) -> Self {
        Self { label: format!("{} ({what})", self.label), ..self }
    }

    /// The command, without what is said of its files.
    fn command(&self) -> &str {
        self.label.split(" (").next().unwrap_or_default()
    }

    /// Whether it did what it was asked to.
    pub(super) fn is_well(&self) -> bool {
        matches!(self.code, 0 | 200)
    }
}

/// The code, what was said, and what is to be done next.
fn outcome(code: i32, is_proxy: bool, ended: &Ended) -> (i32, String, Option<String>) {
    let after = |text: &str, start: &str| {
        text.lines().find_map(|line| Some(line.strip_prefix(start)?.trim().to_owned()))
    };
    let (out, err) = (ended.stdout.as_str(), ended.stderr.as_str());
    if let Some(says) = after(err, "error: ") {
        return (code, says, after(err, "hint: "));
    }
    if let Some(says) = after(err, "wheeltap: refused nova-1.0.tar.gz: ") {
        return (code, says, after(err, "wheeltap:   next: "));
    }
    if let Some(answer) = after(out, "answer: ").filter(|_| is_proxy || code != 0) {
        let (status, says) = answer.split_once(' ').expect("a status and a phrase");
        let says = says.strip_prefix("Wheeltap: ").unwrap_or(says);
        let (says, next) = match says.split_once(". Next: ") {
            Some((says, next)) => (says, Some(next.to_owned())),
            None => (says, None),
        };
        let code = if is_proxy { status.parse().expect("a number") } else { code };
        return (code, says.to_owned(), next);
    }
    if let Some(next) = after(out, "       next: ") {
        let lines: Vec<&str> = out.lines().take(2).map(str::trim).collect();
        let rule = lines[0].split_whitespace().nth(1).unwrap_or_default();
        return (code, format!("{rule}: {}", lines[1]), Some(next));
    }
    if code != 0
        && let Some(line) = out.lines().find(|line| line.starts_with("no verdict"))
    {
        let words: Vec<&str> = line.split("  ").map(str::trim).filter(|word| !word.is_empty()).collect();
        let next = after(err, "hint: ").and_then(|hint| Some(hint.split_once(": ")?.1.to_owned()));
        let says = words.join(": ").replace(": (", ": ");
        return (code, says.strip_suffix(')').unwrap_or(&says).to_owned(), next);
    }
    (code, err.lines().last().unwrap_or_default().to_owned(), None)
}

/// Text without what differs from run to run.
fn plain(stage: &Stage, text: &str) -> String {
    let host = stage.index.trim_start_matches("http://").split('/').next().expect("a host");
    let mut text = text.replace(host, "INDEX").replace(&stage.scene.path("").display().to_string(), "");
    text = without(&text, "http://127.0.0.1:", "http://LOG", |c| c.is_ascii_digit());
    let words = text.split(' ').collect::<Vec<_>>();
    let is_number = |word: &str| word.len() > 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let words: Vec<&str> = words.into_iter().map(|word| if is_number(word) { "N" } else { word }).collect();
    let long = |part: &str| part.len() >= 32 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    let parts: Vec<String> = words
        .join(" ")
        .split('/')
        .map(|part| match part.split_once('.') {
            Some((name, end)) if long(name) => format!("….{end}"),
            _ if long(part) => "…".to_owned(),
            _ => part.to_owned(),
        })
        .collect();
    parts.join("/")
}

fn without(text: &str, before: &str, instead: &str, is: fn(char) -> bool) -> String {
    let mut parts = text.split(before);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(instead);
        plain.push_str(part.trim_start_matches(is));
    }
    plain
}

/// A section of the page. What ends well is told once, where nothing is wrong.
pub(super) fn section(title: &str, text: &str, rows: &[Row], is_first: bool) -> String {
    let mut section =
        format!("## {title}\n\n{text}\n\n| command | exit | what is said | next step |\n|---|---|---|---|\n");
    let mut merged: Vec<(Vec<&Row>, [&str; 2])> = Vec::new();
    for row in rows {
        let is_usual = row.is_well() && !is_first;
        let said = [if is_usual { "as usual" } else { &row.says }, row.next.as_deref().unwrap_or_default()];
        match merged.iter_mut().find(|(_, other)| *other == said) {
            Some((others, _)) => others.push(row),
            None => merged.push((vec![row], said)),
        }
    }
    for (rows, [says, next]) in merged {
        let labels: Vec<String> = rows.iter().map(|row| format!("`{}`", row.label)).collect();
        let mut codes: Vec<String> = Vec::new();
        for code in rows.iter().map(|row| row.code.to_string()) {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        let cells = [&labels.join(", "), &codes.join(", "), says, next];
        writeln!(section, "| {} |", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
            .expect("a string");
    }
    section
}

/// The line of a condition in the overview.
pub(super) fn overview(title: &str, rows: &[Row]) -> String {
    let mut line = format!("| {title} |");
    for command in ALL {
        let mut codes: Vec<i32> =
            rows.iter().filter(|row| row.command() == *command).map(|row| row.code).collect();
        codes.dedup();
        let codes: Vec<String> = codes.iter().map(i32::to_string).collect();
        write!(line, " {} |", codes.join(", ")).expect("a string");
    }
    line
}

/// What stands above these lines.
pub(super) fn overview_head() -> String {
    let commands: Vec<String> = ALL.iter().map(|command| format!("`{command}`")).collect();
    format!("## At a glance\n\n| | {} |\n|---|{}\n", commands.join(" | "), "---|".repeat(ALL.len()))
}

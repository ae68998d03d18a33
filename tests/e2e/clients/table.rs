//! `docs/clients.md`: what came of each case.
//!
//! Invariant: the same outcomes give the same text. What differs from one run to the next
//! (ports) is left out.

use std::fmt::Write as _;

use super::Row;
use super::cases::{Case, With};
use super::installers::Came;
use super::stage::{is_official, is_withdrawn};

const INTRODUCTION: &str = "\
# Installers, with and without Wheeltap

What real installers do at a package index that misbehaves: each case once directly, and once through
`wheeltap proxy` in front of the same index, or under `wheeltap run` where that is said. A test runs them all
(`tests/e2e/clients.rs`) and checks this page word by word. The versions of the installers are in
`tests/e2e/tools/clients.txt`.

`tap-lib`, `tap-app`, `tap-gone` and `tap-back` are projects that the log covers; `free-lib` and `evil-lib` are not.
What is **bold** is not official, or was withdrawn. `HASH` is the digest of an intruder's wheel.

pip, and tox, which runs it, show nothing of a page that they cannot have, so that there it is the proxy's own page
and its log that say why; where a file is refused every installer shows the reason.

Where Wheeltap is not asked it cannot refuse anything: the last columns of the last tables say which finding of
`wheeltap doctor --proxy` names it.
";

/// A line of a table: who and what it is about, and what came of it.
struct Line {
    name: String,
    asked: Vec<String>,
    clients: Vec<&'static str>,
    outcome: [String; 4],
}

/// The page.
pub(super) fn render(groups: &[(&str, Vec<Case>)], rows: &[Row<'_>]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for (title, cases) in groups {
        let lines: Vec<Line> = cases.iter().flat_map(|case| lines(case, rows)).fold(Vec::new(), join_asked);
        let doctor = lines.iter().any(|line| !line.outcome[3].is_empty());
        let columns = if doctor { 4 } else { 3 };
        let heads = ["without Wheeltap", "with Wheeltap", "what the user sees", "`wheeltap doctor`"];
        let heads = heads[..columns].join(" | ");
        write!(page, "\n## {title}\n\n| the index | asked for | installer | {heads} |\n").expect("a string");
        writeln!(page, "|{}", "---|".repeat(columns + 3)).expect("a string");
        for Line { name, asked, clients, outcome } in lines {
            let cells = [name, asked.join(", "), clients.join(", ")];
            let cells: Vec<String> = cells.into_iter().chain(outcome.into_iter().take(columns)).collect();
            writeln!(page, "| {} |", cells.join(" | ")).expect("a string");
        }
    }
    page
}

/// The lines of a case: installers of which the same came share one.
fn lines(case: &Case, rows: &[Row<'_>]) -> Vec<Line> {
    let name = match case.with {
        With::Proxy([] | ["--index-only"]) | With::LogDown => case.name.to_owned(),
        With::Proxy(arguments) => format!("{}; proxy with `{}`", case.name, arguments.join(" ")),
        With::Run => format!("{}; `wheeltap run`", case.name),
    };
    let mut lines: Vec<Line> = Vec::new();
    for row in rows.iter().filter(|row| std::ptr::eq(case, row.case)) {
        let doctor = row.with.found.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", ");
        let seen = seen(&row.with).replace('|', "\\|");
        let outcome = [outcome(&row.without), outcome(&row.with), seen, doctor];
        let client = row.client.name();
        if let Some(line) = lines.iter_mut().find(|line| line.outcome == outcome) {
            line.clients.push(client);
        } else {
            let asked = vec![format!("`{}`", case.asked.replace('\n', "` `"))];
            lines.push(Line { name: name.clone(), asked, clients: vec![client], outcome });
        }
    }
    lines
}

/// Adds a line; ways to ask of which the same came share one.
fn join_asked(mut lines: Vec<Line>, line: Line) -> Vec<Line> {
    let same = |one: &&mut Line| {
        (&one.name, &one.clients, &one.outcome) == (&line.name, &line.clients, &line.outcome)
    };
    match lines.iter_mut().find(same) {
        Some(one) => one.asked.extend(line.asked),
        None => lines.push(line),
    }
    lines
}

/// What was installed.
fn outcome(came: &Came) -> String {
    let each: Vec<String> = came
        .installed
        .iter()
        .map(|(project, installed)| {
            let built = if installed.built_from_sdist { ", built from its sdist" } else { "" };
            let what = format!("{project} {}{built}", installed.version);
            if !is_official(project, installed) {
                format!("**an intruder's {what}**")
            } else if is_withdrawn(project, &installed.version) {
                format!("**{what}, withdrawn**")
            } else {
                what
            }
        })
        .collect();
    if each.is_empty() { "nothing".to_owned() } else { each.join(", ") }
}

/// What an installer shows that installs nothing: the proxy's words, else its own last ones.
fn seen(came: &Came) -> String {
    if !came.installed.is_empty() {
        return String::new();
    }
    let text = came.said.split("Wheeltap: ").nth(1).map_or_else(
        || {
            // pip's colour for errors, which tox keeps.
            let lines = || came.said.lines().map(|line| line.trim().trim_start_matches("\u{1b}[31m"));
            let begins = |line: &&str| {
                ["ERROR:", "error:", "cause:", "Hash for "].iter().any(|word| line.starts_with(word))
            };
            // tox ends with how long it took.
            let tells = |line: &&str| !line.is_empty() && !line.contains(" seconds)");
            lines().rfind(begins).or_else(|| lines().rfind(tells)).unwrap_or_default().to_owned()
        },
        |after| {
            let ends = [" for url:", "' for url", ") for url", "\n"];
            let end = ends.iter().filter_map(|end| after.find(end)).min().unwrap_or(after.len());
            format!("Wheeltap: {}", &after[..end])
        },
    );
    without_numbers(&text)
}

/// Without what is another number each time, or when cases are added.
fn without_numbers(text: &str) -> String {
    let mut plain = text.to_owned();
    for (before, instead) in [("127.0.0.1:", "127.0.0.1"), ("port=", "port=…"), ("/case-", "/…")] {
        let mut parts = plain.split(before);
        let mut without = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            without.push_str(instead);
            without.push_str(part.trim_start_matches(|c: char| c.is_ascii_digit()));
        }
        plain = without;
    }
    plain
}

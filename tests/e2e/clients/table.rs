//! `docs/clients.md`: what came of each case.
//!
//! Invariant: the same outcomes give the same text. What differs from one run to the next
//! (ports) is left out.

use std::fmt::Write as _;

use super::Row;
use super::cases::Case;
use super::installers::Came;
use super::stage::is_official;

const INTRODUCTION: &str = "\
# Installers, with and without Wheeltap

What real installers do at a package index that misbehaves: each case once directly, and once through
`wheeltap proxy` in front of the same index. A test runs them all (`tests/e2e/clients.rs`) and checks this page
word by word. The versions of the installers are in `tests/e2e/tools/clients.txt`.

`tap-lib`, `tap-app` and `tap-gone` are projects that the log covers; `free-lib` and `evil-lib` are not. What is
**bold** is not official, or was withdrawn.

pip shows nothing of a page that it cannot have, so that there it is the proxy's own page and its log
that say why; where a file is refused every installer shows the reason.
";

/// The page.
pub(super) fn render(groups: &[(&str, Vec<Case>)], rows: &[Row<'_>]) -> String {
    let mut page = INTRODUCTION.to_owned();
    for (title, cases) in groups {
        let head =
            "| the index | asked for | installer | without Wheeltap | with Wheeltap | what the user sees |";
        write!(page, "\n## {title}\n\n{head}\n|---|---|---|---|---|---|\n").expect("a string");
        for row in rows.iter().filter(|row| cases.iter().any(|case| std::ptr::eq(case, row.case))) {
            let case = row.case;
            let cells = [
                if case.proxy.is_empty() {
                    case.name.to_owned()
                } else {
                    format!("{}; proxy with `{}`", case.name, case.proxy.join(" "))
                },
                format!("`{}`", case.asked),
                row.client.name().to_owned(),
                outcome(&row.without),
                outcome(&row.with),
                seen(&row.with).replace('|', "\\|"),
            ];
            writeln!(page, "| {} |", cells.join(" | ")).expect("a string");
        }
    }
    page
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
            } else if (project.as_str(), installed.version.as_str()) == ("tap-gone", "1.1") {
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
        || came.said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned(),
        |after| {
            let ends = [" for url", "' for url", ") for url", "\n"];
            let end = ends.iter().filter_map(|end| after.find(end)).min().unwrap_or(after.len());
            format!("Wheeltap: {}", &after[..end])
        },
    );
    without_ports(&text)
}

fn without_ports(text: &str) -> String {
    let mut plain = text.to_owned();
    for (before, instead) in [("127.0.0.1:", "127.0.0.1"), ("port=", "port=…")] {
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

//! What each command does when something is wrong, with the machine, the network, a log or
//! what is remembered of it.
//!
//! Every command is asked in every condition. Whatever the page says, none may end well
//! without a verdict, hang, leave temporary files, or fail without a next step. What came of
//! each is in `docs/behaviour.md`, word by word. After a change:
//! `WHEELTAP_BLESS=1 cargo test --test e2e behaviour`.
//!
//! Left out: what an index does (`clients`), what a log does that lies (`evil`), and what
//! happens to the log's own disk (`crash`, `fsck`).

mod conditions;
mod page;
mod processes;
mod stage;

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::harness::{has, missing};
use conditions::Condition;

/// What came of a condition.
struct Tried {
    section: String,
    overview: String,
    /// What is wrong whatever the page says.
    wrong: Vec<String>,
}

/// Asks all commands in a condition. None where the machine does not let itself be brought
/// into it.
fn try_all(condition: &Condition) -> Option<Tried> {
    if condition.needs_namespaces && missing("unshare with mount and network", can_unshare()) {
        return None;
    }
    let rows = (condition.ask)();
    let mut wrong = Vec::new();
    for row in &rows {
        let what = format!("{}: {}: {:?}", condition.title, row.label, row.ended);
        if row.is_well() != condition.well.contains(&row.label.as_str()) {
            wrong.push(format!("it ended with {}: {what}", row.code));
        }
        if !row.is_well() && row.next.is_none() {
            wrong.push(format!("there is no next step: {what}"));
        }
    }
    Some(Tried {
        section: page::section(condition.title, condition.text, &rows, condition.is_first),
        overview: page::overview(condition.title, &rows),
        wrong,
    })
}

/// The section of a condition and its line in the overview, as the page has them.
fn kept(page: &str, condition: &Condition) -> (String, String) {
    let title = format!("## {}\n", condition.title);
    let section = page.split_once(&title).map(|(_, after)| after.split("\n## ").next().unwrap_or(after));
    let line = page.lines().find(|line| line.starts_with(&format!("| {} |", condition.title)));
    (format!("{title}{}", section.unwrap_or_default()), line.unwrap_or_default().to_owned())
}

fn can_unshare() -> bool {
    let script = "mount -t tmpfs tmpfs /tmp && ip link set lo up";
    let done = Command::new("unshare").args(["-rmn", "sh", "-c", script]).output();
    done.is_ok_and(|output| output.status.success())
}

#[test]
fn each_condition_has_its_behaviour() {
    if missing("python3", has("python3", "--version")) {
        return;
    }
    let conditions = conditions::all();
    let tried = crate::clients::in_parallel(&conditions, try_all);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/behaviour.md");
    let found = fs::read_to_string(&path).unwrap_or_default();
    let mut overview = page::overview_head();
    let (mut sections, mut wrong) = (String::new(), Vec::new());
    for (condition, tried) in conditions.iter().zip(tried) {
        // What could not be tried stays as it was.
        let (section, line) = match tried {
            Some(tried) => {
                wrong.extend(tried.wrong);
                (tried.section, tried.overview)
            }
            None => kept(&found, condition),
        };
        writeln!(overview, "{line}").expect("a string");
        write!(sections, "\n{}\n", section.trim_end()).expect("a string");
    }
    // By people, up to the overview.
    let head = found.split("## At a glance\n").next().unwrap_or_default();
    let page = format!("{}\n\n{overview}{sections}", head.trim_end());
    if std::env::var_os("WHEELTAP_BLESS").is_some() {
        fs::write(&path, &page).expect("written");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == page,
        "docs/behaviour.md differs from what came; WHEELTAP_BLESS=1 writes it again:\n{page}"
    );
}

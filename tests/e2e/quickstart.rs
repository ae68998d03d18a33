//! `docs/quickstart.md`, pasted into one shell, block by block: each does what it says, and
//! prints what the page shows.
//!
//! Left out: building, and the ports, which are free ones.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::harness::{binary, free_port, has, missing};

/// A block of commands, and what the page shows of its output.
#[derive(Debug)]
struct Step {
    commands: String,
    shown: Vec<String>,
}

/// Commands that end in another exit code than 0, which the page names.
const OTHER_CODES: [(&str, i32); 2] = [("wheeltap-witness audit ", 20), ("wheeltap verify other/", 11)];

/// Which half is done first.
const HALVES: [&str; 2] = ["## For a release manager", "## For a user"];

/// The blocks of a half of the page, in their order.
fn steps(page: &str, half: &str) -> Vec<Step> {
    let (_, after) = page.split_once(half).expect("the half");
    let text = after.split("\n## ").next().expect("its text");
    let mut steps: Vec<Step> = Vec::new();
    // Every second part is in a code block.
    for block in text.split("```").skip(1).step_by(2) {
        let (language, body) = block.split_once('\n').expect("a first line");
        match language {
            "sh" => steps.push(Step { commands: body.to_owned(), shown: Vec::new() }),
            "text" => steps.last_mut().expect("commands").shown.extend(body.lines().map(plain)),
            other => panic!("a block in {other:?}"),
        }
    }
    steps
}

/// A line without what differs each time: keys, digests, times and numbers.
fn plain(line: &str) -> String {
    let words = line.split(' ').map(|word| {
        let is_time = word.len() >= 20 && word.starts_with("20") && word.contains('T');
        let is_digest = word.len() >= 43 && word.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let number = word.trim_matches(['(', ')', ',', ':', ';']);
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        match word.split_once('+') {
            Some((name, _)) => format!("{name}+…"),
            None if is_time || is_digest || is_number => "…".to_owned(),
            None => word.to_owned(),
        }
    });
    words.collect::<Vec<String>>().join(" ").trim_end().to_owned()
}

/// The blocks as one script, which says after each how it ended.
fn script(steps: &[Step], [port, private]: [u16; 2]) -> String {
    let mut script = String::new();
    for step in steps {
        script += &step.commands;
        if step.commands.contains(" serve ") {
            // Nobody types faster than it says that it listens.
            let listens = format!("(echo > /dev/tcp/127.0.0.1/{port}) 2> /dev/null");
            writeln!(script, "until {listens}; do sleep 0.1; done; sleep 0.5").expect("a string");
        }
        script += "echo \"@@ $?\"\n";
    }
    let listen = format!("serve --listen 127.0.0.1:{port} --private-listen 127.0.0.1:{private} ");
    let script = script.replace("serve ", &listen).replace("127.0.0.1:8470", &format!("127.0.0.1:{port}"));
    format!("trap 'kill $(jobs -p)' EXIT\n{script}")
}

#[test]
fn the_page_can_be_pasted_into_a_shell() {
    let reachable = Command::new("python3")
        .args(["-m", "pip", "download", "--quiet", "--no-deps", "--dest"])
        .arg(tempfile::tempdir().expect("a directory").path())
        .arg("debtcollector")
        .stderr(Stdio::null())
        .status();
    if missing("bash", has("bash", "--version"))
        || missing("a package index with debtcollector", reachable.is_ok_and(|status| status.success()))
    {
        return;
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quickstart.md");
    let page = fs::read_to_string(page).expect("the page");
    let steps: Vec<Step> = HALVES.iter().flat_map(|half| steps(&page, half)).collect();
    assert!(steps.len() > 15, "{}", steps.len());
    let ports = [free_port(), free_port()];
    let script = script(&steps, ports);

    let home = tempfile::tempdir().expect("a home");
    let mut path = vec![binary("wheeltap").parent().expect("a directory").to_owned()];
    path.extend(std::env::split_paths(&std::env::var_os("PATH").expect("a path")));
    let mut shell = Command::new("bash");
    shell
        .current_dir(home.path())
        .env("HOME", home.path())
        .env("PATH", std::env::join_paths(path).expect("a path"));
    shell
        .env("PIP_DISABLE_PIP_VERSION_CHECK", "1")
        .env_remove("PIP_FIND_LINKS")
        .env_remove("PIP_EXTRA_INDEX_URL");
    shell.stdin(Stdio::piped()).stdout(Stdio::piped());
    // Both streams in one, as in a terminal.
    shell.args(["-c", "exec bash 2>&1"]);
    let mut shell = shell.spawn().expect("bash runs");
    shell.stdin.take().expect("a pipe").write_all(script.as_bytes()).expect("written");
    let output = String::from_utf8(shell.wait_with_output().expect("it ends").stdout).expect("UTF-8");
    let mut output = output.replace(home.path().to_str().expect("UTF-8"), "~");
    for (port, shown) in ports.iter().zip(["8470", "8471"]) {
        output = output.replace(&port.to_string(), shown);
    }

    let mut rest = output.as_str();
    for step in &steps {
        let what = &step.commands;
        let (printed, after) =
            rest.split_once("@@ ").unwrap_or_else(|| panic!("not reached: {what}\n{output}"));
        let (code, after) = after.split_once('\n').expect("a line");
        rest = after;
        let expected =
            OTHER_CODES.iter().find(|(command, _)| what.contains(command)).map_or(0, |other| other.1);
        assert_eq!(code, expected.to_string(), "{what}\n{printed}");
        let mut lines = printed.lines().map(plain);
        for shown in &step.shown {
            assert!(lines.any(|line| line == *shown), "not printed after {what}: {shown:?}\n{printed}");
        }
    }
}

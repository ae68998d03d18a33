//! The commands' help is the reference in `docs/cli.md`, word by word.
//!
//! After a change: `WHEELTAP_BLESS=1 cargo test --test e2e cli`.

use std::fmt::Write as _;
use std::path::Path;

use crate::harness::Scene;

const COMMANDS: &[(&str, &[&str])] = &[
    ("wheeltap", &[]),
    ("wheeltap", &["verify"]),
    ("wheeltap", &["lock"]),
    ("wheeltap", &["proxy"]),
    ("wheeltap", &["run"]),
    ("wheeltap", &["doctor"]),
    ("wheeltap", &["lookup"]),
    ("wheeltap", &["monitor"]),
    ("wheeltap", &["append"]),
    ("wheeltap", &["withdraw"]),
    ("wheeltap", &["import"]),
    ("wheeltap", &["keygen"]),
    ("wheeltap", &["policy"]),
    ("wheeltap", &["policy", "init"]),
    ("wheeltap", &["policy", "edit"]),
    ("wheeltap", &["policy", "diff"]),
    ("wheeltap", &["policy", "sign"]),
    ("wheeltap", &["policy", "show"]),
    ("wheeltap", &["policy", "submit"]),
    ("wheeltap", &["trust"]),
    ("wheeltap", &["trust", "add"]),
    ("wheeltap", &["trust", "show"]),
    ("wheeltap", &["trust", "remove"]),
    ("wheeltap", &["evidence"]),
    ("wheeltap", &["bench"]),
    ("wheeltap", &["bench", "local"]),
    ("wheeltap", &["bench", "proxy"]),
    ("wheeltap", &["bench", "appends"]),
    ("wheeltap", &["bench", "lookups"]),
    ("wheeltap", &["bench", "tiles"]),
    ("wheeltap", &["bench", "mixed"]),
    ("wheeltap", &["demo"]),
    ("wheeltap-log", &[]),
    ("wheeltap-log", &["init"]),
    ("wheeltap-log", &["serve"]),
    ("wheeltap-log", &["check-config"]),
    ("wheeltap-log", &["fsck"]),
    ("wheeltap-log", &["mirror"]),
    ("wheeltap-log", &["gc"]),
    ("wheeltap-log", &["reindex"]),
    ("wheeltap-witness", &[]),
    ("wheeltap-witness", &["audit"]),
];

#[test]
fn the_reference_is_what_the_commands_say() {
    let scene = Scene::empty();
    let mut reference = "# Command reference\n\nWhat `--help` prints; checked by a test.\n".to_owned();
    for (program, words) in COMMANDS.iter().copied() {
        let mut args = words.to_vec();
        args.push("--help");
        let help = scene.ok(program, &args);
        let title = [&[program], words].concat().join(" ");
        write!(reference, "\n## {title}\n\n```text\n{}\n```\n", help.trim_end()).expect("a string");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    if std::env::var_os("WHEELTAP_BLESS").is_some() {
        std::fs::write(&path, &reference).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == reference, "docs/cli.md differs from --help; WHEELTAP_BLESS=1 writes it again");
}

#[test]
fn completions_are_printed() {
    let scene = Scene::empty();
    for program in ["wheeltap", "wheeltap-log", "wheeltap-witness"] {
        for shell in ["bash", "zsh", "fish"] {
            assert!(scene.ok(program, &["completions", shell]).contains(program));
        }
    }
}

//! What the architecture promises and no compiler checks.

use std::fs;
use std::path::{Path, PathBuf};

/// Longest source file that is no test: what a reader takes in at one sitting.
const MAX_LINES: usize = 400;

#[test]
fn the_core_does_no_io_and_reads_no_clock() {
    const OUTSIDE: [&str; 8] =
        ["std::fs", "std::net", "std::io", "std::env", "std::process", "SystemTime", "Instant", "tokio"];
    for path in sources("crates/log-core/src") {
        let text = fs::read_to_string(&path).expect("a file");
        for word in OUTSIDE {
            assert!(!text.contains(word), "{} mentions {word}", path.display());
        }
    }
    let manifest = fs::read_to_string(root().join("crates/log-core/Cargo.toml")).expect("a manifest");
    let (_, dependencies) = manifest.split_once("[dependencies]").expect("dependencies");
    let (dependencies, _) = dependencies.split_once("\n[").expect("a next section");
    let names: Vec<&str> =
        dependencies.lines().filter_map(|line| line.split_once('.')).map(|(name, _)| name).collect();
    let pure =
        ["base64", "ed25519-dalek", "pep440_rs", "rs_merkle", "serde", "serde_json", "sha2", "thiserror"];
    assert_eq!(names, pure, "a new dependency of the core must be pure");
}

#[test]
fn binaries_do_not_depend_on_one_another() {
    let crates = ["log-server", "log-client", "witness"];
    for own in crates {
        let manifest = fs::read_to_string(root().join("crates").join(own).join("Cargo.toml")).expect("one");
        for other in crates.iter().filter(|other| **other != own) {
            assert!(!manifest.contains(&format!("\n{other}.workspace")), "{own} depends on {other}");
        }
    }
}

#[test]
fn files_are_short_and_begin_with_what_they_are_for() {
    for path in ["crates", "tests"].iter().flat_map(|directory| sources(directory)) {
        let text = fs::read_to_string(&path).expect("a file");
        let is_test = path.ends_with("tests.rs") || path.components().any(|part| part.as_os_str() == "tests");
        assert!(is_test || text.starts_with("//! "), "{} has no header", path.display());
        let code = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default().lines().count();
        assert!(is_test || code <= MAX_LINES, "{} has {code} lines of code", path.display());
    }
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let mut documents = files("docs", "md");
    documents.push(root().join("README.md"));
    let mut followed = 0;
    for document in &documents {
        let text = fs::read_to_string(document).expect("a document");
        // What is in code blocks is no link.
        let prose = text.split("```").step_by(2).collect::<String>();
        for link in prose.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") {
                continue;
            }
            followed += 1;
            let (path, anchor) =
                link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
            let directory = document.parent().expect("a directory");
            let target = if path.is_empty() { document.clone() } else { directory.join(path) };
            assert!(target.exists(), "{}: {link} leads nowhere", document.display());
            let Some(anchor) = anchor else { continue };
            let text = fs::read_to_string(&target).expect("a document");
            let is_there = text.lines().filter(|line| line.starts_with('#')).any(|line| slug(line) == anchor);
            assert!(is_there, "{}: {link} has no such heading", document.display());
        }
    }
    assert!(followed > 50, "{followed}");
}

/// The anchor of a heading, as it is made on the web.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || ['-', '_', ' '].contains(c);
    heading
        .trim_start_matches('#')
        .trim()
        .chars()
        .filter(kept)
        .collect::<String>()
        .to_lowercase()
        .replace(' ', "-")
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Rust files below a directory of the repository.
fn sources(directory: &str) -> Vec<PathBuf> {
    files(directory, "rs")
}

/// All files of a kind below a directory of the repository.
fn files(directory: &str, extension: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut directories = vec![root().join(directory)];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|own| own == extension) {
                files.push(path);
            }
        }
    }
    files
}

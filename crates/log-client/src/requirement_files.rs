//! Requirements files with the files that they include, read from disk.
//!
//! Invariant: each file is read once as requirements and once as constraints, wherever it is
//! included again, so that no circle is without an end; its lines stand where it is first
//! included.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};

use log_core::artifact::ProjectName;
use log_io::durable;

use crate::locks::MAX_LOCK_BYTES;
use crate::locks::requirements::{self, Content, Line, Requirement};

/// Most files that belong together.
const MAX_FILES: usize = 200;

/// A line, and where it is from.
#[derive(Debug, Clone)]
pub struct SourceLine {
    /// The file.
    pub path: Arc<Path>,
    /// Whether it only constrains versions.
    pub constraint: bool,
    /// The line.
    pub line: Line,
}

/// Reads requirements files and constraints files, and all that they include.
pub fn load_all(requirements: &[PathBuf], constraints: &[PathBuf]) -> anyhow::Result<Vec<SourceLine>> {
    let mut lines = Vec::new();
    for (paths, constraint) in [(requirements, false), (constraints, true)] {
        for path in paths {
            lines.extend(load(path, constraint)?);
        }
    }
    Ok(lines)
}

/// What constrains each project.
pub fn constraints<'l>(
    lines: impl IntoIterator<Item = &'l SourceLine>,
) -> BTreeMap<ProjectName, Vec<Requirement>> {
    let mut by_project: BTreeMap<ProjectName, Vec<Requirement>> = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line.constraint) {
        if let Content::Requirement(requirement) = &line.line.content
            && let Some(project) = requirement.project.clone()
        {
            by_project.entry(project).or_default().push(requirement.clone());
        }
    }
    by_project
}

/// Reads a requirements file, or with `constraint` a constraints file, and all that it
/// includes. Lines that include are not among those returned.
pub fn load(path: &Path, constraint: bool) -> anyhow::Result<Vec<SourceLine>> {
    let mut lines = Vec::new();
    load_into(path, constraint, &mut BTreeSet::new(), &mut lines)?;
    Ok(lines)
}

fn load_into(
    path: &Path,
    constraint: bool,
    seen: &mut BTreeSet<(PathBuf, bool)>,
    lines: &mut Vec<SourceLine>,
) -> anyhow::Result<()> {
    let shown = path.display();
    let identity = path.canonicalize().with_context(|| format!("cannot read {shown}"))?;
    if !seen.insert((identity, constraint)) {
        return Ok(());
    }
    if seen.len() > MAX_FILES {
        bail!("{shown} is one of more than {MAX_FILES} files that include one another");
    }
    let bytes = read(path, MAX_LOCK_BYTES).with_context(|| format!("cannot read {shown}"))?;
    let parsed = requirements::parse(&bytes).with_context(|| shown.to_string())?;
    let from: Arc<Path> = path.into();
    for line in parsed {
        match &line.content {
            Content::Include { target, constraint: only } => {
                if target.contains("://") {
                    bail!("{shown}: line {}: fetch {target} first, and include the file", line.number);
                }
                let target = path.parent().unwrap_or_else(|| Path::new("")).join(target);
                // As pip does it, requirements within constraints are requirements.
                load_into(&target, *only, seen, lines)
                    .with_context(|| format!("{shown}: line {}", line.number))?;
            }
            _ => lines.push(SourceLine { path: Arc::clone(&from), constraint, line }),
        }
    }
    Ok(())
}

/// A file's bytes, one more than `limit` at most, which its parser refuses.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    read_from(File::open(path)?, limit)
}

/// The same of a file that nobody has named, and which has to be a regular one.
pub fn read_regular(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    read_from(durable::open(path)?, limit)
}

/// The same of an open stream.
pub fn read_from(stream: impl io::Read, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_included_where_they_are_named_and_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let write = |name: &str, text: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            std::fs::write(&path, text).expect("written");
            path
        };
        let all = write("all.txt", "a==1\n-r more/more.txt\n-c upper.txt\nd==1\n");
        write("more/more.txt", "b==1\n-r ../all.txt\n");
        write("upper.txt", "c===1\n");
        let lines = load(&all, false).expect("files");
        let raw: Vec<(&str, bool)> =
            lines.iter().map(|line| (line.line.raw.as_str(), line.constraint)).collect();
        assert_eq!(raw, [("a==1", false), ("b==1", false), ("c===1", true), ("d==1", false)]);
        // Once as requirements, once as constraints; and never as what it is not.
        let both = write("both.txt", "-c upper.txt\n-r upper.txt\n-c within.txt\n");
        write("within.txt", "-r more/last.txt\n");
        write("more/last.txt", "e==1\n");
        let lines = load_all(std::slice::from_ref(&both), &[]).expect("files");
        let raw: Vec<(&str, bool)> =
            lines.iter().map(|line| (line.line.raw.as_str(), line.constraint)).collect();
        assert_eq!(raw, [("c===1", true), ("c===1", false), ("e==1", false)]);
        assert_eq!(constraints(&lines).len(), 1);
        write("upper.txt", "-r https://f.example/x.txt\n");
        assert!(format!("{:#}", load(&all, false).expect_err("a URL")).contains("fetch https://f.example"));
        write("upper.txt", "c===1\n-r missing.txt\n");
        assert!(
            format!("{:#}", load(&all, false).expect_err("missing"))
                .contains("upper.txt: line 2: cannot read")
        );
    }
}

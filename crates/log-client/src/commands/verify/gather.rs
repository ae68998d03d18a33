//! What is to be judged, read from disk.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail};
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::verdict::Subject;
use log_io::outcome::Failure;

use super::VerifyArgs;
use crate::environment::read_environment;
use crate::files::{self, HashedFile};
use crate::locks::conclude::subjects;
use crate::locks::installed::Traces;
use crate::locks::text::is_archive;
use crate::locks::{LockKind, MAX_LOCK_BYTES, MAX_WANTED, Origin, Pin, Wanted, pin};
use crate::requirement_files::{self, SourceLine, read, read_from};

/// Most files below the directories that are given.
const MAX_FILES: usize = 100_000;

/// How deep directories are searched.
const MAX_DEPTH: usize = 32;

/// All that is to be judged.
pub(super) struct Gathered {
    pub(super) files: Vec<GivenFile>,
    pub(super) locks: Vec<GivenLock>,
}

/// A file, hashed; or why it cannot be judged.
pub(super) struct GivenFile {
    pub(super) path: PathBuf,
    pub(super) result: anyhow::Result<(HashedFile, Subject)>,
}

/// A file or environment with entries.
pub(super) struct GivenLock {
    pub(super) path: PathBuf,
    pub(super) kind: LockKind,
    pub(super) wanted: Vec<Wanted>,
    /// Of an environment, for each: what its files say of themselves.
    pub(super) traces: Vec<Traces>,
}

/// Reads and hashes everything. A lock file that cannot be read is an error of the whole
/// command: nobody knows what it would install.
pub(super) async fn gather(args: &VerifyArgs) -> Result<Gathered, Failure> {
    let mut paths = Vec::new();
    for path in &args.files {
        if path.is_dir() {
            let before = paths.len();
            artifacts_below(path, 0, &mut paths)?;
            if paths.len() == before {
                return Err(Failure::usage(format!("there are no wheels or sdists in {}", path.display())));
            }
        } else {
            paths.push(path.clone());
        }
    }
    let hashed = files::hash_all(&paths).await;
    let files = hashed.into_iter().zip(paths).map(|(file, path)| {
        let result = file.and_then(|file| {
            let subject = subject(&file, args.project.as_ref())?;
            Ok((file, subject))
        });
        GivenFile { path, result }
    });
    let files = files.collect();
    Ok(Gathered { files, locks: locks(args)? })
}

/// That there is nothing for which proofs beside the files will not do.
pub(super) fn only_files(gathered: &Gathered) -> Result<(), Failure> {
    if gathered.locks.is_empty() {
        return Ok(());
    }
    Err(Failure::usage("offline, entries of lock files need saved proofs")
        .hint("save them while online with --save-proofs FILE, and give that file with --proofs"))
}

impl GivenFile {
    /// Requirements and lock files are taken for files to be judged where an option is left out.
    pub(super) fn cannot_be_judged(&self, error: &anyhow::Error) -> Failure {
        let failure = Failure::new(format!("{error:#}"));
        match self.path.extension().and_then(|extension| extension.to_str()) {
            Some("txt" | "in") => failure.hint("for requirements: -r FILE"),
            Some("lock" | "toml") => failure.hint("for lock files: --lock FILE"),
            _ => failure,
        }
    }
}

impl GivenLock {
    fn new(path: &Path, kind: LockKind, wanted: Vec<Wanted>) -> Self {
        Self { path: path.to_owned(), kind, wanted, traces: Vec::new() }
    }
}

impl Gathered {
    /// The projects, in the versions that are wanted, that logs are to be asked about.
    pub(super) fn subjects(&self) -> BTreeSet<(ProjectName, Option<Version>)> {
        let files = self.files.iter().filter_map(|file| file.result.as_ref().ok());
        let of_files = files.flat_map(|(_, subject)| subject.candidates.clone());
        let wanted = || self.locks.iter().flat_map(|lock| &lock.wanted);
        let pinned = of_files.chain(wanted().flat_map(subjects));
        let pinned = pinned.map(|(project, version)| (project, Some(version)));
        let named = wanted().filter_map(|wanted| Some((wanted.project.clone()?, None)));
        pinned.chain(named).collect()
    }
}

fn locks(args: &VerifyArgs) -> anyhow::Result<Vec<GivenLock>> {
    let mut locks = Vec::new();
    // pip takes a pylock.toml with -r.
    let (pylocks, files): (Vec<PathBuf>, Vec<PathBuf>) =
        args.requirements.iter().cloned().partition(|path| is_pylock(path));
    if !files.is_empty() || !args.constraints.is_empty() {
        requirements(&files, &args.constraints, &mut locks)?;
    }
    for path in pylocks.iter().chain(&args.locks) {
        let (name, bytes) = named_bytes(path)?;
        let kind = LockKind::of(&name, &bytes).with_context(|| path.display().to_string())?;
        if kind == LockKind::Requirements {
            requirements(std::slice::from_ref(path), &[], &mut locks)?;
        } else {
            let wanted = kind.parse(&bytes).with_context(|| path.display().to_string())?;
            locks.push(GivenLock::new(path, kind, wanted));
        }
    }
    for path in &args.reports {
        let bytes = if path.as_os_str() == "-" {
            read_from(io::stdin().lock(), MAX_LOCK_BYTES).context("cannot read stdin")?
        } else {
            named_bytes(path)?.1
        };
        let wanted = LockKind::Report.parse(&bytes).with_context(|| path.display().to_string())?;
        locks.push(GivenLock::new(path, LockKind::Report, wanted));
    }
    for path in &args.environments {
        let (wanted, traces) = read_environment(path)?.into_iter().unzip();
        locks.push(GivenLock { traces, ..GivenLock::new(path, LockKind::Environment, wanted) });
    }
    Ok(locks)
}

/// Each file, also one that is included, has a section of its own. What leaves its version open
/// gets those of the constraints; a constraint that is open installs nothing.
fn requirements(
    requirements: &[PathBuf],
    constraints: &[PathBuf],
    locks: &mut Vec<GivenLock>,
) -> anyhow::Result<()> {
    let lines = requirement_files::load_all(requirements, constraints)?;
    let by_project = requirement_files::constraints(&lines);
    let mut count = 0;
    let mut sections: Vec<GivenLock> = Vec::new();
    for SourceLine { path, line, constraint } in &lines {
        let place = || format!("{}:{}", path.display(), line.number);
        let mut choices = if *constraint {
            line.wanted().into_iter().filter(chooses).collect()
        } else {
            let choices = pin::choose(line, &by_project).map_err(|what| anyhow!("{}: {what}", place()))?;
            choices.iter().map(|choice| choice.requirement.wanted(choice.line)).collect::<Vec<Wanted>>()
        };
        count += choices.len();
        if count > MAX_WANTED {
            bail!("{}: more than {MAX_WANTED} requirements", place());
        }
        match sections.iter_mut().find(|section| *section.path == **path) {
            Some(section) => section.wanted.append(&mut choices),
            None if choices.is_empty() => {}
            None => sections.push(GivenLock::new(path, LockKind::Requirements, choices)),
        }
    }
    for path in requirements.iter().chain(constraints) {
        if !sections.iter().any(|section| section.path == *path) {
            sections.push(GivenLock::new(path, LockKind::Requirements, Vec::new()));
        }
    }
    locks.extend(sections);
    Ok(())
}

/// Whether a constraint says what is installed: one version, or a URL.
fn chooses(constraint: &Wanted) -> bool {
    constraint.version != Pin::Open || !matches!(constraint.origin, Origin::Index(_))
}

fn is_pylock(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| LockKind::of(name, &[]) == Ok(LockKind::Pylock))
}

fn named_bytes(path: &Path) -> anyhow::Result<(String, Vec<u8>)> {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let bytes = read(path, MAX_LOCK_BYTES).with_context(|| format!("cannot read {}", path.display()))?;
    Ok((name, bytes))
}

/// The wheels, sdists and old installers below a directory, in order. Links to directories
/// are not followed.
fn artifacts_below(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    if depth > MAX_DEPTH {
        bail!("{} is more than {MAX_DEPTH} directories deep", directory.display());
    }
    let read = || std::fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>();
    let mut entries = read().with_context(|| format!("cannot read {}", directory.display()))?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().with_context(|| entry.path().display().to_string())?;
        if kind.is_dir() {
            artifacts_below(&entry.path(), depth + 1, found)?;
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        // A name that is none has an extension, too, and is judged: installers may take it.
        let known = FileName::parse(&name.replace(|c: char| !c.is_ascii_graphic(), "_"));
        if known.is_ok_and(|name| name.kind().is_some()) || is_archive(&name) {
            found.push(entry.path());
        }
        if found.len() > MAX_FILES {
            bail!("there are more than {MAX_FILES} files below {}", directory.display());
        }
    }
    Ok(())
}

fn subject(file: &HashedFile, project: Option<&ProjectName>) -> anyhow::Result<Subject> {
    let candidates = files::candidates(&file.name, project)?;
    Ok(Subject { name: file.name.clone(), sha256: file.sha256, candidates })
}

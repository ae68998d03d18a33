//! From what is on disk to a store: every start comes through here.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use log_core::hash::Hash;
use log_io::durable;

use super::disk::Disk;
use super::edges::Edges;
use super::files::Files;
use super::levels::Levels;
use super::levels_file;
use super::manifest::{MANIFEST, Manifest};
use super::postings::Postings;
use super::run::{Run, RunName};
use super::{Family, IndexError, Mark};

/// A file that is locked as long as somebody writes to the store.
const LOCK: &str = "lock";

/// What was found on disk.
#[derive(Debug)]
pub(super) struct Opened {
    /// Keeps other writers out until it is closed.
    pub(super) lock: File,
    pub(super) disk: Disk,
    pub(super) mark: Mark,
    pub(super) map_root: Hash,
    pub(super) keys: u64,
    pub(super) levels: Levels,
    pub(super) edges: Edges,
    pub(super) postings: [Postings; 2],
}

/// Opens the store in a directory, which is made if there is none.
pub(super) fn open(directory: &Path, identity: &str, files: Files) -> Result<Opened, IndexError> {
    for part in parts(directory) {
        durable::create_directory(&part)?;
    }
    let mut options = OpenOptions::new();
    let lock = options.create(true).truncate(false).write(true).open(directory.join(LOCK))?;
    lock.try_lock().map_err(|_| IndexError::InUse)?;
    let path = directory.join(MANIFEST);
    let mut manifest = match durable::read(&path)? {
        None => Manifest::empty(identity),
        Some(bytes) => Manifest::parse(&bytes)?,
    };
    if manifest.identity != identity {
        files.remove(&path)?;
        manifest = Manifest::empty(identity);
    }
    delete_unnamed(directory, &manifest, &files)?;

    let (mark, map_root) = manifest.mark()?;
    let (levels, edges) = levels_file::read(directory, &manifest.levels)?;
    if levels.root() != map_root {
        return Err(IndexError::Damaged("the hashes do not lead to the root".to_owned()));
    }
    let postings = |family: Family| {
        let directory = family.directory(directory);
        let runs = manifest.runs[family as usize].iter();
        let runs: Result<_, _> = runs.map(|name| Run::open(&directory, *name).map(Arc::new)).collect();
        runs.map(Postings::new)
    };
    let postings = [postings(Family::Map)?, postings(Family::Aux)?];
    let keys = manifest.keys;
    let disk = Disk::new(directory, manifest, files);
    Ok(Opened { lock, disk, mark, map_root, keys, levels, edges, postings })
}

/// Deletes everything. The manifest goes first, so that a crash leaves no state that
/// never was.
pub(super) fn clear(directory: &Path) -> io::Result<()> {
    durable::remove(&directory.join(MANIFEST))?;
    for part in parts(directory) {
        match fs::remove_dir_all(part) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn delete_unnamed(directory: &Path, manifest: &Manifest, files: &Files) -> io::Result<()> {
    let levels = manifest.levels.iter().map(|file| levels_file::path(directory, file.id));
    let mut named: HashSet<PathBuf> = levels.collect();
    for family in Family::ALL {
        let directory = family.directory(directory);
        let runs = &manifest.runs[family as usize];
        named.extend(runs.iter().map(|run| directory.join(RunName::file(run.id))));
    }
    for part in parts(directory) {
        for entry in fs::read_dir(part)? {
            let path = entry?.path();
            if !named.contains(&path) {
                files.remove(&path)?;
            }
        }
    }
    // What is left of a manifest that was not finished.
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(durable::TEMP_PREFIX) {
            files.remove(&entry.path())?;
        }
    }
    Ok(())
}

fn parts(directory: &Path) -> [PathBuf; 3] {
    let [map, aux] = Family::ALL.map(|family| family.directory(directory));
    [map, aux, directory.join(levels_file::DIRECTORY)]
}

//! The store on disk: writing what is in memory to runs, and merging runs.
//!
//! ```text
//! manifest                      which of the other files count
//! map/<id>.run, aux/<id>.run    the postings
//! levels/<id>.levels            the hashes of the buckets; the edges of long lists
//! ```
//!
//! Both operations are the same story: write new files, make them durable, replace the
//! manifest (the commit point), let readers see the new files, delete the old ones. A
//! crash before the commit point leaves files that no manifest names, one after it old
//! files that none names any more; the next start deletes both. Who still reads an old
//! file has it open.
//!
//! A flush and a merge may run at the same time: a merge changes the older runs, and a
//! flush only newer ones than those.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log_core::hash::Hash;

use super::cursor::Cursor;
use super::files::Files;
use super::levels_file::{self, LevelsName};
use super::manifest::{MANIFEST, Manifest};
use super::merge::{Source, write_merged};
use super::postings::{Parts, Postings};
use super::run::{Run, RunName};
use super::store::Settled;
use super::{Family, IndexError, Mark, tiers};

/// Pages that are read at a time while runs are merged.
const MERGE_PAGES: u64 = 128;

/// The directory.
#[derive(Debug)]
pub(super) struct Disk {
    directory: PathBuf,
    files: Files,
    catalog: Mutex<Catalog>,
    /// Set when the store is closed: a merge can be done another time.
    stop: AtomicBool,
}

/// What is durable, and who is about to change what.
#[derive(Debug)]
struct Catalog {
    manifest: Manifest,
    /// By family: of the runs so many of the oldest are a merge's.
    merging: [usize; 2],
    /// By family: of the runs so many of the newest are a flush's.
    flushing: [usize; 2],
}

/// The settled state at the time of a flush.
#[derive(Debug)]
pub(super) struct Snapshot {
    mark: Mark,
    map_root: Hash,
    keys: u64,
    levels: LevelsName,
    /// Whether it has all buckets.
    is_full: bool,
    /// Not durable yet.
    file: File,
}

impl Disk {
    pub(super) fn new(directory: &Path, manifest: Manifest, files: Files) -> Self {
        let catalog = Mutex::new(Catalog { manifest, merging: [0; 2], flushing: [0; 2] });
        Self { directory: directory.to_owned(), files, catalog, stop: AtomicBool::new(false) }
    }

    /// What is durable.
    pub(super) fn mark(&self) -> Result<Mark, IndexError> {
        Ok(self.lock().manifest.mark()?.0)
    }

    /// Whether runs should be merged; no, while something is being committed.
    pub(super) fn is_merge_due(&self) -> bool {
        let Ok(catalog) = self.catalog.try_lock() else { return false };
        Family::ALL.into_iter().any(|family| catalog.to_merge(family).is_some())
    }

    /// Tells a merge to end without a result.
    pub(super) fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Notes the settled state, all of which is frozen. Its hashes are written at once,
    /// though not made durable, since the next round changes them.
    pub(super) fn snapshot(&self, settled: &Settled, map: &Parts) -> io::Result<Snapshot> {
        let (id, since) = {
            let mut catalog = self.lock();
            let records = map.frozen.iter().map(|table| table.len() as u64).sum();
            let buckets = settled.levels.shape().buckets() as u64;
            let files = &catalog.manifest.levels;
            let is_full = levels_file::is_full_due(files, records, buckets);
            let since = files.last().filter(|_| !is_full).map(|last| last.shape);
            (catalog.next_id(), since)
        };
        let path = levels_file::path(&self.directory, id);
        let mut file = self.files.create(&path)?;
        let since_and_touched = since.map(|shape| (shape, map.frozen.as_slice()));
        let written = levels_file::write(&mut file, id, &settled.levels, &settled.edges, since_and_touched);
        let levels = written.inspect_err(|_| self.delete(&[path]))?;
        let Settled { mark, map_root, keys, .. } = *settled;
        Ok(Snapshot { mark, map_root, keys, levels, is_full: since.is_none(), file })
    }

    /// Writes what is frozen, and the state that it leads to. Nothing is frozen meanwhile.
    /// After an error everything is as it was.
    pub(super) fn flush(&self, postings: &[Postings; 2], snapshot: &Snapshot) -> Result<(), IndexError> {
        let result = self.write_flush(postings, snapshot);
        self.lock().flushing = [0; 2];
        result
    }

    fn write_flush(&self, postings: &[Postings; 2], snapshot: &Snapshot) -> Result<(), IndexError> {
        let levels = levels_file::path(&self.directory, snapshot.levels.id);
        let mut created = vec![levels.clone()];
        let synced = self.files.sync(&snapshot.file, &levels).map_err(IndexError::from);
        let written = synced.and_then(|()| {
            let map = self.write_frozen(Family::Map, &postings[0], &mut created)?;
            Ok([map, self.write_frozen(Family::Aux, &postings[1], &mut created)?])
        });
        let runs = written.inspect_err(|_| self.delete(&created))?;

        let mut catalog = self.lock();
        let mut manifest = catalog.manifest.clone();
        let mut old = Vec::new();
        for (family, run) in Family::ALL.into_iter().zip(&runs) {
            let names = &mut manifest.runs[family as usize];
            let taken_in = names.split_off(names.len() - catalog.flushing[family as usize]);
            old.extend(taken_in.iter().map(|name| self.run_path(family, name.id)));
            names.extend(run.as_ref().map(|run| run.name));
        }
        if snapshot.is_full {
            let files = manifest.levels.drain(..);
            old.extend(files.map(|file| levels_file::path(&self.directory, file.id)));
        }
        manifest.levels.push(snapshot.levels);
        manifest.keys = snapshot.keys;
        manifest.set_mark(snapshot.mark, snapshot.map_root);
        // COMMIT POINT. When it fails nobody knows which manifest there is, so the files
        // of both stay.
        self.files.replace(&self.directory.join(MANIFEST), &manifest.encode()?)?;
        let mut written = Vec::new();
        for ((postings, run), flushing) in postings.iter().zip(runs).zip(catalog.flushing) {
            written.extend(postings.change(|parts| {
                parts.runs.truncate(parts.runs.len() - flushing);
                parts.runs.extend(run.map(Arc::new));
                std::mem::take(&mut parts.frozen)
            }));
        }
        catalog.manifest = manifest;
        catalog.flushing = [0; 2];
        drop(catalog);
        // Takes a while, in which nobody has to wait.
        drop(written);
        self.delete(&old);
        Ok(())
    }

    /// Merges runs of a family if it is time to; whether it was.
    pub(super) fn merge(&self, family: Family, postings: &Postings) -> Result<bool, IndexError> {
        let result = self.write_merge(family, postings);
        self.lock().merging[family as usize] = 0;
        result
    }

    fn write_merge(&self, family: Family, postings: &Postings) -> Result<bool, IndexError> {
        let (runs, id, parts) = {
            let mut catalog = self.lock();
            let Some(runs) = catalog.to_merge(family) else { return Ok(false) };
            catalog.merging[family as usize] = runs.end;
            (runs, catalog.next_id(), postings.parts())
        };
        let written = self.write_run(family, id, &parts, runs.clone(), false);
        let run = written.inspect_err(|_| self.delete(&[self.run_path(family, id)]))?;

        let mut catalog = self.lock();
        let mut manifest = catalog.manifest.clone();
        let old: Vec<RunName> = manifest.runs[family as usize].splice(runs.clone(), [run.name]).collect();
        // COMMIT POINT, as above.
        self.files.replace(&self.directory.join(MANIFEST), &manifest.encode()?)?;
        postings.change(|parts| {
            parts.runs.splice(runs, [Arc::new(run)]);
        });
        catalog.manifest = manifest;
        catalog.merging[family as usize] = 0;
        drop(catalog);
        self.delete(&old.iter().map(|name| self.run_path(family, name.id)).collect::<Vec<_>>());
        Ok(true)
    }

    /// A run of what is frozen and of some of the newest runs; `None` when nothing is.
    /// Its path goes to `created` before there is anything.
    fn write_frozen(
        &self,
        family: Family,
        postings: &Postings,
        created: &mut Vec<PathBuf>,
    ) -> Result<Option<Run>, IndexError> {
        let (runs, id, parts) = {
            let mut catalog = self.lock();
            let parts = postings.parts();
            let new: u64 = parts.frozen.iter().map(|table| table.len() as u64).sum();
            if new == 0 {
                return Ok(None);
            }
            let merging = catalog.merging[family as usize];
            let sizes: Vec<u64> = parts.runs[merging..].iter().map(|run| run.name.records).collect();
            let runs = merging + tiers::first_to_take_in(&sizes, new)..parts.runs.len();
            catalog.flushing[family as usize] = runs.len();
            (runs, catalog.next_id(), parts)
        };
        created.push(self.run_path(family, id));
        self.write_run(family, id, &parts, runs, true).map(Some)
    }

    /// Writes some runs, and perhaps what is frozen, into one.
    fn write_run(
        &self,
        family: Family,
        id: u64,
        parts: &Parts,
        runs: Range<usize>,
        frozen: bool,
    ) -> Result<Run, IndexError> {
        let mut sources = Vec::new();
        for run in &parts.runs[runs] {
            sources.push(Source::run(Cursor::new(Arc::clone(run), MERGE_PAGES))?);
        }
        if frozen {
            sources.extend(parts.frozen.iter().map(|table| Source::table(table)));
        }
        // What is in memory is worth waiting for.
        let stop = || !frozen && self.stop.load(Ordering::Relaxed);
        write_merged(&self.files, &self.run_path(family, id), id, sources, stop)
    }

    /// Deletes files that no manifest names; if that fails, the next start does it.
    fn delete(&self, paths: &[PathBuf]) {
        for path in paths {
            if let Err(error) = self.files.remove(path) {
                tracing::warn!(%error, path = %path.display(), "cannot delete a file of the index");
            }
        }
    }

    fn run_path(&self, family: Family, id: u64) -> PathBuf {
        family.directory(&self.directory).join(RunName::file(id))
    }

    fn lock(&self) -> MutexGuard<'_, Catalog> {
        self.catalog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Catalog {
    /// The runs to be merged.
    fn to_merge(&self, family: Family) -> Option<Range<usize>> {
        let runs = &self.manifest.runs[family as usize];
        let end = runs.len() - self.flushing[family as usize];
        let sizes: Vec<u64> = runs[..end].iter().map(|run| run.records).collect();
        Some(tiers::first_to_merge(&sizes)?..end)
    }

    fn next_id(&mut self) -> u64 {
        self.manifest.next += 1;
        self.manifest.next - 1
    }
}

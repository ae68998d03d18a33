//! The few operations by which the store changes its directory.
//!
//! Promise: a file is written once, under a name that nothing refers to yet; it counts
//! from the moment at which a manifest that names it has replaced the older one, and it
//! is durable before. Files that no manifest names are rubbish and deleted at the next
//! start.
//!
//! All go through here, so that the tests can stop, fail or look at each.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use log_io::durable;

/// An operation that is about to happen, or, of the one that commits, has happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Create,
    Sync,
    SyncDirectory,
    Replace,
    Replaced,
    Remove,
}

type Hook = dyn Fn(Step, &Path) -> io::Result<()> + Send + Sync;

/// The operations.
#[derive(Default)]
pub(super) struct Files {
    hook: Option<Box<Hook>>,
}

impl Files {
    /// With a function that is asked at each step.
    #[cfg(test)]
    pub(super) fn hooked(hook: impl Fn(Step, &Path) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self { hook: Some(Box::new(hook)) }
    }

    /// A new file, to be written and read.
    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        self.at(Step::Create, path)?;
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    /// Makes a new file durable, and its name.
    pub(super) fn sync(&self, file: &File, path: &Path) -> io::Result<()> {
        self.at(Step::Sync, path)?;
        file.sync_all()?;
        let directory = path.parent().unwrap_or(path);
        self.at(Step::SyncDirectory, directory)?;
        durable::sync_directory(directory)
    }

    /// Replaces a small file, at once and durably.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.at(Step::Replace, path)?;
        durable::write(path, bytes)?;
        self.at(Step::Replaced, path)
    }

    /// Deletes a file that nothing refers to any more.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.at(Step::Remove, path)?;
        durable::remove(path).map(|_| ())
    }

    fn at(&self, step: Step, path: &Path) -> io::Result<()> {
        self.hook.as_ref().map_or(Ok(()), |hook| hook(step, path))
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

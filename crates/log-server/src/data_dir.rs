//! What is where in a log's data directory.
//!
//! ```text
//! <data>/public/            the log, exactly as C2SP tlog-tiles has it: any static
//!   checkpoint              web server or CDN can serve this directory
//!   tile/…
//! <data>/private/           0700
//!   log.key                 the log's signing key, 0600
//!   log.toml                origin and roots
//!   head                    size and root that are committed; the state of record
//!   staging/                what was committed and may not be in tiles yet
//!   view/                   sled; derived, may be deleted
//!   collected               how far partial tiles are collected; a hint
//!   damaged/                files that `fsck --repair` has replaced
//!   lock                    held by the running server
//! ```

use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use log_io::durable;

/// A data directory.
#[derive(Debug, Clone)]
pub struct DataDir {
    root: PathBuf,
}

/// Held while a process may write to the directory.
#[derive(Debug)]
pub struct DataLock {
    _file: File,
}

impl DataDir {
    /// The directory at `root`, whether or not there is a log in it.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// What the world may read.
    pub fn public(&self) -> PathBuf {
        self.root.join("public")
    }

    /// The signing key.
    pub fn key(&self) -> PathBuf {
        self.private().join("log.key")
    }

    /// The configuration.
    pub fn config(&self) -> PathBuf {
        self.private().join("log.toml")
    }

    /// The head record.
    pub fn head(&self) -> PathBuf {
        self.private().join("head")
    }

    /// Staging objects.
    pub fn staging(&self) -> PathBuf {
        self.private().join("staging")
    }

    /// The derived database.
    pub fn view(&self) -> PathBuf {
        self.private().join("view")
    }

    /// How far partial tiles are collected.
    pub fn collected(&self) -> PathBuf {
        self.private().join("collected")
    }

    /// Files that a repair has replaced.
    pub fn damaged(&self) -> PathBuf {
        self.private().join("damaged")
    }

    /// Makes the directories of a new log.
    pub fn create(&self) -> anyhow::Result<()> {
        for directory in [self.public(), self.private(), self.staging()] {
            durable::create_directory(&directory)
                .with_context(|| format!("cannot make {}", directory.display()))?;
        }
        restrict(&self.private())
    }

    /// Takes the lock; refuses when another process has it.
    pub fn lock(&self) -> anyhow::Result<DataLock> {
        let path = self.private().join("lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(&path);
        let file = file.with_context(|| {
            format!("there is no log in {}; make one with `wheeltap-log init`", self.root.display())
        })?;
        match file.try_lock() {
            Ok(()) => Ok(DataLock { _file: file }),
            Err(TryLockError::WouldBlock) => {
                bail!("another process serves the log in {}; stop it first", self.root.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", path.display()))
            }
        }
    }

    fn private(&self) -> PathBuf {
        self.root.join("private")
    }
}

#[cfg(unix)]
fn restrict(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot restrict {}", path.display()))
}

#[cfg(not(unix))]
fn restrict(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

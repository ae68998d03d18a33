//! The default back end: files in a directory, durable by fsync.
//!
//! The layout is the paths themselves, so the directory of a log can be served by
//! any static web server.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use log_io::durable;

use super::{Head, Objects};
use crate::head::HeadRecord;

/// Objects as files.
#[derive(Debug)]
pub struct DirectoryObjects {
    root: PathBuf,
}

/// The head as a file, swapped under the lock of another file beside it.
#[derive(Debug)]
pub struct FileHead {
    path: PathBuf,
}

impl DirectoryObjects {
    /// Objects below `root`, which exists.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

impl Objects for DirectoryObjects {
    fn put(&self, objects: &[(String, Vec<u8>)]) -> io::Result<()> {
        durable::write_batch(objects.iter().map(|(path, bytes)| (self.root.join(path), bytes.as_slice())))
    }

    fn overwrite(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        durable::replace(&self.root.join(path), bytes)
    }

    fn get(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        durable::read(&self.root.join(path))
    }

    fn get_range(&self, path: &str, from: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
        durable::read_range(&self.root.join(path), from, length)
    }

    fn delete(&self, path: &str) -> io::Result<()> {
        durable::remove_unsynced(&self.root.join(path)).map(|_| ())
    }

    fn list(&self) -> io::Result<Vec<String>> {
        names(&self.root)
    }

    fn list_below(&self, path: &str) -> io::Result<Vec<String>> {
        names(&self.root.join(path))
    }

    fn delete_below(&self, path: &str) -> io::Result<()> {
        durable::remove_directory(&self.root.join(path)).map(|_| ())
    }
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| entry.map(|entry| entry.file_name().to_string_lossy().into_owned())).collect()
}

impl FileHead {
    /// The head in the file at `path`.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Held until the file is closed; keeps other processes out, too.
    fn lock(&self) -> io::Result<File> {
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).open(self.path.with_extension("lock"))?;
        file.lock()?;
        Ok(file)
    }
}

impl Head for FileHead {
    fn load(&self) -> io::Result<Option<HeadRecord>> {
        let Some(bytes) = durable::read(&self.path)? else { return Ok(None) };
        let damaged = || io::Error::new(io::ErrorKind::InvalidData, "the head record is damaged");
        HeadRecord::parse(&bytes).map(Some).ok_or_else(damaged)
    }

    fn swap(&self, old: Option<&HeadRecord>, new: &HeadRecord) -> io::Result<bool> {
        let _lock = self.lock()?;
        if self.load()?.as_ref() != old {
            return Ok(false);
        }
        durable::write(&self.path, new.to_string().as_bytes()).map(|()| true)
    }
}

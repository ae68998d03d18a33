//! Directories of one process each, which go with it, also when it was killed.
//!
//! ```text
//! <below>/lock           held while a directory is made, and while old ones are taken away
//! <below>/run-…/lock     held by its process
//! ```
//!
//! Invariant: a directory is taken away only when nobody holds its lock. It is made and
//! locked under the lock above it, so that one without a lock is nobody's.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use log_io::durable;
use tempfile::TempDir;

/// The file in each directory that its process holds.
const LOCK: &str = "lock";

/// The start of their names.
const PREFIX: &str = "run-";

/// A directory of this process; it goes with its owner.
#[derive(Debug)]
pub struct Scratch {
    // Before the lock: what is taken away is still held.
    directory: TempDir,
    lock: File,
}

impl Scratch {
    /// A new one below a directory, from which those of dead processes are taken away.
    pub fn new(below: &Path) -> io::Result<Self> {
        let _making = durable::lock_directory(below)?;
        for entry in fs::read_dir(below)?.flatten() {
            let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
            if is_ours && !is_in_use(&entry.path()) {
                // Best effort: the next one tries again.
                let _ = fs::remove_dir_all(entry.path());
            }
        }
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(below)?;
        let lock = File::create_new(directory.path().join(LOCK))?;
        lock.lock()?;
        Ok(Self { directory, lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Lets the programs that this one starts hold it, too: when this one is killed they go
    /// on with what is in there.
    pub fn share(&self) -> io::Result<()> {
        #[cfg(unix)]
        rustix::io::fcntl_setfd(&self.lock, rustix::io::FdFlags::empty())?;
        Ok(())
    }
}

fn is_in_use(directory: &Path) -> bool {
    match File::open(directory.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_the_dead_go_and_those_in_use_stay() {
        let below = tempfile::tempdir().expect("a directory");
        let dead = below.path().join("run-dead");
        let unfinished = below.path().join("run-unfinished");
        let other = below.path().join("other");
        for directory in [&dead, &unfinished, &other] {
            fs::create_dir_all(directory.join("cache")).expect("a directory");
        }
        File::create_new(dead.join(LOCK)).expect("a lock that nobody holds");
        let first = Scratch::new(below.path()).expect("a directory");
        assert!(!dead.exists() && !unfinished.exists() && other.exists());
        let second = Scratch::new(below.path()).expect("a directory");
        assert!(first.path().exists() && second.path().exists(), "they are in use");
        let kept = first.path().to_owned();
        drop(first);
        assert!(!kept.exists() && second.path().exists(), "it goes with its owner");
    }
}

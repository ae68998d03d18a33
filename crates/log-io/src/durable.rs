//! Files that survive a crash.
//!
//! The order that makes a write durable on POSIX: write a temporary file in the
//! same directory, fsync it, rename it to its name, fsync the directory. Without
//! the last step the name may be gone after a power cut; without the first the
//! name may point at nothing.
//!
//! Promise: when a function here returns `Ok`, the file is whole and stays; when
//! it does not, the old file is whole or there is none. Temporary files that a killed
//! process has left start with `.tmp-`; they are harmless, and go with the next
//! [`lock_directory`].

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::thread;

use log_core::hash::encode_hex;

/// How many fsyncs are under way at once. A journal commits once for those that wait
/// together, so many cost little more than one.
const SYNCS_AT_ONCE: usize = 8;

/// The file that is locked in a directory.
const LOCK: &str = "lock";

/// The start of the names of temporary files.
pub const TEMP_PREFIX: &str = ".tmp-";

/// Writes or replaces a file, readable by all.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    write_batch([(path.to_owned(), bytes)])
}

/// Writes a new file that only its owner may read; an error when there is a file of
/// that name already, which stays as it is.
pub fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = Staged::write(path.to_owned(), bytes, 0o600)?;
    staged.sync()?;
    // Unlike a rename, a link never replaces.
    fs::hard_link(&staged.temp, path)?;
    sync_directory(parent(path))
}

/// Writes or replaces a file that is whole at all times, but whose old version may come
/// back after the loss of power.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let staged = Staged::write(path.to_owned(), bytes, 0o644)?;
    staged.sync()?;
    staged.publish()
}

/// Writes several files. All are durable on return; what can be synced together is, and
/// one directory once, however many files are in it.
pub fn write_batch<'a>(files: impl IntoIterator<Item = (PathBuf, &'a [u8])>) -> io::Result<()> {
    let mut directories = BTreeSet::new();
    // All writes first: the first fsync then flushes much of the others, too.
    let mut staged = Vec::new();
    for (path, bytes) in files {
        make_directories(parent(&path), &mut directories)?;
        directories.insert(parent(&path).to_owned());
        staged.push(Staged::write(path, bytes, 0o644)?);
    }
    all_at_once(&staged, Staged::sync)?;
    staged.into_iter().try_for_each(Staged::publish)?;
    let directories: Vec<PathBuf> = directories.into_iter().collect();
    all_at_once(&directories, |directory| sync_directory(directory))
}

/// Deletes a file, which may come back after the loss of power; whether it was there.
pub fn remove_unsynced(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes a directory and all that is in it; whether it was there.
pub fn remove_directory(path: &Path) -> io::Result<bool> {
    match fs::remove_dir_all(path) {
        Ok(()) => sync_directory(parent(path)).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Deletes a file; whether it was there.
pub fn remove(path: &Path) -> io::Result<bool> {
    let removed = remove_unsynced(path)?;
    if removed {
        sync_directory(parent(path))?;
    }
    Ok(removed)
}

/// Makes a directory and its parents, durably. Nothing is synced when it exists.
pub fn create_directory(path: &Path) -> io::Result<()> {
    let mut changed = BTreeSet::new();
    make_directories(path, &mut changed)?;
    changed.iter().try_for_each(|directory| sync_directory(directory))
}

/// Keeps others who call this from a directory until the file is closed, and takes away
/// what those left there who were killed: all who write there must hold it.
pub fn lock_directory(path: &Path) -> io::Result<File> {
    create_directory(path)?;
    let lock = OpenOptions::new().create(true).truncate(false).write(true).open(path.join(LOCK))?;
    lock.lock()?;
    for entry in fs::read_dir(path)?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(TEMP_PREFIX) {
            // Best effort, as above.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(lock)
}

/// Opens a regular file. Nothing else is opened: a pipe would be waited for until somebody
/// writes to it.
pub fn open(path: &Path) -> io::Result<File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    File::open(path)
}

/// A file's content; `None` when there is no such file.
pub fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// A part of a file: so many bytes from one on, or fewer when it ends before; `None` when
/// there is none.
pub fn read_range(path: &Path, from: u64, length: usize) -> io::Result<Option<Vec<u8>>> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::with_capacity(length);
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Fsyncs a directory, so that the names in it are durable.
pub fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a directory and its parents; those that got a new name in them are added to
/// `changed` and are to be synced.
fn make_directories(path: &Path, changed: &mut BTreeSet<PathBuf>) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let above = parent(path);
    make_directories(above, changed)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => {
            changed.insert(above.to_owned());
            Ok(())
        }
    }
}

/// Does the same to all, several at once; the first error is the result.
fn all_at_once<T: Sync>(items: &[T], act: impl Fn(&T) -> io::Result<()> + Sync) -> io::Result<()> {
    if let [one] = items {
        return act(one);
    }
    let share = items.len().div_ceil(SYNCS_AT_ONCE).max(1);
    let act = &act;
    thread::scope(|scope| {
        let shares = items.chunks(share).map(|share| scope.spawn(move || share.iter().try_for_each(act)));
        let started: Vec<_> = shares.collect();
        started.into_iter().try_for_each(|share| {
            share.join().unwrap_or_else(|_| Err(io::Error::other("a thread that syncs files has panicked")))
        })
    })
}

/// A temporary file with the content of a file to be; removed unless published.
struct Staged {
    temp: PathBuf,
    path: PathBuf,
    file: File,
    published: bool,
}

impl Staged {
    fn write(path: PathBuf, bytes: &[u8], mode: u32) -> io::Result<Self> {
        // A name that nobody can have prepared, and no file that is there already.
        let mut random = [0; 12];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let temp = parent(&path).join(format!("{TEMP_PREFIX}{}", encode_hex(&random)));
        create_directory(parent(&path))?;
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
        let file = options.open(&temp)?;
        let mut staged = Self { temp, path, file, published: false };
        staged.file.write_all(bytes)?;
        Ok(staged)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync_all()
    }

    fn publish(mut self) -> io::Result<()> {
        fs::rename(&self.temp, &self.path)?;
        self.published = true;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // Best effort: a left-over temporary file is harmless.
            let _ = fs::remove_file(&self.temp);
        }
    }
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_replaced_and_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a/b/file");
        assert_eq!(read(&path).expect("no file"), None);
        write(&path, b"one").expect("written");
        write(&path, b"two").expect("replaced");
        assert_eq!(read(&path).expect("a file").as_deref(), Some(b"two".as_slice()));
        assert!(remove(&path).expect("removed"));
        assert!(!remove(&path).expect("already gone"));
        let names = fs::read_dir(path.parent().expect("a parent")).expect("a directory");
        assert_eq!(names.count(), 0, "no temporary files are left");
    }

    #[test]
    fn what_a_killed_process_left_goes_under_the_lock() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in [".tmp-0123", "kept"] {
            fs::write(dir.path().join(name), b"x").expect("written");
        }
        let lock = lock_directory(dir.path()).expect("locked");
        assert!(dir.path().join("kept").exists() && !dir.path().join(".tmp-0123").exists());
        let other = File::open(dir.path().join(LOCK)).expect("it is there");
        assert!(other.try_lock().is_err(), "it is held");
        drop(lock);
        assert!(other.try_lock().is_ok());
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_temporary() {
        let dir = tempfile::tempdir().expect("a directory");
        // A directory where the file should go: the rename fails.
        let path = dir.path().join("taken");
        fs::create_dir(&path).expect("a directory");
        assert!(write(&path, b"one").is_err());
        assert!(path.is_dir());
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn private_files_are_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("key");
        create_private(&path, b"secret").expect("written");
        let mode = fs::metadata(&path).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(create_private(&path, b"other").is_err(), "never replaced");
        assert_eq!(fs::read(&path).expect("a file"), b"secret");
        assert_eq!(fs::read_dir(dir.path()).expect("a directory").count(), 1, "no temporary is left");
    }
}

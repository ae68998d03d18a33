//! Verified files on disk, by digest.
//!
//! ```text
//! <cache>/sha256/ab/<hex>        a file whose bytes have this digest
//! <cache>/partial/run-…/         files that come, of one process
//! ```
//!
//! Invariants: a file is under its name only after its bytes were found to have that
//! digest, and, since disks and people change files, is hashed again the first time that
//! this process reads it; what all files take stays below the limit, the least recently
//! used going first. A disk that is full costs the cache, not the answer.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File, FileTimes};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use log_core::hash::{Hash, StreamDigest};
use log_io::{clock, durable};
use tempfile::NamedTempFile;

use super::limits::READ_BYTES;
use crate::scratch::Scratch;

/// The store.
#[derive(Debug)]
pub(super) struct Store {
    directory: PathBuf,
    /// None without room on the disk.
    partial: Option<Scratch>,
    limit: u64,
    index: Mutex<Index>,
}

#[derive(Debug, Default)]
struct Index {
    files: HashMap<Hash, Entry>,
    /// By last use, oldest first.
    used: BTreeMap<(u64, u64), Hash>,
    bytes: u64,
    next: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    bytes: u64,
    used: (u64, u64),
    /// Found to be right by this process.
    checked: bool,
}

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Spool {
    file: Option<NamedTempFile>,
    digest: StreamDigest,
}

impl Store {
    /// Opens the store in a directory, which is made if there is none.
    pub(super) fn open(directory: &Path, limit: u64) -> io::Result<Self> {
        let partial = Scratch::new(&directory.join("partial"));
        let partial = partial.inspect_err(|error| tracing::warn!(%error, "cannot write to the cache")).ok();
        let directory = directory.join("sha256");
        durable::create_directory(&directory)?;
        let mut index = Index::default();
        let mut found = Vec::new();
        for part in fs::read_dir(&directory)? {
            let part = part?;
            if !part.file_type()?.is_dir() {
                continue;
            }
            for file in fs::read_dir(part.path())? {
                let file = file?;
                let Some(hash) = file.file_name().to_str().and_then(Hash::parse_hex) else {
                    // What a crash has left of a file.
                    let _ = fs::remove_file(file.path());
                    continue;
                };
                let metadata = file.metadata()?;
                found.push((seconds(metadata.modified()?), hash, metadata.len()));
            }
        }
        found.sort_unstable();
        for (used, hash, bytes) in found {
            index.insert(hash, bytes, used, false);
        }
        let store = Self { directory, partial, limit, index: Mutex::new(index) };
        store.make_room(0);
        Ok(store)
    }

    /// Bytes and files in the store.
    pub(super) fn size(&self) -> (u64, usize) {
        self.with(|index| (index.bytes, index.files.len()))
    }

    /// A file with this digest, and its length.
    pub(super) fn get(&self, hash: Hash) -> Option<(File, u64)> {
        let entry = self.with(|index| index.touch(hash, clock::now()))?;
        let path = self.path(hash);
        let opened = File::open(&path).and_then(|mut file| {
            if !entry.checked && (digest_of(&mut file)? != hash) {
                return Err(io::ErrorKind::InvalidData.into());
            }
            Ok(file)
        });
        match opened {
            Ok(file) => {
                // So that the next start knows what was used last.
                let _ = file.set_times(FileTimes::new().set_modified(now()));
                self.with(|index| index.checked(hash));
                Some((file, entry.bytes))
            }
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a cached file is damaged, and forgotten");
                self.forget(hash);
                None
            }
        }
    }

    /// Begins a file of unknown digest. Without room on the disk it is only hashed.
    pub(super) fn spool(&self) -> Spool {
        let file = self.partial.as_ref().and_then(|partial| {
            let file = NamedTempFile::new_in(partial.path());
            file.inspect_err(|error| tracing::warn!(%error, "cannot write to the cache")).ok()
        });
        Spool { file, digest: StreamDigest::default() }
    }

    /// Keeps a file that has this digest.
    pub(super) fn keep(&self, spool: Spool, hash: Hash, bytes: u64) {
        let Some(file) = spool.file.filter(|_| bytes <= self.limit) else { return };
        self.make_room(bytes);
        let path = self.path(hash);
        let kept = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| {
            // Verified again when it is read first after a crash, so it need not be synced.
            file.persist(&path).map(drop).map_err(|error| error.error)
        });
        match kept {
            Ok(()) => self.with(|index| index.insert(hash, bytes, clock::now(), true)),
            Err(error) => tracing::warn!(%error, "cannot write to the cache"),
        }
    }

    fn make_room(&self, bytes: u64) {
        loop {
            let oldest = self.with(|index| {
                let full = index.bytes.saturating_add(bytes) > self.limit;
                full.then(|| index.used.values().next().copied()).flatten()
            });
            let Some(oldest) = oldest else { return };
            self.forget(oldest);
        }
    }

    fn forget(&self, hash: Hash) {
        self.with(|index| index.remove(hash));
        // Whoever reads it has it open.
        let _ = fs::remove_file(self.path(hash));
    }

    fn path(&self, hash: Hash) -> PathBuf {
        let hex = hash.to_hex();
        self.directory.join(&hex[..2]).join(hex)
    }

    fn with<T>(&self, work: impl FnOnce(&mut Index) -> T) -> T {
        work(&mut self.index.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Index {
    fn insert(&mut self, hash: Hash, bytes: u64, used: u64, checked: bool) {
        self.remove(hash);
        self.next += 1;
        let used = (used, self.next);
        self.used.insert(used, hash);
        self.files.insert(hash, Entry { bytes, used, checked });
        self.bytes += bytes;
    }

    fn remove(&mut self, hash: Hash) {
        if let Some(entry) = self.files.remove(&hash) {
            self.used.remove(&entry.used);
            self.bytes -= entry.bytes;
        }
    }

    fn touch(&mut self, hash: Hash, now: u64) -> Option<Entry> {
        let entry = *self.files.get(&hash)?;
        self.insert(hash, entry.bytes, now, entry.checked);
        Some(entry)
    }

    fn checked(&mut self, hash: Hash) {
        if let Some(entry) = self.files.get_mut(&hash) {
            entry.checked = true;
        }
    }
}

impl Spool {
    /// The file, to be read, whatever becomes of its name; `None` when it was only hashed.
    pub(super) fn reopen(&self) -> Option<File> {
        self.file.as_ref()?.reopen().ok()
    }

    /// Takes the next bytes.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.digest.update(bytes);
        if let Some(file) = &mut self.file
            && let Err(error) = file.write_all(bytes)
        {
            tracing::warn!(%error, "cannot write to the cache");
            self.file = None;
        }
    }

    /// The digest of all bytes, and how many there were.
    pub(super) fn finish(&self) -> (Hash, u64) {
        self.digest.clone().finish()
    }
}

fn digest_of(file: &mut File) -> io::Result<Hash> {
    let mut digest = StreamDigest::default();
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            length => digest.update(&buffer[..length]),
        }
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(digest.finish().0)
}

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(clock::now())
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use log_core::hash::digest;

    use super::*;

    fn keep(store: &Store, bytes: &[u8]) -> Hash {
        let mut spool = store.spool();
        spool.write(bytes);
        let (hash, length) = spool.finish();
        store.keep(spool, hash, length);
        hash
    }

    #[test]
    fn the_least_recently_used_go_first_and_damage_is_noticed() {
        let directory = tempfile::tempdir().expect("a directory");
        let store = Store::open(directory.path(), 25).expect("a store");
        let hashes: Vec<Hash> =
            [b"0123456789", b"abcdefghij"].iter().map(|bytes| keep(&store, *bytes)).collect();
        assert_eq!(store.size(), (20, 2));
        let (mut file, length) = store.get(hashes[0]).expect("kept");
        let mut read = String::new();
        file.read_to_string(&mut read).expect("readable");
        assert_eq!((read.as_str(), length), ("0123456789", 10));
        // It was used last, so the other goes.
        let third = keep(&store, b"ABCDEFGHIJ");
        assert!(
            store.get(hashes[1]).is_none() && store.get(third).is_some() && store.get(hashes[0]).is_some()
        );
        keep(&store, &[b'x'; 26]);
        assert!(store.get(digest(&[&[b'x'; 26]])).is_none(), "larger than all");
        drop(store);
        // After a start each is hashed again.
        let hex = third.to_hex();
        fs::write(directory.path().join("sha256").join(&hex[..2]).join(&hex), b"ABCDEFGHIX")
            .expect("written");
        let store = Store::open(directory.path(), 25).expect("a store");
        assert_eq!(store.size(), (20, 2));
        assert!(store.get(third).is_none() && store.get(hashes[0]).is_some());
        assert_eq!(store.size(), (10, 1));
        drop(store);
        let store = Store::open(directory.path(), 5).expect("a store");
        assert_eq!(store.size(), (0, 0), "a smaller limit");
    }
}

//! Where the index commitments are: a sled database, one key a round.
//!
//! ```text
//! c <index, 8 bytes big endian>   → –      an index commitment
//! s                               → size, root, origin     what this is of
//! ```
//!
//! It grows at its end only and is asked for the next key after another, which a tree
//! on disk does well. Sled's `flush` is no fsync, so after a power cut this may be old or
//! damaged: then it is thrown away and built again from the entries.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use log_core::hash::Hash;

use crate::index::Mark;

/// Memory that sled may use for its cache, in bytes: a log's last million rounds.
const CACHE_BYTES: u64 = 16 << 20;

/// How often it is tried to open the files again, and how long it is waited between.
const REOPEN_ATTEMPTS: u32 = 50;
const REOPEN_PAUSE: Duration = Duration::from_millis(20);

/// The derived database.
#[derive(Debug, Clone)]
pub struct Commitments {
    /// Taken out only while it is reopened: after a failed write sled stays failed
    /// until then.
    db: Arc<RwLock<Option<sled::Db>>>,
    path: PathBuf,
    origin: String,
}

impl Commitments {
    /// Opens the database at `path`; one that is damaged is thrown away.
    pub fn open(path: &Path, origin: &str) -> sled::Result<Self> {
        let db = Arc::new(RwLock::new(Some(open(path)?)));
        Ok(Self { db, path: path.to_owned(), origin: origin.to_owned() })
    }

    /// Closes the database and opens it again.
    pub fn reopen(&self) -> sled::Result<()> {
        let mut slot = self.db.write().unwrap_or_else(PoisonError::into_inner);
        drop(slot.take());
        // The files are locked until the old one is gone, which sled's own threads may hold
        // for a moment longer.
        let mut opened = open(&self.path);
        for _ in 0..REOPEN_ATTEMPTS {
            if !matches!(opened, Err(sled::Error::Io(_))) {
                break;
            }
            std::thread::sleep(REOPEN_PAUSE);
            opened = open(&self.path);
        }
        *slot = Some(opened?);
        Ok(())
    }

    /// Of which tree these are all commitments; `None` when of none, or another log's.
    pub fn mark(&self) -> sled::Result<Option<Mark>> {
        let Some(bytes) = self.with(|db| db.get(b"s"))? else { return Ok(None) };
        Ok(bytes.split_first_chunk::<8>().and_then(|(size, rest)| {
            let (root, origin) = rest.split_first_chunk::<32>()?;
            let mark = Mark { size: u64::from_be_bytes(*size), root: Hash::from_bytes(*root) };
            (origin == self.origin.as_bytes()).then_some(mark)
        }))
    }

    /// Forgets everything.
    pub fn clear(&self) -> sled::Result<()> {
        self.with(|db| db.clear())
    }

    /// Adds commitments; afterwards they are those of the tree `mark`. One atomic batch.
    pub fn add(&self, indices: impl IntoIterator<Item = u64>, mark: Mark) -> sled::Result<()> {
        let mut batch = sled::Batch::default();
        for index in indices {
            batch.insert(&key(index), &[]);
        }
        let mut value = mark.size.to_be_bytes().to_vec();
        value.extend_from_slice(mark.root.as_bytes());
        value.extend_from_slice(self.origin.as_bytes());
        batch.insert(b"s".as_slice(), value);
        self.with(|db| db.apply_batch(batch))
    }

    /// The first index commitment after the entry `index`.
    pub fn after(&self, index: u64) -> sled::Result<Option<u64>> {
        let first = self.with(|db| db.range(key(index)..key(u64::MAX)).next().transpose())?;
        Ok(first.and_then(|(key, _)| Some(u64::from_be_bytes(key.get(1..)?.try_into().ok()?))))
    }

    /// Writes what is in memory to the files, as far as sled does.
    pub fn flush(&self) -> sled::Result<()> {
        self.with(|db| db.flush().map(drop))
    }

    fn with<T>(&self, ask: impl FnOnce(&sled::Db) -> sled::Result<T>) -> sled::Result<T> {
        let slot = self.db.read().unwrap_or_else(PoisonError::into_inner);
        ask(slot.as_ref().ok_or_else(|| sled::Error::Unsupported("the view is closed".to_owned()))?)
    }
}

fn open(path: &Path) -> sled::Result<sled::Db> {
    let open = || sled::Config::new().path(path).cache_capacity(CACHE_BYTES).open();
    match open() {
        // Only what cannot be read; a full disk, say, is no reason to delete anything.
        Err(error @ (sled::Error::Corruption { .. } | sled::Error::ReportableBug(_))) => {
            tracing::warn!(%error, path = %path.display(), "the view is damaged and will be built again");
            std::fs::remove_dir_all(path)?;
            open()
        }
        result => result,
    }
}

fn key(index: u64) -> [u8; 9] {
    let mut key = [b'c'; 9];
    key[1..].copy_from_slice(&index.to_be_bytes());
    key
}

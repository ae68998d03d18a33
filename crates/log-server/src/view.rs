//! The view: a sled database of everything that can be derived from the log.
//!
//! ```text
//! s                                   size, root and origin that the view is of
//! p <sha256 of payload>             → index         the same statement again
//! x <index key, 32> <index, 8>      → sha256 | –    verifiable index; for files the digest
//! m <index key, 32> <index, 8>      → sha256        wheel metadata, which has no index key
//! d <sha256 of file> <index, 8>     → –             by digest
//! ```
//!
//! Invariant: one atomic sled batch per growth moves the view from one size to
//! the next, so it is always that of some size, perhaps an old one. It holds
//! nothing of record: when it is missing, damaged, ahead of the log or another
//! log's, it is thrown away and built again from the entries.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use log_core::artifact::{FileName, ProjectName};
use log_core::entry::{Entry, IndexKey, SignedStatement};
use log_core::hash::Hash;
use log_core::index::VerifiableIndex;
use log_core::rules::Logged;
use log_core::statement::{ReleaseFile, Statement};
use thiserror::Error;

use crate::admission::Known;

/// Memory that sled may use for its cache, in bytes.
const CACHE_BYTES: u64 = 64 << 20;

/// The derived database.
#[derive(Debug, Clone)]
pub struct View {
    /// Taken out only while it is reopened: after a failed write sled stays failed
    /// until then.
    db: Arc<RwLock<Option<sled::Db>>>,
    path: PathBuf,
    origin: String,
}

/// What a view is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewMark {
    /// The tree's size.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
}

/// Why the view could not be asked or changed.
#[derive(Debug, Error)]
#[error("the view: {0}")]
pub struct ViewError(#[from] sled::Error);

impl View {
    /// Opens the view at `path`; one that is damaged is thrown away.
    pub fn open(path: &Path, origin: &str) -> Result<Self, ViewError> {
        let db = Arc::new(RwLock::new(Some(open(path)?)));
        Ok(Self { db, path: path.to_owned(), origin: origin.to_owned() })
    }

    /// Closes the database and opens it again.
    pub fn reopen(&self) -> Result<(), ViewError> {
        let mut slot = self.db.write().unwrap_or_else(PoisonError::into_inner);
        // The files are locked until the old one is gone.
        drop(slot.take());
        *slot = Some(open(&self.path)?);
        Ok(())
    }

    fn with<T>(&self, ask: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, ViewError> {
        let slot = self.db.read().unwrap_or_else(PoisonError::into_inner);
        let db = slot.as_ref().ok_or_else(|| sled::Error::Unsupported("the view is closed".to_owned()))?;
        Ok(ask(db)?)
    }

    /// What the view is of; `None` when that is nothing, or another log.
    pub fn mark(&self) -> Result<Option<ViewMark>, ViewError> {
        let Some(bytes) = self.with(|db| db.get(b"s"))? else { return Ok(None) };
        let parsed = bytes.split_first_chunk::<8>().and_then(|(size, rest)| {
            let (root, origin) = rest.split_first_chunk::<32>()?;
            let mark = ViewMark { size: u64::from_be_bytes(*size), root: Hash::from_bytes(*root) };
            (origin == self.origin.as_bytes()).then_some(mark)
        });
        Ok(parsed)
    }

    /// Forgets everything.
    pub fn clear(&self) -> Result<(), ViewError> {
        self.with(|db| db.clear())
    }

    /// Takes in entries, the first of which has the index `first`; afterwards the
    /// view is of `mark`. Entries that are no statements leave no trace.
    pub fn apply<'e>(
        &self,
        first: u64,
        entries: impl IntoIterator<Item = &'e [u8]>,
        mark: ViewMark,
    ) -> Result<(), ViewError> {
        let mut batch = sled::Batch::default();
        for (index, entry) in (first..).zip(entries) {
            if let Ok(Entry::Statement(signed)) = Entry::parse(entry) {
                add(&mut batch, index, &signed);
            }
        }
        let mut value = mark.size.to_be_bytes().to_vec();
        value.extend_from_slice(mark.root.as_bytes());
        value.extend_from_slice(self.origin.as_bytes());
        batch.insert(b"s".as_slice(), value);
        self.with(|db| db.apply_batch(batch))
    }

    /// The verifiable index over all entries in the view.
    pub fn index(&self) -> Result<VerifiableIndex, ViewError> {
        self.with(|db| {
            let mut index = VerifiableIndex::default();
            for item in db.scan_prefix(b"x") {
                if let Some((key, at)) = split_posting(&item?.0) {
                    index.add(at, [key]);
                }
            }
            Ok(index)
        })
    }

    /// The entries that concern a key of the verifiable index, from `from` on.
    pub fn by_key(&self, key: &IndexKey, from: u64, limit: usize) -> Result<Vec<u64>, ViewError> {
        let tag = match key {
            IndexKey::File(_, file) if file.is_metadata() => b'm',
            _ => b'x',
        };
        self.postings(tag, key.hash(), from, limit)
    }

    /// The entries that give a file this digest, from `from` on.
    pub fn by_digest(&self, sha256: Hash, from: u64, limit: usize) -> Result<Vec<u64>, ViewError> {
        self.postings(b'd', sha256, from, limit)
    }

    fn postings(&self, tag: u8, key: Hash, from: u64, limit: usize) -> Result<Vec<u64>, ViewError> {
        let range = posting(tag, key, from)..=posting(tag, key, u64::MAX);
        self.with(|db| {
            let mut indices = Vec::new();
            for item in db.range(range).take(limit) {
                indices.extend(split_posting(&item?.0).map(|(_, index)| index));
            }
            Ok(indices)
        })
    }
}

impl Known for View {
    type Error = ViewError;

    fn payload(&self, digest: &Hash) -> Result<Option<u64>, ViewError> {
        let value = self.with(|db| db.get(tagged(b'p', *digest)))?;
        Ok(value.and_then(|bytes| bytes.as_ref().try_into().ok()).map(u64::from_be_bytes))
    }

    fn file(&self, project: &ProjectName, file: &FileName) -> Result<Option<Logged>, ViewError> {
        let (tag, key) = file_posting(project, file);
        let range = posting(tag, key, 0)..=posting(tag, key, u64::MAX);
        let first = self.with(|db| db.range(range).next().transpose())?;
        Ok(first.and_then(|(key, value)| {
            Some(Logged { index: split_posting(&key)?.1, sha256: Hash::from_slice(&value)? })
        }))
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

fn add(batch: &mut sled::Batch, index: u64, signed: &SignedStatement) {
    batch.insert(tagged(b'p', signed.envelope.payload_digest()), index.to_be_bytes().to_vec());
    let files: &[ReleaseFile] = match &signed.statement {
        Statement::Release(release) => {
            for file in &release.files {
                let (tag, key) = file_posting(&release.project, &file.name);
                batch.insert(posting(tag, key, index), file.sha256.as_bytes().to_vec());
            }
            &release.files
        }
        Statement::Policy(_) => &[],
    };
    for file in files {
        batch.insert(posting(b'd', file.sha256, index), Vec::new());
    }
    for key in signed.index_keys() {
        if !matches!(key, IndexKey::File(..)) {
            batch.insert(posting(b'x', key.hash(), index), Vec::new());
        }
    }
}

fn file_posting(project: &ProjectName, file: &FileName) -> (u8, Hash) {
    let tag = if file.is_metadata() { b'm' } else { b'x' };
    (tag, IndexKey::File(project.clone(), file.clone()).hash())
}

fn tagged(tag: u8, key: Hash) -> Vec<u8> {
    [&[tag], key.as_bytes().as_slice()].concat()
}

fn posting(tag: u8, key: Hash, index: u64) -> Vec<u8> {
    [&[tag], key.as_bytes().as_slice(), &index.to_be_bytes()].concat()
}

fn split_posting(bytes: &[u8]) -> Option<(Hash, u64)> {
    let (key, index) = bytes.get(1..)?.split_first_chunk::<32>()?;
    Some((Hash::from_bytes(*key), u64::from_be_bytes(index.try_into().ok()?)))
}

//! The view: all that can be derived from the log and must be found quickly.
//!
//! | part | finds |
//! |---|---|
//! | [`index`](crate::index) | by project, release, file, payload and digest; proofs of what is there |
//! | [`commitments`] | the index commitment that dates an entry |
//!
//! ```text
//! apply … apply ─► settle ─► …        one round after the other
//!               └► rollback           when a round failed
//! ```
//!
//! Invariant: look-ups see the entries of settled rounds, which are published; the writer
//! sees all. It holds nothing of record: when it is missing, damaged, ahead of the log or
//! another log's, it is thrown away and built again from the entries.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use log_core::artifact::FileName;
use log_core::entry::{Entry, IndexKey, SignedStatement};
use log_core::hash::{Hash, digest};
use log_core::map_proof::MapProof;
use log_core::statement::Statement;
use thiserror::Error;

use crate::index::{EntryKeys, Family, IndexError, IndexReader, IndexStore, Mark};

pub mod commitments;

use commitments::Commitments;

/// The view; a copy costs nothing.
#[derive(Debug, Clone)]
pub struct View {
    /// Of the single writer. Taken out only while it is cleared.
    store: Arc<Mutex<Option<IndexStore>>>,
    reader: Arc<RwLock<IndexReader>>,
    commitments: Commitments,
    directory: PathBuf,
    origin: String,
}

/// Why the view could not be asked or changed.
#[derive(Debug, Error)]
pub enum ViewError {
    /// The index could not.
    #[error("the view's index: {0}")]
    Index(#[from] IndexError),
    /// The commitments could not.
    #[error("the view's commitments: {0}")]
    Commitments(#[from] sled::Error),
}

/// Whether rounds that are not settled count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What is published.
    Settled,
    /// All that is committed; for the writer.
    All,
}

/// An entry as it comes into the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derived {
    /// The keys of a statement.
    Statement(EntryKeys),
    /// An index commitment, at this index.
    Commitment(u64),
}

impl View {
    /// Opens the view in a directory.
    pub fn open(directory: &Path, origin: &str) -> Result<Self, ViewError> {
        let store = open_index(directory, origin)?;
        Ok(Self {
            reader: Arc::new(RwLock::new(store.reader())),
            store: Arc::new(Mutex::new(Some(store))),
            commitments: Commitments::open(&directory.join("commitments"), origin)?,
            directory: directory.to_owned(),
            origin: origin.to_owned(),
        })
    }

    /// Gets ready to go on after a failure: what is not settled is forgotten.
    pub fn recover(&self) -> Result<(), ViewError> {
        self.commitments.reopen()?;
        self.with(|store| {
            store.rollback();
            Ok(())
        })
    }

    /// Of which tree the settled part of the index is.
    pub fn mark(&self) -> Mark {
        self.reader().mark()
    }

    /// How many keys the index has, and in how many runs on disk.
    pub fn index_size(&self) -> (u64, u64) {
        self.reader().size()
    }

    /// Of which tree all commitments are known, if of any.
    pub fn commitments_mark(&self) -> Result<Option<Mark>, ViewError> {
        Ok(self.commitments.mark()?)
    }

    /// The root of the verifiable index, all rounds included.
    pub fn map_root(&self) -> Result<Hash, ViewError> {
        self.with(|store| Ok(store.map_root()))
    }

    /// Forgets everything.
    pub fn clear(&self) -> Result<(), ViewError> {
        self.commitments.clear()?;
        let mut slot = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        drop(slot.take());
        IndexStore::clear(&index_path(&self.directory))?;
        let store = open_index(&self.directory, &self.origin)?;
        *self.reader.write().unwrap_or_else(PoisonError::into_inner) = store.reader();
        *slot = Some(store);
        Ok(())
    }

    /// Adds a round; the root of the verifiable index after it.
    pub fn apply(&self, entries: &[EntryKeys]) -> Result<Hash, ViewError> {
        self.with(|store| store.apply(entries))
    }

    /// Adds the commitments of the tree `mark` that are not known yet.
    pub fn add_commitments(
        &self,
        indices: impl IntoIterator<Item = u64>,
        mark: Mark,
    ) -> Result<(), ViewError> {
        Ok(self.commitments.add(indices, mark)?)
    }

    /// Lets look-ups see all rounds so far: the tree `mark`.
    pub fn settle(&self, mark: Mark) -> Result<(), ViewError> {
        self.with(|store| store.settle(mark))
    }

    /// Writes what is in memory to disk, for an orderly stop; a later start then has
    /// nothing to do.
    pub fn flush(&self) -> Result<(), ViewError> {
        self.with(|store| {
            store.rollback();
            store.flush_now()
        })?;
        Ok(self.commitments.flush()?)
    }

    /// The entries that concern a key of the verifiable index, or the metadata of a wheel,
    /// from `from` on, ascending.
    pub fn by_key(
        &self,
        key: &IndexKey,
        from: u64,
        limit: usize,
        scope: Scope,
    ) -> Result<Vec<u64>, ViewError> {
        let family = match key {
            IndexKey::File(_, file) if file.is_metadata() => Family::Aux,
            _ => Family::Map,
        };
        self.list(family, &key.hash(), from, limit, scope)
    }

    /// The newest entries that concern a key of the verifiable index, descending; for the
    /// writer.
    pub fn newest_by_key(&self, key: &IndexKey, limit: usize) -> Result<Vec<u64>, ViewError> {
        self.with(|store| store.list_newest(Family::Map, &key.hash(), limit))
    }

    /// The entries that give a file this digest, from `from` on.
    pub fn by_digest(&self, sha256: Hash, from: u64, limit: usize) -> Result<Vec<u64>, ViewError> {
        self.list(Family::Aux, &digest_key(sha256), from, limit, Scope::Settled)
    }

    /// The newest entry with this payload.
    pub fn payload(&self, digest: &Hash, scope: Scope) -> Result<Option<u64>, ViewError> {
        let key = payload_key(*digest);
        let newest = match scope {
            Scope::Settled => self.reader().list_newest(Family::Aux, &key, u64::MAX, 1)?,
            Scope::All => self.with(|store| store.list_newest(Family::Aux, &key, 1))?,
        };
        Ok(newest.first().copied())
    }

    /// The first index commitment after the entry `index`.
    pub fn commitment_after(&self, index: u64) -> Result<Option<u64>, ViewError> {
        Ok(self.commitments.after(index)?)
    }

    /// What the verifiable index has under keys, and the tree it is of.
    pub fn prove(&self, keys: &[IndexKey]) -> Result<(Mark, Vec<MapProof>), ViewError> {
        let hashes: Vec<Hash> = keys.iter().map(IndexKey::hash).collect();
        let proven = self.reader().prove(&hashes)?;
        Ok((proven.mark, proven.proofs))
    }

    fn list(
        &self,
        family: Family,
        key: &Hash,
        from: u64,
        limit: usize,
        scope: Scope,
    ) -> Result<Vec<u64>, ViewError> {
        match scope {
            Scope::Settled => Ok(self.reader().list(family, key, from, u64::MAX, limit)?),
            Scope::All => self.with(|store| store.list(family, key, from, u64::MAX, limit)),
        }
    }

    fn reader(&self) -> IndexReader {
        self.reader.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn with<T>(&self, ask: impl FnOnce(&mut IndexStore) -> Result<T, IndexError>) -> Result<T, ViewError> {
        let mut slot = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(ask(slot.as_mut().ok_or(IndexError::Stopped)?)?)
    }
}

impl Derived {
    /// What the entry `index` brings into the view; `None` when it is no entry.
    pub fn of(index: u64, entry: &[u8]) -> Option<Self> {
        match Entry::parse(entry).ok()? {
            Entry::Statement(signed) => {
                Some(Self::Statement(keys(index, &signed, signed.envelope.payload_digest())))
            }
            Entry::Commitment(_) => Some(Self::Commitment(index)),
        }
    }
}

/// The keys under which a statement is found.
pub fn keys(index: u64, signed: &SignedStatement, payload_digest: Hash) -> EntryKeys {
    let map = signed.index_keys().iter().map(IndexKey::hash).collect();
    let mut aux = vec![payload_key(payload_digest)];
    if let Statement::Release(release) = &signed.statement {
        for file in &release.files {
            aux.push(digest_key(file.sha256));
            if FileName::is_metadata(&file.name) {
                aux.push(IndexKey::File(release.project.clone(), file.name.clone()).hash());
            }
        }
    }
    EntryKeys { index, map, aux }
}

fn payload_key(payload: Hash) -> Hash {
    digest(&[b"payload\0", payload.as_bytes()])
}

fn digest_key(sha256: Hash) -> Hash {
    digest(&[b"digest\0", sha256.as_bytes()])
}

fn index_path(directory: &Path) -> PathBuf {
    directory.join("index")
}

/// Opens the index; one that is damaged is thrown away.
fn open_index(directory: &Path, origin: &str) -> Result<IndexStore, IndexError> {
    let path = index_path(directory);
    match IndexStore::open(&path, origin) {
        Err(error @ IndexError::Damaged(_)) => {
            tracing::warn!(%error, path = %path.display(), "the index will be built again");
            IndexStore::clear(&path)?;
            IndexStore::open(&path, origin)
        }
        result => result,
    }
}

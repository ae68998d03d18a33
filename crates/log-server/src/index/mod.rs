//! The verifiable index on disk: its proofs, and the postings it is made of.
//!
//! `log_core::index` defines the index and holds it whole in memory; this keeps it for
//! logs of any size. Both give the same roots and the same proofs.
//!
//! ```text
//! round ─► store ─► round: buckets with new keys, and what is above them   (pure but for reading)
//!            │        └─ leaves ◄─ postings: active, frozen, runs
//!            │           levels: hashes of all slots down to the buckets
//!            ├─► jobs ─► disk: frozen records and the buckets' hashes to files; runs merged
//! reader ◄───┘
//! ```
//!
//! Keys are SHA-256, so they are spread evenly. The tree is cut into *buckets*, slots of
//! about four keys: of the slots above, the hashes are in memory (`levels`); what is
//! below is computed from the records of the bucket, which lie together in each run
//! (`run`). A round thus reads a page or two of each run for each new key, and hashes
//! some five leaves and twenty nodes.
//!
//! The store holds nothing of record. After a crash it is what it was at some earlier
//! size, exactly; entries from [`IndexStore::mark`] on are applied again. When it is
//! damaged it says so ([`IndexError::Damaged`]) and is cleared and built again.
//!
//! # What it takes
//!
//! With n records, of which k are the first of their key in the map (a log of 10 million
//! entries of three files each: n = 90 million, k = 30 million):
//!
//! | | bytes | |
//! |---|---|---|
//! | runs, on disk | 40.9 n | 484 a page of 12 records; a fence of 4 for 8 to 16; while two are merged both are there |
//! | levels, on disk | 14 k at most | 37 a bucket, and half as many again in later files |
//! | levels, in memory | 16 k | 64 a bucket |
//! | fences, in memory | 0.5 n at most | |
//! | records in memory | 0.5 n | a 256th of all and as many being written, some 60 bytes each |
//! | edges of long lists | 20 MB at most | |
//!
//! Bounds: a run has at most 2^32 - 1 records. A proof reads one bucket. Somebody who
//! finds many keys with a common beginning makes the tree deeper there, but a round or a
//! proof still reads few of them (`levels`).

use std::io;
use std::path::{Path, PathBuf};

use log_core::hash::{EMPTY_ROOT, Hash};
use thiserror::Error;

mod config;
mod cursor;
mod disk;
mod edges;
mod files;
mod jobs;
mod leaves;
mod levels;
mod levels_file;
mod manifest;
mod merge;
mod open;
mod postings;
mod reader;
mod record;
mod round;
mod run;
mod store;
mod tiers;

#[cfg(test)]
mod tests;

pub use reader::{IndexReader, Proven};
pub use store::IndexStore;

/// Which look-ups a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// The keys of the verifiable index.
    Map,
    /// Other keys, which the caller has made distinct from one another.
    Aux,
}

/// A tree that an index is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its size.
    pub size: u64,
    /// Its root.
    pub root: Hash,
}

/// An entry as the index sees it. The same key twice counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryKeys {
    /// Its index in the log.
    pub index: u64,
    /// The keys of the verifiable index that it concerns.
    pub map: Vec<Hash>,
    /// The other keys under which it is looked up.
    pub aux: Vec<Hash>,
}

/// Why the index could not be asked or changed.
#[derive(Debug, Error)]
pub enum IndexError {
    /// The files are not what was written. Clear the index and build it again.
    #[error("the index is damaged: {0}")]
    Damaged(String),
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Entries that do not ascend, or a mark below them.
    #[error("entries are added to the index in ascending order, and a mark is above them")]
    Order,
    /// A round failed, or is not settled.
    #[error("there is a round that must be taken back or settled first")]
    Unsettled,
    /// Somebody else writes to it.
    #[error("the index is in use by another process")]
    InUse,
    /// The store was closed during a merge.
    #[error("the index is being closed")]
    Stopped,
}

impl Family {
    const ALL: [Self; 2] = [Self::Map, Self::Aux];

    /// The directory of its runs.
    fn directory(self, store: &Path) -> PathBuf {
        store.join(match self {
            Self::Map => "map",
            Self::Aux => "aux",
        })
    }
}

impl Mark {
    /// The empty tree.
    pub const EMPTY: Self = Self { size: 0, root: EMPTY_ROOT };
}

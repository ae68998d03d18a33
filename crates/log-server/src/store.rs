//! Where a log keeps its bytes: two small traits and their promises.
//!
//! Both are blocking; the sequencer has a thread of its own, and readers use the
//! runtime's blocking pool. What is left out: anything that can be derived (`view`).

use std::fmt::Debug;
use std::io;

use crate::head::HeadRecord;

pub mod directory;
pub mod measured;
#[cfg(test)]
pub mod memory;

/// Immutable objects under paths, and a few that may be overwritten.
///
/// Promises of every back end:
/// * what `put` returned `Ok` for is durable: it survives the loss of power;
/// * after the loss of power what `overwrite` replaced may be back, and what `delete`
///   deleted;
/// * after an error any subset of the objects may have been written, each whole;
/// * a reader sees an object whole or not at all.
pub trait Objects: Debug + Send + Sync {
    /// Writes objects that are never changed. Writing the same bytes again is
    /// harmless; callers never write other bytes to a path that was used.
    fn put(&self, objects: &[(String, Vec<u8>)]) -> io::Result<()>;

    /// Writes or replaces one object: nothing of record, since the old one may come back.
    fn overwrite(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// An object's bytes; `None` when there is none.
    fn get(&self, path: &str) -> io::Result<Option<Vec<u8>>>;

    /// A part of an object that never changes: so many bytes from one on, or fewer when it
    /// ends before; `None` when there is none.
    fn get_range(&self, path: &str, from: u64, length: usize) -> io::Result<Option<Vec<u8>>>;

    /// Deletes an object; no error when there is none.
    fn delete(&self, path: &str) -> io::Result<()>;

    /// The names of the objects at the top level.
    fn list(&self) -> io::Result<Vec<String>>;

    /// The names directly below a path, without it, of objects and of what has objects
    /// below it; none when there is nothing.
    fn list_below(&self, path: &str) -> io::Result<Vec<String>>;

    /// Deletes all objects below a path, and leaves nothing of it; no error when there
    /// are none. After an error any subset may be gone. Not to be called while
    /// anybody writes below the path.
    fn delete_below(&self, path: &str) -> io::Result<()>;
}

/// The one record of state, changed by compare-and-swap.
///
/// Promise: of two swaps from the same record at most one succeeds, and a swap
/// that returned `true` is durable. After an error it may have happened.
pub trait Head: Debug + Send + Sync {
    /// The record; `None` before `init`.
    fn load(&self) -> io::Result<Option<HeadRecord>>;

    /// Replaces `old` by `new`; `false` when the record is not `old` any more.
    fn swap(&self, old: Option<&HeadRecord>, new: &HeadRecord) -> io::Result<bool>;
}

#[cfg(test)]
mod conformance;

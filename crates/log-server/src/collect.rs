//! Collecting partial tiles and bundles that nobody needs any more.
//!
//! A log that grows by an entry a round writes each bundle 255 times before it is
//! full, each time a little wider. C2SP tlog-tiles demands the partial ones of every
//! size for which there was a checkpoint, and lets them go when the full one is
//! there: who still asks finds 404, and takes the full one.
//!
//! | file | what |
//! |---|---|
//! | [`horizon`] | pure: which checkpoints may still be in somebody's hands, and what is full in all of them |
//! | here | the steps that delete |
//!
//! Invariants: called by the single writer between two rounds, so never beside a
//! write; deletes only below tiles that are full in every checkpoint that may be in
//! use, and only when the full one is there whole. A tile that is not full keeps all
//! its partial ones, as the specification demands: at most 255 of each level.
//!
//! `private/collected` says how far it is. It is a hint: without it everything is
//! looked at again.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use log_core::bundle::parse_bundle;
use log_core::hash::parse_decimal;
use log_core::limits::MAX_TILE_BYTES;
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_io::durable;

use crate::store::Objects;

pub mod horizon;

use horizon::{Served, filled};

/// How long a checkpoint may be in a reader's hands after a newer one was
/// published. Nothing breaks afterwards: readers then take the full tiles.
pub const GRACE_SECONDS: u64 = 600;

/// Leaves whose tiles are looked at in one step: 128 directories and one more, of at
/// most 255 files each. A round appends 4,097 at most, so a backlog shrinks.
const STEP: u64 = 64 * TILE_WIDTH;

const HEADER: &str = "wheeltap/collected@v1\n";

/// Collects, step by step.
#[derive(Debug)]
pub struct Collector {
    objects: Arc<dyn Objects>,
    hint: PathBuf,
    grace: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    served: Served,
    /// Nothing is left to collect below what is full at this size.
    collected: u64,
}

impl Collector {
    /// Starts on a log of whose published checkpoints nothing is known.
    pub fn new(objects: Arc<dyn Objects>, hint: PathBuf, grace: u64) -> Self {
        let collected = read_hint(&hint);
        let state = Mutex::new(State { served: Served::default(), collected });
        Self { objects, hint, grace, state }
    }

    /// Takes note that a checkpoint of `size` is the published one, and does one step.
    /// To be called by the writer, when a round has come to its end.
    ///
    /// A step that fails is tried again the next time; nothing else depends on it. Gives
    /// the number of files that were deleted.
    pub fn after_publish(&self, size: u64, now: u64) -> u64 {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.served.publish(size, now);
        let until = state.served.horizon(now, self.grace);
        self.step(&mut state.collected, until).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot collect partial tiles; trying again later");
            0
        })
    }

    /// Collects all that is full at `size`, now. For a log that is not running; readers
    /// of a static web server are left with the full tiles.
    pub fn everything(&self, size: u64) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Whatever the hint says: somebody wants to be sure.
        state.collected = 0;
        while state.collected < size {
            self.step(&mut state.collected, size)?;
        }
        Ok(())
    }

    /// Deletes below some of the tiles that are full at `until`.
    fn step(&self, collected: &mut u64, until: u64) -> io::Result<u64> {
        let next = until.min(collected.saturating_add(STEP));
        // In between nothing has become full.
        if next / TILE_WIDTH <= *collected / TILE_WIDTH {
            *collected = next.max(*collected);
            return Ok(0);
        }
        let mut deleted = 0;
        for id in filled(*collected, next) {
            let partial = format!("{}.p", id.path());
            let files = self.objects.list_below(&partial)?.len() as u64;
            if files == 0 {
                continue;
            }
            if self.is_whole(id)? {
                self.objects.delete_below(&partial)?;
                deleted += files;
            } else {
                tracing::warn!(%id, "it should be there and is not; its partial ones stay (see fsck)");
            }
        }
        *collected = next;
        durable::write(&self.hint, format!("{HEADER}{next}\n").as_bytes())?;
        Ok(deleted)
    }

    fn is_whole(&self, id: TileId) -> io::Result<bool> {
        let Some(bytes) = self.objects.get(&id.path())? else { return Ok(false) };
        Ok(match id.level {
            Level::Hashes(_) => bytes.len() == MAX_TILE_BYTES,
            Level::Entries => parse_bundle(&bytes, usize::from(id.width)).is_ok(),
        })
    }
}

fn read_hint(path: &Path) -> u64 {
    let text = durable::read(path).ok().flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    let size = text.as_deref().and_then(|text| text.strip_prefix(HEADER)?.strip_suffix('\n'));
    size.and_then(parse_decimal).unwrap_or(0)
}

#[cfg(test)]
mod tests;

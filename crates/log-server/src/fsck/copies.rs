//! Reading the copies of one tile's content through the public interface, and
//! saying what is wrong with each once it is decided what the tile must hold.
//!
//! A partial tile that is gone is read from the full one in its place, as C2SP
//! tlog-tiles allows; that is no problem. Nothing here decides which copy is right.

use log_core::bundle::{parse_bundle, push_entry};
use log_core::hash::{Hash, leaf_hash};
use log_core::limits::{MAX_BUNDLE_BYTES, MAX_TILE_BYTES};
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_core::tile_tree;
use log_io::fetch::FetchError;
use log_io::source::LogSource;

use super::findings::Found;
use super::problem::{Fault, Problem, Remedy};

/// What a file holds, or why it holds nothing.
pub type Copy<T> = Result<T, Fault>;

/// The two copies of the leaves of one bundle.
#[derive(Debug)]
pub struct LeafCopies {
    /// The bundle.
    pub id: TileId,
    /// Its entries.
    pub entries: Copy<Vec<Vec<u8>>>,
    /// Their leaf hashes.
    pub leaves: Option<Vec<Hash>>,
    /// The hash tile in the same place.
    pub tile: Copy<Vec<Hash>>,
}

impl LeafCopies {
    /// Reads both, and hashes the entries.
    pub async fn read(source: LogSource, id: TileId) -> Self {
        let tile = hashes(&source, TileId { level: Level::Hashes(0), ..id }).await;
        let entries = entries(&source, id).await;
        let leaves = entries.as_ref().ok().map(|entries| entries.iter().map(|e| leaf_hash(e)).collect());
        Self { id, entries, leaves, tile }
    }

    /// What is wrong with the two, when the tree holds `chosen` there; `None` when
    /// neither could be read.
    pub fn compare_with(&self, chosen: Option<&[Hash]>) -> Vec<Found> {
        let Some(chosen) = chosen else {
            let tile = TileId { level: Level::Hashes(0), ..self.id };
            let faults = [(self.id, self.entries.as_ref().err()), (tile, self.tile.as_ref().err())];
            let faults = faults.into_iter().filter_map(|(id, fault)| Some((id, fault?.clone())));
            return faults.map(|(id, fault)| Problem::of(id.path(), fault, Remedy::Copy).into()).collect();
        };
        let mut found = Vec::new();
        match (&self.entries, &self.leaves) {
            (Err(fault), _) => {
                found.push(Problem::of(self.id.path(), fault.clone(), Remedy::Copy).into());
            }
            (Ok(_), leaves) => {
                let first = self.id.index * TILE_WIDTH;
                let pairs = (first..).zip(chosen.iter().zip(leaves.iter().flatten()));
                found.extend(pairs.filter(|(_, (expected, found))| expected != found).map(
                    |(index, (expected, found))| {
                        let part = "its leaf hash".to_owned();
                        let fault = Fault::Content { part, expected: *expected, found: *found };
                        let problem = Problem::of(self.id.path(), fault, Remedy::Copy);
                        Problem { entry: Some(index), ..problem }.into()
                    },
                ));
            }
        }
        found.extend(compare_tile(TileId { level: Level::Hashes(0), ..self.id }, &self.tile, chosen));
        found
    }

    /// Whether one of the two may exist and could not be read.
    pub fn is_unreadable(&self) -> bool {
        let faults = [self.entries.as_ref().err(), self.tile.as_ref().err()];
        faults.into_iter().flatten().any(|fault| matches!(fault, Fault::Unreadable(_)))
    }

    /// The roots over both, for the case that neither holds what the tree has there.
    pub fn roots(&self) -> Vec<(TileId, Copy<Hash>)> {
        let bundle = self.leaves.as_deref().map(tile_tree::root);
        let tile = match &self.tile {
            Ok(items) if Some(items) == self.leaves.as_ref() => bundle.ok_or(Fault::Missing),
            Ok(items) => Ok(tile_tree::root(items)),
            Err(fault) => Err(fault.clone()),
        };
        let bundle = bundle.ok_or_else(|| self.entries.as_ref().err().cloned().unwrap_or(Fault::Missing));
        vec![(self.id, bundle), (TileId { level: Level::Hashes(0), ..self.id }, tile)]
    }
}

/// What is wrong with the copies that have these roots, none of which is `expected`.
pub fn reject(roots: Vec<(TileId, Copy<Hash>)>, expected: Hash) -> impl Iterator<Item = Problem> {
    roots.into_iter().map(move |(id, root)| {
        let part = "the root over it".to_owned();
        let content = |found| Fault::Content { part, expected, found };
        Problem::of(id.path(), root.map_or_else(|fault| fault, content), Remedy::Copy)
    })
}

/// What is wrong with a hash tile, when the tree holds `chosen` there.
pub fn compare_tile(id: TileId, tile: &Copy<Vec<Hash>>, chosen: &[Hash]) -> Option<Found> {
    let fault = match tile {
        Err(fault) => fault.clone(),
        Ok(items) => {
            let mut pairs = chosen.iter().zip(items).enumerate().filter(|(_, (a, b))| a != b);
            let (at, (expected, found)) = pairs.next()?;
            let more = match pairs.count() {
                0 => String::new(),
                more => format!(" (and {more} more)"),
            };
            Fault::Content { part: format!("item {at}{more}"), expected: *expected, found: *found }
        }
    };
    let mend = chosen.iter().flat_map(|hash| *hash.as_bytes()).collect();
    Some(match fault {
        // What cannot be read cannot be kept, and nothing is replaced that is not kept.
        Fault::Unreadable(_) => Problem::of(id.path(), fault, Remedy::Copy).into(),
        fault => Found { problem: Problem::of(id.path(), fault, Remedy::Derivable), mend: Some(mend) },
    })
}

/// The items of a hash tile.
pub async fn hashes(source: &LogSource, id: TileId) -> Copy<Vec<Hash>> {
    let (bytes, width) = bytes(source, id, MAX_TILE_BYTES).await?;
    let needed = usize::from(width) * 32;
    if bytes.len() != needed {
        return Err(Fault::Form(format!("it has {} bytes, not {needed}", bytes.len())));
    }
    Ok(bytes.chunks_exact(32).filter_map(Hash::from_slice).take(usize::from(id.width)).collect())
}

/// The bundle with these entries, if they have these leaf hashes.
pub fn bundle_of(entries: &[Vec<u8>], leaves: Option<&[Hash]>) -> Option<Vec<u8>> {
    let same =
        leaves.is_some_and(|leaves| entries.iter().map(|entry| leaf_hash(entry)).eq(leaves.iter().copied()));
    let mut bytes = Vec::new();
    for entry in entries {
        push_entry(&mut bytes, entry);
    }
    same.then_some(bytes)
}

/// The entries of a bundle.
pub async fn entries(source: &LogSource, id: TileId) -> Copy<Vec<Vec<u8>>> {
    let (bytes, width) = bytes(source, id, MAX_BUNDLE_BYTES).await?;
    let entries = parse_bundle(&bytes, usize::from(width)).map_err(|error| Fault::Form(error.to_string()))?;
    Ok(entries.into_iter().take(usize::from(id.width)).map(<[u8]>::to_vec).collect())
}

/// The file, or the full one in its place; and its width.
async fn bytes(source: &LogSource, id: TileId, limit: usize) -> Copy<(Vec<u8>, u16)> {
    for id in [id, id.full()] {
        match source.read(&id.path(), limit).await {
            Ok(Some(bytes)) => return Ok((bytes, id.width)),
            Ok(None) => {}
            Err(FetchError::TooLong { limit, .. }) => {
                return Err(Fault::Form(format!("it has more than {limit} bytes")));
            }
            Err(error) => return Err(Fault::Unreadable(error.to_string())),
        }
    }
    Err(Fault::Missing)
}

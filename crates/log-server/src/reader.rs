//! Entries and inclusion proofs, read from the tiles of a log's store.
//!
//! Full tiles and bundles never change, so they are cached, as bytes to be served and
//! parsed; tiles also as the trees over their items, so that of many proofs through one
//! tile its nodes are hashed once; and of bundles, which are large and asked for all over
//! the log, where their entries begin, so that one entry can be read alone. A partial one
//! that was collected is read from the full one in its place.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use log_core::bundle::parse_bundle;
use log_core::hash::Hash;
use log_core::inclusion;
use log_core::proof_file::ProvenEntry;
use log_core::tile::{Level, TILE_WIDTH, TileId};
use log_core::tile_tree::TileTree;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::published::Published;
use crate::store::Objects;

/// Trees of full tiles that are kept in memory: 20 KiB each, 40 MiB, the last 500,000
/// entries and all the tiles above the lowest level of 100 million.
const CACHED_TREES: usize = 2_048;

/// Bytes of full tiles (8 KiB) and bundles (256 KiB with entries of 1 KiB) that are kept
/// in memory.
const CACHED_FILE_BYTES: u64 = 48 << 20;

/// Files that these are as a rule.
const CACHED_FILES: usize = 1_024;

/// Bundles of whose entries the lengths are kept in memory: some 600 bytes each, 24 MiB,
/// for 10 million entries.
const CACHED_LENGTHS: usize = 40_960;

/// The lengths of a bundle's entries, in their order.
type Lengths = Arc<[u16]>;

/// Reads from the log's store.
#[derive(Debug, Clone)]
pub struct Reader {
    objects: Arc<dyn Objects>,
    lengths: Arc<Cache<TileId, Lengths>>,
    trees: Arc<Cache<TileId, Arc<TileTree>>>,
    files: Arc<Cache<TileId, Bytes, FileBytes>>,
}

/// What a file takes of the cache.
#[derive(Debug, Clone)]
struct FileBytes;

impl Weighter<TileId, Bytes> for FileBytes {
    fn weight(&self, _: &TileId, bytes: &Bytes) -> u64 {
        bytes.len() as u64
    }
}

impl Reader {
    /// Reads from `objects`.
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        Self {
            objects,
            lengths: Arc::new(Cache::new(CACHED_LENGTHS)),
            trees: Arc::new(Cache::new(CACHED_TREES)),
            files: Arc::new(Cache::with_weighter(CACHED_FILES, CACHED_FILE_BYTES, FileBytes)),
        }
    }

    /// The entry with this index, and its inclusion proof.
    pub fn proven(&self, index: u64, tree: &Published) -> io::Result<ProvenEntry> {
        Ok(ProvenEntry { index, entry: self.entry(index, tree.size)?, proof: self.inclusion(index, tree)? })
    }

    /// The inclusion proof of the entry with this index, which must be in the tree.
    pub fn inclusion(&self, index: u64, tree: &Published) -> io::Result<Vec<Hash>> {
        let mut on_path = Vec::with_capacity(4);
        for (level, id) in (0..).zip(inclusion::tiles(index, tree.size)) {
            on_path.push(match (id, tree.edge_tree(level)) {
                (_, Some(last)) if inclusion::is_last(index, tree.size, level) => Arc::clone(last),
                (Some(id), _) => self.tree(id)?,
                (None, _) => return Err(damaged("a tree without a right edge")),
            });
        }
        Ok(inclusion::prove(index, tree.size, &on_path))
    }

    /// The entry with this index in a tree of `size` leaves.
    pub fn entry(&self, index: u64, size: u64) -> io::Result<Vec<u8>> {
        let id = TileId::in_tree(Level::Entries, index / TILE_WIDTH, size);
        let id = id.filter(|_| index < size).ok_or_else(|| damaged("an entry beyond the tree"))?;
        let position = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        if let Some(entry) = self.lone_entry(id.full(), position)? {
            return Ok(entry);
        }
        let (found, bytes) = self.present(id)?;
        let entries = parse_bundle(&bytes, usize::from(found.width))
            .map_err(|error| damaged(&format!("{found}: {error}")))?;
        if found.is_full() {
            // An entry has at most 65,535 bytes, or it would be in no bundle.
            let lengths = entries.iter().map(|entry| u16::try_from(entry.len()).unwrap_or(u16::MAX));
            self.lengths.insert(found, lengths.collect());
        }
        let entry = entries.get(position).ok_or_else(|| damaged("an entry bundle is short"))?;
        Ok(entry.to_vec())
    }

    /// An entry of a full bundle whose lengths are in memory.
    fn lone_entry(&self, bundle: TileId, position: usize) -> io::Result<Option<Vec<u8>>> {
        let Some(lengths) = self.lengths.get(&bundle) else { return Ok(None) };
        let Some((length, before)) = lengths.get(position).zip(lengths.get(..position)) else {
            return Ok(None);
        };
        // Each stands behind two bytes that say its length.
        let begin = before.iter().map(|length| 2 + u64::from(*length)).sum::<u64>() + 2;
        let length = usize::from(*length);
        if let Some(bytes) = self.cached_file(bundle) {
            let begin = usize::try_from(begin).unwrap_or(usize::MAX);
            return Ok(bytes.get(begin..).and_then(|rest| rest.get(..length)).map(<[u8]>::to_vec));
        }
        match self.objects.get_range(&bundle.path(), begin, length)? {
            Some(entry) if entry.len() == length => Ok(Some(entry)),
            _ => Err(damaged(&format!("{bundle} is missing or short"))),
        }
    }

    /// The entries of a bundle.
    pub fn entries(&self, id: TileId) -> io::Result<Vec<Vec<u8>>> {
        let (found, bytes) = self.present(id)?;
        let entries = parse_bundle(&bytes, usize::from(found.width))
            .map_err(|error| damaged(&format!("{found}: {error}")))?;
        Ok(entries.into_iter().take(usize::from(id.width)).map(<[u8]>::to_vec).collect())
    }

    /// The items of a hash tile.
    pub fn hashes(&self, id: TileId) -> io::Result<Vec<Hash>> {
        let (found, bytes) = self.present(id)?;
        if bytes.len() != usize::from(found.width) * 32 {
            return Err(damaged(&format!("{found} has {} bytes", bytes.len())));
        }
        Ok(bytes.chunks_exact(32).take(usize::from(id.width)).filter_map(Hash::from_slice).collect())
    }

    fn tree(&self, id: TileId) -> io::Result<Arc<TileTree>> {
        if let Some(tree) = self.trees.get(&id) {
            return Ok(tree);
        }
        let tree = Arc::new(TileTree::new(&self.hashes(id)?));
        // Partial tiles are soon replaced by wider ones.
        if id.is_full() {
            self.trees.insert(id, Arc::clone(&tree));
        }
        Ok(tree)
    }

    /// The file, or the full one in its place; and which of them it is. Bundles are not
    /// kept in memory on the way, or those that are read would drive out those that are
    /// served.
    fn present(&self, id: TileId) -> io::Result<(TileId, Bytes)> {
        for found in [id, id.full()] {
            let bytes = match found.level {
                Level::Entries => match self.cached_file(found) {
                    Some(bytes) => Some(bytes),
                    None => self.objects.get(&found.path())?.map(Bytes::from),
                },
                Level::Hashes(_) => self.file(found)?,
            };
            if let Some(bytes) = bytes {
                return Ok((found, bytes));
            }
        }
        Err(damaged(&format!("{id} is missing")))
    }

    /// A tile or bundle as it is stored; `None` when there is none.
    pub fn file(&self, id: TileId) -> io::Result<Option<Bytes>> {
        if let Some(bytes) = self.cached_file(id) {
            return Ok(Some(bytes));
        }
        let Some(bytes) = self.objects.get(&id.path())?.map(Bytes::from) else { return Ok(None) };
        if id.is_full() {
            self.files.insert(id, bytes.clone());
        }
        Ok(Some(bytes))
    }

    /// The same, when it is in memory.
    pub fn cached_file(&self, id: TileId) -> Option<Bytes> {
        self.files.get(&id)
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the log's store is damaged: {what}"))
}

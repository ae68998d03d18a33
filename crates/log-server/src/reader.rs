//! Entries and inclusion proofs, read from the tiles of a published tree.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, RwLock};

use log_core::bundle::parse_bundle;
use log_core::edge::Edge;
use log_core::hash::Hash;
use log_core::inclusion;
use log_core::proof_file::{Extra, ProofFile, ProvenEntry};
use log_core::tile::{Level, TILE_WIDTH, TileId};

use crate::admission::InForce;
use crate::store::Objects;

/// Full tiles and bundles kept in memory: those of the newest 128 × 256 entries,
/// at 8 KiB a tile and about 256 KiB a bundle of 1 KiB entries, at most 40 MiB.
const CACHED_OBJECTS: usize = 256;

/// A published tree: the checkpoint, and what is needed to prove under it.
#[derive(Debug)]
pub struct Published {
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The tree's size.
    pub size: u64,
    /// The policy in force.
    pub policy: InForce,
    rests: Vec<Option<Hash>>,
}

/// The newest published tree, replaced by the sequencer.
#[derive(Debug, Clone)]
pub struct Newest {
    published: Arc<RwLock<Option<Arc<Published>>>>,
}

/// Reads from the log's store.
#[derive(Debug, Clone)]
pub struct Reader {
    objects: Arc<dyn Objects>,
    cache: Arc<Mutex<Cache>>,
}

/// The objects read last, oldest first.
type Cache = VecDeque<(TileId, Arc<Vec<u8>>)>;

impl Published {
    /// The tree with this edge, under this checkpoint.
    pub fn new(checkpoint: String, edge: &Edge, policy: InForce) -> Self {
        Self { checkpoint, size: edge.size(), policy, rests: edge.rests() }
    }
}

impl Newest {
    /// Nothing published yet.
    pub fn none() -> Self {
        Self { published: Arc::default() }
    }

    /// The newest published tree; `None` while the log is recovering.
    pub fn get(&self) -> Option<Arc<Published>> {
        match self.published.read() {
            Ok(published) => published.clone(),
            Err(poisoned) => poisoned.into_inner().clone(),
        }
    }

    /// Replaces it; `None` while the log recovers.
    pub fn set(&self, published: Option<Published>) {
        let mut slot = match self.published.write() {
            Ok(slot) => slot,
            Err(poisoned) => poisoned.into_inner(),
        };
        *slot = published.map(Arc::new);
    }
}

impl Reader {
    /// Reads from `objects`.
    pub fn new(objects: Arc<dyn Objects>) -> Self {
        Self { objects, cache: Arc::default() }
    }

    /// The entry with this index, and its inclusion proof.
    pub fn proven(&self, index: u64, tree: &Published) -> io::Result<ProvenEntry> {
        let entry = self.entry(index, tree.size)?;
        let mut on_path = Vec::new();
        for id in inclusion::tiles(index, tree.size) {
            on_path.push(match id {
                Some(id) => self.hashes(id)?,
                None => Vec::new(),
            });
        }
        let proof = inclusion::prove(index, tree.size, &tree.rests, &on_path);
        Ok(ProvenEntry { index, entry, proof })
    }

    /// The offline proof of an entry: with the policy it was made under.
    pub fn proof_file(&self, index: u64, policy: u64, tree: &Published) -> io::Result<ProofFile> {
        let proven = self.proven(index, tree)?;
        let extra = Extra { entry: proven.entry, policy: self.proven(policy, tree)? };
        Ok(ProofFile {
            extra: Some(extra.to_string().into_bytes()),
            index,
            proof: proven.proof,
            checkpoint: tree.checkpoint.clone(),
        })
    }

    /// The entry with this index in a tree of `size` leaves.
    pub fn entry(&self, index: u64, size: u64) -> io::Result<Vec<u8>> {
        let id = TileId::in_tree(Level::Entries, index / TILE_WIDTH, size);
        let id = id.filter(|_| index < size).ok_or_else(|| damaged("an entry beyond the tree"))?;
        let entries = self.entries(id)?;
        let position = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        entries.into_iter().nth(position).ok_or_else(|| damaged("an entry bundle is short"))
    }

    /// The entries of a bundle.
    pub fn entries(&self, id: TileId) -> io::Result<Vec<Vec<u8>>> {
        let bytes = self.object(id)?;
        let entries = parse_bundle(&bytes, usize::from(id.width))
            .map_err(|error| damaged(&format!("{id}: {error}")))?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// The items of a hash tile.
    pub fn hashes(&self, id: TileId) -> io::Result<Vec<Hash>> {
        let bytes = self.object(id)?;
        if bytes.len() != usize::from(id.width) * 32 {
            return Err(damaged(&format!("{id} has {} bytes", bytes.len())));
        }
        Ok(bytes.chunks_exact(32).filter_map(Hash::from_slice).collect())
    }

    /// Full tiles are cached; partial ones are soon replaced by wider ones.
    fn object(&self, id: TileId) -> io::Result<Arc<Vec<u8>>> {
        if let Ok(cache) = self.cache.lock()
            && let Some((_, bytes)) = cache.iter().rev().find(|(cached, _)| *cached == id)
        {
            return Ok(Arc::clone(bytes));
        }
        let bytes = self.objects.get(&id.path())?.ok_or_else(|| damaged(&format!("{id} is missing")))?;
        let bytes = Arc::new(bytes);
        if let Ok(mut cache) = self.cache.lock() {
            if cache.len() == CACHED_OBJECTS {
                cache.pop_front();
            }
            // A partial tile's path is unique to its content, too.
            cache.push_back((id, Arc::clone(&bytes)));
        }
        Ok(bytes)
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the log's store is damaged: {what}"))
}

//! Entries and inclusion proofs, read from the tiles of a published tree.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use log_core::bundle::parse_bundle;
use log_core::edge::Edge;
use log_core::hash::Hash;
use log_core::inclusion;
use log_core::prefix_map::PrefixMap;
use log_core::proof_file::{Extra, ProofFile, ProvenEntry};
use log_core::tile::{Level, TILE_WIDTH, TileId};

use crate::admission::InForce;
use crate::store::Objects;

/// Bytes of full tiles and bundles that are kept in memory, the newest read. A tile
/// has 8 KiB and a bundle of 1 KiB entries 256 KiB: the last 30,000 entries.
const CACHE_BYTES: usize = 32 << 20;

/// A published tree: the checkpoint, and what is needed to prove under it.
#[derive(Debug)]
pub struct Published {
    /// The signed checkpoint.
    pub checkpoint: String,
    /// The tree's size.
    pub size: u64,
    /// The policy in force.
    pub policy: InForce,
    /// The verifiable index over the tree, to which its last leaf commits.
    pub map: PrefixMap,
    rests: Vec<Option<Hash>>,
}

/// The newest published tree, replaced by the sequencer, and whether it takes
/// statements at the moment.
#[derive(Debug, Clone, Default)]
pub struct Newest {
    published: Arc<RwLock<Option<Arc<Published>>>>,
    stopped: Arc<AtomicBool>,
}

/// Reads from the log's store.
#[derive(Debug, Clone)]
pub struct Reader {
    objects: Arc<dyn Objects>,
    cache: Arc<Mutex<Cache>>,
}

impl Published {
    /// The tree with this edge and index, under this checkpoint.
    pub fn new(checkpoint: String, edge: &Edge, policy: InForce, map: PrefixMap) -> Self {
        Self { checkpoint, size: edge.size(), policy, map, rests: edge.rests() }
    }
}

impl Newest {
    /// The newest published tree; `None` before the first.
    pub fn get(&self) -> Option<Arc<Published>> {
        self.published.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, unless the log recovers and takes no statements.
    pub fn for_statements(&self) -> Option<Arc<Published>> {
        self.get().filter(|_| !self.stopped.load(Ordering::Acquire))
    }

    /// Replaces it; from now on statements are taken.
    pub fn set(&self, published: Published) {
        *self.published.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(published));
        self.stopped.store(false, Ordering::Release);
    }

    /// Takes no statements until the next `set`. What is published stays true.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
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
        let bytes = self.object(id)?;
        let entries = parse_bundle(&bytes, usize::from(id.width))
            .map_err(|error| damaged(&format!("{id}: {error}")))?;
        let position = usize::try_from(index % TILE_WIDTH).unwrap_or(usize::MAX);
        let entry = entries.get(position).ok_or_else(|| damaged("an entry bundle is short"))?;
        Ok(entry.to_vec())
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
            && let Some((_, bytes)) = cache.objects.iter().rev().find(|(cached, _)| *cached == id)
        {
            return Ok(Arc::clone(bytes));
        }
        let bytes = self.objects.get(&id.path())?.ok_or_else(|| damaged(&format!("{id} is missing")))?;
        let bytes = Arc::new(bytes);
        if id.is_full()
            && let Ok(mut cache) = self.cache.lock()
        {
            cache.push(id, &bytes);
        }
        Ok(bytes)
    }
}

/// The objects read last, oldest first.
#[derive(Debug, Default)]
struct Cache {
    objects: VecDeque<(TileId, Arc<Vec<u8>>)>,
    bytes: usize,
}

impl Cache {
    fn push(&mut self, id: TileId, object: &Arc<Vec<u8>>) {
        self.objects.push_back((id, Arc::clone(object)));
        self.bytes += object.len();
        while self.bytes > CACHE_BYTES
            && let Some((_, oldest)) = self.objects.pop_front()
        {
            self.bytes -= oldest.len();
        }
    }
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the log's store is damaged: {what}"))
}

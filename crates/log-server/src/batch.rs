//! Growing the tree: a pure function from its tail and new entries to the objects
//! to write and the new tail.
//!
//! Invariant: the objects are exactly the full tiles and bundles that the entries
//! complete and the partial ones at the new edge that the old edge did not have, so
//! with what was there before every resource that C2SP tlog-tiles demands for the new
//! size exists.

use log_core::bundle::push_entry;
use log_core::edge::Edge;
use log_core::hash::{Hash, leaf_hash};
use log_core::tile::{Level, TILE_WIDTH, TileId};

/// All of a tree that is needed to append to it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tail {
    /// The hashes at the right edge.
    pub edge: Edge,
    /// The bytes of the last entry bundle, when it is not full.
    pub bundle: Vec<u8>,
}

/// What one growth of the tree writes, and the tail after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Paths and bytes of tiles and bundles.
    pub objects: Vec<(String, Vec<u8>)>,
    /// The tail of the grown tree.
    pub tail: Tail,
}

/// Appends entries.
pub fn grow(tail: &Tail, entries: &[Vec<u8>]) -> Batch {
    let before = tail.edge.size();
    let there = Edge::tiles(before);
    let mut tail = tail.clone();
    let mut objects = Vec::new();
    for entry in entries {
        push_entry(&mut tail.bundle, entry);
        for (id, items) in tail.edge.push(leaf_hash(entry)) {
            objects.push((id.path(), tile_bytes(&items)));
        }
        if tail.edge.size().is_multiple_of(TILE_WIDTH) {
            let index = tail.edge.size() / TILE_WIDTH - 1;
            let id = TileId { level: Level::Entries, index, width: 256 };
            objects.push((id.path(), std::mem::take(&mut tail.bundle)));
        }
    }
    let new = tail.edge.partial_tiles().filter(|(id, _)| !there.contains(id));
    objects.extend(new.map(|(id, items)| (id.path(), tile_bytes(items))));
    let size = tail.edge.size();
    let last = TileId::in_tree(Level::Entries, size / TILE_WIDTH, size);
    if let Some(id) = last.filter(|_| size > before) {
        objects.push((id.path(), tail.bundle.clone()));
    }
    Batch { objects, tail }
}

fn tile_bytes(items: &[Hash]) -> Vec<u8> {
    items.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use log_core::bundle::parse_bundle;
    use log_core::tile::{entry_bundles, hash_tiles};

    use super::*;

    /// Grows in steps and checks after each that all resources of the size exist
    /// and are what they must be.
    fn check(steps: &[usize]) {
        let mut tail = Tail::default();
        let mut stored: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let mut all: Vec<Vec<u8>> = Vec::new();
        let mut reference = Edge::new();
        for step in steps {
            let entries: Vec<Vec<u8>> =
                (0..*step).map(|i| format!("entry {}", all.len() + i).into_bytes()).collect();
            let batch = grow(&tail, &entries);
            for (path, bytes) in batch.objects {
                let before = stored.insert(path.clone(), bytes);
                assert!(before.is_none(), "{path} is written twice");
            }
            tail = batch.tail;
            for entry in &entries {
                reference.push(leaf_hash(entry));
            }
            all.extend(entries);
            let size = all.len() as u64;
            assert_eq!((tail.edge.size(), tail.edge.root()), (size, reference.root()));
            for id in hash_tiles(size) {
                assert_eq!(stored[&id.path()].len(), usize::from(id.width) * 32, "{id} of size {size}");
            }
            let mut read = Vec::new();
            for id in entry_bundles(size) {
                let bundle = &stored[&id.path()];
                let entries = parse_bundle(bundle, usize::from(id.width)).expect("a bundle");
                read.extend(entries.into_iter().map(<[u8]>::to_vec));
            }
            assert_eq!(read, all);
        }
    }

    #[test]
    fn every_resource_of_every_size_exists() {
        check(&[1; 300]);
        check(&[255, 1, 1, 254, 1, 1, 600, 0, 168]);
        check(&[65_535, 1, 1, 255]);
    }
}

//! The readers' side of the index: proofs and lists at the settled size.
//!
//! A proof is planned, fetched and folded: under a short lock what is in memory is
//! noted, the hashes beside the key's path and the records in its bucket; then the
//! files are read, which do not change; then the proof is computed, and verified before
//! it leaves.

use std::sync::Arc;

use log_core::hash::Hash;
use log_core::map_proof::{MapProof, MapStep};
use log_core::prefix_map::{bit, slots};

use super::edges::LongLists;
use super::leaves::{Found, Scan};
use super::levels::{Levels, NONE};
use super::postings::Parts;
use super::record::{Key, Record, Slot};
use super::store::{Settled, Shared};
use super::{Family, IndexError, Mark};

/// What look-ups ask; a copy costs nothing.
#[derive(Debug, Clone)]
pub struct IndexReader {
    shared: Arc<Shared>,
}

/// Proofs of what the index has under keys.
#[derive(Debug, Clone)]
pub struct Proven {
    /// The tree that the index is over.
    pub mark: Mark,
    /// The root of the map, under which the proofs verify.
    pub map_root: Hash,
    /// For each key, in order.
    pub proofs: Vec<MapProof>,
}

/// What is needed for one proof.
#[derive(Debug)]
struct Plan {
    steps: Vec<MapStep>,
    /// Where the path leaves the hashes in memory.
    slot: Slot,
    known: LongLists,
    fresh: (Vec<Record>, Arc<Parts>),
}

impl IndexReader {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What the settled state is of.
    pub fn mark(&self) -> Mark {
        self.shared.settled().mark
    }

    /// How many keys the map has, and in how many runs on disk its entries are.
    pub fn size(&self) -> (u64, u64) {
        let runs: usize = self.shared.postings.iter().map(|postings| postings.parts().runs.len()).sum();
        (self.shared.settled().keys, runs as u64)
    }

    /// Proves what the index has under each of the keys, all at one size.
    pub fn prove(&self, keys: &[Hash]) -> Result<Proven, IndexError> {
        let (mark, map_root, plans) = {
            let settled = self.shared.settled();
            let plans: Vec<Plan> = keys.iter().map(|key| self.plan(&settled, key.as_bytes())).collect();
            (settled.mark, settled.map_root, plans)
        };
        let mut scan = Scan::new(self.shared.config.long_list);
        let mut found = Found::default();
        let mut proofs = Vec::with_capacity(keys.len());
        for (key, plan) in keys.iter().zip(plans) {
            let Plan { mut steps, slot, known, fresh } = plan;
            scan.leaves(&slot, fresh, &known, 0, &mut found)?;
            let leaf = slots::path(&found.leaves, key.as_bytes(), &mut steps);
            let proof = MapProof { steps, leaf };
            if let Err(error) = proof.verify(key.as_bytes(), map_root) {
                return Err(IndexError::Damaged(format!("a proof does not verify: {error}")));
            }
            proofs.push(proof);
        }
        Ok(Proven { mark, map_root, proofs })
    }

    /// The entries that concern a key, from one index to before another, ascending;
    /// only those before the settled size.
    pub fn list(
        &self,
        family: Family,
        key: &Hash,
        from: u64,
        before: u64,
        limit: usize,
    ) -> Result<Vec<u64>, IndexError> {
        let before = before.min(self.mark().size);
        self.shared.postings(family).list(key.as_bytes(), from, before, limit)
    }

    /// The newest entries that concern a key, before an index, descending; only those
    /// before the settled size.
    pub fn list_newest(
        &self,
        family: Family,
        key: &Hash,
        before: u64,
        limit: usize,
    ) -> Result<Vec<u64>, IndexError> {
        let before = before.min(self.mark().size);
        self.shared.postings(family).list_newest(key.as_bytes(), before, limit)
    }

    fn plan(&self, settled: &Settled, key: &Key) -> Plan {
        let mut steps = Vec::new();
        let slot = descend(&settled.levels, key, &mut steps);
        let known = settled.edges.of(&slot);
        let fresh = self.shared.postings(Family::Map).fresh(&slot, settled.mark.size, &known);
        Plan { steps, slot, known, fresh }
    }
}

/// Follows a key's path to the slot whose halves are not in memory. Where only one half
/// has keys the path leads there, whatever the key; no node stands there.
fn descend(levels: &Levels, key: &Key, steps: &mut Vec<MapStep>) -> Slot {
    let mut slot = Slot::ROOT;
    while let Some(halves) = levels.halves_of(&slot) {
        let side = match halves {
            [NONE, NONE] => return slot,
            [NONE, _] => 1,
            [_, NONE] => 0,
            _ => {
                let side = bit(key, slot.depth);
                steps.push(MapStep { bit: slot.depth, sibling: halves[1 - side] });
                side
            }
        };
        slot = slot.half(side);
    }
    slot
}

#[cfg(test)]
mod tests {
    use log_core::hash::digest;
    use log_core::index::VerifiableIndex;

    use super::*;
    use crate::index::config::Config;
    use crate::index::files::Files;
    use crate::index::{EntryKeys, IndexStore};

    /// Keys that somebody has made begin alike; what a look-up reads stays little.
    #[test]
    fn a_proof_reads_few_records_whatever_the_keys() {
        let directory = tempfile::tempdir().expect("a directory");
        let config = Config { deep_keys: 16, ..Config::default() };
        let mut store =
            IndexStore::open_with(directory.path(), "log", config, Files::default()).expect("opened");
        let mut index = VerifiableIndex::default();
        let key = |index: u64, bytes: usize| {
            let mut key = *digest(&[&index.to_be_bytes()]).as_bytes();
            key[..bytes].fill(0xc3);
            Hash::from_bytes(key)
        };
        for round in 0..20u64 {
            let indices = round * 64..(round + 1) * 64;
            let entries: Vec<EntryKeys> = indices
                .map(|index| EntryKeys { index, map: vec![key(index, 5), key(index, 0)], aux: vec![] })
                .collect();
            for entry in &entries {
                index.add(entry.index, entry.map.clone());
            }
            assert_eq!(store.apply(&entries).expect("applied"), index.root());
            store.settle(Mark { size: (round + 1) * 64, root: index.root() }).expect("settled");
        }
        let reader = store.reader();
        let keys: Vec<Hash> =
            (0..1_400).step_by(9).flat_map(|at| [key(at, 5), key(at, 0), key(at, 3)]).collect();
        let settled = reader.shared.settled();
        for key in &keys {
            assert!(reader.plan(&settled, key.as_bytes()).fresh.0.len() <= 16);
        }
        drop(settled);
        let proofs = reader.prove(&keys).expect("proofs").proofs;
        for (key, proof) in keys.iter().zip(proofs) {
            assert_eq!(proof, index.map().prove(key.as_bytes()));
        }
    }
}

//! Proofs of what the verifiable index has under a key, or that it has nothing.
//!
//! A proof lists, from the root down, the bit at which each inner node on the key's
//! path branches and the hash of its other side, and the leaf at the end. The root
//! fixes one path per key, so a leaf of another key at its end proves absence.
//!
//! Invariant: bits strictly increase, and a leaf of another key agrees with the key
//! in all of them; every hash in the proof is used.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::hash::{EMPTY_ROOT, Hash, decode_base64, encode_base64};
use crate::prefix_map::{bit, inner, leaf};

/// A proof for one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MapProof {
    /// The inner nodes on the key's path, from the root down; at most 256.
    pub steps: Vec<MapStep>,
    /// The leaf at its end; `None` when the map is empty.
    pub leaf: Option<MapLeaf>,
}

/// An inner node on a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapStep {
    /// The bit at which it branches.
    pub bit: u16,
    /// The hash of the side that is not on the path.
    pub sibling: Hash,
}

/// A key with its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapLeaf {
    /// The key.
    pub key: [u8; 32],
    /// The value.
    pub value: [u8; 32],
}

/// Why a proof was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MapProofError {
    /// Not base64 of the right length, or a bit beyond the key's.
    #[error("a value of the map proof has a wrong form")]
    Form,
    /// The bits do not increase, or there are steps to nothing.
    #[error("the steps of the map proof are not those of one path")]
    Steps,
    /// The leaf lies on another path than the key's.
    #[error("the leaf of the map proof is not on the key's path")]
    OtherPath,
    /// It leads to another root.
    #[error("the map proof does not lead to the committed root")]
    Root,
}

/// A proof in JSON: hashes in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MapProofJson {
    /// `[bit, sibling]`, from the root down.
    #[cfg_attr(feature = "openapi", schema(max_items = 256))]
    steps: Vec<(u16, String)>,
    /// `[key, value]`; null when the map is empty.
    leaf: Option<(String, String)>,
}

impl MapProof {
    /// What the map with this root has under `key`; `None` when it has nothing.
    pub fn verify(&self, key: &[u8; 32], root: Hash) -> Result<Option<[u8; 32]>, MapProofError> {
        let Some(found) = &self.leaf else {
            let empty = self.steps.is_empty();
            return match (empty, root == EMPTY_ROOT) {
                (true, true) => Ok(None),
                (false, _) => Err(MapProofError::Steps),
                (true, false) => Err(MapProofError::Root),
            };
        };
        if self.steps.iter().any(|step| step.bit > 255) {
            return Err(MapProofError::Form);
        }
        if self.steps.windows(2).any(|pair| pair[0].bit >= pair[1].bit) {
            return Err(MapProofError::Steps);
        }
        // The key turns the same way as the leaf wherever the path turns at all.
        if self.steps.iter().any(|step| bit(key, step.bit) != bit(&found.key, step.bit)) {
            return Err(MapProofError::OtherPath);
        }
        let mut hash = leaf(&found.key, &found.value);
        for step in self.steps.iter().rev() {
            hash = match bit(key, step.bit) {
                0 => inner(step.bit, hash, step.sibling),
                _ => inner(step.bit, step.sibling, hash),
            };
        }
        if hash != root {
            return Err(MapProofError::Root);
        }
        Ok((found.key == *key).then_some(found.value))
    }
}

impl From<&MapProof> for MapProofJson {
    fn from(proof: &MapProof) -> Self {
        Self {
            steps: proof.steps.iter().map(|step| (step.bit, step.sibling.to_base64())).collect(),
            leaf: proof.leaf.map(|leaf| (encode_base64(&leaf.key), encode_base64(&leaf.value))),
        }
    }
}

impl MapProofJson {
    /// The proof, strictly decoded.
    pub fn decode(&self) -> Result<MapProof, MapProofError> {
        let bytes = |text: &str| decode_base64(text)?.try_into().ok();
        let step = |(bit, sibling): &(u16, String)| {
            Some(MapStep { bit: *bit, sibling: Hash::parse_base64(sibling)? })
        };
        let steps: Option<Vec<MapStep>> = self.steps.iter().map(step).collect();
        let leaf = match &self.leaf {
            None => None,
            Some((key, value)) => Some(
                bytes(key)
                    .zip(bytes(value))
                    .map(|(key, value)| MapLeaf { key, value })
                    .ok_or(MapProofError::Form)?,
            ),
        };
        Ok(MapProof { steps: steps.ok_or(MapProofError::Form)?, leaf })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prefix_map::PrefixMap;

    fn key(text: &str) -> [u8; 32] {
        *crate::hash::digest(&[text.as_bytes()]).as_bytes()
    }

    fn map(count: usize) -> PrefixMap {
        let mut map = PrefixMap::default();
        for i in 0..count {
            map.insert(key(&format!("key {i}")), key(&format!("value {i}")));
        }
        map
    }

    #[test]
    fn present_and_absent_for_all_sizes() {
        for count in 0..70 {
            let map = map(count);
            for i in 0..80 {
                let key = key(&format!("key {i}"));
                let proof = map.prove(&key);
                let expected = (i < count).then(|| self::key(&format!("value {i}")));
                assert_eq!(proof.verify(&key, map.root()), Ok(expected), "{i} of {count}");
                assert_eq!(MapProofJson::from(&proof).decode(), Ok(proof));
            }
        }
    }

    #[test]
    fn every_damage_is_refused() {
        let map = map(40);
        let root = map.root();
        for asked in ["key 7", "no such key"].map(key) {
            let good = map.prove(&asked);
            let check = |change: &dyn Fn(&mut MapProof)| {
                let mut bad = good.clone();
                change(&mut bad);
                assert_ne!(bad, good);
                assert!(bad.verify(&asked, root).is_err(), "{bad:?}");
            };
            for i in 0..good.steps.len() {
                check(&|bad| {
                    bad.steps.remove(i);
                });
                check(&|bad| bad.steps.insert(i, bad.steps[i]));
                check(&|bad| bad.steps[i].bit += 1);
                check(&|bad| bad.steps[i].bit = 256);
                check(&|bad| bad.steps[i].sibling = EMPTY_ROOT);
            }
            check(&|bad| bad.leaf = None);
            check(&|bad| bad.steps.clear());
            for bit in 0..256 {
                check(&|bad| bad.leaf.iter_mut().for_each(|leaf| leaf.key[bit / 8] ^= 1 << (bit % 8)));
                check(&|bad| bad.leaf.iter_mut().for_each(|leaf| leaf.value[bit / 8] ^= 1 << (bit % 8)));
            }
            // Another key's proof says nothing about this one, unless their paths are
            // the same; then it says the same.
            for other in 0..40 {
                let foreign = map.prove(&key(&format!("key {other}")));
                let said = foreign.verify(&asked, root);
                assert!(said.is_err() || said == good.verify(&asked, root));
            }
            // An old root, an empty map, another map.
            assert!(good.verify(&asked, self::map(39).root()).is_err());
            assert!(good.verify(&asked, EMPTY_ROOT).is_err());
            let nothing = MapProof { steps: vec![], leaf: None };
            assert!(nothing.verify(&asked, root).is_err());
        }
        let nothing = MapProof { steps: vec![], leaf: None };
        assert_eq!(nothing.verify(&key("x"), EMPTY_ROOT), Ok(None));
    }
}

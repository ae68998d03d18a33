//! The manifest: what is in the directory, and what it is of.
//!
//! JSON, one line, and the SHA-256 of that line in hex. A store is what its manifest
//! says; replacing the manifest moves it from one state to the next.

use log_core::hash::{Hash, digest};
use serde::{Deserialize, Serialize};

use super::levels_file::LevelsName;
use super::run::RunName;
use super::{IndexError, Mark};

/// The manifest's name.
pub(super) const MANIFEST: &str = "manifest";

/// The version of all formats of the store.
const VERSION: u32 = 1;

/// A state of the store on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    version: u32,
    /// Which log it is of.
    pub(super) identity: String,
    size: u64,
    root: String,
    map_root: String,
    /// Distinct keys of the map.
    pub(super) keys: u64,
    /// The hashes of the buckets; the file with all of them first.
    pub(super) levels: Vec<LevelsName>,
    /// By family; oldest first.
    pub(super) runs: [Vec<RunName>; 2],
    /// The number of the next file.
    pub(super) next: u64,
}

impl Manifest {
    /// Of an empty store.
    pub(super) fn empty(identity: &str) -> Self {
        let mut manifest = Self {
            version: VERSION,
            identity: identity.to_owned(),
            size: 0,
            root: String::new(),
            map_root: String::new(),
            keys: 0,
            levels: Vec::new(),
            runs: [Vec::new(), Vec::new()],
            next: 0,
        };
        manifest.set_mark(Mark::EMPTY, log_core::hash::EMPTY_ROOT);
        manifest
    }

    pub(super) fn set_mark(&mut self, mark: Mark, map_root: Hash) {
        (self.size, self.root, self.map_root) = (mark.size, mark.root.to_base64(), map_root.to_base64());
    }

    /// What the store is of, and the root of the map there.
    pub(super) fn mark(&self) -> Result<(Mark, Hash), IndexError> {
        let root = |text| Hash::parse_base64(text).ok_or_else(damaged);
        Ok((Mark { size: self.size, root: root(&self.root)? }, root(&self.map_root)?))
    }

    pub(super) fn encode(&self) -> Result<Vec<u8>, IndexError> {
        let mut line = serde_json::to_string(self).map_err(std::io::Error::other)?;
        line.push('\n');
        let check = digest(&[line.as_bytes()]).to_hex();
        Ok(format!("{line}{check}\n").into_bytes())
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, IndexError> {
        let text = str::from_utf8(bytes).map_err(|_| damaged())?;
        let (line, check) = text.split_once('\n').ok_or_else(damaged)?;
        if check != format!("{}\n", digest(&[line.as_bytes(), b"\n"]).to_hex()) {
            return Err(damaged());
        }
        let manifest: Self = serde_json::from_str(line).map_err(|_| damaged())?;
        if manifest.version == VERSION { Ok(manifest) } else { Err(damaged()) }
    }
}

fn damaged() -> IndexError {
    IndexError::Damaged("the manifest is not one".to_owned())
}

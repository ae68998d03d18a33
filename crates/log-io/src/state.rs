//! What a client or witness remembers: the last checkpoint it trusted, per log,
//! and evidence of misbehaviour.
//!
//! ```text
//! <state>/<hex SHA-256 of origin>/checkpoint      never goes back
//! <state>/<hex SHA-256 of origin>/evidence/<sha256>.json
//! ```
//!
//! Two processes may share a state directory: the checkpoint is replaced under a
//! lock, and only when it is still the one that was read.

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use anyhow::Context as _;
use log_core::evidence::Evidence;
use log_core::hash::digest;

use crate::durable;

/// What is remembered about one log.
#[derive(Debug, Clone)]
pub struct LogState {
    directory: PathBuf,
}

impl LogState {
    /// The state of the log called `origin` below the directory `state`.
    pub fn new(state: &Path, origin: &str) -> Self {
        Self { directory: state.join(digest(&[origin.as_bytes()]).to_hex()) }
    }

    /// Where state is kept unless told otherwise: `$XDG_STATE_HOME/wheeltap`, or
    /// `~/.local/state/wheeltap`.
    pub fn default_directory() -> anyhow::Result<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("XDG_STATE_HOME")
            .or_else(|| set("HOME").map(|home| home.join(".local/state")))
            .map(|base| base.join("wheeltap"))
            .context("neither XDG_STATE_HOME nor HOME is set; give a directory with --state")
    }

    /// The last checkpoint that was trusted.
    pub fn last_checkpoint(&self) -> anyhow::Result<Option<Vec<u8>>> {
        let path = self.checkpoint_path();
        durable::read(&path).with_context(|| format!("cannot read {}", path.display()))
    }

    /// When the last checkpoint was remembered, in POSIX seconds.
    pub fn remembered_at(&self) -> anyhow::Result<Option<u64>> {
        let path = self.checkpoint_path();
        let modified = match std::fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            modified => modified.with_context(|| format!("cannot read {}", path.display()))?,
        };
        Ok(modified.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs()))
    }

    /// Remembers `new`, if the last checkpoint is still `old`; whether it was.
    pub fn swap_checkpoint(&self, old: Option<&[u8]>, new: &[u8]) -> anyhow::Result<bool> {
        let path = self.checkpoint_path();
        let swap = || {
            let _lock = durable::lock_directory(&self.directory)?;
            if durable::read(&path)?.as_deref() != old {
                return Ok(false);
            }
            durable::write(&path, new).map(|()| true)
        };
        swap().with_context(|| format!("cannot write {}", path.display()))
    }

    /// Keeps evidence; gives its path.
    pub fn save_evidence(&self, evidence: &Evidence) -> anyhow::Result<PathBuf> {
        let json = serde_json::to_vec_pretty(evidence)?;
        let name = format!("{}.json", digest(&[&json]).to_hex());
        let path = self.evidence_directory().join(name);
        durable::write(&path, &json)
            .with_context(|| format!("cannot write evidence to {}", path.display()))?;
        Ok(path)
    }

    /// Where evidence is kept.
    pub fn evidence_directory(&self) -> PathBuf {
        self.directory.join("evidence")
    }

    /// How many pieces of evidence are kept.
    pub fn evidence_count(&self) -> usize {
        let files = self.evidence_directory().read_dir().into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|extension| extension == "json")).count()
    }

    /// Where the last checkpoint is.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.directory.join("checkpoint")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_is_swapped_only_when_it_is_the_expected_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let state = LogState::new(dir.path(), "log.example");
        assert_eq!(state.last_checkpoint().expect("readable"), None);
        assert!(!state.swap_checkpoint(Some(b"x"), b"one").expect("a swap"));
        assert!(state.swap_checkpoint(None, b"one").expect("a swap"));
        assert!(!state.swap_checkpoint(None, b"two").expect("a swap"));
        assert!(state.swap_checkpoint(Some(b"one"), b"two").expect("a swap"));
        assert_eq!(state.last_checkpoint().expect("readable").as_deref(), Some(b"two".as_slice()));
        let other = LogState::new(dir.path(), "other.example");
        assert_eq!(other.last_checkpoint().expect("readable"), None);
    }
}

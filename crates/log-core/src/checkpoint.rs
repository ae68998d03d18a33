//! Checkpoints: a log's signed commitment to its tree (C2SP tlog-checkpoint).
//!
//! ```text
//! <origin>LF
//! <tree size, decimal>LF
//! <base64 root hash>LF
//! [<extension line>LF]*
//! ```
//!
//! Invariant: an [`OpenCheckpoint`] was signed by the log's key; there is no other
//! way to make one.

use std::fmt;

use thiserror::Error;

use crate::hash::{EMPTY_ROOT, Hash, parse_decimal};
use crate::key::{SignerKey, VerifierKey};
use crate::limits::{MAX_NAME_BYTES, MAX_TREE_SIZE};
use crate::note::{Note, NoteError};

/// A tree's size and root under a log's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// How many leaves the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
    /// Further lines; this log makes none.
    pub extensions: Vec<String>,
}

/// A checkpoint whose log signature was verified, with its note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
}

/// Why a checkpoint was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CheckpointError {
    /// The note around it.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// A line of the text.
    #[error("not a checkpoint: {0}")]
    Form(&'static str),
    /// It is another log's.
    #[error("the checkpoint is of log {found:?}, not of {expected:?}")]
    Origin {
        /// Whose it should be.
        expected: String,
        /// Whose it says it is.
        found: String,
    },
}

impl Checkpoint {
    /// Reads the text of a checkpoint. Nothing about it is verified.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        use CheckpointError::Form;
        let body = text.strip_suffix('\n').ok_or(Form("it does not end in a line feed"))?;
        let mut lines = body.split('\n');
        let origin = lines.next().unwrap_or_default();
        if origin.is_empty() || origin.len() > MAX_NAME_BYTES {
            return Err(Form("the origin line must have 1 to 255 bytes"));
        }
        let size = lines.next().and_then(parse_decimal).filter(|size| *size <= MAX_TREE_SIZE);
        let size = size.ok_or(Form("the size line is not a decimal number below 2^63"))?;
        let root = lines.next().and_then(Hash::parse_base64);
        let root = root.ok_or(Form("the root line is not the base64 of 32 bytes"))?;
        if size == 0 && root != EMPTY_ROOT {
            return Err(Form("the size is 0 but the root is not that of the empty tree"));
        }
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(Form("an extension line is empty"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// Signs the checkpoint as the log.
    pub fn sign(&self, key: &SignerKey) -> Note {
        let mut note = Note::unsigned(self.to_string());
        note.sign(key);
        note
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl OpenCheckpoint {
    /// Opens a checkpoint of the log with `key`, whose name is the log's origin.
    pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        note.open(std::slice::from_ref(key))?;
        let checkpoint = Checkpoint::parse(note.text())?;
        if checkpoint.origin != key.name().as_str() {
            return Err(CheckpointError::Origin {
                expected: key.name().to_string(),
                found: checkpoint.origin,
            });
        }
        Ok(Self { checkpoint, note })
    }

    /// How many leaves the tree has.
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The tree's root.
    pub fn root(&self) -> Hash {
        self.checkpoint.root
    }

    /// The note it came in, with all signature lines, known or not.
    pub fn note(&self) -> &Note {
        &self.note
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vectors};

    #[test]
    fn positive_vectors() {
        let vectors = vectors();
        let key = VerifierKey::parse(text(&vectors["log"]["vkey"])).expect("a vkey");
        let mut notes: Vec<&str> = Vec::new();
        for checkpoint in vectors["checkpoints"].as_object().expect("an object").values() {
            notes.extend([text(&checkpoint["note"]), text(&checkpoint["cosigned"])]);
        }
        notes.extend(
            vectors["extra"]["positive_checkpoints"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|c| text(&c["note"])),
        );
        assert_eq!(notes.len(), 8);
        for note in notes {
            let open = OpenCheckpoint::open(note.as_bytes(), &key).expect(note);
            assert!(note.starts_with(&open.checkpoint.to_string()));
        }
        let log = SignerKey::parse(text(&vectors["log"]["skey"])).expect("a key");
        let note = text(&vectors["checkpoints"]["7"]["note"]);
        let open = OpenCheckpoint::open(note.as_bytes(), &key).expect("a checkpoint");
        assert_eq!(open.checkpoint.sign(&log).to_string(), note);
    }

    #[test]
    fn negative_vectors() {
        let vectors = vectors();
        let key = VerifierKey::parse(text(&vectors["log"]["vkey"])).expect("a vkey");
        let negative = vectors["extra"]["negative_checkpoints"].as_array().expect("a list");
        assert_eq!(negative.len(), 17);
        for case in negative {
            let result = OpenCheckpoint::open(text(&case["note"]).as_bytes(), &key);
            assert!(result.is_err(), "{}", case["desc"]);
        }
    }

    #[test]
    fn another_logs_checkpoint_signed_by_this_key_is_refused() {
        let vectors = vectors();
        let log = SignerKey::parse(text(&vectors["log"]["skey"])).expect("a key");
        let foreign = Checkpoint { origin: "other".into(), size: 0, root: EMPTY_ROOT, extensions: vec![] };
        let note = foreign.sign(&log).to_string();
        let error = OpenCheckpoint::open(note.as_bytes(), log.public()).expect_err("another origin");
        assert!(matches!(error, CheckpointError::Origin { .. }), "{error}");
    }
}

//! Evidence that a log misbehaved: self-contained, and verifiable by anyone who
//! has the log's key, without the log's help.
//!
//! * **Fork**: two signed checkpoints, and a proof that the newer tree had another
//!   root at the older's size than the older checkpoint says.
//! * **Broken rule**: entries proven to be in a signed tree that no tree of this
//!   log may hold, such as two digests for one file name.
//! * **Broken history**: all entries of a signed tree, one of which breaks a rule
//!   in the light of those before it, such as a false index commitment.
//!
//! A failed proof is no evidence: anyone can send wrong hashes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::api::EntryJson;
use crate::artifact::{FileName, ProjectName};
use crate::checkpoint::OpenCheckpoint;
use crate::entry::{Entry, SignedStatement};
use crate::hash::{Hash, decode_base64, leaf_hash};
use crate::history::History;
use crate::policy::Policy;
use crate::proof::{verify_consistency, verify_inclusion};
use crate::rules::{self, Genesis};
use crate::statement::Statement;

/// What a log did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Evidence {
    /// Two histories under one name.
    Fork {
        /// The checkpoint with the smaller tree.
        older: String,
        /// The checkpoint with the larger or equal tree.
        newer: String,
        /// The root that the newer tree had at the older's size, in base64.
        root_in_newer: String,
        /// The consistency proof of that root, in base64.
        proof: Vec<String>,
    },
    /// Entries that the rules forbid.
    BrokenRule {
        /// The checkpoint.
        checkpoint: String,
        /// The first policy.
        policy: EntryJson,
        /// The entries.
        entries: Vec<EntryJson>,
    },
    /// A whole log, one of whose entries breaks a rule.
    BrokenHistory {
        /// The checkpoint.
        checkpoint: String,
        /// All entries, in base64.
        entries: Vec<String>,
    },
}

/// Why evidence shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the evidence shows no misbehaviour: {0}")]
pub struct NoEvidence(&'static str);

impl Evidence {
    /// Evidence of a fork, from the signed notes and a proof.
    pub fn fork(older: String, newer: String, root_in_newer: Hash, proof: &[Hash]) -> Self {
        let proof = proof.iter().map(|hash| hash.to_base64()).collect();
        Self::Fork { older, newer, root_in_newer: root_in_newer.to_base64(), proof }
    }

    /// Checks that the log really misbehaved; says how.
    pub fn verify(&self, genesis: &Genesis) -> Result<&'static str, NoEvidence> {
        match self {
            Self::Fork { older, newer, root_in_newer, proof } => {
                let older = open(older, genesis)?;
                let newer = open(newer, genesis)?;
                let root = Hash::parse_base64(root_in_newer).ok_or(NoEvidence("bad root"))?;
                let proof: Option<Vec<Hash>> = proof.iter().map(|hash| Hash::parse_base64(hash)).collect();
                let proof = proof.ok_or(NoEvidence("bad proof"))?;
                verify_consistency(older.size(), root, newer.size(), newer.root(), &proof)
                    .map_err(|_| NoEvidence("the proof does not lead to the newer checkpoint"))?;
                if root == older.root() {
                    return Err(NoEvidence("the two checkpoints are consistent"));
                }
                Ok("the log signed two histories")
            }
            Self::BrokenRule { checkpoint, policy, entries } => {
                let checkpoint = open(checkpoint, genesis)?;
                let (0, Some(policy)) = proven(policy, &checkpoint)? else {
                    return Err(NoEvidence("the policy is not entry 0"));
                };
                if rules::authorise(&policy, None, genesis).is_err() {
                    return Ok("the log's first policy is not signed by its roots");
                }
                let Statement::Policy(policy) = policy.statement else {
                    return Err(NoEvidence("entry 0 is no policy"));
                };
                let mut releases = Vec::new();
                for entry in entries {
                    match proven(entry, &checkpoint)? {
                        (_, Some(signed)) if matches!(signed.statement, Statement::Release(_)) => {
                            releases.push(signed);
                        }
                        // The policy itself, shown once more.
                        (_, Some(_)) => {}
                        (_, None) => return Ok("the log holds an entry that is none"),
                    }
                }
                broken_rule(&policy.policy, &releases).ok_or(NoEvidence("no rule is broken"))
            }
            Self::BrokenHistory { checkpoint, entries } => {
                let checkpoint = open(checkpoint, genesis)?;
                let mut history = History::new(genesis.clone());
                let mut broken = false;
                for entry in entries {
                    let entry = decode_base64(entry).ok_or(NoEvidence("bad base64"))?;
                    match history.push(&entry) {
                        Err(error) if error.may_be_newer() && !broken => {
                            return Err(NoEvidence("an entry is of a newer kind than is known here"));
                        }
                        result => broken |= result.is_err(),
                    }
                }
                if (history.size(), history.root()) != (checkpoint.size(), checkpoint.root()) {
                    return Err(NoEvidence("the entries are not those of the checkpoint"));
                }
                if broken || !history.ends_in_commitment() {
                    Ok("the log holds an entry that the ones before it do not allow")
                } else {
                    Err(NoEvidence("no rule is broken"))
                }
            }
        }
    }
}

/// Which rule a tree with these releases breaks, if any.
pub fn broken_rule(policy: &Policy, releases: &[SignedStatement]) -> Option<&'static str> {
    let mut digests: HashMap<(&ProjectName, &FileName), Hash> = HashMap::new();
    for signed in releases {
        let Statement::Release(release) = &signed.statement else { continue };
        if rules::authorise_release(&signed.envelope, release, policy).is_err() {
            return Some("the log recorded a statement that its policy refuses");
        }
        for file in &release.files {
            let first = digests.entry((&release.project, &file.name)).or_insert(file.sha256);
            if *first != file.sha256 {
                return Some("the log recorded two digests for one file name");
            }
        }
    }
    None
}

fn open(checkpoint: &str, genesis: &Genesis) -> Result<OpenCheckpoint, NoEvidence> {
    OpenCheckpoint::open(checkpoint.as_bytes(), &genesis.log)
        .map_err(|_| NoEvidence("a checkpoint is not signed by the log"))
}

/// The index of a proven entry, and its statement unless it is no entry at all.
fn proven(
    json: &EntryJson,
    checkpoint: &OpenCheckpoint,
) -> Result<(u64, Option<SignedStatement>), NoEvidence> {
    let entry = json.decode().ok_or(NoEvidence("bad base64"))?;
    let leaf = leaf_hash(&entry.entry);
    verify_inclusion(leaf, entry.index, checkpoint.size(), checkpoint.root(), &entry.proof)
        .map_err(|_| NoEvidence("an entry is not in the tree"))?;
    match Entry::parse(&entry.entry) {
        Ok(Entry::Statement(signed)) => Ok((entry.index, Some(*signed))),
        Ok(Entry::Commitment(_)) => Err(NoEvidence("an index commitment is not at issue")),
        Err(error) if error.may_be_newer() => {
            Err(NoEvidence("an entry is of a newer kind than is known here"))
        }
        Err(_) => Ok((entry.index, None)),
    }
}

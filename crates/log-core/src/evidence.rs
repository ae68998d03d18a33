//! Evidence that a log misbehaved: self-contained, and verifiable without the log's help
//! by anyone who has its key and, for a rollback, the witness's.
//!
//! * **Fork**: two signed checkpoints, and a proof that the newer tree had another
//!   root at the older's size than the older checkpoint says.
//! * **Broken rule**: entries proven to be in a signed tree that no tree of this
//!   log may hold, such as two digests for one file name, with all policies that the
//!   tree's own index has, so that none can have been left out.
//! * **Broken history**: all entries of a signed tree, one of which breaks a rule
//!   in the light of those before it, such as a false index commitment.
//! * **Rollback**: one witness's cosignatures under two checkpoints, the later one under
//!   the smaller tree. A cosignature says that no larger tree was seen until its time (C2SP
//!   tlog-cosignature), so one of the two is false: the witness was rolled back with the log
//!   or without it, or its clock was set back by more than clocks are corrected.
//!   Without such times a rollback cannot be told from a copy that lags.
//!
//! A failed proof is no evidence: anyone can send wrong hashes.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::api::EntryJson;
use crate::artifact::{FileName, ProjectName};
use crate::basis::{Basis, BasisError, OTHER_ROOTS, included};
use crate::checkpoint::OpenCheckpoint;
use crate::entry::{Entry, SignedStatement};
use crate::hash::{Hash, decode_base64};
use crate::history::History;
use crate::key::VerifierKey;
use crate::proof::verify_consistency;
use crate::rules::{self, Genesis};
use crate::statement::Statement;
use crate::timeline::{Moment, Timeline};

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
        /// What they are judged on.
        basis: Basis,
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
    /// A smaller tree that a witness cosigned after a larger one.
    Rollback {
        /// The key of the witness, as a vkey.
        witness: String,
        /// The checkpoint with the larger tree.
        larger: String,
        /// The checkpoint with the smaller tree, cosigned later.
        smaller: String,
    },
}

/// Why evidence shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the evidence shows no misbehaviour: {0}")]
pub struct NoEvidence(&'static str);

impl NoEvidence {
    /// Whether it is about a log whose first policy other root keys have signed.
    pub fn is_of_other_roots(&self) -> bool {
        self.0 == OTHER_ROOTS
    }
}

impl Evidence {
    /// Evidence of a fork, from the signed notes and a proof.
    pub fn fork(older: String, newer: String, root_in_newer: Hash, proof: &[Hash]) -> Self {
        let proof = proof.iter().map(|hash| hash.to_base64()).collect();
        Self::Fork { older, newer, root_in_newer: root_in_newer.to_base64(), proof }
    }

    /// Evidence that one of these witnesses cosigned `smaller` after `larger`, when one
    /// did, and which. The checkpoints are of one log; in any other order of sizes there is
    /// none.
    pub fn rollback<'w>(
        larger: &OpenCheckpoint,
        smaller: &OpenCheckpoint,
        witnesses: &'w [VerifierKey],
    ) -> Option<(&'w VerifierKey, Self)> {
        let witness = witnesses.iter().find(|witness| was_rolled_back(larger, smaller, witness))?;
        let evidence = Self::Rollback {
            witness: witness.to_vkey(),
            larger: larger.note().to_string(),
            smaller: smaller.note().to_string(),
        };
        Some((witness, evidence))
    }

    /// Checks that the log, or one of these witnesses, really misbehaved; says how.
    pub fn verify(&self, genesis: &Genesis, witnesses: &[VerifierKey]) -> Result<&'static str, NoEvidence> {
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
            Self::BrokenRule { checkpoint, basis, entries } => {
                let checkpoint = open(checkpoint, genesis)?;
                let grounds = match basis.check(genesis, &checkpoint) {
                    Ok(grounds) => grounds,
                    Err(BasisError::Broken(what)) => return Ok(what),
                    Err(BasisError::OtherRoots) => return Err(NoEvidence(OTHER_ROOTS)),
                    Err(_) => return Err(NoEvidence("its policies and times are not proven")),
                };
                let mut statements = Vec::new();
                for json in entries {
                    let entry =
                        included(json, &checkpoint).map_err(|_| NoEvidence("an entry is not proven"))?;
                    let at = grounds.moment(entry.index).map_err(|_| NoEvidence("an entry has no time"))?;
                    match Entry::parse(&entry.entry) {
                        Ok(Entry::Statement(signed)) => statements.push((at, *signed)),
                        Ok(Entry::Commitment(_)) => {
                            return Err(NoEvidence("an index commitment is not at issue"));
                        }
                        Err(error) if error.may_be_newer() => {
                            return Err(NoEvidence("an entry is of a newer kind than is known here"));
                        }
                        Err(_) => return Ok("the log holds an entry that is none"),
                    }
                }
                broken_rule(&grounds.timeline, &statements).ok_or(NoEvidence("no rule is broken"))
            }
            Self::BrokenHistory { checkpoint, entries } => {
                let checkpoint = open(checkpoint, genesis)?;
                let mut history = History::new(genesis.clone());
                let (mut broken, mut other_roots) = (false, false);
                for entry in entries {
                    let entry = decode_base64(entry).ok_or(NoEvidence("bad base64"))?;
                    match history.push(&entry) {
                        Err(error) if error.may_be_newer() && !broken => {
                            return Err(NoEvidence("an entry is of a newer kind than is known here"));
                        }
                        result => {
                            broken |= result.is_err();
                            other_roots |= result.is_err_and(|error| error.is_of_other_roots());
                        }
                    }
                }
                if (history.size(), history.root()) != (checkpoint.size(), checkpoint.root()) {
                    return Err(NoEvidence("the entries are not those of the checkpoint"));
                }
                if other_roots {
                    return Err(NoEvidence(OTHER_ROOTS));
                }
                if broken || !history.ends_in_commitment() {
                    Ok("the log holds an entry that the ones before it do not allow")
                } else {
                    Err(NoEvidence("no rule is broken"))
                }
            }
            Self::Rollback { witness, larger, smaller } => {
                let witness = witnesses.iter().find(|known| known.to_vkey() == *witness);
                let witness = witness.ok_or(NoEvidence("its witness is not one that is trusted"))?;
                let (larger, smaller) = (open(larger, genesis)?, open(smaller, genesis)?);
                if was_rolled_back(&larger, &smaller, witness) {
                    Ok("a witness cosigned a smaller tree of the log after a larger one")
                } else {
                    Err(NoEvidence("the witness did not cosign the smaller tree after the larger one"))
                }
            }
        }
    }
}

/// Which rule a tree with these statements breaks, if any. Rules that need statements
/// which may not be among these are left out: nobody is accused of what was not shown.
pub fn broken_rule(timeline: &Timeline, statements: &[(Moment, SignedStatement)]) -> Option<&'static str> {
    let mut digests: HashMap<(&ProjectName, &FileName), Hash> = HashMap::new();
    let mut withdrawn: HashMap<(&ProjectName, &FileName), u64> = HashMap::new();
    let mut ordered: Vec<_> = statements.iter().collect();
    ordered.sort_by_key(|(at, _)| at.index);
    for (at, signed) in ordered {
        // Policies are judged with the basis.
        if matches!(signed.statement, Statement::Policy(_)) {
            continue;
        }
        let Some(dated) = timeline.in_force(*at) else {
            return Some("the log recorded a statement before its first policy");
        };
        let allowed = rules::permit(signed, &dated.policy, at.time).and_then(|()| {
            let key = |keyid: &str| Some(&dated.policy.publisher_key(keyid)?.0.key);
            rules::check_signatures(&signed.envelope, key)
        });
        match &signed.statement {
            Statement::Policy(_) => {}
            _ if allowed.is_err() => return Some("the log recorded a statement that its policy refuses"),
            Statement::Release(release) => {
                for file in &release.files {
                    let name = (&release.project, &file.name);
                    if *digests.entry(name).or_insert(file.sha256) != file.sha256 {
                        return Some("the log recorded two digests for one file name");
                    }
                    if withdrawn.contains_key(&name) {
                        return Some("the log recorded a release of a file that was withdrawn");
                    }
                }
            }
            Statement::Withdrawal(withdrawal) => {
                for file in &withdrawal.files {
                    let name = (&withdrawal.project, &file.name);
                    if *digests.entry(name).or_insert(file.sha256) != file.sha256 {
                        return Some("the log recorded two digests for one file name");
                    }
                    withdrawn.entry(name).or_insert(at.index);
                }
            }
        }
    }
    None
}

/// By how much a later cosignature is later, in seconds: an honest witness's clock may have
/// been corrected meanwhile.
const MIN_ROLLBACK_SECONDS: u64 = 300;

/// Whether this witness has cosigned both, and the smaller tree later.
fn was_rolled_back(larger: &OpenCheckpoint, smaller: &OpenCheckpoint, witness: &VerifierKey) -> bool {
    let time = |checkpoint: &OpenCheckpoint| {
        let good = checkpoint.note().open(std::slice::from_ref(witness)).ok()?;
        good.first()?.time
    };
    smaller.size() < larger.size()
        && time(larger).is_some_and(|before| {
            time(smaller).is_some_and(|after| after.saturating_sub(before) > MIN_ROLLBACK_SECONDS)
        })
}

fn open(checkpoint: &str, genesis: &Genesis) -> Result<OpenCheckpoint, NoEvidence> {
    OpenCheckpoint::open(checkpoint.as_bytes(), &genesis.log)
        .map_err(|_| NoEvidence("a checkpoint is not signed by the log"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::cosignature;
    use crate::hash::EMPTY_ROOT;
    use crate::testing::{genesis, key, public};

    /// Who has cosigned, and when.
    type Cosigned = &'static [(&'static str, u64)];

    /// A checkpoint of the log with cosignatures.
    fn checkpoint(size: u64, cosigned: Cosigned) -> OpenCheckpoint {
        let origin = "log.example".to_owned();
        let checkpoint = Checkpoint { origin, size, root: EMPTY_ROOT, extensions: vec![] };
        let mut note = checkpoint.sign(&key("log.example"));
        for (witness, time) in cosigned {
            let line = cosignature::sign(&key(witness), note.text(), *time);
            note.push(line);
        }
        OpenCheckpoint::open(note.to_string().as_bytes(), &public("log.example")).expect("a checkpoint")
    }

    #[test]
    fn a_rollback_is_one_witness_that_cosigned_less_later() {
        let witnesses = ["w1", "w2"].map(|name| key(name).cosigner());
        let cases: [(u64, Cosigned, u64, Cosigned, bool); 8] = [
            (8, &[("w1", 10)], 4, &[("w1", 311)], true),
            (8, &[("w1", 10), ("w2", 20)], 4, &[("w1", 9), ("w2", 321)], true),
            // An old copy.
            (8, &[("w1", 10)], 4, &[("w1", 9)], false),
            // A clock that was corrected.
            (8, &[("w1", 10)], 4, &[("w1", 310)], false),
            // The other one may have seen nothing of the larger tree.
            (8, &[("w1", 10)], 4, &[("w2", 999)], false),
            // The same tree once more, and a larger one.
            (8, &[("w1", 10)], 8, &[("w1", 999)], false),
            (4, &[("w1", 10)], 8, &[("w1", 999)], false),
            // Nobody knows this witness.
            (8, &[("w3", 10)], 4, &[("w3", 999)], false),
        ];
        for (seen, seen_by, size, cosigned, guilty) in cases {
            let (larger, smaller) = (checkpoint(seen, seen_by), checkpoint(size, cosigned));
            let evidence = Evidence::rollback(&larger, &smaller, &witnesses);
            assert_eq!(evidence.is_some(), guilty, "{seen_by:?} {cosigned:?}");
            let Some((_, evidence)) = evidence else { continue };
            assert!(evidence.verify(&genesis(), &witnesses).is_ok());
            assert!(
                evidence.verify(&genesis(), &[]).is_err(),
                "a witness that is not trusted proves nothing"
            );
        }
        let accuse = |larger: &OpenCheckpoint, smaller: &OpenCheckpoint| Evidence::Rollback {
            witness: witnesses[0].to_vkey(),
            larger: larger.note().to_string(),
            smaller: smaller.note().to_string(),
        };
        let (before, after) = (checkpoint(8, &[("w1", 10)]), checkpoint(4, &[("w1", 999)]));
        assert!(accuse(&before, &after).verify(&genesis(), &witnesses).is_ok());
        assert!(accuse(&after, &before).verify(&genesis(), &witnesses).is_err());
        assert!(accuse(&before, &before).verify(&genesis(), &witnesses).is_err());
    }
}

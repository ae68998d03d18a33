//! The answer to several submissions at once: one line for each, and a closing line
//! whose checkpoint and basis all of them share.
//!
//! Invariant: what [`check_batch`] calls logged is what was sent, proven to be in the
//! tree of the closing line, and allowed there. What is left out: consistency with
//! checkpoints seen before, which the caller has established.

use super::{Distrust, check_basis, malformed, misbehaviour, statement};
use crate::api::{BatchEnd, BatchLine, BatchReceipt, EntryJson, Problem, ReceiptStatus};
use crate::basis::{Grounds, commitment_of, included};
use crate::commitment::IndexCommitment;
use crate::dsse::Envelope;
use crate::entry::SignedStatement;
use crate::evidence;
use crate::hash::encode_base64;
use crate::limits::{MAX_BATCH, MAX_BATCH_ANSWER_BYTES};
use crate::proof_file::{Extra, ProofFile, ProvenEntry};
use crate::rules::Genesis;
use crate::statement::Statement;
use crate::timeline::{self, Moment};
use crate::trust_policy::TrustedCheckpoint;

/// The lines of an answer. Nothing about them is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchAnswer {
    /// What became of each statement, in the order in which they were sent.
    pub lines: Vec<BatchLine>,
    /// What they share.
    pub end: BatchEnd,
}

/// What became of one statement, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchOutcome {
    /// It is in the published tree.
    Logged {
        /// Whether it was there already.
        status: ReceiptStatus,
        /// The entry, whose signatures may be others than those that were sent.
        entry: ProvenEntry,
    },
    /// The log says that it is this entry, and that it is not published yet.
    Committed(u64),
    /// The log did not take it.
    Problem(Box<Problem>),
}

/// A checked answer: what became of each statement, and the parts of their proofs.
#[derive(Debug, Clone)]
pub struct CheckedBatch {
    /// What became of each statement, in the order in which they were sent.
    pub outcomes: Vec<BatchOutcome>,
    checkpoint: String,
    grounds: Grounds,
    policies: Vec<ProvenEntry>,
    commitments: Vec<(IndexCommitment, ProvenEntry)>,
}

impl BatchAnswer {
    /// Reads an answer.
    pub fn parse(answer: &[u8]) -> Result<Self, Distrust> {
        if answer.len() > MAX_BATCH_ANSWER_BYTES {
            return Err(malformed("it has more bytes than any answer"));
        }
        let answer = answer.strip_suffix(b"\n").unwrap_or(answer);
        let mut lines: Vec<&[u8]> = answer.split(|byte| *byte == b'\n').take(MAX_BATCH + 2).collect();
        let end = lines.pop().filter(|_| lines.len() <= MAX_BATCH).unwrap_or_default();
        let json = |error: serde_json::Error| malformed(&format!("not JSON lines: {error}"));
        let lines = lines.into_iter().map(serde_json::from_slice).collect::<Result<_, _>>().map_err(json)?;
        Ok(Self { lines, end: serde_json::from_slice(end).map_err(json)? })
    }
}

/// Checks the answer to the submission of `sent`, under its checkpoint, which the caller
/// has opened.
pub fn check_batch(
    genesis: &Genesis,
    checkpoint: &TrustedCheckpoint,
    sent: &[Envelope],
    answer: &BatchAnswer,
) -> Result<CheckedBatch, Distrust> {
    if answer.lines.len() != sent.len() {
        return Err(malformed("it has not one line per statement"));
    }
    let basis = &answer.end.basis;
    let grounds = check_basis(genesis, checkpoint, basis)?;
    let mut outcomes = Vec::with_capacity(sent.len());
    let (mut statements, mut shown) = (Vec::new(), Vec::new());
    for (line, sent) in answer.lines.iter().zip(sent) {
        outcomes.push(match line {
            BatchLine::Committed(committed) => BatchOutcome::Committed(committed.index),
            BatchLine::Problem(problem) => BatchOutcome::Problem(problem.clone()),
            BatchLine::Logged(receipt) => {
                let json = entry_json(receipt, sent);
                let entry = included(&json, &checkpoint.checkpoint)?;
                let at = grounds.moment(entry.index)?;
                let broken = |what| misbehaviour(what, checkpoint, basis, std::slice::from_ref(&json));
                let signed = statement(&entry, at, broken)?;
                let signed = signed.filter(|(_, signed)| signed.envelope.payload() == sent.payload());
                let signed = signed.ok_or_else(|| malformed("a receipt is for another statement"))?;
                check_policy_is_listed(&signed, &grounds)?;
                statements.push(signed);
                shown.push(json);
                BatchOutcome::Logged { status: receipt.status, entry }
            }
        });
    }
    if let Some(what) = evidence::broken_rule(&grounds.timeline, &statements) {
        // In their order, each once: two lines may have been for one statement.
        shown.sort_by_key(|entry| entry.index);
        shown.dedup_by_key(|entry| entry.index);
        return Err(misbehaviour(what, checkpoint, basis, &shown));
    }
    let decode = |json: &EntryJson| json.decode().ok_or_else(|| malformed("an entry is not in base64"));
    let policies = basis.policies.iter().map(decode).collect::<Result<_, _>>()?;
    let mut commitments = Vec::new();
    for json in basis.commitments.iter().chain([&basis.commitment]) {
        let entry = decode(json)?;
        commitments.extend(commitment_of(&entry).map(|commitment| (commitment, entry)));
    }
    Ok(CheckedBatch { outcomes, checkpoint: checkpoint.note.clone(), grounds, policies, commitments })
}

impl CheckedBatch {
    /// The offline proof of one of the entries: with the policies up to the one it was
    /// made under, and the commitments that date them if a time matters.
    pub fn proof_file(&self, entry: &ProvenEntry) -> ProofFile {
        let policies: Vec<ProvenEntry> =
            self.policies.iter().filter(|policy| policy.index <= entry.index).cloned().collect();
        let indices: Vec<u64> = policies.iter().map(|policy| policy.index).chain([entry.index]).collect();
        let so_far = self.grounds.timeline.policies().iter().filter(|policy| policy.index <= entry.index);
        let mut commitments = Vec::new();
        if timeline::depends_on_time(so_far.map(|dated| &dated.policy)) {
            let is_needed =
                |commitment: &IndexCommitment| indices.iter().any(|index| commitment.dates(*index));
            let found = self.commitments.iter().filter(|(commitment, _)| is_needed(commitment));
            commitments.extend(found.map(|(_, entry)| entry.clone()));
            commitments.sort_by_key(|entry| entry.index);
            commitments.dedup_by_key(|entry| entry.index);
        }
        let extra = Extra { entry: entry.entry.clone(), policies, commitments };
        ProofFile {
            extra: Some(extra.to_string().into_bytes()),
            index: entry.index,
            proof: entry.proof.clone(),
            checkpoint: self.checkpoint.clone(),
        }
    }
}

/// The entry that a receipt is for: what was sent, unless it says otherwise.
fn entry_json(receipt: &BatchReceipt, sent: &Envelope) -> EntryJson {
    let entry = receipt.entry.clone().unwrap_or_else(|| encode_base64(&sent.to_canonical()));
    EntryJson { index: receipt.index, entry, proof: receipt.proof.clone() }
}

/// A policy is allowed when it is among those of the basis, which were judged with it.
fn check_policy_is_listed(
    (at, signed): &(Moment, SignedStatement),
    grounds: &Grounds,
) -> Result<(), Distrust> {
    let listed = || grounds.timeline.policies().iter().any(|dated| dated.index == at.index);
    match &signed.statement {
        Statement::Policy(_) if !listed() => {
            Err(malformed("a policy that it says is logged is not among the log's policies"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;

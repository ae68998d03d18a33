//! Receipts: what was sent is proven to be in the tree, whoever signed it.

use std::borrow::Cow;
use std::sync::atomic::Ordering;

use log_core::api::{BatchLine, BatchReceipt, Committed, Receipt, ReceiptStatus};
use log_core::dsse::Envelope;
use log_core::hash::{Hash, decode_base64, leaf_hash};
use log_core::proof::verify_inclusion;
use log_core::proof_file::{Extra, ProofFile};
use log_core::trust_policy::TrustedCheckpoint;
use log_core::verdict::{Distrust, check_basis, check_proof_file};

use super::super::batch;
use super::super::http::Answer;
use super::{Judge, Said, Seen, kind};

impl Judge {
    /// The answer to one statement.
    pub(super) fn receipt(&self, statement: u64, sent: &[u8], answer: &Answer) -> Result<Said, Distrust> {
        if answer.status == 202 {
            let committed: Committed =
                serde_json::from_slice(&answer.body).map_err(|error| malformed(&error.to_string()))?;
            return Ok(Said::Committed { statement, index: committed.index });
        }
        let receipt: Receipt = serde_json::from_slice(&answer.body)
            .map_err(|error| malformed(&format!("not a receipt: {error}")))?;
        let file =
            ProofFile::parse(receipt.proof.as_bytes()).map_err(|error| malformed(&error.to_string()))?;
        let Seen { checkpoint, basis_checked } = &*self.open(&file.checkpoint)?;
        if !basis_checked.swap(true, Ordering::Relaxed) {
            check_proof_file(&self.session.log.trust.genesis, checkpoint, &file)?;
        }
        let extra = file.extra.as_deref().map(Extra::parse);
        let Some(Ok(extra)) = extra else { return Err(malformed("the proof has no entry")) };
        if receipt.index != file.index || decode_base64(&receipt.entry).as_ref() != Some(&extra.entry) {
            return Err(malformed("receipt and proof are of different entries"));
        }
        check_same(sent, &extra.entry)?;
        check_included(&extra.entry, file.index, &file.proof, checkpoint)?;
        let again = receipt.status == ReceiptStatus::AlreadyLogged;
        Ok(Said::Logged { statement, index: file.index, again })
    }

    /// The answer to several.
    pub(super) fn batch(
        &self,
        statements: &[u64],
        sent: &[u8],
        answer: &[u8],
    ) -> Result<Vec<Said>, Distrust> {
        let (lines, end) = batch::parse(answer, statements.len()).map_err(|what| malformed(&what))?;
        let Seen { checkpoint, basis_checked } = &*self.open(&end.checkpoint)?;
        if !basis_checked.swap(true, Ordering::Relaxed) {
            check_basis(&self.session.log.trust.genesis, checkpoint, &end.basis)?;
        }
        let sent = sent.split(|byte| *byte == b'\n');
        let said = |((statement, sent), line): ((&u64, &[u8]), BatchLine)| match line {
            BatchLine::Logged(receipt) => logged(*statement, sent, &receipt, checkpoint),
            BatchLine::Committed(Committed { index }) => Ok(Said::Committed { statement: *statement, index }),
            BatchLine::Problem(problem) => Ok(Said::Not(kind(&problem).to_owned())),
        };
        statements.iter().zip(sent).zip(lines).map(said).collect()
    }
}

fn logged(
    statement: u64,
    sent: &[u8],
    receipt: &BatchReceipt,
    checkpoint: &TrustedCheckpoint,
) -> Result<Said, Distrust> {
    let BatchReceipt { index, status, entry, proof } = receipt;
    let entry = match entry {
        Some(entry) => Cow::Owned(decode_base64(entry).ok_or_else(|| malformed("an entry is not base64"))?),
        None => Cow::Borrowed(sent),
    };
    let proof: Option<Vec<Hash>> = proof.iter().map(|hash| Hash::parse_base64(hash)).collect();
    let proof = proof.ok_or_else(|| malformed("a proof is not base64"))?;
    check_same(sent, &entry)?;
    check_included(&entry, *index, &proof, checkpoint)?;
    Ok(Said::Logged { statement, index: *index, again: *status == ReceiptStatus::AlreadyLogged })
}

/// What is logged says what was sent; its signatures may be other ones.
fn check_same(sent: &[u8], logged: &[u8]) -> Result<(), Distrust> {
    let payload =
        |bytes: &[u8]| Envelope::parse_canonical(bytes).ok().map(|envelope| envelope.payload_digest());
    if sent == logged || payload(logged).is_some_and(|logged| Some(logged) == payload(sent)) {
        return Ok(());
    }
    Err(malformed("the entry is not the statement that was sent"))
}

fn check_included(
    entry: &[u8],
    index: u64,
    proof: &[Hash],
    checkpoint: &TrustedCheckpoint,
) -> Result<(), Distrust> {
    let open = &checkpoint.checkpoint;
    verify_inclusion(leaf_hash(entry), index, open.size(), open.root(), proof)
        .map_err(|error| Distrust::NotIncluded { index, error })
}

fn malformed(what: &str) -> Distrust {
    Distrust::Malformed(what.to_owned())
}

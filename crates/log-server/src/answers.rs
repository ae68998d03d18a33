//! What the log says under a published tree, with all proofs: receipts and look-ups.
//!
//! Everything is computed from the tree, so that two answers under one checkpoint agree;
//! nothing is decided here.

use std::collections::BTreeSet;

use log_core::api::{
    BatchEnd, BatchLine, BatchReceipt, Committed, EntryJson, LookupAnswer, LookupKey, LookupRequest,
    LookupResult, Receipt, ReceiptStatus,
};
use log_core::basis::Basis;
use log_core::entry::IndexKey;
use log_core::hash::encode_base64;
use log_core::limits::{MAX_LOOKUP_ANSWER_ENTRY_BYTES, MAX_LOOKUP_ENTRIES};
use log_core::map_proof::{MapProof, MapProofJson};
use log_core::proof_file::{Extra, ProofFile, ProvenEntry};
use log_core::timeline;

use crate::app::AppError;
use crate::pool::Admitted;
use crate::published::Published;
use crate::reader::Reader;
use crate::view::{Scope, View};

/// Answers under one tree.
#[derive(Debug, Clone, Copy)]
pub struct Answers<'a> {
    /// The tree.
    pub tree: &'a Published,
    /// Where things are.
    pub view: &'a View,
    /// What they are, and their proofs.
    pub reader: &'a Reader,
    /// What the index has under the policy's key, and under the others that were asked
    /// for, in their order; all under this very tree.
    pub maps: &'a [MapProof],
}

impl Answers<'_> {
    /// The receipt of an entry of the tree; `sent` is the entry when it is new, so that
    /// it need not be read again.
    pub fn receipt(&self, admitted: Admitted, sent: Option<Vec<u8>>) -> Result<Receipt, AppError> {
        let entry = match sent.filter(|_| !admitted.again) {
            Some(entry) => entry,
            None => self.reader.entry(admitted.index, self.tree.size)?,
        };
        let encoded = encode_base64(&entry);
        let proof = self.proof_file(admitted.index, entry)?.to_string();
        Ok(Receipt { index: admitted.index, status: status(admitted), entry: encoded, proof })
    }

    /// The lines for several submissions, `sent` as they were, and the closing line.
    pub fn batch(
        &self,
        admitted: Vec<Result<Admitted, AppError>>,
        sent: &[Vec<u8>],
    ) -> Result<(Vec<Result<BatchLine, AppError>>, BatchEnd), AppError> {
        let (mut lines, mut indices) = (Vec::with_capacity(admitted.len()), Vec::new());
        for (admitted, sent) in admitted.into_iter().zip(sent) {
            lines.push(match admitted {
                Ok(Admitted { index, .. }) if index >= self.tree.size => {
                    Ok(BatchLine::Committed(Committed { index }))
                }
                Ok(admitted) => {
                    indices.push(admitted.index);
                    Ok(BatchLine::Logged(self.batch_receipt(admitted, sent)?))
                }
                Err(error) => Err(error),
            });
        }
        let end = BatchEnd { checkpoint: self.tree.checkpoint.clone(), basis: self.basis(&indices)? };
        Ok((lines, end))
    }

    /// The answer to a look-up.
    pub fn lookup(&self, request: &LookupRequest) -> Result<LookupAnswer, AppError> {
        let mut wanted = BTreeSet::new();
        let mut results = Vec::with_capacity(request.keys.len());
        let mut maps = self.maps.iter().skip(1);
        for key in &request.keys {
            let map = key.index_key().and_then(|_| maps.next());
            results.push(self.result(key, map, &mut wanted)?);
        }
        let mut entries = Vec::with_capacity(wanted.len());
        let mut bytes = 0;
        for index in wanted {
            let entry = EntryJson::new(&self.reader.proven(index, self.tree)?);
            bytes += entry.entry.len();
            entries.push(entry);
            if bytes > MAX_LOOKUP_ANSWER_ENTRY_BYTES {
                cut(&mut results, index + 1);
                break;
            }
        }
        let indices: Vec<u64> = entries.iter().map(|entry| entry.index).collect();
        let basis = self.basis(&indices)?;
        Ok(LookupAnswer { checkpoint: self.tree.checkpoint.clone(), basis, results, entries })
    }

    /// What the entries with these indices are judged on.
    fn basis(&self, indices: &[u64]) -> Result<Basis, AppError> {
        let policies = self.tree.timeline.policies();
        let last =
            self.tree.size.checked_sub(1).filter(|_| !policies.is_empty()).ok_or(AppError::NoPolicy)?;
        let json = |index| Ok::<_, AppError>(EntryJson::new(&self.reader.proven(index, self.tree)?));
        let mut dated: BTreeSet<u64> = BTreeSet::new();
        if self.tree.timeline.depends_on_time() {
            let policies = policies.iter().map(|policy| policy.index);
            dated = self.commitments(policies.chain(indices.iter().copied()))?;
            dated.remove(&last);
        }
        Ok(Basis {
            commitment: json(last)?,
            policies: self.policies()?.iter().map(EntryJson::new).collect(),
            policy_map: self.maps.first().map(MapProofJson::from).ok_or(AppError::Unavailable)?,
            commitments: dated.into_iter().map(json).collect::<Result<_, _>>()?,
        })
    }

    /// The offline proof of an entry: with the policies up to the one it was made under.
    fn proof_file(&self, index: u64, entry: Vec<u8>) -> Result<ProofFile, AppError> {
        let proven = |index| Ok::<ProvenEntry, AppError>(self.reader.proven(index, self.tree)?);
        let policies = self.tree.timeline.policies().iter().filter(|policy| policy.index <= index);
        let policies: Vec<_> = policies.collect();
        let mut commitments = Vec::new();
        if timeline::depends_on_time(policies.iter().map(|dated| &dated.policy)) {
            let indices = policies.iter().map(|policy| policy.index).chain([index]);
            for index in self.commitments(indices)? {
                commitments.push(proven(index)?);
            }
        }
        let policies = self.policies()?.iter().take_while(|policy| policy.index <= index).cloned().collect();
        let extra = Extra { entry, policies, commitments };
        Ok(ProofFile {
            extra: Some(extra.to_string().into_bytes()),
            index,
            proof: self.reader.inclusion(index, self.tree)?,
            checkpoint: self.tree.checkpoint.clone(),
        })
    }

    fn policies(&self) -> Result<&[ProvenEntry], AppError> {
        self.tree.policies(|index| Ok(self.reader.proven(index, self.tree)?))
    }

    fn batch_receipt(&self, admitted: Admitted, sent: &[u8]) -> Result<BatchReceipt, AppError> {
        let mut entry = None;
        if admitted.again {
            let logged = self.reader.entry(admitted.index, self.tree.size)?;
            entry = (logged != sent).then(|| encode_base64(&logged));
        }
        let proof = self.reader.inclusion(admitted.index, self.tree)?;
        let proof = proof.iter().map(|hash| hash.to_base64()).collect();
        Ok(BatchReceipt { index: admitted.index, status: status(admitted), entry, proof })
    }

    /// The commitments that date these entries.
    fn commitments(&self, indices: impl IntoIterator<Item = u64>) -> Result<BTreeSet<u64>, AppError> {
        let mut found = BTreeSet::new();
        for index in indices {
            found.extend(self.view.commitment_after(index)?);
        }
        Ok(found)
    }

    /// The published entries that concern a key, as long as there is room.
    fn result(
        &self,
        key: &LookupKey,
        map: Option<&MapProof>,
        wanted: &mut BTreeSet<u64>,
    ) -> Result<LookupResult, AppError> {
        // One more than fits tells whether there are more.
        let room = MAX_LOOKUP_ENTRIES - wanted.len().min(MAX_LOOKUP_ENTRIES);
        let (from, limit) = (key.from(), room + 1);
        let by_key = |key: IndexKey| self.view.by_key(&key, from, limit, Scope::Settled);
        let mut entries = match key.clone() {
            LookupKey::File { project, name, .. } => by_key(IndexKey::File(project, name))?,
            LookupKey::Release { project, version, .. } => by_key(IndexKey::Release(project, version))?,
            LookupKey::Digest { sha256, .. } => self.view.by_digest(sha256.0, from, limit)?,
            LookupKey::Project { name, .. } => by_key(IndexKey::Project(name))?,
        };
        entries.retain(|index| *index < self.tree.size);
        let next = entries.get(room).copied();
        entries.truncate(room);
        wanted.extend(&entries);
        Ok(LookupResult { entries, next, map: map.map(MapProofJson::from) })
    }
}

fn status(admitted: Admitted) -> ReceiptStatus {
    if admitted.again { ReceiptStatus::AlreadyLogged } else { ReceiptStatus::Logged }
}

/// Ends the results before the entry `end`.
fn cut(results: &mut [LookupResult], end: u64) {
    for result in results {
        if let Some(first_cut) = result.entries.iter().position(|index| *index >= end) {
            result.next = result.entries.get(first_cut).copied();
            result.entries.truncate(first_cut);
        }
    }
}

//! A whole log in memory, and the answers it gives.
//!
//! It admits whatever it is given, and signs it; its answers are honest about that. So
//! it can be an honest log, or one that has broken a rule. What lies about its own tree
//! is made from its answers by whoever needs that.

use std::collections::BTreeSet;

use crate::api::{
    BatchEnd, BatchLine, BatchReceipt, EntryJson, LookupAnswer, LookupKey, LookupResult, Receipt,
    ReceiptStatus,
};
use crate::basis::Basis;
use crate::bundle::push_entry;
use crate::checkpoint::Checkpoint;
use crate::commitment::IndexCommitment;
use crate::consistency;
use crate::dsse::Envelope;
use crate::entry::{Entry, IndexKey, SignedStatement};
use crate::hash::{Hash, encode_base64, leaf_hash};
use crate::index::VerifiableIndex;
use crate::map_proof::MapProofJson;
use crate::policy::Policy;
use crate::proof_file::{Extra, ProofFile, ProvenEntry};
use crate::statement::Statement;
use crate::testing::key;
use crate::tile::{Level, TileId};
use crate::timeline::depends_on_time;
use crate::toy::ToyLog;

/// The log `log.example`.
#[derive(Debug, Clone, Default)]
pub struct SmallLog {
    tree: ToyLog,
    entries: Vec<Vec<u8>>,
    /// Which entries concern a key, in the order of the entries.
    lists: Vec<(Hash, u64)>,
    index: VerifiableIndex,
    policies: Vec<(u64, Policy)>,
    /// The first entry after the newest commitment.
    first: u64,
}

impl SmallLog {
    /// A log of these statements, and the commitment after them.
    pub fn with(statements: &[SignedStatement]) -> Self {
        let mut log = Self::default();
        log.round(1_000, statements);
        log
    }

    /// Adds these statements, and the commitment after them.
    pub fn round(&mut self, time: u64, statements: &[SignedStatement]) {
        for signed in statements {
            self.push(signed);
        }
        self.commit(self.commitment(time));
    }

    /// Adds a statement; its round is not over.
    pub fn push(&mut self, signed: &SignedStatement) {
        let index = self.size();
        let keys: Vec<Hash> = signed.index_keys().iter().map(IndexKey::hash).collect();
        self.push_bytes(signed.envelope.to_canonical(), &keys);
        if let Statement::Policy(policy) = &signed.statement {
            self.policies.push((index, policy.policy.clone()));
        }
    }

    /// Adds any bytes, to the lists of these keys.
    pub fn push_bytes(&mut self, entry: Vec<u8>, keys: &[Hash]) {
        let index = self.size();
        self.lists.extend(keys.iter().map(|key| (*key, index)));
        self.index.add(index, keys.iter().copied());
        self.tree.push(leaf_hash(&entry));
        self.entries.push(entry);
    }

    /// The commitment that an honest log would make now.
    pub fn commitment(&self, time: u64) -> IndexCommitment {
        IndexCommitment { size: self.size(), root: self.index.root(), time, first: self.first }
    }

    /// Ends the round with a commitment, true or not.
    pub fn commit(&mut self, commitment: IndexCommitment) {
        self.push_bytes(commitment.to_string().into_bytes(), &[]);
        self.first = self.size();
    }

    /// How many entries it has.
    pub fn size(&self) -> u64 {
        self.tree.edge.size()
    }

    /// Its root.
    pub fn root(&self) -> Hash {
        self.tree.edge.root()
    }

    /// Its entries.
    pub fn entries(&self) -> &[Vec<u8>] {
        &self.entries
    }

    /// Its signed checkpoint.
    pub fn checkpoint(&self) -> String {
        let origin = "log.example".to_owned();
        let checkpoint = Checkpoint { origin, size: self.size(), root: self.root(), extensions: vec![] };
        checkpoint.sign(&key("log.example")).to_string()
    }

    /// An entry with its inclusion proof.
    pub fn proven(&self, index: u64) -> ProvenEntry {
        let at = usize::try_from(index).expect("a small log");
        ProvenEntry { index, entry: self.entries[at].clone(), proof: self.tree.inclusion(index) }
    }

    /// The same as it travels.
    pub fn json(&self, index: u64) -> EntryJson {
        EntryJson::new(&self.proven(index))
    }

    /// The proof that its tree grew from its first `old` entries.
    pub fn consistency(&self, old: u64) -> Vec<Hash> {
        self.tree.consistency(old)
    }

    /// The root over its first `old` entries.
    pub fn root_at(&self, old: u64) -> Hash {
        let size = self.size();
        if old == size { self.root() } else { consistency::root_at(old, size, |id| self.tree.tile(id)) }
    }

    /// What a static server has at this path: the checkpoint, a tile or a bundle.
    pub fn file(&self, path: &str) -> Option<Vec<u8>> {
        if path == "checkpoint" {
            return Some(self.checkpoint().into_bytes());
        }
        let id = TileId::parse(path)?;
        let start = usize::try_from(id.index).ok()? * 256;
        let width = usize::from(id.width);
        if id.level == Level::Entries {
            let mut bundle = Vec::new();
            let entries = self.entries.get(start..start + width)?;
            for entry in entries {
                push_entry(&mut bundle, entry);
            }
            return Some(bundle);
        }
        let items = self.tree.items(id)?;
        Some(items.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }

    /// The offline proof of an entry.
    pub fn proof_file(&self, index: u64) -> ProofFile {
        let ProvenEntry { index, entry, proof } = self.proven(index);
        let policies = self.policies.iter().filter(|(policy, _)| *policy <= index);
        let indices: Vec<u64> = policies.clone().map(|(policy, _)| *policy).chain([index]).collect();
        let dated = if depends_on_time(policies.clone().map(|(_, policy)| policy)) {
            self.dating(&indices)
        } else {
            BTreeSet::new()
        };
        let extra = Extra {
            entry,
            policies: policies.map(|(policy, _)| self.proven(*policy)).collect(),
            commitments: dated.into_iter().map(|index| self.proven(index)).collect(),
        };
        let extra = Some(extra.to_string().into_bytes());
        ProofFile { extra, index, proof, checkpoint: self.checkpoint() }
    }

    /// What these entries are judged on.
    pub fn basis(&self, indices: &[u64]) -> Basis {
        let last = self.size() - 1;
        let policies = self.policies.iter().map(|(index, _)| *index);
        let mut commitments = BTreeSet::new();
        if depends_on_time(self.policies.iter().map(|(_, policy)| policy)) {
            commitments = self.dating(&policies.clone().chain(indices.iter().copied()).collect::<Vec<_>>());
            commitments.remove(&last);
        }
        Basis {
            commitment: self.json(last),
            policies: policies.map(|index| self.json(index)).collect(),
            policy_map: self.map_proof(&IndexKey::Policy),
            commitments: commitments.into_iter().map(|index| self.json(index)).collect(),
        }
    }

    /// The whole answer about these keys.
    pub fn answer(&self, keys: &[LookupKey]) -> LookupAnswer {
        let lists: Vec<_> = keys.iter().map(|key| (key.clone(), self.listed(key))).collect();
        self.answer_listing(&lists)
    }

    /// An answer that has these entries for these keys.
    pub fn answer_listing(&self, lists: &[(LookupKey, Vec<u64>)]) -> LookupAnswer {
        let wanted: BTreeSet<u64> = lists.iter().flat_map(|(_, entries)| entries.iter().copied()).collect();
        let indices: Vec<u64> = wanted.into_iter().collect();
        let result = |(key, entries): &(LookupKey, Vec<u64>)| LookupResult {
            entries: entries.clone(),
            next: None,
            map: key.index_key().map(|key| self.map_proof(&key)),
        };
        LookupAnswer {
            checkpoint: self.checkpoint(),
            basis: self.basis(&indices),
            results: lists.iter().map(result).collect(),
            entries: indices.into_iter().map(|index| self.json(index)).collect(),
        }
    }

    /// The entries that concern a key.
    pub fn listed(&self, key: &LookupKey) -> Vec<u64> {
        let hash = key.index_key().map(|key| key.hash());
        let by_key = self.lists.iter().filter(|(key, _)| Some(*key) == hash).map(|(_, index)| *index);
        match key {
            LookupKey::Digest { sha256, .. } => {
                (0..self.size()).filter(|index| self.names_digest(*index, sha256.0)).collect()
            }
            _ => by_key.collect(),
        }
    }

    /// The entry that a statement is; the newest, if it was logged more than once.
    pub fn position(&self, envelope: &Envelope) -> Option<u64> {
        let is_it = |index: &u64| {
            let statement = self.statement(*index);
            statement.is_some_and(|signed| signed.envelope.payload() == envelope.payload())
        };
        (0..self.size()).rev().find(is_it)
    }

    /// The receipt of an entry.
    pub fn receipt(&self, index: u64) -> Receipt {
        let proof = self.proof_file(index).to_string();
        let entry = encode_base64(&self.proven(index).entry);
        Receipt { index, status: ReceiptStatus::AlreadyLogged, entry, proof }
    }

    /// The answer to a submission of these statements, all of which it has.
    ///
    /// # Panics
    /// When it does not have one of them.
    pub fn batch(&self, sent: &[Envelope]) -> (Vec<BatchLine>, BatchEnd) {
        let indices: Vec<u64> =
            sent.iter().map(|envelope| self.position(envelope).expect("it is logged")).collect();
        let line = |(index, envelope): (&u64, &Envelope)| {
            let ProvenEntry { entry, proof, .. } = self.proven(*index);
            let entry = (entry != envelope.to_canonical()).then(|| encode_base64(&entry));
            let proof = proof.iter().map(|hash| hash.to_base64()).collect();
            BatchLine::Logged(BatchReceipt {
                index: *index,
                status: ReceiptStatus::AlreadyLogged,
                entry,
                proof,
            })
        };
        let lines = indices.iter().zip(sent).map(line).collect();
        (lines, BatchEnd { checkpoint: self.checkpoint(), basis: self.basis(&indices) })
    }

    /// The proof from its index of what it has under a key.
    pub fn map_proof(&self, key: &IndexKey) -> MapProofJson {
        MapProofJson::from(&self.index.map().prove(key.hash().as_bytes()))
    }

    fn statement(&self, index: u64) -> Option<SignedStatement> {
        match Entry::parse(self.entries.get(usize::try_from(index).ok()?)?) {
            Ok(Entry::Statement(signed)) => Some(*signed),
            _ => None,
        }
    }

    fn names_digest(&self, index: u64, sha256: Hash) -> bool {
        match self.statement(index).map(|signed| signed.statement) {
            Some(Statement::Release(release)) => release.files.iter().any(|file| file.sha256 == sha256),
            Some(Statement::Withdrawal(withdrawal)) => {
                withdrawal.files.iter().any(|file| file.sha256 == sha256)
            }
            _ => false,
        }
    }

    /// The first commitments after these entries, which say their times.
    fn dating(&self, indices: &[u64]) -> BTreeSet<u64> {
        let is_commitment = |index: &u64| {
            let entry = usize::try_from(*index).ok().and_then(|index| self.entries.get(index));
            entry.is_some_and(|entry| matches!(Entry::parse(entry), Ok(Entry::Commitment(_))))
        };
        indices.iter().filter_map(|index| (index + 1..self.size()).find(is_commitment)).collect()
    }
}

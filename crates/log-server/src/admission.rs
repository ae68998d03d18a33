//! Which statements of a pool become entries: a pure function from the pool, the
//! policy in force and what is logged already.
//!
//! Statements of one round are judged in their order, each in the light of those
//! before it, as if every one had a round of its own.

use std::collections::HashMap;

use log_core::artifact::{FileName, ProjectName};
use log_core::entry::SignedStatement;
use log_core::hash::Hash;
use log_core::policy::Policy;
use log_core::rules::{self, Genesis, Logged, Refusal};
use log_core::statement::Statement;

/// What is logged already.
pub trait Known {
    /// Why it could not be asked.
    type Error;

    /// The entry with this payload.
    fn payload(&self, digest: &Hash) -> Result<Option<u64>, Self::Error>;

    /// What is logged of a file of a project.
    fn file(&self, project: &ProjectName, file: &FileName) -> Result<Option<Logged>, Self::Error>;
}

/// A statement to judge.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// The statement.
    pub signed: &'a SignedStatement,
    /// The digest of its payload.
    pub payload_digest: Hash,
    /// The policy entry under which its signatures were found good before.
    pub authorised_under: Option<u64>,
}

/// What becomes of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// A new entry, with this index.
    New(u64),
    /// It is logged already, with this index.
    Again(u64),
    /// The rules do not allow it.
    Refused(Refusal),
}

/// The policy in force, and the entry that set it.
pub type InForce = Option<(u64, Policy)>;

/// Judges the statements of a round; new entries get indices from `size` on. The
/// policy in force afterwards is left in `policy`.
pub fn judge<K: Known>(
    candidates: &[Candidate<'_>],
    size: u64,
    genesis: &Genesis,
    policy: &mut InForce,
    known: &K,
) -> Result<Vec<Fate>, K::Error> {
    let mut round = Round { next: size, payloads: HashMap::new(), files: HashMap::new() };
    candidates.iter().map(|candidate| round.judge(*candidate, genesis, policy, known)).collect()
}

/// What this round has added so far.
struct Round {
    next: u64,
    payloads: HashMap<Hash, u64>,
    files: HashMap<(ProjectName, FileName), Logged>,
}

impl Round {
    fn judge<K: Known>(
        &mut self,
        candidate: Candidate<'_>,
        genesis: &Genesis,
        policy: &mut InForce,
        known: &K,
    ) -> Result<Fate, K::Error> {
        let earlier = match self.payloads.get(&candidate.payload_digest) {
            Some(index) => Some(*index),
            None => known.payload(&candidate.payload_digest)?,
        };
        if let Some(index) = earlier {
            return Ok(Fate::Again(index));
        }
        let in_force = policy.as_ref().map(|(index, _)| *index);
        if candidate.authorised_under.is_none() || candidate.authorised_under != in_force {
            let policy = policy.as_ref().map(|(_, policy)| policy);
            if let Err(refusal) = rules::authorise(candidate.signed, policy, genesis) {
                return Ok(Fate::Refused(refusal));
            }
        }
        match &candidate.signed.statement {
            Statement::Policy(statement) => *policy = Some((self.next, statement.policy.clone())),
            Statement::Release(release) => {
                let mut logged = HashMap::new();
                for file in &release.files {
                    let key = (release.project.clone(), file.name.clone());
                    let found = match self.files.get(&key) {
                        Some(logged) => Some(*logged),
                        None => known.file(&release.project, &file.name)?,
                    };
                    logged.extend(found.map(|found| (file.name.clone(), found)));
                }
                if let Err(refusal) = rules::check_write_once(release, |file| logged.get(file).copied()) {
                    return Ok(Fate::Refused(refusal));
                }
                for file in release.files.iter().filter(|file| !logged.contains_key(&file.name)) {
                    let logged = Logged { index: self.next, sha256: file.sha256 };
                    self.files.insert((release.project.clone(), file.name.clone()), logged);
                }
            }
        }
        self.payloads.insert(candidate.payload_digest, self.next);
        self.next += 1;
        Ok(Fate::New(self.next - 1))
    }
}

//! Which statements of a pool become entries: a pure function from the pool, the
//! policies and what is logged already.
//!
//! Statements of one round are judged in their order, each in the light of those
//! before it, as if every one had a round of its own.

use std::collections::HashMap;

use log_core::artifact::{FileName, ProjectName, Version};
use log_core::entry::SignedStatement;
use log_core::hash::Hash;
use log_core::policy::Policy;
use log_core::rules::{self, Genesis, Logged, Refusal};
use log_core::statement::{Release, ReleaseFile, Statement, Withdrawal};
use log_core::timeline::{Moment, Timeline};

/// What is logged already.
pub trait Known {
    /// Why it could not be asked.
    type Error;

    /// The newest entry with this payload, and who signed it when.
    fn payload(&self, digest: &Hash) -> Result<Option<Earlier>, Self::Error>;

    /// The newest release statement about this version of a project. When there is
    /// none, nothing about the version is logged: no file of it, and no payload.
    fn release(
        &self,
        project: &ProjectName,
        version: &Version,
    ) -> Result<Option<(u64, Vec<ReleaseFile>)>, Self::Error>;

    /// What is logged of a file of a project, or of the metadata of a wheel.
    fn file(&self, project: &ProjectName, file: &FileName) -> Result<Option<Logged>, Self::Error>;
}

/// An entry that says the same as a submission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Earlier {
    /// Its index.
    pub index: u64,
    /// Its time.
    pub time: Option<u64>,
    /// The key IDs that signed it.
    pub signers: Vec<String>,
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

/// Where the round stands.
#[derive(Debug, Clone, Copy)]
pub struct RoundStart<'a> {
    /// The index of its first entry.
    pub size: u64,
    /// The time that its commitment will say.
    pub time: u64,
    /// What the log was born with.
    pub genesis: &'a Genesis,
}

/// Judges the statements of a round. Policies among them are added to `timeline`.
pub fn judge<K: Known>(
    candidates: &[Candidate<'_>],
    start: RoundStart<'_>,
    timeline: &mut Timeline,
    known: &K,
) -> Result<Vec<Fate>, K::Error> {
    let mut round = Round::new(start, known);
    candidates.iter().map(|candidate| round.judge(*candidate, timeline)).collect()
}

/// What this round has added so far.
struct Round<'a, K> {
    start: RoundStart<'a>,
    known: &'a K,
    next: u64,
    payloads: HashMap<Hash, u64>,
    files: HashMap<(ProjectName, FileName), Logged>,
    /// By project and canonical version.
    releases: HashMap<(ProjectName, String), (u64, Vec<ReleaseFile>)>,
}

impl<'a, K: Known> Round<'a, K> {
    fn new(start: RoundStart<'a>, known: &'a K) -> Self {
        Self {
            start,
            known,
            next: start.size,
            payloads: HashMap::new(),
            files: HashMap::new(),
            releases: HashMap::new(),
        }
    }

    fn judge(&mut self, candidate: Candidate<'_>, timeline: &mut Timeline) -> Result<Fate, K::Error> {
        if let Some(index) = self.payloads.get(&candidate.payload_digest) {
            return Ok(Fate::Again(*index));
        }
        let at = Moment { index: self.next, time: Some(self.start.time) };
        let fate = match &candidate.signed.statement {
            Statement::Release(release) => self.judge_release(candidate, release, at, timeline)?,
            Statement::Withdrawal(withdrawal) => {
                self.judge_withdrawal(candidate, withdrawal, at, timeline)?
            }
            Statement::Policy(policy) => self.judge_policy(candidate, &policy.policy, at, timeline)?,
        };
        if matches!(fate, Fate::New(_)) {
            self.payloads.insert(candidate.payload_digest, self.next);
            self.next += 1;
        }
        Ok(fate)
    }

    fn judge_policy(
        &self,
        candidate: Candidate<'_>,
        policy: &Policy,
        at: Moment,
        timeline: &mut Timeline,
    ) -> Result<Fate, K::Error> {
        if let Some(index) = self.again(candidate, timeline, at)? {
            return Ok(Fate::Again(index));
        }
        if let Err(refusal) = rules::authorise(candidate.signed, at, timeline, self.start.genesis) {
            return Ok(Fate::Refused(refusal));
        }
        let bytes = candidate.signed.envelope.to_canonical().len();
        let pushed = timeline.push(at, bytes, policy.clone()).map_err(Refusal::PolicyHistoryFull);
        Ok(pushed.map_or_else(Fate::Refused, |()| Fate::New(at.index)))
    }

    fn judge_release(
        &mut self,
        candidate: Candidate<'_>,
        release: &Release,
        at: Moment,
        timeline: &Timeline,
    ) -> Result<Fate, K::Error> {
        let key = (release.project.clone(), release.version.canonical());
        let earlier = match self.releases.get(&key) {
            Some(earlier) => Some(earlier.clone()),
            None => self.known.release(&release.project, &release.version)?,
        };
        // Of a version that is new no file is known, so there is nothing to ask for.
        let mut logged = HashMap::new();
        if earlier.is_some() {
            if let Some(index) = self.again(candidate, timeline, at)? {
                return Ok(Fate::Again(index));
            }
            let listed = earlier.iter().flat_map(|(_, files)| files);
            for file in release.files.iter().chain(listed) {
                if !logged.contains_key(&file.name) {
                    let found = self.file(&release.project, &file.name)?;
                    logged.extend(found.map(|found| (file.name.clone(), found)));
                }
            }
        }
        if let Err(refusal) = self.authorise(candidate, at, timeline) {
            return Ok(Fate::Refused(refusal));
        }
        let known = |file: &FileName| logged.get(file).copied();
        let earlier = earlier.as_ref().map(|(index, files)| (*index, files.as_slice()));
        if let Err(refusal) = rules::check_release(release, known, earlier) {
            return Ok(Fate::Refused(refusal));
        }
        for file in release.files.iter().filter(|file| !logged.contains_key(&file.name)) {
            let logged = Logged { index: self.next, sha256: file.sha256, withdrawn: None };
            self.files.insert((release.project.clone(), file.name.clone()), logged);
        }
        self.releases.insert(key, (self.next, release.files.clone()));
        Ok(Fate::New(self.next))
    }

    fn judge_withdrawal(
        &mut self,
        candidate: Candidate<'_>,
        withdrawal: &Withdrawal,
        at: Moment,
        timeline: &Timeline,
    ) -> Result<Fate, K::Error> {
        if let Some(index) = self.again(candidate, timeline, at)? {
            return Ok(Fate::Again(index));
        }
        if let Err(refusal) = self.authorise(candidate, at, timeline) {
            return Ok(Fate::Refused(refusal));
        }
        let mut logged = HashMap::new();
        for file in &withdrawal.files {
            let found = self.file(&withdrawal.project, &file.name)?;
            logged.extend(found.map(|found| (file.name.clone(), found)));
        }
        if let Err(refusal) = rules::check_withdrawal(withdrawal, |file| logged.get(file).copied()) {
            return Ok(Fate::Refused(refusal));
        }
        // The metadata of a withdrawn wheel goes with it; `Known` and the next line see to
        // that for files that this round knows.
        let project = &withdrawal.project;
        for ((of, name), logged) in &mut self.files {
            if of == project && withdrawal.file(name).is_some() {
                logged.withdrawn.get_or_insert(self.next);
            }
        }
        for (name, mut logged) in logged {
            logged.withdrawn.get_or_insert(self.next);
            self.files.insert((project.clone(), name), logged);
        }
        Ok(Fate::New(self.next))
    }

    fn authorise(&self, candidate: Candidate<'_>, at: Moment, timeline: &Timeline) -> Result<(), Refusal> {
        let in_force = timeline.in_force(at);
        match in_force {
            // The signatures were verified under this very policy.
            Some(dated) if candidate.authorised_under == Some(dated.index) => {
                rules::permit(candidate.signed, &dated.policy, at.time)
            }
            _ => rules::authorise(candidate.signed, at, timeline, self.start.genesis),
        }
    }

    /// The entry that says the same, unless its keys have been revoked since: then the
    /// statement may be made once more, with other keys.
    fn again(
        &self,
        candidate: Candidate<'_>,
        timeline: &Timeline,
        at: Moment,
    ) -> Result<Option<u64>, K::Error> {
        let Some(earlier) = self.known.payload(&candidate.payload_digest)? else { return Ok(None) };
        let revoked = timeline.in_force(at).is_some_and(|dated| {
            let revoked = |keyid: &String| dated.policy.revoked_since(keyid, earlier.time).is_some();
            earlier.signers.iter().any(revoked)
        });
        Ok((!revoked).then_some(earlier.index))
    }

    fn file(&self, project: &ProjectName, file: &FileName) -> Result<Option<Logged>, K::Error> {
        let in_round = |name: &FileName| self.files.get(&(project.clone(), name.clone()));
        if let Some(logged) = in_round(file) {
            return Ok(Some(*logged));
        }
        let mut found = self.known.file(project, file)?;
        // A wheel that this round withdraws takes its metadata with it.
        if let (Some(logged), Some(wheel)) = (&mut found, file.metadata_of()) {
            logged.withdrawn = logged.withdrawn.or(in_round(&wheel).and_then(|wheel| wheel.withdrawn));
        }
        Ok(found)
    }
}

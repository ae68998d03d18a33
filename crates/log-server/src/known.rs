//! What the single writer asks of the log before it takes a statement: answered from the
//! view, which says where, and the entries themselves, which say what.
//!
//! Nothing is believed that the view alone says: it is derived, and an entry costs one
//! read.

use anyhow::{Context as _, bail};
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::commitment::IndexCommitment;
use log_core::entry::{Entry, IndexKey, SignedStatement};
use log_core::hash::Hash;
use log_core::rules::Logged;
use log_core::statement::{ReleaseFile, Statement};

use crate::admission::{Earlier, Known};
use crate::reader::Reader;
use crate::view::{Scope, View};

/// The log as the writer knows it: all entries before `size`.
#[derive(Debug, Clone, Copy)]
pub struct Log<'a> {
    /// Where entries are.
    pub view: &'a View,
    /// What they are.
    pub reader: &'a Reader,
    /// How many of them there are.
    pub size: u64,
}

impl Log<'_> {
    /// The statement that an entry is.
    pub fn statement(&self, index: u64) -> anyhow::Result<SignedStatement> {
        match Entry::parse(&self.reader.entry(index, self.size)?) {
            Ok(Entry::Statement(signed)) => Ok(*signed),
            Ok(Entry::Commitment(_)) => bail!("the view takes entry {index} for a statement"),
            Err(error) => Err(error).with_context(|| format!("entry {index}")),
        }
    }

    /// The commitment that says the time of an entry.
    pub fn commitment_dating(&self, index: u64) -> anyhow::Result<IndexCommitment> {
        let at = self.view.commitment_after(index)?.context("the view has no commitment after an entry")?;
        let entry = self.reader.entry(at, self.size)?;
        let commitment = str::from_utf8(&entry).ok().and_then(IndexCommitment::parse);
        commitment
            .filter(|commitment| commitment.dates(index))
            .with_context(|| format!("entry {at} is not the commitment that dates entry {index}"))
    }
}

impl Known for Log<'_> {
    type Error = anyhow::Error;

    fn payload(&self, digest: &Hash) -> anyhow::Result<Option<Earlier>> {
        let Some(index) = self.view.payload(digest, Scope::All)? else { return Ok(None) };
        let signed = self.statement(index)?;
        if signed.envelope.payload_digest() != *digest {
            bail!("the view takes entry {index} for another statement");
        }
        let signers = signed.envelope.signatures().iter().map(|signature| signature.keyid.clone());
        let time = Some(self.commitment_dating(index)?.time);
        Ok(Some(Earlier { index, time, signers: signers.collect() }))
    }

    fn release(
        &self,
        project: &ProjectName,
        version: &Version,
    ) -> anyhow::Result<Option<(u64, Vec<ReleaseFile>)>> {
        let key = IndexKey::Release(project.clone(), version.clone());
        // After it there may be withdrawals of it.
        for index in self.view.newest_by_key(&key, usize::MAX)? {
            if let Statement::Release(release) = self.statement(index)?.statement {
                return Ok(Some((index, release.files)));
            }
        }
        Ok(None)
    }

    fn file(&self, project: &ProjectName, file: &FileName) -> anyhow::Result<Option<Logged>> {
        let key = |file: &FileName| IndexKey::File(project.clone(), file.clone());
        let mut logged: Option<Logged> = None;
        let mut indices = self.view.by_key(&key(file), 0, usize::MAX, Scope::All)?;
        if let Some(wheel) = file.metadata_of() {
            // Withdrawals name the wheel.
            indices.extend(self.view.by_key(&key(&wheel), 0, usize::MAX, Scope::All)?);
            indices.sort_unstable();
            indices.dedup();
        }
        for index in indices {
            match (self.statement(index)?.statement, &mut logged) {
                (Statement::Release(release), None) => {
                    let sha256 = release.file(file).map(|file| file.sha256);
                    logged = sha256.map(|sha256| Logged { index, sha256, withdrawn: None });
                }
                (Statement::Withdrawal(withdrawal), Some(logged)) if withdrawal.file(file).is_some() => {
                    logged.withdrawn.get_or_insert(index);
                }
                _ => {}
            }
        }
        Ok(logged)
    }
}

//! What a verdict asks of the facts, and two ways to find it: by reading all of them, which
//! is right for a file or two, and by maps, which is right for all files of a project.
//!
//! Invariant: both find the same, in log order; the model test compares them.

use std::collections::{HashMap, HashSet};

use super::Facts;
use crate::artifact::{FileName, ProjectName, Version};
use crate::hash::Hash;
use crate::history::Recorded;
use crate::policy::Policy;
use crate::statement::{Release, Withdrawal};

/// A release that names a file, and the digest that it gives.
pub type Naming<'a> = (&'a Recorded<Release>, Hash);

/// What a verdict asks of the facts.
pub trait Records {
    /// The policy in force.
    fn policy(&self) -> &Policy;
    /// The releases that name the file, of any project.
    fn naming(&self, file: &FileName) -> Vec<Naming<'_>>;
    /// The first withdrawal of the file, or of the wheel whose metadata it is.
    fn withdrawal(&self, project: &ProjectName, file: &FileName) -> Option<&Recorded<Withdrawal>>;
    /// Whether any file of the version is logged.
    fn has_release(&self, project: &ProjectName, version: &Version) -> bool;
    /// The first logged file with this digest.
    fn with_bytes(&self, sha256: Hash) -> Option<&FileName>;
}

impl Records for Facts {
    fn policy(&self) -> &Policy {
        &self.policy
    }

    fn naming(&self, file: &FileName) -> Vec<Naming<'_>> {
        let of = |recorded: &'_ Recorded<Release>| recorded.statement.file(file).map(|file| file.sha256);
        self.releases.iter().filter_map(|recorded| Some((recorded, of(recorded)?))).collect()
    }

    fn withdrawal(&self, project: &ProjectName, file: &FileName) -> Option<&Recorded<Withdrawal>> {
        let names =
            |withdrawal: &Withdrawal| withdrawal.project == *project && withdrawal.file(file).is_some();
        self.withdrawals.iter().find(|recorded| names(&recorded.statement))
    }

    fn has_release(&self, project: &ProjectName, version: &Version) -> bool {
        let is_it = |release: &Release| release.project == *project && release.version == *version;
        self.releases.iter().any(|recorded| is_it(&recorded.statement))
    }

    fn with_bytes(&self, sha256: Hash) -> Option<&FileName> {
        let mut files = self.releases.iter().flat_map(|recorded| &recorded.statement.files);
        files.find(|file| file.sha256 == sha256).map(|file| &file.name)
    }
}

/// Facts, arranged for many files.
#[derive(Debug)]
pub struct ByName<'a> {
    policy: &'a Policy,
    releases: HashMap<&'a FileName, Vec<Naming<'a>>>,
    withdrawals: HashMap<(&'a ProjectName, &'a FileName), &'a Recorded<Withdrawal>>,
    versions: HashSet<(&'a ProjectName, &'a Version)>,
    bytes: HashMap<Hash, &'a FileName>,
}

impl<'a> ByName<'a> {
    /// Reads all facts once.
    pub fn new(facts: &'a Facts) -> Self {
        let mut by_name = Self {
            policy: &facts.policy,
            releases: HashMap::new(),
            withdrawals: HashMap::new(),
            versions: HashSet::new(),
            bytes: HashMap::new(),
        };
        for recorded in &facts.releases {
            let Release { project, version, files, .. } = &recorded.statement;
            by_name.versions.insert((project, version));
            for file in files {
                by_name.releases.entry(&file.name).or_default().push((recorded, file.sha256));
                by_name.bytes.entry(file.sha256).or_insert(&file.name);
            }
        }
        for recorded in &facts.withdrawals {
            let Withdrawal { project, files, .. } = &recorded.statement;
            for file in files {
                by_name.withdrawals.entry((project, &file.name)).or_insert(recorded);
            }
        }
        by_name
    }
}

impl Records for ByName<'_> {
    fn policy(&self) -> &Policy {
        self.policy
    }

    fn naming(&self, file: &FileName) -> Vec<Naming<'_>> {
        self.releases.get(file).cloned().unwrap_or_default()
    }

    fn withdrawal(&self, project: &ProjectName, file: &FileName) -> Option<&Recorded<Withdrawal>> {
        let wheel = file.metadata_of();
        self.withdrawals.get(&(project, wheel.as_ref().unwrap_or(file))).copied()
    }

    fn has_release(&self, project: &ProjectName, version: &Version) -> bool {
        self.versions.contains(&(project, version))
    }

    fn with_bytes(&self, sha256: Hash) -> Option<&FileName> {
        self.bytes.get(&sha256).copied()
    }
}

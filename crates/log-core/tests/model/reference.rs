//! The rules once more: as questions about the list of everything that was accepted, and
//! about nothing else. No indices, no state that could be wrong.

use log_core::artifact::{FileName, Version};
use log_core::statement::Reason;
use log_core::testing::public;
use log_core::verdict::{Subject, Verdict};

use crate::world::{KEYS, Op, PROJECTS, ROOTS, Says, VERSIONS, chosen, names, sha256_of};

/// A file, and whether it has its other bytes.
type File = (FileName, bool);

/// A statement at a place in the log.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) op: Op,
    version: u64,
    index: u64,
    time: u64,
}

/// Everything that was accepted.
#[derive(Debug, Default)]
pub(crate) struct Model {
    said: Vec<Said>,
}

impl Said {
    pub(crate) fn new(op: &Op, next_version: u64, index: u64, time: u64) -> Self {
        let off = if let Op::Policy { version_off, .. } = op { *version_off } else { 0 };
        Self { op: op.clone(), version: next_version + off, index, time }
    }

    /// Project, version and files, when it is a release.
    fn release(&self) -> Option<(usize, usize, Vec<File>)> {
        let Op::Release { project, version, files, other, .. } = self.op else { return None };
        let named = names(project, version).into_iter().enumerate();
        let named = named.filter(|(i, _)| files >> i & 1 == 1).map(|(i, name)| (name, other >> i & 1 == 1));
        Some((project, version, named.collect()))
    }

    /// Project and files, when it is a withdrawal.
    fn withdrawal(&self) -> Option<(usize, Vec<File>)> {
        let Op::Withdraw { project, version, files, other, .. } = self.op else { return None };
        let named = names(project, version).into_iter().take(2).enumerate();
        Some((project, named.filter(|(i, _)| files >> i & 1 == 1).map(|(_, name)| (name, other)).collect()))
    }

    fn signers(&self) -> Vec<&'static str> {
        match self.op {
            Op::Policy { signers, .. } => chosen(&ROOTS, signers),
            Op::Release { signers, .. } | Op::Withdraw { signers, .. } => chosen(&KEYS, signers),
        }
    }
}

impl Model {
    pub(crate) fn accept(&mut self, said: Said) {
        self.said.push(said);
    }

    pub(crate) fn said(&self) -> &[Said] {
        &self.said
    }

    pub(crate) fn policies(&self) -> u64 {
        self.said.iter().filter(|said| matches!(said.op, Op::Policy { .. })).count() as u64
    }

    /// The time of the last entry.
    pub(crate) fn time(&self) -> u64 {
        self.said.last().map_or(0, |said| said.time)
    }

    /// Whether the log may take it after everything else.
    pub(crate) fn allows(&self, new: &Said) -> bool {
        let current = self.current(new.time);
        match &new.op {
            Op::Policy { says, .. } => {
                let before = current.as_ref().is_some_and(|current| current.fourth);
                let signed = new.signers();
                new.version == self.policies() + 1
                    && signed.iter().all(|root| is_root(before, root) || is_root(says.fourth, root))
                    && are_enough(before, &signed)
                    && are_enough(says.fourth, &signed)
            }
            Op::Release { .. } => {
                let (project, version, files) = new.release().expect("a release");
                let is_same = |(name, other): &File| {
                    let first = self.first_bytes(project, name);
                    first.is_none_or(|first| first == *other) && self.withdrawn(project, name).is_none()
                };
                let is_kept = |(name, _): &File| has(&files, name) || self.withdrawn(project, name).is_some();
                Self::may_sign(new, current.as_ref(), project)
                    && files.iter().all(is_same)
                    && self.newest_files(project, version).iter().all(is_kept)
            }
            Op::Withdraw { .. } => {
                let (project, files) = new.withdrawal().expect("a withdrawal");
                let may_withdraw = |says: &Says| {
                    says.withdraw && new.signers().iter().all(|key| matches!(*key, "team" | "spare"))
                };
                Self::may_sign(new, current.as_ref(), project)
                    && current.as_ref().is_some_and(may_withdraw)
                    && files.iter().all(|(name, other)| self.first_bytes(project, name) == Some(*other))
            }
        }
    }

    /// What is to be concluded about a file at `now`.
    pub(crate) fn verdict(&self, subject: &Subject, now: u64) -> Verdict {
        let (project, version) = subject.candidates[0].clone();
        let at = PROJECTS.iter().position(|name| *name == project.as_str()).expect("known");
        let policy = self.current(now).expect("there is a policy");
        let naming: Vec<&Said> = self
            .said
            .iter()
            .filter(|said| {
                said.release().is_some_and(|(of, _, files)| of == at && has(&files, &subject.name))
            })
            .collect();
        let (Some(first), Some(last)) = (naming.first(), naming.last()) else {
            let second = version.as_str() == "2.0";
            if !policy.from.is_some_and(|from| from == "1.0" || second) {
                return Verdict::NotCovered;
            }
            let is_of = |(of, version, _): (usize, usize, _)| of == at && (version == 2) == second;
            let release_logged = self.said.iter().filter_map(Said::release).any(is_of);
            // A digest here is that of one name only.
            return Verdict::NotLogged { project, version, release_logged, logged_as: None };
        };
        let other = self.first_bytes(at, &subject.name).expect("it is named");
        let logged = sha256_of(&subject.name, if other { "b" } else { "a" });
        if logged != subject.sha256 {
            return Verdict::OtherHash { logged, index: first.index };
        }
        // As the first statement spells it.
        let (_, spelled, _) = first.release().expect("a release");
        let version = Version::parse(VERSIONS[spelled]).expect("a version");
        if let Some(index) = self.withdrawn(at, &subject.name) {
            let (reason, text) = (Reason::Mistake, "x".to_owned());
            return Verdict::Withdrawn { project, version, index, reason, text };
        }
        let until = policy.span.1.unwrap_or(u64::MAX);
        let is_revoked = |said: &Said| said.signers().contains(&"team") && said.time >= until;
        if let Some(good) = naming.iter().find(|said| !is_revoked(said)) {
            return Verdict::Verified { project, version, index: good.index };
        }
        let (index, keyid) = (last.index, public("team").keyid());
        Verdict::Revoked { project, version, index, keyid, since: until }
    }

    /// What the policy in force says: each policy takes over at once, or waits for the
    /// cool-down of the one in force; while it waits, the next takes its place.
    fn current(&self, now: u64) -> Option<Says> {
        let mut current: Option<Says> = None;
        let mut waiting: Option<(u64, Says)> = None;
        for said in &self.said {
            let Op::Policy { says, .. } = &said.op else { continue };
            if let Some((_, ready)) = waiting.take_if(|(from, _)| *from <= said.time) {
                current = Some(ready);
            }
            match &current {
                Some(old) if old.cool_down > 0 => waiting = Some((said.time + old.cool_down, says.clone())),
                _ => (current, waiting) = (Some(says.clone()), None),
            }
        }
        match waiting {
            Some((from, ready)) if from <= now => Some(ready),
            _ => current,
        }
    }

    fn may_sign(new: &Said, policy: Option<&Says>, project: usize) -> bool {
        let Some(says) = policy else { return false };
        let signers = new.signers();
        let is_allowed = |key: &&str| match *key {
            "team" => {
                let (from, until) = says.span;
                project == 0 && from.unwrap_or(0) <= new.time && new.time < until.unwrap_or(u64::MAX)
            }
            "spare" => project == 0 && says.spare,
            "oslo" => project == 1 || says.wide,
            _ => false,
        };
        !signers.is_empty() && signers.iter().all(is_allowed)
    }

    /// Whether the first release that names the file has its other bytes.
    fn first_bytes(&self, project: usize, name: &FileName) -> Option<bool> {
        let releases = self.said.iter().filter_map(Said::release).filter(|(of, ..)| *of == project);
        releases.flat_map(|(.., files)| files).find(|(file, _)| file == name).map(|(_, other)| other)
    }

    /// The first entry that takes the file back, or the wheel that it is the metadata of.
    fn withdrawn(&self, project: usize, name: &FileName) -> Option<u64> {
        let artifact = name.as_str().trim_end_matches(".metadata");
        let takes = |said: &&Said| {
            let withdrawal = said.withdrawal().filter(|(of, _)| *of == project);
            withdrawal.is_some_and(|(_, files)| files.iter().any(|(file, _)| file.as_str() == artifact))
        };
        self.said.iter().find(takes).map(|said| said.index)
    }

    /// The files of the newest release of the version.
    fn newest_files(&self, project: usize, version: usize) -> Vec<File> {
        let is_of = |(of, other, _): &(usize, usize, _)| *of == project && (*other == 2) == (version == 2);
        let newest = self.said.iter().filter_map(Said::release).rfind(is_of);
        newest.map_or(Vec::new(), |(.., files)| files)
    }
}

fn has(files: &[File], name: &FileName) -> bool {
    files.iter().any(|(file, _)| file == name)
}

fn is_root(fourth: bool, root: &str) -> bool {
    (root == "root4") == fourth
}

fn are_enough(fourth: bool, signed: &[&str]) -> bool {
    signed.iter().filter(|root| is_root(fourth, root)).count() >= if fourth { 1 } else { 2 }
}

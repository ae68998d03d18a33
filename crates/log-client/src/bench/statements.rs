//! The releases that the bench records: each a function of seed and number, so that
//! what was recorded once can be asked for again, by another run, too.
//!
//! They are shaped as nearly all releases are: an sdist, a pure wheel, and the
//! wheel's metadata. Projects take turns, so that each has a growing list of versions.

use log_core::artifact::{FileName, NameError, ProjectName, Version};
use log_core::dsse::Envelope;
use log_core::hash::{Hash, digest};
use log_core::key::SignerKey;
use log_core::statement::{Release, ReleaseFile};

/// Versions of a project count like `3.17.4`.
const MINORS: u64 = 40;
const PATCHES: u64 = 10;

/// What is recorded.
#[derive(Debug)]
pub(crate) struct Statements {
    key: SignerKey,
    prefix: String,
    seed: u64,
    projects: u64,
}

impl Statements {
    /// Releases of `projects` projects whose names start with `prefix`, signed by `key`.
    pub(crate) fn new(key: SignerKey, prefix: &str, seed: u64, projects: u64) -> Result<Self, NameError> {
        let statements = Self { key, prefix: prefix.to_owned(), seed, projects: projects.max(1) };
        // The longest name stands for all.
        ProjectName::parse(&statements.project_name(u64::MAX)).map(|_| statements)
    }

    /// The seed.
    pub(crate) fn seed(&self) -> u64 {
        self.seed
    }

    /// Who signs.
    pub(crate) fn key(&self) -> &SignerKey {
        &self.key
    }

    /// The project that the statement with this number is about.
    pub(crate) fn project_of(&self, number: u64) -> u64 {
        number % self.projects
    }

    /// The numbers below `count` of all statements about a project.
    pub(crate) fn about(&self, project: u64, count: u64) -> impl Iterator<Item = u64> {
        let step = usize::try_from(self.projects).unwrap_or(usize::MAX);
        (project..count).step_by(step)
    }

    /// A project's name.
    pub(crate) fn project(&self, project: u64) -> ProjectName {
        #[expect(clippy::expect_used, reason = "`new` has checked the form of all names")]
        ProjectName::parse(&self.project_name(project)).expect("a name of checked form")
    }

    /// What the statement with this number says.
    pub(crate) fn release(&self, number: u64) -> Release {
        let project = self.project(self.project_of(number));
        let nth = number / self.projects;
        let text = format!("{}.{}.{}", nth / (MINORS * PATCHES), nth / PATCHES % MINORS, nth % PATCHES);
        let stem = format!("{}-{text}", project.as_str().replace('-', "_"));
        let wheel = format!("{stem}-py3-none-any.whl");
        let file = |name: String, size: Option<u64>| ReleaseFile {
            sha256: self.sha256(&name),
            #[expect(clippy::expect_used, reason = "a project's name and ASCII")]
            name: FileName::parse(&name).expect("a file name"),
            size,
        };
        let files = vec![
            file(format!("{stem}.tar.gz"), Some(100_000 + number % 900_000)),
            file(wheel.clone(), Some(50_000 + number % 450_000)),
            file(format!("{wheel}.metadata"), None),
        ];
        #[expect(clippy::expect_used, reason = "three numbers")]
        let version = Version::parse(&text).expect("a version");
        Release { project, version, files, source: None }
    }

    /// The signed statement, in its canonical spelling.
    pub(crate) fn envelope(&self, number: u64) -> Vec<u8> {
        let mut envelope = Envelope::unsigned(self.release(number).to_payload());
        envelope.sign(&self.key);
        envelope.to_canonical()
    }

    fn sha256(&self, name: &str) -> Hash {
        digest(&[&self.seed.to_be_bytes(), name.as_bytes()])
    }

    fn project_name(&self, project: u64) -> String {
        format!("{}-{:x}-{project}", self.prefix, self.seed)
    }
}

/// Pseudo-random numbers for choosing what to ask (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when there is none. (The bias is below 2^-32 for the
    /// bounds used here.)
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use log_core::entry::SignedStatement;
    use log_core::statement::Statement;
    use log_core::testing::key;

    use super::*;

    fn statements(seed: u64) -> Statements {
        Statements::new(key("team"), "bench", seed, 7).expect("a prefix")
    }

    #[test]
    fn every_number_is_another_good_release() {
        let statements = statements(255);
        let mut releases = BTreeSet::new();
        for number in (0..9_000).step_by(3) {
            let release = statements.release(number);
            let envelope = Envelope::parse_canonical(&statements.envelope(number)).expect("canonical");
            let signed = SignedStatement::new(envelope).expect("a statement");
            assert_eq!(signed.statement, Statement::Release(release.clone()));
            assert_eq!(release.project.as_str(), format!("bench-ff-{}", number % 7));
            assert!(releases.insert((release.project, release.version)), "{number} is there already");
        }
        assert_eq!(statements.about(3, 20).collect::<Vec<_>>(), [3, 10, 17]);
    }

    #[test]
    fn another_seed_is_another_set() {
        assert_ne!(statements(1).release(0).project, statements(2).release(0).project);
        assert_eq!(statements(1).envelope(5), statements(1).envelope(5));
        assert!(Statements::new(key("team"), "Bench", 0, 1).is_err());
    }
}

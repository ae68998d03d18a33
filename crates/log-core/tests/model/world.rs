//! A small world: two projects with two versions each, four publisher keys, four root
//! keys, and random statements about them.

use log_core::artifact::{FileName, ProjectName, Version};
use log_core::entry::SignedStatement;
use log_core::hash::Hash;
use log_core::policy::{Coverage, Expected, Pattern, Policy, Publisher, PublisherKey, Roots};
use log_core::statement::{Reason, Release, ReleaseFile, Withdrawal, WithdrawnFile};
use log_core::testing::{public, sha256, signed, signed_policy};
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) const ROOTS: [&str; 4] = ["root1", "root2", "root3", "root4"];
pub(crate) const KEYS: [&str; 4] = ["team", "spare", "oslo", "mallory"];
pub(crate) const PROJECTS: [&str; 2] = ["nova", "oslo-log"];
/// Two versions; the first has two spellings.
pub(crate) const VERSIONS: [&str; 3] = ["1.0", "1.0.0", "2.0"];

/// What somebody offers to the log. Files, other bytes and signers are bit sets.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Policy { says: Says, version_off: u64, signers: u8 },
    Release { project: usize, version: usize, files: u8, other: u8, signers: u8 },
    Withdraw { project: usize, version: usize, files: u8, other: bool, signers: u8 },
}

/// What a policy says.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "they are drawn independently of one another")]
pub(crate) struct Says {
    pub(crate) cool_down: u64,
    /// The time of the key `team`.
    pub(crate) span: (Option<u64>, Option<u64>),
    /// Whether `spare` is a key of the team, too.
    pub(crate) spare: bool,
    /// Whether `oslo` publishes everything.
    pub(crate) wide: bool,
    /// Whether the team may withdraw.
    pub(crate) withdraw: bool,
    /// Whether the fourth root alone has the say.
    pub(crate) fourth: bool,
    /// From which version on everything is covered; or nothing at all.
    pub(crate) from: Option<&'static str>,
}

/// Statements between two commitments, and how long after the last one.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) wait: u64,
    pub(crate) ops: Vec<Op>,
}

impl Op {
    /// The signed statement; a policy has this version.
    pub(crate) fn sign(&self, next_version: u64) -> SignedStatement {
        let version = |version: &usize| Version::parse(VERSIONS[*version]).expect("a version");
        match self {
            Self::Policy { says, version_off, signers } => {
                signed_policy(says.policy(next_version + version_off), &chosen(&ROOTS, *signers))
            }
            Self::Release { project, version: of, files, other, signers } => {
                let file = |(i, name): (usize, FileName)| {
                    let bytes = if other >> i & 1 == 1 { "b" } else { "a" };
                    ReleaseFile { sha256: sha256_of(&name, bytes), name, size: None }
                };
                let named = names(*project, *of).into_iter().enumerate();
                let files = named.filter(|(i, _)| files >> i & 1 == 1).map(file).collect();
                let project = projects()[*project].clone();
                let release = Release { project, version: version(of), files, source: None };
                signed(release.to_payload(), &chosen(&KEYS, *signers))
            }
            Self::Withdraw { project, version: of, files, other, signers } => {
                let file = |name: FileName| {
                    let bytes = if *other { "b" } else { "a" };
                    WithdrawnFile { sha256: sha256_of(&name, bytes), name }
                };
                let named = names(*project, *of).into_iter().take(2).enumerate();
                let files = named.filter(|(i, _)| files >> i & 1 == 1).map(|(_, name)| file(name)).collect();
                let (project, reason, text) = (projects()[*project].clone(), Reason::Mistake, "x".to_owned());
                let withdrawal = Withdrawal { project, version: version(of), files, reason, text };
                signed(withdrawal.to_payload(), &chosen(&KEYS, *signers))
            }
        }
    }
}

impl Says {
    fn policy(&self, version: u64) -> Policy {
        let pattern = |text: &str| Pattern::parse(text).expect("a pattern");
        let mut keys = vec![PublisherKey { key: public("team"), from: self.span.0, until: self.span.1 }];
        if self.spare {
            keys.push(PublisherKey::always(public("spare")));
        }
        let (name, projects) = ("team".to_owned(), vec![pattern("nova")]);
        let team = Publisher { name, keys, projects, withdraw: self.withdraw };
        let oslo = Publisher {
            name: "oslo".to_owned(),
            keys: vec![PublisherKey::always(public("oslo"))],
            projects: vec![pattern(if self.wide { "*" } else { "oslo-*" })],
            withdraw: false,
        };
        let roots = if self.fourth {
            Roots::new(1, vec![public("root4")])
        } else {
            Roots::new(2, ROOTS[..3].iter().map(|root| public(root)).collect())
        };
        let covered = self.from.map(|from| Coverage {
            pattern: pattern("*"),
            from: Some(Version::parse(from).expect("a version")),
            until: None,
            expected: Expected::default(),
        });
        Policy {
            version,
            roots: roots.expect("roots"),
            cool_down: self.cool_down,
            publishers: vec![team, oslo],
            projects: covered.into_iter().collect(),
        }
    }
}

/// The names in a bit set.
pub(crate) fn chosen(names: &[&'static str], bits: u8) -> Vec<&'static str> {
    names.iter().enumerate().filter(|(i, _)| bits >> i & 1 == 1).map(|(_, name)| *name).collect()
}

pub(crate) fn projects() -> [ProjectName; 2] {
    PROJECTS.map(|name| ProjectName::parse(name).expect("a name"))
}

/// An sdist, a wheel and its metadata; both spellings of a version mean the same files.
pub(crate) fn names(project: usize, version: usize) -> [FileName; 3] {
    let (dist, version) = (PROJECTS[project].replace('-', "_"), if version == 2 { "2.0" } else { "1.0" });
    let wheel = format!("{dist}-{version}-py3-none-any.whl");
    let metadata = format!("{wheel}.metadata");
    [format!("{dist}-{version}.tar.gz"), wheel, metadata].map(|name| FileName::parse(&name).expect("a name"))
}

/// All file names of a project.
pub(crate) fn file_names(project: &ProjectName) -> Vec<FileName> {
    let position = usize::from(project.as_str() != PROJECTS[0]);
    [0, 2].into_iter().flat_map(|version| names(position, version)).collect()
}

pub(crate) fn sha256_of(name: &FileName, bytes: &str) -> Hash {
    sha256(&format!("{name} {bytes}"))
}

/// A few rounds, the first of which begins with a good policy.
pub(crate) fn rounds() -> impl Strategy<Value = Vec<Round>> {
    let first = says().prop_map(|says| Op::Policy {
        says: Says { fourth: false, ..says },
        version_off: 0,
        signers: 0b0011,
    });
    let round = (0u64..5, prop::collection::vec(op(), 1..4)).prop_map(|(wait, ops)| Round { wait, ops });
    (first, prop::collection::vec(round, 1..8)).prop_map(|(first, mut rounds)| {
        rounds[0].ops.insert(0, first);
        rounds
    })
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![2 => policy(), 5 => release(), 2 => withdrawal()]
}

fn policy() -> impl Strategy<Value = Op> {
    // Mostly signed by enough of the roots, and of the version that is due.
    let signers = prop_oneof![4 => Just(0b1111u8), 4 => Just(0b0111), 2 => Just(0b1000), 2 => 0u8..16];
    let version_off = prop_oneof![9 => Just(0u64), 1 => Just(1)];
    (says(), version_off, signers).prop_map(|(says, version_off, signers)| Op::Policy {
        says,
        version_off,
        signers,
    })
}

fn says() -> impl Strategy<Value = Says> {
    let span = select(vec![
        (None, None),
        (None, None),
        (None, Some(103)),
        (None, Some(109)),
        (Some(102), None),
        (Some(102), Some(108)),
    ]);
    let from = select(vec![None, Some("1.0"), Some("1.5")]);
    let weighted = prop::bool::weighted;
    let flags = (any::<bool>(), weighted(0.3), weighted(0.8), weighted(0.2));
    (select(vec![0u64, 0, 3, 7]), span, flags, from).prop_map(|(cool_down, span, flags, from)| {
        let (spare, wide, withdraw, fourth) = flags;
        Says { cool_down, span, spare, wide, withdraw, fourth, from }
    })
}

fn release() -> impl Strategy<Value = Op> {
    let files = prop_oneof![3 => Just(0b001u8), 4 => Just(0b111), 2 => Just(0b011), 1 => Just(0b010)];
    // Seldom other bytes than the first time.
    let other = prop_oneof![8 => Just(0u8), 1 => 0u8..8];
    (0usize..2, 0usize..3, files, other, signers()).prop_map(|(project, version, files, other, signers)| {
        let signers = fitting(project, signers);
        Op::Release { project, version, files, other, signers }
    })
}

fn withdrawal() -> impl Strategy<Value = Op> {
    (0usize..2, 0usize..3, 1u8..4, prop::bool::weighted(0.1), signers()).prop_map(
        |(project, version, files, other, signers)| {
            let signers = fitting(project, signers);
            Op::Withdraw { project, version, files, other, signers }
        },
    )
}

/// `None`: whoever fits.
fn signers() -> impl Strategy<Value = Option<u8>> {
    prop_oneof![6 => Just(None), 3 => Just(Some(0b0010u8)), 2 => (0u8..16).prop_map(Some)]
}

fn fitting(project: usize, signers: Option<u8>) -> u8 {
    signers.unwrap_or(if project == 0 { 0b0001 } else { 0b0100 })
}

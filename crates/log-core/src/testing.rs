//! Keys, a policy and releases for tests (feature `testing`).
//!
//! Everything is a function of its arguments: the same name is the same key.

#![allow(clippy::expect_used, reason = "only tests use this module")]

use crate::artifact::{FileName, ProjectName, Version};
use crate::dsse::Envelope;
use crate::entry::SignedStatement;
use crate::hash::{Hash, digest};
use crate::key::{KeyName, SignerKey, VerifierKey};
use crate::policy::{Coverage, Pattern, Policy, Publisher, PublisherKey, Roots};
use crate::rules::Genesis;
use crate::statement::{PolicyStatement, Reason, Release, ReleaseFile, Withdrawal, WithdrawnFile};

mod small_log;

pub use small_log::SmallLog;

/// The key called `name`.
pub fn key(name: &str) -> SignerKey {
    let seed = *digest(&[name.as_bytes()]).as_bytes();
    SignerKey::from_seed(KeyName::parse(name).expect("a name"), &seed)
}

/// Its public half.
pub fn public(name: &str) -> VerifierKey {
    key(name).public().clone()
}

/// `log.example`, born with two of three root keys.
pub fn genesis() -> Genesis {
    let roots = Roots::new(2, vec![public("root1"), public("root2"), public("root3")]).expect("2 of 3");
    Genesis { log: public("log.example"), roots }
}

/// `team` publishes nova and may withdraw, `oslo` publishes oslo-*; everything is covered.
pub fn policy() -> Policy {
    let pattern = |text: &str| Pattern::parse(text).expect("a pattern");
    let publisher = |name: &str, projects: &str, withdraw| Publisher {
        name: name.to_owned(),
        keys: vec![PublisherKey::always(public(name))],
        projects: vec![pattern(projects)],
        withdraw,
    };
    Policy {
        version: 1,
        roots: genesis().roots,
        cool_down: 0,
        publishers: vec![publisher("team", "nova", true), publisher("oslo", "oslo-*", false)],
        projects: vec![Coverage::all(pattern("*"))],
    }
}

/// A payload signed by some keys.
pub fn signed(payload: Vec<u8>, signers: &[&str]) -> SignedStatement {
    let mut envelope = Envelope::unsigned(payload);
    for signer in signers {
        envelope.sign(&key(signer));
    }
    SignedStatement::new(envelope).expect("a statement")
}

/// A policy for `log.example`.
pub fn signed_policy(policy: Policy, signers: &[&str]) -> SignedStatement {
    signed(PolicyStatement::new(&public("log.example"), policy).to_payload(), signers)
}

/// An sdist and a wheel; `bytes` stands for their content.
pub fn release(project: &str, version: &str, bytes: &str) -> Release {
    let file = |name: String| ReleaseFile {
        sha256: sha256(&format!("{name} {bytes}")),
        name: FileName::parse(&name).expect("a file name"),
        size: Some(7),
    };
    let dist = project.replace('-', "_");
    Release {
        project: ProjectName::parse(project).expect("a name"),
        version: Version::parse(version).expect("a version"),
        files: vec![
            file(format!("{dist}-{version}.tar.gz")),
            file(format!("{dist}-{version}-py3-none-any.whl")),
        ],
        source: None,
    }
}

/// Such a release, signed.
pub fn signed_release(project: &str, version: &str, bytes: &str, signer: &str) -> SignedStatement {
    signed(release(project, version, bytes).to_payload(), &[signer])
}

/// A withdrawal of the sdist of such a release, signed.
pub fn signed_withdrawal(project: &str, version: &str, bytes: &str, signer: &str) -> SignedStatement {
    let Release { project, version, files, .. } = release(project, version, bytes);
    let files = vec![WithdrawnFile { name: files[0].name.clone(), sha256: files[0].sha256 }];
    let text = "see the announcement".to_owned();
    signed(Withdrawal { project, version, files, reason: Reason::Mistake, text }.to_payload(), &[signer])
}

/// The digest of a text.
pub fn sha256(text: &str) -> Hash {
    digest(&[text.as_bytes()])
}

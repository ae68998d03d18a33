//! Keys, a policy and releases for tests (feature `testing`).
//!
//! Everything is a function of its arguments: the same name is the same key.

#![allow(clippy::expect_used, reason = "only tests use this module")]

use crate::artifact::{FileName, ProjectName, Version};
use crate::dsse::Envelope;
use crate::entry::SignedStatement;
use crate::hash::{Hash, digest};
use crate::key::{KeyName, SignerKey, VerifierKey};
use crate::policy::{Coverage, Pattern, Policy, Publisher, Roots};
use crate::rules::Genesis;
use crate::statement::{PolicyStatement, Release, ReleaseFile};

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

/// `team` publishes nova, `oslo` publishes oslo-*; everything is covered.
pub fn policy() -> Policy {
    let pattern = |text: &str| Pattern::parse(text).expect("a pattern");
    Policy {
        version: 1,
        roots: genesis().roots,
        publishers: vec![
            Publisher { name: "team".into(), keys: vec![public("team")], projects: vec![pattern("nova")] },
            Publisher { name: "oslo".into(), keys: vec![public("oslo")], projects: vec![pattern("oslo-*")] },
        ],
        projects: vec![Coverage { pattern: pattern("*"), from: None, until: None }],
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
    }
}

/// Such a release, signed.
pub fn signed_release(project: &str, version: &str, bytes: &str, signer: &str) -> SignedStatement {
    signed(release(project, version, bytes).to_payload(), &[signer])
}

/// The digest of a text.
pub fn sha256(text: &str) -> Hash {
    digest(&[text.as_bytes()])
}

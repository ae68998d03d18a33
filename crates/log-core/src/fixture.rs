//! Keys, a policy and releases for tests.

use crate::artifact::{FileName, ProjectName, Version};
use crate::dsse::Envelope;
use crate::entry::SignedStatement;
use crate::hash::{Hash, digest};
use crate::key::{KeyName, SignerKey, VerifierKey};
use crate::policy::{Coverage, Pattern, Policy, Publisher, Roots};
use crate::rules::Genesis;
use crate::statement::{PolicyStatement, Release, ReleaseFile};

pub(crate) fn key(name: &str) -> SignerKey {
    let seed = *digest(&[name.as_bytes()]).as_bytes();
    SignerKey::from_seed(KeyName::parse(name).expect("a name"), &seed)
}

pub(crate) fn public(name: &str) -> VerifierKey {
    key(name).public().clone()
}

pub(crate) fn genesis() -> Genesis {
    let roots = Roots::new(2, vec![public("root1"), public("root2"), public("root3")]).expect("2 of 3");
    Genesis { log: public("log.example"), roots }
}

pub(crate) fn policy() -> Policy {
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

pub(crate) fn signed(payload: Vec<u8>, signers: &[&str]) -> SignedStatement {
    let mut envelope = Envelope::unsigned(payload);
    for signer in signers {
        envelope.sign(&key(signer));
    }
    SignedStatement::new(envelope).expect("a statement")
}

pub(crate) fn signed_policy(policy: Policy, signers: &[&str]) -> SignedStatement {
    signed(PolicyStatement::new(&public("log.example"), policy).to_payload(), signers)
}

pub(crate) fn release(project: &str, version: &str, bytes: &str) -> Release {
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

pub(crate) fn signed_release(project: &str, version: &str, bytes: &str, signer: &str) -> SignedStatement {
    signed(release(project, version, bytes).to_payload(), &[signer])
}

pub(crate) fn sha256(text: &str) -> Hash {
    digest(&[text.as_bytes()])
}

//! The fixed world that every input meets: keys, and an honest log of six entries.

use std::sync::LazyLock;

use log_core::api::{HexDigest, LookupAnswer, LookupKey};
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::cosignature;
use log_core::dsse::Envelope;
use log_core::entry::{Entry, SignedStatement};
use log_core::hash::Hash;
use log_core::note::Note;
use log_core::rules::Genesis;
use log_core::testing::{
    SmallLog, genesis, key, policy, public, sha256, signed_policy, signed_release, signed_withdrawal,
};
use log_core::trust_policy::{TrustPolicy, TrustedCheckpoint};
use log_core::verdict::{Facts, check_answer};

/// When the witness has cosigned.
pub const COSIGNED_AT: u64 = 1_700_000_000;

/// An honest log and those who know it.
pub struct World {
    /// The pinned keys.
    pub genesis: Genesis,
    /// The log.
    pub log: SmallLog,
    /// What is signed by somebody, in the log or not.
    pub signed: Vec<SignedStatement>,
    /// The log's checkpoint, cosigned.
    pub note: String,
    /// Log and witness.
    pub trust: TrustPolicy,
    /// The checkpoint, opened.
    pub checkpoint: TrustedCheckpoint,
    /// Keys of all kinds, present and absent.
    pub keys: Vec<LookupKey>,
    /// The honest answer about them.
    pub answer: LookupAnswer,
    /// What it says.
    pub facts: Facts,
    /// What the log says about everything.
    pub all: Facts,
}

/// The world, made when it is first needed.
pub static WORLD: LazyLock<World> = LazyLock::new(World::new);

impl World {
    fn new() -> Self {
        let signed = vec![
            signed_policy(policy(), &["root1", "root2"]),
            signed_release("nova", "1.0", "a", "team"),
            signed_release("nova", "1.1", "a", "team"),
            signed_withdrawal("nova", "1.0", "a", "team"),
            signed_release("oslo-config", "9.6.0", "a", "oslo"),
        ];
        let log = SmallLog::with(&signed);
        let text = Note::parse(log.checkpoint().as_bytes()).expect("a note").text().to_owned();
        let mut note = Note::parse(log.checkpoint().as_bytes()).expect("a note");
        note.push(cosignature::sign(&key("w.example"), &text, COSIGNED_AT));
        let note = note.to_string();
        let trust = TrustPolicy::parse(&trust_policy()).expect("a trust policy");
        let checkpoint = trust.open(note.as_bytes()).expect("a trusted checkpoint");
        let keys = keys();
        let answer = log.answer(&keys);
        let facts = check_answer(&genesis(), &checkpoint, &keys, &answer).expect("an honest answer");
        let everything =
            ["nova", "oslo-config"].map(|name| LookupKey::Project { name: project(name), from: 0 });
        let all =
            check_answer(&genesis(), &checkpoint, &everything, &log.answer(&everything)).expect("honest");
        Self { genesis: genesis(), log, signed, note, trust, checkpoint, keys, answer, facts, all }
    }

    /// Whether somebody has signed this payload.
    pub fn has_payload(&self, envelope: &Envelope) -> bool {
        self.signed.iter().any(|signed| signed.envelope.payload() == envelope.payload())
    }

    /// Whether all that is said here is said by the log, too.
    pub fn says(&self, facts: &Facts) -> bool {
        facts.releases.iter().all(|release| {
            self.all
                .releases
                .iter()
                .any(|own| own.index == release.index && own.statement == release.statement)
        }) && facts.withdrawals.iter().all(|withdrawal| {
            self.all
                .withdrawals
                .iter()
                .any(|own| own.index == withdrawal.index && own.statement == withdrawal.statement)
        }) && facts.policy == self.all.policy
    }

    /// The hashes of the log's leaves.
    pub fn leaves(&self) -> Vec<Hash> {
        self.log.entries().iter().map(|entry| log_core::hash::leaf_hash(entry)).collect()
    }

    /// The entries as the log holds them, parsed.
    pub fn entry(&self, index: usize) -> Entry {
        Entry::parse(&self.log.entries()[index]).expect("an entry")
    }
}

/// The text of the trust policy: the log, and one witness.
pub fn trust_policy() -> String {
    let (log, witness) = (public("log.example").to_vkey(), key("w.example").cosigner().to_vkey());
    format!("log {log} https://log.example/\nwitness w {witness}\ngroup g any w\nquorum g\n")
}

/// A project's name.
pub fn project(name: &str) -> ProjectName {
    ProjectName::parse(name).expect("a name")
}

fn keys() -> Vec<LookupKey> {
    let name = |name: &str| FileName::parse(name).expect("a file name");
    let version = Version::parse("1.1").expect("a version");
    vec![
        LookupKey::File { project: project("nova"), name: name("nova-1.0.tar.gz"), from: 0 },
        LookupKey::File { project: project("nova"), name: name("nova-7.0.tar.gz"), from: 0 },
        LookupKey::Release { project: project("nova"), version, from: 0 },
        LookupKey::Project { name: project("absent"), from: 0 },
        LookupKey::Digest { sha256: HexDigest(sha256("nothing")), from: 0 },
    ]
}

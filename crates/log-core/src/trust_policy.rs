//! Whose signatures make a checkpoint believable (C2SP tlog-policy).
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> all|any|<k> <member>...
//! quorum <name>|none
//! ```
//!
//! Only names defined on earlier lines may be used, and each in one group at
//! most, so a policy is a forest and a witness counts once. What is left out:
//! what the log says (`policy` is who may publish; this is whom to believe).

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::checkpoint::{CheckpointError, OpenCheckpoint};
use crate::hash::parse_decimal;
use crate::key::{KeyError, KeyType, VerifierKey};
use crate::limits::MAX_TRUST_POLICY_BYTES;
use crate::note::NoteError;

/// A parsed policy.
#[derive(Debug, Clone)]
pub struct TrustPolicy {
    logs: Vec<(VerifierKey, Option<String>)>,
    witnesses: Vec<(VerifierKey, Option<String>)>,
    nodes: Vec<Node>,
    quorum: Quorum,
}

#[derive(Debug, Clone, Copy)]
enum Quorum {
    NotNeeded,
    Of(usize),
}

#[derive(Debug, Clone)]
enum Node {
    Witness(usize),
    Group { threshold: usize, members: Vec<usize> },
}

/// A checkpoint that this policy accepts.
#[derive(Debug, Clone)]
pub struct TrustedCheckpoint {
    /// The checkpoint.
    pub checkpoint: OpenCheckpoint,
    /// Its note with the known lines only.
    pub note: String,
    /// The oldest cosignature time that the quorum rests on, when there is one;
    /// the quorum is met by cosignatures no older than this.
    pub cosigned_at: Option<u64>,
}

/// Why a policy text was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("trust policy line {line}: {problem}")]
pub struct TrustPolicyError {
    /// The line, from 1; 0 for the text as a whole.
    pub line: usize,
    /// What is wrong with it.
    pub problem: String,
}

/// Why a checkpoint is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TrustError {
    /// Not a checkpoint of any of the policy's logs.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Too few cosignatures of the witnesses that the policy asks for.
    #[error("the quorum of witnesses is not met: {good} of the policy's {known} witnesses cosigned")]
    Quorum {
        /// How many good cosignatures there are.
        good: usize,
        /// How many witnesses the policy knows.
        known: usize,
    },
}

impl TrustPolicy {
    /// Reads a policy text.
    pub fn parse(text: &str) -> Result<Self, TrustPolicyError> {
        Parser::default().parse(text)
    }

    /// The log keys, with the URLs given for them.
    pub fn logs(&self) -> impl Iterator<Item = (&VerifierKey, Option<&str>)> {
        self.logs.iter().map(|(key, url)| (key, url.as_deref()))
    }

    /// The witnesses' keys, with the URLs given for them (submission prefixes).
    pub fn witnesses(&self) -> impl Iterator<Item = (&VerifierKey, Option<&str>)> {
        self.witnesses.iter().map(|(key, url)| (key, url.as_deref()))
    }

    /// The witnesses' keys.
    pub fn witness_keys(&self) -> Vec<VerifierKey> {
        self.witnesses.iter().map(|(key, _)| key.clone()).collect()
    }

    /// Whether no cosignatures are needed.
    pub fn has_no_quorum(&self) -> bool {
        matches!(self.quorum, Quorum::NotNeeded)
    }

    /// Opens a checkpoint of any of the logs and checks the quorum.
    pub fn open(&self, bytes: &[u8]) -> Result<TrustedCheckpoint, TrustError> {
        let mut error = TrustError::Checkpoint(NoteError::NoKnownKey.into());
        for (log, _) in &self.logs {
            match OpenCheckpoint::open(bytes, log) {
                Ok(checkpoint) => return self.check_quorum(log, checkpoint),
                Err(CheckpointError::Note(NoteError::NoKnownKey)) => {}
                Err(other) => error = other.into(),
            }
        }
        Err(error)
    }

    /// Opens a checkpoint of this log, which the policy need not list, and checks the
    /// quorum.
    pub fn open_of(&self, log: &VerifierKey, bytes: &[u8]) -> Result<TrustedCheckpoint, TrustError> {
        self.check_quorum(log, OpenCheckpoint::open(bytes, log)?)
    }

    fn check_quorum(
        &self,
        log: &VerifierKey,
        checkpoint: OpenCheckpoint,
    ) -> Result<TrustedCheckpoint, TrustError> {
        let mut keys = vec![log.clone()];
        keys.extend(self.witness_keys());
        let good = checkpoint.note().open(&keys).map_err(CheckpointError::from)?;
        let times: BTreeMap<usize, u64> =
            good.iter().filter_map(|good| Some((good.key.checked_sub(1)?, good.time?))).collect();
        let cosigned_at = match self.quorum {
            Quorum::NotNeeded => None,
            Quorum::Of(quorum) => Some(
                self.met_at(quorum, &times)
                    .ok_or(TrustError::Quorum { good: times.len(), known: self.witnesses.len() })?,
            ),
        };
        let note = checkpoint.note().only(&keys).to_string();
        Ok(TrustedCheckpoint { checkpoint, note, cosigned_at })
    }

    /// The latest time t such that the node is satisfied by cosignatures made at
    /// t or later; `None` when it is not satisfied.
    fn met_at(&self, node: usize, times: &BTreeMap<usize, u64>) -> Option<u64> {
        match &self.nodes[node] {
            Node::Witness(witness) => times.get(witness).copied(),
            Node::Group { threshold, members } => {
                let mut met: Vec<u64> =
                    members.iter().filter_map(|member| self.met_at(*member, times)).collect();
                met.sort_unstable_by(|a, b| b.cmp(a));
                met.get(threshold - 1).copied()
            }
        }
    }
}

#[derive(Default)]
struct Parser {
    logs: Vec<(VerifierKey, Option<String>)>,
    witnesses: Vec<(VerifierKey, Option<String>)>,
    nodes: Vec<Node>,
    names: BTreeMap<String, usize>,
    grouped: BTreeSet<usize>,
    quorum: Option<Quorum>,
}

impl Parser {
    fn parse(mut self, text: &str) -> Result<TrustPolicy, TrustPolicyError> {
        let whole = |problem: &str| TrustPolicyError { line: 0, problem: problem.to_owned() };
        if text.len() > MAX_TRUST_POLICY_BYTES {
            return Err(whole("the text is over 96 KiB"));
        }
        for (number, line) in (1..).zip(text.split('\n')) {
            self.line(line).map_err(|problem| TrustPolicyError { line: number, problem })?;
        }
        let quorum = self.quorum.ok_or_else(|| whole("there is no `quorum` line"))?;
        let Self { logs, witnesses, nodes, .. } = self;
        Ok(TrustPolicy { logs, witnesses, nodes, quorum })
    }

    fn line(&mut self, line: &str) -> Result<(), String> {
        if line.bytes().any(|byte| (byte < 0x20 && byte != b'\t') || byte == 0x7f) {
            return Err("control characters are not allowed".into());
        }
        let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
        match *words.as_slice() {
            [] => Ok(()),
            [comment, ..] if comment.starts_with('#') => Ok(()),
            ["log", vkey] => self.log(vkey, None),
            ["log", vkey, url] => self.log(vkey, Some(url)),
            ["witness", name, vkey] => self.witness(name, vkey, None),
            ["witness", name, vkey, url] => self.witness(name, vkey, Some(url)),
            ["group", name, threshold, ref members @ ..] => self.group(name, threshold, members),
            ["quorum", name] => self.set_quorum(name),
            [keyword @ ("log" | "witness" | "group" | "quorum"), ..] => {
                Err(format!("`{keyword}` has too few or too many words"))
            }
            [other, ..] => Err(format!("unknown keyword {other:?}")),
        }
    }

    fn log(&mut self, vkey: &str, url: Option<&str>) -> Result<(), String> {
        let key = parse_key(vkey)?;
        if key.key_type() != KeyType::Ed25519 {
            return Err("a log's key must be of type 0x01".into());
        }
        if self.logs.iter().any(|(other, _)| other.public_bytes() == key.public_bytes()) {
            return Err("this log's key is there twice".into());
        }
        self.logs.push((key, url.map(str::to_owned)));
        Ok(())
    }

    fn witness(&mut self, name: &str, vkey: &str, url: Option<&str>) -> Result<(), String> {
        let key = parse_key(vkey)?;
        if key.key_type() != KeyType::CosignatureV1 {
            return Err("a witness's key must be of type 0x04".into());
        }
        if self.witnesses.iter().any(|(other, _)| other.public_bytes() == key.public_bytes()) {
            return Err("this witness's key is there twice".into());
        }
        self.witnesses.push((key, url.map(str::to_owned)));
        self.define(name, Node::Witness(self.witnesses.len() - 1))
    }

    fn group(&mut self, name: &str, threshold: &str, members: &[&str]) -> Result<(), String> {
        let threshold = match threshold {
            "any" => Some(1),
            "all" => Some(members.len()),
            number => parse_decimal(number).and_then(|number| usize::try_from(number).ok()),
        };
        let threshold = threshold
            .filter(|threshold| (1..=members.len()).contains(threshold))
            .ok_or("the threshold must be `any`, `all`, or from 1 to the number of members")?;
        let mut nodes = Vec::new();
        for member in members {
            let node = *self.names.get(*member).ok_or(format!("{member:?} is not defined above"))?;
            if !self.grouped.insert(node) {
                return Err(format!("{member:?} is already a member of a group"));
            }
            nodes.push(node);
        }
        self.define(name, Node::Group { threshold, members: nodes })
    }

    fn set_quorum(&mut self, name: &str) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("there is a second `quorum` line".into());
        }
        self.quorum = Some(match name {
            "none" => Quorum::NotNeeded,
            name => Quorum::Of(*self.names.get(name).ok_or(format!("{name:?} is not defined above"))?),
        });
        Ok(())
    }

    fn define(&mut self, name: &str, node: Node) -> Result<(), String> {
        if name == "none" {
            return Err("`none` is a reserved name".into());
        }
        self.nodes.push(node);
        match self.names.insert(name.to_owned(), self.nodes.len() - 1) {
            None => Ok(()),
            Some(_) => Err(format!("{name:?} is defined twice")),
        }
    }
}

fn parse_key(vkey: &str) -> Result<VerifierKey, String> {
    VerifierKey::parse(vkey).map_err(|error: KeyError| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::cosignature;
    use crate::key::{KeyName, SignerKey};
    use crate::note::Note;
    use crate::vectors::{text, vectors};

    fn witness(number: u8) -> SignerKey {
        let name = KeyName::parse(&format!("w{number}.example")).expect("a name");
        SignerKey::from_seed(name, &[number; 32])
    }

    fn policy(tail: &str) -> Result<TrustPolicy, TrustPolicyError> {
        let mut policy = format!("# one log\nlog {} https://log.example\n", text(&vectors()["log"]["vkey"]));
        for number in 1..=4 {
            let vkey = witness(number).cosigner().to_vkey();
            writeln!(policy, "witness w{number} {vkey}").expect("a string");
        }
        TrustPolicy::parse(&(policy + tail))
    }

    fn checkpoint(cosigned: &[(u8, u64)]) -> String {
        let vectors = vectors();
        let mut note = Note::parse(text(&vectors["checkpoints"]["7"]["note"]).as_bytes()).expect("a note");
        for (number, time) in cosigned {
            let line = cosignature::sign(&witness(*number), note.text(), *time);
            note.push(line);
        }
        note.to_string()
    }

    #[test]
    fn quorums() {
        let nested = policy("group a 2 w1 w2 w3\ngroup b all a w4\nquorum b\n").expect("a policy");
        let check = |cosigned: &[(u8, u64)]| {
            nested.open(checkpoint(cosigned).as_bytes()).ok().and_then(|open| open.cosigned_at)
        };
        assert_eq!(check(&[]), None);
        assert_eq!(check(&[(1, 10), (2, 20), (3, 30)]), None);
        assert_eq!(check(&[(1, 10), (4, 20)]), None);
        assert_eq!(check(&[(1, 10), (2, 20), (4, 40)]), Some(10));
        assert_eq!(check(&[(1, 10), (2, 20), (3, 30), (4, 40)]), Some(20), "the two freshest count");
        assert_eq!(check(&[(1, 10), (1, 99), (4, 40)]), None, "a witness counts once");
        let none = policy("quorum none").expect("a policy");
        let open = none.open(checkpoint(&[(1, 10)]).as_bytes()).expect("no quorum needed");
        assert_eq!(open.cosigned_at, None);
        let bad = checkpoint(&[(1, 10)]).replace("— w1.example ", "— w2.example ");
        assert!(none.open(bad.as_bytes()).is_ok(), "name and key ID do not match: an unknown line");
    }

    #[test]
    fn the_vectors_policy() {
        let vectors = vectors();
        let policy = format!(
            "log {} https://log.example.org/test/\nwitness w1 {} https://witness.example.org/\n\
             group g 1 w1\nquorum g\n",
            text(&vectors["log"]["vkey"]),
            text(&vectors["witness"]["vkey"]),
        );
        let policy = TrustPolicy::parse(&policy).expect("a policy");
        let cosigned = text(&vectors["checkpoints"]["7"]["cosigned"]);
        let open = policy.open(cosigned.as_bytes()).expect("cosigned");
        assert_eq!((open.cosigned_at, open.note.as_str()), (Some(1_700_000_000), cosigned));
        let error =
            policy.open(text(&vectors["checkpoints"]["7"]["note"]).as_bytes()).expect_err("no quorum");
        assert_eq!(error, TrustError::Quorum { good: 0, known: 1 });
    }

    #[test]
    fn bad_policies_are_refused() {
        let w1 = witness(1).cosigner().to_vkey();
        let w1_as_log = witness(1).public().to_vkey();
        for bad in [
            "",
            "quorum w9",
            "quorum w1\nquorum w1",
            "quorum none\nquorum none",
            "group g 0 w1\nquorum g",
            "group g 2 w1\nquorum g",
            "group g 01 w1\nquorum g",
            "group g any\nquorum g",
            "group g all\nquorum g",
            "group g any w1 w1\nquorum g",
            "group g any w1\ngroup h any w1\nquorum g",
            "group g any h\ngroup h any w1\nquorum g",
            "group none any w1\nquorum none",
            "group w1 any w2\nquorum w1",
            "group g any none\nquorum g",
            "quorum none # not a comment",
            "witnesses w9\nquorum none",
            "quorum",
            "quorum none\r",
            &format!("witness w9 {w1}\nquorum none"),
            &format!("witness w9 {w1_as_log}\nquorum none"),
            &format!("log {w1}\nquorum none"),
            &format!("log {}\nquorum none", text(&vectors()["log"]["vkey"])),
        ] {
            assert!(policy(bad).is_err(), "{bad:?}");
        }
        let error = policy("quorum w9").expect_err("an unknown name");
        assert_eq!(error.to_string(), "trust policy line 7: \"w9\" is not defined above");
    }
}

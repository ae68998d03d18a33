//! The answers of logs in a file, with which verdicts are repeated without a network.
//!
//! ```json
//! {"schema": 1,
//!  "logs": [{"origin": "log.example",
//!            "exchanges": [{"keys": [{"release": {…}}], "answer": {"checkpoint": "…", …}}]}]}
//! ```
//!
//! Invariant: nothing in the file is believed. Each answer is checked under its checkpoint
//! as when it was received, for the keys beside it; and a verdict rests only on keys whose
//! lists are proven to be whole, so that a file from which something was taken proves less
//! and nothing else.
//!
//! Left out: the age of the checkpoints, which the caller shows: a file that was withdrawn
//! since is not seen.

use std::collections::BTreeSet;

use log_core::api::{LookupAnswer, LookupKey};
use log_core::limits::{MAX_LOOKUP_ANSWER_BYTES, MAX_LOOKUP_KEYS};
use log_core::trust_policy::TrustedCheckpoint;
use log_core::verdict::{Distrust, Facts, Trust, check_answer};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest file: four of the longest answers, which is far more than ten answers of the
/// usual size to 1,000 keys (a few MB each).
pub const MAX_PROOFS_BYTES: usize = 4 * MAX_LOOKUP_ANSWER_BYTES;

/// Most exchanges with one log: the keys of the longest lock file, and as many again for
/// answers that were cut.
const MAX_EXCHANGES: usize = 64;

/// Most logs, as in a trust file.
const MAX_LOGS: usize = 64;

/// The file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proofs {
    schema: u64,
    /// What each log said.
    pub logs: Vec<LogProofs>,
}

/// What one log said.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogProofs {
    /// The log.
    pub origin: String,
    /// Question by question.
    pub exchanges: Vec<Exchange>,
}

/// A question and its answer as it was received.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    keys: Vec<LookupKey>,
    answer: Box<RawValue>,
}

/// An exchange that was checked.
#[derive(Debug)]
pub struct Checked {
    /// The checkpoint that it is proven under.
    pub checkpoint: TrustedCheckpoint,
    /// What it proves.
    pub facts: Facts,
    /// The keys about which it proves everything.
    pub whole: BTreeSet<String>,
}

impl Proofs {
    /// What some logs said.
    pub fn new(logs: Vec<LogProofs>) -> Self {
        Self { schema: 1, logs }
    }

    /// Reads a file, of which nothing is checked yet.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MAX_PROOFS_BYTES {
            return Err(format!("it has more than {MAX_PROOFS_BYTES} bytes"));
        }
        let proofs: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if proofs.schema != 1 {
            return Err(format!("it has schema {}, expected 1: update wheeltap", proofs.schema));
        }
        let exchanges = |log: &LogProofs| log.exchanges.len();
        if proofs.logs.len() > MAX_LOGS
            || proofs.logs.iter().map(exchanges).any(|count| count > MAX_EXCHANGES)
        {
            return Err("it has more answers than any verification needs".to_owned());
        }
        Ok(proofs)
    }

    /// As a file; an error when it would be too long to be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut bytes = serde_json::to_vec(self).map_err(|error| error.to_string())?;
        bytes.push(b'\n');
        let too_many = self.logs.iter().any(|log| log.exchanges.len() > MAX_EXCHANGES);
        if too_many || bytes.len() > MAX_PROOFS_BYTES {
            return Err(
                "there are more proofs than one file holds: verify fewer lock files at once".to_owned()
            );
        }
        Ok(bytes)
    }

    /// What the log called `origin` said.
    pub fn of(&self, origin: &str) -> Option<&LogProofs> {
        self.logs.iter().find(|log| log.origin == origin)
    }
}

impl Exchange {
    /// A question with its answer.
    pub fn new(keys: Vec<LookupKey>, answer: &[u8]) -> Result<Self, serde_json::Error> {
        Ok(Self { keys, answer: serde_json::from_slice(answer)? })
    }

    /// Checks the answer, whatever its age.
    pub fn check(&self, trust: &Trust) -> Result<Checked, Distrust> {
        let malformed = |what: String| Distrust::Malformed(what);
        if self.keys.len() > MAX_LOOKUP_KEYS || self.answer.get().len() > MAX_LOOKUP_ANSWER_BYTES {
            return Err(malformed("it is longer than any answer".to_owned()));
        }
        let answer: LookupAnswer =
            serde_json::from_str(self.answer.get()).map_err(|error| malformed(error.to_string()))?;
        let checkpoint = trust.open_at_any_age(answer.checkpoint.as_bytes())?;
        let mut facts = check_answer(&trust.genesis, &checkpoint, &self.keys, &answer)?;
        let whole = self.keys.iter().zip(&answer.results);
        let whole = whole.filter(|(key, result)| key.from() == 0 && result.next.is_none());
        let whole = whole.filter(|(key, _)| key.index_key().is_some()).map(|(key, _)| name(key)).collect();
        // What is whole is said key by key.
        facts.complete = true;
        Ok(Checked { checkpoint, facts, whole })
    }
}

/// A key in one spelling.
pub fn name(key: &LookupKey) -> String {
    serde_json::to_string(key).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use log_core::artifact::{ProjectName, Version};
    use log_core::testing::{SmallLog, genesis, policy, signed_policy, signed_release};
    use log_core::trust_policy::TrustPolicy;

    use super::*;

    fn trust() -> Trust {
        let genesis = genesis();
        let policy = TrustPolicy::parse(&format!("log {}\nquorum none\n", genesis.log.to_vkey()));
        Trust { policy: policy.expect("a policy"), genesis, max_age: None }
    }

    fn key(version: &str) -> LookupKey {
        LookupKey::Release {
            project: ProjectName::parse("nova").expect("a name"),
            version: Version::parse(version).expect("a version"),
            from: 0,
        }
    }

    fn exchange() -> (Vec<LookupKey>, LookupAnswer) {
        let log = SmallLog::with(&[
            signed_policy(policy(), &["root1", "root2"]),
            signed_release("nova", "1.0", "a", "team"),
        ]);
        let keys = vec![key("1.0"), key("9.9")];
        let answer = log.answer(&keys);
        (keys, answer)
    }

    fn file(keys: &[LookupKey], answer: &LookupAnswer) -> Vec<u8> {
        let exchange =
            Exchange::new(keys.to_vec(), &serde_json::to_vec(answer).expect("JSON")).expect("JSON");
        let log = LogProofs { origin: "log.example".to_owned(), exchanges: vec![exchange] };
        Proofs::new(vec![log]).to_bytes().expect("a file")
    }

    fn check(bytes: &[u8]) -> Result<Checked, Distrust> {
        let proofs = Proofs::parse(bytes).expect("a file");
        proofs.of("log.example").expect("the log").exchanges[0].check(&trust())
    }

    #[test]
    fn what_was_received_is_checked_again() {
        let (keys, answer) = exchange();
        let checked = check(&file(&keys, &answer)).expect("proven");
        assert_eq!(checked.facts.releases.len(), 1);
        assert_eq!(checked.whole, keys.iter().map(name).collect());
    }

    #[test]
    fn what_was_taken_from_it_proves_less_and_nothing_else() {
        let (keys, answer) = exchange();
        let mut without = answer.clone();
        without.results[0].entries.clear();
        without.entries.clear();
        assert!(check(&file(&keys, &without)).is_err());
        let mut cut = answer.clone();
        cut.results[0].next = Some(0);
        let checked = check(&file(&keys, &cut)).expect("true, and not whole");
        assert_eq!(checked.whole, BTreeSet::from([name(&keys[1])]));
        // The answer to one question is none to another.
        let swapped = [keys[1].clone(), keys[0].clone()];
        assert!(check(&file(&swapped, &answer)).is_err());
        let mut other = answer;
        other.entries[0].entry = other.entries[0].entry.replacen('A', "B", 1);
        assert!(check(&file(&keys, &other)).is_err());
    }

    #[test]
    fn files_are_strict() {
        for (bad, says) in [
            ("{\"schema\":2,\"logs\":[]}", "schema 2"),
            ("{\"schema\":1,\"logs\":[],\"more\":1}", "more"),
            ("{\"schema\":1,\"logs\":[{\"origin\":\"a\",\"exchanges\":[{\"keys\":[]}]}]}", "answer"),
        ] {
            let error = Proofs::parse(bad.as_bytes()).expect_err(bad);
            assert!(error.contains(says), "{error} should say {says}");
        }
    }
}

//! The log's policy: who may publish what, and what the log covers.
//!
//! ```json
//! {"version": 1,
//!  "roots": {"threshold": 1, "keys": ["<vkey>"]},
//!  "publishers": [{"name": "release team", "keys": ["<vkey>"], "projects": ["nova", "oslo-*"]}],
//!  "projects": [{"pattern": "nova", "from": "13.0.0", "until": "30.0.0"}, {"pattern": "oslo-*"}]}
//! ```
//!
//! A pattern is a project's normalised name, or the start of one with `*` at the
//! end. `from` is the first covered version, `until` the first no longer covered.
//! Unknown fields are refused: a rule that is not understood must not be skipped.
//! Each list is exhaustive: whoever is not listed may not publish. What is left
//! out: checking signatures (`rules`).

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::artifact::{ProjectName, Version};
use crate::key::{KeyType, VerifierKey};
use crate::limits::{MAX_ENVELOPE_SIGNATURES, MAX_POLICY_ITEMS};

/// A policy in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// 1 for the first.
    pub version: u64,
    /// Who may make and change policies.
    pub roots: Roots,
    /// Who may publish.
    pub publishers: Vec<Publisher>,
    /// What is covered.
    pub projects: Vec<Coverage>,
}

/// Root keys, and how many of them must sign a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roots {
    /// How many signatures are needed.
    pub threshold: usize,
    /// The keys.
    pub keys: Vec<VerifierKey>,
}

/// Somebody who may publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Publisher {
    /// A name for people.
    pub name: String,
    /// The keys that sign for it.
    pub keys: Vec<VerifierKey>,
    /// The projects it publishes.
    pub projects: Vec<Pattern>,
}

/// Projects whose releases the log has all of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    /// Which projects.
    pub pattern: Pattern,
    /// The first covered version.
    pub from: Option<Version>,
    /// The first version that is no longer covered.
    pub until: Option<Version>,
}

/// A project's name, or the start of names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
}

/// Why a policy document was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// Not the JSON of a policy.
    #[error("not a policy: {0}")]
    Json(String),
    /// A field has a bad value.
    #[error("policy field `{field}`: {problem}")]
    Field {
        /// Which field.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// The document as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    version: u64,
    roots: RootsDocument,
    publishers: Vec<PublisherDocument>,
    projects: Vec<CoverageDocument>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct RootsDocument {
    threshold: usize,
    keys: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublisherDocument {
    name: String,
    keys: Vec<String>,
    projects: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverageDocument {
    pattern: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

impl Policy {
    /// Reads the JSON of a policy.
    pub fn parse(json: &str) -> Result<Self, PolicyError> {
        let document: PolicyDocument =
            serde_json::from_str(json).map_err(|error| PolicyError::Json(error.to_string()))?;
        // Refuses what serde reads and this crate would not write, such as arrays
        // for objects: a policy has one meaning for every reader.
        let read: Option<serde_json::Value> = serde_json::from_str(json).ok();
        if read != serde_json::to_value(&document).ok() {
            return Err(PolicyError::Json("expected objects, and no field that is null".to_owned()));
        }
        if document.version == 0 {
            return Err(field("version", "the first policy is version 1".into()));
        }
        let roots = Roots::new(document.roots.threshold, parse_keys("roots.keys", &document.roots.keys)?)?;
        check_count("publishers", document.publishers.len())?;
        check_count("projects", document.projects.len())?;
        let mut publishers: Vec<Publisher> = Vec::new();
        for (i, publisher) in document.publishers.iter().enumerate() {
            let at = |name: &str| format!("publishers[{i}].{name}");
            if publisher.name.is_empty() || publisher.name.chars().any(char::is_control) {
                return Err(field(&at("name"), "expected a name".into()));
            }
            check_count(&at("projects"), publisher.projects.len())?;
            let keys = parse_keys(&at("keys"), &publisher.keys)?;
            if let Some(key) = keys.iter().find(|key| publishers.iter().any(|other| other.keys.contains(key)))
            {
                return Err(field(&at("keys"), format!("{} is another publisher's, too", key.keyid())));
            }
            let projects =
                publisher.projects.iter().map(|text| Pattern::parse(text)).collect::<Result<_, _>>();
            let projects = projects.map_err(|problem| field(&at("projects"), problem))?;
            publishers.push(Publisher { name: publisher.name.clone(), keys, projects });
        }
        let projects = document.projects.iter().enumerate().map(|(i, coverage)| coverage.parse(i));
        Ok(Self {
            version: document.version,
            roots,
            publishers,
            projects: projects.collect::<Result<_, _>>()?,
        })
    }

    /// The document that says this.
    pub fn to_document(&self) -> PolicyDocument {
        let texts = |keys: &[VerifierKey]| keys.iter().map(VerifierKey::to_vkey).collect();
        PolicyDocument {
            version: self.version,
            roots: RootsDocument { threshold: self.roots.threshold, keys: texts(&self.roots.keys) },
            publishers: self
                .publishers
                .iter()
                .map(|publisher| PublisherDocument {
                    name: publisher.name.clone(),
                    keys: texts(&publisher.keys),
                    projects: publisher.projects.iter().map(|pattern| pattern.text.clone()).collect(),
                })
                .collect(),
            projects: self
                .projects
                .iter()
                .map(|coverage| CoverageDocument {
                    pattern: coverage.pattern.text.clone(),
                    from: coverage.from.as_ref().map(ToString::to_string),
                    until: coverage.until.as_ref().map(ToString::to_string),
                })
                .collect(),
        }
    }

    /// The publisher's key called `keyid`, with its owner.
    pub fn publisher_key(&self, keyid: &str) -> Option<(&VerifierKey, &Publisher)> {
        self.publishers
            .iter()
            .flat_map(|publisher| publisher.keys.iter().map(move |key| (key, publisher)))
            .find(|(key, _)| key.keyid() == keyid)
    }

    /// Whether the log has all releases of the project: of this version, or, with
    /// `None`, of some version.
    pub fn covers(&self, project: &ProjectName, version: Option<&Version>) -> bool {
        self.projects.iter().filter(|coverage| coverage.pattern.matches(project)).any(|coverage| {
            version.is_none_or(|version| {
                coverage.from.as_ref().is_none_or(|from| version >= from)
                    && coverage.until.as_ref().is_none_or(|until| version < until)
            })
        })
    }
}

impl Roots {
    /// Root keys of which `threshold` must sign.
    pub fn new(threshold: usize, keys: Vec<VerifierKey>) -> Result<Self, PolicyError> {
        check_keys("roots.keys", &keys)?;
        let most = keys.len().min(MAX_ENVELOPE_SIGNATURES);
        if !(1..=most).contains(&threshold) {
            let problem = format!("expected 1 to {most}: there are {} root keys", keys.len());
            return Err(field("roots.threshold", problem));
        }
        Ok(Self { threshold, keys })
    }
}

impl Publisher {
    /// Whether it may publish the project.
    pub fn may_publish(&self, project: &ProjectName) -> bool {
        self.projects.iter().any(|pattern| pattern.matches(project))
    }
}

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, String> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        // The start of a name may end in `-`; a whole name may not.
        let checked = if stem.len() < text.len() { stem.strip_suffix('-').unwrap_or(stem) } else { stem };
        if checked.is_empty() && text == "*" {
            return Ok(Self { text: text.to_owned() });
        }
        ProjectName::parse(checked).map_err(|error| format!("pattern {text:?}: {error}"))?;
        Ok(Self { text: text.to_owned() })
    }

    /// Whether the project is one of those meant.
    pub fn matches(&self, project: &ProjectName) -> bool {
        match self.text.strip_suffix('*') {
            Some(stem) => project.as_str().starts_with(stem),
            None => project.as_str() == self.text,
        }
    }
}

impl std::fmt::Display for Pattern {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl CoverageDocument {
    fn parse(&self, i: usize) -> Result<Coverage, PolicyError> {
        let at = |name: &str| format!("projects[{i}].{name}");
        let version = |name: &str, text: &Option<String>| {
            let parsed = text.as_deref().map(Version::parse).transpose();
            parsed.map_err(|error| field(&at(name), error.to_string()))
        };
        let pattern = Pattern::parse(&self.pattern).map_err(|problem| field(&at("pattern"), problem))?;
        let (from, until) = (version("from", &self.from)?, version("until", &self.until)?);
        if let (Some(from), Some(until)) = (&from, &until)
            && until <= from
        {
            return Err(field(&at("until"), format!("no version is from {from} on and before {until}")));
        }
        Ok(Coverage { pattern, from, until })
    }
}

fn parse_keys(at: &str, vkeys: &[String]) -> Result<Vec<VerifierKey>, PolicyError> {
    check_count(at, vkeys.len())?;
    if vkeys.is_empty() {
        return Err(field(at, "expected at least one key".into()));
    }
    let mut keys = Vec::new();
    for (i, vkey) in vkeys.iter().enumerate() {
        keys.push(VerifierKey::parse(vkey).map_err(|error| field(&format!("{at}[{i}]"), error.to_string()))?);
    }
    check_keys(at, &keys)?;
    Ok(keys)
}

/// Keys that sign statements, each once: one key under two names, or listed twice,
/// would count twice towards a threshold.
fn check_keys(at: &str, keys: &[VerifierKey]) -> Result<(), PolicyError> {
    for (i, key) in keys.iter().enumerate() {
        let at = format!("{at}[{i}]");
        if key.key_type() != KeyType::Ed25519 {
            return Err(field(&at, "expected an Ed25519 key of type 0x01".into()));
        }
        if keys[..i].iter().any(|other| other.public_bytes() == key.public_bytes()) {
            return Err(field(&at, "this key is there twice".into()));
        }
    }
    Ok(())
}

fn check_count(at: &str, count: usize) -> Result<(), PolicyError> {
    if count <= MAX_POLICY_ITEMS {
        return Ok(());
    }
    Err(field(at, format!("expected at most {MAX_POLICY_ITEMS} items")))
}

fn field(field: &str, problem: String) -> PolicyError {
    PolicyError::Field { field: field.to_owned(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{KeyName, SignerKey};

    fn vkey(name: &str, seed: u8) -> String {
        SignerKey::from_seed(KeyName::parse(name).expect("a name"), &[seed; 32]).public().to_vkey()
    }

    fn good() -> String {
        format!(
            r#"{{"version":1,"roots":{{"threshold":1,"keys":["{}"]}},"publishers":[{{"name":"team","keys":["{}"],"projects":["nova","oslo-*"]}}],"projects":[{{"pattern":"nova","from":"13.0.0","until":"30.0.0"}},{{"pattern":"oslo-*"}}]}}"#,
            vkey("root", 1),
            vkey("team", 2)
        )
    }

    fn project(name: &str) -> ProjectName {
        ProjectName::parse(name).expect("a name")
    }

    fn version(text: &str) -> Version {
        Version::parse(text).expect("a version")
    }

    #[test]
    fn a_policy_round_trips_and_decides() {
        let policy = Policy::parse(&good()).expect("a policy");
        assert_eq!(serde_json::to_string(&policy.to_document()).expect("JSON"), good());
        let (_, team) = policy.publisher_key(&policy.publishers[0].keys[0].keyid()).expect("known");
        assert!(team.may_publish(&project("nova")) && team.may_publish(&project("oslo-config")));
        assert!(!team.may_publish(&project("nova-x")) && !team.may_publish(&project("oslo")));
        assert!(policy.publisher_key("nobody+00000000").is_none());
        for (of, covered) in [("12.9", false), ("13.0.0", true), ("29.9", true), ("30.0", false)] {
            assert_eq!(policy.covers(&project("nova"), Some(&version(of))), covered, "{of}");
        }
        assert!(policy.covers(&project("nova"), None) && !policy.covers(&project("glance"), None));
        assert!(policy.covers(&project("oslo-log"), Some(&version("1!0"))));
    }

    #[test]
    fn a_key_counts_once_towards_a_threshold() {
        let key = |name: &str| VerifierKey::parse(&vkey(name, 1)).expect("a key");
        let cosigner = SignerKey::from_seed(KeyName::parse("c").expect("a name"), &[9; 32]).cosigner();
        assert!(Roots::new(2, vec![key("a"), key("a")]).is_err());
        assert!(Roots::new(2, vec![key("a"), key("b")]).is_err(), "one key under two names");
        assert!(Roots::new(1, vec![cosigner]).is_err(), "a cosigner's key signs no statements");
    }

    #[test]
    fn bad_policies_name_the_field() {
        let good = good();
        let (root, team) = (vkey("root", 1), vkey("team", 2));
        for (bad, names) in [
            ("{}".to_owned(), "version"),
            (good.replace("\"version\":1", "\"version\":0"), "`version`"),
            (good.replace("\"version\":1", "\"version\":1,\"cool\":1"), "cool"),
            (good.replace("\"threshold\":1", "\"threshold\":0"), "roots.threshold"),
            (good.replace("\"threshold\":1", "\"threshold\":2"), "roots.threshold"),
            (good.replace(&format!("[\"{root}\"]"), "[]"), "roots.keys"),
            (good.replace(&root, "root"), "roots.keys[0]"),
            (good.replace(&root, &format!("{root}\",\"{}", vkey("other", 1))), "roots.keys[1]"),
            (good.replace(&team, "x+y+z"), "publishers[0].keys[0]"),
            (good.replace("\"team\"", "\"\""), "publishers[0].name"),
            (good.replace("oslo-*\"]", "oslo_*\"]"), "publishers[0].projects"),
            (good.replace("oslo-*\"]", "*-x\"]"), "publishers[0].projects"),
            (good.replace("\"pattern\":\"nova\"", "\"pattern\":\"Nova\""), "projects[0].pattern"),
            (good.replace("13.0.0", "v13"), "projects[0].from"),
            (good.replace("13.0.0", "30.0"), "projects[0].until"),
            (good.replace("\"13.0.0\"", "null"), "null"),
            (
                good.replace(
                    &format!(r#"{{"threshold":1,"keys":["{root}"]}}"#),
                    &format!(r#"[1,["{root}"]]"#),
                ),
                "objects",
            ),
        ] {
            let error = Policy::parse(&bad).expect_err(&bad).to_string();
            assert!(error.contains(names), "{error} should name {names}");
        }
    }
}

//! The JSON of a policy: its one spelling, and all that is checked of it.
//!
//! Invariant: [`Policy::parse`] accepts exactly what [`Policy::to_document`] writes, up
//! to white space and the order of fields, so a policy has one meaning for every reader.

use serde::{Deserialize, Serialize};

use super::expected::check_times;
use super::{
    Coverage, Expected, Pattern, Policy, PolicyError, Publisher, PublisherKey, Roots, check_count,
    check_keys, field,
};
use crate::artifact::Version;
use crate::key::VerifierKey;
use crate::limits::MAX_COOL_DOWN;

/// The document as it is written.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyDocument {
    version: u64,
    roots: RootsDocument,
    #[serde(default, skip_serializing_if = "is_zero")]
    cool_down: u64,
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
    keys: Vec<KeyDocument>,
    projects: Vec<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    withdraw: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDocument {
    key: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CoverageDocument {
    pattern: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(default, skip_serializing_if = "Expected::is_empty")]
    expected: Expected,
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
            let problem =
                "expected objects, and no field that is null, false, zero or empty and may be left out";
            return Err(PolicyError::Json(problem.to_owned()));
        }
        document.to_policy()
    }

    /// The document that says this.
    pub fn to_document(&self) -> PolicyDocument {
        PolicyDocument {
            version: self.version,
            roots: RootsDocument {
                threshold: self.roots.threshold,
                keys: self.roots.keys.iter().map(VerifierKey::to_vkey).collect(),
            },
            cool_down: self.cool_down,
            publishers: self.publishers.iter().map(PublisherDocument::new).collect(),
            projects: self.projects.iter().map(CoverageDocument::new).collect(),
        }
    }
}

impl PolicyDocument {
    fn to_policy(&self) -> Result<Policy, PolicyError> {
        if self.version == 0 {
            return Err(field("version", "the first policy is version 1".into()));
        }
        if self.cool_down > MAX_COOL_DOWN {
            return Err(field("cool_down", format!("expected at most {MAX_COOL_DOWN} seconds")));
        }
        check_count("roots.keys", self.roots.keys.len())?;
        check_count("publishers", self.publishers.len())?;
        check_count("projects", self.projects.len())?;
        let mut root_keys = Vec::new();
        for (i, vkey) in self.roots.keys.iter().enumerate() {
            root_keys.push(parse_key(&format!("roots.keys[{i}]"), vkey)?);
        }
        if root_keys.is_empty() {
            return Err(field("roots.keys", "expected at least one key".into()));
        }
        let mut publishers: Vec<Publisher> = Vec::new();
        for (i, publisher) in self.publishers.iter().enumerate() {
            let publisher = publisher.parse(i)?;
            let taken = |key: &&PublisherKey| {
                publishers.iter().flat_map(|other| &other.keys).any(|other| other.key == key.key)
            };
            if let Some(key) = publisher.keys.iter().find(taken) {
                let problem = format!("{} is another publisher's, too", key.key.keyid());
                return Err(field(&format!("publishers[{i}].keys"), problem));
            }
            publishers.push(publisher);
        }
        let projects = self.projects.iter().enumerate().map(|(i, coverage)| coverage.parse(i));
        Ok(Policy {
            version: self.version,
            roots: Roots::new(self.roots.threshold, root_keys)?,
            cool_down: self.cool_down,
            publishers,
            projects: projects.collect::<Result<_, _>>()?,
        })
    }
}

impl PublisherDocument {
    fn new(publisher: &Publisher) -> Self {
        let key =
            |key: &PublisherKey| KeyDocument { key: key.key.to_vkey(), from: key.from, until: key.until };
        Self {
            name: publisher.name.clone(),
            keys: publisher.keys.iter().map(key).collect(),
            projects: publisher.projects.iter().map(|pattern| pattern.text.clone()).collect(),
            withdraw: publisher.withdraw,
        }
    }

    fn parse(&self, i: usize) -> Result<Publisher, PolicyError> {
        let at = |name: &str| format!("publishers[{i}].{name}");
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            return Err(field(&at("name"), "expected a name".into()));
        }
        check_count(&at("keys"), self.keys.len())?;
        check_count(&at("projects"), self.projects.len())?;
        if self.keys.is_empty() {
            return Err(field(&at("keys"), "expected at least one key".into()));
        }
        let mut keys = Vec::new();
        for (k, document) in self.keys.iter().enumerate() {
            let at = at(&format!("keys[{k}]"));
            check_times(&at, document.from, document.until)?;
            let key = parse_key(&at, &document.key)?;
            keys.push(PublisherKey { key, from: document.from, until: document.until });
        }
        let plain: Vec<VerifierKey> = keys.iter().map(|key| key.key.clone()).collect();
        check_keys(&at("keys"), &plain)?;
        let projects = self.projects.iter().map(|text| Pattern::parse(text)).collect::<Result<_, _>>();
        let projects = projects.map_err(|problem| field(&at("projects"), problem))?;
        Ok(Publisher { name: self.name.clone(), keys, projects, withdraw: self.withdraw })
    }
}

impl CoverageDocument {
    fn new(coverage: &Coverage) -> Self {
        Self {
            pattern: coverage.pattern.text.clone(),
            from: coverage.from.as_ref().map(ToString::to_string),
            until: coverage.until.as_ref().map(ToString::to_string),
            expected: coverage.expected.clone(),
        }
    }

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
        self.expected.check(&at("expected"))?;
        Ok(Coverage { pattern, from, until, expected: self.expected.clone() })
    }
}

fn parse_key(at: &str, vkey: &str) -> Result<VerifierKey, PolicyError> {
    VerifierKey::parse(vkey).map_err(|error| field(at, error.to_string()))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(flag: &bool) -> bool {
    !flag
}

//! How two policies differ, by what they mean: a pure function.
//!
//! A key is the same key whoever it is listed under and wherever it stands; so is a
//! pattern of covered projects. Each difference that lets somebody do more than before,
//! or promises less, says so ([`Change::weakens`]): it is what a root should read twice
//! before signing.
//!
//! Invariant: two policies without a difference allow and promise the same. What is left
//! out: the version number, and the order of things, which means nothing.

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;

use super::{Coverage, Expected, Policy, Publisher, PublisherKey};
use crate::key::VerifierKey;
use crate::times::{self, utc};

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Of what kind.
    pub kind: ChangeKind,
    /// What it is about: a key ID, a pattern.
    pub what: String,
    /// How it was; none when it was not there.
    pub before: Option<String>,
    /// How it is; none when it is gone.
    pub after: Option<String>,
    /// Why the new policy is weaker for it, if it is.
    pub weakens: Option<&'static str>,
}

/// The kinds of differences, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// How many roots must sign.
    Threshold,
    /// Who signs policies.
    Root,
    /// How long the next policy waits.
    CoolDown,
    /// A publisher's key: whose it is.
    Key,
    /// When a publisher's key counts.
    KeyTime,
    /// What a publisher's key may publish.
    KeyProjects,
    /// Whether a publisher's key may withdraw.
    KeyWithdraws,
    /// Of what the log has everything.
    Coverage,
    /// What package indexes are compared with.
    Expected,
}

const FEWER_ROOTS: &str = "fewer root keys can change the policy";
const SHORTER: &str = "there is less time to notice the next policy before it is in force";
const ANY_PROJECT: &str = "this key may publish every project";
const REVOCATION: &str = "what this key signed after its time had ended counts again";
const UNCOVERED: &str = "files that nobody logged are no longer noticed there";
const UNWATCHED: &str = "whoever watches the package index no longer compares this";

/// How `new` differs from `old`.
pub fn diff(old: &Policy, new: &Policy) -> Vec<Change> {
    let mut changes = Vec::new();
    roots(old, new, &mut changes);
    keys(old, new, &mut changes);
    coverage(old, new, &mut changes);
    changes.sort_by_key(|change| change.kind);
    changes
}

impl Change {
    fn new(kind: ChangeKind, what: impl fmt::Display, before: Option<String>, after: Option<String>) -> Self {
        Self { kind, what: what.to_string(), before, after, weakens: None }
    }

    fn weakens_if(mut self, weakens: bool, why: &'static str) -> Self {
        self.weakens = weakens.then_some(why).or(self.weakens);
        self
    }
}

impl fmt::Display for ChangeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Threshold => "threshold of",
            Self::Root => "root key",
            Self::CoolDown => "cool-down of",
            Self::Key => "publisher key",
            Self::KeyTime => "time of key",
            Self::KeyProjects => "projects of key",
            Self::KeyWithdraws => "withdrawals by key",
            Self::Coverage => "coverage of",
            Self::Expected => "expected of",
        })
    }
}

fn roots(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let shown = |policy: &Policy| format!("{} of {}", policy.roots.threshold, policy.roots.keys.len());
    let (before, after) = (shown(old), shown(new));
    if before != after {
        let fewer = new.roots.threshold < old.roots.threshold;
        let change = Change::new(ChangeKind::Threshold, "the roots", Some(before), Some(after));
        changes.push(change.weakens_if(fewer, FEWER_ROOTS));
    }
    let there = |keys: &[VerifierKey], key: &VerifierKey| keys.contains(key);
    for key in old.roots.keys.iter().filter(|key| !there(&new.roots.keys, key)) {
        changes.push(Change::new(ChangeKind::Root, key.keyid(), Some(key.to_vkey()), None));
    }
    for key in new.roots.keys.iter().filter(|key| !there(&old.roots.keys, key)) {
        changes.push(Change::new(ChangeKind::Root, key.keyid(), None, Some(key.to_vkey())));
    }
    if old.cool_down != new.cool_down {
        let seconds = |seconds: u64| Some(times::duration(seconds));
        let change = Change::new(
            ChangeKind::CoolDown,
            "the next policy",
            seconds(old.cool_down),
            seconds(new.cool_down),
        );
        changes.push(change.weakens_if(new.cool_down < old.cool_down, SHORTER));
    }
}

fn keys(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    for (key, publisher) in all_keys(old) {
        if let Some(now) = find(new, &key.key) {
            changed_key((key, publisher), now, changes);
        } else {
            let change = Change::new(ChangeKind::Key, key.key.keyid(), Some(shown(key, publisher)), None);
            changes.push(change.weakens_if(key.until.is_some(), REVOCATION));
        }
    }
    for (key, publisher) in all_keys(new).filter(|(key, _)| find(old, &key.key).is_none()) {
        let change = Change::new(ChangeKind::Key, key.key.keyid(), None, Some(shown(key, publisher)));
        changes.push(change.weakens_if(publishes_all(publisher), ANY_PROJECT));
    }
}

fn changed_key(
    (old, old_owner): (&PublisherKey, &Publisher),
    (new, new_owner): (&PublisherKey, &Publisher),
    changes: &mut Vec<Change>,
) {
    let keyid = new.key.keyid();
    let mut push = |kind, before: String, after: String, weakens, why| {
        if before != after {
            changes.push(Change::new(kind, &keyid, Some(before), Some(after)).weakens_if(weakens, why));
        }
    };
    // Keys are told apart by what they are, publishers only by what people call them.
    push(ChangeKind::Key, format!("of {}", old_owner.name), format!("of {}", new_owner.name), false, "");
    let longer = old.until.is_some_and(|until| new.until.is_none_or(|now| now > until));
    push(ChangeKind::KeyTime, span(old), span(new), longer, REVOCATION);
    let all = publishes_all(new_owner) && !publishes_all(old_owner);
    push(ChangeKind::KeyProjects, projects(old_owner), projects(new_owner), all, ANY_PROJECT);
    let may = |publisher: &Publisher| if publisher.withdraw { "allowed" } else { "not allowed" }.to_owned();
    push(ChangeKind::KeyWithdraws, may(old_owner), may(new_owner), false, "");
}

fn coverage(old: &Policy, new: &Policy, changes: &mut Vec<Change>) {
    let patterns: BTreeSet<&str> =
        old.projects.iter().chain(&new.projects).map(|coverage| coverage.pattern.as_str()).collect();
    for pattern in patterns {
        let of = |policy: &'_ Policy| -> Vec<Coverage> {
            policy.projects.iter().filter(|coverage| coverage.pattern.as_str() == pattern).cloned().collect()
        };
        let (before, after) = (of(old), of(new));
        let (spans_before, spans_after) = (spans(&before), spans(&after));
        if spans_before != spans_after {
            let less = !before.iter().all(|coverage| after.iter().any(|other| includes(other, coverage)));
            let change = Change::new(ChangeKind::Coverage, pattern, spans_before, spans_after);
            changes.push(change.weakens_if(less, UNCOVERED));
        }
        // What is no longer covered at all is not compared either; that was said.
        if !after.is_empty() {
            expectations(pattern, &before, &after, changes);
        }
    }
}

fn expectations(pattern: &str, before: &[Coverage], after: &[Coverage], changes: &mut Vec<Change>) {
    let shown = |lines: &[Coverage]| {
        let expected: Vec<&Expected> = lines.iter().map(|coverage| &coverage.expected).collect();
        let json: Vec<String> = expected
            .iter()
            .filter(|expected| !expected.is_empty())
            .map(|expected| serde_json::to_string(expected).unwrap_or_default())
            .collect();
        (!json.is_empty()).then(|| json.join(" "))
    };
    let (then, now) = (shown(before), shown(after));
    if then != now {
        let fields = |lines: &[Coverage]| -> BTreeSet<&'static str> {
            lines.iter().flat_map(|coverage| compared(&coverage.expected)).collect()
        };
        let dropped = !fields(before).is_subset(&fields(after));
        changes.push(Change::new(ChangeKind::Expected, pattern, then, now).weakens_if(dropped, UNWATCHED));
    }
}

/// What of a project is compared.
fn compared(expected: &Expected) -> Vec<&'static str> {
    let fields = [
        ("pypi", expected.pypi.is_some()),
        ("artifacts", !expected.artifacts.is_empty()),
        ("post_releases", expected.post_releases.is_some()),
        ("dev_releases", expected.dev_releases.is_some()),
        ("repository", expected.repository.is_some()),
        ("tarballs", expected.tarballs.is_some()),
        ("openpgp", !expected.openpgp.is_empty()),
    ];
    fields.into_iter().filter(|(_, there)| *there).map(|(field, _)| field).collect()
}

fn all_keys(policy: &Policy) -> impl Iterator<Item = (&PublisherKey, &Publisher)> {
    policy.publishers.iter().flat_map(|publisher| publisher.keys.iter().map(move |key| (key, publisher)))
}

fn find<'p>(policy: &'p Policy, key: &VerifierKey) -> Option<(&'p PublisherKey, &'p Publisher)> {
    all_keys(policy).find(|(other, _)| other.key == *key)
}

fn publishes_all(publisher: &Publisher) -> bool {
    publisher.projects.iter().any(|pattern| pattern.as_str() == "*")
}

/// What a key may do, in words.
fn shown(key: &PublisherKey, publisher: &Publisher) -> String {
    let withdraw = if publisher.withdraw { ", may withdraw" } else { "" };
    let span =
        if key.from.is_some() || key.until.is_some() { format!(", {}", span(key)) } else { String::new() };
    format!("of {}, publishes {}{withdraw}{span}", publisher.name, projects(publisher))
}

fn projects(publisher: &Publisher) -> String {
    let projects: BTreeSet<&str> = publisher.projects.iter().map(super::Pattern::as_str).collect();
    if projects.is_empty() {
        return "nothing".to_owned();
    }
    projects.into_iter().collect::<Vec<_>>().join(", ")
}

fn span(key: &PublisherKey) -> String {
    match (key.from, key.until) {
        (None, None) => "at all times".to_owned(),
        (Some(from), None) => format!("from {} on", utc(from)),
        (None, Some(until)) => format!("before {}", utc(until)),
        (Some(from), Some(until)) => format!("from {} on and before {}", utc(from), utc(until)),
    }
}

/// The versions that are covered; `None` for none.
fn spans(lines: &[Coverage]) -> Option<String> {
    let spans: BTreeSet<String> = lines.iter().map(Coverage::versions).collect();
    (!spans.is_empty()).then(|| spans.into_iter().collect::<Vec<_>>().join(" and "))
}

/// Whether all versions of `inner` are among those of `outer`.
fn includes(outer: &Coverage, inner: &Coverage) -> bool {
    let from = outer.from.as_ref().is_none_or(|from| inner.from.as_ref().is_some_and(|inner| inner >= from));
    let until =
        outer.until.as_ref().is_none_or(|until| inner.until.as_ref().is_some_and(|inner| inner <= until));
    from && until
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::Version;
    use crate::policy::{Pattern, Roots};
    use crate::testing::{policy, public};

    /// The differences after a change, as `kind what`, and with `!` when it weakens.
    fn changed(change: impl FnOnce(&mut Policy)) -> Vec<String> {
        let old = full();
        let mut new = old.clone();
        change(&mut new);
        let changes = diff(&old, &new);
        let back = diff(&new, &old);
        assert_eq!(changes.len(), back.len(), "what is a difference is one both ways");
        changes.iter().map(line).collect()
    }

    fn line(change: &Change) -> String {
        let mark = if change.weakens.is_some() { "! " } else { "" };
        let name = change.what.split('+').next().unwrap_or_default();
        format!("{mark}{}: {name}", change.kind)
    }

    fn full() -> Policy {
        let mut policy = policy();
        policy.cool_down = 100;
        policy.publishers[1].keys[0].until = Some(50);
        let version = |text: &str| Some(Version::parse(text).expect("a version"));
        policy.projects.push(Coverage {
            pattern: Pattern::parse("nova").expect("a pattern"),
            from: version("2"),
            until: version("5"),
            expected: Expected { post_releases: Some(false), ..Expected::default() },
        });
        policy
    }

    #[test]
    fn what_is_the_same_is_no_difference() {
        assert!(changed(|policy| policy.version = 7).is_empty());
        assert!(changed(|policy| policy.publishers.reverse()).is_empty());
        assert!(changed(|policy| policy.projects.reverse()).is_empty());
        assert!(changed(|policy| policy.roots.keys.reverse()).is_empty());
    }

    #[test]
    fn each_difference_is_told_and_what_weakens_is_marked() {
        let version = |text: &str| Some(Version::parse(text).expect("a version"));
        assert_eq!(changed(|policy| policy.roots.threshold = 1), ["! threshold of: the roots"]);
        assert_eq!(changed(|policy| policy.roots.threshold = 3), ["threshold of: the roots"]);
        let rotated = changed(|policy| {
            let keys = vec![public("root1"), public("root2"), public("root4")];
            policy.roots = Roots::new(2, keys).expect("2 of 3");
        });
        assert_eq!(rotated, ["root key: root3", "root key: root4"]);
        assert_eq!(changed(|policy| policy.cool_down = 99), ["! cool-down of: the next policy"]);
        assert_eq!(changed(|policy| policy.cool_down = 101), ["cool-down of: the next policy"]);
        assert_eq!(changed(|policy| drop(policy.publishers.remove(0))), ["publisher key: team"]);
        let all = |policy: &mut Policy| {
            policy.publishers[0].projects.push(Pattern::parse("*").expect("a pattern"));
        };
        assert_eq!(changed(all), ["! projects of key: team"]);
        let added = changed(|policy| {
            let mut publisher = policy.publishers[0].clone();
            publisher.keys[0].key = public("new");
            policy.publishers.push(publisher);
        });
        assert_eq!(added, ["publisher key: new"]);
        assert_eq!(changed(|policy| policy.publishers[0].withdraw = false), ["withdrawals by key: team"]);
        assert_eq!(changed(|policy| policy.publishers[0].name = "x".into()), ["publisher key: team"]);
        // A key's end is a revocation once it is in the past; it must not be lifted by
        // accident, which leaving the key out does, too.
        assert_eq!(changed(|policy| policy.publishers[0].keys[0].until = Some(9)), ["time of key: team"]);
        assert_eq!(changed(|policy| policy.publishers[1].keys[0].until = Some(51)), ["! time of key: oslo"]);
        assert_eq!(changed(|policy| policy.publishers[1].keys[0].until = None), ["! time of key: oslo"]);
        assert_eq!(changed(|policy| policy.publishers[1].keys[0].until = Some(49)), ["time of key: oslo"]);
        assert_eq!(changed(|policy| drop(policy.publishers.remove(1))), ["! publisher key: oslo"]);
        // Coverage, and what is expected.
        assert_eq!(changed(|policy| policy.projects[1].until = version("6")), ["coverage of: nova"]);
        assert_eq!(changed(|policy| policy.projects[1].until = version("4")), ["! coverage of: nova"]);
        assert_eq!(changed(|policy| policy.projects[1].from = None), ["coverage of: nova"]);
        assert_eq!(changed(|policy| drop(policy.projects.remove(0))), ["! coverage of: *"]);
        let expect = |post: Option<bool>| changed(|policy| policy.projects[1].expected.post_releases = post);
        assert_eq!(expect(Some(true)), ["expected of: nova"]);
        assert_eq!(expect(None), ["! expected of: nova"]);
    }
}

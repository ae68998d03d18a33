//! What is said of a new entry: a pure function of the entry, the policies around it, and
//! whose projects and keys are watched for.
//!
//! | entry | is said |
//! |---|---|
//! | a release or withdrawal of a watched project | who signed what, and whether that was me |
//! | a policy | each difference to the one before; who may publish is everybody's business |
//! | what cannot be read, or is not allowed at its place | always, whosever it is |
//!
//! Invariant: an entry is mine only when every key that signed it is.

use log_core::artifact::ProjectName;
use log_core::dsse::Envelope;
use log_core::follow::{Judged, Pushed};
use log_core::history::Violation;
use log_core::policy::{Change, Pattern, Policy, diff};
use log_core::statement::Statement;
use serde::Serialize;

/// Whom to watch for.
#[derive(Debug, Clone)]
pub struct Watch {
    /// The projects.
    pub projects: Vec<Pattern>,
    /// The key IDs that are mine.
    pub mine: Vec<String>,
}

/// What is said of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// Which entry.
    pub index: u64,
    /// Its time by the log's clock, in POSIX seconds, when it is known.
    pub time: Option<u64>,
    /// What it is.
    pub kind: Kind,
    /// Whether all its signatures are mine.
    pub mine: bool,
    /// The project.
    pub project: Option<ProjectName>,
    /// The version.
    pub version: Option<String>,
    /// The files, with their SHA-256.
    pub files: Vec<(String, String)>,
    /// The key IDs that signed it.
    pub signers: Vec<String>,
    /// More, for people.
    pub text: Vec<String>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A release.
    Release,
    /// A withdrawal.
    Withdrawal,
    /// A policy.
    Policy,
    /// No entry that this version can read.
    Unreadable,
    /// An entry that the policy in force at its place does not allow: the log broke a rule.
    NotAllowed,
}

impl Kind {
    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Withdrawal => "withdrawal",
            Self::Policy => "policy",
            Self::Unreadable => "unreadable",
            Self::NotAllowed => "not allowed",
        }
    }
}

impl Watch {
    fn is_watched(&self, project: &ProjectName) -> bool {
        self.projects.iter().any(|pattern| pattern.matches(project))
    }

    fn is_mine(&self, envelope: &Envelope) -> bool {
        let signatures = envelope.signatures();
        !signatures.is_empty() && signatures.iter().all(|signature| self.mine.contains(&signature.keyid))
    }

    /// What is said of entry `index`, and of those whose time it says; `before` is the
    /// newest policy before them.
    pub fn events(&self, index: u64, pushed: &Pushed, before: Option<&Policy>) -> Vec<Event> {
        let mut events = Vec::new();
        let mut newest = before;
        for judged in &pushed.judged {
            events.extend(self.judged(judged, newest));
            if let (Statement::Policy(policy), Ok(())) = (&judged.signed.statement, &judged.result) {
                newest = Some(&policy.policy);
            }
        }
        if let Err(violation) = &pushed.entry {
            let kind =
                if matches!(violation, Violation::Entry(_)) { Kind::Unreadable } else { Kind::NotAllowed };
            events.push(Event { text: vec![violation.to_string()], ..event(index, None, kind) });
        }
        events.sort_by_key(|event| event.index);
        events
    }

    fn judged(&self, judged: &Judged, before: Option<&Policy>) -> Option<Event> {
        let Judged { at, signed, result } = judged;
        let project = signed.statement.project().cloned();
        let refused = result.as_ref().err();
        if refused.is_none() && project.as_ref().is_some_and(|project| !self.is_watched(project)) {
            return None;
        }
        let (kind, version, files, mut text) = match &signed.statement {
            Statement::Release(release) => {
                let files = release.files.iter().map(|file| (file.name.to_string(), file.sha256.to_hex()));
                (Kind::Release, Some(release.version.to_string()), files.collect(), Vec::new())
            }
            Statement::Withdrawal(withdrawal) => {
                let files = withdrawal.files.iter().map(|file| (file.name.to_string(), file.sha256.to_hex()));
                let why = format!("{}: {}", withdrawal.reason, withdrawal.text);
                (Kind::Withdrawal, Some(withdrawal.version.to_string()), files.collect(), vec![why])
            }
            Statement::Policy(policy) => {
                let changes = before.map(|before| diff(before, &policy.policy));
                let text = changes.map_or_else(
                    || vec![format!("the first policy, version {}", policy.policy.version)],
                    |changes| changes.iter().map(change).collect(),
                );
                (Kind::Policy, None, Vec::new(), text)
            }
        };
        text.extend(refused.map(|refusal| format!("the log recorded what its policy refuses: {refusal}")));
        Some(Event {
            mine: refused.is_none() && self.is_mine(&signed.envelope),
            project,
            version,
            files,
            signers: signed.envelope.signatures().iter().map(|signature| signature.keyid.clone()).collect(),
            text,
            ..event(at.index, at.time, if refused.is_some() { Kind::NotAllowed } else { kind })
        })
    }
}

/// That a signed tree of this size, not zero, does not end as each has to: what it ends in is of
/// no round, so that nobody has judged it.
pub fn without_end(size: u64) -> Event {
    let text = "the signed tree does not end in an index commitment".to_owned();
    Event { text: vec![text], ..event(size - 1, None, Kind::NotAllowed) }
}

/// A difference between two policies, in a line.
fn change(change: &Change) -> String {
    let Change { kind, what, before, after, weakens } = change;
    let (before, after) = (before.as_deref().unwrap_or("none"), after.as_deref().unwrap_or("none"));
    let weaker = weakens.map(|why| format!(" (weaker: {why})")).unwrap_or_default();
    format!("{kind} {what}: {before} -> {after}{weaker}")
}

fn event(index: u64, time: Option<u64>, kind: Kind) -> Event {
    Event {
        index,
        time,
        kind,
        mine: false,
        project: None,
        version: None,
        files: Vec::new(),
        signers: Vec::new(),
        text: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use log_core::follow::Follower;
    use log_core::testing::{
        SmallLog, genesis, policy, public, signed_policy, signed_release, signed_withdrawal,
    };

    use super::*;

    /// What is said of a log: index, kind, whether it is mine.
    fn said(projects: &str, mine: &[&str]) -> Vec<(u64, Kind, bool)> {
        let mut log = SmallLog::default();
        log.round(1_000, &[signed_policy(policy(), &["root1", "root2"])]);
        log.round(
            2_000,
            &[signed_release("nova", "1.0", "a", "team"), signed_release("oslo-log", "1", "a", "oslo")],
        );
        log.round(3_000, &[signed_withdrawal("nova", "1.0", "a", "team")]);
        log.push_bytes(b"{}".to_vec(), &[]);
        log.round(4_000, &[signed_release("nova", "1.2", "a", "mallory")]);
        let mut next = policy();
        next.version = 2;
        next.cool_down = 60;
        log.round(5_000, &[signed_policy(next, &["root1", "root2"])]);
        let watch = Watch {
            projects: vec![Pattern::parse(projects).expect("a pattern")],
            mine: mine.iter().map(|name| public(name).keyid()).collect(),
        };
        let mut follower = Follower::new(genesis());
        let mut events = Vec::new();
        for entry in log.entries() {
            let before = follower.timeline().policies().last().map(|dated| dated.policy.clone());
            let index = follower.size();
            let pushed = follower.push(entry);
            events.extend(watch.events(index, &pushed, before.as_ref()));
        }
        assert_eq!(follower.root(), log.root());
        events.iter().map(|event| (event.index, event.kind, event.mine)).collect()
    }

    #[test]
    fn what_is_mine_and_what_is_not() {
        let nova = said("nova", &["team"]);
        assert_eq!(
            nova,
            [
                (0, Kind::Policy, false),
                (2, Kind::Release, true),
                (5, Kind::Withdrawal, true),
                (7, Kind::Unreadable, false),
                (8, Kind::NotAllowed, false),
                (10, Kind::Policy, false),
            ]
        );
        let oslo = said("oslo-*", &[]);
        assert_eq!(oslo[1], (3, Kind::Release, false));
        assert_eq!(oslo.len(), 5, "another's release is nobody's business, a broken rule is everybody's");
        let roots = said("nova", &["root1", "root2"]);
        assert!(roots[0].2 && !roots[1].2, "the policies are the roots' own");
        assert!(!said("nova", &["root1"])[0].2, "somebody else signed it, too");
    }
}

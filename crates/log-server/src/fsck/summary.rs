//! The log in figures and lists: who said how much, what was taken back, and what the
//! policy in force makes of it, beside the verdict.
//!
//! What is counted entry by entry is in [`Summary`]; what the whole history knows is
//! asked at the end, in [`Summary::to_json`]. Nothing here decides anything.

use std::collections::BTreeMap;

use log_core::entry::Entry;
use log_core::history::History;
use log_core::policy::Policy;
use log_core::statement::Statement;
use log_core::timeline::DatedPolicy;
use serde_json::{Value, json};

/// Items of a list that are named; of the others only the number is told.
const NAMED: usize = 100;

/// Figures of the entries read so far.
#[derive(Debug, Default)]
pub struct Summary {
    bytes: u64,
    releases: u64,
    withdrawals: u64,
    commitments: u64,
    statements_by_key: BTreeMap<String, u64>,
    first_time: Option<u64>,
}

/// Something that a reader of the log should know, with the entry that says it.
struct Remark {
    entry: u64,
    text: String,
}

impl Summary {
    /// Counts an entry that keeps the rules.
    pub fn count(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        match Entry::parse(bytes) {
            Ok(Entry::Commitment(commitment)) => {
                self.commitments += 1;
                self.first_time.get_or_insert(commitment.time);
            }
            Ok(Entry::Statement(signed)) => {
                match &signed.statement {
                    Statement::Policy(_) => {}
                    Statement::Release(_) => self.releases += 1,
                    Statement::Withdrawal(_) => self.withdrawals += 1,
                }
                for signature in signed.envelope.signatures() {
                    *self.statements_by_key.entry(signature.keyid.clone()).or_default() += 1;
                }
            }
            Err(_) => {}
        }
    }

    /// For programs.
    pub fn to_json(&self, history: &History) -> Value {
        let policy = history.policy().map(|(_, policy)| policy);
        let publishers = policy.iter().flat_map(|policy| &policy.publishers).map(|publisher| {
            let keys = publisher.keys.iter().map(|key| {
                let keyid = key.key.keyid();
                let statements = self.statements(&keyid);
                json!({ "key": keyid, "statements": statements, "from": key.from, "until": key.until })
            });
            json!({ "name": publisher.name, "keys": keys.collect::<Vec<_>>() })
        });
        let policies = history.timeline().policies().iter().map(|dated| {
            json!({
                "entry": dated.index,
                "version": dated.policy.version,
                "time": dated.time,
                "effective_at": dated.effective_at,
                "state": state(dated, history),
            })
        });
        json!({
            "entries": history.size(),
            "bytes": self.bytes,
            "commitments": self.commitments,
            "first_time": self.first_time,
            "newest_time": history.commitment().map(|commitment| commitment.time),
            "policies": policies.collect::<Vec<_>>(),
            "publishers": publishers.collect::<Vec<_>>(),
            "projects": history.projects().count(),
            "releases": self.releases,
            "withdrawals": self.withdrawals,
            "withdrawn": list(&withdrawn(history)),
            "revoked": list(&policy.map(|policy| revoked(history, policy)).unwrap_or_default()),
            "left": policy.map(left).unwrap_or_default(),
        })
    }

    /// For people.
    pub fn to_text(&self, history: &History) -> Vec<String> {
        let mut lines = vec![format!(
            "{} entries of {} bytes: {} releases of {} projects, {} withdrawals, {} policies, {} index commitments",
            history.size(),
            self.bytes,
            self.releases,
            history.projects().count(),
            self.withdrawals,
            history.timeline().policies().len(),
            self.commitments,
        )];
        for dated in history.timeline().policies() {
            lines.push(format!(
                "policy version {}, entry {}: {}",
                dated.policy.version,
                dated.index,
                state(dated, history)
            ));
        }
        let Some((_, policy)) = history.policy() else { return lines };
        for publisher in &policy.publishers {
            for key in &publisher.keys {
                let (keyid, until) = (key.key.keyid(), key.until);
                let statements = self.statements(&keyid);
                let until = until.map(|until| format!(", counts before {until}")).unwrap_or_default();
                lines.push(format!("{}, key {keyid}{until}: {statements} statements", publisher.name));
            }
        }
        say(&mut lines, "withdrawn", &withdrawn(history));
        say(&mut lines, "signed after its key had ended", &revoked(history, policy));
        lines.extend(left(policy).into_iter().map(|left| format!("no longer covered: {left}")));
        lines
    }

    fn statements(&self, keyid: &str) -> u64 {
        self.statements_by_key.get(keyid).copied().unwrap_or(0)
    }
}

fn state(dated: &DatedPolicy, history: &History) -> String {
    let now = history.commitment().map(|commitment| commitment.time);
    let in_force = history.policy().is_some_and(|(index, _)| index == dated.index);
    let waiting = history.timeline().waiting(now).is_some_and(|waiting| waiting.index == dated.index);
    match (dated.cancelled_by, dated.effective_at) {
        (Some(by), _) => format!("cancelled by entry {by}"),
        (None, Some(at)) if waiting => format!("waits until {at}"),
        (None, _) if in_force => "in force".to_owned(),
        (None, _) => "replaced".to_owned(),
    }
}

/// Files that their projects took back.
fn withdrawn(history: &History) -> Vec<Remark> {
    let withdrawals = history.projects().flat_map(|project| history.withdrawals(project));
    let remarks = withdrawals.flat_map(|recorded| {
        let withdrawal = &recorded.statement;
        withdrawal.files.iter().map(|file| Remark {
            entry: recorded.index,
            text: format!("{} of {} ({})", file.name, withdrawal.project, withdrawal.reason),
        })
    });
    remarks.collect()
}

/// Statements of keys that by the policy in force had ended when they signed.
fn revoked(history: &History, policy: &Policy) -> Vec<Remark> {
    let releases = history.projects().flat_map(|project| history.releases(project));
    let remarks = releases.filter_map(|recorded| {
        let key = |keyid: &&String| policy.revoked_since(keyid, recorded.time).is_some();
        let keyid = recorded.signers.iter().find(key)?;
        let release = &recorded.statement;
        let text = format!("{} {}, by {keyid}", release.project, release.version);
        Some(Remark { entry: recorded.index, text })
    });
    remarks.collect()
}

/// Projects that are covered up to some version only.
fn left(policy: &Policy) -> Vec<String> {
    let covered = policy.projects.iter();
    let left = covered.filter_map(|coverage| Some((coverage.pattern.to_string(), coverage.until.as_ref()?)));
    left.map(|(pattern, until)| format!("{pattern} from {until} on")).collect()
}

fn list(remarks: &[Remark]) -> Value {
    let named =
        remarks.iter().take(NAMED).map(|remark| json!({ "entry": remark.entry, "what": remark.text }));
    json!({ "count": remarks.len(), "first": named.collect::<Vec<_>>() })
}

fn say(lines: &mut Vec<String>, what: &str, remarks: &[Remark]) {
    lines.extend(
        remarks.iter().take(NAMED).map(|remark| format!("{what}, entry {}: {}", remark.entry, remark.text)),
    );
    if remarks.len() > NAMED {
        lines.push(format!("{what}: {} more", remarks.len() - NAMED));
    }
}

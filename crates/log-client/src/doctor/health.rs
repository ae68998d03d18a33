//! Whether verdicts can be had here at all: trust file, logs, clock, proxy.
//!
//! The I/O is the command's; here is only what is made of it.

use std::path::PathBuf;

use super::rules::{self, Rule};
use super::{Finding, Place, url};

/// How far a log's time may be ahead of this machine's, in seconds: the time of a round
/// and what clocks differ by.
const MAX_AHEAD: u64 = 60;

/// What was seen of the machine.
#[derive(Debug, Clone, Default)]
pub struct Health {
    /// The trust file, or why it cannot be used.
    pub trust: Option<(PathBuf, Trust)>,
    /// Whether what no log covers passes, and there may be such projects.
    pub lets_uncovered_pass: bool,
    /// Each log, by its origin.
    pub logs: Vec<(String, LogHealth)>,
    /// What is wrong with the proxy, when one was asked.
    pub proxy: Option<(String, String)>,
    /// The proxy, when it serves pages only.
    pub index_only: Option<String>,
}

/// The trust file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It is good.
    Good,
    /// It cannot be read or is none.
    Unusable(String),
    /// Others than its owner may write it.
    Writable,
}

/// A log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogHealth {
    /// Its newest checkpoint is believed.
    Good {
        /// The time of its newest entries.
        log_time: Option<u64>,
        /// This machine's time.
        now: u64,
    },
    /// Nothing answered, or with an error.
    Unreachable(String),
    /// It answered, and nothing comes of it here.
    NoVerdict(String),
    /// What it answered is not believed.
    NotBelieved(String),
    /// What it answered is of the future.
    Clock(String),
}

/// What is wrong.
pub fn findings(health: &Health) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut push = |rule: &'static Rule, place: Place, what: String| {
        found.push(Finding { rule, place, what });
    };
    if let Some((path, trust)) = &health.trust {
        let place = Place::File(path.clone(), None);
        if health.lets_uncovered_pass {
            push(&rules::UNCOVERED, place.clone(), "uncovered = \"pass\", which is the default".to_owned());
        }
        match trust {
            Trust::Good => {}
            Trust::Unusable(why) => push(&rules::TRUST_FILE, place, why.clone()),
            Trust::Writable => {
                push(&rules::TRUST_FILE_WRITABLE, place, "its group or everybody may write it".to_owned());
            }
        }
    }
    for (origin, log) in &health.logs {
        let (rule, why) = match log {
            LogHealth::Good { log_time: Some(time), now } if *time > now.saturating_add(MAX_AHEAD) => {
                let why = format!("its newest entries are {} s in the future of this machine", time - now);
                (&rules::CLOCK, why)
            }
            LogHealth::Good { .. } => continue,
            LogHealth::Unreachable(why) => (&rules::LOG_UNREACHABLE, why.clone()),
            LogHealth::NoVerdict(why) => (&rules::NO_VERDICT, why.clone()),
            LogHealth::NotBelieved(why) => (&rules::LOG_NOT_BELIEVED, why.clone()),
            LogHealth::Clock(why) => (&rules::CLOCK, why.clone()),
        };
        push(rule, Place::Machine, format!("{origin}: {}", url::shown(&why)));
    }
    if let Some((address, why)) = &health.proxy {
        push(
            &rules::PROXY_UNREACHABLE,
            Place::Machine,
            format!("{}: {}", url::shown(address), url::shown(why)),
        );
    }
    if let Some(address) = &health.index_only {
        push(&rules::PROXY_INDEX_ONLY, Place::Machine, url::shown(address));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_illness_has_its_finding() {
        let check = |health: Health| findings(&health).iter().map(|found| found.rule.id).collect::<Vec<_>>();
        let trust = |trust| Health { trust: Some(("t".into(), trust)), ..Health::default() };
        let log = |log| Health { logs: vec![("log.example".to_owned(), log)], ..Health::default() };
        assert_eq!(check(trust(Trust::Good)), [] as [&str; 0]);
        assert_eq!(check(trust(Trust::Unusable("x".to_owned()))), ["trust-file"]);
        assert_eq!(check(trust(Trust::Writable)), ["trust-file-writable"]);
        let good = |log_time| log(LogHealth::Good { log_time, now: 1_000 });
        assert_eq!(check(good(None)), [] as [&str; 0]);
        assert_eq!(check(good(Some(1_060))), [] as [&str; 0]);
        assert_eq!(check(good(Some(1_061))), ["clock"]);
        assert_eq!(check(log(LogHealth::Clock("x".to_owned()))), ["clock"]);
        assert_eq!(check(log(LogHealth::Unreachable("x".to_owned()))), ["log-unreachable"]);
        assert_eq!(check(log(LogHealth::NoVerdict("x".to_owned()))), ["no-verdict"]);
        assert_eq!(check(log(LogHealth::NotBelieved("x".to_owned()))), ["log-not-believed"]);
        let passes = Health { lets_uncovered_pass: true, ..trust(Trust::Good) };
        assert_eq!(check(passes), ["uncovered-projects"]);
        let pages = Health { index_only: Some("http://h/".to_owned()), ..Health::default() };
        assert_eq!(check(pages), ["proxy-index-only"]);
        let proxy = Some(("http://u:p@h/".to_owned(), "refused".to_owned()));
        let found = findings(&Health { proxy, ..Health::default() });
        assert_eq!(found[0].what, "http://…@h/: refused");
    }
}

//! What goes round a verifying index, or weakens it: the decisions of `wheeltap doctor`.
//!
//! From the environment's variables and the text of files to findings; pure. Only what is
//! written down is seen: not what somebody types on a command line, nor what a script does.
//!
//! | module | owns |
//! |---|---|
//! | [`rules`] | what can be found: identity, severity, why, next step |
//! | [`place`] | which files there are to read, and what kind each is |
//! | `include` | which files a file or a variable names |
//! | [`surroundings`] | what was read |
//! | [`read`] | reading it: the one part that is not pure |
//! | [`collect`] | findings, bounded and in order |
//! | [`url`] | addresses: which are the proxy's, and how they are shown |
//! | [`ini`], [`toml_file`], [`words`] | formats, with line numbers |
//! | [`options`] | what pip and uv take on a command line and in requirements files |
//! | [`tox_read`], [`tox_env`] | tox's settings, from INI and TOML; the variables among them |
//! | [`pip`], [`uv`], [`tox`], [`pyproject`], [`requirements`], [`locks`] | one tool or file each |
//! | [`health`] | trust file, log, clock and proxy |
//!
//! Invariants: a line number is a line of the file; no credentials are in a finding.

pub mod collect;
pub mod health;
pub mod include;
pub mod ini;
pub mod locks;
pub mod options;
pub mod pip;
pub mod place;
pub mod pyproject;
pub mod read;
pub mod requirements;
pub mod rules;
pub mod surroundings;
pub mod toml_file;
pub mod tox;
pub mod tox_env;
pub mod tox_read;
pub mod url;
pub mod uv;
pub mod words;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use collect::Findings;
use place::Kind;
use rules::{Rule, Severity};
use surroundings::Surroundings;

/// What the environment is judged by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// By a proxy at this address, at which every tool has to be pointed.
    Proxy(String),
    /// As `wheeltap run` leaves it, which points tools at its proxy and sets aside what
    /// goes round it, as far as that goes.
    Run,
}

/// One thing that goes round the proxy, or weakens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is.
    pub rule: &'static Rule,
    /// Where it is.
    pub place: Place,
    /// What stands there, without credentials.
    pub what: String,
}

/// Where a finding is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// An environment variable.
    Variable(String),
    /// A line of a file, counted from 1; none when the whole file is meant.
    File(PathBuf, Option<usize>),
    /// This machine, or what it talks to.
    Machine,
}

impl Target {
    /// Whether an address is the proxy's.
    pub fn is_proxy(&self, address: &str) -> bool {
        match self {
            Self::Proxy(proxy) => {
                // Its files are beside its pages, and a lock may name them.
                let root = proxy.trim_end_matches('/').strip_suffix("/simple");
                let files = root.map(|root| format!("{root}/files"));
                url::is_below(address, proxy) || files.is_some_and(|files| url::is_below(address, &files))
            }
            Self::Run => false,
        }
    }
}

/// All that goes round or weakens the target, the worst first.
pub fn findings(surroundings: &Surroundings, target: &Target) -> Vec<Finding> {
    let mut found = Findings::new(surroundings, target);
    pip::judge(surroundings, &mut found);
    uv::judge(surroundings, &mut found);
    pyproject::judge_variables(surroundings, &mut found);
    for file in &surroundings.files {
        let text = &file.text;
        match file.kind {
            // These are judged together, since one goes before the other.
            Kind::PipConf(_) => {}
            Kind::UvToml => uv::judge_file(&file.path, text, &mut found),
            Kind::Pyproject => pyproject::judge_file(&file.path, text, &mut found),
            Kind::HatchToml => pyproject::judge_hatch_file(&file.path, text, &mut found),
            Kind::ToxIni => tox::judge_ini(&file.path, text, "", &mut found),
            Kind::ToxToml => tox::judge_toml_text(&file.path, text, &mut found),
            Kind::SetupCfg => {
                tox::judge_ini(&file.path, text, "tox:", &mut found);
                pip::judge_setup_cfg(&file.path, text, &mut found);
            }
            Kind::Requirements => requirements::judge(&file.path, text, &mut found),
            Kind::ToxEnv => tox_env::judge_file(&file.path, text, &mut found),
            Kind::CondaEnvironment => requirements::judge_conda(&file.path, text, &mut found),
            Kind::Pipfile | Kind::PdmToml => pyproject::judge_sources(&file.path, text, &mut found),
            Kind::TomlLock => locks::judge_toml(&file.path, text, &mut found),
            Kind::JsonLock => locks::judge_json(&file.path, text, &mut found),
        }
    }
    for (path, why) in &surroundings.unread {
        found.push(&rules::UNREAD, Place::File(path.clone(), None), why);
    }
    for (path, why) in &surroundings.missing {
        found.push(&rules::NO_SUCH_FILE, Place::File(path.clone(), None), why);
    }
    found.finish()
}

/// The severity of the worst finding.
pub fn worst(findings: &[Finding]) -> Option<Severity> {
    findings.iter().map(|finding| finding.rule.severity).max()
}

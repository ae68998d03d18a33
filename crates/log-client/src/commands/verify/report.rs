//! How verdicts are printed: a line for each file and entry, or one JSON document.

use log_core::artifact::FileName;
use log_core::hash::Hash;
use log_core::times;
use log_core::verdict::{Facts, Verdict};
use log_io::outcome::{Exit, Failure, note, print, shown};
use log_io::sessions::Sessions;
use serde_json::{Value, json};

use super::gather::{Gathered, GivenLock};
use super::judged::{Judged, Rules, severity};
use super::told::Told;
use crate::locks::Wanted;
use crate::locks::conclude::{Conclusion, conclude, subjects};
use crate::locks::installed::{Traces, with_traces};

/// What was judged, under which trees.
pub(super) struct Report {
    files: Vec<Judged>,
    locks: Vec<JudgedLock>,
    logs: Vec<LogShown>,
    /// Whether each log that was asked has answered.
    whole: bool,
    source: Source,
}

struct JudgedLock {
    path: String,
    kind: &'static str,
    entries: Vec<Judged>,
}

struct LogShown {
    origin: String,
    size: u64,
    log_time: Option<u64>,
    cosigned_at: Option<u64>,
}

/// What the verdicts rest on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    Asked,
    Saved,
    Beside,
}

impl Report {
    /// The verdicts, from what the logs said.
    pub(super) fn new(
        gathered: &Gathered,
        told: &Told,
        hints: &[Facts],
        sessions: &Sessions,
        rules: Rules,
        offline: bool,
    ) -> Self {
        let files = gathered.files.iter().map(|given| {
            let result = match &given.result {
                Ok((file, subject)) => {
                    told.judge(subject, sessions).map(|verdict| with_hint(verdict, file.sha256, hints))
                }
                Err(error) => Err(given.cannot_be_judged(error)),
            };
            Judged::file(given, result)
        });
        let locks = gathered.locks.iter().map(|lock| judge_lock(lock, told, sessions, rules));
        let logs = told.logs().filter_map(|log| {
            let known = log.known.as_ref()?;
            let (size, log_time) = (known.size, known.facts.log_time);
            Some(LogShown { origin: log.origin.clone(), size, log_time, cosigned_at: log.cosigned_at })
        });
        let source = if offline { Source::Saved } else { Source::Asked };
        let whole = told.is_whole();
        Self { files: files.collect(), locks: locks.collect(), logs: logs.collect(), whole, source }
    }

    /// The verdicts from proofs beside the files.
    pub(super) fn beside(files: Vec<Judged>) -> Self {
        Self { files, locks: Vec::new(), logs: Vec::new(), whole: true, source: Source::Beside }
    }

    fn all(&self) -> impl Iterator<Item = &Judged> {
        self.files.iter().chain(self.locks.iter().flat_map(|lock| &lock.entries))
    }

    fn count(&self, is: impl Fn(&Judged) -> bool) -> usize {
        self.all().filter(|judged| is(judged)).count()
    }

    /// The exit code: that of the worst verdict. Of an empty file there is none to fear.
    pub(super) fn worst(&self) -> Exit {
        let worst = self.all().map(|judged| judged.exit).max_by_key(|exit| severity(*exit));
        worst.unwrap_or(if self.locks.is_empty() { Exit::Failed } else { Exit::Ok })
    }

    pub(super) fn print_text(&self) {
        let width = self.all().map(|judged| judged.word().len()).max().unwrap_or(0);
        for judged in self.all() {
            let label = shown(&judged.label);
            print(format_args!("{:width$}  {label}  ({})", judged.word(), shown(&judged.reason())));
            if let Some(next_step) = judged.next_step() {
                note(format_args!("hint: {label}: {next_step}"));
            }
        }
        note(format_args!("{}{}", self.summary(), self.scope()));
        let version_only = self.count(|judged| judged.word() == "version only");
        if version_only > 0 {
            note(format_args!(
                "{version_only} by version only: an installer may take another file of that version, even one \
                 that is not logged; `wheeltap lock` adds the hashes, --require-hashes insists on them"
            ));
        }
    }

    /// How many there are of each sort.
    fn summary(&self) -> String {
        let total = self.all().count();
        let verified = self.count(|judged| judged.word() == "verified");
        let mut parts = vec![format!("{verified} of {total} verified")];
        for (word, text) in
            [("version only", "by version only"), ("not covered", "not covered"), ("local", "local")]
        {
            let count = self.count(|judged| judged.word() == word && judged.exit == Exit::Ok);
            if count > 0 {
                parts.push(format!("{count} {text}"));
            }
        }
        let failed = self.count(|judged| judged.exit != Exit::Ok);
        if failed > 0 && parts.len() > 1 {
            parts.push(format!("{failed} FAILED"));
        }
        parts.join(", ")
    }

    /// What the verdicts rest on, and what they leave open.
    fn scope(&self) -> String {
        let tree = |log: &LogShown| format!("{} at size {}", log.origin, log.size);
        let trees = self.logs.iter().map(tree).collect::<Vec<_>>().join(" and ");
        let all_verified = self.all().all(|judged| judged.word() == "verified" && judged.exit == Exit::Ok);
        let against = if all_verified { " against" } else { "; checked against" };
        match self.source {
            Source::Beside if self.count(|judged| judged.word() == "verified") == 0 => {
                " offline, from the proofs beside the files".to_owned()
            }
            Source::Beside => {
                " offline: inclusion and authority are proven, not that nothing else is logged, nor \
                          that the files were not withdrawn and no key was revoked since"
                    .to_owned()
            }
            _ if self.logs.is_empty() => String::new(),
            Source::Asked if !self.whole => format!("{against} {trees}"),
            Source::Asked if self.logs.len() > 1 => {
                format!("{against} {trees}; the logs proved that they have nothing else under these names")
            }
            Source::Asked => {
                format!("{against} {trees}; the log proved that it has nothing else under these names")
            }
            Source::Saved => {
                let times = self.logs.iter().filter_map(|log| log.cosigned_at.or(log.log_time));
                let since = times.min().map(|time| format!(" of {}", times::utc(time))).unwrap_or_default();
                format!(
                    " offline against the saved answers{since} of {trees}; what was logged, withdrawn or \
                     revoked since is not seen"
                )
            }
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let log = |log: &LogShown| {
            json!({
                "origin": log.origin, "size": log.size, "log_time": log.log_time,
                "cosigned_at": log.cosigned_at,
            })
        };
        let lock = |lock: &JudgedLock| {
            let entries: Vec<Value> = lock.entries.iter().map(Judged::to_json).collect();
            json!({"path": lock.path, "kind": lock.kind, "entries": entries})
        };
        let passed = |word: &str| self.count(|judged| judged.word() == word && judged.exit == Exit::Ok);
        json!({
            "schema": 2,
            "logs": self.logs.iter().map(log).collect::<Vec<_>>(),
            "offline": self.source != Source::Asked,
            "complete": self.source != Source::Beside && self.whole && !self.logs.is_empty(),
            "summary": {
                "total": self.all().count(),
                "verified": passed("verified"),
                "version_only": passed("version only"),
                "not_covered": passed("not covered"),
                "local": passed("local"),
                "failed": self.count(|judged| judged.exit != Exit::Ok),
                "exit_code": self.worst().code(),
            },
            "files": self.files.iter().map(Judged::to_json).collect::<Vec<_>>(),
            "locks": self.locks.iter().map(lock).collect::<Vec<_>>(),
        })
    }
}

fn judge_lock(lock: &GivenLock, told: &Told, sessions: &Sessions, rules: Rules) -> JudgedLock {
    let path = lock.path.display().to_string();
    let judge = |(at, wanted): (usize, &Wanted)| {
        let result = judge_entry(wanted, lock.traces.get(at), told, sessions);
        Judged::entry(&path, lock.kind, wanted, result, rules)
    };
    let entries = lock.wanted.iter().enumerate().map(judge).collect();
    JudgedLock { kind: lock.kind.as_str(), entries, path }
}

/// The log that is asked about the project has the say; of a URL whose name may be that of
/// several projects, each log about its own.
fn judge_entry(
    wanted: &Wanted,
    traces: Option<&Traces>,
    told: &Told,
    sessions: &Sessions,
) -> Result<Conclusion, Failure> {
    let releases = subjects(wanted);
    if let Some(project) = &wanted.project {
        let facts = told.facts(sessions, project, &releases)?;
        let conclusion = conclude(wanted, facts);
        return Ok(match traces {
            Some(traces) => with_traces(conclusion, traces, facts),
            None => conclusion,
        });
    }
    let mut conclusion = conclude(wanted, None);
    for (project, version) in &releases {
        let facts = told.facts(sessions, project, &[(project.clone(), version.clone())])?;
        match conclude(wanted, facts) {
            Conclusion::NotCovered { .. } => {}
            verified @ Conclusion::Verified { .. } => conclusion = verified,
            other => return Ok(other),
        }
    }
    Ok(conclusion)
}

fn with_hint(verdict: Verdict, sha256: Hash, hints: &[Facts]) -> Verdict {
    let Verdict::NotLogged { project, version, release_logged, logged_as: None } = verdict else {
        return verdict;
    };
    let releases = hints.iter().flat_map(|facts| &facts.releases);
    let files = releases.flat_map(|release| &release.statement.files);
    let logged_as: Option<FileName> =
        files.filter(|file| file.sha256 == sha256).map(|file| file.name.clone()).next();
    Verdict::NotLogged { project, version, release_logged, logged_as }
}

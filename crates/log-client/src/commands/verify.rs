//! `wheeltap verify`: a verdict on each file, and an exit code for the worst.

use std::path::PathBuf;

use clap::Args;
use log_core::api::{HexDigest, LookupKey};
use log_core::artifact::ProjectName;
use log_core::proof_file::ProofFile;
use log_core::verdict::{self, Facts, Subject, Verdict, check_proof_file};
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Exit, Failure, Outcome, note, print, shown};
use log_io::session::Session;
use log_io::{clock, durable};
use serde_json::{Value, json};

use crate::cli;
use crate::facts;
use crate::files::{self, HashedFile};

/// Arguments of `wheeltap verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Online, the log is asked about each file; a log behind a static web server is read whole.
Offline, <file>.tlog-proof beside the file is checked: who logged it, not what else is logged.

The exit code is that of the worst verdict:
   0  verified                           all files
  10  not logged / not covered           the log has no such file
  11  other hash                         the log has other bytes under this name
   1  no verdict / ambiguous             a file could not be read, the log not be reached, or the
                                         name is a file of several projects: say which
  12, 13 as in `wheeltap --help`")]
pub struct VerifyArgs {
    /// The files
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The project, when it does not follow from the file names
    #[arg(long, value_parser = cli::project)]
    project: Option<ProjectName>,
    /// Use the proof files beside the files, and no network
    #[arg(long)]
    offline: bool,
    /// How to print the verdicts
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

/// A file with what is concluded about it, or why nothing is.
struct Judged {
    file: PathBuf,
    sha256: Option<String>,
    result: Result<Verdict, Failure>,
}

/// What was judged, under which tree.
struct Report {
    files: Vec<Judged>,
    size: Option<u64>,
    log_time: Option<u64>,
    /// Whether a file that is not among the facts is not in the log.
    complete: bool,
}

/// Verifies files.
pub async fn run(args: &VerifyArgs) -> Outcome {
    let session = args.log.session("wheeltap")?;
    let now = clock::now();
    let hashed = files::hash_all(&args.files).await;
    let report = if args.offline {
        judge_offline(args, &session, hashed)
    } else {
        judge_online(args, &session, hashed, now).await?
    };
    let worst = report.files.iter().map(Judged::exit).max_by_key(|exit| severity(*exit));
    match args.format {
        Format::Text => print_text(&report, &session, args.offline),
        Format::Json => print(format_args!("{:#}", to_json(&report, &session, args.offline))),
    }
    Ok(worst.unwrap_or(Exit::Failed))
}

async fn judge_online(
    args: &VerifyArgs,
    session: &Session,
    hashed: Vec<anyhow::Result<HashedFile>>,
    now: u64,
) -> Result<Report, Failure> {
    let mut subjects = Vec::new();
    let mut keys: Vec<LookupKey> = Vec::new();
    for file in hashed {
        let subject = file.and_then(|file| Ok((subject(&file, args.project.as_ref())?, file)));
        if let Ok((subject, _)) = &subject {
            for (project, version) in &subject.candidates {
                let (project, name, version) = (project.clone(), subject.name.clone(), version.clone());
                keys.push(LookupKey::File { project: project.clone(), name, from: 0 });
                keys.push(LookupKey::Release { project, version, from: 0 });
            }
        }
        subjects.push(subject);
    }
    if keys.is_empty() {
        // Not one file could be judged; there is nothing to ask.
        let files = subjects.into_iter().zip(&args.files).map(|(subject, path)| Judged {
            file: path.clone(),
            sha256: None,
            result: Err(subject.err().map_or_else(|| Failure::new("no verdict"), Failure::from)),
        });
        return Ok(Report { files: files.collect(), size: None, log_time: None, complete: false });
    }
    let known = facts::ask(session, &keys, now).await?;
    if !known.facts.complete {
        return Err(Failure::new("the log does not prove that its answer is all that it has")
            .hint("verify fewer files at once, or against a static mirror of the log"));
    }
    let hints = hints(session, &subjects, &known.facts, now).await;
    let files = subjects.into_iter().zip(&args.files).map(|(subject, path)| match subject {
        Ok((subject, _)) => Judged {
            file: path.clone(),
            sha256: Some(subject.sha256.to_hex()),
            result: Ok(with_hint(verdict::judge(&subject, &known.facts), &subject, hints.as_ref())),
        },
        Err(error) => Judged { file: path.clone(), sha256: None, result: Err(error.into()) },
    });
    Ok(Report {
        files: files.collect(),
        size: Some(known.size),
        log_time: known.facts.log_time,
        complete: known.facts.complete,
    })
}

/// What else is known of the bytes of files that are not logged by their names.
/// Anybody may log any digest, so this is for the explanation only.
async fn hints(
    session: &Session,
    subjects: &[anyhow::Result<(Subject, HashedFile)>],
    facts: &Facts,
    now: u64,
) -> Option<Facts> {
    let unknown = subjects.iter().filter_map(|subject| subject.as_ref().ok()).filter(|(subject, _)| {
        matches!(verdict::judge(subject, facts), Verdict::NotLogged { logged_as: None, .. })
    });
    let digest = |sha256| LookupKey::Digest { sha256: HexDigest(sha256), from: 0 };
    let keys: Vec<LookupKey> = unknown.map(|(subject, _)| digest(subject.sha256)).collect();
    if keys.is_empty() {
        return None;
    }
    facts::ask_for_hints(session, &keys, now).await.map(|known| known.facts)
}

fn with_hint(verdict: Verdict, subject: &Subject, hints: Option<&Facts>) -> Verdict {
    let Verdict::NotLogged { project, version, release_logged, logged_as: None } = verdict else {
        return verdict;
    };
    let files = hints.into_iter().flat_map(|facts| &facts.releases).flat_map(|(_, release)| &release.files);
    let logged_as = files.filter(|file| file.sha256 == subject.sha256).map(|file| file.name.clone()).next();
    Verdict::NotLogged { project, version, release_logged, logged_as }
}

fn judge_offline(args: &VerifyArgs, session: &Session, hashed: Vec<anyhow::Result<HashedFile>>) -> Report {
    let files = hashed.into_iter().zip(&args.files).map(|(file, path)| {
        let sha256 = file.as_ref().ok().map(|file| file.sha256.to_hex());
        let result = file.map_err(Failure::from).and_then(|file| {
            let facts = offline_facts(&file, session)?;
            let subject = subject(&file, args.project.as_ref())?;
            match verdict::judge(&subject, &facts) {
                // A proof says nothing about files that its entry does not name.
                Verdict::NotLogged { .. } | Verdict::NotCovered => {
                    Err(Failure::with_exit(Exit::Invalid, "the proof is of other files")
                        .hint("get the proof that belongs to this file, or verify online"))
                }
                verdict => Ok(verdict),
            }
        });
        Judged { file: path.clone(), sha256, result }
    });
    Report { files: files.collect(), size: None, log_time: None, complete: false }
}

fn offline_facts(file: &HashedFile, session: &Session) -> Result<Facts, Failure> {
    let path = files::proof_path(&file.path);
    let bytes = durable::read(&path)
        .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
    let bytes = bytes.ok_or_else(|| {
        Failure::new(format!("there is no proof file {}", path.display()))
            .hint("get it from where the file is from, or verify online")
    })?;
    let proof = ProofFile::parse(&bytes)
        .map_err(|error| Failure::with_exit(Exit::Invalid, format!("{}: {error}", path.display())))?;
    let trust = &session.log.trust;
    let checkpoint = trust.open_at_any_age(proof.checkpoint.as_bytes())?;
    session.check_offline(&checkpoint)?;
    check_proof_file(&trust.genesis, &checkpoint, &proof).map_err(|distrust| session.misbehaviour(distrust))
}

fn subject(file: &HashedFile, project: Option<&ProjectName>) -> anyhow::Result<Subject> {
    let candidates = files::candidates(&file.name, project)?;
    Ok(Subject { name: file.name.clone(), sha256: file.sha256, candidates })
}

/// Which of two endings is worse to have. Proven harm first, then no harm seen.
fn severity(exit: Exit) -> u8 {
    match exit {
        Exit::Ok => 0,
        Exit::Usage | Exit::Findings => 1,
        Exit::Failed => 2,
        Exit::Untrusted => 3,
        Exit::NotLogged => 4,
        Exit::Invalid => 5,
        Exit::Misbehaved => 6,
    }
}

impl Judged {
    fn exit(&self) -> Exit {
        match &self.result {
            Ok(Verdict::Verified { .. }) => Exit::Ok,
            Ok(Verdict::NotLogged { .. } | Verdict::NotCovered) => Exit::NotLogged,
            Ok(Verdict::OtherHash { .. }) => Exit::Invalid,
            Ok(Verdict::Ambiguous { .. }) => Exit::Failed,
            Err(failure) => failure.exit(),
        }
    }

    fn word(&self) -> &'static str {
        match &self.result {
            Ok(Verdict::Verified { .. }) => "verified",
            Ok(Verdict::NotLogged { .. }) => "not logged",
            Ok(Verdict::NotCovered) => "not covered",
            Ok(Verdict::OtherHash { .. }) => "other hash",
            Ok(Verdict::Ambiguous { .. }) => "ambiguous",
            Err(failure) if failure.exit() == Exit::Invalid => "invalid",
            Err(failure) if failure.exit() == Exit::Untrusted => "untrusted",
            Err(failure) if failure.exit() == Exit::Misbehaved => "log misbehaved",
            Err(_) => "no verdict",
        }
    }

    fn reason(&self) -> String {
        match &self.result {
            Ok(Verdict::Verified { project, version, index }) => {
                format!("{project} {version}, entry {index}")
            }
            Ok(Verdict::NotLogged { project, version, release_logged, logged_as }) => {
                let release = if *release_logged {
                    format!("the log has {project} {version}, with other files only")
                } else {
                    format!("the log has no {project} {version}")
                };
                match logged_as {
                    Some(name) => format!("{release}; the same bytes are logged as {name}"),
                    None => release,
                }
            }
            Ok(Verdict::NotCovered) => "the log does not cover this project or version".to_owned(),
            Ok(Verdict::OtherHash { logged, index }) => {
                format!("entry {index} has sha256 {} for this name", logged.to_hex())
            }
            Ok(Verdict::Ambiguous { projects }) => {
                let projects: Vec<&str> = projects.iter().map(ProjectName::as_str).collect();
                format!("the log has files of this name for {}", projects.join(" and "))
            }
            Err(failure) => failure.to_string(),
        }
    }

    fn next_step(&self) -> Option<&str> {
        match &self.result {
            Ok(Verdict::Verified { .. }) => None,
            Ok(Verdict::NotLogged { .. }) => {
                Some("do not install it: the project's release process did not publish it; tell the project")
            }
            Ok(Verdict::NotCovered) => Some("nothing is known about it; judge it by other means"),
            Ok(Verdict::OtherHash { .. }) => Some(
                "do not install it: get the file again, from the index, and tell the project if it stays so",
            ),
            Ok(Verdict::Ambiguous { .. }) => Some("say which project it is of: --project"),
            Err(failure) => failure.next_step(),
        }
    }
}

fn print_text(report: &Report, session: &Session, offline: bool) {
    let width = report.files.iter().map(|file| file.word().len()).max().unwrap_or(0);
    for file in &report.files {
        let path = shown(&file.file.display().to_string());
        print(format_args!("{:width$}  {path}  ({})", file.word(), shown(&file.reason())));
        if let Some(next_step) = file.next_step() {
            note(format_args!("hint: {path}: {next_step}"));
        }
    }
    let verified = report.files.iter().filter(|file| file.exit() == Exit::Ok).count();
    let origin = session.log.trust.genesis.log.name();
    let scope = match (offline, report.size) {
        (true, _) => {
            " offline: inclusion and authority are proven, not that nothing else is logged".to_owned()
        }
        (false, Some(size)) if report.complete => {
            format!(" against {origin} at size {size}; it is proven that nothing else is logged of them")
        }
        (false, Some(size)) => format!(" against {origin} at size {size}"),
        (false, None) => String::new(),
    };
    note(format_args!("{verified} of {} verified{scope}", report.files.len()));
}

fn to_json(report: &Report, session: &Session, offline: bool) -> Value {
    let files: Vec<Value> = report
        .files
        .iter()
        .map(|file| {
            let (mut project, mut version, mut entry) = (Value::Null, Value::Null, Value::Null);
            match &file.result {
                Ok(Verdict::Verified { project: p, version: v, index }) => {
                    (project, version, entry) = (json!(p), json!(v), json!(index));
                }
                Ok(Verdict::NotLogged { project: p, version: v, .. }) => {
                    (project, version) = (json!(p), json!(v));
                }
                Ok(Verdict::OtherHash { index, .. }) => entry = json!(index),
                Ok(Verdict::NotCovered | Verdict::Ambiguous { .. }) | Err(_) => {}
            }
            json!({
                "file": file.file.display().to_string(),
                "sha256": file.sha256,
                "verdict": file.word().replace(' ', "-"),
                "exit_code": file.exit().code(),
                "project": project,
                "version": version,
                "entry": entry,
                "reason": file.reason(),
                "next_step": file.next_step(),
            })
        })
        .collect();
    json!({
        "schema": 1,
        "log": {
            "origin": session.log.trust.genesis.log.name().as_str(),
            "size": report.size,
            "log_time": report.log_time,
        },
        "offline": offline,
        "complete": report.complete,
        "files": files,
    })
}

//! `wheeltap verify`: a verdict on each file, and an exit code for the worst.
//!
//! | module | owns |
//! |---|---|
//! | `judged` | what a verdict is called, means and asks for |
//! | `report` | how verdicts are printed |

use std::path::PathBuf;

use clap::Args;
use log_core::api::{HexDigest, LookupKey};
use log_core::artifact::ProjectName;
use log_core::proof_file::ProofFile;
use log_core::verdict::{self, Facts, Subject, Verdict, check_proof_file};
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Exit, Failure, Outcome, print};
use log_io::session::Session;
use log_io::{clock, durable};

use crate::files::{self, HashedFile};
use crate::{cli, facts};

mod judged;
mod report;

use judged::Judged;
use report::Report;

/// Arguments of `wheeltap verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Online, the log is asked about each file; a log behind a static web server is read whole.
Offline, <file>.tlog-proof beside the file is checked: who logged it, not what else is logged. Whether it
was withdrawn since, or its key revoked, cannot be seen offline.

The exit code is that of the worst verdict:
   0  verified                           all files
  10  not logged / not covered           the log has no such file
  11  other hash / revoked key           the log has other bytes under this name, or what says
                                         so was signed after its key had ended
  14  withdrawn                          the project took the file back
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
    match args.format {
        Format::Text => report.print_text(&session),
        Format::Json => print(format_args!("{:#}", report.to_json(&session))),
    }
    Ok(report.worst())
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
                let (project, version) = (project.clone(), version.clone());
                // Of the metadata of a wheel the index has no list of its own.
                let name = files::artifact(&subject.name);
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
        return Ok(Report {
            files: files.collect(),
            size: None,
            log_time: None,
            complete: false,
            offline: false,
        });
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
        offline: false,
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
    let releases = hints.into_iter().flat_map(|facts| &facts.releases);
    let files = releases.flat_map(|release| &release.statement.files);
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
    Report { files: files.collect(), size: None, log_time: None, complete: false, offline: true }
}

fn offline_facts(file: &HashedFile, session: &Session) -> Result<Facts, Failure> {
    let (path, bytes) = read_proof(file)?;
    let proof = ProofFile::parse(&bytes)
        .map_err(|error| Failure::with_exit(Exit::Invalid, format!("{}: {error}", path.display())))?;
    let trust = &session.log.trust;
    let checkpoint = trust.open_at_any_age(proof.checkpoint.as_bytes())?;
    session.check_offline(&checkpoint)?;
    check_proof_file(&trust.genesis, &checkpoint, &proof).map_err(|distrust| session.misbehaviour(distrust))
}

/// The proof beside the file; that of a wheel is good for its metadata, too.
fn read_proof(file: &HashedFile) -> Result<(PathBuf, Vec<u8>), Failure> {
    let own = files::proof_path(&file.path);
    let mut paths = vec![own.clone()];
    paths.extend(
        file.name.metadata_of().map(|wheel| files::proof_path(&file.path.with_file_name(wheel.as_str()))),
    );
    for path in paths {
        let bytes = durable::read(&path)
            .map_err(|error| Failure::new(format!("cannot read {}: {error}", path.display())))?;
        if let Some(bytes) = bytes {
            return Ok((path, bytes));
        }
    }
    Err(Failure::new(format!("there is no proof file {}", own.display()))
        .hint("get it from where the file is from, or verify online"))
}

fn subject(file: &HashedFile, project: Option<&ProjectName>) -> anyhow::Result<Subject> {
    let candidates = files::candidates(&file.name, project)?;
    Ok(Subject { name: file.name.clone(), sha256: file.sha256, candidates })
}

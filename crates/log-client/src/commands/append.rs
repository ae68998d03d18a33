//! `wheeltap append`: signs and logs the files of a release, and writes a proof
//! beside each. Safe to repeat: a release job that runs twice succeeds twice.
//!
//! What keeps the log from taking the release is found out before anything is sent,
//! from what the log proves about the version.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use log_core::api::{LookupKey, ReceiptStatus};
use log_core::artifact::{self, ArtifactKind, FileName, ProjectName, Version};
use log_core::dsse::Envelope;
use log_core::key::SignerKey;
use log_core::statement::{Release, ReleaseFile, Source, Statement};
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use log_io::session::Session;
use log_io::{clock, durable, key_file};

use crate::files::{self, HashedFile};
use crate::logged_version::{self, LoggedVersion};
use crate::submit::WaitArgs;
use crate::{cli, explain, facts, submit, wheel};

/// Arguments of `wheeltap append`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, as the last step before an upload:
  wheeltap append --key release.key --project nova --version 27.0.0 dist/*
  twine upload dist/*.whl dist/*.tar.gz
The proofs are beside the files then, and `twine upload dist/*` would stumble over them: name the files, or \
give --no-proofs.
Name ALL files of the release: the statement says that there are no others. Files that come later \
need a further statement with the earlier ones in it, too: name them all, or give --with-logged. \
Exit code 12: it is committed, and the witnesses have not cosigned it yet. Nothing is lost; run the \
same command again.")]
pub struct AppendArgs {
    /// The publisher's key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The project
    #[arg(long, value_parser = cli::project)]
    project: ProjectName,
    /// The version
    #[arg(long, value_parser = cli::version)]
    version: Version,
    /// All files of the release
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Repeat the files of this version that are logged and not withdrawn, by the digests
    /// that are logged
    #[arg(long)]
    with_logged: bool,
    /// The URL of the repository that the release was made from
    #[arg(long, value_name = "URL", requires = "source_commit")]
    source_repository: Option<String>,
    /// The tag of the release there
    #[arg(long, value_name = "TAG", requires = "source_repository")]
    source_tag: Option<String>,
    /// The commit: 40 or 64 hex digits
    #[arg(long, value_name = "COMMIT", requires = "source_repository")]
    source_commit: Option<String>,
    /// Do not write a `.tlog-proof` file beside each file
    #[arg(long)]
    no_proofs: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Logs a release.
pub async fn run(args: &AppendArgs) -> Outcome {
    let session = args.log.session_of("wheeltap", &[&args.project])?;
    let key = key_file::load(&args.key)?;
    // `dist/*` has the proofs of an earlier run, too.
    let is_proof = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "tlog-proof");
    let paths: Vec<PathBuf> = args.files.iter().filter(|path| !is_proof(path)).cloned().collect();
    let mut hashed = Vec::new();
    for file in files::hash_all(&paths).await {
        hashed.push(file?);
    }
    // In whatever order they were given, it is the same statement.
    hashed.sort_by(|a, b| a.name.cmp(&b.name));
    let files = statement_files(&hashed, &args.project, &args.version)?;
    let envelope = signed(args, &session, &key, files).await?;
    let (receipt, proof) = submit::submit(&session, &envelope, &args.wait).await?;
    if !args.no_proofs {
        let proof = proof.to_string();
        for file in &hashed {
            let path = files::proof_path(&file.path);
            durable::write(&path, proof.as_bytes()).map_err(|error| {
                let index = receipt.index;
                Failure::new(format!(
                    "it is entry {index}, but {} cannot be written: {error}",
                    path.display()
                ))
                .hint("make room there, and run the command again: nothing is logged twice")
            })?;
        }
    }
    let again = if receipt.status == ReceiptStatus::AlreadyLogged { "was already" } else { "is" };
    note(format_args!("{} {} {again} entry {}", args.project, args.version, receipt.index));
    for file in &hashed {
        print(format_args!("{}  {}", file.sha256.to_hex(), file.name));
    }
    Ok(Exit::Ok)
}

/// The statement, in the light of what is logged of the version already.
async fn signed(
    args: &AppendArgs,
    session: &Session,
    key: &SignerKey,
    files: Vec<ReleaseFile>,
) -> Result<Envelope, Failure> {
    let (project, version) = (args.project.clone(), args.version.clone());
    let mut release = Release { project, version, files, source: source(args) };
    // What is no statement at all needs no question.
    let mut envelope = Envelope::unsigned(checked_payload(&release)?);
    envelope.sign(key);
    let (project, version) = (args.project.clone(), args.version.clone());
    let lookup = LookupKey::Release { project, version, from: 0 };
    let known = facts::ask(session, &[lookup], clock::now()).await?;
    let logged = LoggedVersion::new(&known.facts, &release.project, &release.version);
    // It succeeds again, whatever has become of the key since.
    if logged.has(envelope.payload()) {
        return Ok(envelope);
    }
    explain::check_allowed(session, &known, &envelope)?;
    if args.with_logged {
        release.files = logged.with_logged(release.files);
        envelope = Envelope::unsigned(checked_payload(&release)?);
        envelope.sign(key);
    }
    match logged.obstacles(&release.files).as_slice() {
        [] => Ok(envelope),
        obstacles => Err(logged_version::failure(obstacles)),
    }
}

fn source(args: &AppendArgs) -> Option<Source> {
    let (repository, commit) = args.source_repository.as_ref().zip(args.source_commit.as_ref())?;
    Some(Source {
        repository: repository.clone(),
        tag: args.source_tag.clone(),
        commit: commit.to_ascii_lowercase(),
    })
}

/// The payload that says this; refused here when the log would refuse it.
pub(super) fn checked_payload(release: &Release) -> Result<Vec<u8>, Failure> {
    let payload = release.to_payload();
    Statement::parse(&payload).map_err(|error| Failure::usage(error.to_string()))?;
    Ok(payload)
}

/// The subjects: each file, and after each wheel its metadata.
fn statement_files(
    hashed: &[HashedFile],
    project: &ProjectName,
    version: &Version,
) -> anyhow::Result<Vec<ReleaseFile>> {
    let mut files = Vec::new();
    for file in hashed {
        let of = artifact::version_of(&file.name, project)?;
        if of != *version {
            bail!("{} is a file of version {of}, not of {version}", file.name);
        }
        files.push(ReleaseFile { name: file.name.clone(), sha256: file.sha256, size: Some(file.size) });
        if file.name.kind() == Some(ArtifactKind::Wheel) {
            files.push(metadata(&file.path, &file.name)?);
        }
    }
    Ok(files)
}

/// What pip sees of a wheel through PEP 658.
fn metadata(path: &Path, name: &FileName) -> anyhow::Result<ReleaseFile> {
    let file = std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    let sha256 = wheel::metadata_digest(&mut BufReader::new(file), name)?;
    Ok(ReleaseFile { name: FileName::parse(&format!("{name}.metadata"))?, sha256, size: None })
}

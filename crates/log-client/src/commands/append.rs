//! `wheeltap append`: signs and logs the files of a release, and writes a proof
//! beside each. Safe to repeat: a release job that runs twice succeeds twice.

use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use log_core::api::ReceiptStatus;
use log_core::artifact::{self, ArtifactKind, FileName, ProjectName, Version};
use log_core::dsse::Envelope;
use log_core::statement::{Release, ReleaseFile, Statement};
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use log_io::{clock, durable, key_file};

use crate::cli;
use crate::files::{self, HashedFile};
use crate::{submit, wheel};

/// Arguments of `wheeltap append`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example, as the last step before an upload:
  wheeltap append --key release.key --project nova --version 27.0.0 dist/*
Name ALL files of the release: the statement says that there are no others.")]
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
    /// Do not write a `.tlog-proof` file beside each file
    #[arg(long)]
    no_proofs: bool,
    #[command(flatten)]
    log: LogArgs,
}

/// Logs a release.
pub async fn run(args: &AppendArgs) -> Outcome {
    let session = args.log.session("wheeltap")?;
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
    let release = Release {
        project: args.project.clone(),
        version: args.version.clone(),
        files: statement_files(&hashed, &args.project, &args.version)?,
    };
    let mut envelope = Envelope::unsigned(checked_payload(&release)?);
    envelope.sign(&key);

    let now = clock::now();
    let (receipt, proof) = submit::submit(&session, &envelope, now).await?;
    session.accept(proof.checkpoint.as_bytes(), now).await?;
    if !args.no_proofs {
        let proof = proof.to_string();
        for file in &hashed {
            let path = files::proof_path(&file.path);
            durable::write(&path, proof.as_bytes())
                .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
        }
    }
    let again = if receipt.status == ReceiptStatus::AlreadyLogged { "was already" } else { "is" };
    note(format_args!("{} {} {again} entry {}", args.project, args.version, receipt.index));
    for file in &hashed {
        print(format_args!("{}  {}", file.sha256.to_hex(), file.name));
    }
    Ok(Exit::Ok)
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

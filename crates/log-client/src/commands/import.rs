//! `wheeltap import`: logs the releases that a package index has already, from the
//! digests that it lists.
//!
//! What is imported is believed on the index's word, once; from then on it cannot
//! change unnoticed. Safe to repeat: what is logged stays as it is, and what was
//! withdrawn stays withdrawn.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use log_core::api::{LookupKey, ReceiptStatus};
use log_core::artifact::{self, ArtifactKind, FileName, ProjectName, Version};
use log_core::dsse::Envelope;
use log_core::hash::Hash;
use log_core::proof_file::ProofFile;
use log_core::simple_index::{self, Page};
use log_core::statement::{Release, ReleaseFile};
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note, print, progress, shown};
use log_io::session::Session;
use log_io::{clock, durable, key_file};

use super::append::checked_payload;
use crate::facts::{self, Known};
use crate::logged_version::{self, LoggedVersion};
use crate::submit::WaitArgs;
use crate::submit::batch::{AT_ONCE, Published, submit_batch};
use crate::{cli, explain};

/// Arguments of `wheeltap import`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wheeltap import --key release.key --project nova --proofs proofs/
Compare the digests with your own records first, if you have any: --dry-run prints them.")]
pub struct ImportArgs {
    /// The publisher's key file
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The project
    #[arg(long, value_parser = cli::project)]
    project: ProjectName,
    /// The index's Simple API
    #[arg(long, value_name = "URL", default_value = "https://pypi.org/simple/")]
    index_url: String,
    /// A version to leave out; repeat for several
    #[arg(long = "except", value_name = "VERSION", value_parser = cli::version)]
    except: Vec<Version>,
    /// Write a proof for each file into this directory
    #[arg(long, value_name = "DIR")]
    proofs: Option<PathBuf>,
    /// Print what would be logged, and log nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Imports a project.
pub async fn run(args: &ImportArgs) -> Outcome {
    let session = args.log.session_of("wheeltap", &[&args.project])?;
    let key = key_file::load(&args.key)?;
    let url = simple_index::project_url(&args.index_url, &args.project);
    let page = session.http.get_as(&url, Some(simple_index::MEDIA_TYPE), simple_index::MAX_PAGE_BYTES).await;
    let page = page.map_err(|error| Failure::new(error.to_string()))?.ok_or_else(|| {
        Failure::new(format!("the index has no project {}", args.project)).hint("check the spelling")
    })?;
    let page = Page::parse(&args.project, &page).map_err(|error| Failure::new(format!("{url}: {error}")))?;
    check_exceptions(&page, &args.project, &args.except)?;
    let (releases, skipped) = releases(&page, &args.project, &args.except)?;
    for file in &skipped {
        note(format_args!("note: {} is of no version of {}: left out", shown(file), args.project));
    }
    if args.dry_run {
        for release in &releases {
            print(format_args!("{} {}", release.project, release.version));
            for file in &release.files {
                print(format_args!("    {}  {}", file.sha256.to_hex(), file.name));
            }
        }
        return Ok(Exit::Ok);
    }

    let project = LookupKey::Project { name: args.project.clone(), from: 0 };
    let known = facts::ask(&session, &[project], clock::now()).await?;
    let mut import =
        Import { args, session: &session, count: releases.len(), new: 0, old: 0, files: 0, failed: vec![] };
    let mut signed = Vec::new();
    for release in releases {
        let (version, planned) = (release.version.clone(), plan(&known, release));
        match planned {
            Ok(None) => note(format_args!("{} {version}: all its files were withdrawn", args.project)),
            Ok(Some(release)) => {
                let mut envelope = Envelope::unsigned(checked_payload(&release)?);
                envelope.sign(&key);
                // It is the same for every release: a key that may not say one may say none. What
                // is logged stays so, whatever has become of the key since.
                let logged = LoggedVersion::new(&known.facts, &release.project, &release.version);
                if !logged.has(envelope.payload()) {
                    explain::check_allowed(&session, &known, &envelope)?;
                }
                signed.push((release, envelope));
            }
            Err(failure) => import.fail(&version, failure),
        }
    }
    for batch in signed.chunks(AT_ONCE) {
        import.send(batch).await?;
    }
    progress("");
    let Import { new, old, files, failed, .. } = import;
    note(format_args!("{}: {new} releases logged, {old} were there already, {files} files", args.project));
    match failed.into_iter().max_by_key(Failure::exit) {
        None => Ok(Exit::Ok),
        Some(worst) => {
            let failure = Failure::with_exit(worst.exit(), format!("some releases were not logged: {worst}"));
            Err(failure.hint(worst.next_step().unwrap_or("run the command again").to_owned()))
        }
    }
}

/// How far an import is.
struct Import<'a> {
    args: &'a ImportArgs,
    session: &'a Session,
    count: usize,
    new: usize,
    old: usize,
    files: usize,
    failed: Vec<Failure>,
}

impl Import<'_> {
    async fn send(&mut self, batch: &[(Release, Envelope)]) -> Result<(), Failure> {
        let envelopes: Vec<Envelope> = batch.iter().map(|(_, envelope)| envelope.clone()).collect();
        let results = submit_batch(self.session, &envelopes, &self.args.wait).await?;
        for ((release, _), result) in batch.iter().zip(results) {
            match result {
                Ok(Published { status, proof }) => {
                    match status {
                        ReceiptStatus::Logged => self.new += 1,
                        ReceiptStatus::AlreadyLogged => self.old += 1,
                    }
                    self.files += release.artifacts().count();
                    write_proofs(self.args, release, &proof)?;
                }
                Err(failure) => self.fail(&release.version, failure),
            }
        }
        progress(format_args!("{} of {} releases", self.new + self.old, self.count));
        Ok(())
    }

    /// One release that is refused does not keep the others out.
    fn fail(&mut self, version: &Version, failure: Failure) {
        note(format_args!("{} {version}: {}", self.args.project, shown(&failure.to_string())));
        self.failed.push(failure);
    }
}

/// What is to be said of a version, in the light of what is logged of it: files that are
/// logged are repeated, though the index may not have them any more, and withdrawn ones
/// are left out. `None` when there is nothing left.
fn plan(known: &Known, mut release: Release) -> Result<Option<Release>, Failure> {
    let logged = LoggedVersion::new(&known.facts, &release.project, &release.version);
    if logged.has(&release.to_payload()) {
        return Ok(Some(release));
    }
    release.files.retain(|file| {
        let withdrawn = logged.files.get(&file.name).filter(|logged| logged.file.sha256 == file.sha256);
        withdrawn.is_none_or(|logged| logged.withdrawn.is_none())
    });
    // The metadata of a wheel that is left out goes with it.
    let names: BTreeSet<FileName> = release.files.iter().map(|file| file.name.clone()).collect();
    release.files.retain(|file| file.name.metadata_of().is_none_or(|wheel| names.contains(&wheel)));
    release.files = logged.with_logged(release.files);
    match logged.obstacles(&release.files).as_slice() {
        _ if release.files.is_empty() => Ok(None),
        [] => Ok(Some(release)),
        obstacles => Err(logged_version::failure(obstacles)),
    }
}

fn write_proofs(args: &ImportArgs, release: &Release, proof: &ProofFile) -> Result<(), Failure> {
    let Some(directory) = &args.proofs else { return Ok(()) };
    let text = proof.to_string();
    for file in release.artifacts() {
        let path = directory.join(format!("{}.tlog-proof", file.name));
        durable::write(&path, text.as_bytes())
            .map_err(|error| Failure::new(format!("cannot write {}: {error}", path.display())))?;
    }
    Ok(())
}

/// A version that is to be left out and is not there is misspelt, as a rule; and what is
/// logged in its stead is logged for ever.
fn check_exceptions(page: &Page, project: &ProjectName, except: &[Version]) -> Result<(), Failure> {
    let versions: BTreeSet<Version> =
        page.files.keys().filter_map(|name| artifact::version_of(name, project).ok()).collect();
    let unknown: Vec<String> =
        except.iter().filter(|version| !versions.contains(version)).map(ToString::to_string).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let message = format!("--except {}: the index has no such version of {project}", unknown.join(", "));
    Err(Failure::usage(message).hint("check the spelling, or leave it out; `--dry-run` lists the versions"))
}

/// The releases on a page, in the order of their versions, and the names of files
/// that belong to none.
fn releases(
    page: &Page,
    project: &ProjectName,
    except: &[Version],
) -> Result<(Vec<Release>, Vec<String>), Failure> {
    let mut by_version: BTreeMap<Version, Vec<ReleaseFile>> = BTreeMap::new();
    let mut skipped: Vec<String> = page.bad_names.iter().cloned().collect();
    for (name, file) in &page.files {
        let Ok(version) = artifact::version_of(name, project) else {
            skipped.push(name.to_string());
            continue;
        };
        if except.contains(&version) {
            continue;
        }
        let Some(sha256) = one(&file.sha256, name)? else {
            return Err(Failure::new(format!("the index gives no sha256 for {name}"))
                .hint("log its files with `wheeltap append`, from where they were built"));
        };
        let files = by_version.entry(version).or_default();
        files.push(ReleaseFile { name: name.clone(), sha256, size: file.size });
        // Only wheels have metadata that installers go by.
        let metadata =
            if name.kind() == Some(ArtifactKind::Wheel) { one(&file.metadata_sha256, name)? } else { None };
        if let Some(sha256) = metadata {
            let name = FileName::parse(&format!("{name}.metadata")).map_err(anyhow::Error::from)?;
            files.push(ReleaseFile { name, sha256, size: None });
        }
    }
    let release = |(version, files)| Release { project: project.clone(), version, files, source: None };
    Ok((by_version.into_iter().map(release).collect(), skipped))
}

/// The one digest among those that the index gives.
fn one(digests: &BTreeSet<Hash>, name: &FileName) -> Result<Option<Hash>, Failure> {
    if digests.len() > 1 {
        return Err(Failure::with_exit(Exit::Invalid, format!("the index contradicts itself about {name}"))
            .hint("do not use this index; ask its operator"));
    }
    Ok(digests.first().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_is_left_out_must_be_there() {
        let project = ProjectName::parse("nova").expect("a name");
        let page = format!(
            r#"{{"meta": {{"api-version": "1.0"}}, "name": "nova", "files": [{{"filename": "nova-1.0.tar.gz", "url": "nova-1.0.tar.gz",
                "hashes": {{"sha256": "{}"}}}}]}}"#,
            "0".repeat(64)
        );
        let page = Page::parse(&project, page.as_bytes()).expect("a page");
        let check = |versions: &[&str]| {
            let except = versions.iter().map(|version| Version::normalise(version).expect("a version"));
            check_exceptions(&page, &project, &except.collect::<Vec<_>>())
        };
        assert!(check(&[]).is_ok());
        assert!(check(&["1.0"]).is_ok());
        assert!(check(&["v1"]).is_ok(), "in any spelling");
        let failure = check(&["1.0", "9.9", "1.1"]).expect_err("there is no 9.9");
        assert_eq!(failure.exit(), Exit::Usage);
        assert_eq!(failure.to_string(), "--except 9.9, 1.1: the index has no such version of nova");
    }
}

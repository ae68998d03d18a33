//! Verdicts without a network, from `<file>.tlog-proof` beside the files.
//!
//! A proof shows who logged a file, and not what else is logged.

use std::path::PathBuf;

use log_core::proof_file::ProofFile;
use log_core::verdict::{self, Facts, Subject, Verdict, check_proof_file};
use log_io::durable;
use log_io::outcome::{Exit, Failure};
use log_io::session::Session;
use log_io::sessions::Sessions;

use super::gather::GivenFile;
use super::judged::Judged;
use crate::files::{self, HashedFile};

/// The verdicts on some files.
pub(super) fn judge(files: &[GivenFile], sessions: &Sessions) -> Vec<Judged> {
    let judge = |given: &GivenFile| {
        let result = match &given.result {
            Ok((file, subject)) => judge_one(file, subject, sessions),
            Err(error) => Err(Failure::new(format!("{error:#}"))),
        };
        Judged::file(given, result)
    };
    files.iter().map(judge).collect()
}

fn judge_one(file: &HashedFile, subject: &Subject, sessions: &Sessions) -> Result<Verdict, Failure> {
    let session = subject.candidates.iter().find_map(|(project, _)| sessions.of(project));
    let session = session.ok_or_else(|| Failure::new("no log of the trust file is asked about it"))?;
    match verdict::judge(subject, &facts(file, session)?) {
        // A proof says nothing about files that its entry does not name.
        Verdict::NotLogged { .. } | Verdict::NotCovered => {
            Err(Failure::with_exit(Exit::Invalid, "the proof is of other files")
                .hint("get the proof that belongs to this file, or verify online"))
        }
        verdict => Ok(verdict),
    }
}

fn facts(file: &HashedFile, session: &Session) -> Result<Facts, Failure> {
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

//! Verdicts without a network, from `<file>.tlog-proof` beside the files.
//!
//! A proof shows who logged a file, and not what else is logged.

use std::io;
use std::path::PathBuf;

use log_core::limits::MAX_PROOF_FILE_BYTES;
use log_core::proof_file::ProofFile;
use log_core::verdict::{self, Facts, Subject, Verdict, check_proof_file};
use log_io::durable;
use log_io::outcome::{Exit, Failure};
use log_io::session::Session;
use log_io::sessions::Sessions;

use super::gather::GivenFile;
use super::judged::Judged;
use crate::files::{self, HashedFile};
use crate::requirement_files::read_from;

/// The verdicts on some files.
pub(super) fn judge(files: &[GivenFile], sessions: &Sessions) -> Vec<Judged> {
    let judge = |given: &GivenFile| {
        let result = match &given.result {
            Ok((file, subject)) => judge_one(file, subject, sessions),
            Err(error) => Err(given.cannot_be_judged(error)),
        };
        Judged::file(given, result)
    };
    files.iter().map(judge).collect()
}

/// Each log that may have recorded the file speaks of its own projects alone; the proof is of
/// one of them.
fn judge_one(file: &HashedFile, subject: &Subject, sessions: &Sessions) -> Result<Verdict, Failure> {
    let mut failed = None;
    for session in sessions.all() {
        let mut own = subject.clone();
        own.candidates.retain(|(project, _)| {
            sessions.of(project).is_some_and(|asked| asked.log.origin() == session.log.origin())
        });
        if own.candidates.is_empty() {
            continue;
        }
        match facts(file, session).map(|facts| verdict::judge(&own, &facts)) {
            Err(failure) if failure.exit() == Exit::Misbehaved => return Err(failure),
            Err(failure) => failed = failed.or(Some(failure)),
            // A proof says nothing about files that its entry does not name.
            Ok(Verdict::NotLogged { .. } | Verdict::NotCovered) => {
                let failure = Failure::with_exit(Exit::Invalid, "the proof is of other files")
                    .hint("get the proof that belongs to this file, or verify online");
                failed = failed.or(Some(failure));
            }
            Ok(verdict) => return Ok(verdict),
        }
    }
    Err(failed.unwrap_or_else(|| Failure::new("no log of the trust file is asked about it")))
}

fn facts(file: &HashedFile, session: &Session) -> Result<Facts, Failure> {
    let (path, bytes) = read_proof(file)?;
    let proof = ProofFile::parse(&bytes)
        .map_err(|error| Failure::with_exit(Exit::Invalid, format!("{}: {error}", path.display())))
        .map_err(|failure| {
            failure.hint("get the proof again from where the file is from, or verify online")
        })?;
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
        let proof = durable::open(&path);
        match proof.and_then(|proof| read_from(proof, MAX_PROOF_FILE_BYTES)) {
            Ok(bytes) => return Ok((path, bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(Failure::new(format!("cannot read {}: {error}", path.display()))),
        }
    }
    Err(Failure::new(format!("there is no proof file {}", own.display()))
        .hint("get it from where the file is from, or verify online"))
}

#[cfg(test)]
mod tests {
    use log_core::artifact::FileName;
    use log_core::hash::digest;

    use super::*;

    #[test]
    fn no_more_of_a_proof_is_read_than_one_can_have() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("nova-1.0.tar.gz");
        let name = FileName::parse("nova-1.0.tar.gz").expect("a name");
        let file = HashedFile { path, name, sha256: digest(&[]), size: 0 };
        assert!(read_proof(&file).expect_err("none").to_string().contains("there is no proof file"));
        let proof = std::fs::File::create(files::proof_path(&file.path)).expect("created");
        proof.set_len(16 * MAX_PROOF_FILE_BYTES as u64).expect("long");
        let (_, bytes) = read_proof(&file).expect("read");
        assert_eq!(bytes.len(), MAX_PROOF_FILE_BYTES + 1);
        assert!(ProofFile::parse(&bytes).is_err());
        std::fs::remove_file(files::proof_path(&file.path)).expect("removed");
        std::fs::create_dir(files::proof_path(&file.path)).expect("a directory");
        assert!(read_proof(&file).expect_err("no file").to_string().contains("no regular file"));
    }
}

//! Offline proofs: C2SP tlog-proof files, and what Wheeltap puts into `extra`.
//!
//! ```text
//! c2sp.org/tlog-proof@v1LF
//! extra <base64>LF                 optional, unauthenticated
//! index <decimal>LF
//! <base64 hash>LF                  inclusion proof, leaf side first
//! LF
//! <checkpoint with all signature lines>
//! ```
//!
//! [`Extra`] carries the entry, and the policies up to the one under which it was made,
//! each with its own inclusion proof in the same checkpoint; and, when a policy depends
//! on time, the index commitments that date them:
//!
//! ```text
//! wheeltap/proof@v1LF
//! entry <base64>LF
//! policy <index> <base64>LF            ascending, from entry 0 on
//! <base64 hash>LF                      its inclusion proof
//! commitment <index> <base64>LF        ascending, after all policies
//! <base64 hash>LF                      its inclusion proof
//! ```

use std::fmt;
use std::iter::Peekable;

use thiserror::Error;

use crate::hash::{Hash, decode_base64, encode_base64, parse_decimal};
use crate::limits::{MAX_PROOF_FILE_BYTES, MAX_PROOF_HASHES};

const HEADER: &str = "c2sp.org/tlog-proof@v1\n";
const EXTRA_HEADER: &str = "wheeltap/proof@v1\n";

/// A parsed proof file. Nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// What the application needs beside the proof.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// Its inclusion proof.
    pub proof: Vec<Hash>,
    /// The signed checkpoint, as it came.
    pub checkpoint: String,
}

/// An entry and what it is judged on. Nothing about it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extra {
    /// The entry's bytes.
    pub entry: Vec<u8>,
    /// The policies up to the one in force for it, ascending.
    pub policies: Vec<ProvenEntry>,
    /// The commitments that date them and the entry, ascending.
    pub commitments: Vec<ProvenEntry>,
}

/// An entry with its inclusion proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenEntry {
    /// Its index.
    pub index: u64,
    /// Its bytes.
    pub entry: Vec<u8>,
    /// Its inclusion proof, leaf side first.
    pub proof: Vec<Hash>,
}

/// Why bytes are not a proof file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProofFileError {
    /// Over the limit.
    #[error("the proof file has {0} bytes, more than any proof can have")]
    TooLong(usize),
    /// A part has a bad value.
    #[error("not a tlog-proof file: {0}")]
    Form(&'static str),
}

use ProofFileError::Form;

impl ProofFile {
    /// Reads a proof file.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        if bytes.len() > MAX_PROOF_FILE_BYTES {
            return Err(ProofFileError::TooLong(bytes.len()));
        }
        let text = str::from_utf8(bytes).map_err(|_| Form("it is not UTF-8"))?;
        let rest = text.strip_prefix(HEADER).ok_or(Form("the first line is not c2sp.org/tlog-proof@v1"))?;
        let (head, checkpoint) =
            rest.split_once("\n\n").ok_or(Form("there is no blank line before the checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(extra) => {
                lines.next();
                Some(decode_base64(extra).ok_or(Form("the `extra` line is not base64"))?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let index = index.ok_or(Form("there is no `index` line with a decimal number"))?;
        let proof = parse_hashes(lines)?;
        Ok(Self { extra, index, proof, checkpoint: checkpoint.to_owned() })
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", encode_base64(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        write_hashes(f, &self.proof)?;
        write!(f, "\n{}", self.checkpoint)
    }
}

impl Extra {
    /// Reads the bytes of an `extra` line.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofFileError> {
        let text = str::from_utf8(bytes).map_err(|_| Form("`extra` is not UTF-8"))?;
        let rest = text.strip_prefix(EXTRA_HEADER).ok_or(Form("`extra` is not Wheeltap's"))?;
        let rest = rest.strip_suffix('\n').ok_or(Form("`extra` does not end in a line feed"))?;
        let mut lines = rest.split('\n').peekable();
        let entry = lines.next().and_then(|line| line.strip_prefix("entry ")).and_then(decode_base64);
        let entry = entry.ok_or(Form("`extra` has no entry in base64"))?;
        let policies = parse_proven(&mut lines, "policy ")?;
        let commitments = parse_proven(&mut lines, "commitment ")?;
        if lines.next().is_some() {
            return Err(Form("`extra` has a line of an unknown kind"));
        }
        Ok(Self { entry, policies, commitments })
    }
}

impl fmt::Display for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXTRA_HEADER)?;
        writeln!(f, "entry {}", encode_base64(&self.entry))?;
        for (keyword, entries) in [("policy", &self.policies), ("commitment", &self.commitments)] {
            for proven in entries {
                writeln!(f, "{keyword} {} {}", proven.index, encode_base64(&proven.entry))?;
                write_hashes(f, &proven.proof)?;
            }
        }
        Ok(())
    }
}

/// The entries whose lines begin with `keyword`, each followed by its proof.
fn parse_proven<'a>(
    lines: &mut Peekable<impl Iterator<Item = &'a str>>,
    keyword: &str,
) -> Result<Vec<ProvenEntry>, ProofFileError> {
    let mut entries = Vec::new();
    while let Some(rest) = lines.peek().and_then(|line| line.strip_prefix(keyword)) {
        lines.next();
        let parsed = rest.split_once(' ');
        let parsed = parsed.and_then(|(index, entry)| Some((parse_decimal(index)?, decode_base64(entry)?)));
        let (index, entry) = parsed.ok_or(Form("`extra` has an entry without index and base64"))?;
        // Lines of hashes have no spaces in them.
        let mut proof = Vec::new();
        while let Some(line) = lines.next_if(|line| !line.contains(' ')) {
            proof.push(line);
        }
        entries.push(ProvenEntry { index, entry, proof: parse_hashes(proof.into_iter())? });
    }
    Ok(entries)
}

fn parse_hashes<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Hash>, ProofFileError> {
    let mut hashes = Vec::new();
    for line in lines {
        if hashes.len() == MAX_PROOF_HASHES {
            return Err(Form("there are more than 64 hashes"));
        }
        hashes.push(Hash::parse_base64(line).ok_or(Form("a hash line is not the base64 of 32 bytes"))?);
    }
    Ok(hashes)
}

fn write_hashes(f: &mut fmt::Formatter<'_>, hashes: &[Hash]) -> fmt::Result {
    hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::OpenCheckpoint;
    use crate::hash::{EMPTY_ROOT, leaf_hash};
    use crate::key::VerifierKey;
    use crate::proof::verify_inclusion;
    use crate::vectors::{text, vectors};

    #[test]
    fn the_vector_parses_verifies_and_round_trips() {
        let vectors = vectors();
        let expected = text(&vectors["tlog_proof"]);
        let file = ProofFile::parse(expected.as_bytes()).expect("a proof file");
        assert_eq!(file.to_string(), expected);
        assert_eq!(file.extra.as_deref(), Some(b"openstack-nova".as_slice()));
        let key = VerifierKey::parse(text(&vectors["log"]["vkey"])).expect("a vkey");
        let open = OpenCheckpoint::open(file.checkpoint.as_bytes(), &key).expect("a checkpoint");
        let leaf = leaf_hash(b"entry 4");
        assert_eq!(verify_inclusion(leaf, file.index, open.size(), open.root(), &file.proof), Ok(()));
        for bad in [
            expected.replace("@v1", "@v2"),
            expected.replace("extra b3", "extra b"),
            expected.replace("index 4", "index 04"),
            expected.replace("index 4\n", ""),
            expected.replace("\nn/U3", "\nU3"),
            expected.replace('\n', "\r\n"),
            expected.replacen("\n\n", "\n", 1).replace("\n\n", "\n"),
        ] {
            assert!(ProofFile::parse(bad.as_bytes()).is_err(), "{bad}");
        }
        let long = vec![b' '; MAX_PROOF_FILE_BYTES + 1];
        assert!(matches!(ProofFile::parse(&long), Err(ProofFileError::TooLong(_))));
    }

    #[test]
    fn extra_round_trips() {
        let policy = ProvenEntry { index: 0, entry: b"policy".to_vec(), proof: vec![EMPTY_ROOT; 3] };
        let commitment = ProvenEntry { index: 7, entry: b"commitment".to_vec(), proof: vec![] };
        let extra = Extra { entry: b"entry".to_vec(), policies: vec![policy], commitments: vec![commitment] };
        let text = extra.to_string();
        assert_eq!(Extra::parse(text.as_bytes()), Ok(extra));
        for bad in [
            "openstack-nova",
            text.trim_end(),
            &text.replace("entry ", "entry  "),
            &text.replace("policy 0", "policy -1"),
            &format!("{text}\n"),
        ] {
            assert!(Extra::parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}

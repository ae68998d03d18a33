//! A run: a file of sorted records, written once.
//!
//! ```text
//! pages    12 records and the CRC-32 of them (4 bytes); the last one is filled up with zeros
//! fences   for i in 0..=2^bits: how many records have keys whose first `bits` bits are below i (4 bytes)
//! ```
//!
//! All numbers are big endian. `bits` follows from the number of records, which the
//! manifest holds together with the CRC-32 of the fences: there are 8 to 16 records to
//! a fence, so that the fences, which are kept in memory, take half a byte a record at
//! most, and what is asked for is mostly in one page or two.
//!
//! Invariant: what a page holds is used only when its checksum is right. A checksum
//! finds damage, not malice: who can write here can write to the log itself.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::IndexError;
use super::files::Files;
use super::record::{Key, RECORD_BYTES, Record, number};

/// Records in a page.
pub(super) const PAGE_RECORDS: u64 = 12;

/// Bytes of a page before its checksum.
const CHECKED_BYTES: usize = 12 * RECORD_BYTES;

/// Bytes of a page.
pub(super) const PAGE_BYTES: usize = CHECKED_BYTES + 4;

/// Records to a fence, at most.
const FENCE_RECORDS: u64 = 16;

/// Bytes that are written at a time.
const WRITE_BYTES: usize = 512 * PAGE_BYTES;

/// What the manifest says of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RunName {
    /// Its number, which is never used again.
    pub(super) id: u64,
    /// How many records it has, at least one.
    pub(super) records: u64,
    /// The CRC-32 of its fences.
    pub(super) check: u32,
}

/// A run that can be read.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) name: RunName,
    path: PathBuf,
    file: File,
    bits: usize,
    fences: Vec<u32>,
}

/// A run that is being written.
#[derive(Debug)]
pub(super) struct RunWriter {
    path: PathBuf,
    file: File,
    bits: usize,
    fences: Vec<u32>,
    records: u32,
    /// Whole pages and the records of one that is not.
    buffer: Vec<u8>,
}

impl RunName {
    /// The file of the run with this number.
    pub(super) fn file(id: u64) -> String {
        format!("{id}.run")
    }
}

impl Run {
    /// Opens a run in a directory.
    pub(super) fn open(directory: &Path, name: RunName) -> Result<Self, IndexError> {
        let path = directory.join(RunName::file(name.id));
        let damaged = |what: &str| IndexError::Damaged(format!("{} {what}", path.display()));
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged("is missing")),
            file => file?,
        };
        let bits = fence_bits(name.records);
        let (pages, fences) = (page_bytes(name.records), (1 << bits) + 1);
        if name.records == 0 || file.metadata()?.len() != pages + 4 * fences {
            return Err(damaged("has a wrong length"));
        }
        let mut bytes = vec![0; 4 * usize::try_from(fences).unwrap_or(0)];
        file.read_exact_at(&mut bytes, pages)?;
        if crc32fast::hash(&bytes) != name.check {
            return Err(damaged("has a wrong checksum"));
        }
        let fences = bytes.as_chunks().0.iter().map(|bytes| u32::from_be_bytes(*bytes)).collect();
        Ok(Self { name, path, file, bits, fences })
    }

    /// Between which records, counted from 0, those from `first` to `last` are.
    pub(super) fn fenced(&self, first: &Key, last: &Key) -> (u64, u64) {
        let fence = |at: u32| self.fences.get(at as usize).map_or(0, |count| u64::from(*count));
        (fence(number(first, self.bits)), fence(number(last, self.bits) + 1))
    }

    /// Reads pages over `buffer`.
    pub(super) fn read(&self, first: u64, pages: usize, buffer: &mut Vec<u8>) -> Result<(), IndexError> {
        buffer.resize(pages * PAGE_BYTES, 0);
        self.file.read_exact_at(buffer, first * PAGE_BYTES as u64).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("is too short"),
            _ => error.into(),
        })?;
        for page in buffer.chunks_exact(PAGE_BYTES) {
            let (records, check) = page.split_at(CHECKED_BYTES);
            if check != crc32fast::hash(records).to_be_bytes() {
                return Err(self.damaged("has a wrong checksum"));
            }
        }
        Ok(())
    }

    fn damaged(&self, what: &str) -> IndexError {
        IndexError::Damaged(format!("{} {what}", self.path.display()))
    }
}

impl RunWriter {
    /// Begins a run of so many records.
    pub(super) fn create(files: &Files, path: &Path, records: u64) -> io::Result<Self> {
        if u32::try_from(records).is_err() {
            return Err(io::Error::other("a run has at most 2^32 - 1 records"));
        }
        let file = files.create(path)?;
        let path = path.to_owned();
        let bits = fence_bits(records);
        let fences = Vec::with_capacity((1 << bits) + 1);
        Ok(Self { path, file, bits, fences, records: 0, buffer: Vec::with_capacity(WRITE_BYTES) })
    }

    /// The next record, greater than those before it.
    pub(super) fn push(&mut self, record: &Record) -> io::Result<()> {
        // The fences up to the one of the record's prefix stand before it.
        let fences = number(record.key(), self.bits) as usize + 1;
        if self.fences.len() < fences {
            self.fences.resize(fences, self.records);
        }
        self.buffer.extend_from_slice(record.as_bytes());
        self.records += 1;
        if u64::from(self.records) % PAGE_RECORDS == 0 {
            self.end_page();
        }
        if self.buffer.len() >= WRITE_BYTES {
            self.file.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
    }

    /// Ends the run and makes it durable.
    pub(super) fn finish(mut self, files: &Files, id: u64) -> io::Result<Run> {
        if u64::from(self.records) % PAGE_RECORDS != 0 {
            self.end_page();
        }
        self.fences.resize((1 << self.bits) + 1, self.records);
        let fences: Vec<u8> = self.fences.iter().flat_map(|count| count.to_be_bytes()).collect();
        self.file.write_all(&self.buffer)?;
        self.file.write_all(&fences)?;
        files.sync(&self.file, &self.path)?;
        let name = RunName { id, records: self.records.into(), check: crc32fast::hash(&fences) };
        let Self { path, file, bits, fences, .. } = self;
        Ok(Run { name, path, file, bits, fences })
    }

    fn end_page(&mut self) {
        let begin = (self.buffer.len() - 1) / PAGE_BYTES * PAGE_BYTES;
        self.buffer.resize(begin + CHECKED_BYTES, 0);
        let check = crc32fast::hash(&self.buffer[begin..]);
        self.buffer.extend_from_slice(&check.to_be_bytes());
    }
}

fn page_bytes(records: u64) -> u64 {
    records.div_ceil(PAGE_RECORDS) * PAGE_BYTES as u64
}

/// At most 32 bits: the records are numbered with as many.
fn fence_bits(records: u64) -> usize {
    records.div_ceil(FENCE_RECORDS).next_power_of_two().trailing_zeros() as usize
}

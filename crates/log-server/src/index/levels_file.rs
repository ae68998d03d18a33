//! The hashes of the buckets in files: all of them, or those that have changed.
//!
//! ```text
//! bucket   depth (1 byte) ‖ number (4 bytes, big endian) ‖ hash (32 bytes)
//! edge     as in `edges`
//! ```
//!
//! The first file has all buckets and edges; each one after it has the buckets with new
//! records and those that came from splitting since. When the later ones together have
//! half as many buckets as there are, a first file is written again, so that a flush
//! writes a tenth of all hashes on average. What is read is checked against the root of
//! the map; and an edge that is older than its list is the edge of a part of it still.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log_core::hash::Hash;
use serde::{Deserialize, Serialize};

use super::IndexError;
use super::edges::Edges;
use super::levels::{Levels, NONE, Shape};
use super::postings::Table;

/// The directory of such files.
pub(super) const DIRECTORY: &str = "levels";

/// There are about twelve between two that have everything, unless some have nearly
/// nothing.
const MAX_FILES: usize = 32;

const BUCKET_BYTES: usize = 37;

/// Bytes that are written at a time.
const WRITE_BYTES: usize = 1 << 18;

/// What the manifest says of a levels file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelsName {
    /// Its number, which is never used again.
    pub(super) id: u64,
    /// The shape of the levels when it was written.
    pub(super) shape: Shape,
    /// How many buckets it has.
    pub(super) buckets: u64,
    /// The CRC-32 of the file.
    pub(super) check: u32,
}

/// The file with this number.
pub(super) fn path(store: &Path, id: u64) -> PathBuf {
    store.join(DIRECTORY).join(format!("{id}.levels"))
}

/// Whether to write all buckets, after these files and with so many new records.
pub(super) fn is_full_due(files: &[LevelsName], records: u64, buckets: u64) -> bool {
    let later: u64 = files.iter().skip(1).map(|file| file.buckets).sum();
    files.is_empty() || files.len() == MAX_FILES || 2 * (later + records) > buckets
}

/// Writes all buckets and edges; or the buckets with records in these tables, and those
/// that came from splitting since the levels had that shape.
pub(super) fn write(
    file: &mut File,
    id: u64,
    levels: &Levels,
    edges: &Edges,
    since: Option<(Shape, &[Arc<Table>])>,
) -> io::Result<LevelsName> {
    let shape = levels.shape();
    let (since, tables) = since.map_or((None, &[][..]), |(shape, tables)| (Some(shape), tables));
    let split =
        shape.buckets_since(since).into_iter().flat_map(|(depth, numbers)| numbers.map(move |n| (depth, n)));
    let touched = tables.iter().flat_map(|table| table.iter().map(|record| levels.bucket(record.key())));
    let (mut buckets, mut last) = (0, None);
    let mut check = crc32fast::Hasher::new();
    let mut bytes = Vec::with_capacity(WRITE_BYTES + BUCKET_BYTES);
    for (depth, number) in split.chain(touched) {
        if last.replace((depth, number)) == Some((depth, number)) {
            continue;
        }
        bytes.extend_from_slice(&depth.to_le_bytes()[..1]);
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(levels.get(depth, number).as_bytes());
        buckets += 1;
        if bytes.len() >= WRITE_BYTES {
            check.update(&bytes);
            file.write_all(&bytes)?;
            bytes.clear();
        }
    }
    if since.is_none() {
        edges.encode(&mut bytes);
    }
    check.update(&bytes);
    file.write_all(&bytes)?;
    Ok(LevelsName { id, shape, buckets, check: check.finalize() })
}

/// Reads what a manifest names, the first file first.
pub(super) fn read(store: &Path, names: &[LevelsName]) -> Result<(Levels, Edges), IndexError> {
    let Some(newest) = names.last() else { return Ok((Levels::default(), Edges::default())) };
    let damaged = |name: &LevelsName| {
        IndexError::Damaged(format!("{} is missing or damaged", path(store, name.id).display()))
    };
    let mut levels = Levels::unfilled(newest.shape).ok_or_else(|| damaged(newest))?;
    let mut first_edges = None;
    for name in names {
        let edges =
            read_file(&path(store, name.id), name, &mut levels).map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::UnexpectedEof => damaged(name),
                _ => error.into(),
            })?;
        let edges = edges.and_then(|bytes| Edges::decode(&bytes)).ok_or_else(|| damaged(name))?;
        first_edges.get_or_insert(edges);
    }
    levels.hash_up();
    Ok((levels, first_edges.unwrap_or_default()))
}

/// Puts the buckets of a file into the levels; its edges, when the checksum is right.
fn read_file(path: &Path, name: &LevelsName, levels: &mut Levels) -> io::Result<Option<Vec<u8>>> {
    let mut file = File::open(path)?;
    let mut check = crc32fast::Hasher::new();
    let (mut bytes, mut rest) = (Vec::new(), usize::try_from(name.buckets).unwrap_or(usize::MAX));
    while rest > 0 {
        let buckets = rest.min(WRITE_BYTES / BUCKET_BYTES);
        rest -= buckets;
        bytes.resize(buckets * BUCKET_BYTES, 0);
        file.read_exact(&mut bytes)?;
        check.update(&bytes);
        for [depth, bucket @ ..] in bytes.as_chunks::<BUCKET_BYTES>().0 {
            let (number, hash) = bucket.split_first_chunk().unwrap_or((&[0; 4], &[]));
            let hash = Hash::from_slice(hash).unwrap_or(NONE);
            levels.fill((*depth).into(), u32::from_be_bytes(*number), hash);
        }
    }
    bytes.clear();
    file.read_to_end(&mut bytes)?;
    check.update(&bytes);
    Ok((check.finalize() == name.check).then_some(bytes))
}

//! What lies in a log's directory beside the files that its checkpoint asks for.
//!
//! | file | meaning |
//! |---|---|
//! | a narrower partial tile than the checkpoint's | an older checkpoint asks for it; it must be the start of the wider one |
//! | a tile beyond the checkpoint's size | the log has grown since; nothing is said about it |
//! | `log.pub` | the log's public key, which whoever serves the directory may put there |
//! | `.tmp-…` | left over from a crash |
//! | anything else | not the log's, and a web server would serve it |
//!
//! Memory: one tile or bundle; only names are listed.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use log_core::api::LOG_KEY_PATH;
use log_core::bundle::parse_bundle;
use log_core::tile::{Level, TileId};
use log_io::durable;

use super::findings::Found;
use super::problem::{Fault, Problem, Remedy};

/// How many names of one kind are said; more are counted.
const MAX_NAMED: usize = 10;

/// What was found.
#[derive(Debug, Default)]
pub struct Strays {
    /// Narrower partial tiles that are not what they must be.
    pub found: Vec<Found>,
    /// Left-overs and strangers.
    pub remarks: Vec<String>,
    left_over: usize,
    strangers: usize,
    /// The tile that narrower ones were compared with last.
    wider: Option<(TileId, Option<Vec<u8>>)>,
}

/// Looks through the directory of a log whose checkpoint is of `size`. Files in
/// `bad` are known not to be right, and nothing is compared with them.
pub fn look(public: &Path, size: u64, bad: &BTreeSet<String>) -> io::Result<Strays> {
    let mut strays = Strays::default();
    let mut directories = vec![String::new()];
    while let Some(directory) = directories.pop() {
        let mut narrower = Vec::new();
        let entries = match public.join(&directory).read_dir() {
            // A running log deletes what nobody asks for any more.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
            if entry.file_type()?.is_dir() {
                directories.push(path);
            } else if let Some(id) = TileId::parse(&path) {
                narrower.extend(
                    TileId::in_tree(id.level, id.index, size)
                        .filter(|now| id.width < now.width)
                        .map(|now| (id, now)),
                );
            } else {
                strays.stranger(&path);
            }
        }
        for (id, now) in narrower {
            if !bad.contains(&now.path()) {
                strays.compare(public, id, now)?;
            }
        }
    }
    strays.summarise();
    Ok(strays)
}

impl Strays {
    fn stranger(&mut self, path: &str) {
        let name = path.rsplit('/').next().unwrap_or(path);
        // A static copy may have the log's public key, as the server does.
        if path == "checkpoint" || path == LOG_KEY_PATH {
            return;
        }
        if name.starts_with(durable::TEMP_PREFIX) {
            self.left_over += 1;
        } else {
            self.strangers += 1;
            if self.strangers <= MAX_NAMED {
                self.remarks.push(format!("{path}: no file of a log, and a web server would serve it"));
            }
        }
    }

    /// Compares a partial tile with the one that the checkpoint asks for.
    fn compare(&mut self, public: &Path, id: TileId, now: TileId) -> io::Result<()> {
        if self.wider.as_ref().is_none_or(|(wider, _)| *wider != now) {
            let bytes = match durable::read(&public.join(now.path()))? {
                None if !now.is_full() => durable::read(&public.join(now.full().path()))?,
                bytes => bytes,
            };
            self.wider = Some((now, bytes));
        }
        let Some((_, Some(wider))) = &self.wider else { return Ok(()) };
        let Some(start) = start_of(wider, id) else { return Ok(()) };
        if durable::read(&public.join(id.path()))?.is_some_and(|found| found != start) {
            let fault = Fault::Form(format!("it is not the start of {now}"));
            let problem = Problem::of(id.path(), fault, Remedy::Derivable);
            self.found.push(Found { problem, mend: Some(start.to_vec()) });
        }
        Ok(())
    }

    fn summarise(&mut self) {
        if self.left_over > 0 {
            let remark =
                format!("{} files `{}…` are left over from a crash", self.left_over, durable::TEMP_PREFIX);
            self.remarks.push(remark);
        }
        if self.strangers > MAX_NAMED {
            self.remarks.push(format!("and {} more files that are no log's", self.strangers - MAX_NAMED));
        }
    }
}

/// The bytes of the partial tile `id`, from those of a wider one in its place.
fn start_of(wider: &[u8], id: TileId) -> Option<&[u8]> {
    let width = usize::from(id.width);
    if id.level != Level::Entries {
        return wider.get(..32 * width);
    }
    let mut length = 0;
    for _ in 0..width {
        let prefix = wider.get(length..)?.first_chunk::<2>()?;
        length += 2 + usize::from(u16::from_be_bytes(*prefix));
    }
    wider.get(..length).filter(|start| parse_bundle(start, width).is_ok())
}

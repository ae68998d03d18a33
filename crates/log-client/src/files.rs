//! Files on disk as subjects of statements and verdicts.
//!
//! Files are hashed in parallel, as many at once as there are processors, each streamed;
//! nothing is held in memory whole. How far it is is shown on a terminal, when there is much
//! to hash.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, stream};
use log_core::artifact::{self, FileName, ProjectName, Version};
use log_core::hash::{Hash, StreamDigest};
use log_io::durable;
use log_io::outcome::progress;

/// How much of a file is read at once: what stays in a processor's own cache between being
/// read and being hashed.
const CHUNK_BYTES: usize = 256 << 10;

/// How often progress is shown: about five times a second at 1.5 GB/s of all processors.
const PROGRESS_BYTES: u64 = 256 << 20;

/// A file and its digest.
#[derive(Debug, Clone)]
pub struct HashedFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name.
    pub name: FileName,
    /// The digest of its bytes.
    pub sha256: Hash,
    /// How many bytes it has.
    pub size: u64,
}

/// Hashes files, as many at once as there are processors, in their order.
pub async fn hash_all(paths: &[PathBuf]) -> Vec<anyhow::Result<HashedFile>> {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let progress = Arc::new(Progress::default());
    let hash = |path: PathBuf| {
        let progress = Arc::clone(&progress);
        async move {
            match tokio::task::spawn_blocking(move || hash_file(&path, &progress)).await {
                Ok(result) => result,
                Err(error) => Err(error.into()),
            }
        }
    };
    let hashed = stream::iter(paths.to_vec()).map(hash).buffered(at_once).collect().await;
    progress.done();
    hashed
}

/// The digests of some files, in their order; none of those that cannot be read. No more of a
/// file is read than the size that it is said to have, and one byte.
pub fn digests(files: &[(&Path, u64)]) -> Vec<Option<Hash>> {
    let progress = Progress::default();
    let digest_of = |(path, size): &(&Path, u64)| {
        let (sha256, length) = digest(File::open(path).ok()?.take(size.saturating_add(1)), &progress).ok()?;
        (length == *size).then_some(sha256)
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let share = files.len().div_ceil(threads).max(1);
    let mut all = vec![None; files.len()];
    std::thread::scope(|scope| {
        for (files, results) in files.chunks(share).zip(all.chunks_mut(share)) {
            let digest_of = &digest_of;
            scope.spawn(move || {
                for (file, result) in files.iter().zip(results) {
                    *result = digest_of(file);
                }
            });
        }
    });
    progress.done();
    all
}

/// How many bytes of all files together are hashed.
#[derive(Debug, Default)]
struct Progress(AtomicU64);

impl Progress {
    fn add(&self, bytes: u64) {
        let before = self.0.fetch_add(bytes, Ordering::Relaxed);
        if before / PROGRESS_BYTES != (before + bytes) / PROGRESS_BYTES {
            progress(format_args!("hashed {} MiB", (before + bytes) >> 20));
        }
    }

    fn done(&self) {
        if self.0.load(Ordering::Relaxed) >= PROGRESS_BYTES {
            progress("");
        }
    }
}

/// The projects and versions that a file's name can stand for.
pub fn candidates(
    name: &FileName,
    project: Option<&ProjectName>,
) -> anyhow::Result<Vec<(ProjectName, Version)>> {
    let found = match project {
        Some(project) => vec![(project.clone(), artifact::version_of(name, project)?)],
        None => artifact::candidates(name),
    };
    if found.is_empty() {
        bail!("{name} is not the name of an sdist or wheel");
    }
    Ok(found)
}

/// The file itself, or the wheel that it is the metadata of.
pub fn artifact(name: &FileName) -> FileName {
    name.metadata_of().unwrap_or_else(|| name.clone())
}

/// `<file>.tlog-proof`.
pub fn proof_path(file: &Path) -> PathBuf {
    let mut path = file.as_os_str().to_owned();
    path.push(".tlog-proof");
    path.into()
}

fn hash_file(path: &Path, progress: &Progress) -> anyhow::Result<HashedFile> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = FileName::parse(name.unwrap_or_default()).with_context(|| path.display().to_string())?;
    let digest = durable::open(path).and_then(|file| digest(file, progress));
    let (sha256, size) = digest.with_context(|| format!("cannot read {}", path.display()))?;
    Ok(HashedFile { path: path.to_owned(), name, sha256, size })
}

/// The digest of a file's bytes, and how many it has.
fn digest(mut file: impl io::Read, progress: &Progress) -> io::Result<(Hash, u64)> {
    let mut digest = StreamDigest::default();
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        match file.read(&mut chunk)? {
            0 => return Ok(digest.finish()),
            length => {
                digest.update(&chunk[..length]);
                progress.add(length as u64);
            }
        }
    }
}

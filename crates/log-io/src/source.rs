//! A log to read from: the URL prefix of a tlog-tiles log, or a directory with
//! the same layout.
//!
//! What is read here is not verified; `session` does that. A partial tile that is
//! gone is read from the full one in its place (C2SP tlog-tiles).

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use log_core::bundle::parse_bundle;
use log_core::hash::Hash;
use log_core::limits::{MAX_BUNDLE_BYTES, MAX_NOTE_BYTES, MAX_TILE_BYTES};
use log_core::tile::{Level, TileId};
use thiserror::Error;

use crate::durable;
use crate::fetch::{self, FetchError, Http};

/// Where a log's files are.
#[derive(Debug, Clone)]
pub enum LogSource {
    /// Below a URL, which ends in `/`.
    Url(Http, String),
    /// In a directory.
    Directory(PathBuf),
}

/// What answers, or is on disk, and has no checkpoint.
#[derive(Debug, Error)]
#[error("there is no log at {0}: no `checkpoint`")]
pub struct NoLog(String);

impl LogSource {
    /// The log at an `http(s):` or `file:` URL.
    pub fn new(http: Http, url: &str) -> anyhow::Result<Self> {
        if let Some(path) = url.strip_prefix("file://") {
            return Ok(Self::Directory(PathBuf::from(path)));
        }
        if !url.starts_with("http://") && !url.starts_with("https://") {
            bail!("{url:?} is not an http, https or file URL");
        }
        Ok(Self::Url(http, format!("{}/", url.trim_end_matches('/'))))
    }

    /// Where it is, for messages: without a name and password.
    pub fn location(&self) -> String {
        match self {
            Self::Url(_, url) => fetch::shown(url),
            Self::Directory(path) => path.display().to_string(),
        }
    }

    /// The newest checkpoint.
    pub async fn checkpoint(&self) -> anyhow::Result<Vec<u8>> {
        let checkpoint = self.read("checkpoint", MAX_NOTE_BYTES).await?;
        Ok(checkpoint.ok_or_else(|| NoLog(self.location()))?)
    }

    /// The items of a hash tile.
    pub async fn tile(&self, id: TileId) -> anyhow::Result<Vec<Hash>> {
        let (bytes, found) = self.read_tile(id, MAX_TILE_BYTES).await?;
        if bytes.len() != usize::from(found.width) * 32 {
            bail!("{found} has {} bytes", bytes.len());
        }
        let items = bytes.chunks_exact(32).filter_map(Hash::from_slice);
        Ok(items.take(usize::from(id.width)).collect())
    }

    /// The entries of a bundle.
    pub async fn entries(&self, id: TileId) -> anyhow::Result<Vec<Vec<u8>>> {
        let (bytes, found) = self.read_tile(id, MAX_BUNDLE_BYTES).await?;
        let entries =
            parse_bundle(&bytes, usize::from(found.width)).with_context(|| format!("{found} is damaged"))?;
        Ok(entries.into_iter().take(usize::from(id.width)).map(<[u8]>::to_vec).collect())
    }

    /// The tile, or the full one in its place; and which of them it is.
    async fn read_tile(&self, id: TileId, limit: usize) -> anyhow::Result<(Vec<u8>, TileId)> {
        if let Some(bytes) = self.read(&id.path(), limit).await? {
            return Ok((bytes, id));
        }
        if !id.is_full()
            && let Some(bytes) = self.read(&id.full().path(), limit).await?
        {
            return Ok((bytes, id.full()));
        }
        let what = if id.level == Level::Entries { "entry bundle" } else { "tile" };
        bail!("the log at {} lacks the {what} {id}", self.location())
    }

    /// The file at `path`, which the caller made, as it is served; `None` when there
    /// is none.
    pub async fn read(&self, path: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        match self {
            Self::Url(http, url) => http.get(&format!("{url}{path}"), limit).await,
            Self::Directory(directory) => {
                let path = directory.join(path);
                let url = path.display().to_string();
                let read = tokio::task::spawn_blocking(move || read_file(&path, limit)).await;
                match read.map_err(io::Error::other).flatten() {
                    Ok(bytes) if bytes.as_ref().is_some_and(|bytes| bytes.len() > limit) => {
                        Err(FetchError::TooLong { url, limit })
                    }
                    Ok(bytes) => Ok(bytes),
                    Err(error) => Err(FetchError::Unreachable { url, reason: error.to_string() }),
                }
            }
        }
    }
}

/// A file's first bytes, one more than `limit` at most.
fn read_file(path: &Path, limit: usize) -> io::Result<Option<Vec<u8>>> {
    let file = match durable::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

//! Files from the index to the client and into the store, hashed on the way.
//!
//! ```text
//! index ─► chunk ─┬─► spool: hash, write          (a thread of its own)
//!                 └─► held back ─► client         one chunk behind
//! ```
//!
//! Invariants: the last bytes of a file are sent only when the digest of all is right; a
//! client that was told a length and gets fewer bytes knows that it has not the file. A
//! small file is verified before its status line is sent. What is in memory of a file is
//! bounded by the chunks on their way. No thread of the runtime waits for the disk.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use axum::body::{Body, Bytes};
use futures_util::stream;
use log_core::hash::Hash;
use log_io::index_client::{FetchedFile, IndexError};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::limits::{CHUNKS, CLIENT_TIME, MAX_FILE_BYTES, MAX_HELD_BYTES, READ_BYTES};
use super::store::{Spool, Store};

/// What a file came to.
#[derive(Debug)]
pub(super) enum Done {
    /// It has the digest; it is in the store, if there is room.
    Right,
    /// It has another one.
    Wrong(Hash),
    /// It has the digest, and could not be noted, so that it must not be served whole.
    Unnoted,
    /// It did not come whole, and nobody knows.
    Broken(String),
}

/// Why a body ended early.
#[derive(Debug, Error)]
enum Cut {
    #[error("the file has another digest than it must have")]
    Wrong,
    #[error("the file could not be noted")]
    Unnoted,
    #[error("the index broke off: {0}")]
    Broken(String),
}

/// Whether a file is small enough to be held.
pub(super) fn is_small(file: &FetchedFile) -> bool {
    file.length.is_some_and(|length| length <= MAX_HELD_BYTES)
}

/// Reads a small file whole.
pub(super) async fn hold(
    mut file: FetchedFile,
    expected: Option<Hash>,
    store: &Arc<Store>,
) -> Result<(Vec<u8>, Hash), Done> {
    let mut bytes = Vec::new();
    loop {
        match file.chunk().await {
            Ok(Some(chunk)) => {
                if (bytes.len() + chunk.len()) as u64 > MAX_HELD_BYTES {
                    return Err(Done::Broken("it is longer than it was said to be".to_owned()));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(None) => break,
            Err(error) => return Err(Done::Broken(error.to_string())),
        }
    }
    let store = Arc::clone(store);
    let kept = tokio::task::spawn_blocking(move || {
        let mut spool = store.spool();
        spool.write(&bytes);
        let (hash, length) = spool.finish();
        if expected.is_some_and(|expected| expected != hash) {
            return Err(Done::Wrong(hash));
        }
        store.keep(spool, hash, length);
        Ok((bytes, hash))
    });
    kept.await.unwrap_or_else(|_| Err(unhashed()))
}

/// Passes a file on while it comes. `before_last` is asked with the digest when all but the
/// last bytes were sent, and may wait for the disk; `done` is told how it ended, whatever becomes of the client.
pub(super) fn pass_on(
    file: FetchedFile,
    expected: Option<Hash>,
    store: &Arc<Store>,
    before_last: impl FnOnce(Hash) -> bool + Send + 'static,
    done: impl FnOnce(&Done) + Send + 'static,
) -> Body {
    let (to_client, from_us) = mpsc::channel::<Result<Bytes, Cut>>(CHUNKS);
    let store = Arc::clone(store);
    tokio::spawn(async move {
        let mut client = ToClient(Some(to_client));
        let result = run(file, expected, &store, before_last, &mut client).await;
        // First what is known of it, so that whoever hears that it broke off can be told why.
        done(&result);
        match result {
            Done::Right => {}
            Done::Wrong(_) => client.send(Err(Cut::Wrong)).await,
            Done::Unnoted => client.send(Err(Cut::Unnoted)).await,
            Done::Broken(why) => client.send(Err(Cut::Broken(why))).await,
        }
    });
    body(from_us)
}

/// Where the bytes go, until the client goes away or stops to read. The file is fetched
/// to its end all the same, since others may wait for it.
struct ToClient(Option<mpsc::Sender<Result<Bytes, Cut>>>);

impl ToClient {
    async fn send(&mut self, chunk: Result<Bytes, Cut>) {
        let Some(channel) = &self.0 else { return };
        let sent = tokio::time::timeout(CLIENT_TIME, channel.send(chunk)).await;
        if !matches!(sent, Ok(Ok(()))) {
            self.0 = None;
        }
    }
}

async fn run(
    mut file: FetchedFile,
    expected: Option<Hash>,
    store: &Arc<Store>,
    before_last: impl FnOnce(Hash) -> bool + Send + 'static,
    client: &mut ToClient,
) -> Done {
    let (to_spool, spooled) = spool(Arc::clone(store));
    let mut held: Option<Bytes> = None;
    let mut length = 0u64;
    loop {
        match file.chunk().await {
            Ok(Some(chunk)) if chunk.is_empty() => {}
            Ok(Some(chunk)) => {
                let chunk = Bytes::from(chunk);
                length += chunk.len() as u64;
                if to_spool.send(chunk.clone()).await.is_err() {
                    return unhashed();
                }
                if length > MAX_FILE_BYTES {
                    return Done::Broken(format!("it has more than {MAX_FILE_BYTES} bytes"));
                }
                if let Some(before) = held.replace(chunk) {
                    client.send(Ok(before)).await;
                }
            }
            Ok(None) => break,
            Err(error) => return Done::Broken(error.to_string()),
        }
    }
    if file.length.is_some_and(|said| said != length) {
        return Done::Broken("it has another length than it was said to have".to_owned());
    }
    drop(to_spool);
    let Ok(spool) = spooled.await else { return unhashed() };
    let store = Arc::clone(store);
    let judged = tokio::task::spawn_blocking(move || {
        let (hash, length) = spool.finish();
        if expected.is_some_and(|expected| expected != hash) {
            return Done::Wrong(hash);
        }
        if !before_last(hash) {
            return Done::Unnoted;
        }
        store.keep(spool, hash, length);
        Done::Right
    });
    let done = judged.await.unwrap_or_else(|_| unhashed());
    if let (Done::Right, Some(last)) = (&done, held) {
        client.send(Ok(last)).await;
    }
    done
}

fn unhashed() -> Done {
    Done::Broken("the file could not be hashed".to_owned())
}

/// A thread that hashes and writes what it is sent, and gives it back at the end.
fn spool(store: Arc<Store>) -> (mpsc::Sender<Bytes>, oneshot::Receiver<Spool>) {
    let (to_spool, mut chunks) = mpsc::channel::<Bytes>(CHUNKS);
    let (give_back, spooled) = oneshot::channel();
    tokio::task::spawn_blocking(move || {
        let mut spool = store.spool();
        while let Some(chunk) = chunks.blocking_recv() {
            spool.write(&chunk);
        }
        // Nobody waits for it when the file broke off.
        let _ = give_back.send(spool);
    });
    (to_spool, spooled)
}

/// A part of a file from the store.
pub(super) fn from_store(mut file: File, from: u64, length: u64) -> Body {
    let (to_client, from_us) = mpsc::channel::<Result<Bytes, io::Error>>(CHUNKS);
    tokio::task::spawn_blocking(move || {
        let mut left = length;
        let mut read = |file: &mut File| -> io::Result<Bytes> {
            let want = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
            let mut buffer = vec![0; want];
            file.read_exact(&mut buffer)?;
            left -= want as u64;
            Ok(buffer.into())
        };
        if let Err(error) = file.seek(SeekFrom::Start(from)) {
            let _ = to_client.blocking_send(Err(error));
            return;
        }
        let mut sent = 0;
        while sent < length {
            let chunk = read(&mut file);
            sent += chunk.as_ref().map_or(length, |chunk| chunk.len() as u64);
            if to_client.blocking_send(chunk).is_err() {
                return;
            }
        }
    });
    body(from_us)
}

fn body<E: std::error::Error + Send + Sync + 'static>(chunks: mpsc::Receiver<Result<Bytes, E>>) -> Body {
    let next = |mut chunks: mpsc::Receiver<Result<Bytes, E>>| async move {
        chunks.recv().await.map(|chunk| (chunk, chunks))
    };
    Body::from_stream(stream::unfold(chunks, next))
}

impl From<IndexError> for Done {
    fn from(error: IndexError) -> Self {
        Self::Broken(error.to_string())
    }
}

//! Files from the index to the client and into the store, hashed on the way.
//!
//! ```text
//! index ─► chunk ─┬─► spool: hash, write          (a thread of its own)
//!                 └─► held back ─► client         one chunk behind
//! ```
//!
//! Invariants: the last bytes of a file are sent only when the digest of all is right, and
//! every answer has a length, so that a client that gets fewer bytes knows that it has not
//! the file: one whose length the index does not say is verified before the status line is
//! sent, and so is a small one. What is in memory of a file is bounded by the chunks on their
//! way. No thread of the runtime waits for the disk, and none for a client.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::stream;
use log_core::hash::Hash;
use log_io::clock::Stopwatch;
use log_io::index_client::{FetchedFile, IndexError};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use super::limits::{CHUNKS, CLIENT_TIME, CLIENT_WAITS, MAX_FILE_BYTES, MAX_HELD_BYTES, READ_BYTES};
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

/// Reads a file to its end, and gives it when it is right: open, with its length and digest.
/// `before_last` is asked with the digest, and may wait for the disk.
pub(super) async fn whole(
    file: FetchedFile,
    expected: Option<Hash>,
    store: Arc<Store>,
    before_last: impl FnOnce(Hash) -> bool + Send + 'static,
) -> Result<(File, u64, Hash), Done> {
    let (spool, _) = receive(file, &store, &mut ToClient::nobody()).await?;
    let judged = tokio::task::spawn_blocking(move || {
        let no_room = || Done::Broken("there is no room to hold it until it is verified".to_owned());
        let file = spool.reopen().ok_or_else(no_room)?;
        let (hash, length) = end(spool, expected, &store, before_last)?;
        Ok((file, length, hash))
    });
    judged.await.unwrap_or_else(|_| Err(unhashed()))
}

/// Passes a file on while it comes. `before_last` is asked with the digest when all but the
/// last bytes were sent, and may wait for the disk; `done` is told how it ended, whatever
/// becomes of the client.
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
        let mut client = ToClient { channel: Some(to_client), waited: Duration::ZERO };
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
struct ToClient {
    channel: Option<mpsc::Sender<Result<Bytes, Cut>>>,
    /// How long it was waited for in all.
    waited: Duration,
}

impl ToClient {
    fn nobody() -> Self {
        Self { channel: None, waited: Duration::ZERO }
    }

    async fn send(&mut self, chunk: Result<Bytes, Cut>) {
        let Some(channel) = &self.channel else { return };
        let watch = Stopwatch::start();
        let sent = tokio::time::timeout(CLIENT_TIME, channel.send(chunk)).await;
        self.waited += watch.elapsed();
        // A slow client gets the rest from the store when it asks for it.
        if !matches!(sent, Ok(Ok(()))) || self.waited > CLIENT_WAITS {
            self.channel = None;
        }
    }
}

async fn run(
    file: FetchedFile,
    expected: Option<Hash>,
    store: &Arc<Store>,
    before_last: impl FnOnce(Hash) -> bool + Send + 'static,
    client: &mut ToClient,
) -> Done {
    let (spool, held) = match receive(file, store, client).await {
        Ok(received) => received,
        Err(done) => return done,
    };
    let store = Arc::clone(store);
    let judged = tokio::task::spawn_blocking(move || end(spool, expected, &store, before_last));
    match judged.await.unwrap_or_else(|_| Err(unhashed())) {
        Ok(_) => {
            if let Some(last) = held {
                client.send(Ok(last)).await;
            }
            Done::Right
        }
        Err(done) => done,
    }
}

/// Judges a file that has come whole, and keeps it when it is right.
fn end(
    spool: Spool,
    expected: Option<Hash>,
    store: &Store,
    before_last: impl FnOnce(Hash) -> bool,
) -> Result<(Hash, u64), Done> {
    let (hash, length) = spool.finish();
    if expected.is_some_and(|expected| expected != hash) {
        return Err(Done::Wrong(hash));
    }
    if !before_last(hash) {
        return Err(Done::Unnoted);
    }
    store.keep(spool, hash, length);
    Ok((hash, length))
}

/// Reads a file to its end, into the store and on to the client; gives what is to be kept of
/// it, and the last bytes, which the client has not got yet.
async fn receive(
    mut file: FetchedFile,
    store: &Arc<Store>,
    client: &mut ToClient,
) -> Result<(Spool, Option<Bytes>), Done> {
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
                    return Err(unhashed());
                }
                if length > MAX_FILE_BYTES {
                    return Err(Done::Broken(format!("it has more than {MAX_FILE_BYTES} bytes")));
                }
                if let Some(before) = held.replace(chunk) {
                    client.send(Ok(before)).await;
                }
            }
            Ok(None) => break,
            Err(error) => return Err(Done::Broken(error.to_string())),
        }
    }
    if file.length.is_some_and(|said| said != length) {
        return Err(Done::Broken("it has another length than it was said to have".to_owned()));
    }
    drop(to_spool);
    match spooled.await {
        Ok(spool) => Ok((spool, held)),
        Err(_) => Err(unhashed()),
    }
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
    tokio::spawn(async move {
        let end = from + length;
        let mut at = from;
        while at < end {
            let want = usize::try_from(end - at).unwrap_or(READ_BYTES).min(READ_BYTES);
            let read = tokio::task::spawn_blocking(move || {
                let mut buffer = vec![0; want];
                let read = file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut buffer));
                (file, read.map(|()| Bytes::from(buffer)))
            });
            let Ok((back, chunk)) = read.await else { return };
            (file, at) = (back, if chunk.is_ok() { at + want as u64 } else { end });
            // One that stopped to read holds nothing up.
            if !matches!(tokio::time::timeout(CLIENT_TIME, to_client.send(chunk)).await, Ok(Ok(()))) {
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

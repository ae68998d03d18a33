//! Every bound of the proxy, in one place, each with its arithmetic. (Those of a page,
//! its bytes and its files, are `log_core::simple_index`'s.)

use std::time::Duration;

/// Largest metadata of a wheel: the largest met on PyPI has some 400 KiB, most of it the
/// long description.
pub(super) const MAX_METADATA_BYTES: usize = 8 << 20;

/// Files up to this size are verified before the first byte of an answer, so that its
/// status line can say what is wrong. Larger ones are passed on while they come.
pub(super) const MAX_HELD_BYTES: u64 = 2 << 20;

/// Largest file; PyPI's own limit is 1 GiB unless a project asks for more.
pub(super) const MAX_FILE_BYTES: u64 = 16 << 30;

/// How long a client may take for what is on its way to it, before the file goes on
/// without it.
pub(super) const CLIENT_TIME: Duration = Duration::from_secs(60);

/// How long a client may be waited for in all while a file comes from the index: as long as
/// others may wait for it. It gets the rest from the cache.
pub(super) const CLIENT_WAITS: Duration = Duration::from_secs(120);

/// Pages and metadata that are fetched at once: 8 pages of 64 MiB at the very most.
pub(super) const PAGES_AT_ONCE: usize = 8;

/// Longest wait for the log's answer about a project. Installers wait for some 15 seconds.
pub(super) const LOG_TIME: Duration = Duration::from_secs(10);

/// Files that are held at once: 8 of 2 MiB, 16 MiB.
pub(super) const HELD_AT_ONCE: usize = 8;

/// Files that are fetched at once; what is held of each are the chunks on their way to the
/// disk and to the client, 2 x 8 of at most 256 KiB: 64 MiB with 16.
pub(super) const FETCHED_AT_ONCE: usize = 16;

/// Chunks on their way.
pub(super) const CHUNKS: usize = 8;

/// Bytes that are read from the cache at a time.
pub(super) const READ_BYTES: usize = 128 << 10;

/// Pages that are kept with their entity tags: most have some 15 KiB.
pub(super) const CACHED_PAGES: usize = 512;

/// Bytes of pages that are kept; one alone may have more, and is not kept then. Read, and with
/// the plan that is made of it, a page of JSON takes some ten times as much: 160 MiB.
pub(super) const CACHED_PAGE_BYTES: usize = 16 << 20;

/// Projects of which is kept what the log says.
pub(super) const CACHED_PROJECTS: usize = 4_096;

/// Longest reason phrase. 480 characters came through pip and uv whole.
pub(super) const MAX_PHRASE_CHARS: usize = 400;

/// Files that the summary names of each kind; more are counted.
pub(super) const MAX_NAMED: usize = 1_000;

/// Characters of a name that is none, such as an index may send; those that are names have
/// 255 at most.
pub(super) const MAX_NAME_CHARS: usize = 255;

/// How long a file that was wrong is not asked for again.
pub(super) const WRONG_TIME: Duration = Duration::from_secs(60);

/// Files that are remembered as wrong.
pub(super) const MAX_WRONG: usize = 4_096;

/// How long a page is used without asking the index whether it has changed: an installer
/// asks for the page, then for each file.
pub(super) const PAGE_TIME: Duration = Duration::from_secs(10);

/// How long the last page is used while the index does not answer: long enough for most of
/// its outages, short enough that what it has changed is seen on the same day.
pub(super) const STALE_PAGE_TIME: Duration = Duration::from_secs(3_600);

/// How long the index may take to give a page that there is one of already. Installers wait
/// for some 15 seconds.
pub(super) const REFRESH_TIME: Duration = Duration::from_secs(8);

/// Time that clients have to end when the proxy stops.
pub(super) const STOP_TIME: Duration = Duration::from_secs(5);

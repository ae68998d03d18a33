//! The index's pages: asked for with conditional requests, one at a time each.
//!
//! When the index does not answer, the page that it last gave is used for a while: what it
//! links to is judged by what the log says now, so that an old page lacks files at worst.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use log_core::artifact::{FileName, ProjectName, Version, version_of};
use log_core::simple_index::{MAX_PAGE_BYTES, Offer, html, json, negotiate};
use log_io::clock::Stopwatch;
use log_io::fetch;
use log_io::index_client::{FetchedPage, IndexClient, IndexError, PageAnswer};
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::limits::{
    CACHED_PAGE_BYTES, CACHED_PAGES, MAX_METADATA_BYTES, PAGE_TIME, PAGES_AT_ONCE, REFRESH_TIME,
    STALE_PAGE_TIME,
};

/// The pages of an index.
#[derive(Debug)]
pub(super) struct Pages {
    client: IndexClient,
    cache: Mutex<Cached>,
    at_once: Semaphore,
    /// How long a page is used without asking, and how long when the index does not answer.
    times: (Duration, Duration),
}

#[derive(Debug, Default)]
struct Cached {
    slots: HashMap<ProjectName, Arc<AsyncMutex<Option<Kept>>>>,
    /// With their lengths, oldest first.
    order: VecDeque<(ProjectName, usize)>,
    bytes: usize,
}

#[derive(Debug, Clone)]
struct Kept {
    /// When the index was last asked for it, and when it last gave it.
    asked: Stopwatch,
    given: Stopwatch,
    etag: Option<String>,
    page: Arc<IndexPage>,
}

/// A page, with absolute URLs.
#[derive(Debug)]
pub(super) struct IndexPage {
    pub(super) offer: Offer,
    /// The versions of its files.
    pub(super) versions: Vec<Version>,
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(super) enum PageFailure {
    /// The index does not have the project.
    #[error("{0}")]
    Missing(String),
    /// The index could not be asked.
    #[error("the index: {0}")]
    Index(#[from] IndexError),
    /// What the index sent is no page.
    #[error("the index sent no page: {0}")]
    Malformed(String),
}

impl Pages {
    pub(super) fn new(client: IndexClient) -> Self {
        let at_once = Semaphore::new(PAGES_AT_ONCE);
        Self { client, cache: Mutex::default(), at_once, times: (PAGE_TIME, STALE_PAGE_TIME) }
    }

    pub(super) fn client(&self) -> &IndexClient {
        &self.client
    }

    /// The metadata of the wheel at a URL.
    pub(super) async fn metadata(&self, wheel: &str) -> Result<Vec<u8>, IndexError> {
        let _permit = self.at_once.acquire().await;
        self.client.small_file(&format!("{wheel}.metadata"), MAX_METADATA_BYTES).await
    }

    /// The page of a project, at most [`PAGE_TIME`] old, or [`STALE_PAGE_TIME`] when the index
    /// does not answer.
    pub(super) async fn get(&self, project: &ProjectName) -> Result<Arc<IndexPage>, PageFailure> {
        let (fresh, stale) = self.times;
        let slot = self.slot(project);
        let mut kept = slot.lock().await;
        if let Some(kept) = &*kept
            && kept.asked.elapsed() < fresh
        {
            return Ok(Arc::clone(&kept.page));
        }
        // It is closed never; without a permit the bound would not hold.
        let Ok(_permit) = self.at_once.acquire().await else {
            return Err(PageFailure::Malformed("the proxy is stopping".to_owned()));
        };
        let asked = Stopwatch::start();
        let fetched = match (self.ask(project, kept.as_ref()).await, kept.as_mut()) {
            (Ok(PageAnswer::Page(fetched)), _) => fetched,
            (Ok(PageAnswer::NotModified), Some(kept)) => {
                (kept.asked, kept.given) = (asked, asked);
                return Ok(Arc::clone(&kept.page));
            }
            (Ok(PageAnswer::NotModified), None) => {
                return Err(PageFailure::Malformed("not modified, but nothing is known of it".to_owned()));
            }
            (Ok(PageAnswer::Missing(why)), _) => {
                *kept = None;
                return Err(PageFailure::Missing(why));
            }
            (Err(error), Some(kept)) if error.is_temporary() && kept.given.elapsed() < stale => {
                tracing::warn!(%project, %error, "the index does not answer: its last page is used");
                kept.asked = Stopwatch::start();
                return Ok(Arc::clone(&kept.page));
            }
            (Err(error), _) => return Err(error.into()),
        };
        let (etag, bytes) = (fetched.etag.clone(), fetched.body.len());
        let page = Arc::new(read(project, &fetched)?);
        *kept = Some(Kept { asked, given: asked, etag, page: Arc::clone(&page) });
        drop(kept);
        self.note(project, bytes);
        Ok(page)
    }

    /// Asks the index; where there is a page to be used instead, it may not take long.
    async fn ask(&self, project: &ProjectName, kept: Option<&Kept>) -> Result<PageAnswer, IndexError> {
        let etag = kept.and_then(|kept| kept.etag.as_deref());
        let path = format!("{project}/");
        let page = self.client.page(&path, etag, MAX_PAGE_BYTES);
        if kept.is_none() {
            return page.await;
        }
        let late = |_| {
            let reason = format!("it did not answer in {} s", REFRESH_TIME.as_secs());
            Err(IndexError::Unreachable { host: self.client.host(), reason })
        };
        tokio::time::timeout(REFRESH_TIME, page).await.unwrap_or_else(late)
    }

    fn slot(&self, project: &ProjectName) -> Arc<AsyncMutex<Option<Kept>>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        // Most are of projects that the index does not have.
        if cache.slots.len() > 4 * CACHED_PAGES && !cache.slots.contains_key(project) {
            *cache = Cached::default();
        }
        Arc::clone(cache.slots.entry(project.clone()).or_default())
    }

    /// Counts a page, and forgets the oldest ones when they are too many.
    fn note(&self, project: &ProjectName, bytes: usize) {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
        cache.order.push_back((project.clone(), bytes));
        cache.bytes += bytes;
        while cache.bytes > CACHED_PAGE_BYTES || cache.order.len() > CACHED_PAGES {
            let Some((oldest, bytes)) = cache.order.pop_front() else { break };
            cache.bytes -= bytes;
            // Of a page that was fetched twice the newer one goes, too; that costs a request.
            cache.slots.remove(&oldest);
        }
    }
}

/// A page as it came, read; its URLs made absolute.
fn read(project: &ProjectName, fetched: &FetchedPage) -> Result<IndexPage, PageFailure> {
    let malformed = |what: String| PageFailure::Malformed(what);
    let form = negotiate::form_of(&fetched.content_type)
        .ok_or_else(|| malformed(format!("its media type is {:?}", fetched.content_type)))?;
    let mut offer = match form {
        negotiate::Form::Json => json::parse(project, &fetched.body),
        negotiate::Form::Html | negotiate::Form::TextHtml => html::parse(&fetched.body),
    }
    .map_err(|error| malformed(error.to_string()))?;
    let base = match &offer.base {
        Some(base) => {
            fetch::join(&fetched.url, base).ok_or_else(|| malformed("its base is no URL".to_owned()))?
        }
        None => fetched.url.clone(),
    };
    for file in &mut offer.files {
        // One whose URL is none stays listed, so that nobody drifts to another version; no
        // client of ours follows this.
        file.url = fetch::join(&base, &file.url).unwrap_or_else(|| "about:invalid".to_owned());
    }
    for file in &mut offer.files {
        file.provenance = file.provenance.take().and_then(|url| fetch::join(&base, &url));
    }
    let names = offer.files.iter().filter_map(|file| FileName::parse(&file.name).ok());
    let mut versions: Vec<Version> = names.filter_map(|name| version_of(&name, project).ok()).collect();
    versions.sort_by_key(Version::canonical);
    versions.dedup_by_key(|version| version.canonical());
    Ok(IndexPage { offer, versions })
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use log_io::index_client::IndexAccess;

    use super::*;

    /// An index that gives these answers, one after the other, and then none.
    fn index(answers: &'static [&'static str]) -> Pages {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}/simple/", listener.local_addr().expect("an address"));
        std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().expect("a connection");
                let mut lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let answer = format!("HTTP/1.1 {answer}");
                stream.write_all(answer.as_bytes()).expect("sent");
            }
        });
        let access = IndexAccess { url, credentials: None, file_hosts: Vec::new() };
        Pages::new(IndexClient::new("test", access).expect("a client"))
    }

    const PAGE: &str = "200 OK\r\nconnection: close\r\ncontent-type: text/html\r\ncontent-length: 46\r\n\r\n\
                        <a href=\"nova-1.0.tar.gz\">nova-1.0.tar.gz</a>\n";
    const BUSY: &str = "500 Busy\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    const GONE: &str = "404 None\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    const DENIED: &str = "403 No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

    #[tokio::test]
    async fn the_last_page_is_used_while_the_index_does_not_answer() {
        let nova = ProjectName::parse("nova").expect("a name");
        let mut pages = index(&[PAGE, BUSY, DENIED, BUSY, GONE, BUSY]);
        pages.times.0 = Duration::ZERO;
        let page = pages.get(&nova).await.expect("a page");
        assert_eq!(page.versions.len(), 1);
        let again = pages.get(&nova).await.expect("the last one");
        assert!(Arc::ptr_eq(&page, &again));
        assert!(matches!(pages.get(&nova).await, Err(PageFailure::Index(_))), "that is an answer");
        pages.times.1 = Duration::ZERO;
        assert!(matches!(pages.get(&nova).await, Err(PageFailure::Index(_))), "it is too old");
        assert!(matches!(pages.get(&nova).await, Err(PageFailure::Missing(_))));
        pages.times.1 = STALE_PAGE_TIME;
        assert!(matches!(pages.get(&nova).await, Err(PageFailure::Index(_))), "there is none any more");
        // Nobody listens any more, and there is nothing to use instead.
        assert!(matches!(pages.get(&nova).await, Err(PageFailure::Index(_))));
    }

    #[tokio::test]
    async fn it_is_asked_again_only_after_a_while() {
        let nova = ProjectName::parse("nova").expect("a name");
        let mut pages = index(&[PAGE, BUSY]);
        let page = pages.get(&nova).await.expect("a page");
        pages.times.0 = Duration::ZERO;
        pages.get(&nova).await.expect("the last one");
        pages.times = (PAGE_TIME, Duration::ZERO);
        assert!(Arc::ptr_eq(&page, &pages.get(&nova).await.expect("without asking")));
    }
}

//! The index's pages: asked for with conditional requests, one at a time each.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use log_core::artifact::{FileName, ProjectName, Version, version_of};
use log_core::simple_index::{MAX_PAGE_BYTES, Offer, html, json, negotiate};
use log_io::clock::Stopwatch;
use log_io::fetch;
use log_io::index_client::{FetchedPage, IndexClient, IndexError, PageAnswer};
use thiserror::Error;
use tokio::sync::{Mutex as AsyncMutex, Semaphore};

use super::limits::{CACHED_PAGE_BYTES, CACHED_PAGES, MAX_METADATA_BYTES, PAGE_TIME, PAGES_AT_ONCE};

/// The pages of an index.
#[derive(Debug)]
pub(super) struct Pages {
    client: IndexClient,
    cache: Mutex<Cached>,
    at_once: Semaphore,
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
    since: Stopwatch,
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
        Self { client, cache: Mutex::default(), at_once: Semaphore::new(PAGES_AT_ONCE) }
    }

    pub(super) fn client(&self) -> &IndexClient {
        &self.client
    }

    /// The metadata of the wheel at a URL.
    pub(super) async fn metadata(&self, wheel: &str) -> Result<Vec<u8>, IndexError> {
        let _permit = self.at_once.acquire().await;
        self.client.small_file(&format!("{wheel}.metadata"), MAX_METADATA_BYTES).await
    }

    /// The page of a project, at most [`PAGE_TIME`] old.
    pub(super) async fn get(&self, project: &ProjectName) -> Result<Arc<IndexPage>, PageFailure> {
        let slot = self.slot(project);
        let mut kept = slot.lock().await;
        if let Some(kept) = &*kept
            && kept.since.elapsed() < PAGE_TIME
        {
            return Ok(Arc::clone(&kept.page));
        }
        let etag = kept.as_ref().and_then(|kept| kept.etag.clone());
        // It is closed never; without a permit the bound would not hold.
        let Ok(_permit) = self.at_once.acquire().await else {
            return Err(PageFailure::Malformed("the proxy is stopping".to_owned()));
        };
        let answer = self.client.page(&format!("{project}/"), etag.as_deref(), MAX_PAGE_BYTES).await?;
        let (fetched, bytes) = match answer {
            PageAnswer::Missing(why) => {
                *kept = None;
                return Err(PageFailure::Missing(why));
            }
            PageAnswer::NotModified => {
                let Some(kept) = kept.as_mut() else {
                    return Err(PageFailure::Malformed(
                        "not modified, but nothing is known of it".to_owned(),
                    ));
                };
                kept.since = Stopwatch::start();
                return Ok(Arc::clone(&kept.page));
            }
            PageAnswer::Page(fetched) => {
                let bytes = fetched.body.len();
                (fetched, bytes)
            }
        };
        let etag = fetched.etag.clone();
        let page = Arc::new(read(project, &fetched)?);
        *kept = Some(Kept { since: Stopwatch::start(), etag, page: Arc::clone(&page) });
        drop(kept);
        self.note(project, bytes);
        Ok(page)
    }

    fn slot(&self, project: &ProjectName) -> Arc<AsyncMutex<Option<Kept>>> {
        let mut cache = self.cache.lock().unwrap_or_else(PoisonError::into_inner);
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
        // Projects that the index does not have.
        if cache.slots.len() > 4 * CACHED_PAGES {
            cache.slots.clear();
            cache.order.clear();
            cache.bytes = 0;
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

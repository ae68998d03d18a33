//! Asking a package index for somebody else: pages with conditional requests, files as
//! streams, credentials that only the index itself gets to see.
//!
//! Invariants: nothing is fetched from a host that is neither the index's own nor one that
//! the configuration names, not even through a redirect, so that no page can make this
//! program ask for something inside its own network; credentials go to the origin of the
//! index and nowhere else; no error repeats them, or the query of a URL.
//!
//! `fetch` is for hosts that are trusted to say where to go next, and for small answers.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH};
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use thiserror::Error;

/// Attempts per request, before anything of the answer was passed on.
const ATTEMPTS: u32 = 3;
/// Wait before the second attempt; doubled before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// Most hops of one request.
const MAX_REDIRECTS: usize = 5;
/// Longest time until there is a connection.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// Longest time without a byte.
const READ_TIME: Duration = Duration::from_secs(30);
/// Longest time for a whole page.
const PAGE_TIME: Duration = Duration::from_secs(120);

/// JSON first, then HTML, which the oldest servers have.
const ACCEPT_PAGE: &str = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.2, \
                           text/html; q=0.1";

/// Which index, and what it may do.
#[derive(Clone)]
pub struct IndexAccess {
    /// The URL of its Simple API.
    pub url: String,
    /// User name and password for it.
    pub credentials: Option<(String, String)>,
    /// Other hosts that its files may be on: `host` or `host:port`.
    pub file_hosts: Vec<String>,
}

/// An index that is asked.
#[derive(Clone)]
pub struct IndexClient {
    pages: Client,
    files: Client,
    index: Url,
    credentials: Option<(String, String)>,
    hosts: Hosts,
}

/// What came of asking for a page.
#[derive(Debug)]
pub enum PageAnswer {
    /// A page.
    Page(FetchedPage),
    /// The page that the entity tag is of is still the newest.
    NotModified,
    /// There is none, and what the index says about it.
    Missing(String),
}

/// A page as it came.
#[derive(Debug)]
pub struct FetchedPage {
    /// Where it is, after redirects; what it links to is relative to this.
    pub url: String,
    /// Its media type.
    pub content_type: String,
    /// Its entity tag.
    pub etag: Option<String>,
    /// Its bytes, unpacked.
    pub body: Vec<u8>,
}

/// A file that is on its way.
#[derive(Debug)]
pub struct FetchedFile {
    /// How many bytes it is said to have.
    pub length: Option<u64>,
    response: Response,
}

/// Why the index did not give what was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum IndexError {
    /// Nothing answered, or the connection broke.
    #[error("cannot reach {host}: {reason}")]
    Unreachable {
        /// Who was asked.
        host: String,
        /// Why, with all causes.
        reason: String,
    },
    /// An answer that is none.
    #[error("{host} answered {status}")]
    Status {
        /// Who was asked.
        host: String,
        /// The status, with the reason that was given.
        status: String,
        /// The number.
        code: u16,
    },
    /// An answer that is too long.
    #[error("{host} answered with more than {limit} bytes")]
    TooLong {
        /// Who was asked.
        host: String,
        /// The limit.
        limit: u64,
    },
    /// A URL that is not to be followed.
    #[error("it is on {host}, which is not among the hosts that the index's files may be on")]
    Host {
        /// Where it leads to.
        host: String,
    },
}

impl IndexError {
    /// Whether it may be otherwise in a while: nobody answers, or not now.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { code, .. } => *code == 429 || *code >= 500,
            Self::TooLong { .. } | Self::Host { .. } => false,
        }
    }
}

/// Who may be asked.
#[derive(Debug, Clone)]
struct Hosts {
    index: Url,
    others: Vec<String>,
}

impl IndexClient {
    /// A client for the tool called `tool`. Credentials in the URL count, too.
    pub fn new(tool: &str, access: IndexAccess) -> anyhow::Result<Self> {
        let IndexAccess { url, mut credentials, file_hosts } = access;
        // The text is not repeated: it may have a password in it.
        let mut index = Url::parse(&url).ok().context("the index's URL is no URL")?;
        ensure!(matches!(index.scheme(), "http" | "https"), "the index's URL is not of http or https");
        if !index.username().is_empty() && credentials.is_none() {
            let decode = log_core::simple_index::html::decode_percent;
            credentials = Some((decode(index.username()), decode(index.password().unwrap_or_default())));
        }
        let _ = (index.set_username(""), index.set_password(None));
        index.set_query(None);
        index.set_fragment(None);
        index.set_path(&format!("{}/", index.path().trim_end_matches('/')));
        let hosts = Hosts { index: index.clone(), others: file_hosts };
        let own = Hosts { index: index.clone(), others: Vec::new() };
        let pages = builder(tool, own).timeout(PAGE_TIME).build()?;
        // Files as they are: what is unpacked on the way has another digest.
        let files = builder(tool, hosts.clone()).gzip(false).build()?;
        Ok(Self { pages, files, index, credentials, hosts })
    }

    /// The index, without credentials.
    pub fn url(&self) -> &str {
        self.index.as_str()
    }

    /// Its host and port.
    pub fn host(&self) -> String {
        host_of(&self.index)
    }

    /// GETs the page at `path` below the index, which the caller made, of at most `limit`
    /// bytes.
    pub async fn page(&self, path: &str, etag: Option<&str>, limit: usize) -> Result<PageAnswer, IndexError> {
        let Ok(url) = self.index.join(path) else {
            return Err(IndexError::Host { host: host_of(&self.index) });
        };
        let request = || {
            let request = self.pages.get(url.clone()).header(ACCEPT, ACCEPT_PAGE);
            match etag {
                Some(etag) => request.header(IF_NONE_MATCH, etag),
                None => request,
            }
        };
        let response = self.send(&url, request).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED if etag.is_some() => return Ok(PageAnswer::NotModified),
            StatusCode::NOT_FOUND | StatusCode::GONE => {
                return Ok(PageAnswer::Missing(format!("{} does not have it", host_of(&url))));
            }
            // Such as pypiserver's, to PyPI, for projects that it does not have.
            status if status.is_redirection() => {
                let host = host_of(&url);
                return Ok(PageAnswer::Missing(format!("{host} does not have it, and sends you elsewhere")));
            }
            status if !status.is_success() => return Err(status_error(&url, &response)),
            _ => {}
        }
        let text = |name: HeaderName| header(response.headers(), &name);
        let (content_type, etag) = (text(CONTENT_TYPE).unwrap_or_default(), text(ETAG));
        let final_url = response.url().to_string();
        let body = read(&url, response, limit).await?;
        Ok(PageAnswer::Page(FetchedPage { url: final_url, content_type, etag, body }))
    }

    /// GETs a file, whose URL stood on a page, as a stream.
    pub async fn file(&self, url: &str) -> Result<FetchedFile, IndexError> {
        let url = self.hosts.check(url)?;
        let request = || self.files.get(url.clone()).header(ACCEPT_ENCODING, "identity");
        let response = self.send(&url, request).await?;
        if response.status() != StatusCode::OK {
            return Err(status_error(&url, &response));
        }
        Ok(FetchedFile { length: response.content_length(), response })
    }

    /// GETs a small file whole.
    pub async fn small_file(&self, url: &str, limit: usize) -> Result<Vec<u8>, IndexError> {
        let FetchedFile { response, .. } = self.file(url).await?;
        let url = response.url().clone();
        read(&url, response, limit).await
    }

    /// Whether files may be fetched from this URL.
    pub fn may_fetch(&self, url: &str) -> Result<(), IndexError> {
        self.hosts.check(url).map(drop)
    }

    /// Sends, and sends again after a broken connection or a 429, 502, 503 or 504.
    async fn send(&self, url: &Url, request: impl Fn() -> RequestBuilder) -> Result<Response, IndexError> {
        let mut wait = FIRST_WAIT;
        let mut attempt = 1;
        loop {
            let mut request = request();
            if let Some((user, password)) = &self.credentials
                && url.origin() == self.index.origin()
            {
                request = request.basic_auth(user, Some(password));
            }
            let result = request.send().await;
            let again = match &result {
                Ok(response) => matches!(response.status().as_u16(), 429 | 502..=504),
                Err(error) => !error.is_redirect(),
            };
            if !again || attempt == ATTEMPTS {
                return result.map_err(|error| unreachable(url, &error));
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
            attempt += 1;
        }
    }
}

impl std::fmt::Debug for IndexClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexClient").field("index", &self.index.as_str()).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for IndexAccess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IndexAccess").field("file_hosts", &self.file_hosts).finish_non_exhaustive()
    }
}

impl FetchedFile {
    /// The next bytes; `None` at the end. A body that ends before its length is an error.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>, IndexError> {
        match self.response.chunk().await {
            Ok(chunk) => Ok(chunk.map(Vec::from)),
            Err(error) => Err(unreachable(self.response.url(), &error)),
        }
    }
}

impl Hosts {
    fn check(&self, url: &str) -> Result<Url, IndexError> {
        let bad = |host: &str| IndexError::Host { host: host.chars().take(100).collect() };
        let url = Url::parse(url).map_err(|_| bad("no host at all"))?;
        if self.allow(&url) { Ok(url) } else { Err(bad(&host_of(&url))) }
    }

    /// The index itself, and the named hosts; those by https, unless the index is by http.
    fn allow(&self, url: &Url) -> bool {
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        let weaker = url.scheme() != "https" && url.scheme() != self.index.scheme();
        let named = || self.others.iter().any(|host| host.eq_ignore_ascii_case(url.authority()));
        url.origin() == self.index.origin() || !weaker && url.scheme().starts_with("http") && named()
    }

    /// A redirect that may not be followed is an answer, which then counts as none.
    fn follow(&self, attempt: Attempt<'_>) -> Action {
        if attempt.previous().len() > MAX_REDIRECTS {
            return attempt.error("too many redirects");
        }
        if self.allow(attempt.url()) { attempt.follow() } else { attempt.stop() }
    }
}

fn builder(tool: &str, hosts: Hosts) -> reqwest::ClientBuilder {
    Client::builder()
        .user_agent(format!("{tool}/{} (release transparency)", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::custom(move |attempt| hosts.follow(attempt)))
        .referer(false)
        .connect_timeout(CONNECT_TIME)
        .read_timeout(READ_TIME)
}

async fn read(url: &Url, mut response: Response, limit: usize) -> Result<Vec<u8>, IndexError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(url, &error))? {
        if body.len() + chunk.len() > limit {
            return Err(IndexError::TooLong { host: host_of(url), limit: limit as u64 });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn header(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Host and port, without the name and password that a page or redirect may have put there.
fn host_of(url: &Url) -> String {
    let authority = url.authority();
    authority.rsplit_once('@').map_or(authority, |(_, host)| host).to_owned()
}

fn status_error(url: &Url, response: &Response) -> IndexError {
    if response.status().is_redirection() {
        let location = header(response.headers(), &reqwest::header::LOCATION).unwrap_or_default();
        let target = response.url().join(&location).ok();
        return IndexError::Host {
            host: target.map_or_else(|| "no host at all".to_owned(), |url| host_of(&url)),
        };
    }
    let status = response.status();
    IndexError::Status { host: host_of(url), status: status.to_string(), code: status.as_u16() }
}

/// Without the URL, whose query may be a secret.
fn unreachable(url: &Url, error: &reqwest::Error) -> IndexError {
    let mut reason = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if !reason.is_empty() {
            reason.push_str(": ");
        }
        reason.push_str(&cause.to_string());
        source = cause.source();
    }
    if reason.is_empty() {
        "the connection broke".clone_into(&mut reason);
    }
    IndexError::Unreachable { host: host_of(url), reason }
}

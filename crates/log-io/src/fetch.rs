//! All outgoing HTTP: time-outs, bounded retries, size caps, an honest user agent.

use std::time::Duration;

use log_core::api::Problem;
use reqwest::redirect::{Action, Attempt, Policy};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use thiserror::Error;

use crate::clock::Stopwatch;

/// Attempts per request; only requests that are safe to repeat come here.
const ATTEMPTS: u32 = 4;
/// Wait before the second attempt; doubled before each further one.
const FIRST_WAIT: Duration = Duration::from_millis(200);
/// After so long nothing is tried again: what hangs would else be waited for four times.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest problem document that is read.
const MAX_PROBLEM_BYTES: usize = 512 * 1024;

/// An HTTP client.
#[derive(Debug, Clone)]
pub struct Http {
    client: Client,
    /// Follows no redirect: a POST would come to its end as a GET without a body.
    straight: Client,
}

/// Why there is no answer. The URLs in it are without names and passwords.
#[derive(Debug, Error)]
pub enum FetchError {
    /// Nothing answered, or the connection broke.
    #[error("cannot reach {url}: {reason}")]
    Unreachable {
        /// What was asked for.
        url: String,
        /// Why, with all causes.
        reason: String,
    },
    /// An answer other than 200.
    #[error("{url} answered {status}{}", problem.as_ref().map(|p| format!(": {}", p.detail)).unwrap_or_default())]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: StatusCode,
        /// What the server says about it.
        problem: Option<Box<Problem>>,
    },
    /// An answer that is too long.
    #[error("{url} answered with more than {limit} bytes")]
    TooLong {
        /// What was asked for.
        url: String,
        /// The limit.
        limit: usize,
    },
}

impl FetchError {
    /// The status, when there was an answer.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::TooLong { .. } => None,
        }
    }

    /// Whether it may be otherwise in a while: nobody answers, or not now.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => status.is_server_error() || status.as_u16() == 429,
            Self::TooLong { .. } => false,
        }
    }

    /// What to do next.
    pub fn next_step(&self) -> &str {
        match self {
            Self::Unreachable { .. } => "check the network and the address, and try again",
            Self::Status { problem: Some(problem), .. } => &problem.next_step,
            Self::Status { .. } if self.is_temporary() => {
                "try again in a few minutes; if it stays so, tell its operator"
            }
            Self::Status { status, .. } if status.is_redirection() => "give the address that it leads to",
            Self::Status { .. } | Self::TooLong { .. } => {
                "check the address: what answers there is something else"
            }
        }
    }

    /// Whether something is there and has too many bytes.
    pub fn is_too_long(&self) -> bool {
        matches!(self, Self::TooLong { .. })
    }
}

impl Http {
    /// A client for the tool called `tool`.
    pub fn new(tool: &str) -> anyhow::Result<Self> {
        let client = |redirects| {
            Client::builder()
                .user_agent(format!("{tool}/{} (release transparency)", env!("CARGO_PKG_VERSION")))
                .redirect(redirects)
                .connect_timeout(Duration::from_secs(10))
                .read_timeout(Duration::from_secs(30))
                .timeout(Duration::from_secs(300))
                .build()
        };
        Ok(Self { client: client(Policy::custom(follow))?, straight: client(Policy::none())? })
    }

    /// GETs a resource of at most `limit` bytes; `None` when there is none (404).
    pub async fn get(&self, url: &str, limit: usize) -> Result<Option<Vec<u8>>, FetchError> {
        self.get_as(url, None, limit).await
    }

    /// GETs a resource in the media type `accept`.
    pub async fn get_as(
        &self,
        url: &str,
        accept: Option<&str>,
        limit: usize,
    ) -> Result<Option<Vec<u8>>, FetchError> {
        let request = || match accept {
            Some(accept) => self.client.get(url).header("Accept", accept),
            None => self.client.get(url),
        };
        match self.send(url, request).await {
            Ok(response) => read_body(url, response, limit).await.map(Some),
            Err(FetchError::Status { status: StatusCode::NOT_FOUND, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// POSTs a body that may be sent again without harm; gives the status and at
    /// most `limit` bytes of the answer.
    pub async fn post(
        &self,
        url: &str,
        body: Vec<u8>,
        limit: usize,
    ) -> Result<(StatusCode, Vec<u8>), FetchError> {
        self.post_as(url, "application/json", body, limit).await
    }

    /// The same with more headers, to this address and to no other that it leads to: that
    /// the answer is good is all that says that the body was taken. Errors have the host
    /// only, since the rest of such an address is often a secret.
    pub async fn post_with(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: Vec<u8>,
        limit: usize,
    ) -> Result<(StatusCode, Vec<u8>), FetchError> {
        let request = || {
            let request = self.straight.post(url).header("Content-Type", "application/json");
            headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, value))
                .body(body.clone())
        };
        let shown = host(url);
        let response = self.send(&shown, request).await?;
        let status = response.status();
        Ok((status, read_body(&shown, response, limit).await?))
    }

    /// The same with a body of the media type `content_type`.
    pub async fn post_as(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
        limit: usize,
    ) -> Result<(StatusCode, Vec<u8>), FetchError> {
        let request = || self.client.post(url).header("Content-Type", content_type).body(body.clone());
        let response = self.send(url, request).await?;
        let status = response.status();
        Ok((status, read_body(url, response, limit).await?))
    }

    /// POSTs once, without trying again, and takes any answer: its status and body.
    pub async fn post_once(
        &self,
        url: &str,
        body: Vec<u8>,
        time: Duration,
        limit: usize,
    ) -> Result<(StatusCode, Vec<u8>), FetchError> {
        let sent = self.client.post(url).timeout(time).body(body).send().await;
        let response = sent.map_err(|error| unreachable(url, error))?;
        let status = response.status();
        Ok((status, read_body(url, response, limit).await?))
    }

    /// Sends, and sends again after a broken connection or a 429, 502, 503 or 504; errors
    /// have this URL.
    async fn send(&self, url: &str, request: impl Fn() -> RequestBuilder) -> Result<Response, FetchError> {
        let mut wait = FIRST_WAIT;
        let watch = Stopwatch::start();
        for attempt in 1.. {
            let error = match request().send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => status_error(url, response).await,
                Err(error) => unreachable(url, error),
            };
            let again = match error.status() {
                Some(status) => matches!(status.as_u16(), 429 | 502..=504),
                None => true,
            };
            if !again || attempt == ATTEMPTS || watch.elapsed() >= PATIENCE {
                return Err(error);
            }
            tracing::debug!(%error, attempt, "asking again");
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        unreachable!("the loop ends by returning")
    }
}

/// The URL that `reference` means on the page at `base`, without its fragment, and without a
/// name and password: who sees the URL is not always who sees the page.
pub fn join(base: &str, reference: &str) -> Option<String> {
    let mut url = reqwest::Url::parse(base).ok()?.join(reference).ok()?;
    url.set_fragment(None);
    let web = matches!(url.scheme(), "http" | "https");
    let plain = url.set_username("").and_then(|()| url.set_password(None));
    (web && plain.is_ok()).then(|| url.into())
}

/// At most five hops, and never from https to something weaker.
fn follow(attempt: Attempt<'_>) -> Action {
    let from_https = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
    if from_https && attempt.url().scheme() != "https" {
        return attempt.error("a redirect from https to something weaker");
    }
    if attempt.previous().len() > 5 { attempt.error("more than five redirects") } else { attempt.follow() }
}

async fn read_body(url: &str, mut response: Response, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| unreachable(url, error))? {
        if body.len() + chunk.len() > limit {
            return Err(FetchError::TooLong { url: shown(url), limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

async fn status_error(url: &str, response: Response) -> FetchError {
    let status = response.status();
    let body = read_body(url, response, MAX_PROBLEM_BYTES).await.unwrap_or_default();
    let problem = serde_json::from_slice(&body).ok().map(Box::new);
    FetchError::Status { url: shown(url), status, problem }
}

fn unreachable(url: &str, error: reqwest::Error) -> FetchError {
    let error = error.without_url();
    // The outermost says nothing else where there is a cause.
    let mut causes = Vec::new();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        causes.push(cause.to_string());
        source = cause.source();
    }
    let reason = if causes.is_empty() { error.to_string() } else { causes.join(": ") };
    FetchError::Unreachable { url: shown(url), reason }
}

/// A URL without a name and password.
pub(crate) fn shown(url: &str) -> String {
    let Some((before, after)) = url.rsplit_once('@') else { return url.to_owned() };
    if let Ok(mut url) = reqwest::Url::parse(url)
        && url.set_username("").and_then(|()| url.set_password(None)).is_ok()
    {
        return url.into();
    }
    // Where a password ends in what is no URL is not known.
    format!("{}{after}", before.find("://").map_or("", |at| &before[..at + 3]))
}

/// Scheme, host and port.
fn host(url: &str) -> String {
    let url = reqwest::Url::parse(url).ok().filter(reqwest::Url::has_host);
    url.map_or_else(|| "what is no URL".to_owned(), |url| url.origin().ascii_serialization())
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// Answers each request with the status in its path, which leads to `/200`.
    fn serve() -> String {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(stream.try_clone().expect("a copy")).lines();
                let mut head = lines.map_while(Result::ok).take_while(|line| !line.is_empty());
                let asked = head.next().expect("a request");
                assert!(head.count() > 0);
                let status = asked.split(['/', ' ', '?']).nth(2).expect("a status");
                let answer = format!(
                    "HTTP/1.1 {status} x\r\nlocation: /200\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                );
                // A client that goes away is no failure.
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn what_must_arrive_follows_no_redirect() {
        let (http, server) = (Http::new("test").expect("a client"), serve());
        let status = async |path: &str| {
            let sent = http.post_with(&format!("{server}/{path}"), &[], Vec::new(), 10).await;
            sent.map(|(status, _)| status.as_u16())
        };
        assert_eq!(status("200").await.expect("taken"), 200);
        for path in ["301", "302", "303", "307", "308"] {
            let error = status(path).await.expect_err(path);
            assert_eq!(error.status().expect("an answer").as_str(), path);
            assert_eq!(error.next_step(), "give the address that it leads to");
        }
        // Of its address, nobody needs to see more.
        let secret = server.replace("//", "//name:word@") + "/500?token";
        let error = http.post_with(&secret, &[], Vec::new(), 10).await.expect_err("500");
        assert_eq!(error.to_string(), format!("{server} answered 500 Internal Server Error"));
        assert_eq!(http.get(&format!("{server}/302"), 10).await.expect("found"), Some(Vec::new()));
    }

    #[tokio::test]
    async fn errors_have_no_passwords() {
        for (url, without) in [
            ("https://a.example/simple/@", "https://a.example/simple/@"),
            ("https://name:wo%40rd@a.example/x?y", "https://a.example/x?y"),
            ("https://name@a.example:80/x@1", "https://a.example:80/x@1"),
            ("https://name:wo/rd@a.example/", "https://a.example/"),
            ("name:word@a.example", "a.example"),
        ] {
            assert_eq!(shown(url), without);
        }
        let http = Http::new("test").expect("a client");
        let server = serve().replace("//", "//name:word@");
        let closed = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        for url in
            [format!("{server}/500"), format!("http://name:word@{closed}/"), "http://:word@[/".to_owned()]
        {
            let sent = http.post_once(&url, Vec::new(), Duration::from_secs(9), 0).await;
            let got = http.get(&url, 0).await.expect_err("no answer");
            for error in [sent.err(), Some(got)].into_iter().flatten() {
                assert!(!format!("{error} {error:?}").contains("word"), "{error:?}");
            }
        }
    }
}

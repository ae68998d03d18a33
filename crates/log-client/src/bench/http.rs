//! One keep-alive connection to a server, straight on hyper.
//!
//! The load generator shares the machine with what it measures, so there is nothing
//! here that a benchmark does not need: no pool, no redirects, no retries, plain HTTP.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// Longest time for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Longest answer: 1,000 statements with their proofs, or a bundle of the longest entries.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A server.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    address: SocketAddr,
    host: HeaderValue,
    /// What comes before each path, `/` at its end.
    prefix: String,
}

/// A request, whole in memory.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    /// The path below the server's prefix.
    pub(crate) path: String,
    /// Type and bytes of the body of a POST; without one it is a GET.
    pub(crate) body: Option<(&'static str, Bytes)>,
}

/// An answer, whole in memory.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The HTTP status.
    pub(crate) status: u16,
    /// The body.
    pub(crate) body: Vec<u8>,
}

/// Why there is no answer: the error kind of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// No connection, or it broke.
    Connection,
    /// It took too long.
    TimedOut,
    /// The body was too long.
    TooLong,
}

impl NoAnswer {
    /// In one word.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::TimedOut => "timed-out",
            Self::TooLong => "too-long",
        }
    }
}

impl Target {
    /// The server at an `http:` URL.
    pub(crate) fn new(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().with_context(|| format!("{url:?} is not a URL"))?;
        ensure!(uri.scheme_str() == Some("http"), "{url:?}: load is sent over plain HTTP only");
        let Some(authority) = uri.authority() else { bail!("{url:?} names no host") };
        let port = authority.port_u16().unwrap_or(80);
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let address =
            (host, port).to_socket_addrs().with_context(|| format!("cannot resolve {host}"))?.next();
        Ok(Self {
            address: address.with_context(|| format!("{host} has no address"))?,
            host: HeaderValue::from_str(authority.as_str())?,
            prefix: format!("{}/", uri.path().trim_end_matches('/')),
        })
    }

    /// Whether it is this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }
}

/// A connection; it is opened with the first request, and again when it was closed.
#[derive(Debug)]
pub(crate) struct Connection {
    target: Target,
    open: Option<SendRequest<Full<Bytes>>>,
}

impl Connection {
    /// A connection that is not open yet.
    pub(crate) fn new(target: &Target) -> Self {
        Self { target: target.clone(), open: None }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, message: &Message) -> Result<Answer, NoAnswer> {
        match tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(message)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                self.open = None;
                Err(error)
            }
            Err(_) => {
                self.open = None;
                Err(NoAnswer::TimedOut)
            }
        }
    }

    async fn exchange(&mut self, message: &Message) -> Result<Answer, NoAnswer> {
        let request = self.request(message).ok_or(NoAnswer::Connection)?;
        let connection = self.ready().await.ok_or(NoAnswer::Connection)?;
        let mut answer = connection.send_request(request).await.map_err(|_| NoAnswer::Connection)?;
        let length =
            answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let mut body = Vec::with_capacity(length.unwrap_or(0).min(MAX_ANSWER_BYTES));
        while let Some(frame) = answer.frame().await {
            let frame = frame.map_err(|_| NoAnswer::Connection)?;
            let Some(data) = frame.data_ref() else { continue };
            if body.len() + data.len() > MAX_ANSWER_BYTES {
                return Err(NoAnswer::TooLong);
            }
            body.extend_from_slice(data);
        }
        Ok(Answer { status: answer.status().as_u16(), body })
    }

    /// Sends a request, and gives the bytes of the answer away as they come; the status.
    pub(crate) async fn stream(
        &mut self,
        message: &Message,
        mut take: impl FnMut(&[u8]),
    ) -> Result<u16, NoAnswer> {
        let request = self.request(message).ok_or(NoAnswer::Connection)?;
        let connection = self.ready().await.ok_or(NoAnswer::Connection)?;
        let mut answer = connection.send_request(request).await.map_err(|_| NoAnswer::Connection)?;
        while let Some(frame) = answer.frame().await {
            let frame = frame.map_err(|_| NoAnswer::Connection)?;
            frame.data_ref().into_iter().for_each(|data| take(data));
        }
        Ok(answer.status().as_u16())
    }

    fn request(&self, message: &Message) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::builder().uri(format!("{}{}", self.target.prefix, message.path));
        request = request.header(HOST, &self.target.host);
        match &message.body {
            None => request.body(Full::default()).ok(),
            Some((content_type, bytes)) => {
                let request = request.method(Method::POST).header(CONTENT_TYPE, *content_type);
                request.body(Full::new(bytes.clone())).ok()
            }
        }
    }

    /// The open connection; one that the server has closed meanwhile is opened again.
    async fn ready(&mut self) -> Option<&mut SendRequest<Full<Bytes>>> {
        let is_ready = match &mut self.open {
            Some(open) => open.ready().await.is_ok(),
            None => false,
        };
        if !is_ready {
            let stream = TcpStream::connect(self.target.address).await.ok()?;
            stream.set_nodelay(true).ok()?;
            let (open, connection) = http1::handshake(TokioIo::new(stream)).await.ok()?;
            // Ends with the connection.
            tokio::spawn(connection);
            self.open = Some(open);
        }
        self.open.as_mut()
    }
}

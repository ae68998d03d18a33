//! The access log and the metrics of requests: exactly one line, and one count, for
//! each, when the last byte of its answer was handed over or its client went away.
//!
//! A line has the matched route, not the path, and no query, header or body: nothing
//! that a client could hide a secret or a line break in.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use log_io::clock::Stopwatch;

use super::front::Front;
use crate::client_address::Client;

/// The route of requests that nothing is served for.
const UNMATCHED: &str = "unmatched";

/// The status of a request whose client went away before there was an answer; as in
/// nginx.
const CLIENT_CLOSED_REQUEST: u16 = 499;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Logs a request, and names it in its answer.
pub(super) async fn observe(State(front): State<Arc<Front>>, mut request: Request, next: Next) -> Response {
    let client = front.client(&request);
    request.extensions_mut().insert(client);
    let route = request.extensions().get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str);
    let mut line = Line {
        id: front.request_id(),
        client,
        // An enum, but for methods that clients make up.
        method: if KNOWN.contains(request.method()) {
            request.method().to_string()
        } else {
            "OTHER".to_owned()
        },
        route: route.to_owned(),
        status: CLIENT_CLOSED_REQUEST,
        bytes: 0,
        watch: Stopwatch::start(),
        front,
    };
    let mut response = next.run(request).await;
    line.status = response.status().as_u16();
    if let Ok(id) = HeaderValue::from_str(&line.id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.map(|body| Body::new(Counted { body, line }))
}

const KNOWN: [Method; 7] =
    [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS, Method::PATCH];

/// The line of one request, written when it is dropped.
#[derive(Debug)]
struct Line {
    front: Arc<Front>,
    id: String,
    client: Client,
    method: String,
    route: String,
    status: u16,
    bytes: u64,
    watch: Stopwatch,
}

impl Drop for Line {
    fn drop(&mut self) {
        let duration = self.watch.elapsed();
        self.front.metrics.http.request(&self.route, self.status, duration);
        if self.front.access_log {
            tracing::info!(
                target: "access",
                method = self.method,
                route = self.route,
                status = self.status,
                bytes = self.bytes,
                duration_ms = %format_args!("{:.3}", duration.as_secs_f64() * 1_000.0),
                client = %self.client.address,
                request = self.id,
                "answered"
            );
        }
    }
}

/// A body whose bytes are counted.
#[derive(Debug)]
struct Counted {
    body: Body,
    line: Line,
}

impl HttpBody for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &frame {
            self.line.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

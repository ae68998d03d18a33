//! Accepting connections: HTTP/1.1 only, since the later versions have no reason phrase,
//! which is where installers look for the verdict.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};

use super::limits::STOP_TIME;

/// Connections at once: a dozen of each of a dozen installers, and as many again.
const MAX_CONNECTIONS: usize = 512;

/// Longest time until the headers of a request have come, and between two requests.
const HEADER_TIME: Duration = Duration::from_secs(60);

/// Most bytes of the headers of a request.
const MAX_HEADER_BYTES: usize = 32 << 10;

/// Wait after a connection that could not be accepted: there are no more files to open.
const ACCEPT_WAIT: Duration = Duration::from_millis(50);

/// Serves until `stopped`; what is under way then has a little time to end.
pub(super) async fn serve(listener: TcpListener, router: Router, stopped: oneshot::Receiver<()>) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut stopped = pin!(stopped);
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = async { (place.await, listener.accept().await) };
        let (place, accepted) = tokio::select! {
            accepted = accepted => accepted,
            // Dropping the sender ends it, too.
            _ = &mut stopped => break,
        };
        let (Ok(place), Ok((stream, _))) = (place, accepted) else {
            tokio::time::sleep(ACCEPT_WAIT).await;
            continue;
        };
        // Answers are written whole; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = tower::service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
            let mut router = router.clone();
            async move { Ok::<_, Infallible>(answer(&mut router, request.map(Body::new)).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // Whatever goes wrong is the client's affair.
            let _ = watched.await;
            drop(place);
        });
    }
    drop(listener);
    let _ = tokio::time::timeout(STOP_TIME, graceful.shutdown()).await;
}

async fn answer(router: &mut Router, request: hyper::Request<Body>) -> axum::response::Response {
    match tower::Service::call(router, request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

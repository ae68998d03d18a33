//! Accepting connections, with a bound on everything a client can draw out: how
//! many connections there are, how long headers take, how long a connection lives,
//! and how long the last ones may go on when the log is told to stop.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at once. Each costs a file descriptor, of which a process commonly
/// has 1,024; the store needs some, too.
const MAX_CONNECTIONS: usize = 768;

/// Longest time for the headers of a request; also how long a connection may idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(15);

/// Longest life of a connection, however slowly it reads.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(600);

/// How long requests may go on after the log was told to stop.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Wait after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// Serves until `stopped` resolves; then lets running requests end.
pub async fn serve(listener: TcpListener, router: Router, stopped: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let graceful = GracefulShutdown::new();
    let mut stopped = pin!(stopped);
    loop {
        // First the permit: a client that is not accepted waits in the backlog.
        let accepted = async {
            let permit = Arc::clone(&connections).acquire_owned().await.ok()?;
            Some((listener.accept().await, permit))
        };
        let (stream, permit) = tokio::select! {
            () = &mut stopped => break,
            accepted = accepted => match accepted {
                Some((Ok((stream, _)), permit)) => (stream, permit),
                Some((Err(error), _)) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(ACCEPT_RETRY_WAIT).await;
                    continue;
                }
                None => break,
            },
        };
        let service = TowerToHyperService::new(to_service(router.clone()));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service);
        let connection = tokio::time::timeout(CONNECTION_TIMEOUT, graceful.watch(connection));
        tokio::spawn(async move {
            // A client that went away or was too slow is its own affair.
            let _ = connection.await;
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// The router, for the bodies that hyper receives.
fn to_service(
    router: Router,
) -> impl tower::Service<
    Request<hyper::body::Incoming>,
    Response = Response<Body>,
    Error = Infallible,
    Future: Send + 'static,
> + Clone {
    tower::ServiceExt::map_request(router, |request: Request<hyper::body::Incoming>| request.map(Body::new))
}

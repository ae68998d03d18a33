//! Accepting connections, with a bound on everything a client can draw out: how many
//! connections there are, how long handshakes and headers take, how long a connection
//! lives, and how long the last ones may go on when the log is told to stop.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::config::Limits;
use crate::metrics::HttpMetrics;
use crate::tls::Tls;

/// Most bytes of the headers of a request.
const MAX_HEADER_BYTES: usize = 64 << 10;

/// Wait after a failed accept, which is mostly a lack of file descriptors.
const ACCEPT_RETRY_WAIT: Duration = Duration::from_millis(100);

/// The address at the other end of a request's connection; every request has it.
#[derive(Debug, Clone, Copy)]
pub struct Peer(pub IpAddr);

/// A listener and its bounds.
#[derive(Debug)]
pub struct Listener {
    /// The socket.
    pub socket: TcpListener,
    /// For HTTPS.
    pub tls: Option<Arc<Tls>>,
    /// How many connections, and how long.
    pub bounds: Bounds,
}

/// What connections may take; [`Limits`] says more on each.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once.
    pub connections: u32,
    /// Longest time for a handshake, or for headers.
    pub header_timeout: Duration,
    /// Longest life of a connection.
    pub connection_lifetime: Duration,
    /// Longest time for the last requests.
    pub shutdown_timeout: Duration,
}

impl From<&Limits> for Bounds {
    fn from(limits: &Limits) -> Self {
        Self {
            connections: limits.connections.get(),
            header_timeout: limits.header_timeout.get(),
            connection_lifetime: limits.connection_lifetime.get(),
            shutdown_timeout: limits.shutdown_timeout.get(),
        }
    }
}

impl Listener {
    /// Serves until `stopped` resolves; then lets running requests end, and ends those
    /// that take too long. Nothing of `router` is left when it returns.
    pub async fn serve(
        self,
        router: Router,
        metrics: Option<&HttpMetrics>,
        stopped: impl Future<Output = ()>,
    ) {
        let permits = Arc::new(Semaphore::new(self.bounds.connections as usize));
        let graceful = GracefulShutdown::new();
        let mut tasks = JoinSet::new();
        let mut stopped = pin!(stopped);
        loop {
            while tasks.try_join_next().is_some() {}
            // First the permit: a client that is not accepted waits in the backlog.
            let accepted = async {
                let permit = Arc::clone(&permits).acquire_owned().await.ok()?;
                Some((self.socket.accept().await, permit))
            };
            let (stream, peer, permit) = tokio::select! {
                () = &mut stopped => break,
                accepted = accepted => match accepted {
                    Some((Ok((stream, peer)), permit)) => (stream, peer, permit),
                    Some((Err(error), _)) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(ACCEPT_RETRY_WAIT).await;
                        continue;
                    }
                    None => break,
                },
            };
            let open = metrics.map(HttpMetrics::connection);
            let connection = Connection {
                peer,
                router: router.clone(),
                watcher: graceful.watcher(),
                header_timeout: self.bounds.header_timeout,
            };
            let lifetime = tokio::time::timeout(
                self.bounds.connection_lifetime,
                connection.serve(stream, self.tls.clone()),
            );
            tasks.spawn(async move {
                // A client that was too slow is its own affair.
                let _ = lifetime.await;
                drop((permit, open));
            });
        }
        drop(self.socket);
        if tokio::time::timeout(self.bounds.shutdown_timeout, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time");
        }
        tasks.shutdown().await;
    }
}

/// One connection.
struct Connection {
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
    header_timeout: Duration,
}

impl Connection {
    /// Serves it to its end. Whatever goes wrong is the client's affair.
    async fn serve(self, stream: TcpStream, tls: Option<Arc<Tls>>) {
        // Answers are written whole; waiting for more to send only delays them.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else { return self.http(stream).await };
        let handshake = tokio::time::timeout(self.header_timeout, tls.acceptor().accept(stream));
        match handshake.await {
            Ok(Ok(stream)) => self.http(stream).await,
            Ok(Err(error)) => tracing::debug!(client = %self.peer.ip(), %error, "the TLS handshake failed"),
            Err(_) => tracing::debug!(client = %self.peer.ip(), "the TLS handshake took too long"),
        }
    }

    async fn http(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
        let service = TowerToHyperService::new(to_service(self.router, Peer(self.peer.ip())));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_timeout)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(TokioIo::new(stream), service);
        let _ = self.watcher.watch(connection).await;
    }
}

/// The router, for the bodies that hyper receives.
fn to_service(
    router: Router,
    peer: Peer,
) -> impl tower::Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>
+ Clone {
    tower::ServiceExt::map_request(router, move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        request.map(Body::new)
    })
}

#[cfg(test)]
mod tests;

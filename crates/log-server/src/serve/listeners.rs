//! The sockets: what they are bound to, and the private listener's life.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Resource, getrlimit};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::values::{Count, ListenAddress};
use crate::http::private::{self, Probe};
use crate::listen::{Bounds, Listener};

/// Bounds of the private listener, which few ask, and briefly.
const PRIVATE_BOUNDS: Bounds = Bounds {
    connections: 32,
    header_timeout: Duration::from_secs(15),
    connection_lifetime: Duration::from_secs(600),
    shutdown_timeout: Duration::from_secs(1),
};

/// File descriptors for the store, the index and the private listener.
const STORE_DESCRIPTORS: u64 = 200;

/// The private listener, until it is stopped.
pub(super) struct Private {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

/// Serves metrics and health from now on; gives the address.
pub(super) async fn serve_private(
    address: ListenAddress,
    probe: Probe,
) -> anyhow::Result<(SocketAddr, Private)> {
    let socket = bind(address, "private.listen").await?;
    let address = socket.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let listener = Listener { socket, tls: None, bounds: PRIVATE_BOUNDS };
    let task = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        listener.serve(private::router(probe), None, stopped).await;
    });
    Ok((address, Private { stop, task }))
}

impl Private {
    pub(super) async fn stop(self) {
        // It may have ended by itself.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}

/// Says when there are too few file descriptors for the connections, and for the store.
pub(super) fn check_descriptors(connections: Count) {
    let limit = getrlimit(Resource::Nofile).current;
    let needed = u64::from(connections.get()) + STORE_DESCRIPTORS;
    if limit.is_some_and(|limit| limit < needed) {
        tracing::warn!(limit, needed, "too few file descriptors (`ulimit -n`) for `limits.connections`");
    }
}

/// A socket for the address of the configuration's `field`.
pub(super) async fn bind(address: ListenAddress, field: &str) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address.0).await;
    bound.with_context(|| format!("cannot listen on {address} (`{field}`): choose another address or port"))
}

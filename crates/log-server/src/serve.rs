//! `wheeltap-log serve`: wires the parts together, and stops them in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use log_io::{clock, key_file, outcome};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::app::App;
use crate::data_dir::DataDir;
use crate::pool::pool;
use crate::reader::{Newest, Reader};
use crate::sequencer::Sequencer;
use crate::view::View;
use crate::{config, http, init, listen};

/// Serves the log in `directory` until the process is told to stop.
pub async fn serve(directory: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let data = DataDir::new(directory);
    let _lock = data.lock()?;
    let key = key_file::load(&data.key())?;
    let genesis = config::load(&data.config(), &key)?;
    let origin = genesis.log.name().to_string();
    let stores = init::stores(&data);
    let view = View::open(&data.view(), &origin)?;
    let newest = Newest::default();
    let sequencer = Sequencer {
        stores: stores.clone(),
        view: view.clone(),
        genesis: genesis.clone(),
        key,
        newest: newest.clone(),
        clock: clock::now,
    };
    let state = sequencer.start().context("the log cannot start")?;
    let (pool, mut receiver) = pool();
    let (ended, writer_ended) = oneshot::channel::<()>();
    let writer = std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || {
        // Dropped at the end, be it a panic: a log without a writer does not go on.
        let _ended = ended;
        sequencer.run(state, &mut receiver);
    })?;

    let reader = Reader::new(Arc::clone(&stores.log));
    let app = App { genesis: Arc::new(genesis), pool, newest, view, reader, objects: stores.log };
    let listener = TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))?;
    let address = listener.local_addr()?;
    // Scripts wait for this line.
    outcome::print(format_args!("serving {origin} on http://{address}/"));
    let stop = async {
        tokio::select! {
            () = stopped() => tracing::info!("stopping"),
            _ = writer_ended => tracing::error!("the sequencer ended; stopping"),
        }
    };
    listen::serve(listener, http::router(app), stop).await;
    // The router and with it the last sender are gone: the writer ends its round.
    tokio::task::spawn_blocking(move || writer.join()).await?.ok().context("the sequencer panicked")
}

/// Resolves on SIGTERM or Ctrl-C.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    let _ = interrupted.await;
}

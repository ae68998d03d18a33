//! The verifying index: a package index in front of another one, which lets through what
//! the log has.
//!
//! ```text
//! pip, uv, poetry ─► serve ─► state ─┬─► pages ─► the index's page
//!                      │             ├─► oracle ─► what the log says of the project
//!                      │             └─► page: the plan, a pure function of both
//!                      └─► files ─┬─► store: verified files, by digest
//!                                 └─► transfer ─► the index's file, hashed on the way
//! ```
//!
//! | module | owns |
//! |---|---|
//! | `serve`, `listen`, `callers` | routes; connections; who may ask |
//! | `paths`, `range` | what is asked for, and which part of it |
//! | `pages`, `oracle`, `page` | the index's page; the log's facts; pure: what is offered of a project |
//! | `files`, `transfer`, `store`, `metadata` | a file, from the index or the cache; a wheel's metadata |
//! | `denial`, `answers`, `notes` | why a file is refused, and how it is said; pins and the grace list |
//! | `state`, `summary`, `metrics` | what all requests share; what was done so far |
//! | [`settings`], `limits` | the configuration file; the bounds |
//!
//! Invariants: no byte of a covered file is served whole unless the log has its digest and
//! says nothing against it; without an answer of the log there is none of the proxy,
//! but in the time of grace that the trust file grants. The index is believed about what it
//! has, and about nothing else.
//!
//! What it leaves out: uploads, search, the JSON API of `PyPI` (`/pypi/…/json`), TLS, which
//! a web server in front of it does, and tools that do not ask it (`wheeltap doctor`).

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use log_io::index_client::{IndexAccess, IndexClient};
use log_io::sessions::Sessions;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

mod answers;
mod callers;
mod denial;
mod files;
mod limits;
mod listen;
mod metadata;
mod metrics;
mod notes;
mod oracle;
mod page;
mod pages;
mod paths;
mod range;
mod serve;
pub mod settings;
mod state;
mod store;
mod summary;
mod transfer;

pub use denial::Denial;
pub use settings::{OnUnlogged, ProxyConfig, Upstream};
pub use summary::{HeldBack, Served, Summary};

use notes::Notes;
use oracle::Oracle;
use page::Gate;
use pages::Pages;
use state::State;
use store::Store;

/// A running proxy; it ends when this is dropped, or orderly with [`Proxy::stop`].
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
    judging: JoinHandle<()>,
}

/// Starts a proxy.
pub async fn start(config: ProxyConfig, sessions: Sessions) -> anyhow::Result<Proxy> {
    let upstream = &config.upstream;
    let access = IndexAccess {
        url: upstream.url.clone(),
        credentials: upstream.credentials()?,
        file_hosts: upstream.file_hosts(),
    };
    let pages = Pages::new(IndexClient::new("wheeltap", access)?);
    let store = Store::open(&config.cache, config.cache_bytes)
        .with_context(|| format!("cannot use the cache {}", config.cache.display()))?;
    let notes = Notes::open(&config.state)?;
    let oracle = Oracle::new(sessions, Duration::from_secs(config.max_age));
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let state = Arc::new(State::new(config, oracle, pages, store, notes));
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(listen::serve(listener, serve::router(&state), stopped));
    let judging = tokio::spawn(serve::judge_later(Arc::clone(&state)));
    Ok(Proxy { address, state, stop: Some(stop), serving, judging })
}

impl Proxy {
    /// What to give to pip as `--index-url`.
    pub fn index_url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }

    /// Where the index has the file that is at this address on the proxy; `None` when that
    /// is no file that is served.
    pub async fn index_has(&self, address: &str) -> Option<String> {
        let path = address.strip_prefix(&format!("http://{}/files/", self.address))?;
        let found = files::find(&self.state, &paths::asked(path)?, path).await.ok()?;
        (!matches!(found.planned.gate, Gate::Deny(_))).then_some(found.planned.url)
    }

    /// What was served and held back so far.
    pub fn summary(&self) -> Summary {
        self.state.tally.summary()
    }

    /// Ends it, with a little time for what is under way.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // It may have ended by itself.
            let _ = stop.send(());
        }
        let _ = (&mut self.serving).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
        self.judging.abort();
    }
}

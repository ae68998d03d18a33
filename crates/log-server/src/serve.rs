//! `wheeltap-log serve`: wires the parts together, and stops them in order.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use log_core::rules::Genesis;
use log_io::fetch::Http;
use log_io::{clock, key_file, outcome, process};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::app::App;
use crate::collect::{Collector, GRACE_SECONDS};
use crate::config::Config;
use crate::cosign::{HttpWitnesses, Witness};
use crate::data_dir::DataDir;
use crate::guard::Lookout;
use crate::http::front::Front;
use crate::http::private::Probe;
use crate::listen::{Bounds, Listener};
use crate::metrics::Metrics;
use crate::pool::pool;
use crate::published::Newest;
use crate::reader::Reader;
use crate::recover::Stores;
use crate::sequencer::{Sequencer, Witnesses};
use crate::signals::{Signals, on_hangup};
use crate::store::measured::Measured;
use crate::tls::Tls;
use crate::view::View;
use crate::{guard, http, identity, init};

mod listeners;
mod reload;

/// Serves the log in `directory` until the process is told to stop.
pub async fn serve(directory: &Path, config: Config) -> anyhow::Result<()> {
    process::set_filter(config.log.filter.as_str())?;
    listeners::check_descriptors(config.limits.connections);
    let data = DataDir::new(directory);
    let _lock = data.lock()?;
    let key = key_file::load(&data.key())?;
    let genesis = identity::load(&data.config(), &key)?;
    let origin = genesis.log.name().to_string();
    let tls = config.tls.clone().map(Tls::load).transpose()?.map(Arc::new);
    let metrics = Arc::new(Metrics::new(clock::now()));
    metrics.http.set_connections_limit(config.limits.connections.get());
    // Early: without it SIGHUP would end the process.
    let hangups = on_hangup(reload::reload(tls.clone(), Arc::clone(&metrics)))?;
    let stores = measured(init::stores(&data), &metrics);
    let view = View::open(&data.view(), &origin)?;
    let newest = Newest::default();
    let reader = Reader::new(Arc::clone(&stores.log));
    let (pool, mut receiver) = pool();

    // First, so that it says that the log starts, which can take minutes.
    let probe = Probe {
        newest: newest.clone(),
        pool: pool.clone(),
        view: view.clone(),
        directory: directory.to_owned(),
        min_free: u64::from(config.private.min_free_mib.get()) << 20,
        metrics: Arc::clone(&metrics),
    };
    let (private_address, private) = listeners::serve_private(config.private.listen, probe).await?;

    let sequencer = Sequencer {
        stores: stores.clone(),
        view: view.clone(),
        reader: reader.clone(),
        genesis: genesis.clone(),
        key,
        newest: newest.clone(),
        collector: Collector::new(Arc::clone(&stores.log), data.collected(), GRACE_SECONDS),
        witnesses: cosigners(&config, &genesis, &metrics)?,
        metrics: Arc::clone(&metrics),
        clock: clock::now,
    };
    guard_against_old_copies(&config, &genesis, &stores).await?;
    let started = tokio::task::spawn_blocking(move || sequencer.start().map(|state| (sequencer, state)));
    let (sequencer, state) = started.await?.context("the log cannot start")?;
    // Only now: until here a signal ends the process as ever, however long the start takes.
    let signals = Signals::new()?;
    let runtime = Handle::current();
    let (ended, writer_ended) = oneshot::channel::<()>();
    let writer = std::thread::Builder::new().name("sequencer".to_owned()).spawn(move || {
        // Dropped at the end, be it a panic: a log without a writer does not go on.
        let _ended = ended;
        sequencer.run(state, &mut receiver, &runtime)
    })?;

    let front = Front::new(&config, Arc::clone(&metrics), clock::now());
    let app = App {
        genesis: Arc::new(genesis),
        pool,
        newest,
        view,
        reader,
        objects: stores.log,
        clock: clock::now,
        metrics: Arc::clone(&metrics),
    };
    let socket = listeners::bind(config.listen, "listen").await?;
    let address = socket.local_addr()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    // Scripts wait for this line.
    outcome::print(format_args!("serving {origin} on {scheme}://{address}/"));
    outcome::print(format_args!("metrics and health on http://{private_address}/"));
    let stop = async {
        tokio::select! {
            () = signals.stopped() => tracing::info!("stopping"),
            _ = writer_ended => tracing::error!("the sequencer ended; stopping"),
            never = hangups => match never {},
        }
    };
    let listener = Listener { socket, tls, bounds: Bounds::from(&config.limits) };
    listener.serve(http::router(app, &front), Some(&metrics.http), stop).await;
    // The router is gone, and with the private listener's the last sender will be: the
    // writer ends its round.
    private.stop().await;
    tokio::task::spawn_blocking(move || writer.join()).await?.ok().context("the sequencer panicked")?
}

/// The witnesses of the configuration.
fn cosigners(
    config: &Config,
    genesis: &Genesis,
    metrics: &Arc<Metrics>,
) -> anyhow::Result<Option<Witnesses>> {
    let Some(policy) = &config.witnesses.policy else { return Ok(None) };
    let cosign = HttpWitnesses {
        log: genesis.log.clone(),
        witnesses: Witness::of(&policy.parse()),
        policy: policy.parse(),
        timeout: config.witnesses.timeout.get(),
        http: Http::new("wheeltap-log")?,
        runtime: Handle::current(),
        metrics: Arc::clone(metrics),
    };
    Ok(Some(Witnesses { cosign: Arc::new(cosign), required: config.witnesses.required }))
}

/// Refuses to start when somebody has seen this log further than it is.
async fn guard_against_old_copies(config: &Config, genesis: &Genesis, stores: &Stores) -> anyhow::Result<()> {
    let mut lookouts = Vec::new();
    if let Some(policy) = &config.witnesses.policy {
        lookouts.extend(guard::witnesses(&policy.parse(), genesis.log.name().as_str()));
    }
    let mirrors = config.witnesses.mirrors.iter();
    lookouts
        .extend(mirrors.map(|url| Lookout { who: format!("mirror {url}"), url: guard::checkpoint_url(url) }));
    let Some(head) = stores.head.load()?.filter(|_| !lookouts.is_empty()) else { return Ok(()) };
    let seen = guard::look(&Http::new("wheeltap-log")?, &lookouts, &genesis.log).await;
    let objects = Arc::clone(&stores.log);
    tokio::task::spawn_blocking(move || guard::check(&head, &objects, &seen)).await?
}

fn measured(stores: Stores, metrics: &Arc<Metrics>) -> Stores {
    Stores {
        log: Arc::new(Measured::new(stores.log, metrics)),
        staging: Arc::new(Measured::new(stores.staging, metrics)),
        head: Arc::new(Measured::new(stores.head, metrics)),
    }
}

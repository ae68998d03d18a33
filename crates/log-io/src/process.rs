//! How each binary starts and ends: tracing to stderr, a runtime, an exit code.

use std::future::Future;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::sync::OnceLock;

use anyhow::Context as _;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::outcome::{Failure, Outcome, report};

/// The variable that says what is traced; it goes before any configuration.
const FILTER_VARIABLE: &str = "WHEELTAP_LOG_FILTER";

/// To change what is traced while the process runs.
static FILTER: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Runs a command to its end. `WHEELTAP_LOG_FILTER` sets what is traced, e.g. `debug` or
/// `log_io=debug`; without it `filter` does.
pub fn run(filter: &str, command: impl Future<Output = Outcome>) -> ExitCode {
    let filter = EnvFilter::try_from_env(FILTER_VARIABLE).unwrap_or_else(|_| EnvFilter::new(filter));
    let (filter, handle) = reload::Layer::new(filter);
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(filter).with(lines).init();
    // Set once, here; a second call would keep the first.
    let _ = FILTER.set(handle);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    report(match runtime {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(Failure::new(format!("cannot start the runtime: {error}"))),
    })
}

/// Whether a text says what is to be traced.
pub fn check_filter(filter: &str) -> anyhow::Result<()> {
    EnvFilter::try_new(filter).map(drop).with_context(|| format!("{filter:?} is not a filter"))
}

/// Changes what is traced from now on, unless `WHEELTAP_LOG_FILTER` says it.
pub fn set_filter(filter: &str) -> anyhow::Result<()> {
    if std::env::var_os(FILTER_VARIABLE).is_some() {
        return Ok(());
    }
    let filter = EnvFilter::try_new(filter).with_context(|| format!("{filter:?} is not a filter"))?;
    FILTER.get().map_or(Ok(()), |handle| handle.reload(filter)).context("cannot change the filter")
}

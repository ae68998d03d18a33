//! How each binary starts and ends: tracing to stderr, a runtime, an exit code.

use std::future::Future;
use std::io::IsTerminal as _;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::outcome::{Failure, Outcome, report};

/// Runs a command to its end. `WHEELTAP_LOG` sets what is traced, e.g. `debug` or
/// `log_io=debug`; without it `filter` does.
pub fn run(filter: &str, command: impl Future<Output = Outcome>) -> ExitCode {
    let filter = EnvFilter::try_from_env("WHEELTAP_LOG").unwrap_or_else(|_| EnvFilter::new(filter));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    report(match runtime {
        Ok(runtime) => runtime.block_on(command),
        Err(error) => Err(Failure::new(format!("cannot start the runtime: {error}"))),
    })
}

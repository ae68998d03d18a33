//! The binary `wheeltap`.

use std::process::ExitCode;

use clap::Parser as _;
use log_client::cli::Cli;
use log_io::outcome;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::try_from_env("WHEELTAP_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    outcome::report(match runtime {
        Ok(runtime) => runtime.block_on(cli.run()),
        Err(error) => Err(outcome::Failure::new(format!("cannot start the runtime: {error}"))),
    })
}

//! The binary `wheeltap-log`.

use std::process::ExitCode;

use clap::Parser as _;
use log_io::process;
use log_server::cli::Cli;

fn main() -> ExitCode {
    process::run("info", Cli::parse().run())
}

//! The binary `wheeltap-witness`.

use std::process::ExitCode;

use clap::Parser as _;
use log_io::process;
use witness::cli::Cli;

fn main() -> ExitCode {
    process::run("warn", Cli::parse().run())
}

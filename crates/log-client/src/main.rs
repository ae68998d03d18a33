//! The binary `wheeltap`.

use std::process::ExitCode;

use log_client::cli::Cli;
use log_io::process;

fn main() -> ExitCode {
    process::run("warn", Cli::parse_args().run())
}

//! The binary `wheeltap-log`.

use std::process::ExitCode;

use clap::Parser as _;
use log_io::process;
use log_server::cli::Cli;
use mimalloc::MiMalloc;

/// Statements are parsed on one thread and dropped on another, all the time, which the
/// allocator of the C library does slowly.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    process::run("info", Cli::parse().run())
}

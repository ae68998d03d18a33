//! `wheeltap-witness`: arguments in, exit code out.
//!
//! Everything that can be tested is in the library. Logs go to stderr, filtered
//! by `WHEELTAP_LOG` (default `warn`).

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use log_io::outcome::{Exit, Outcome, print, report};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;
use witness::audit;
use witness::cli::{Cli, Command};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let filter = EnvFilter::builder()
        .with_env_var("WHEELTAP_LOG")
        .with_default_directive(LevelFilter::WARN.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    report(run(&cli.command))
}

fn run(command: &Command) -> Outcome {
    match command {
        Command::Audit(arguments) => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .map_err(|error| anyhow::anyhow!("cannot start: {error}"))?;
            runtime.block_on(audit::run(arguments))
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "wheeltap-witness", &mut script);
            print(String::from_utf8_lossy(&script));
            Ok(Exit::Ok)
        }
    }
}

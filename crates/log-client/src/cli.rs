//! The command line of `wheeltap`: all arguments in one place.

use clap::{CommandFactory as _, Parser, Subcommand};
use log_core::artifact::{ProjectName, Version};
use log_core::hash::Hash;
use log_core::times;
use log_io::clock;
use log_io::outcome::{Exit, Outcome};

use crate::commands::{
    append, bench, demo, doctor, evidence, import, keygen, lock, lookup, monitor, policy, proxy, run, trust,
    verify, withdraw,
};

const AFTER_HELP: &str = "\
See it work, on this machine and a real PyPI project:
  wheeltap demo

Exit codes:
   0  verified, or done
   1  failed: there is no verdict
   2  usage
  10  not in the log
  11  a hash, proof or signature is wrong
  12  the quorum of witnesses is not met, its cosignatures are too old, or what answers is behind
  13  the log misbehaved; evidence was written
  14  withdrawn by the project
  20  doctor, monitor or an audit found something
Data goes to stdout, everything else to stderr.";

/// Record release artifacts in a transparency log, and verify them against it
#[derive(Debug, Parser)]
#[command(name = "wheeltap", version, after_help = AFTER_HELP)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify files, requirements, lock files and environments against the log
    Verify(Box<verify::VerifyArgs>),
    /// Write requirements with the hashes that are logged
    Lock(lock::LockArgs),
    /// Serve a package index that lets through what the log has
    Proxy(proxy::ProxyArgs),
    /// Run a command whose installers get only what the log has
    Run(run::RunArgs),
    /// Find what bypasses the proxy here
    Doctor(doctor::DoctorArgs),
    /// Show what the log says about a file, a digest, a project or a key, proven
    Lookup(lookup::LookupArgs),
    /// Report new entries about my projects
    Monitor(monitor::MonitorArgs),
    /// Sign and log the files of a release, and write their proofs
    Append(append::AppendArgs),
    /// Withdraw files: log that they are not to be used any more
    Withdraw(withdraw::WithdrawArgs),
    /// Log the releases that a package index has, from the digests that it lists
    Import(import::ImportArgs),
    /// Make a key
    Keygen(keygen::KeygenArgs),
    /// Make, change, compare, sign, show and submit the log's policy
    #[command(subcommand)]
    Policy(policy::PolicyCommand),
    /// Add logs to the trust file, show it, take logs out: whom and what to believe
    #[command(subcommand)]
    Trust(trust::TrustCommand),
    /// Check evidence that a log misbehaved
    Evidence(evidence::EvidenceArgs),
    /// Run the whole story on this machine, on a real PyPI project
    Demo(demo::DemoArgs),
    /// Load a log or a proxy, verify every answer, and say how fast it was
    #[command(subcommand)]
    Bench(bench::BenchCommand),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

impl Cli {
    /// Reads the command line; ends the process when it is not understood, or asks for help.
    pub fn parse_args() -> Self {
        Self::try_parse().unwrap_or_else(|error| {
            if error.use_stderr()
                && let Err(error) = without_environment(Self::command()).try_get_matches()
            {
                error.exit();
            }
            error.exit()
        })
    }

    /// Does what was asked.
    pub async fn run(self) -> Outcome {
        match self.command {
            Command::Verify(args) => verify::run(&args).await,
            Command::Proxy(args) => proxy::run(&args).await,
            Command::Lock(args) => lock::run(&args).await,
            Command::Doctor(args) => doctor::run(&args).await,
            Command::Run(args) => run::run(&args).await.map(Exit::Command),
            Command::Monitor(args) => monitor::run(&args).await,
            Command::Lookup(args) => lookup::run(&args).await,
            Command::Append(args) => append::run(&args).await,
            Command::Withdraw(args) => withdraw::run(&args).await,
            Command::Import(args) => import::run(&args).await,
            Command::Keygen(args) => keygen::run(&args),
            Command::Policy(command) => policy::run(&command).await,
            Command::Trust(command) => trust::run(&command).await,
            Command::Evidence(args) => evidence::run(&args),
            Command::Demo(args) => demo::run(&args).await,
            Command::Bench(command) => bench::run(&command).await,
            Command::Completions { shell } => {
                clap_complete::generate(shell, &mut Self::command(), "wheeltap", &mut std::io::stdout());
                Ok(Exit::Ok)
            }
        }
    }
}

/// The same command line, of which the environment gives nothing: clap's line of usage has
/// what is given, as if it were needed.
fn without_environment(command: clap::Command) -> clap::Command {
    command.mut_args(|arg| arg.env(None)).mut_subcommands(without_environment)
}

/// A project's name in any spelling.
pub fn project(text: &str) -> Result<ProjectName, String> {
    ProjectName::normalise(text).map_err(|error| error.to_string())
}

/// A version in any spelling.
pub fn version(text: &str) -> Result<Version, String> {
    Version::normalise(text).map_err(|error| error.to_string())
}

/// A SHA-256 in hex, with or without `sha256:`.
pub fn sha256(text: &str) -> Result<Hash, String> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
    Hash::parse_hex(&digits).ok_or_else(|| "expected 64 hex digits".to_owned())
}

/// A time: RFC 3339, POSIX seconds, or `now`.
pub fn time(text: &str) -> Result<u64, String> {
    times::parse_time(text, clock::now())
}

/// A duration: seconds, or with a unit.
pub fn duration(text: &str) -> Result<u64, String> {
    times::parse_duration(text)
}

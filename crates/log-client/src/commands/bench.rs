//! `wheeltap bench`: load for a log or a proxy, every answer to which is verified.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use clap::{Args, Subcommand};
use log_core::key::{KeyName, SignerKey};
use log_core::limits::MAX_BATCH;
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Exit, Failure, Outcome, note, print};
use log_io::{clock, key_file};
use tempfile::TempDir;

use crate::bench::ceiling;
use crate::bench::drive::Pace;
use crate::bench::http::Target;
use crate::bench::judge::Judge;
use crate::bench::local::{self, Size};
use crate::bench::plan::{self, Appends, Lookups, Plan, plan};
use crate::bench::report::Report;
use crate::bench::run::{Bench, Measured, Terms};
use crate::bench::statements::{Random, Statements};
use crate::bench::tiles::{Authentic, choose};

mod proxy;

/// The commands of `wheeltap bench`.
#[derive(Debug, Subcommand)]
#[command(after_help = "\
Everything about this machine, with a log of its own:
  wheeltap bench local
  wheeltap bench proxy
A wrong answer ends the bench: exit code 11, or 13 with evidence.")]
pub enum BenchCommand {
    /// Make a log in a directory of its own and measure all there is to measure
    Local(LocalArgs),
    /// Make an index, a log and a proxy, and compare the proxy with the index alone
    Proxy(proxy::ProxyBenchArgs),
    /// Append statements
    Appends {
        #[command(flatten)]
        load: LoadArgs,
        /// Statements in one request
        #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
        batch: u16,
        /// How many of 100 statements are sent once more instead of a new one
        #[arg(long, default_value_t = 5, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=99))]
        duplicates: u8,
    },
    /// Look up random keys, of what is logged and of what is not
    Lookups {
        #[command(flatten)]
        load: LoadArgs,
        /// Keys in one request
        #[arg(long, default_value_t = 300, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1_000))]
        keys: u16,
        /// Statements that are appended before, to be asked for
        #[arg(long, default_value_t = 2_000, value_name = "N")]
        population: u32,
    },
    /// Read tiles and entry bundles, full and partial, and checkpoints
    Tiles {
        #[command(flatten)]
        load: LoadArgs,
        /// Different tiles and bundles
        #[arg(long, default_value_t = 64, value_name = "N")]
        distinct: u16,
    },
    /// All of these at once: of 20 requests 12 read a tile or checkpoint, 6 look up, 2 append
    Mixed {
        #[command(flatten)]
        load: LoadArgs,
        /// Statements that are appended before, to be asked for
        #[arg(long, default_value_t = 2_000, value_name = "N")]
        population: u32,
    },
}

/// Arguments of `wheeltap bench local`.
#[derive(Debug, Args)]
pub struct LocalArgs {
    /// Statements to append before the other measurements
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    entries: u64,
    /// Projects that they are of [default: one for 20 statements]
    #[arg(long, value_name = "N")]
    projects: Option<u64>,
    /// Seconds for each measurement
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    duration: u32,
    /// Where to work; must be missing or empty [default: a temporary directory]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// From which everything is made [default: the time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Arguments that all loads share.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// The key of a publisher of `bench-*`, which signs the statements
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Connections at once
    #[arg(long, default_value_t = 32, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=700))]
    connections: u16,
    /// Requests per second by the clock; without it, each connection sends its next request
    /// when it has an answer
    #[arg(long, value_name = "R", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// Longest time in seconds
    #[arg(long, default_value_t = 10, value_name = "S", value_parser = clap::value_parser!(u32).range(1..=3_600))]
    duration: u32,
    /// Seconds before it that are not counted
    #[arg(long, default_value_t = 1, value_name = "S", value_parser = clap::value_parser!(u32).range(0..=600))]
    warmup: u32,
    /// Most statements, look-ups or reads; all are made, and signed, before the clock starts
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=2_000_000))]
    count: Option<u32>,
    /// Projects that the statements are of
    #[arg(long, default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    projects: u32,
    /// What project names start with
    #[arg(long, default_value = "bench", value_name = "NAME")]
    project_prefix: String,
    /// From which everything is made; the same statements again are logged already
    /// [default: the time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The log server's process, on this machine, to read its processor time
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// A directory on the disk that the log is on, to measure durable writes there
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Load a log that is not on this machine
    #[arg(long)]
    i_operate_this_log: bool,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

/// Measures.
pub async fn run(command: &BenchCommand) -> Outcome {
    let (report, format) = match command {
        BenchCommand::Local(args) => (run_local(args).await?, args.format),
        BenchCommand::Proxy(args) => return proxy::run(args).await,
        BenchCommand::Appends { load, batch, duplicates } => {
            let mut bench = load.start()?;
            let batch = usize::from(*batch);
            let which =
                Appends { first: 0, count: load.count(50_000), duplicates: (*duplicates).into(), batch };
            let Started { statements, random, .. } = &mut bench;
            let plan = plan(|| plan::appends(statements, which, random).0);
            (load.measure(bench, ("appends", "statements"), &plan).await?, load.format)
        }
        BenchCommand::Lookups { load, keys, population } => {
            let mut bench = load.start()?;
            bench.populate((*population).into()).await?;
            let keys = usize::from(*keys);
            let which = Lookups { count: load.count(500), keys, logged: (*population).into() };
            let plan = plan(|| plan::lookups(&bench.statements, which, &mut bench.random));
            let name = format!("look-ups of {keys} keys");
            (load.measure(bench, (&name, "keys"), &plan).await?, load.format)
        }
        BenchCommand::Tiles { load, distinct } => {
            let mut bench = load.start()?;
            let tiles = bench.authentic_tiles((*distinct).into(), true).await?;
            let plan = plan(|| plan::tiles(load.count(500_000), &tiles, &mut bench.random));
            (load.measure(bench, ("reads", "tiles"), &plan).await?, load.format)
        }
        BenchCommand::Mixed { load, population } => {
            let mut bench = load.start()?;
            let plan = bench.mixture(load.count(50_000), (*population).into()).await?;
            (load.measure(bench, ("a mixture", "answers"), &plan).await?, load.format)
        }
    };
    match format {
        Format::Text => print(report.to_text().trim_end()),
        Format::Json => print(format_args!("{:#}", report.to_json())),
    }
    let good = report.measured.iter().all(|measured| measured.good > 0);
    if good { Ok(Exit::Ok) } else { Err(Failure::new("nothing good came back")) }
}

async fn run_local(args: &LocalArgs) -> Result<Report, Failure> {
    let size = Size {
        entries: args.entries,
        projects: args.projects,
        seed: args.seed.unwrap_or_else(clock::now),
        seconds: args.duration,
    };
    let place = Place::new(args.dir.as_deref())?;
    local::run(place.path(), size).await
}

/// The directory to work in, which goes at the end unless it was named.
enum Place {
    Named(PathBuf),
    Temporary(TempDir),
}

impl Place {
    fn new(named: Option<&Path>) -> Result<Self, Failure> {
        let Some(directory) = named else {
            let temporary = tempfile::Builder::new().prefix("wheeltap-bench-").tempdir();
            return Ok(Self::Temporary(temporary.map_err(anyhow::Error::from)?));
        };
        let empty = || {
            std::fs::create_dir_all(directory)?;
            ensure!(directory.read_dir()?.next().is_none(), "{} is not empty", directory.display());
            Ok(directory.canonicalize()?)
        };
        let directory = empty().map_err(|error| Failure::usage(format!("--dir: {error:#}")))?;
        Ok(Self::Named(directory))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(directory) => directory,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

/// What a load needs.
struct Started {
    bench: Bench,
    statements: Statements,
    random: Random,
    signs: bool,
}

impl LoadArgs {
    fn count(&self, default: u64) -> u64 {
        let seconds = u64::from(self.duration) + u64::from(self.warmup);
        let by_rate = self.rate.map(|rate| u64::from(rate) * seconds);
        self.count.map(u64::from).or(by_rate).unwrap_or(default)
    }

    fn start(&self) -> Result<Started, Failure> {
        let session = self.log.session("wheeltap-bench")?;
        let target = Target::new(&session.log.url)?;
        if !target.is_loopback() && !self.i_operate_this_log {
            let message = format!("{} is not on this machine, and load is an attack", session.log.url);
            return Err(Failure::usage(message).hint("if the log is yours, add --i-operate-this-log"));
        }
        let seed = self.seed.unwrap_or_else(clock::now);
        let key = match &self.key {
            Some(path) => key_file::load(path)?,
            // The ceiling needs one; nothing that it signs is sent.
            None => nobody()?,
        };
        let statements = Statements::new(key, &self.project_prefix, seed, self.projects.into())
            .map_err(|error| Failure::usage(format!("--project-prefix: {error}")))?;
        let bench = Bench { judge: Judge::new(session), target, server: self.server_pid };
        Ok(Started { bench, statements, random: Random(seed), signs: self.key.is_some() })
    }

    async fn measure(
        &self,
        mut started: Started,
        what: (&str, &'static str),
        plan: &Plan,
    ) -> Result<Report, Failure> {
        let appends = plan.requests.iter().any(|request| request.ask.appends());
        if appends && !started.signs {
            return Err(unsigned());
        }
        let Started { bench, statements, .. } = &mut started;
        note("measuring the ceiling");
        let connections = usize::from(self.connections);
        let ceiling = ceiling::measure(statements, self.dir.as_deref(), connections, self.duration).await?;
        note(format_args!("measuring {}", what.0));
        let terms = Terms {
            pace: Pace { connections, rate: self.rate.map(f64::from) },
            warmup: Duration::from_secs(self.warmup.into()),
            time: Duration::from_secs(self.duration.into()),
        };
        let measured = bench.run(what, plan, terms).await?;
        let checkpoints = bench.judge.check_history().await?;
        let seed = statements.seed();
        Ok(Report { seed, ceiling, measured: vec![measured], figures: Vec::new(), checkpoints })
    }
}

impl Started {
    /// Appends statements that can be asked for; those of an earlier run are there already.
    async fn populate(&mut self, count: u64) -> Result<(), Failure> {
        if !self.signs {
            return Err(unsigned());
        }
        note(format_args!("appending {count} statements to be asked for"));
        let which = Appends { first: 0, count, duplicates: 0, batch: MAX_BATCH };
        let plan = plan(|| plan::appends(&self.statements, which, &mut self.random).0);
        let pace = Pace { connections: 2, rate: None };
        let terms = Terms { pace, warmup: Duration::ZERO, time: Duration::MAX };
        let Measured { errors, .. } = self.bench.run(("population", "statements"), &plan, terms).await?;
        if errors.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!("not all statements could be appended: {errors:?}"))
            .hint("does the policy let the key publish `bench-*`? See `wheeltap policy show`"))
    }

    /// Tiles whose content is proven to be the log's.
    async fn authentic_tiles(
        &mut self,
        count: u64,
        partial: bool,
    ) -> Result<Vec<log_core::tile::TileId>, Failure> {
        let session = self.bench.judge.session().clone();
        let checkpoint = session.checkpoint(clock::now()).await?;
        let tiles = choose(checkpoint.checkpoint.size(), count, partial, &mut self.random);
        let mut authentic = Authentic::new(&session.source, &checkpoint.checkpoint).await?;
        let mut digests = crate::bench::tiles::Digests::new();
        for tile in &tiles {
            digests.insert(*tile, authentic.digest(*tile).await?);
        }
        self.bench.judge.know_tiles(digests);
        Ok(tiles)
    }

    async fn mixture(&mut self, count: u64, population: u64) -> Result<Plan, Failure> {
        self.populate(population).await?;
        // Partial tiles may be gone when the log has grown.
        let tiles = self.authentic_tiles(64, false).await?;
        let Self { statements, random, .. } = self;
        Ok(plan(|| {
            let which = Appends { first: population, count: count / 10, duplicates: 5, batch: 1 };
            let (appends, _) = plan::appends(statements, which, random);
            let which = Lookups { count: count * 3 / 10, keys: 20, logged: population };
            let lookups = plan::lookups(statements, which, random);
            let reads = plan::tiles(count / 2, &tiles, random);
            let checkpoints = (0..count / 10).map(|_| plan::checkpoint()).collect();
            plan::mixed(vec![appends, lookups, reads, checkpoints], random)
        }))
    }
}

fn nobody() -> anyhow::Result<SignerKey> {
    key_file::generate(KeyName::parse("nobody").context("a name")?)
}

fn unsigned() -> Failure {
    Failure::usage("statements must be signed: --key is missing")
        .hint("give the key of a publisher of `bench-*`")
}

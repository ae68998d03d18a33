//! A log of the bench's own, grown, measured, killed and started again: what
//! `docs/performance.md` shows.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::ensure;
use log_core::limits::MAX_BATCH;
use log_core::tile::{Level, TileId};
use log_io::clock;
use log_io::outcome::{Failure, note};

use super::ceiling;
use super::drive::Pace;
use super::http::Target;
use super::judge::Judge;
use super::measure::{rate, real, resident_bytes};
use super::own_log::OwnLog;
use super::plan::{self, Appends, Lookups, plan};
use super::process::{self, LogProcess};
use super::report::{Figure, Report};
use super::run::{Bench, Measured, Terms};
use super::statements::{Random, Statements};
use super::tiles::Authentic;

mod nginx;

use nginx::Nginx;

/// Statements in one step of the growth, made and verified between the steps.
const STEP: u64 = 100_000;

/// Steps up to which each is reported; of more, groups of ten are.
const STEPS_SHOWN: u64 = 20;

/// Time at the start of a measurement that is not counted, of ten.
const WARMUP: u32 = 1;

/// Arrivals a second in the measurement by the clock.
const ARRIVALS: u32 = 1_000;

/// Keys in a look-up: a large lock file.
const KEYS: usize = 300;

/// Requests that are made for a second of a measurement, more than any machine sends.
const APPENDS_A_SECOND: u64 = 10_000;
const LOOKUPS_A_SECOND: u64 = 50;
const READS_A_SECOND: u64 = 100_000;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    /// Statements to grow the log to.
    pub(crate) entries: u64,
    /// Projects; by default each has twenty releases.
    pub(crate) projects: Option<u64>,
    /// Where everything comes from.
    pub(crate) seed: u64,
    /// Seconds for each measurement.
    pub(crate) seconds: u32,
}

/// A log, and what has been learned about it.
struct Local {
    bench: Bench,
    log: LogProcess,
    statements: Statements,
    directory: PathBuf,
    random: Random,
    seconds: u32,
    /// Statements that were made; but for the last ones that were not sent in time, they
    /// are logged.
    made: u64,
    measured: Vec<Measured>,
    figures: Vec<Figure>,
}

/// Makes a log in an empty directory and measures everything.
pub(crate) async fn run(directory: &Path, size: Size) -> Result<Report, Failure> {
    let mut local = Local::new(directory, size).await?;
    note("measuring the ceiling");
    let ceiling = ceiling::measure(&local.statements, Some(directory), 64, size.seconds).await?;
    local.grow(size.entries).await?;
    local.append_singly().await?;
    local.append_on_schedule().await?;
    local.look_up().await?;
    local.read_tiles().await?;
    local.weigh()?;
    note("proving that all checkpoints are of one history");
    let checkpoints = local.bench.judge.check_history().await?;
    local.restart().await?;
    Ok(Report { seed: size.seed, ceiling, measured: local.measured, figures: local.figures, checkpoints })
}

impl Local {
    async fn new(directory: &Path, size: Size) -> Result<Self, Failure> {
        let OwnLog { process: log, session, team, .. } = OwnLog::start(directory).await?;
        let projects = size.projects.unwrap_or(size.entries / 20).max(100);
        let statements = Statements::new(team, "bench", size.seed, projects).map_err(anyhow::Error::from)?;
        let target = Target::new(&session.log.url)?;
        let bench = Bench { judge: Judge::new(session), target, server: log.id() };
        Ok(Self {
            bench,
            log,
            statements,
            directory: directory.to_owned(),
            random: Random(size.seed),
            seconds: size.seconds,
            made: 0,
            measured: Vec::new(),
            figures: Vec::new(),
        })
    }

    /// Appends statements in batches, step by step.
    async fn grow(&mut self, entries: u64) -> Result<(), Failure> {
        let pace = Pace { connections: 8, rate: None };
        let terms = Terms { pace, warmup: Duration::ZERO, time: Duration::MAX };
        let steps = entries.div_ceil(STEP);
        let mut all: Option<Measured> = None;
        let mut group = (0, Duration::ZERO);
        for step in 1..=steps {
            let count = STEP.min(entries - self.made);
            let which = Appends { first: self.made, count, duplicates: 0, batch: MAX_BATCH };
            let plan = plan(|| plan::appends(&self.statements, which, &mut self.random).0);
            let name = format!("appends, {MAX_BATCH} in a request");
            let measured = self.bench.run((&name, "statements"), &plan, terms).await?;
            let lost: u64 = measured.errors.values().sum();
            if lost > 0 {
                return Err(Failure::new(format!(
                    "{lost} statements were not logged: {:?}",
                    measured.errors
                )));
            }
            self.made += count;
            note(format_args!("{} of {entries} statements: {:.0}/s", self.made, measured.rate()));
            group = (group.0 + measured.good, group.1 + measured.elapsed);
            if steps > 1 && (steps <= STEPS_SHOWN || step % 10 == 0 || step == steps) {
                let name = format!("appends up to {} statements", self.made);
                let key = format!("appends_to_{}", self.made);
                self.figures.push(Figure::rate(&key, &name, rate(group.0, group.1)));
                group = (0, Duration::ZERO);
            }
            match &mut all {
                None => all = Some(measured),
                Some(all) => all.join(measured),
            }
        }
        self.measured.extend(all);
        Ok(())
    }

    async fn append_singly(&mut self) -> Result<(), Failure> {
        let count = u64::from(self.seconds) * APPENDS_A_SECOND;
        self.append("appends, one in a request, closed loop", count, Pace { connections: 256, rate: None })
            .await
    }

    async fn append_on_schedule(&mut self) -> Result<(), Failure> {
        let pace = Pace { connections: 128, rate: Some(ARRIVALS.into()) };
        let count = u64::from(self.seconds) * u64::from(ARRIVALS);
        self.append(&format!("appends, {ARRIVALS} a second by the clock"), count, pace).await
    }

    async fn append(&mut self, name: &str, count: u64, pace: Pace) -> Result<(), Failure> {
        note(name);
        let which = Appends { first: self.made, count, duplicates: 5, batch: 1 };
        let mut new = 0;
        let plan = plan(|| {
            let (requests, count) = plan::appends(&self.statements, which, &mut self.random);
            new = count;
            requests
        });
        let measured = self.bench.run((name, "statements"), &plan, self.terms(pace)).await?;
        self.measured.push(measured);
        // Those that were not sent in time are not logged, and look-ups expect nothing of them.
        self.made += new;
        Ok(())
    }

    async fn look_up(&mut self) -> Result<(), Failure> {
        let name = format!("look-ups of {KEYS} keys");
        note(&name);
        let count = u64::from(self.seconds) * LOOKUPS_A_SECOND;
        let which = Lookups { count, keys: KEYS, logged: self.made };
        let plan = plan(|| plan::lookups(&self.statements, which, &mut self.random));
        let terms = self.terms(Pace { connections: 2, rate: None });
        self.measured.push(self.bench.run((&name, "keys"), &plan, terms).await?);
        Ok(())
    }

    fn terms(&self, pace: Pace) -> Terms {
        let time = Duration::from_secs(self.seconds.into());
        Terms { pace, warmup: time * WARMUP / 10, time }
    }

    /// One full tile, from the log and from nginx.
    async fn read_tiles(&mut self) -> Result<(), Failure> {
        let tile = TileId { level: Level::Hashes(0), index: 0, width: 256 };
        note("reads of a full tile");
        let session = self.bench.judge.session().clone();
        let checkpoint = session.checkpoint(clock::now()).await?;
        let digest = Authentic::new(&session.source, &checkpoint.checkpoint).await?.digest(tile).await?;
        self.bench.judge.know_tiles([(tile, digest)].into());
        let count = u64::from(self.seconds) * READS_A_SECOND;
        let plan = plan(|| plan::tiles(count, &[tile], &mut self.random));
        let terms = self.terms(Pace { connections: 16, rate: None });
        let own = self.bench.run(("reads of a full tile", "tiles"), &plan, terms).await?;
        let Some(nginx) = Nginx::start(&self.directory.join("log/public"), &self.directory.join("nginx"))?
        else {
            note("nginx is not installed; reads are not compared with it");
            self.measured.push(own);
            return Ok(());
        };
        let log =
            (std::mem::replace(&mut self.bench.target, Target::new(&nginx.url)?), self.bench.server.take());
        let other = self.bench.run(("reads of the same tile from nginx", "tiles"), &plan, terms).await;
        (self.bench.target, self.bench.server) = log;
        let other = other?;
        let share = own.rate() / other.rate().max(1.0);
        self.figures.push(Figure::number(
            "tiles_of_nginx",
            "reads of a full tile, compared with nginx",
            share,
            "times",
        ));
        self.measured.extend([own, other]);
        Ok(())
    }

    /// Memory and disk.
    fn weigh(&mut self) -> Result<(), Failure> {
        if let Some(bytes) = self.log.id().and_then(resident_bytes) {
            self.figures.push(Figure::bytes("resident", "the server's resident memory", bytes));
        }
        let sample = 100.min(self.made);
        let entry_bytes: u64 = (0..sample).map(|number| self.statements.envelope(number).len() as u64).sum();
        let entry_bytes = real(entry_bytes) / real(sample.max(1)) * real(self.bench.judge.logged() as u64);
        for (key, name, below) in
            [("disk_public", "public/", "log/public"), ("disk_private", "private/", "log/private")]
        {
            let (bytes, files) = process::disk_usage(&self.directory.join(below))?;
            self.figures.push(Figure::bytes(key, &format!("on disk, {name}, {files} files"), bytes));
            let (key, name) =
                (format!("{key}_per_entry_byte"), format!("on disk, {name}, per byte of statements"));
            self.figures.push(Figure::number(&key, &name, real(bytes) / entry_bytes.max(1.0), "bytes"));
        }
        Ok(())
    }

    /// Start-up after an abrupt and after an orderly end; nothing is lost by either.
    async fn restart(&mut self) -> Result<(), Failure> {
        note("killing it and starting it again");
        let size = self.size().await?;
        self.log.kill()?;
        let (_, after_kill) = self.log.start()?;
        ensure_same(size, self.size().await?)?;
        let stop = self.log.stop()?;
        let (_, after_stop) = self.log.start()?;
        ensure_same(size, self.size().await?)?;
        if let Some(bytes) = self.log.id().and_then(resident_bytes) {
            self.figures.push(Figure::bytes(
                "resident_at_start",
                "the server's resident memory after its start",
                bytes,
            ));
        }
        self.log.stop()?;
        self.figures.push(Figure::time("start_after_kill", "start after kill -9", after_kill));
        self.figures.push(Figure::time("stop", "orderly stop", stop));
        self.figures.push(Figure::time("start_after_stop", "start after an orderly stop", after_stop));
        Ok(())
    }

    async fn size(&self) -> Result<u64, Failure> {
        Ok(self.bench.judge.session().checkpoint(clock::now()).await?.checkpoint.size())
    }
}

fn ensure_same(before: u64, after: u64) -> anyhow::Result<()> {
    ensure!(before == after, "the log had {before} entries before it was killed, and {after} after");
    Ok(())
}

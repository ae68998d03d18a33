//! `wheeltap-log mirror`: a copy of a log that any static web server can serve.
//!
//! 1. open the source's checkpoint, and prove it consistent with the one that the
//!    copy has; two histories end everything, with evidence;
//! 2. copy what is new, each file authenticated before it gets its name ([`copy`]);
//! 3. the partial tiles and the partial bundle of the new size;
//! 4. the checkpoint, last: from here on readers see the new size.
//!
//! Invariants: every file in the copy is one that the log signed; every file that the
//! copy's checkpoint asks for is there at any moment, or the full tile in the place of
//! a partial one; the checkpoint never goes back.
//! A crash leaves files that are right and not asked for yet; the next run finds
//! them. Left out: the rules, which `fsck` checks.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use log_core::checkpoint::OpenCheckpoint;
use log_io::clock;
use log_io::durable;
use log_io::fetch::Http;
use log_io::outcome::{Exit, Failure, Outcome, note, print, shown};
use log_io::session::Session;
use log_io::source::LogSource;

use crate::signals::Signals;
use crate::store::Objects;
use crate::store::directory::DirectoryObjects;
use crate::trust_args::{TrustArgs, file_url};

pub mod copy;

const AFTER_HELP: &str = "\
Exit codes:
   0  the copy is that of the source's newest checkpoint
   1  failed; what was copied is good, and the next run goes on from there
   2  usage
  11  what the source serves is not what it signed; nothing of it was taken
  12  the quorum of witnesses is not met or too old, or the source is behind the copy
  13  the log forked; evidence was written, and the copy is as it was

Examples:
  wheeltap-log mirror --url https://log.example.org/ --trust trust.toml --dir mirror --follow 60
  wheeltap-log mirror --from log --key log.pub --dir /srv/www/log";

/// What to copy, and where to.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, group = ArgGroup::new("source").required(true).multiple(true).args(["url", "from", "trust"]))]
pub struct MirrorArgs {
    /// A log's URL [default: that of the trust file]
    #[arg(long)]
    url: Option<String>,
    /// A log's data directory, or a copy of its public part
    #[arg(long, value_name = "DIR", conflicts_with = "url")]
    from: Option<PathBuf>,
    /// Where the copy goes; made when it is missing
    #[arg(long)]
    dir: PathBuf,
    /// Keep the copy up, and look for news every so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    follow: Option<u64>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// A copy of a log.
#[derive(Debug)]
pub struct Mirror {
    /// The log, and whom to believe about it.
    pub session: Session,
    /// The copy, to write.
    pub target: Arc<dyn Objects>,
    /// The copy, to read as everybody does.
    pub copy: LogSource,
    /// How many bundles are read at once.
    pub jobs: usize,
}

/// Makes or keeps up a copy.
pub async fn run(args: &MirrorArgs) -> Outcome {
    let url = match &args.from {
        Some(from) => Some(file_url(&public_of(from))?),
        None => args.url.clone(),
    };
    let log = args.trust.trusted_log(url.as_deref())?;
    let log = log.ok_or_else(|| Failure::usage("whom to believe? give --trust, or --key"))?;
    let session = Session::new(Http::new("wheeltap-log")?, log, &args.trust.state_directory()?)?;
    let _lock = claim(&args.dir)?;
    let mirror = Mirror {
        session,
        target: Arc::new(DirectoryObjects::new(args.dir.clone())),
        copy: LogSource::Directory(args.dir.clone()),
        jobs: 4 * std::thread::available_parallelism().map_or(1, usize::from),
    };
    let Some(seconds) = args.follow else { return mirror.update().await.map(|()| Exit::Ok) };
    let signals = Signals::new()?;
    let follow = async {
        loop {
            match mirror.update().await {
                Err(failure) if failure.exit() == Exit::Misbehaved => return Err(failure),
                // Mended by time, or by somebody else; the copy is good as it is.
                Err(failure) => note(format_args!("not updated: {}", shown(&failure.to_string()))),
                Ok(()) => {}
            }
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    };
    tokio::select! {
        ended = follow => ended,
        () = signals.stopped() => Ok(Exit::Ok),
    }
}

impl Mirror {
    /// Brings the copy to the source's newest checkpoint.
    pub async fn update(&self) -> Result<(), Failure> {
        let bytes = self.session.source.checkpoint().await?;
        let new = self.session.log.trust.open(&bytes, clock::now())?.checkpoint;
        let old = self.copied()?;
        let from = old.as_ref().map_or(0, OpenCheckpoint::size);
        if let Some(old) = &old {
            self.check_consistent(old, &new).await?;
        }
        if new.size() > from {
            copy::copy(self, from, &new).await?;
        }
        // All signature lines, of witnesses that are not known here, too: others know
        // them. The note was parsed, and is written in its one spelling.
        let note = new.note().to_string();
        if old.is_none_or(|old| old.note().to_string() != note) {
            self.target.overwrite("checkpoint", note.as_bytes()).context("cannot write the checkpoint")?;
            let origin = self.session.log.origin();
            print(format_args!("{origin}: {} entries, {} of them new", new.size(), new.size() - from));
        }
        Ok(())
    }

    /// The checkpoint that the copy has.
    fn copied(&self) -> Result<Option<OpenCheckpoint>, Failure> {
        let bytes = self.target.get("checkpoint").context("cannot read the copy's checkpoint")?;
        let Some(bytes) = bytes else { return Ok(None) };
        let open = OpenCheckpoint::open(&bytes, &self.session.log.trust.genesis.log);
        open.map(Some).map_err(|error| {
            Failure::new(format!("the copy's checkpoint is not this log's: {error}")).hint(
                "check --dir; a copy of another log goes elsewhere, a damaged checkpoint may be deleted",
            )
        })
    }

    /// One of the two is a prefix of the other, and the copy's is not the longer one.
    async fn check_consistent(&self, old: &OpenCheckpoint, new: &OpenCheckpoint) -> Result<(), Failure> {
        if new.size() >= old.size() {
            return self.session.check_prefix(old, new).await;
        }
        // What lags lacks the tiles; the copy has them.
        let mut copy = self.session.clone();
        copy.source = self.copy.clone();
        copy.check_prefix(new, old).await?;
        let message = format!("the source has {} entries, the copy {} of them", new.size(), old.size());
        Err(Failure::with_exit(Exit::Untrusted, message)
            .hint("the source lags or was rolled back; the copy is as it was"))
    }
}

/// The public part of a data directory, or the directory itself.
pub fn public_of(directory: &Path) -> PathBuf {
    let public = directory.join("public");
    if public.is_dir() { public } else { directory.to_owned() }
}

/// Makes the directory, and keeps other processes from writing to it. The lock is on
/// the directory itself: a web server serves every file in it.
fn claim(dir: &Path) -> Result<File, Failure> {
    let beside = dir.parent().is_some_and(|parent| parent.join("private/head").exists());
    if dir.join("private").exists() || beside {
        return Err(Failure::usage(format!(
            "{} is a log's own directory; a copy goes elsewhere",
            dir.display()
        )));
    }
    durable::create_directory(dir).with_context(|| format!("cannot make {}", dir.display()))?;
    lock_copy(dir)
}

/// Keeps other processes from writing to a copy, as long as the file is open.
pub fn lock_copy(dir: &Path) -> Result<File, Failure> {
    let lock = File::open(dir).with_context(|| format!("cannot open {}", dir.display()))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(error) => Err(Failure::new(format!("cannot lock {}: {error}", dir.display()))
            .hint("another process may be writing this copy")),
    }
}

#[cfg(test)]
mod tests;

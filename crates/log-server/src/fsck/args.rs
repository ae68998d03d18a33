//! The arguments of `wheeltap-log fsck`, and what they mean.

use std::path::{Path, PathBuf};

use clap::{ArgGroup, Args};
use log_core::key::VerifierKey;
use log_core::rules::Genesis;
use log_io::args::Format;
use log_io::fetch::Http;
use log_io::key_file;
use log_io::outcome::Failure;
use log_io::session::Session;
use log_io::trust_file::TrustedLog;

use crate::data_dir::DataDir;
use crate::identity;
use crate::trust_args::{TrustArgs, file_url};

const AFTER_HELP: &str = "\
Exit codes:
   0  sound: every entry, tile, the root and every rule
   1  could not read everything: no verdict
   2  usage
  11  damaged: a hash, proof or signature is wrong; what is served is not what was signed
  12  sound, but the quorum of witnesses is not met or too old (with --trust)
  13  the log broke its promises in what it signed; evidence was written

Examples:
  wheeltap-log fsck --dir log
  wheeltap-log fsck --dir mirror --key log.pub --root root.key.pub
  wheeltap-log fsck --url https://log.example.org/ --trust trust.toml";

/// What to check.
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP, group = ArgGroup::new("where").required(true).multiple(true).args(["dir", "url", "trust"]))]
pub struct FsckArgs {
    /// A log's data directory, or a directory that is a copy of its public part
    #[arg(long, conflicts_with = "url")]
    dir: Option<PathBuf>,
    /// A log's URL [default: that of the trust file]
    #[arg(long)]
    url: Option<String>,
    /// Write again what follows from intact files; the log must not be running
    #[arg(long, requires = "dir")]
    pub repair: bool,
    /// Where replaced files are kept [default: DIR/private/damaged]
    #[arg(long, value_name = "DIR", requires = "repair")]
    keep: Option<PathBuf>,
    /// How to print what was found
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// How many bundles are read and hashed at once [default: one per processor]
    #[arg(long)]
    jobs: Option<usize>,
    #[command(flatten)]
    trust: TrustArgs,
}

/// What is to be checked.
#[derive(Debug)]
pub struct Target {
    /// How it is read, and whom to believe.
    pub session: Session,
    /// The data directory, when it is one.
    pub data: Option<DataDir>,
    /// The directory with the public part, when it is one.
    pub public: Option<PathBuf>,
    /// Where replaced files go.
    pub keep: Option<PathBuf>,
    /// Whether this process holds the data directory's lock.
    pub is_locked: bool,
    /// Whether to compare with what this machine has seen.
    pub remembers: bool,
    /// How many bundles are read at once.
    pub jobs: usize,
}

impl Target {
    /// Reads what the arguments name.
    pub fn new(args: &FsckArgs) -> Result<Self, Failure> {
        let data = args.dir.as_deref().filter(|dir| is_data_directory(dir)).map(DataDir::new);
        let public = data.as_ref().map(DataDir::public).or_else(|| args.dir.clone());
        let url = match &public {
            Some(public) => Some(file_url(public)?),
            None => args.url.clone(),
        };
        if args.trust.key.is_some() && args.trust.roots.is_empty() {
            return Err(Failure::usage("--key needs a --root: without root keys no rule can be checked"));
        }
        let log = match (args.trust.trusted_log(url.as_deref())?, &data, url) {
            (Some(log), _, _) => log,
            (None, Some(data), Some(url)) => own_log(data, &url)?,
            _ => return Err(Failure::usage("whom to believe? give --trust, or --key and --root")),
        };
        let keep = args.keep.clone().or_else(|| data.as_ref().map(DataDir::damaged));
        if args.repair && keep.is_none() {
            return Err(Failure::usage("--repair of a plain directory needs --keep"));
        }
        let session = Session::new(Http::new("wheeltap-log")?, log, &args.trust.state_directory()?)?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            session,
            is_locked: args.repair && data.is_some(),
            data,
            public,
            keep,
            remembers: args.trust.trust.is_some(),
            jobs: args.jobs.unwrap_or(cores).max(1),
        })
    }

    /// Whether a log was made here that must have a checkpoint.
    pub fn has_head(&self) -> bool {
        self.data.as_ref().is_some_and(|data| data.head().exists())
    }
}

fn is_data_directory(dir: &Path) -> bool {
    dir.join("public").is_dir() && dir.join("private").is_dir()
}

/// The log that a data directory says it is.
fn own_log(data: &DataDir, url: &str) -> Result<TrustedLog, Failure> {
    let hint = "or say whom to believe with --trust, or --key and --root";
    let own = |error: anyhow::Error| Failure::new(format!("{error:#}")).hint(hint);
    let key = key_file::load(&data.key()).map_err(own)?;
    let Genesis { log, roots } = identity::load(&data.config(), &key).map_err(own)?;
    let log: VerifierKey = log;
    Ok(TrustedLog::parse(&TrustedLog::to_text(url, &log, &roots)?)?)
}

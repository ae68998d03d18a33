//! `wheeltap verify`: a verdict on each file and each entry of a lock file, and an exit
//! code for the worst.
//!
//! | module | owns |
//! |---|---|
//! | `gather` | what is to be judged: files, directories, requirements, locks, environments |
//! | `told` | what the logs say about it: asked in one go, or read from saved proofs |
//! | `beside` | offline proofs beside the files |
//! | `judged` | what a verdict is called, means and asks for |
//! | `report` | how verdicts are printed |

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{ArgGroup, Args};
use log_core::artifact::ProjectName;
use log_io::args::{Format, LogArgs};
use log_io::outcome::{Failure, Outcome, note, print};
use log_io::{clock, durable};

use crate::cli;

mod beside;
mod gather;
mod judged;
mod report;
pub(super) mod told;

use judged::Rules;
pub(super) use judged::{reason, severity};
use report::Report;

/// Arguments of `wheeltap verify`.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).multiple(true)
        .args(["files", "requirements", "constraints", "locks", "reports", "environments"]),
    after_help = "\
Examples:
  wheeltap verify dist/                                every wheel and sdist below dist
  wheeltap verify -r requirements.txt -c upper-constraints.txt
  wheeltap verify --lock uv.lock --save-proofs proofs.json
  wheeltap verify --lock uv.lock --offline --proofs proofs.json
  pip install --dry-run --quiet --report - nova | wheeltap verify --report -

The log is asked once about everything; a log behind a static web server is read whole. An entry of a \
lock file is verified when EVERY file and hash that it permits is proven, since an installer takes any of \
them. One without a hash is called `version only` when its release is logged and not withdrawn: an \
installer may still take another file of that version. With --require-hashes that is a failure.

Offline, <file>.tlog-proof beside the file is checked: who logged it, not what else is logged; with \
--proofs, the saved answers: all that the log had then. Whether something was withdrawn since, or its key \
revoked, cannot be seen offline.

The exit code is that of the worst verdict:
   0  verified, version only, local  all of it; and what no log covers in lock files, unless the
                                     trust file says `uncovered = \"refuse\"`
  10  not logged / not covered       the log has no such file, hash or release
  11  other hash / revoked key /     the log has other bytes under this name, or what says so was
      disagrees                      signed after its key had ended; or an entry contradicts itself
  14  withdrawn                      the project withdrew the file
   1  no verdict / ambiguous         a file could not be read, the log not be reached, an entry
                                     has no sha256 or no version; or the name is a file of several
                                     projects: say which
  12, 13 as in `wheeltap --help`"
)]
pub struct VerifyArgs {
    /// The files, and directories with wheels and sdists in them
    files: Vec<PathBuf>,
    /// A requirements file, with all that it includes; repeat for several
    #[arg(short = 'r', long = "requirement", value_name = "FILE")]
    requirements: Vec<PathBuf>,
    /// A constraints file
    #[arg(short = 'c', long = "constraint", value_name = "FILE")]
    constraints: Vec<PathBuf>,
    /// A lock file: uv.lock, poetry.lock, pdm.lock, Pipfile.lock, pylock.toml
    #[arg(long = "lock", value_name = "FILE")]
    locks: Vec<PathBuf>,
    /// What `pip install --dry-run --report FILE` would install; - for stdin
    #[arg(long = "report", value_name = "FILE")]
    reports: Vec<PathBuf>,
    /// An environment, or a site-packages directory: the versions that are installed
    #[arg(long = "environment", value_name = "DIR")]
    environments: Vec<PathBuf>,
    /// The project, when it does not follow from the file names
    #[arg(long, value_parser = cli::project)]
    project: Option<ProjectName>,
    /// Do not let entries without a hash pass
    #[arg(long)]
    require_hashes: bool,
    /// Use no network, but the proof files beside the files, or --proofs
    #[arg(long)]
    offline: bool,
    /// The saved proofs to use offline
    #[arg(long, value_name = "FILE", requires = "offline")]
    proofs: Option<PathBuf>,
    /// Save what the logs answered, to repeat the verdicts offline
    #[arg(long, value_name = "FILE", conflicts_with = "offline")]
    save_proofs: Option<PathBuf>,
    /// How to print the verdicts
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    #[command(flatten)]
    log: LogArgs,
}

/// Verifies files and entries.
pub async fn run(args: &VerifyArgs) -> Outcome {
    let sessions = args.log.sessions("wheeltap")?;
    let now = clock::now();
    let gathered = gather::gather(args).await?;
    let rules = Rules { uncovered: sessions.uncovered, require_hashes: args.require_hashes };
    let report = if args.offline && args.proofs.is_none() {
        gather::only_files(&gathered)?;
        Report::beside(beside::judge(&gathered.files, &sessions))
    } else {
        let subjects = gathered.subjects();
        let told = match &args.proofs {
            Some(path) => told::from_proofs(path, &sessions, &subjects, now)?,
            None => told::ask(&sessions, &subjects, args.save_proofs.is_some(), now).await?,
        };
        let hints =
            if args.offline { Vec::new() } else { told.hints(&gathered.files, &sessions, now).await? };
        let report = Report::new(&gathered, &told, &hints, &sessions, rules, args.offline);
        if let Some(path) = &args.save_proofs {
            let bytes = told.into_proofs()?.to_bytes().map_err(Failure::new)?;
            durable::write(path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
            note(format_args!("the proofs are in {}", path.display()));
        }
        report
    };
    match args.format {
        Format::Text => report.print_text(),
        Format::Json => print(format_args!("{:#}", report.to_json())),
    }
    Ok(report.worst())
}

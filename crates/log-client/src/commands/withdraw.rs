//! `wheeltap withdraw`: takes files back. What was logged stays, and everybody who
//! verifies the files is told not to use them.
//!
//! The digests come from the log, proven, so that nothing else can be named than what is
//! logged. Safe to repeat.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use log_core::api::{LookupKey, ReceiptStatus};
use log_core::artifact::{FileName, ProjectName, Version};
use log_core::dsse::Envelope;
use log_core::statement::{Reason, Statement, Withdrawal, WithdrawnFile};
use log_io::args::LogArgs;
use log_io::outcome::{Exit, Failure, Outcome, note, print, shown};
use log_io::{clock, key_file, terminal};

use crate::logged_version::{LoggedFile, LoggedVersion};
use crate::submit::WaitArgs;
use crate::{cli, explain, facts, submit};

/// Arguments of `wheeltap withdraw`.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  wheeltap withdraw --key release.key --project nova --version 27.0.0 --all \\
    --reason compromised --text 'the build host was taken over, see OSSA-2026-001'
A withdrawal is for ever, and a withdrawn file name cannot be released again: whoever withdrew by
mistake releases a new version. The metadata of a wheel goes with it.")]
pub struct WithdrawArgs {
    /// The key file of a publisher who may withdraw
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The project
    #[arg(long, value_parser = cli::project)]
    project: ProjectName,
    /// The version
    #[arg(long, value_parser = cli::version)]
    version: Version,
    /// Why, for programs
    #[arg(long, value_parser = reason_parser())]
    reason: Reason,
    /// Why, for people: one line, which is shown to whoever verifies the files
    #[arg(long)]
    text: String,
    /// The names of the files
    #[arg(required_unless_present = "all")]
    files: Vec<PathBuf>,
    /// All files of the version that are logged
    #[arg(long, conflicts_with = "files")]
    all: bool,
    /// Withdraw without asking
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    wait: WaitArgs,
    #[command(flatten)]
    log: LogArgs,
}

/// Withdraws files.
pub async fn run(args: &WithdrawArgs) -> Outcome {
    let session = args.log.session_of("wheeltap", &[&args.project])?;
    let key = key_file::load(&args.key)?;
    let release =
        LookupKey::Release { project: args.project.clone(), version: args.version.clone(), from: 0 };
    let known = facts::ask(&session, &[release], clock::now()).await?;
    let logged = LoggedVersion::new(&known.facts, &args.project, &args.version);
    let files = chosen(args, &logged)?;
    let withdrawal = Withdrawal {
        project: args.project.clone(),
        version: args.version.clone(),
        files: files.iter().map(|logged| withdrawn(logged)).collect(),
        reason: args.reason,
        text: args.text.clone(),
    };
    let payload = withdrawal.to_payload();
    Statement::parse(&payload).map_err(|error| Failure::usage(error.to_string()))?;
    let mut envelope = Envelope::unsigned(payload);
    envelope.sign(&key);
    let is_logged = known.facts.withdrawals.iter().any(|other| other.statement == withdrawal);
    if !is_logged {
        // Better known before somebody is asked to confirm.
        explain::check_allowed(&session, &known, &envelope)?;
        show(args, &files);
        terminal::confirm("Withdraw these files for ever?", args.yes)?;
    }
    let (receipt, _) = submit::submit(&session, &envelope, &args.wait).await?;
    let again = if receipt.status == ReceiptStatus::AlreadyLogged { "was already" } else { "is" };
    note(format_args!(
        "the withdrawal of {} of {} {} {again} entry {}",
        if files.len() == 1 { "1 file".to_owned() } else { format!("{} files", files.len()) },
        args.project,
        args.version,
        receipt.index
    ));
    for file in &withdrawal.files {
        print(format_args!("{}  {}", file.sha256.to_hex(), file.name));
    }
    Ok(Exit::Ok)
}

/// The files that are meant, by name. With --all those that are withdrawn already are
/// among them, so that the same command always means the same statement.
fn chosen<'l>(args: &WithdrawArgs, logged: &'l LoggedVersion) -> Result<Vec<&'l LoggedFile>, Failure> {
    let of = format!("{} {}", args.project, args.version);
    if logged.files.is_empty() {
        return Err(Failure::with_exit(Exit::NotLogged, format!("nothing is logged of {of}"))
            .hint("check the spelling: `wheeltap lookup --project`"));
    }
    if args.all {
        return Ok(logged.files.values().filter(|logged| !logged.file.name.is_metadata()).collect());
    }
    let mut names = std::collections::BTreeSet::new();
    for path in &args.files {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name =
            FileName::parse(name).map_err(|error| Failure::usage(format!("{}: {error}", path.display())))?;
        if name.is_metadata() {
            return Err(Failure::usage(format!("{name}: name the wheel; its metadata goes with it")));
        }
        names.insert(name);
    }
    let find = |name: &FileName| {
        logged.files.get(name).ok_or_else(|| {
            Failure::with_exit(Exit::NotLogged, format!("{name} is not among the logged files of {of}"))
                .hint("check the spelling: `wheeltap lookup --project`")
        })
    };
    names.iter().map(find).collect()
}

fn withdrawn(logged: &LoggedFile) -> WithdrawnFile {
    WithdrawnFile { name: logged.file.name.clone(), sha256: logged.file.sha256 }
}

fn show(args: &WithdrawArgs, files: &[&LoggedFile]) {
    note(format_args!("to be withdrawn from {} {} ({}):", args.project, args.version, args.reason));
    for logged in files {
        let state = match &logged.withdrawn {
            Some(earlier) => format!("withdrawn already, by entry {}", earlier.index),
            None => format!("entry {}", logged.index),
        };
        note(format_args!("    {}  {}  ({state})", logged.file.sha256.to_hex(), logged.file.name));
    }
    note(format_args!("with the text: {}", shown(&args.text)));
}

fn reason_parser() -> impl clap::builder::TypedValueParser<Value = Reason> {
    PossibleValuesParser::new(Reason::ALL.map(Reason::as_str)).map(|word| {
        let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == word);
        // The parser lets no other word through.
        reason.unwrap_or(Reason::Mistake)
    })
}

//! Exit codes, errors that say what to do next, and printing.
//!
//! Data goes to stdout, everything else to stderr. Invariant: without a verdict
//! the exit code is never 0.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use log_core::trust_policy::TrustError;
use log_core::verdict::Distrust;

use crate::fetch::FetchError;
use crate::source::NoLog;
use crate::trust_file::Unusable;

/// Whether data could not be printed.
static PRINT_FAILED: AtomicBool = AtomicBool::new(false);

/// Whether nobody reads what is printed any more.
static CLOSED: AtomicBool = AtomicBool::new(false);

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// Verified, or done.
    Ok,
    /// Failed: there is no verdict.
    Failed,
    /// Wrong usage.
    Usage,
    /// The file is not in the log.
    NotLogged,
    /// A hash, proof or signature is wrong.
    Invalid,
    /// The quorum of witnesses is not met, its cosignatures are too old, or what answers is
    /// behind what was seen.
    Untrusted,
    /// The log misbehaved; evidence was written.
    Misbehaved,
    /// The project took the file back.
    Withdrawn,
    /// An audit, `doctor` or `monitor` found something.
    Findings,
    /// What another command that was run has ended with.
    Command(u8),
}

/// Why a command did not do what it was asked to.
#[derive(Debug, Clone)]
pub struct Failure {
    exit: Exit,
    cause: Cause,
    message: String,
    hint: Option<String>,
}

/// What a failure comes from, where somebody acts on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// What was asked does not answer, or not well.
    Unreachable,
    /// What answers does not show a checkpoint of the log that is trusted.
    NotTheLog,
    /// The clock of this machine or of a witness.
    Clock,
    /// A witness that contradicts itself, which may not be the log's fault.
    Witness,
    /// The state directory, which did not take the evidence.
    EvidenceNotKept,
    /// Anything else.
    Other,
}

/// What a command returns.
pub type Outcome = Result<Exit, Failure>;

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::NotLogged => 10,
            Self::Invalid => 11,
            Self::Untrusted => 12,
            Self::Misbehaved => 13,
            Self::Withdrawn => 14,
            Self::Findings => 20,
            Self::Command(code) => code,
        }
    }
}

impl Failure {
    /// An operational failure: no verdict.
    pub fn new(message: impl Into<String>) -> Self {
        Self::with_exit(Exit::Failed, message)
    }

    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::with_exit(Exit::Usage, message)
    }

    /// A failure with another exit code.
    pub fn with_exit(exit: Exit, message: impl Into<String>) -> Self {
        debug_assert_ne!(exit, Exit::Ok, "a failure is no success");
        Self { exit, cause: Cause::Other, message: message.into(), hint: None }
    }

    /// Adds what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says it in other words.
    #[must_use]
    pub fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    /// Says what it comes from.
    #[must_use]
    pub fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        self.exit
    }

    /// What it comes from.
    pub fn cause(&self) -> Cause {
        self.cause
    }

    /// What to do next.
    pub fn next_step(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        let fetch = error.chain().find_map(|cause| cause.downcast_ref::<FetchError>());
        let here = || error.chain().find_map(next_step_here);
        let hint = fetch.map(FetchError::next_step).or_else(here).map(str::to_owned);
        let is_away = fetch.is_some_and(FetchError::is_temporary);
        let cause = if is_away { Cause::Unreachable } else { Cause::Other };
        Self { cause, hint, ..Self::new(format!("{error:#}")) }
    }
}

/// What to do about a file or a disk of this machine.
fn next_step_here(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    match error.downcast_ref::<Unusable>() {
        Some(Unusable::Missing(_)) => {
            return Some("`wheeltap trust add` makes one; --trust names one that is elsewhere");
        }
        Some(Unusable::Damaged(..) | Unusable::DamagedAt(..)) => {
            return Some("mend what is named there, or get the file again from where it is from");
        }
        None => {}
    }
    if error.is::<NoLog>() {
        return Some("check the URL: it is the log's own, to which `checkpoint` is added");
    }
    match error.downcast_ref::<io::Error>()?.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("make room there, and run the command again")
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            Some("make it writable for this user, or name another place")
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::IsADirectory => {
            Some("something else is in its place: move that away, or name another place")
        }
        _ => None,
    }
}

/// What to do when the first policy is not that of the roots of the trust file.
const OTHER_ROOTS_HINT: &str = "compare the root keys in the trust file with those that the log's organisation \
                                publishes; if they are right, it is another log";

impl From<Distrust> for Failure {
    fn from(distrust: Distrust) -> Self {
        let (exit, hint) = match &distrust {
            Distrust::Checkpoint(TrustError::Checkpoint(_)) => {
                (Exit::Invalid, "check that the URL and the log key in the trust file are this log's")
            }
            Distrust::Checkpoint(TrustError::Quorum { .. }) => {
                (Exit::Untrusted, "try again in a few minutes; if it stays so, ask the log's operator")
            }
            Distrust::Stale { .. } => {
                (Exit::Untrusted, "check this machine's clock; else the log or its witnesses stand still")
            }
            Distrust::Future { .. } => {
                (Exit::Untrusted, "check this machine's clock; else ask the witnesses")
            }
            Distrust::Newer { .. } => {
                (Exit::Failed, "update wheeltap; until then there is no verdict on these files")
            }
            Distrust::OtherRoots => (Exit::Invalid, OTHER_ROOTS_HINT),
            Distrust::NotIncluded { .. } | Distrust::Incomplete { .. } | Distrust::Malformed(_) => {
                (Exit::Invalid, "do not use the files; what answered is not the log or is broken")
            }
            Distrust::Misbehaviour { .. } => (
                Exit::Misbehaved,
                "do not use the files; show the evidence to the witnesses and the operator",
            ),
        };
        let cause = match &distrust {
            Distrust::Checkpoint(TrustError::Checkpoint(_)) => Cause::NotTheLog,
            Distrust::Future { .. } => Cause::Clock,
            _ => Cause::Other,
        };
        Self { cause, ..Self::with_exit(exit, distrust.to_string()).hint(hint) }
    }
}

/// Reports how a command ended on stderr, and gives the process's exit code.
pub fn report(outcome: Outcome) -> ExitCode {
    match outcome {
        // What was to be printed may be cut: that is no success.
        Ok(Exit::Ok) if PRINT_FAILED.load(Ordering::Relaxed) => {
            note("error: cannot write to stdout");
            ExitCode::from(Exit::Failed.code())
        }
        Ok(exit) => ExitCode::from(exit.code()),
        Err(failure) => {
            // Messages may repeat what a server said.
            note(format_args!("error: {}", shown(&failure.to_string())));
            if let Some(hint) = &failure.hint {
                note(format_args!("hint: {}", shown(hint)));
            }
            ExitCode::from(failure.exit.code())
        }
    }
}

/// Prints a line of data on stdout. A closed pipe is not an error: the reader has
/// seen enough; any other failure makes [`report`] fail.
pub fn print(line: impl fmt::Display) {
    let mut stdout = io::stdout().lock();
    printed(writeln!(stdout, "{line}"));
}

fn printed(result: io::Result<()>) {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => CLOSED.store(true, Ordering::Relaxed),
        Err(_) => PRINT_FAILED.store(true, Ordering::Relaxed),
        Ok(()) => {}
    }
}

/// Whether all that was printed has arrived: for commands that go on from what they said.
pub fn all_is_printed() -> bool {
    printed(io::stdout().lock().flush());
    !PRINT_FAILED.load(Ordering::Relaxed) && !CLOSED.load(Ordering::Relaxed)
}

/// Prints a line for people on stderr.
pub fn note(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Overwrites the current line on stderr, when that is a terminal.
pub fn progress(line: impl fmt::Display) {
    let mut stderr = io::stderr().lock();
    if stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[2K{line}");
        let _ = stderr.flush();
    }
}

/// Text from outside, safe to show on a terminal: control characters escaped.
pub fn shown(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            let escaped = c.is_control().then(|| c.escape_default().collect::<String>());
            escaped.unwrap_or_else(|| c.to_string()).chars().collect::<Vec<_>>()
        })
        .collect()
}

//! Sending statements to the log, and checking what it says it did with them.
//!
//! A statement that is committed and not published yet is waited for: it is sent again,
//! which is harmless, until the log gives its proof or the caller's patience ends.

use std::time::Duration;

use clap::Args;
use log_core::api::{Committed, Problem, Receipt, STATEMENTS_PATH};
use log_core::dsse::Envelope;
use log_core::limits::MAX_PROOF_FILE_BYTES;
use log_core::proof_file::{Extra, ProofFile};
use log_core::verdict::{Distrust, check_proof_file};
use log_io::clock;
use log_io::fetch::FetchError;
use log_io::outcome::{Exit, Failure, progress};
use log_io::session::Session;
use log_io::source::LogSource;

use crate::cli;

pub mod batch;

/// Longest receipt: a proof file, and the entry once more.
const MAX_RECEIPT_BYTES: usize = 2 * MAX_PROOF_FILE_BYTES;

/// Between two requests for the same statement.
const PAUSE: Duration = Duration::from_secs(2);

/// Seconds to wait for witnesses, unless told otherwise.
const DEFAULT_WAIT: u64 = 60;

/// How long to wait for witnesses.
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// How long to wait for the witnesses' cosignatures, e.g. 90, 5m
    #[arg(long, value_name = "DURATION", default_value_t = DEFAULT_WAIT, value_parser = cli::duration)]
    pub wait: u64,
}

impl Default for WaitArgs {
    fn default() -> Self {
        Self { wait: DEFAULT_WAIT }
    }
}

/// Sends an envelope; gives the receipt and the proof in it, both verified, under a
/// checkpoint that is consistent with those seen before.
///
/// Safe to repeat: the log answers a statement that it has with the old index.
pub async fn submit(
    session: &Session,
    envelope: &Envelope,
    wait: &WaitArgs,
) -> Result<(Receipt, ProofFile), Failure> {
    let deadline = Deadline::after(wait);
    let receipt = loop {
        match send(session, envelope).await? {
            Sent::Published(receipt) => break receipt,
            Sent::Committed(Committed { index }) if deadline.has_passed() => return Err(not_cosigned(index)),
            Sent::Committed(Committed { index }) => pause(index).await,
        }
    };
    let malformed = |what: String| Failure::from(Distrust::Malformed(what));
    let file = ProofFile::parse(receipt.proof.as_bytes()).map_err(|error| malformed(error.to_string()))?;
    let checkpoint = session.accept(file.checkpoint.as_bytes(), clock::now()).await?;
    check_proof_file(&session.log.trust.genesis, &checkpoint, &file)
        .map_err(|distrust| session.misbehaviour(distrust))?;
    // The signatures may be other ones, when the statement was there already; what
    // is said must be the same.
    let logged = file.extra.as_deref().and_then(|extra| Extra::parse(extra).ok());
    let logged = logged.and_then(|extra| Envelope::parse_canonical(&extra.entry).ok());
    if receipt.index != file.index || logged.is_none_or(|logged| logged.payload() != envelope.payload()) {
        return Err(malformed("the proof is of another statement".to_owned()));
    }
    Ok((receipt, file))
}

enum Sent {
    Published(Receipt),
    Committed(Committed),
}

async fn send(session: &Session, envelope: &Envelope) -> Result<Sent, Failure> {
    let (http, url) = log_server(session)?;
    match http.post(&url, envelope.to_canonical(), MAX_RECEIPT_BYTES).await {
        Ok((status, answer)) => {
            let sent = if status.as_u16() == 202 {
                serde_json::from_slice(&answer).map(Sent::Committed)
            } else {
                serde_json::from_slice(&answer).map(Sent::Published)
            };
            sent.map_err(|error| Distrust::Malformed(format!("not a receipt: {error}")).into())
        }
        Err(error) => Err(not_taken(error)),
    }
}

/// Where statements are sent.
fn log_server(session: &Session) -> Result<(&log_io::fetch::Http, String), Failure> {
    match &session.source {
        LogSource::Url(http, url) => Ok((http, format!("{url}{STATEMENTS_PATH}"))),
        LogSource::Directory(_) => {
            Err(Failure::usage("statements are sent to a log server, not to a directory")
                .hint("give the log's http or https URL in the trust file"))
        }
    }
}

/// Why there is no good answer.
fn not_taken(error: FetchError) -> Failure {
    match error {
        FetchError::Status { problem: Some(problem), .. } => refused(&problem),
        error if matches!(error.status().map(|s| s.as_u16()), Some(404 | 405 | 501)) => {
            Failure::new(format!("statements cannot be sent there: {error}"))
                .hint("it serves the log for reading only; give the log server's own URL in the trust file")
        }
        error => Failure::new(error.to_string())
            .hint("send it again: a statement that was logged meanwhile is not logged twice"),
    }
}

/// What the log says against a statement, with the exit code that its kind has.
fn refused(problem: &Problem) -> Failure {
    if problem.status >= 500 {
        return Failure::new(format!("the log could not take the statement: {}", problem.detail))
            .hint(problem.next_step.clone());
    }
    let exit = match problem.kind.rsplit(':').next() {
        // Another digest is logged under the same name.
        Some("conflict") => Exit::Invalid,
        Some("withdrawn") => Exit::Withdrawn,
        _ => Exit::Failed,
    };
    let mut message = format!("the log refused the statement: {}", problem.detail);
    if let Some(earlier) = &problem.earlier {
        message = format!("{message} (entry {})", earlier.index);
    }
    Failure::with_exit(exit, message).hint(problem.next_step.clone())
}

/// When the caller's patience ends.
struct Deadline {
    at: u64,
}

impl Deadline {
    fn after(wait: &WaitArgs) -> Self {
        Self { at: clock::now().saturating_add(wait.wait) }
    }

    fn has_passed(&self) -> bool {
        clock::now() >= self.at
    }
}

/// Waits a little for a committed entry.
async fn pause(index: u64) {
    progress(format_args!("entry {index} is committed; waiting for the witnesses"));
    tokio::time::sleep(PAUSE).await;
    progress("");
}

fn not_cosigned(index: u64) -> Failure {
    let message = format!(
        "entry {index} is committed, and too few witnesses have cosigned the log with it yet, so there is no proof"
    );
    Failure::with_exit(Exit::Untrusted, message).hint(
        "nothing is lost: the entry will be published. Run the same command again in a few minutes; it gets \
         the proof and logs nothing twice. If it stays so, tell the log's operator",
    )
}

//! Sending statements to the log, and checking what it says it did with them.

use log_core::api::{Receipt, STATEMENTS_PATH};
use log_core::dsse::Envelope;
use log_core::limits::MAX_PROOF_FILE_BYTES;
use log_core::proof_file::{Extra, ProofFile};
use log_core::verdict::{Distrust, check_proof_file};
use log_io::fetch::FetchError;
use log_io::outcome::{Exit, Failure};
use log_io::session::Session;
use log_io::source::LogSource;

/// Longest receipt: a proof file, and the entry once more.
const MAX_RECEIPT_BYTES: usize = 2 * MAX_PROOF_FILE_BYTES;

/// Why a statement is not known to be logged.
#[derive(Debug)]
pub enum SubmitError {
    /// The log refuses this statement; another one may do.
    Refused(Failure),
    /// The log cannot be reached, takes nothing at the moment, or is not believed.
    Failed(Failure),
}

impl From<Failure> for SubmitError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<SubmitError> for Failure {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(failure) | SubmitError::Failed(failure) => failure,
        }
    }
}

/// Sends an envelope; gives the receipt and the proof in it, both verified.
///
/// Safe to repeat: the log answers a statement that it has with the old index.
pub async fn submit(
    session: &Session,
    envelope: &Envelope,
    now: u64,
) -> Result<(Receipt, ProofFile), SubmitError> {
    let receipt = send(session, envelope).await?;
    let malformed = |what: String| Failure::from(Distrust::Malformed(what));
    let file = ProofFile::parse(receipt.proof.as_bytes()).map_err(|error| malformed(error.to_string()))?;
    let checkpoint = session.log.trust.open(file.checkpoint.as_bytes(), now).map_err(Failure::from)?;
    check_proof_file(&session.log.trust.genesis, &checkpoint, &file)
        .map_err(|distrust| session.misbehaviour(distrust))?;
    // The signatures may be other ones, when the statement was there already; what
    // is said must be the same.
    let logged = file.extra.as_deref().and_then(|extra| Extra::parse(extra).ok());
    let logged = logged.and_then(|extra| Envelope::parse_canonical(&extra.entry).ok());
    if receipt.index != file.index || logged.is_none_or(|logged| logged.payload() != envelope.payload()) {
        return Err(malformed("the proof is of another statement".to_owned()).into());
    }
    Ok((receipt, file))
}

async fn send(session: &Session, envelope: &Envelope) -> Result<Receipt, SubmitError> {
    let LogSource::Url(http, url) = &session.source else {
        return Err(Failure::usage("statements are sent to a log server, not to a directory")
            .hint("give the log's http or https URL in the trust file")
            .into());
    };
    let url = format!("{url}{STATEMENTS_PATH}");
    match http.post(&url, envelope.to_canonical(), MAX_RECEIPT_BYTES).await {
        Ok((_, answer)) => serde_json::from_slice(&answer)
            .map_err(|error| Failure::from(Distrust::Malformed(format!("not a receipt: {error}"))).into()),
        Err(FetchError::Status { problem: Some(problem), status, .. }) if status.is_server_error() => {
            Err(Failure::new(format!("the log could not take the statement: {}", problem.detail))
                .hint(problem.next_step.clone())
                .into())
        }
        Err(FetchError::Status { problem: Some(problem), .. }) => {
            let mut message = format!("the log refused the statement: {}", problem.detail);
            // Another digest is logged under the same name.
            let conflict = problem.kind.ends_with(":conflict");
            let exit = if conflict { Exit::Invalid } else { Exit::Failed };
            if let Some(earlier) = &problem.earlier {
                message = format!("{message} (entry {})", earlier.index);
            }
            Err(SubmitError::Refused(Failure::with_exit(exit, message).hint(problem.next_step.clone())))
        }
        Err(error) if matches!(error.status().map(|s| s.as_u16()), Some(404 | 405 | 501)) => {
            Err(Failure::new(format!("statements cannot be sent there: {error}"))
                .hint("it serves the log for reading only; give the log server's own URL in the trust file")
                .into())
        }
        Err(error) => Err(Failure::new(error.to_string())
            .hint("send it again: a statement that was logged meanwhile is not logged twice")
            .into()),
    }
}

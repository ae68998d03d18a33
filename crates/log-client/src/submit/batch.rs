//! Sending many statements at once, as JSON lines.

use log_core::api::{JSON_LINES, ReceiptStatus};
use log_core::dsse::Envelope;
use log_core::limits::MAX_BATCH_ANSWER_BYTES;
use log_core::proof_file::ProofFile;
use log_core::verdict::batch::{BatchAnswer, BatchOutcome};
use log_core::verdict::{Distrust, check_batch};
use log_io::clock;
use log_io::outcome::Failure;
use log_io::session::Session;

use super::{Deadline, WaitArgs, log_server, not_cosigned, not_taken, pause, refused};

/// Statements in one request: at most 6.6 MB, and few enough that one request is
/// answered within a round or two.
pub const AT_ONCE: usize = 100;

/// A statement that is logged, with its verified proof.
#[derive(Debug)]
pub struct Published {
    /// Whether it was there already.
    pub status: ReceiptStatus,
    /// The proof.
    pub proof: ProofFile,
}

/// Sends at most [`AT_ONCE`] statements; gives what became of each, verified, under a
/// checkpoint that is consistent with those seen before. An error is about all of them.
pub async fn submit_batch(
    session: &Session,
    envelopes: &[Envelope],
    wait: &WaitArgs,
) -> Result<Vec<Result<Published, Failure>>, Failure> {
    let deadline = Deadline::after(wait);
    let mut results: Vec<Option<Result<Published, Failure>>> = envelopes.iter().map(|_| None).collect();
    loop {
        let waiting: Vec<usize> = (0..results.len()).filter(|i| results[*i].is_none()).collect();
        if waiting.is_empty() {
            return Ok(results.into_iter().flatten().collect());
        }
        let sent: Vec<Envelope> = waiting.iter().map(|i| envelopes[*i].clone()).collect();
        let answer = send(session, &sent).await?;
        let checkpoint = session.accept(answer.end.checkpoint.as_bytes(), clock::now()).await?;
        let checked = check_batch(&session.log.trust.genesis, &checkpoint, &sent, &answer)
            .map_err(|distrust| session.misbehaviour(distrust))?;
        let mut committed = None;
        for (i, outcome) in waiting.into_iter().zip(&checked.outcomes) {
            results[i] = match outcome {
                BatchOutcome::Logged { status, entry } => {
                    Some(Ok(Published { status: *status, proof: checked.proof_file(entry) }))
                }
                BatchOutcome::Problem(problem) => Some(Err(refused(problem))),
                BatchOutcome::Committed(index) if deadline.has_passed() => Some(Err(not_cosigned(*index))),
                BatchOutcome::Committed(index) => {
                    committed = Some(*index);
                    None
                }
            };
        }
        if let Some(index) = committed {
            pause(index).await;
        }
    }
}

async fn send(session: &Session, envelopes: &[Envelope]) -> Result<BatchAnswer, Failure> {
    let (http, url) = log_server(session)?;
    let lines: Vec<Vec<u8>> = envelopes.iter().map(Envelope::to_canonical).collect();
    let body = lines.join(&b'\n');
    match http.post_as(&url, JSON_LINES, body, MAX_BATCH_ANSWER_BYTES).await {
        Ok((_, answer)) => BatchAnswer::parse(&answer).map_err(|distrust: Distrust| distrust.into()),
        Err(error) => Err(not_taken(error)),
    }
}

//! What the answer to a submission counts as.

use log_core::api::{BatchLine, ReceiptStatus};
use log_core::rules::Refusal;

use crate::app::{AppError, Submitted};
use crate::metrics::labels::SubmissionOutcome;

/// Of one statement.
pub(super) fn of_submitted(answer: &Result<Submitted, AppError>) -> SubmissionOutcome {
    match answer {
        Ok(Submitted::Published(receipt)) => of_status(receipt.status),
        Ok(Submitted::Committed(_)) => SubmissionOutcome::Pending,
        Err(error) => of_error(error),
    }
}

/// Of one of several.
pub(super) fn of_line(answer: &Result<BatchLine, AppError>) -> SubmissionOutcome {
    match answer {
        Ok(BatchLine::Logged(receipt)) => of_status(receipt.status),
        Ok(BatchLine::Committed(_)) => SubmissionOutcome::Pending,
        Ok(BatchLine::Problem(_)) => SubmissionOutcome::Failed,
        Err(error) => of_error(error),
    }
}

fn of_status(status: ReceiptStatus) -> SubmissionOutcome {
    match status {
        ReceiptStatus::Logged => SubmissionOutcome::Logged,
        ReceiptStatus::AlreadyLogged => SubmissionOutcome::AlreadyLogged,
    }
}

fn of_error(error: &AppError) -> SubmissionOutcome {
    match error {
        AppError::Entry(_) | AppError::Request(_) => SubmissionOutcome::Malformed,
        AppError::Refused(Refusal::Conflict { .. }, _) => SubmissionOutcome::Conflict,
        AppError::Refused(..) => SubmissionOutcome::Forbidden,
        AppError::Busy(_) => SubmissionOutcome::Busy,
        AppError::Unavailable | AppError::NoPolicy => SubmissionOutcome::Unavailable,
        AppError::Internal(_) => SubmissionOutcome::Failed,
    }
}

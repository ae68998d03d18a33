//! Submissions, rounds, the tree, and its witnesses.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::labels::{SubmissionOutcome, Success, WitnessResult};
use super::{gauge, known, request_seconds};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: SubmissionOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: Success,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WitnessLabels {
    witness: String,
    result: WitnessResult,
}

metrics! {
    /// What the log does.
    pub struct LogMetrics {
        /// Statements that were answered, by what became of them.
        submissions: Family<OutcomeLabels, Counter> = "wheeltap_log_submissions",
            known(SubmissionOutcome::ALL.iter().map(|outcome| OutcomeLabels { outcome: *outcome }));
        /// Statements that would have given a logged file other bytes.
        attempted_overwrites: Counter = "wheeltap_log_attempted_overwrites", Counter::default();
        /// Rounds of the sequencer; after a failed one the log recovers.
        rounds: Family<ResultLabels, Counter> = "wheeltap_log_sequencing_rounds",
            known(Success::ALL.iter().map(|result| ResultLabels { result: *result }));
        /// Time of a round, from taking the pool to the published checkpoint.
        round_duration: Histogram = "wheeltap_log_sequencing_duration_seconds", request_seconds();
        /// New entries per round.
        round_entries: Histogram = "wheeltap_log_round_entries", Histogram::new(ENTRIES);
        /// Statements that wait for a round.
        pool_entries: Gauge = "wheeltap_log_pool_entries", Gauge::default();
        /// Entries that are committed.
        tree_size: Gauge = "wheeltap_log_tree_size", Gauge::default();
        /// Entries that are published.
        published_size: Gauge = "wheeltap_log_published_size", Gauge::default();
        /// Time of the published checkpoint or its newest cosignature, in POSIX seconds.
        checkpoint_timestamp: Gauge = "wheeltap_log_checkpoint_timestamp_seconds", Gauge::default();
        /// Whether the log takes no statements: 1 while it starts or recovers.
        unavailable: Gauge = "wheeltap_log_unavailable", Gauge::default();
        /// Requests to witnesses, by the witness's name in the policy and its answer.
        witness_requests: Family<WitnessLabels, Counter> = "wheeltap_log_witness_requests", Family::default();
        /// Time until the quorum of cosignatures was met.
        cosign_duration: Histogram = "wheeltap_log_cosign_duration_seconds", request_seconds();
        /// Partial tiles and bundles that were deleted since full ones are there.
        partial_tiles_deleted: Counter = "wheeltap_partial_tiles_deleted", Counter::default();
    }
}

/// Bounds of the buckets for entries per round.
const ENTRIES: [f64; 8] = [0.0, 1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 4_096.0];

impl LogMetrics {
    /// A submission was answered.
    pub fn submission(&self, outcome: SubmissionOutcome) {
        if outcome == SubmissionOutcome::Conflict {
            self.attempted_overwrites.inc();
        }
        self.submissions.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// A round has ended, with this many new entries.
    pub fn round(&self, result: Success, duration: Duration, entries: usize) {
        self.rounds.get_or_create(&ResultLabels { result }).inc();
        self.round_duration.observe(duration.as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a round has a few thousand entries")]
        self.round_entries.observe(entries as f64);
    }

    /// So many statements wait.
    pub fn set_pool_entries(&self, entries: usize) {
        self.pool_entries.set(gauge(entries as u64));
    }

    /// The tree of this size is committed.
    pub fn set_tree_size(&self, size: u64) {
        self.tree_size.set(gauge(size));
    }

    /// The tree of this size is published.
    pub fn set_published_size(&self, size: u64) {
        self.published_size.set(gauge(size));
    }

    /// A checkpoint of this time, or with a cosignature of this time, is published.
    pub fn set_checkpoint_timestamp(&self, time: u64) {
        self.checkpoint_timestamp.set(gauge(time));
    }

    /// Whether statements are taken.
    pub fn set_unavailable(&self, unavailable: bool) {
        self.unavailable.set(unavailable.into());
    }

    /// A witness was asked. Its name is that in the policy.
    pub fn witness(&self, witness: &str, result: WitnessResult) {
        let labels = WitnessLabels { witness: witness.to_owned(), result };
        self.witness_requests.get_or_create(&labels).inc();
    }

    /// The quorum was met after this time.
    pub fn cosigned(&self, duration: Duration) {
        self.cosign_duration.observe(duration.as_secs_f64());
    }

    /// So many partial tiles and bundles were deleted.
    pub fn partial_tiles_deleted(&self, number: u64) {
        self.partial_tiles_deleted.inc_by(number);
    }
}

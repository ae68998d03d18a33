//! The store's operations.

use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;

use super::labels::StoreOp;
use super::{known, operation_seconds};

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OpLabels {
    op: StoreOp,
}

metrics! {
    /// What the store does.
    pub struct StoreMetrics {
        /// Time of an operation of the store.
        op_duration: Family<OpLabels, Histogram> = "wheeltap_store_op_duration_seconds", durations();
        /// Operations of the store that failed.
        errors: Family<OpLabels, Counter> = "wheeltap_store_errors",
            known(StoreOp::ALL.iter().map(|op| OpLabels { op: *op }));
    }
}

impl StoreMetrics {
    /// An operation has ended.
    pub fn op(&self, op: StoreOp, duration: Duration, failed: bool) {
        let labels = OpLabels { op };
        self.op_duration.get_or_create(&labels).observe(duration.as_secs_f64());
        if failed {
            self.errors.get_or_create(&labels).inc();
        }
    }
}

fn durations() -> Family<OpLabels, Histogram> {
    let family = Family::new_with_constructor(operation_seconds as fn() -> Histogram);
    for op in StoreOp::ALL {
        drop(family.get_or_create(&OpLabels { op: *op }));
    }
    family
}

//! The witness: compares a package index with the log.
//!
//! ```text
//! cli ─► audit ─┬─► log_io::session   what the log says, verified
//!               ├─► simple_index      what the index says, parsed (pure)
//!               ├─► findings          where the two differ (pure)
//!               └─► report            text and JSON (pure)
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | arguments and help |
//! | [`audit`] | one pass: reads the log, asks the index, prints, exit code |
//! | [`findings`] | the decision: logged releases and a page → findings |
//! | [`report`] | how an audit is written |
//!
//! Invariant: nothing is said about the index that does not rest on a log that
//! was read whole and verified. Left out: cosigning checkpoints; anything that
//! needs the files themselves, since only metadata is asked for.

pub mod audit;
pub mod cli;
pub mod findings;
pub mod report;

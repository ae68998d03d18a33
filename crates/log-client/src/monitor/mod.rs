//! Following a log for somebody's projects: what is new, who signed it, and whether that
//! was them.
//!
//! ```text
//! checkpoint ─► read: new entries ─► report: what is said ─► delivered ─► place moves
//! ```
//!
//! Invariants: nothing is reported that was not proven to be in the signed tree; nothing is
//! skipped, since what was read begins where the place ends and ends in the signed root; what
//! was found is delivered at least once. An entry that cannot be read is one more thing to
//! report.

pub mod place;
pub mod read;
pub mod report;
pub mod webhook;

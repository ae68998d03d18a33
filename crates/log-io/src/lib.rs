//! What Wheeltap's binaries share of disk, network and terminal.
//!
//! Thin shells around `log-core`: no rule of the protocol is decided here.
//!
//! | module | owns |
//! |---|---|
//! | [`args`] | arguments that commands of several binaries share |
//! | [`clock`] | the one place that reads the time |
//! | [`durable`] | files that survive a crash: temp, fsync, rename, fsync of the directory |
//! | [`key_file`] | private keys on disk, 0600 or refused |
//! | [`fetch`] | all outgoing HTTP: time-outs, retries, size caps, user agent |
//! | [`index_client`] | asking a package index: conditional pages, streamed files, allowed hosts |
//! | [`source`] | a log to read from: a URL or a directory |
//! | [`session`] | a checkpoint that is trusted and consistent with the last one seen |
//! | [`sessions`] | the logs of a trust file, and which of them is asked about a project |
//! | [`trust_file`] | the trust file (TOML) |
//! | [`trust_edit`] | adding a log to its text, and taking one out |
//! | [`state`] | last seen checkpoints and evidence on disk |
//! | [`process`] | how each binary starts and ends |
//! | [`outcome`] | exit codes, errors with a next step, and printing |
//! | [`terminal`] | asking the person at it |

pub mod args;
pub mod clock;
pub mod durable;
pub mod fetch;
pub mod index_client;
pub mod key_file;
pub mod outcome;
pub mod process;
pub mod session;
pub mod sessions;
pub mod source;
pub mod state;
pub mod terminal;
pub mod trust_edit;
pub mod trust_file;

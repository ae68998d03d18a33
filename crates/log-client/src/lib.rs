//! The client: appends statements and verifies files against the log.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | all arguments; one enum, one line per command |
//! | [`commands`] | one file per command: arguments → session → printing |
//! | [`files`] | files on disk as subjects: digests in parallel, project from the name |
//! | [`facts`] | what the log says about some files, by look-up or by reading it whole |
//! | [`submit`] | sending statements and checking what the log says it did |
//! | [`wheel`] | the metadata inside a wheel |
//! | [`offline_index`] | a small package index on loopback, for demonstrations |
//!
//! The decisions are in `log_core::verdict`; nothing here judges a file.

pub mod cli;
pub mod commands;
pub mod facts;
pub mod files;
pub mod offline_index;
pub mod submit;
pub mod wheel;

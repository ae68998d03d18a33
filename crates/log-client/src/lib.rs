//! The client: appends statements and verifies files against the log.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | all arguments; one enum, one line per command |
//! | [`commands`] | one file per command: arguments → session → printing |
//! | [`files`] | files on disk as subjects: digests in parallel, project from the name |
//! | [`facts`] | what the log says about some files, by look-up or by reading it whole |
//! | [`logged_version`] | what is logged of a version, and what the next statement must have |
//! | [`policy_edit`] | the next version of a policy from the newest one |
//! | [`submit`] | sending statements and checking what the log says it did |
//! | [`explain`] | what a refusal means, and what to do next |
//! | [`wheel`] | the metadata inside a wheel |
//! | `bench` | load, every answer to which is verified |
//! | [`offline_index`] | a small package index on loopback, for demonstrations |
//!
//! The decisions are in `log_core::verdict`; nothing here judges a file.

mod bench;
pub mod cli;
pub mod commands;
pub mod explain;
pub mod facts;
pub mod files;
pub mod logged_version;
pub mod offline_index;
pub mod policy_edit;
pub mod submit;
pub mod wheel;

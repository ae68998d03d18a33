//! The client: appends statements and verifies files against the log.
//!
//! | module | owns |
//! |---|---|
//! | [`cli`] | all arguments; one enum, one line per command |
//! | [`commands`] | one file per command: arguments → session → printing |
//! | [`files`] | files on disk as subjects: digests in parallel, project from the name |
//! | [`facts`] | what the log says about some files, by look-up or by reading it whole |
//! | [`locks`] | requirements, lock files and plans, and the verdict on what they want |
//! | [`logged_version`] | what is logged of a version, and what the next statement must have |
//! | [`environment`] | what is installed in an environment |
//! | [`policy_edit`] | the next version of a policy from the newest one |
//! | [`proxy`] | a verifying package index in front of another one |
//! | [`proofs`] | answers of logs in a file, with which verdicts are repeated offline |
//! | [`requirement_files`] | requirements with the files that they include |
//! | [`doctor`] | what bypasses the proxy |
//! | [`run`] | pointing the tools of one command at the proxy |
//! | [`scratch`] | directories of one process each, which go with it |
//! | [`monitor`] | what is new in a log, for somebody's projects |
//! | [`submit`] | sending statements and checking what the log says it did |
//! | [`explain`] | what a refusal means, and what to do next |
//! | [`wheel`] | the metadata inside a wheel |
//! | `bench` | load, every answer to which is verified |
//! | [`offline_index`] | a small package index on loopback, for demonstrations |
//!
//! The decisions are in `log_core::verdict`; nothing here judges a file
//! but by them.

mod bench;
pub mod cli;
pub mod commands;
pub mod doctor;
pub mod environment;
pub mod explain;
pub mod facts;
pub mod files;
pub mod installed_files;
pub mod locks;
pub mod logged_version;
pub mod monitor;
pub mod offline_index;
pub mod policy_edit;
pub mod proofs;
pub mod proxy;
pub mod requirement_files;
pub mod run;
pub mod scratch;
pub mod submit;
pub mod wheel;

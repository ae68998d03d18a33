//! The log: takes statements, sequences, publishes and serves them.
//!
//! ```text
//! http ─► app ─► pool ─► sequencer ─► batch (pure), store, view
//!          └───► reader (proofs from published tiles)
//! ```
//!
//! | module | owns |
//! |---|---|
//! | [`batch`] | pure: a tree's tail and new entries → objects to write, new tail |
//! | [`sequencer`] | the single writer: one round from pool to receipts |
//! | [`recover`] | from what a crash left to a state that can go on; also every start |
//! | [`admission`] | pure: which statements of a pool become entries |
//! | [`pool`] | statements that wait, and their answers |
//! | [`view`] | sled: everything that can be derived from the log |
//! | [`reader`] | entries and inclusion proofs from published tiles |
//! | [`store`] | the two storage traits, their promises, and the back ends |
//! | [`head`], [`staging`] | the two records of state |
//! | [`data_dir`], [`config`] | what is where on disk |
//! | [`app`], [`http`], [`listen`] | the server |
//!
//! Invariants: only the sequencer writes; nothing is acknowledged before it is
//! durable and published; the view can be deleted at any time.

pub mod admission;
pub mod app;
pub mod batch;
pub mod cli;
pub mod config;
pub mod data_dir;
pub mod head;
pub mod http;
pub mod init;
pub mod listen;
pub mod pool;
pub mod reader;
pub mod recover;
pub mod sequencer;
pub mod serve;
pub mod staging;
pub mod store;
pub mod view;

#[cfg(test)]
mod testing;

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
//! | [`cosign`] | asking the witnesses |
//! | [`guard`] | the refusal to sign on an old copy of the log |
//! | [`pool`] | statements that wait, and their answers |
//! | [`view`], [`index`] | everything that can be derived from the log; the verifiable index |
//! | [`bring_up`] | the view, brought up to the log from whatever it is of |
//! | [`known`] | what the writer asks of the log, from the view and the entries |
//! | [`reader`] | entries and inclusion proofs from tiles |
//! | [`published`] | the newest published tree, as requests see it |
//! | [`answers`] | receipts and look-ups with their proofs |
//! | [`store`] | the two storage traits, their promises, and the back ends |
//! | [`head`], [`staging`] | the two records of state |
//! | [`cli`], [`init`], [`trust_args`] | arguments; making a log; whom `fsck` and `mirror` believe |
//! | [`data_dir`], [`identity`] | what is where on disk; what the log was born with |
//! | [`config`] | how it is served: the one TOML file |
//! | [`app`], [`http`], [`listen`], [`tls`], [`serve`], [`signals`] | the server |
//! | [`client_address`], [`rate_limit`] | pure: who asks, and how often they may |
//! | [`health`], [`metrics`] | what its operator sees |
//! | [`collect`] | deletes partial tiles that nobody needs any more |
//! | [`maintenance`] | `gc` and `reindex` |
//! | [`mirror`] | copies a log for a static web server |
//! | [`fsck`] | checks a whole log, and mends what is derivable |
//!
//! Invariants: only the sequencer writes; nothing is acknowledged before it is
//! durable and published; the view can be deleted at any time.

pub mod admission;
pub mod answers;
pub mod app;
pub mod batch;
pub mod bring_up;
pub mod cli;
pub mod client_address;
pub mod collect;
pub mod config;
pub mod cosign;
pub mod data_dir;
pub mod fsck;
pub mod guard;
pub mod head;
pub mod health;
pub mod http;
pub mod identity;
pub mod index;
pub mod init;
pub mod known;
pub mod listen;
pub mod maintenance;
pub mod metrics;
pub mod mirror;
pub mod pool;
pub mod published;
pub mod rate_limit;
pub mod reader;
pub mod recover;
pub mod sequencer;
pub mod serve;
pub mod signals;
pub mod staging;
pub mod store;
pub mod tls;
pub mod trust_args;
pub mod view;

#[cfg(test)]
mod testing;

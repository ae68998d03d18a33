//! One command behind a proxy of its own: what `wheeltap run` changes for it.
//!
//! | module | owns |
//! |---|---|
//! | [`arguments`] | what pip's or uv's own arguments name; pure |
//! | [`environment`] | which variables point which tool at the proxy; pure |
//! | [`place`] | the run's directory: caches, and the way into poetry |
//! | [`child`] | signals and the exit code |
//! | [`uv_lock`] | the addresses in a lock that the command made |

pub mod arguments;
pub mod child;
pub mod environment;
pub mod place;
pub mod uv_lock;

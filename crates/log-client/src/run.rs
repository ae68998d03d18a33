//! One command behind a proxy of its own: what `wheeltap run` changes for it.
//!
//! | module | owns |
//! |---|---|
//! | [`environment`] | which variables point which tool at the proxy; pure |
//! | [`place`] | the run's directory: caches, and the way into poetry |
//! | [`child`] | signals and the exit code |

pub mod child;
pub mod environment;
pub mod place;

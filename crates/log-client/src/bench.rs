//! Load for a log or a proxy, every answer to which is verified.
//!
//! A run is a plan of requests, made and signed before the clock starts. It is sent in
//! legs: while the clock runs, answers are only kept; when a leg ends, because
//! the plan or the time is over or enough is kept, they are verified with the
//! clock stopped. So the figures are the server's, and none of them rests on an answer
//! that nobody looked at.
//!
//! | module | owns |
//! |---|---|
//! | [`statements`] | releases and their envelopes, a function of seed and number |
//! | [`plan`] | what is sent: appends, look-ups, tiles, and mixtures |
//! | [`batch`], [`tiles`] | many statements in one request; what tiles must be |
//! | [`http`] | one keep-alive connection |
//! | [`echo`], [`parallel`] | the least that an HTTP server can do; work on all processors |
//! | [`drive`] | one leg, in a closed loop or on a schedule |
//! | [`judge`] | whether the answers are right |
//! | [`run`] | legs and verification, in turn |
//! | [`ceiling`] | what this machine could do at best |
//! | [`latency`], [`measure`] | quantiles; clock and processor time |
//! | [`report`] | tables and JSON |
//! | [`own_log`], [`process`] | a log of its own, and its process |
//! | [`local`] | the standard set of measurements of such a log |
//! | [`proxy`] | `wheeltap proxy` before an index, compared with the index alone |

pub(crate) mod batch;
pub(crate) mod ceiling;
pub(crate) mod drive;
pub(crate) mod echo;
pub(crate) mod http;
pub(crate) mod judge;
pub(crate) mod latency;
pub(crate) mod local;
pub(crate) mod measure;
pub(crate) mod own_log;
pub(crate) mod parallel;
pub(crate) mod plan;
pub(crate) mod process;
pub(crate) mod proxy;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod statements;
pub(crate) mod tiles;

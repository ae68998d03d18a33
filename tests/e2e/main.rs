//! End-to-end tests: real binaries, real processes, real foreign tools.
//!
//! A test that needs a tool that is missing says SKIPPED on stderr;
//! `WHEELTAP_REQUIRE=all` turns that into a failure.

mod append;
mod bench;
mod cli;
mod crash;
mod demo;
mod evil;
mod fork;
mod fsck;
mod go;
mod harness;
mod lifecycle;
mod maintenance;
mod mirror;
mod refusals;
mod schemathesis;
mod static_server;
mod stub;
mod systemd;
mod tidy;
mod witness;

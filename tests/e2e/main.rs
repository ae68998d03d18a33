//! End-to-end tests: real binaries, real processes, real foreign tools.
//!
//! A test that needs a tool that is missing says SKIPPED on stderr;
//! `WHEELTAP_REQUIRE=all` turns that into a failure.

mod append;
mod cli;
mod crash;
mod demo;
mod fork;
mod go;
mod harness;
mod refusals;
mod static_server;
mod tidy;

//! End-to-end tests: real binaries, real processes, real foreign tools.
//!
//! A test that needs a tool that is missing says SKIPPED on stderr;
//! `WHEELTAP_REQUIRE=all` turns that into a failure.

mod append;
mod behaviour;
mod bench;
mod ci_page;
mod cli;
mod clients;
mod crash;
mod demo;
mod environment;
mod evil;
mod fork;
mod fsck;
mod go;
mod harness;
mod hostile;
mod lifecycle;
mod locks;
mod maintenance;
mod mirror;
mod monitor;
mod proxy;
mod proxy_credentials;
mod quickstart;
mod refusals;
mod run;
mod run_tools;
mod run_uv_lock;
mod schemathesis;
mod static_server;
mod stub;
mod stub_witness;
mod systemd;
mod tidy;
mod tools;
mod trust;
mod upstreams;
mod ways_round;
mod witness;

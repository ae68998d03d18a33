//! A package index on this machine, for demonstrations and tests.
//!
//! Real clients (`pip`, `uv`) install from it, and no network is needed.
//!
//! Invariant: what it serves is a function of the packages it was given: same
//! packages, same bytes.
//!
//! Left out: uploads over HTTP, authentication, and everything else that only an
//! index for the public needs.
//!
//! Specification: PEP 503, PEP 658, PEP 691, PEP 700.

mod packages;
mod server;

pub use packages::{Package, Recipe, build};
pub use server::OfflineIndex;

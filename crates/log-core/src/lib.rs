//! The pure protocol of Wheeltap: bytes, hashes, proofs and rules.
//!
//! Nothing here does I/O, reads a clock, or draws randomness: every function is
//! a function of its arguments. The formats are those of the C2SP tile-log
//! ecosystem; `docs/protocol.md` is the profile.
//!
//! | to learn | read, in this order |
//! |---|---|
//! | the tree | [`hash`], [`tile`], [`tile_tree`], [`edge`], [`inclusion`], [`consistency`], [`proof`] |
//! | what is signed | [`key`], [`note`], [`checkpoint`], [`cosignature`], [`trust_policy`] |
//! | what is logged | [`artifact`], [`dsse`], [`statement`], [`policy`], [`timeline`], [`commitment`], [`index`], [`prefix_map`], [`map_proof`], [`entry`] |
//! | what others say | [`simple_index`] |
//! | what is decided | [`rules`], [`follow`], [`history`], [`basis`], [`verdict`], [`evidence`] |
//! | what travels | [`bundle`], [`proof_file`], [`api`], [`witness_api`], [`limits`] |
//! | what people read | [`times`] |
//!
//! Invariant: untrusted bytes are bounded (`limits`), parsed into types that
//! cannot be wrong, and have one accepted spelling. Making a proof and verifying
//! one are separate modules, and only `proof` decides.

#![warn(missing_docs)]

pub mod api;
pub mod artifact;
pub mod basis;
pub mod bundle;
pub mod checkpoint;
pub mod commitment;
pub mod consistency;
pub mod cosignature;
pub mod dsse;
pub mod edge;
pub mod entry;
pub mod evidence;
pub mod follow;
pub mod hash;
pub mod history;
pub mod inclusion;
pub mod index;
pub mod key;
pub mod limits;
pub mod map_proof;
pub mod note;
pub mod policy;
pub mod prefix_map;
pub mod proof;
pub mod proof_file;
pub mod rules;
pub mod simple_index;
pub mod statement;
pub mod tile;
pub mod tile_tree;
pub mod timeline;
pub mod times;
pub mod trust_policy;
pub mod verdict;
pub mod witness_api;

#[cfg(feature = "openapi")]
mod openapi;
#[cfg(test)]
mod reference;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[cfg(any(test, feature = "testing"))]
mod toy;
#[cfg(test)]
mod vectors;

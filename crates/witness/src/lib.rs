//! The witness: compares a package index with the log.

//! The log: takes statements, sequences, publishes and serves them.

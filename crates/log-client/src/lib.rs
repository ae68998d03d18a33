//! The client: appends statements and verifies files against the log.

//! Policy files: a DSSE envelope, perhaps without enough signatures yet; and the
//! policies that they are compared with.

use std::path::Path;

use anyhow::Context as _;
use log_core::dsse::Envelope;
use log_core::entry::SignedStatement;
use log_core::limits::MAX_SUBMISSION_BYTES;
use log_core::policy::Policy;
use log_core::statement::{PolicyStatement, Statement};
use log_io::args::LogArgs;
use log_io::outcome::Failure;
use log_io::{clock, durable};

use crate::facts::{self, Known};

/// A policy file.
#[derive(Debug, Clone)]
pub(super) struct PolicyFile {
    pub(super) signed: SignedStatement,
    pub(super) statement: PolicyStatement,
}

impl PolicyFile {
    pub(super) fn policy(&self) -> &Policy {
        &self.statement.policy
    }
}

/// Reads a policy file.
pub(super) fn read(file: &Path) -> Result<PolicyFile, Failure> {
    let bytes = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    if bytes.len() > MAX_SUBMISSION_BYTES {
        return Err(Failure::usage(format!("{} is too long for a policy", file.display())));
    }
    let envelope = Envelope::parse(&bytes).map_err(|error| format!("{}: {error}", file.display()));
    let signed = envelope.and_then(|envelope| {
        SignedStatement::new(envelope).map_err(|error| format!("{}: {error}", file.display()))
    });
    let signed = signed.map_err(Failure::usage)?;
    let Statement::Policy(statement) = &signed.statement else {
        return Err(Failure::usage(format!("{} holds no policy", file.display())));
    };
    Ok(PolicyFile { statement: statement.clone(), signed })
}

/// Writes a policy file.
pub(super) fn write(file: &Path, envelope: &Envelope) -> Result<(), Failure> {
    let mut bytes = envelope.to_canonical();
    bytes.push(b'\n');
    durable::write(file, &bytes)
        .map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))
}

/// Writes a new policy, unsigned.
pub(super) fn write_new(file: &Path, statement: &PolicyStatement) -> Result<(), Failure> {
    let payload = statement.to_payload();
    // What cannot be read back was never a policy.
    Statement::parse(&payload).map_err(|error| Failure::usage(error.to_string()))?;
    if file.exists() {
        return Err(Failure::usage(format!("{} exists", file.display())));
    }
    write(file, &Envelope::unsigned(payload))
}

/// The policies of the log in the trust file; a failure when it has none.
pub(super) async fn logged(log: &LogArgs) -> Result<Known, Failure> {
    let session = log.session("wheeltap")?;
    facts::policies(&session, clock::now()).await?.ok_or_else(|| {
        Failure::new("the log has no policy yet")
            .hint("make the first one: `wheeltap policy init`, `sign`, `submit`")
    })
}

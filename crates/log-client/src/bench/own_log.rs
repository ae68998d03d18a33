//! A log of the bench's own, in a process of its own, whose policy lets one key publish
//! `bench-*` and covers that.

use std::path::Path;

use log_core::dsse::Envelope;
use log_core::key::{KeyName, SignerKey};
use log_core::policy::{Coverage, Pattern, Policy, Publisher, PublisherKey, Roots};
use log_core::statement::PolicyStatement;
use log_io::fetch::Http;
use log_io::key_file;
use log_io::outcome::Failure;
use log_io::session::Session;
use log_io::trust_file::TrustedLog;

use super::process::LogProcess;
use crate::submit::{self, WaitArgs};

/// The log, and what is needed to use it.
#[derive(Debug)]
pub(crate) struct OwnLog {
    /// The server.
    pub(crate) process: LogProcess,
    /// A session with it; its state is in `state` below the directory.
    pub(crate) session: Session,
    /// The text of a trust file.
    pub(crate) trust: String,
    /// The key that may publish.
    pub(crate) team: SignerKey,
}

impl OwnLog {
    /// Makes the log in `log` below a directory, and starts it.
    pub(crate) async fn start(directory: &Path) -> Result<Self, Failure> {
        let key = |name: &str| key_file::generate(KeyName::parse(name)?);
        let (root, team) = (key("root.bench.example")?, key("team.bench.example")?);
        let (mut process, log_key) = LogProcess::make(&directory.join("log"), root.public())?;
        let (url, _) = process.start()?;
        let roots = Roots::new(1, vec![root.public().clone()]).map_err(anyhow::Error::from)?;
        let trust = TrustedLog::to_text(&url, &log_key, &roots)?;
        let session =
            Session::new(Http::new("wheeltap")?, TrustedLog::parse(&trust)?, &directory.join("state"))?;
        let pattern = || Pattern::parse("bench-*").map_err(anyhow::Error::msg);
        let publisher = Publisher {
            name: "bench".to_owned(),
            keys: vec![PublisherKey::always(team.public().clone())],
            projects: vec![pattern()?],
            withdraw: false,
        };
        let projects = vec![Coverage::all(pattern()?)];
        let policy = Policy { version: 1, roots, cool_down: 0, publishers: vec![publisher], projects };
        let mut envelope = Envelope::unsigned(PolicyStatement::new(&log_key, policy).to_payload());
        envelope.sign(&root);
        submit::submit(&session, &envelope, &WaitArgs::default()).await?;
        Ok(Self { process, session, trust, team })
    }

    /// Logs a statement of the team's.
    pub(crate) async fn append(&self, payload: Vec<u8>) -> Result<(), Failure> {
        let mut envelope = Envelope::unsigned(payload);
        envelope.sign(&self.team);
        submit::submit(&self.session, &envelope, &WaitArgs::default()).await.map(drop)
    }
}

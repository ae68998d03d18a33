//! Sessions with all logs of a trust file, and which of them is asked about a project.

use std::path::Path;

use log_core::artifact::ProjectName;

use crate::fetch::Http;
use crate::session::Session;
use crate::trust_file::{TrustFile, Uncovered};

/// The logs that are talked to.
#[derive(Debug, Clone)]
pub struct Sessions {
    all: Vec<Session>,
    /// What becomes of projects that no log covers.
    pub uncovered: Uncovered,
    /// For how many seconds files are handed out without a verdict; see
    /// [`TrustFile::grace`].
    pub grace: u64,
}

impl Sessions {
    /// A session with each log of a trust file. Nothing is asked yet.
    pub fn new(http: &Http, trust: TrustFile, state: &Path) -> anyhow::Result<Self> {
        let session = |log| Session::new(http.clone(), log, state);
        let all = trust.logs.into_iter().map(session).collect::<Result<_, _>>()?;
        Ok(Self { all, uncovered: trust.uncovered, grace: trust.grace })
    }

    /// The one that is asked about a project: the first that has it.
    pub fn of(&self, project: &ProjectName) -> Option<&Session> {
        self.all.iter().find(|session| session.log.is_asked_about(project))
    }

    /// All of them, in the order of the trust file.
    pub fn all(&self) -> &[Session] {
        &self.all
    }
}

//! How far a log was read: what is needed to go on there, and to prove that nothing
//! between was left out.
//!
//! ```text
//! <state>/monitor/<name>.json
//! ```
//!
//! The root is that of the tree up to the place, as it was proven. On the way on the edge of
//! that tree is read again from the log's tiles and must have this root; so no entry before
//! it can have changed, and none after it can be skipped.
//!
//! Invariant: it moves only after what was found was delivered, and the evidence, where the
//! log broke a rule, was kept.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use log_core::commitment::IndexCommitment;
use log_core::edge::Edge;
use log_core::follow::Follower;
use log_core::hash::{Hash, digest};
use log_core::policy::Policy;
use log_core::rules::Genesis;
use log_core::timeline::{Moment, Timeline};
use log_io::durable;
use log_io::outcome::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The number of the file's form.
const SCHEMA: u32 = 1;

/// How far a log was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    schema: u32,
    /// The log.
    pub origin: String,
    /// How many entries were read.
    pub size: u64,
    root: String,
    commitment: String,
    policies: Vec<SavedPolicy>,
}

/// A policy, as it was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedPolicy {
    index: u64,
    time: Option<u64>,
    policy: Value,
}

impl Place {
    /// Where a reader is, which has come to a commitment; `None` at the beginning.
    pub fn of(origin: &str, follower: &Follower) -> anyhow::Result<Option<Self>> {
        let Some(commitment) = follower.commitment().filter(|_| follower.ends_in_commitment()) else {
            return Ok(None);
        };
        let saved = |dated: &log_core::timeline::DatedPolicy| {
            let policy = serde_json::to_value(dated.policy.to_document())?;
            Ok(SavedPolicy { index: dated.index, time: dated.time, policy })
        };
        let policies = follower.timeline().policies().iter().map(saved).collect::<anyhow::Result<_>>()?;
        Ok(Some(Self {
            schema: SCHEMA,
            origin: origin.to_owned(),
            size: follower.size(),
            root: follower.root().to_hex(),
            commitment: commitment.to_string(),
            policies,
        }))
    }

    /// A reader that goes on here, from the edge of the tree as the log has it.
    pub fn follower(&self, genesis: Genesis, edge: Edge) -> anyhow::Result<Follower> {
        ensure!(edge.size() == self.size, "the edge is of another size");
        let root = Hash::parse_hex(&self.root).context("its root is none")?;
        if edge.root() != root {
            bail!("the log's tiles do not lead to the root that was read at size {}", self.size);
        }
        let mut timeline = Timeline::default();
        for saved in &self.policies {
            let text = saved.policy.to_string();
            let policy = Policy::parse(&text).context("a policy in it is none")?;
            let at = Moment { index: saved.index, time: saved.time };
            ensure!(timeline.push(at, text.len(), policy).is_ok(), "it has too many policies");
        }
        let commitment = IndexCommitment::parse(&self.commitment).context("its commitment is none")?;
        Ok(Follower::resume(genesis, edge, timeline, commitment))
    }

    /// The file of what is watched, by its name.
    pub fn path(state: &Path, origin: &str, watched: &[String]) -> PathBuf {
        let name = digest(&[origin.as_bytes(), b"\0", watched.join("\n").as_bytes()]).to_hex();
        state.join("monitor").join(format!("{}.json", &name[..32]))
    }

    /// Reads a place; `None` when there is none yet.
    pub fn load(path: &Path, origin: &str) -> Result<Option<Self>, Failure> {
        let read = durable::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let Some(bytes) = read else { return Ok(None) };
        let unusable = |what: String| {
            Failure::new(format!("how far the log was read is not known: {} {what}", path.display()))
                .hint("move that file away: the log is then read, and reported, from its beginning")
        };
        match serde_json::from_slice::<Self>(&bytes) {
            Err(error) => Err(unusable(format!("is damaged: {error}"))),
            Ok(place) if place.schema != SCHEMA => {
                Err(unusable("is of another version of this program".to_owned()))
            }
            Ok(place) if place.origin != origin => Err(unusable(format!("is of the log {}", place.origin))),
            Ok(place) => Ok(Some(place)),
        }
    }

    /// Remembers it.
    pub fn save(&self, path: &Path) -> anyhow::Result<()> {
        let bytes = serde_json::to_vec_pretty(self)?;
        let write = || {
            let _lock = path.parent().map(durable::lock_directory).transpose()?;
            durable::write(path, &bytes)
        };
        write().with_context(|| format!("cannot write {}", path.display()))
    }
}

//! A session with a log: a checkpoint that is trusted, and consistent with every
//! one this machine has seen before.
//!
//! The order: open the checkpoint (signature, quorum, age), prove it consistent
//! with the last one seen, remember it, and only then use it. An older checkpoint
//! than the last one seen is legal (a cache) for a few minutes, when it is proven to be a
//! prefix of it; the memory then stays where it is. Two that are not prefixes of one
//! another are a fork, and an older one that a witness has cosigned later is a rollback:
//! evidence is kept and nothing is believed.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, anyhow, ensure};
use futures_util::{StreamExt as _, stream};
use log_core::checkpoint::{CheckpointError, OpenCheckpoint};
use log_core::consistency;
use log_core::edge::Edge;
use log_core::evidence::Evidence;
use log_core::hash::{Hash, encode_base64};
use log_core::history::{History, HistoryError};
use log_core::note::NoteError;
use log_core::proof::verify_consistency;
use log_core::tile::{TileId, entry_bundles};
use log_core::trust_policy::{TrustError, TrustedCheckpoint};
use log_core::verdict::Distrust;

use crate::fetch::Http;
use crate::outcome::{Cause, Exit, Failure, progress};
use crate::source::LogSource;
use crate::state::LogState;
use crate::trust_file::TrustedLog;

/// Bundles that are read ahead; at most 16 MiB each, 64 KiB as a rule.
const BUNDLES_AT_ONCE: usize = 8;

/// How many times a checkpoint is compared again after another process has
/// remembered a newer one.
const SWAP_ATTEMPTS: usize = 5;

/// How long after a larger tree was seen a smaller one is still believed: a cache on the way,
/// or one of several servers, may be behind. For so long a withdrawal that was seen may be
/// kept back.
const MAX_LAG_SECONDS: u64 = 300;

/// A log that is talked to.
#[derive(Debug, Clone)]
pub struct Session {
    /// What is trusted.
    pub log: TrustedLog,
    /// Where it is read.
    pub source: LogSource,
    /// How it is asked.
    pub http: Http,
    state: LogState,
}

impl Session {
    /// A session with the log of a trust file.
    pub fn new(http: Http, log: TrustedLog, state: &Path) -> anyhow::Result<Self> {
        let source = LogSource::new(http.clone(), &log.url)?;
        let state = LogState::new(state, log.trust.genesis.log.name().as_str());
        Ok(Self { log, source, http, state })
    }

    /// Reads, checks and remembers the log's newest checkpoint.
    pub async fn checkpoint(&self, now: u64) -> Result<TrustedCheckpoint, Failure> {
        let bytes = self.source.checkpoint().await?;
        self.accept(&bytes, now).await
    }

    /// Checks and remembers a checkpoint that came with an answer.
    pub async fn accept(&self, bytes: &[u8], now: u64) -> Result<TrustedCheckpoint, Failure> {
        let checkpoint = self.log.trust.open(bytes, now).map_err(|distrust| self.not_the_logs(distrust))?;
        self.check_consistent(&checkpoint, now).await?;
        Ok(checkpoint)
    }

    /// What is wrong with a checkpoint, and whose it should be when it is somebody else's.
    fn not_the_logs(&self, distrust: Distrust) -> Failure {
        let is_signed_by_others = matches!(
            distrust,
            Distrust::Checkpoint(TrustError::Checkpoint(CheckpointError::Note(NoteError::NoKnownKey)))
        );
        let failure = Failure::from(distrust);
        if !is_signed_by_others {
            return failure;
        }
        let (location, key) = (self.source.location(), self.log.trust.genesis.log.keyid());
        failure.saying(format!(
            "the checkpoint at {location} is not signed by the log key that is trusted, {key}"
        ))
    }

    /// Compares a checkpoint from a proof file with the last one seen, as far as that
    /// goes without tiles: two roots of one size are a fork.
    pub fn check_offline(&self, checkpoint: &TrustedCheckpoint) -> Result<(), Failure> {
        let Some(bytes) = self.state.last_checkpoint()? else { return Ok(()) };
        let seen = self.open_seen(&bytes)?;
        let proven = &checkpoint.checkpoint;
        self.check_not_rolled_back(&seen, proven)?;
        if seen.size() != proven.size() || seen.root() == proven.root() {
            return Ok(());
        }
        let evidence = Evidence::fork(seen.note().to_string(), checkpoint.note.clone(), proven.root(), &[]);
        let message = format!("the log forked: it signed two different trees of size {}", seen.size());
        Err(self.evidence_kept(&message, &evidence))
    }

    /// Reads the whole log up to a checkpoint and checks every rule on the way.
    pub async fn read_history(&self, checkpoint: &TrustedCheckpoint) -> Result<History, Failure> {
        let size = checkpoint.checkpoint.size();
        let mut history = History::new(self.log.trust.genesis.clone());
        let mut violation = None;
        let mut bundles =
            stream::iter(entry_bundles(size)).map(|id| self.source.entries(id)).buffered(BUNDLES_AT_ONCE);
        while let Some(entries) = bundles.next().await {
            progress(format_args!("reading the log: {} of {size} entries", history.size()));
            for entry in entries? {
                let broken = history.push(&entry).err();
                violation = violation.or(broken);
            }
        }
        progress("");
        // Only a reading that ends in the signed root says anything about the log.
        if history.root() != checkpoint.checkpoint.root() {
            return Err(Failure::with_exit(Exit::Invalid, "the entries do not lead to the signed root")
                .hint("what answered is broken, or not the log; try another mirror"));
        }
        let violation = match violation {
            Some(error) if error.may_be_newer() => {
                let HistoryError { index, violation } = error;
                let message =
                    format!("entry {index} is of a kind that this version does not know: {violation}");
                return Err(Failure::new(message).hint("update wheeltap; until then there is no verdict"));
            }
            Some(violation) => violation.to_string(),
            None if history.ends_in_commitment() => return Ok(history),
            None => "the signed tree does not end in an index commitment".to_owned(),
        };
        Err(self.broken_history(checkpoint, &violation).await)
    }

    /// Keeps all entries of a signed tree, one of which breaks a rule, as evidence.
    pub async fn broken_history(&self, checkpoint: &TrustedCheckpoint, violation: &str) -> Failure {
        let mut entries = Vec::new();
        for bundle in entry_bundles(checkpoint.checkpoint.size()) {
            match self.source.entries(bundle).await {
                Ok(read) => entries.extend(read.iter().map(|entry| encode_base64(entry))),
                Err(error) => return error.into(),
            }
        }
        let evidence = Evidence::BrokenHistory { checkpoint: checkpoint.note.clone(), entries };
        // What was read again may be something else.
        if let Err(none) = evidence.verify(&self.log.trust.genesis, &[]) {
            if none.is_of_other_roots() {
                return Distrust::OtherRoots.into();
            }
            return Failure::with_exit(Exit::Invalid, "what answered changed while it was read")
                .hint("try again, or another mirror");
        }
        self.evidence_kept(&format!("the log broke a rule: {violation}"), &evidence)
    }

    /// Keeps the evidence of a log's misbehaviour and makes it the failure.
    pub fn misbehaviour(&self, distrust: Distrust) -> Failure {
        let Distrust::Misbehaviour { what, evidence } = distrust else { return distrust.into() };
        self.evidence_kept(&format!("the log misbehaved: {what}"), &evidence)
    }

    /// Compares a checkpoint with the last one seen, and remembers the larger.
    async fn check_consistent(&self, new: &TrustedCheckpoint, now: u64) -> Result<(), Failure> {
        for _ in 0..SWAP_ATTEMPTS {
            let state = self.state.clone();
            let last = blocking(move || state.last_checkpoint()).await?;
            if let Some(bytes) = &last {
                let seen = self.open_seen(bytes)?;
                let (seen_size, size) = (seen.size(), new.checkpoint.size());
                self.check_not_rolled_back(&seen, &new.checkpoint)?;
                match self.check_prefix(&seen, &new.checkpoint).await {
                    // What lags cannot prove that it only lags: it lacks the tiles.
                    Err(failure) if size < seen_size && failure.exit() != Exit::Misbehaved => {
                        return Err(lagging(size, seen_size, &failure.to_string()));
                    }
                    result => result?,
                }
                if size < seen_size && !self.may_lag(size, now)? {
                    return Err(lagging(size, seen_size, "which was some time ago"));
                }
                if seen_size >= size {
                    return Ok(());
                }
            }
            let (state, note) = (self.state.clone(), new.note.clone());
            if blocking(move || state.swap_checkpoint(last.as_deref(), note.as_bytes())).await? {
                return Ok(());
            }
        }
        Err(Failure::new("other processes keep changing the state directory").hint("try again"))
    }

    /// Whether a tree of this size, smaller than the one that was seen, may be shown still.
    fn may_lag(&self, size: u64, now: u64) -> anyhow::Result<bool> {
        let seen = self.state.remembered_at()?;
        // With a clock that went back nobody knows.
        let age = seen.and_then(|seen| now.checked_sub(seen));
        Ok(size > 0 && age.is_some_and(|age| age <= MAX_LAG_SECONDS))
    }

    /// Keeps evidence when a witness cosigned a smaller tree than was seen, and later.
    fn check_not_rolled_back(&self, seen: &OpenCheckpoint, new: &OpenCheckpoint) -> Result<(), Failure> {
        let witnesses = self.log.trust.policy.witness_keys();
        let Some((witness, evidence)) = Evidence::rollback(seen, new, &witnesses) else { return Ok(()) };
        let message = format!(
            "the log was rolled back, or the witness {} was, or its clock: it cosigned size {} after size {}",
            witness.name(),
            new.size(),
            seen.size()
        );
        Err(self.evidence_kept(&message, &evidence).caused_by(Cause::Witness))
    }

    /// Opens the last checkpoint seen. The log's signature is what makes it evidence; the
    /// witnesses that are trusted may have been others then.
    fn open_seen(&self, bytes: &[u8]) -> Result<OpenCheckpoint, Failure> {
        let (origin, path) = (self.log.origin(), self.state.checkpoint_path());
        OpenCheckpoint::open(bytes, &self.log.trust.genesis.log).map_err(|error| match error {
            CheckpointError::Note(NoteError::NoKnownKey) => Failure::new(format!(
                "what was last seen of {origin} is not signed by the log key in the trust file: {}",
                path.display()
            ))
            .hint(
                "the trust file had another key before: ask the log's organisation which one is right. Move that \
                 file away only if they have begun the log anew",
            ),
            error => Failure::new(format!(
                "what was last seen of {origin} is damaged: {}: {error}",
                path.display()
            ))
            .hint(
                "restore that file. Without it the log is believed as at the first contact: move it away only if you \
                 know what has damaged it",
            ),
        })
    }

    /// Proves from the source's tiles that the smaller of two trees is a prefix of the
    /// larger; keeps evidence when it is not. Nothing is remembered.
    pub async fn check_prefix(&self, a: &OpenCheckpoint, b: &OpenCheckpoint) -> Result<(), Failure> {
        let (older, newer) = if a.size() <= b.size() { (a, b) } else { (b, a) };
        let (old, new) = (older.size(), newer.size());
        if old == new && older.root() == newer.root() || old == 0 {
            return Ok(());
        }
        let tiles = self.authenticated_tiles(old, newer).await?;
        let tile = |id: TileId| tiles.get(&id).cloned().unwrap_or_default();
        let proof = consistency::prove(old, new, tile);
        let root = if old == new { newer.root() } else { consistency::root_at(old, new, tile) };
        verify_consistency(old, root, new, newer.root(), &proof).map_err(|error| {
            Failure::with_exit(
                Exit::Invalid,
                format!("the tiles do not lead to the signed root of size {new}: {error}"),
            )
            .hint("what answered is broken, or not the log; try another mirror")
        })?;
        if root == older.root() {
            return Ok(());
        }
        let evidence = Evidence::fork(older.note().to_string(), newer.note().to_string(), root, &proof);
        let message = format!("the log forked: it signed two different trees of size {old}");
        Err(self.evidence_kept(&message, &evidence))
    }

    /// The tiles that prove the size `old` in `newer`, checked against its root.
    async fn authenticated_tiles(
        &self,
        old: u64,
        newer: &OpenCheckpoint,
    ) -> Result<BTreeMap<TileId, Vec<Hash>>, Failure> {
        let size = newer.size();
        let mut tiles = BTreeMap::new();
        if old == size {
            return Ok(tiles);
        }
        for id in consistency::tiles(old, size) {
            tiles.insert(id, self.source.tile(id).await?);
        }
        let mut edge = Vec::new();
        for id in Edge::tiles(size) {
            edge.push(match tiles.get(&id) {
                Some(items) => items.clone(),
                None => self.source.tile(id).await?,
            });
        }
        let edge = Edge::from_tiles(size, &edge).context("the tiles at the edge of the tree are short")?;
        ensure_root(edge.root(), newer)?;
        Ok(tiles)
    }

    fn evidence_kept(&self, message: &str, evidence: &Evidence) -> Failure {
        match self.state.save_evidence(evidence) {
            Ok(path) => {
                Failure::with_exit(Exit::Misbehaved, format!("{message}; evidence: {}", path.display()))
                    .hint("do not use its files; show the evidence to the witnesses and the log's operator")
            }
            Err(error) => Failure::with_exit(
                Exit::Misbehaved,
                format!("{message}; the evidence could NOT be kept: {error:#}"),
            )
            .caused_by(Cause::EvidenceNotKept)
            .hint("make room in the state directory and run the command again"),
        }
    }
}

/// Runs what waits for the disk, and for other processes, on a thread that may.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

fn lagging(size: u64, seen: u64, why: &str) -> Failure {
    let message = format!(
        "the checkpoint has size {size}, but this machine has seen size {seen}: what answers lags, or was \
         rolled back ({why})"
    );
    Failure::with_exit(Exit::Untrusted, message)
        .hint("ask the log itself, or wait for the mirror; if it is the log, tell its operator and witnesses")
}

fn ensure_root(root: Hash, checkpoint: &OpenCheckpoint) -> anyhow::Result<()> {
    ensure!(
        root == checkpoint.root(),
        anyhow!("the tiles at the edge of the tree do not lead to the signed root")
    );
    Ok(())
}

//! A whole log in memory for this crate's tests.

use std::sync::Arc;

use log_core::bundle::parse_bundle;
use log_core::checkpoint::OpenCheckpoint;
use log_core::edge::Edge;
use log_core::entry::SignedStatement;
use log_core::hash::{Hash, leaf_hash};
use log_core::history::History;
use log_core::testing::{genesis, key, policy, public, signed_policy};
use log_core::tile::entry_bundles;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::collect::{Collector, GRACE_SECONDS};
use crate::head::HeadRecord;
use crate::metrics::Metrics;
use crate::pool::{Admitted, NotAdmitted, Pending};
use crate::published::Newest;
use crate::reader::Reader;
use crate::recover::{State, Stores};
use crate::sequencer::Sequencer;
use crate::store::memory::{Faults, MemoryHead, MemoryObjects};
use crate::view::View;

/// A log whose store fails on request.
pub(crate) struct TestLog {
    pub(crate) sequencer: Sequencer,
    pub(crate) faults: Faults,
    pub(crate) state: Option<State>,
    /// Every checkpoint that was ever seen.
    seen: Vec<OpenCheckpoint>,
    directory: TempDir,
    /// How many views were lost.
    views: usize,
}

impl TestLog {
    pub(crate) fn new() -> Self {
        let faults = Faults::default();
        let stores = Stores {
            log: Arc::new(MemoryObjects::new(&faults)),
            staging: Arc::new(MemoryObjects::new(&faults)),
            head: Arc::new(MemoryHead::new(&faults)),
        };
        stores.head.swap(None, &HeadRecord::empty()).expect("an empty head");
        let directory = tempfile::tempdir().expect("a directory");
        let collected = directory.path().join("collected");
        let sequencer = Sequencer {
            collector: Collector::new(Arc::clone(&stores.log), collected, GRACE_SECONDS),
            reader: Reader::new(Arc::clone(&stores.log)),
            stores,
            view: View::open(&directory.path().join("view"), "log.example").expect("a view"),
            genesis: genesis(),
            key: key("log.example"),
            newest: Newest::default(),
            witnesses: None,
            metrics: Arc::new(Metrics::new(0)),
            clock: || 1_700_000_000,
        };
        let mut log = Self { sequencer, faults, state: None, seen: Vec::new(), directory, views: 0 };
        log.restart().expect("an empty log starts");
        log
    }

    /// An empty log that has its first policy.
    pub(crate) fn with_policy() -> Self {
        let mut log = Self::new();
        log.submit(&[signed_policy(policy(), &["root1", "root2"])]).expect("a round");
        log
    }

    /// Forgets all that is in memory and recovers.
    pub(crate) fn restart(&mut self) -> anyhow::Result<()> {
        self.state = None;
        self.state = Some(self.sequencer.start()?);
        self.look();
        Ok(())
    }

    /// Loses the view, too.
    pub(crate) fn lose_view(&mut self) {
        self.views += 1;
        let path = self.directory.path().join(format!("view{}", self.views));
        self.sequencer.view = View::open(&path, "log.example").expect("a view");
    }

    /// One round. After an error the log must be restarted.
    pub(crate) fn submit(
        &mut self,
        statements: &[SignedStatement],
    ) -> anyhow::Result<Vec<Result<Admitted, NotAdmitted>>> {
        let mut state = self.state.take().expect("a started log");
        let answers = self.sequencer.round(&mut state, &statements.iter().map(pending).collect::<Vec<_>>());
        self.look();
        let answers = answers?;
        self.state = Some(state);
        Ok(answers)
    }

    /// The whole log, read as the world reads it and checked by every rule; and
    /// all checkpoints ever seen are of its earlier sizes.
    pub(crate) fn check(&self) -> Vec<Vec<u8>> {
        let newest = self.seen.last().expect("a checkpoint");
        let mut history = History::new(genesis());
        let mut entries = Vec::new();
        for id in entry_bundles(newest.size()) {
            let bundle = self.sequencer.stores.log.get(&id.path()).expect("readable").expect("a bundle");
            for entry in parse_bundle(&bundle, usize::from(id.width)).expect("a bundle") {
                history.push(entry).expect("an honest log");
                entries.push(entry.to_vec());
            }
        }
        assert_eq!((history.size(), history.root()), (newest.size(), newest.root()));
        assert!(history.ends_in_commitment());
        let mut edge = Edge::new();
        let mut roots: Vec<Hash> = vec![edge.root()];
        for entry in &entries {
            edge.push(leaf_hash(entry));
            roots.push(edge.root());
        }
        for seen in &self.seen {
            let size = usize::try_from(seen.size()).expect("small");
            assert_eq!(roots[size], seen.root(), "a checkpoint of size {size} is inconsistent");
        }
        entries
    }

    fn look(&mut self) {
        let Some(bytes) = self.sequencer.stores.log.get("checkpoint").expect("readable") else { return };
        let seen = OpenCheckpoint::open(&bytes, &public("log.example")).expect("signed by the log");
        assert!(self.seen.last().is_none_or(|last| last.size() <= seen.size()), "it went back");
        self.seen.push(seen);
    }
}

pub(crate) fn pending(signed: &SignedStatement) -> Pending {
    Pending {
        signed: signed.clone(),
        payload_digest: signed.envelope.payload_digest(),
        authorised_under: None,
        reply: oneshot::channel().0,
    }
}

//! The rules, checked by the one who knows them: `log_core::history::History`, on a
//! thread of its own, while the tree is read.
//!
//! Invariant: what is found here says something about the log only together with a
//! root that is proven over the entries it was found in.
//!
//! Memory: the tree part of a check needs none per entry, but `History` keeps every
//! release, file name and index key: about 2.4 KiB per release of two files.

use log_core::history::{History, HistoryError};
use log_core::rules::Genesis;
use tokio::sync::mpsc;
use tokio::task::{JoinError, JoinHandle};

use super::summary::Summary;
use super::tree::Entries;

/// Violations that are kept. After the first others follow from it: an entry that
/// is not allowed is not in the index that the next commitment is compared with.
const MAX_VIOLATIONS: usize = 100;

/// Bundles that may wait: reading goes on while a bundle full of signatures is
/// verified.
const BUNDLES_WAITING: usize = 8;

/// What the entries say, read to the end of what was handed over.
#[derive(Debug)]
pub struct Checked {
    /// All that was read.
    pub history: History,
    /// The log in figures.
    pub summary: Summary,
    /// The rules that were broken, the first ones.
    pub violations: Vec<HistoryError>,
}

/// Checks entries as they come.
#[derive(Debug)]
pub struct Checking {
    checking: JoinHandle<Checked>,
}

impl Checking {
    /// Starts on the log born with `genesis`; the entries go where this says.
    pub fn start(genesis: Genesis) -> (Self, Entries) {
        let (sender, mut bundles) = mpsc::channel::<Vec<Vec<u8>>>(BUNDLES_WAITING);
        let checking = tokio::task::spawn_blocking(move || {
            let mut checked = Checked {
                history: History::new(genesis),
                summary: Summary::default(),
                violations: Vec::new(),
            };
            while let Some(entries) = bundles.blocking_recv() {
                for entry in &entries {
                    checked.take(entry);
                }
            }
            checked
        });
        (Self { checking }, sender)
    }

    /// Waits until all that was handed over is checked.
    pub async fn end(self) -> Result<Checked, JoinError> {
        self.checking.await
    }
}

impl Checked {
    fn take(&mut self, entry: &[u8]) {
        match self.history.push(entry) {
            Ok(()) => self.summary.count(entry),
            Err(error) if self.violations.len() < MAX_VIOLATIONS => self.violations.push(error),
            Err(_) => {}
        }
    }
}

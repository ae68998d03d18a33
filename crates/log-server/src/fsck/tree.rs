//! The tree, derived again: every entry hashed, every tile of every level and the
//! root computed and compared with what is stored.
//!
//! One reading from left to right. Bundles and the tiles of level 0 are read and
//! hashed on all cores; what lies above is computed in order ([`Ladder`]). At the
//! end the signed root decides: when what was chosen leads to it, all of it is
//! proven, and each problem is exactly what is wrong.
//!
//! Memory: the bundles being read, and one tile per level.

use futures_util::{StreamExt as _, stream};
use log_core::hash::Hash;
use log_core::tile::entry_bundles;
use log_core::tile_tree;
use log_io::source::LogSource;
use tokio::sync::mpsc;

use super::choose::{self, Copies, Prefer};
use super::copies::{self, LeafCopies};
use super::findings::{Findings, Found};
use super::ladder::{Climbing, Ladder};
use super::problem::{Fault, Problem, Remedy};
use super::progress::Progress;

/// Files that could not be read until it is given up: what does not answer for so
/// many will not for the rest.
const MAX_UNREADABLE: usize = 64;

/// What is to be checked.
#[derive(Debug, Clone)]
pub struct Tree {
    /// Where it is read.
    pub source: LogSource,
    /// The size that was signed.
    pub size: u64,
    /// The root that was signed.
    pub root: Hash,
    /// How many bundles are read and hashed at once.
    pub jobs: usize,
}

/// What a reading found.
#[derive(Debug)]
pub struct Derived {
    /// Whether what was chosen leads to the signed root.
    pub proven: bool,
    /// What is wrong.
    pub findings: Findings,
    /// Entries from the first on that are intact, if proven.
    pub intact: u64,
    /// Whether so much could not be read that the rest was not asked for.
    pub gave_up: bool,
}

/// Entries in order, for whoever checks the rules.
pub type Entries = mpsc::Sender<Vec<Vec<u8>>>;

impl Tree {
    /// Reads and derives everything. Intact entries go to `entries`, in order, up to
    /// the first that is not.
    ///
    /// What was found is final when nothing else could have been chosen: so, when the
    /// first choice does not lead to the root, the caller reads again with the other.
    pub async fn derive(&self, prefer: Prefer, entries: Entries) -> Derived {
        let mut reading = Reading {
            tree: self,
            prefer,
            ladder: Ladder::new(self.source.clone(), self.size, prefer),
            findings: Findings::default(),
            entries: Some(entries),
            intact: 0,
            unreadable: 0,
            last: None,
        };
        let mut progress = Progress::start("checking", self.size);
        let leaves = |id| {
            let reading = tokio::spawn(LeafCopies::read(self.source.clone(), id));
            async move { (id, reading.await) }
        };
        let mut coming = stream::iter(entry_bundles(self.size)).map(leaves).buffered(2 * self.jobs.max(1));
        while let Some((id, read)) = coming.next().await {
            match read {
                Ok(copies) => reading.take(copies).await,
                Err(error) => {
                    let fault = Fault::Unreadable(error.to_string());
                    reading.findings.add(Problem::of(id.path(), fault, Remedy::Copy));
                }
            }
            progress.advance(u64::from(id.width));
            if reading.gave_up() {
                break;
            }
        }
        progress.end();
        drop(coming);
        reading.finish().await
    }
}

/// A reading that goes on.
struct Reading<'a> {
    tree: &'a Tree,
    prefer: Prefer,
    ladder: Ladder,
    findings: Findings,
    /// Taken away at the first entry that is not intact.
    entries: Option<Entries>,
    intact: u64,
    unreadable: usize,
    /// The copies of the last, partial bundle.
    last: Option<LeafCopies>,
}

impl Reading<'_> {
    async fn take(&mut self, read: LeafCopies) {
        self.unreadable += usize::from(read.is_unreadable());
        if !read.id.is_full() {
            self.last = Some(read);
            return;
        }
        let above = self.ladder.above(0, read.id.index).await;
        let chosen = choose::full(copies_of(&read), above, self.prefer).map(<[Hash]>::to_vec);
        let problems = read.compare_with(chosen.as_deref());
        let root = chosen.as_deref().map(tile_tree::root).or(above);
        let copies = read.roots();
        self.pass_on(read, chosen.as_deref()).await;
        self.ladder.push(Climbing { copies, root, problems }, &mut self.findings).await;
    }

    /// The right edge, where only the signed root decides.
    async fn finish(mut self) -> Derived {
        let Tree { size, root, .. } = *self.tree;
        let last = self.last.take();
        let above = self.ladder.edge().await;
        let mut edge: Vec<Copies<'_>> = last.iter().map(copies_of).collect();
        edge.extend(
            above
                .iter()
                .map(|(derived, stored)| Copies { derived: derived.as_deref(), stored: stored.as_deref() }),
        );
        let chosen = choose::edge(size, root, &edge);
        let proven = chosen.is_some();
        let mut chosen: Vec<Option<Vec<Hash>>> = match chosen {
            Some(chosen) => chosen.into_iter().map(Some).collect(),
            None => edge
                .iter()
                .map(|copies| choose::preferred(*copies, self.prefer).map(<[Hash]>::to_vec))
                .collect(),
        };
        if let Some(read) = last {
            let leaves = chosen.remove(0);
            let mut problems = read.compare_with(leaves.as_deref());
            self.mend_from_full(&read, leaves.as_deref(), &mut problems).await;
            self.findings.extend(problems);
            self.pass_on(read, leaves.as_deref()).await;
        }
        let gave_up = self.gave_up();
        self.ladder.finish(&chosen, &mut self.findings);
        if !proven {
            let what = "what could be read does not lead to the signed root; where copies differ it is not \
                        proven which of them is right";
            self.findings.add(Problem::of("checkpoint", Fault::Record(what.to_owned()), Remedy::Copy));
        }
        let intact = self.findings.spoiled().map_or(self.intact, |spoiled| spoiled.min(self.intact));
        Derived { proven, findings: self.findings, intact, gave_up }
    }

    fn gave_up(&self) -> bool {
        self.unreadable >= MAX_UNREADABLE
    }

    /// Hands the entries on while all are intact.
    async fn pass_on(&mut self, read: LeafCopies, chosen: Option<&[Hash]>) {
        let intact = chosen.is_some() && read.leaves.as_deref() == chosen;
        match (read.entries, &self.entries) {
            (Ok(entries), Some(sender)) if intact => {
                self.intact += entries.len() as u64;
                // Whoever checks the rules may have enough of it.
                let _ = sender.send(entries).await;
            }
            _ => self.entries = None,
        }
    }

    /// The last bundle follows from a full one in its place, where there is one: the
    /// log may have grown since the checkpoint.
    async fn mend_from_full(&self, read: &LeafCopies, chosen: Option<&[Hash]>, problems: &mut [Found]) {
        if read.leaves.as_deref() == chosen {
            return;
        }
        let Ok(entries) = copies::entries(&self.tree.source, read.id.full()).await else { return };
        let entries = entries.get(..usize::from(read.id.width)).unwrap_or_default();
        let Some(bytes) = copies::bundle_of(entries, chosen) else { return };
        for found in problems.iter_mut().filter(|found| found.problem.path == read.id.path()) {
            found.problem.remedy = Remedy::Derivable;
            found.mend = Some(bytes.clone());
        }
    }
}

fn copies_of(read: &LeafCopies) -> Copies<'_> {
    Copies { derived: read.leaves.as_deref(), stored: read.tile.as_deref().ok() }
}

#[cfg(test)]
mod tests;

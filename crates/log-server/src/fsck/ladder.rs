//! The tiles above the leaves, level by level, as a log is read from left to right.
//!
//! Each level keeps the one tile that is being filled: what lies below gives its
//! items one after the other, and what is stored is read when the first of them is
//! needed. A tile that is full is settled and its root climbs one level up. What
//! stays on the ladder at the end are the partial tiles at the edge.
//!
//! Invariant: memory is bounded by 256 items and their problems per level. A
//! problem below is only as sure as the root that was chosen there, so it waits on
//! the ladder until the tile above has settled that root.

use log_core::hash::Hash;
use log_core::tile::{Level, TILE_HEIGHT, TILE_WIDTH, TileId};
use log_core::tile_tree;
use log_io::source::LogSource;

use super::choose::{self, Copies, Prefer};
use super::copies::{Copy, compare_tile, hashes, reject};
use super::findings::{Findings, Found};
use super::problem::{Fault, Problem, Remedy};

/// What is chosen for one tile, on its way up.
#[derive(Debug)]
pub struct Climbing {
    /// The copies that were read of it, and their roots.
    pub copies: Vec<(TileId, Copy<Hash>)>,
    /// The root over what was chosen for it; `None` when there is no copy at all.
    pub root: Option<Hash>,
    /// What is wrong with its copies, if that root is right.
    pub problems: Vec<Found>,
}

/// The levels from 1 up.
#[derive(Debug)]
pub struct Ladder {
    source: LogSource,
    size: u64,
    prefer: Prefer,
    rungs: Vec<Rung>,
}

/// The tile of one level that is being filled.
#[derive(Debug)]
struct Rung {
    level: u8,
    index: u64,
    /// What is stored; `None` until it is read.
    stored: Option<Copy<Vec<Hash>>>,
    below: Vec<Climbing>,
}

impl Ladder {
    /// Before the first leaf of a tree of `size` leaves.
    pub fn new(source: LogSource, size: u64, prefer: Prefer) -> Self {
        Self { source, size, prefer, rungs: Vec::new() }
    }

    /// The root that the tile above has for the tile of `level` at `index`, which is
    /// the next of its level to be pushed.
    pub async fn above(&mut self, level: u8, index: u64) -> Option<Hash> {
        let position = usize::try_from(index % TILE_WIDTH).ok()?;
        self.rung(level + 1).await.items()?.get(position).copied()
    }

    /// Takes the next full tile of level 0.
    pub async fn push(&mut self, leaf_tile: Climbing, findings: &mut Findings) {
        let mut climbing = leaf_tile;
        for level in 1..8 {
            let rung = self.rung(level).await;
            rung.below.push(climbing);
            if rung.below.len() < 256 {
                return;
            }
            let index = rung.index;
            let above = self.above(level, index).await;
            let rung =
                std::mem::replace(&mut self.rungs[usize::from(level) - 1], Rung::new(level, index + 1));
            let derived = rung.derived();
            let copies = Copies { derived: derived.as_deref(), stored: rung.items() };
            let chosen = choose::full(copies, above, self.prefer).map(<[Hash]>::to_vec);
            climbing = rung.settle(chosen.as_deref(), above, self.size, findings);
        }
    }

    /// The copies of the partial tile of each level from 1 up, for
    /// [`choose::edge`].
    pub async fn edge(&mut self) -> Vec<(Option<Vec<Hash>>, Option<Vec<Hash>>)> {
        let mut copies = Vec::new();
        for level in self.partial_levels() {
            let rung = self.rung(level).await;
            copies.push((rung.derived(), rung.items().map(<[Hash]>::to_vec)));
        }
        copies
    }

    /// Settles the partial tiles with what was chosen for them.
    pub fn finish(mut self, chosen: &[Option<Vec<Hash>>], findings: &mut Findings) {
        let levels = self.partial_levels();
        for (at, level) in levels.into_iter().enumerate() {
            let rung = std::mem::replace(&mut self.rungs[usize::from(level) - 1], Rung::new(level, 0));
            let items = chosen.get(at).and_then(Option::as_deref);
            let settled = rung.settle(items, None, self.size, findings);
            findings.extend(settled.problems);
        }
    }

    fn partial_levels(&self) -> Vec<u8> {
        let levels = self.rungs.iter().filter(|rung| !rung.below.is_empty());
        levels.map(|rung| rung.level).collect()
    }

    /// The tile of the level that is being filled, with what is stored of it.
    async fn rung(&mut self, level: u8) -> &mut Rung {
        let at = usize::from(level) - 1;
        while self.rungs.len() <= at {
            let next = u8::try_from(self.rungs.len() + 1).unwrap_or(u8::MAX);
            self.rungs.push(Rung::new(next, 0));
        }
        let rung = &mut self.rungs[at];
        if rung.stored.is_none() {
            rung.stored = Some(match TileId::in_tree(Level::Hashes(level), rung.index, self.size) {
                Some(id) => hashes(&self.source, id).await,
                // The tree does not reach so high; nothing is asked of this level.
                None => Err(Fault::Missing),
            });
        }
        rung
    }
}

impl Rung {
    fn new(level: u8, index: u64) -> Self {
        Self { level, index, stored: None, below: Vec::new() }
    }

    fn items(&self) -> Option<&[Hash]> {
        self.stored.as_ref()?.as_ref().ok().map(Vec::as_slice)
    }

    /// The items that follow from below, when all are known.
    fn derived(&self) -> Option<Vec<Hash>> {
        self.below.iter().map(|climbing| climbing.root).collect()
    }

    /// Says what is wrong below, and what is wrong with this tile if what was chosen
    /// for it is right.
    fn settle(
        self,
        chosen: Option<&[Hash]>,
        above: Option<Hash>,
        size: u64,
        findings: &mut Findings,
    ) -> Climbing {
        for (position, climbing) in self.below.into_iter().enumerate() {
            let expected = chosen.and_then(|chosen| chosen.get(position).copied());
            match (expected, climbing.root) {
                (Some(expected), Some(found)) if expected != found => {
                    let first = climbing.copies.first().map_or(0, |(id, _)| first_leaf(*id));
                    findings.spoil(first);
                    findings.extend(reject(climbing.copies, expected));
                }
                _ => findings.extend(climbing.problems),
            }
        }
        let id = TileId { level: Level::Hashes(self.level), index: self.index, width: 256 };
        let id = TileId::in_tree(id.level, id.index, size).unwrap_or(id);
        let stored = self.stored.unwrap_or(Err(Fault::Missing));
        let problems = match (chosen, &stored) {
            (Some(chosen), stored) => compare_tile(id, stored, chosen).into_iter().collect(),
            (None, Err(fault)) => vec![Problem::of(id.path(), fault.clone(), Remedy::Copy).into()],
            (None, Ok(_)) => Vec::new(),
        };
        let copies = vec![(id, stored.map(|items| tile_tree::root(&items)))];
        Climbing { copies, root: chosen.map(tile_tree::root).or(above), problems }
    }
}

/// The first leaf below a tile.
fn first_leaf(id: TileId) -> u64 {
    let height = match id.level {
        Level::Entries => 1,
        Level::Hashes(level) => u32::from(level) + 1,
    };
    id.index.checked_shl(TILE_HEIGHT * height).unwrap_or(u64::MAX)
}

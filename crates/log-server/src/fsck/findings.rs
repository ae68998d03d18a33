//! The problems found so far, bounded: a log of which everything is lost must not
//! fill the memory with the news of it.

use super::problem::Problem;

/// Problems that are kept; more are only counted.
const MAX_KEPT: usize = 10_000;

/// Bytes of mends that are kept: 8,192 hash tiles. A repair makes several turns.
const MAX_MEND_BYTES: usize = 64 << 20;

/// A problem, and what mends it.
#[derive(Debug)]
pub struct Found {
    /// The problem.
    pub problem: Problem,
    /// The bytes that the file must have, when they are known.
    pub mend: Option<Vec<u8>>,
}

/// Problems and how many more there are.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Found>,
    more: usize,
    mend_bytes: usize,
    known: usize,
    spoiled: Option<u64>,
}

impl From<Problem> for Found {
    fn from(problem: Problem) -> Self {
        Self { problem, mend: None }
    }
}

impl Findings {
    /// Adds a problem.
    pub fn add(&mut self, found: impl Into<Found>) {
        let mut found = found.into();
        self.known += usize::from(!found.problem.fault.is_unknown());
        if self.kept.len() == MAX_KEPT {
            self.more += 1;
            return;
        }
        self.mend_bytes += found.mend.as_ref().map_or(0, Vec::len);
        if self.mend_bytes > MAX_MEND_BYTES && self.mends_anything() {
            found.mend = None;
        }
        self.kept.push(found);
    }

    /// Adds problems.
    pub fn extend<F: Into<Found>>(&mut self, found: impl IntoIterator<Item = F>) {
        found.into_iter().for_each(|found| self.add(found));
    }

    /// The problems that are kept.
    pub fn kept(&self) -> &[Found] {
        &self.kept
    }

    /// How many more there are.
    pub fn more(&self) -> usize {
        self.more
    }

    /// Whether there are none at all.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// How many of them are certain, and not only files that could not be judged.
    pub fn known(&self) -> usize {
        self.known
    }

    /// Whether a repair would write something.
    pub fn mends_anything(&self) -> bool {
        self.kept.iter().any(|found| found.mend.is_some())
    }

    /// Notes that from this entry on what was read is not what the tree has, although
    /// it was taken for it.
    pub fn spoil(&mut self, from: u64) {
        self.spoiled = self.spoiled.map_or(Some(from), |before| Some(before.min(from)));
    }

    /// The first such entry.
    pub fn spoiled(&self) -> Option<u64> {
        self.spoiled
    }
}

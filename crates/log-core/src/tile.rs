//! Where things are in a log: tiles and entry bundles and their paths
//! (C2SP tlog-tiles).
//!
//! ```text
//! tile/<level>/<index>[.p/<width>]      256 hashes; level 0 = leaf hashes
//! tile/entries/<index>[.p/<width>]      256 entries
//! ```
//!
//! Invariant: one path per resource; parsing re-encodes and demands equality.

use std::fmt;

use crate::hash::parse_decimal;

/// Items in a full tile and entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// log2 of [`TILE_WIDTH`].
pub const TILE_HEIGHT: u32 = 8;

/// Highest level a tile can have: trees are below 2^63 leaves.
const MAX_LEVEL: u8 = 63;

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Hashes; item i of level L is the root of 256^L leaves.
    Hashes(u8),
    /// The entries themselves (an entry bundle).
    Entries,
}

/// A tile or entry bundle, full or partial.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// What it holds.
    pub level: Level,
    /// Its place among the tiles of its level.
    pub index: u64,
    /// How many items it has, 1 to 256.
    pub width: u16,
}

impl TileId {
    /// The tile at `level` and `index` in a tree of `size` leaves, as wide as
    /// that tree makes it; `None` when the tree has no item there.
    pub fn in_tree(level: Level, index: u64, size: u64) -> Option<Self> {
        let items = match level {
            Level::Hashes(level) => size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0),
            Level::Entries => size,
        };
        let width = items.saturating_sub(index.checked_mul(TILE_WIDTH)?).min(TILE_WIDTH);
        let width = u16::try_from(width).ok().filter(|width| *width > 0)?;
        Some(Self { level, index, width })
    }

    /// Whether all 256 items are there.
    pub fn is_full(self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// The full tile in the same place.
    #[must_use]
    pub fn full(self) -> Self {
        Self { width: 256, ..self }
    }

    /// The path below the log's URL prefix or directory.
    pub fn path(self) -> String {
        self.to_string()
    }

    /// Reads a path; `None` for any spelling but the one [`TileId::path`] gives.
    pub fn parse(path: &str) -> Option<Self> {
        let rest = path.strip_prefix("tile/")?;
        let (level, rest) = rest.split_once('/')?;
        let level = match level {
            "entries" => Level::Entries,
            number => {
                Level::Hashes(u8::try_from(parse_decimal(number)?).ok().filter(|level| *level <= MAX_LEVEL)?)
            }
        };
        let (groups, width) = match rest.split_once(".p/") {
            Some((groups, width)) => (groups, u16::try_from(parse_decimal(width)?).ok()?),
            None => (rest, 256),
        };
        let mut index: u64 = 0;
        for group in groups.split('/') {
            let digits = group.strip_prefix('x').unwrap_or(group);
            if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self { level, index, width };
        let is_width = (1..=TILE_WIDTH).contains(&u64::from(width));
        (is_width && tile.path() == path).then_some(tile)
    }
}

impl fmt::Display for TileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            Level::Hashes(level) => write!(f, "tile/{level}/")?,
            Level::Entries => write!(f, "tile/entries/")?,
        }
        let digits = self.index.to_string();
        let padded = format!("{digits:0>width$}", width = digits.len().div_ceil(3) * 3);
        for at in (3..padded.len()).step_by(3).rev() {
            write!(f, "x{}/", &padded[padded.len() - at - 3..padded.len() - at])?;
        }
        write!(f, "{}", &padded[padded.len() - 3..])?;
        if !self.is_full() {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// All hash tiles of a tree of `size` leaves, level by level.
pub fn hash_tiles(size: u64) -> impl Iterator<Item = TileId> {
    (0..=MAX_LEVEL)
        .take_while(move |level| {
            size.checked_shr(TILE_HEIGHT * u32::from(*level)).is_some_and(|items| items > 0)
        })
        .flat_map(move |level| tiles_of(Level::Hashes(level), size))
}

/// All entry bundles of a tree of `size` leaves.
pub fn entry_bundles(size: u64) -> impl Iterator<Item = TileId> {
    tiles_of(Level::Entries, size)
}

fn tiles_of(level: Level, size: u64) -> impl Iterator<Item = TileId> {
    (0u64..).map_while(move |index| TileId::in_tree(level, index, size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{text, vectors};

    #[test]
    fn geometry_vectors() {
        for (size, expected) in vectors()["geometry"].as_object().expect("an object") {
            let size: u64 = size.parse().expect("a size");
            let mut lines = Vec::new();
            for level in 0..8 {
                let tiles: Vec<TileId> = tiles_of(Level::Hashes(level), size).collect();
                let full = tiles.iter().filter(|tile| tile.is_full()).count();
                let partial = tiles.iter().find(|tile| !tile.is_full());
                if let Some(tile) = partial {
                    let path = tile.path();
                    let name = path.strip_prefix(&format!("tile/{level}/")).expect("the level");
                    lines.push(format!("L{level}: {full} full + {name}"));
                } else if full > 0 {
                    lines.push(format!("L{level}: {full} full"));
                }
            }
            let expected: Vec<&str> = expected.as_array().expect("a list").iter().map(text).collect();
            assert_eq!(lines, expected, "size {size}");
        }
    }

    #[test]
    fn path_vectors_round_trip() {
        for (index, path) in vectors()["paths"].as_object().expect("an object") {
            let tile = TileId { level: Level::Entries, index: index.parse().expect("a number"), width: 256 };
            assert_eq!(tile.path(), format!("tile/entries/{}", text(path)));
            assert_eq!(TileId::parse(&tile.path()), Some(tile));
            let partial = TileId { width: 7, ..tile };
            assert_eq!(TileId::parse(&partial.path()), Some(partial));
        }
        let last = TileId { level: Level::Hashes(0), index: u64::MAX, width: 1 };
        assert_eq!(TileId::parse(&last.path()), Some(last));
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "x001/x234/067.p/",
            "x001/x234/067.p",
            "x001/x234/",
            "x001/x234",
            "x001/",
            "x001",
            "001/002",
            "x001/0002",
            "x001/-002",
            "x001/.p/abc",
            "001.p/256",
            "001.p/0",
            "001.p/01",
            "x000/001",
            "X001/002",
            "x99/999",
            "x018/x446/x744/x073/x709/x551/616",
            "",
            "1",
            "0x1",
            "001.p/1.p/1",
            "001.p/257",
            "..",
            "001/..",
            "%2f",
            "x001%2f002",
            "x001//002",
        ] {
            assert_eq!(TileId::parse(&format!("tile/0/{bad}")), None, "{bad}");
        }
        for bad in [
            "tile/64/001",
            "tile/-1/001",
            "tile/abc/001",
            "tile/00/001",
            "tile/08/001",
            "tile//001",
            "/tile/0/001",
            "tile/0",
            "tile",
            "",
            "tile/Entries/000",
            "tile/0/000\n",
        ] {
            assert_eq!(TileId::parse(bad), None, "{bad}");
        }
    }
}

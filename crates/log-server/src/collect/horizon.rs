//! The decision which partial tiles may go: pure functions of the sizes that were
//! published, and when.
//!
//! A checkpoint may be in a reader's hands while it is the published one, and for a
//! grace after it was replaced. The smallest of those is the horizon: a tile that is
//! full at that size is full in all of them, and none asks for its partial ones.

use std::collections::VecDeque;

use log_core::tile::{Level, TileId};

/// The sizes of the checkpoints that may be in use. Before the first is known, it may
/// be any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Served {
    /// Sizes that were replaced, and when, ascending.
    replaced: VecDeque<(u64, u64)>,
    newest: u64,
}

impl Served {
    /// A checkpoint of `size` is the published one from `now` on. Sizes never fall.
    pub fn publish(&mut self, size: u64, now: u64) {
        if size > self.newest {
            self.replaced.push_back((self.newest, now));
            self.newest = size;
        }
    }

    /// The smallest size that may be in use at `now`.
    pub fn horizon(&mut self, now: u64, grace: u64) -> u64 {
        // A clock that went back keeps more, never less.
        while self.replaced.front().is_some_and(|(_, at)| at.saturating_add(grace) < now) {
            self.replaced.pop_front();
        }
        self.replaced.front().map_or(self.newest, |(size, _)| *size)
    }
}

/// The tiles and bundles that are full in a tree of `to` leaves and are not in one of
/// `from`.
pub fn filled(from: u64, to: u64) -> impl Iterator<Item = TileId> {
    let levels = (0..8u8).map(|level| (Level::Hashes(level), 8 * (u32::from(level) + 1)));
    levels.chain([(Level::Entries, 8)]).flat_map(move |(level, shift)| {
        let full = |size: u64| size.checked_shr(shift).unwrap_or(0);
        (full(from)..full(to)).map(move |index| TileId { level, index, width: 256 })
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use log_core::tile::{entry_bundles, hash_tiles};

    use super::*;

    #[test]
    fn filled_is_what_is_full_now_and_was_not() {
        let full = |size: u64| -> BTreeSet<TileId> {
            hash_tiles(size).chain(entry_bundles(size)).filter(|id| id.is_full()).collect()
        };
        let sizes = [0, 1, 255, 256, 257, 511, 512, 1_000, 65_535, 65_536, 65_537, 131_072, 200_000];
        for (at, from) in sizes.iter().enumerate() {
            for to in &sizes[at..] {
                let found: Vec<TileId> = filled(*from, *to).collect();
                let expected: BTreeSet<TileId> = full(*to).difference(&full(*from)).copied().collect();
                assert_eq!(found.len(), expected.len(), "{from} to {to}");
                assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected, "{from} to {to}");
            }
        }
    }

    #[test]
    fn a_checkpoint_is_in_use_for_the_grace_after_it_was_replaced() {
        let mut served = Served::default();
        assert_eq!(served.horizon(9_999, 600), 0, "nothing is known");
        served.publish(50, 1_000);
        assert_eq!(served.horizon(1_600, 600), 0, "older ones may be in use still");
        served.publish(60, 1_601);
        assert_eq!(served.horizon(1_601, 600), 50);
        served.publish(60, 1_900);
        served.publish(70, 1_900);
        assert_eq!(served.horizon(2_201, 600), 50);
        assert_eq!(served.horizon(2_202, 600), 60);
        assert_eq!(served.horizon(2_500, 600), 60);
        assert_eq!(served.horizon(2_501, 600), 70);
        assert_eq!(served.horizon(9_999, 600), 70, "the newest one always");
    }
}

//! Which of a log's policies is in force for an entry.
//!
//! Version 1 is entry 0. Each later policy has the next version number and is signed by
//! the root keys of the policy in force at its index and by its own (`rules`). It takes
//! effect at its index when the policy in force then has no cool-down; else when the
//! log's time has gone on by that cool-down. It is the cool-down of the policy that is
//! *replaced*: with that of the new one, whoever stole a root key would set it to zero.
//!
//! A policy that comes while another still waits cancels that one: so those who hold the
//! roots in force can stop a policy that somebody else has made with a stolen key.
//!
//! Invariant: entries are asked about in any order, policies are added in log order, and
//! adding one never changes what was in force for an entry before it.

use std::fmt;

use crate::limits::MAX_POLICY_HISTORY_BYTES;
use crate::policy::Policy;

/// Where an entry stands: what decides which policy was in force for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Its index.
    pub index: u64,
    /// Its time by the log's clock. It may be left out while no policy so far depends on
    /// times ([`Timeline::depends_on_time`]).
    pub time: Option<u64>,
}

/// All policies of a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timeline {
    policies: Vec<DatedPolicy>,
    bytes: usize,
}

/// A policy, and since when it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatedPolicy {
    /// The entry that it is.
    pub index: u64,
    /// When it was logged.
    pub time: Option<u64>,
    /// When it takes effect, in POSIX seconds; `None`: for every entry after it.
    pub effective_at: Option<u64>,
    /// The policy entry that came while this one waited, so that it never takes effect.
    pub cancelled_by: Option<u64>,
    /// What it says.
    pub policy: Policy,
}

/// The policies have more bytes than travel with a look-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryFull;

impl Timeline {
    /// Adds the policy at `at`, whose entry has `bytes` bytes.
    ///
    /// That it may follow is not checked here; see `rules`.
    pub fn push(&mut self, at: Moment, bytes: usize, policy: Policy) -> Result<(), HistoryFull> {
        if self.bytes.saturating_add(bytes) > MAX_POLICY_HISTORY_BYTES {
            return Err(HistoryFull);
        }
        let in_force = self.position(at);
        if let Some(last) = self.policies.len().checked_sub(1).filter(|last| Some(*last) != in_force) {
            self.policies[last].cancelled_by = Some(at.index);
        }
        let cool_down = in_force.map_or(0, |position| self.policies[position].policy.cool_down);
        // Without a time, which a cool-down needs, it would never take effect.
        let effective_at =
            (cool_down > 0).then(|| at.time.map_or(u64::MAX, |time| time.saturating_add(cool_down)));
        self.policies.push(DatedPolicy {
            index: at.index,
            time: at.time,
            effective_at,
            cancelled_by: None,
            policy,
        });
        self.bytes += bytes;
        Ok(())
    }

    /// The policy in force for the entry at `at`; `None` before the first one.
    pub fn in_force(&self, at: Moment) -> Option<&DatedPolicy> {
        self.position(at).map(|position| &self.policies[position])
    }

    /// The policy in force after all entries so far, at the log's time `now`.
    pub fn current(&self, now: Option<u64>) -> Option<&DatedPolicy> {
        self.in_force(Moment { index: u64::MAX, time: now })
    }

    /// The policy that waits for its time, at the log's time `now`.
    pub fn waiting(&self, now: Option<u64>) -> Option<&DatedPolicy> {
        let last = self.policies.last()?;
        (self.current(now)?.index != last.index).then_some(last)
    }

    /// All policies, in log order.
    pub fn policies(&self) -> &[DatedPolicy] {
        &self.policies
    }

    /// The version that the next policy must have.
    pub fn next_version(&self) -> u64 {
        self.policies.last().map_or(1, |last| last.policy.version.saturating_add(1))
    }

    /// Whether the time of an entry may decide what is in force or which keys count.
    pub fn depends_on_time(&self) -> bool {
        depends_on_time(self.policies.iter().map(|dated| &dated.policy))
    }

    fn position(&self, at: Moment) -> Option<usize> {
        self.policies.iter().rposition(|dated| dated.is_in_force(at))
    }
}

impl DatedPolicy {
    /// Whether it is in force for the entry at `at`, unless a later one is.
    fn is_in_force(&self, at: Moment) -> bool {
        self.index < at.index
            && self.cancelled_by.is_none()
            && self.effective_at.is_none_or(|effective| at.time.is_some_and(|time| time >= effective))
    }
}

/// Whether among these policies the time of an entry may decide anything.
pub fn depends_on_time<'p>(policies: impl IntoIterator<Item = &'p Policy>) -> bool {
    policies.into_iter().any(Policy::depends_on_time)
}

impl fmt::Display for HistoryFull {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "all policies of a log have at most {MAX_POLICY_HISTORY_BYTES} bytes together")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::policy;

    fn at(index: u64, time: u64) -> Moment {
        Moment { index, time: Some(time) }
    }

    fn version(version: u64, cool_down: u64) -> Policy {
        Policy { version, cool_down, ..policy() }
    }

    fn in_force(timeline: &Timeline, moment: Moment) -> Option<u64> {
        timeline.in_force(moment).map(|dated| dated.policy.version)
    }

    #[test]
    fn without_a_cool_down_a_policy_is_in_force_after_its_index() {
        let mut timeline = Timeline::default();
        assert_eq!(timeline.next_version(), 1);
        timeline.push(at(0, 100), 1, version(1, 0)).expect("room");
        timeline.push(at(5, 200), 1, version(2, 0)).expect("room");
        assert!(!timeline.depends_on_time());
        let no_time = |index| in_force(&timeline, Moment { index, time: None });
        assert_eq!([0, 1, 5, 6].map(no_time), [None, Some(1), Some(1), Some(2)]);
        assert_eq!((timeline.next_version(), timeline.waiting(None)), (3, None));
    }

    #[test]
    fn the_cool_down_is_that_of_the_policy_that_is_replaced() {
        let mut timeline = Timeline::default();
        timeline.push(at(0, 100), 1, version(1, 50)).expect("room");
        // Whoever stole a key sets the cool-down to zero: that does not help.
        timeline.push(at(5, 200), 1, version(2, 0)).expect("room");
        assert!(timeline.depends_on_time());
        for (moment, expected) in [(at(6, 200), 1), (at(6, 249), 1), (at(6, 250), 2), (at(9, 900), 2)] {
            assert_eq!(in_force(&timeline, moment), Some(expected), "{moment:?}");
        }
        assert_eq!(in_force(&timeline, at(4, 900)), Some(1), "an entry before it, whatever its time");
        assert_eq!(timeline.waiting(Some(249)).map(|dated| dated.index), Some(5));
        assert_eq!(timeline.waiting(Some(250)), None);
        assert_eq!(in_force(&timeline, Moment { index: 9, time: None }), Some(1));
    }

    #[test]
    fn a_policy_that_waits_is_cancelled_by_the_next() {
        let mut timeline = Timeline::default();
        timeline.push(at(0, 100), 1, version(1, 50)).expect("room");
        timeline.push(at(5, 200), 1, version(2, 0)).expect("room");
        timeline.push(at(7, 220), 1, version(3, 50)).expect("room");
        for (moment, expected) in [(at(8, 255), 1), (at(8, 269), 1), (at(8, 270), 3), (at(6, 260), 1)] {
            assert_eq!(in_force(&timeline, moment), Some(expected), "{moment:?}");
        }
        assert_eq!(timeline.policies()[1].cancelled_by, Some(7));
        // One that comes when the third is in force replaces that.
        timeline.push(at(20, 300), 1, version(4, 0)).expect("room");
        assert_eq!(timeline.policies()[2].cancelled_by, None);
        assert_eq!(in_force(&timeline, at(21, 349)), Some(3));
        assert_eq!(in_force(&timeline, at(21, 350)), Some(4));
        assert_eq!(in_force(&timeline, at(8, 270)), Some(3), "the past stays as it was");
    }

    #[test]
    fn all_policies_together_are_bounded() {
        let mut timeline = Timeline::default();
        timeline.push(at(0, 1), MAX_POLICY_HISTORY_BYTES - 1, version(1, 0)).expect("room");
        assert_eq!(timeline.push(at(1, 1), 2, version(2, 0)), Err(HistoryFull));
        timeline.push(at(1, 1), 1, version(2, 0)).expect("room");
        assert_eq!(timeline.next_version(), 3);
    }
}

//! Reading a log entry by entry, from its beginning or from any index commitment on.
//!
//! Whoever follows a log need not hold what it said before: the right edge of the tree, the
//! policies and the last commitment are enough to check of each new entry that it is in the
//! tree, can be read, and is allowed by the policy in force at its place. What needs all
//! that came before (no second digest for a file name, a true index) is `history`, which
//! is made of this.
//!
//! Statements have the time of the commitment after them, so they are judged when that has
//! come; until then they wait, at most a round of them.
//!
//! Until [`Follower::root`] was compared with a signed one nothing that was read is to be
//! believed. An entry that breaks a rule counts towards the root like any other, and the
//! reading goes on.

use crate::commitment::IndexCommitment;
use crate::edge::Edge;
use crate::entry::{Entry, SignedStatement};
use crate::hash::{Hash, leaf_hash};
use crate::history::Violation;
use crate::limits::MAX_ROUND;
use crate::rules::{self, Genesis, Refusal};
use crate::statement::Statement;
use crate::timeline::{Moment, Timeline};

/// What is kept of a log while it is read.
#[derive(Debug, Clone)]
pub struct Follower {
    genesis: Genesis,
    edge: Edge,
    timeline: Timeline,
    /// Statements whose commitment has not come yet, with the bytes of their entries.
    round: Vec<(u64, usize, SignedStatement)>,
    commitment: Option<IndexCommitment>,
    ends_in_commitment: bool,
}

/// What is known with one entry more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// What the entry itself is.
    pub entry: Result<Taken, Violation>,
    /// The statements whose time it says, in log order.
    pub judged: Vec<Judged>,
}

/// An entry that is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// A statement, which waits for its time.
    Statement,
    /// A commitment, in its place; whether its root is true is not known here.
    Commitment(IndexCommitment),
}

/// A statement in its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    /// Where it stands.
    pub at: Moment,
    /// What it says, and who says so.
    pub signed: SignedStatement,
    /// Whether the policy in force there allows it.
    pub result: Result<(), Refusal>,
}

impl Follower {
    /// At the beginning of a log that was born with `genesis`.
    pub fn new(genesis: Genesis) -> Self {
        let (edge, timeline) = (Edge::new(), Timeline::default());
        Self { genesis, edge, timeline, round: Vec::new(), commitment: None, ends_in_commitment: true }
    }

    /// After `commitment`, with the edge of the tree and the policies there.
    pub fn resume(genesis: Genesis, edge: Edge, timeline: Timeline, commitment: IndexCommitment) -> Self {
        Self { edge, timeline, commitment: Some(commitment), ..Self::new(genesis) }
    }

    /// Takes the next entry.
    pub fn push(&mut self, bytes: &[u8]) -> Pushed {
        let index = self.edge.size();
        self.edge.push(leaf_hash(bytes));
        self.ends_in_commitment = false;
        match Entry::parse(bytes) {
            Err(error) => Pushed { entry: Err(error.into()), judged: Vec::new() },
            Ok(Entry::Commitment(commitment)) => {
                self.ends_in_commitment = true;
                let judged = self.judge_round(commitment.time);
                let accepted = self.accept_commitment(index, commitment);
                Pushed { entry: accepted.map(|()| Taken::Commitment(commitment)), judged }
            }
            Ok(Entry::Statement(_)) if self.round.len() == MAX_ROUND => {
                Pushed { entry: Err(Violation::NoCommitment), judged: Vec::new() }
            }
            Ok(Entry::Statement(signed)) => {
                self.round.push((index, bytes.len(), *signed));
                Pushed { entry: Ok(Taken::Statement), judged: Vec::new() }
            }
        }
    }

    /// How many entries the tree has.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root over all entries.
    pub fn root(&self) -> Hash {
        self.edge.root()
    }

    /// Whether the last entry is an index commitment, as in each published tree; the empty
    /// tree has none. Only there can a reading be interrupted and resumed.
    pub fn ends_in_commitment(&self) -> bool {
        self.ends_in_commitment
    }

    /// The newest index commitment.
    pub fn commitment(&self) -> Option<&IndexCommitment> {
        self.commitment.as_ref()
    }

    /// All policies, and when each is in force.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// The newest statement that waits for its time.
    pub fn newest(&self) -> Option<&SignedStatement> {
        self.round.last().map(|(_, _, signed)| signed)
    }

    fn accept_commitment(&mut self, index: u64, commitment: IndexCommitment) -> Result<(), Violation> {
        let expected = self.commitment.map_or(0, |before| before.size.saturating_add(1));
        let before = self.commitment.replace(commitment);
        if commitment.size != index {
            return Err(Violation::CommitmentSize { found: commitment.size });
        }
        if commitment.first != expected {
            return Err(Violation::CommitmentFirst { found: commitment.first, expected });
        }
        match before.filter(|before| before.time > commitment.time) {
            Some(before) => Err(Violation::CommitmentTime { before: before.time, found: commitment.time }),
            None => Ok(()),
        }
    }

    /// Judges the statements since the last commitment, now that their time is known.
    fn judge_round(&mut self, time: u64) -> Vec<Judged> {
        let round = std::mem::take(&mut self.round);
        let judge = |(index, bytes, signed): (u64, usize, SignedStatement)| {
            let at = Moment { index, time: Some(time) };
            let result = self.judge(at, bytes, &signed);
            Judged { at, signed, result }
        };
        round.into_iter().map(judge).collect()
    }

    fn judge(&mut self, at: Moment, bytes: usize, signed: &SignedStatement) -> Result<(), Refusal> {
        rules::authorise(signed, at, &self.timeline, &self.genesis)?;
        match &signed.statement {
            Statement::Policy(policy) => {
                let pushed = self.timeline.push(at, bytes, policy.policy.clone());
                pushed.map_err(Refusal::PolicyHistoryFull)
            }
            Statement::Release(_) | Statement::Withdrawal(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{SmallLog, genesis, policy, signed_policy, signed_release, signed_withdrawal};

    fn log() -> SmallLog {
        let mut log = SmallLog::default();
        log.round(1_000, &[signed_policy(policy(), &["root1", "root2"])]);
        log.round(
            2_000,
            &[signed_release("nova", "1.0", "a", "team"), signed_release("nova", "1.1", "a", "team")],
        );
        log.round(3_000, &[signed_withdrawal("nova", "1.1", "a", "team")]);
        log.round(4_000, &[signed_release("nova", "1.2", "a", "mallory")]);
        log.push_bytes(b"{}".to_vec(), &[]);
        log.round(5_000, &[signed_release("nova", "1.3", "a", "team")]);
        log
    }

    /// What is said of the entries from `from` on.
    fn said(follower: &mut Follower, log: &SmallLog) -> Vec<(u64, bool)> {
        let mut said = Vec::new();
        for entry in &log.entries()[usize::try_from(follower.size()).expect("small")..] {
            let index = follower.size();
            let pushed = follower.push(entry);
            said.extend(pushed.judged.iter().map(|judged| (judged.at.index, judged.result.is_ok())));
            said.extend(pushed.entry.is_err().then_some((index, false)));
        }
        said
    }

    #[test]
    fn from_each_commitment_on_the_same_is_said_as_from_the_beginning() {
        let log = log();
        let mut whole = Follower::new(genesis());
        let all = said(&mut whole, &log);
        assert_eq!(
            all,
            [(0, true), (2, true), (3, true), (5, true), (7, false), (9, false), (10, true)],
            "a foreign key and an entry that is none are said, and the reading goes on"
        );
        assert_eq!((whole.root(), whole.ends_in_commitment()), (log.root(), true));
        let mut before = Follower::new(genesis());
        for entry in log.entries() {
            before.push(entry);
            let Some(commitment) = before.commitment().filter(|_| before.ends_in_commitment()) else {
                continue;
            };
            let (edge, timeline) = (before.edge.clone(), before.timeline.clone());
            let mut resumed = Follower::resume(genesis(), edge, timeline, *commitment);
            let from = resumed.size();
            let rest: Vec<_> = all.iter().copied().filter(|(index, _)| *index >= from).collect();
            assert_eq!(said(&mut resumed, &log), rest, "from {from} on");
            assert_eq!(resumed.root(), log.root());
        }
    }

    #[test]
    fn a_round_without_an_end_is_not_kept() {
        let mut follower = Follower::new(genesis());
        let entry = signed_release("nova", "1.0", "a", "team").envelope.to_canonical();
        for _ in 0..MAX_ROUND {
            assert_eq!(follower.push(&entry).entry, Ok(Taken::Statement));
        }
        assert_eq!(follower.push(&entry).entry, Err(Violation::NoCommitment));
        assert_eq!(follower.round.len(), MAX_ROUND);
    }
}

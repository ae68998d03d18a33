//! Which statement has which index: one each, and new only once.

use std::collections::HashMap;

use super::Said;

/// What the log has said about indices so far.
#[derive(Debug, Default)]
pub(super) struct Indices {
    /// By the statements' numbers, which have no gaps to speak of.
    of: Vec<Option<Known>>,
    /// How many are known.
    count: usize,
    /// 64 indices a word: of most words all bits are used in the end.
    taken: HashMap<u64, u64>,
}

/// What is known of a statement.
#[derive(Debug, Clone, Copy)]
struct Known {
    index: u64,
    /// Whether it was once new.
    new: bool,
}

impl Indices {
    /// The index of a statement.
    pub(super) fn of(&self, statement: u64) -> Option<u64> {
        let known = self.of.get(usize::try_from(statement).ok()?)?;
        known.map(|known| known.index)
    }

    /// How many statements have one.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Takes what an answer says, or says how it contradicts what was said before.
    pub(super) fn check(&mut self, said: &[Said]) -> Result<(), String> {
        said.iter().try_for_each(|said| match *said {
            Said::Logged { statement, index, again } => {
                let known = self.take(statement, index)?;
                if !again && std::mem::replace(&mut known.new, true) {
                    return Err(format!("the statement at {index} was new twice"));
                }
                Ok(())
            }
            Said::Committed { statement, index } => self.take(statement, index).map(|_| ()),
            Said::Found(_) | Said::Not(_) => Ok(()),
        })
    }

    fn take(&mut self, statement: u64, index: u64) -> Result<&mut Known, String> {
        let at = usize::try_from(statement).map_err(|_| format!("statement {statement}"))?;
        if self.of.len() <= at {
            self.of.resize(at + 1, None);
        }
        let place = &mut self.of[at];
        match place {
            Some(before) if before.index != index => {
                return Err(format!("one statement has the indices {} and {index}", before.index));
            }
            Some(_) => {}
            None => {
                let word = self.taken.entry(index / 64).or_default();
                let bit = 1 << (index % 64);
                if *word & bit != 0 {
                    return Err(format!("two statements have the index {index}"));
                }
                *word |= bit;
                self.count += 1;
            }
        }
        Ok(place.get_or_insert(Known { index, new: false }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_found() {
        let logged = |statement, index, again| Said::Logged { statement, index, again };
        let committed = Said::Committed { statement: 9, index: 900 };
        let good = [
            logged(1, 5, false),
            logged(1, 5, true),
            logged(2, 6, true),
            logged(2, 6, false),
            committed.clone(),
            committed,
            logged(9, 900, false),
            Said::Found(3),
            Said::Not("busy".into()),
        ];
        for (said, bad) in [
            (None, false),
            (Some(logged(1, 5, false)), true),
            (Some(logged(1, 7, true)), true),
            (Some(logged(3, 6, false)), true),
            (Some(Said::Committed { statement: 3, index: 5 }), true),
            (Some(logged(3, 7, false)), false),
        ] {
            let mut indices = Indices::default();
            assert_eq!(indices.check(&good), Ok(()));
            assert_eq!(indices.of(2), Some(6));
            assert_eq!(indices.check(said.as_slice()).is_err(), bad, "{said:?}");
        }
    }
}

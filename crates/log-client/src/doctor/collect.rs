//! Findings as they come, bounded and put in order.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::rules::Rule;
use super::surroundings::Surroundings;
use super::{Finding, Place, Target};

/// Most findings of one kind in one file; the rest are counted.
const MAX_OF_A_KIND: usize = 20;

/// Longest text of a finding, in characters.
const MAX_WHAT_CHARS: usize = 200;

/// What was found so far.
#[derive(Debug)]
pub struct Findings<'a> {
    /// What is judged.
    pub surroundings: &'a Surroundings,
    /// What is judged by.
    pub target: &'a Target,
    found: Vec<Finding>,
    counts: BTreeMap<(&'static str, PathBuf), usize>,
}

impl<'a> Findings<'a> {
    /// Nothing yet.
    pub fn new(surroundings: &'a Surroundings, target: &'a Target) -> Self {
        Self { surroundings, target, found: Vec::new(), counts: BTreeMap::new() }
    }

    /// Adds one, unless `wheeltap run` takes care of it.
    pub fn push(&mut self, rule: &'static Rule, place: Place, what: &str) {
        if *self.target == Target::Run && rule.set_aside {
            return;
        }
        if let Place::File(path, _) = &place {
            let count = self.counts.entry((rule.id, path.clone())).or_default();
            *count += 1;
            if *count > MAX_OF_A_KIND {
                return;
            }
        }
        let mut what: String = what.chars().take(MAX_WHAT_CHARS + 1).collect();
        if what.chars().count() > MAX_WHAT_CHARS {
            what.pop();
            what.push('…');
        }
        self.found.push(Finding { rule, place, what });
    }

    /// All of them, the worst first; those of one severity by kind and place.
    pub fn finish(mut self) -> Vec<Finding> {
        for ((id, path), count) in &self.counts {
            let more = count.saturating_sub(MAX_OF_A_KIND);
            let of_kind = self.found.iter().find(|finding| finding.rule.id == *id);
            if let (true, Some(rule)) = (more > 0, of_kind.map(|finding| finding.rule)) {
                let place = Place::File(path.clone(), None);
                self.found.push(Finding { rule, place, what: format!("and {more} more in this file") });
            }
        }
        self.found.sort_by(|a, b| {
            let order = |finding: &Finding| (finding.rule.id, finding.place.clone());
            b.rule.severity.cmp(&a.rule.severity).then_with(|| order(a).cmp(&order(b)))
        });
        self.found.dedup();
        self.found
    }
}

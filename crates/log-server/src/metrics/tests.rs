//! `docs/metrics.md` and `docs/operations.md` say what the registry exposes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::labels::{RequestClass, SubmissionOutcome, Success, WitnessResult};
use super::*;

const REFERENCE: &str = include_str!("../../../../docs/metrics.md");
const OPERATIONS: &str = include_str!("../../../../docs/operations.md");

/// What is known of a metric: type, labels, meaning.
type Description = (String, BTreeSet<String>, String);

/// Metrics with at least one series in every family.
fn used() -> Metrics {
    let metrics = Metrics::new(1_700_000_000);
    metrics.http.request("/checkpoint", 200, Duration::from_millis(3));
    metrics.log.witness("w1", WitnessResult::Cosigned);
    metrics
}

/// What a scrape says of each metric.
fn exposed() -> BTreeMap<String, Description> {
    let text = used().render();
    let mut found: BTreeMap<String, Description> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').expect("a help text");
            found.insert(name.to_owned(), (String::new(), BTreeSet::new(), help.to_owned()));
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a type");
            found.get_mut(name).expect("help comes first").0 = kind.to_owned();
        } else if let Some((series, labels)) = line.split_once('{') {
            let (name, metric) =
                found.iter_mut().rev().find(|(name, _)| series.starts_with(*name)).expect("one");
            let labels = labels.split_once('}').expect("labels").0;
            let names = labels.split(',').map(|label| label.split_once('=').expect("a label").0);
            assert!(series.len() - name.len() <= "_bucket".len(), "{series} is not of {name}");
            metric.1.extend(names.filter(|name| *name != "le").map(str::to_owned));
        }
    }
    found
}

/// The rows of the reference: name, and what it says; and which runbook it names.
fn documented() -> (BTreeMap<String, Description>, BTreeMap<String, String>) {
    let (mut metrics, mut runbooks) = (BTreeMap::new(), BTreeMap::new());
    for row in REFERENCE.lines().filter(|line| line.starts_with("| `wheeltap_")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [name, kind, labels, meaning, runbook] = cells[..] else { panic!("five cells: {row}") };
        let name = name.trim_matches('`').to_owned();
        let labels = labels.split(", ").map(|label| label.trim_matches('`')).filter(|label| *label != "–");
        let labels = labels.map(str::to_owned).collect();
        if runbook != "–" {
            let (_, anchor) = runbook.split_once("](operations.md#").expect("a link");
            runbooks.insert(name.clone(), anchor.trim_end_matches(')').to_owned());
        }
        let twice = metrics.insert(name, (kind.to_owned(), labels, meaning.to_owned()));
        assert!(twice.is_none(), "{row}");
    }
    (metrics, runbooks)
}

#[test]
fn every_metric_is_seen_by_these_tests() {
    let exposed = exposed();
    let names = [HttpMetrics::NAMES, LogMetrics::NAMES, StoreMetrics::NAMES, IndexMetrics::NAMES];
    for name in names.concat().iter().chain(ProcessMetrics::NAMES) {
        let there = exposed.contains_key(*name) || exposed.contains_key(&format!("{name}_total"));
        assert!(there, "{name} has no series: use it in `used`");
    }
}

#[test]
fn the_reference_lists_every_metric() {
    let (documented, _) = documented();
    let exposed = exposed();
    for (name, description) in &exposed {
        assert_eq!(documented.get(name), Some(description), "docs/metrics.md should list {name}");
    }
    for name in documented.keys() {
        assert!(exposed.contains_key(name), "docs/metrics.md lists {name}, which is not there");
    }
}

#[test]
fn every_alert_has_a_runbook() {
    let (_, runbooks) = documented();
    assert!(runbooks.len() >= 10, "{runbooks:?}");
    for (metric, anchor) in &runbooks {
        let heading = OPERATIONS.lines().find(|line| line.starts_with("### ") && slug(line) == *anchor);
        let heading =
            heading.unwrap_or_else(|| panic!("docs/operations.md has no heading for {metric}: {anchor}"));
        let (_, runbook) = OPERATIONS.split_once(&format!("{heading}\n")).expect("the heading");
        let runbook =
            runbook.split("\n### ").next().unwrap_or_default().split("\n## ").next().unwrap_or_default();
        assert!(runbook.contains(metric), "{heading} has no expression with {metric}");
        for part in ["```promql", "**Means**", "**Do**", "**Do not**"] {
            assert!(runbook.contains(part), "{heading} does not say: {part}");
        }
    }
}

/// The anchor that Markdown renderers give a heading.
fn slug(heading: &str) -> String {
    let text = heading.trim_start_matches(['#', ' ']).to_lowercase();
    let kept = text.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[test]
fn known_series_start_at_zero() {
    let text = Metrics::new(0).render();
    for (name, label, values) in [
        (
            "log_submissions_total",
            "outcome",
            SubmissionOutcome::ALL.iter().map(|value| value.as_str()).collect(),
        ),
        ("log_sequencing_rounds_total", "result", Success::ALL.iter().map(|value| value.as_str()).collect()),
        (
            "rate_limited_total",
            "class",
            RequestClass::ALL.iter().map(|value| value.as_str()).collect::<Vec<_>>(),
        ),
    ] {
        for value in values {
            let series = format!("wheeltap_{name}{{{label}=\"{value}\"}} 0\n");
            assert!(text.contains(&series), "{series}");
        }
    }
}

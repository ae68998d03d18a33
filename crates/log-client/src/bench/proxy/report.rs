//! What was measured of the proxy, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::measure::real;
use super::super::parallel::processors;
use super::super::report::{grouped, milliseconds};
use super::Size;
use super::load::Side;

/// The number of the JSON.
const SCHEMA: u32 = 1;

/// Of 1,000: the quantiles that are shown.
const QUANTILES: [usize; 2] = [500, 990];

/// A run of the bench.
#[derive(Debug)]
pub(crate) struct ProxyReport {
    /// What was asked for.
    pub(crate) size: Size,
    /// What was measured, twice each.
    pub(crate) rows: Vec<Row>,
    /// The proxy's largest resident memory while it streamed for the first time.
    pub(crate) peak_resident_bytes: Option<u64>,
}

/// The same, of the index alone and through the proxy.
#[derive(Debug)]
pub(crate) struct Row {
    /// For programs.
    pub(crate) key: &'static str,
    /// For people.
    pub(crate) name: String,
    /// What is counted.
    pub(crate) unit: &'static str,
    /// The index alone.
    pub(crate) direct: Side,
    /// Through the proxy.
    pub(crate) proxy: Side,
}

impl Row {
    /// What the proxy's rate is of the index's.
    fn ratio(&self) -> f64 {
        if self.direct.rate > 0.0 { self.proxy.rate / self.direct.rate } else { 0.0 }
    }

    /// What the proxy adds to the median and to the slowest of a hundred.
    fn added(&self) -> Option<[Duration; 2]> {
        let (direct, proxy) = (quantiles(&self.direct)?, quantiles(&self.proxy)?);
        Some([proxy[0].saturating_sub(direct[0]), proxy[1].saturating_sub(direct[1])])
    }

    fn to_json(&self) -> Value {
        let times = |times: Option<[Duration; 2]>| {
            times.map(|[p50, p99]| json!({"p50": p50.as_secs_f64(), "p99": p99.as_secs_f64()}))
        };
        let side = |side: &Side| json!({"per_second": side.rate, "latency_seconds": times(quantiles(side))});
        json!({
            "key": self.key,
            "name": self.name,
            "unit": self.unit,
            "direct": side(&self.direct),
            "proxy": side(&self.proxy),
            "ratio": self.ratio(),
            "added_seconds": times(self.added()),
        })
    }
}

impl ProxyReport {
    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "schema": SCHEMA,
            "processors": processors(),
            "packages": self.size.packages,
            "connections": self.size.connections,
            "large": {"files": self.size.streams, "bytes": self.size.large_bytes},
            "measured": self.rows.iter().map(Row::to_json).collect::<Vec<_>>(),
            "peak_resident_bytes": self.peak_resident_bytes,
        })
    }

    /// For people: a table in Markdown.
    pub(crate) fn to_text(&self) -> String {
        let mut text =
            "| what | the index alone | through the proxy | ratio | added, p50 | added, p99 |\n|---|---|---|---|---|---|\n"
                .to_owned();
        for row in &self.rows {
            let side = |side: &Side| {
                let times = quantiles(side)
                    .map(|[p50, p99]| format!("; p50 {}, p99 {}", milliseconds(p50), milliseconds(p99)));
                format!("{} {}/s{}", grouped(side.rate), row.unit, times.unwrap_or_default())
            };
            let added = row.added().map_or([String::new(), String::new()], |added| added.map(milliseconds));
            let [p50, p99] = added;
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "| {} | {} | {} | {:.2} | {p50} | {p99} |",
                row.name,
                side(&row.direct),
                side(&row.proxy),
                row.ratio()
            );
        }
        if let Some(bytes) = self.peak_resident_bytes {
            let megabytes = real(bytes) / 1e6;
            let _ = write!(
                text,
                "\nThe proxy's largest resident memory while the large files came: {megabytes:.1} MB."
            );
        }
        let _ = write!(
            text,
            "\n{} projects, {} connections, {} processors, which the index, the proxy and the load share. All answers are right.",
            self.size.packages,
            self.size.connections,
            processors()
        );
        text
    }
}

fn quantiles(side: &Side) -> Option<[Duration; 2]> {
    side.latencies.quantiles(QUANTILES)
}

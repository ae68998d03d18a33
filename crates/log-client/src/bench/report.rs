//! What was measured, for people and for programs.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::ceiling::Ceiling;
use super::measure::{rate, real};
use super::parallel::processors;
use super::run::Measured;

/// Of 1,000: the quantiles that are shown.
const QUANTILES: [usize; 5] = [500, 900, 990, 999, 1000];

/// A whole run of the bench.
#[derive(Debug)]
pub(crate) struct Report {
    /// From which everything was made.
    pub(crate) seed: u64,
    /// What the machine can do.
    pub(crate) ceiling: Ceiling,
    /// What was measured.
    pub(crate) measured: Vec<Measured>,
    /// Other figures: name, JSON key and value, value for people.
    pub(crate) figures: Vec<Figure>,
    /// Checkpoints that were seen, all of one history.
    pub(crate) checkpoints: usize,
}

/// A figure that is no throughput.
#[derive(Debug)]
pub(crate) struct Figure {
    /// What it is, for people.
    pub(crate) name: String,
    /// Its value, for people.
    pub(crate) text: String,
    /// The key in JSON.
    pub(crate) key: String,
    /// The value in JSON.
    pub(crate) value: Value,
}

impl Figure {
    /// A time.
    pub(crate) fn time(key: &str, name: &str, time: Duration) -> Self {
        let (key, name) = (format!("{key}_seconds"), name.to_owned());
        Self { name, text: milliseconds(time), key, value: json!(time.as_secs_f64()) }
    }

    /// A number with its unit.
    pub(crate) fn number(key: &str, name: &str, number: f64, unit: &str) -> Self {
        Self {
            name: name.to_owned(),
            text: format!("{number:.2} {unit}"),
            key: key.to_owned(),
            value: json!(number),
        }
    }

    /// A number of bytes.
    pub(crate) fn bytes(key: &str, name: &str, bytes: u64) -> Self {
        let text = format!("{:.1} MB", real(bytes) / 1e6);
        Self { name: name.to_owned(), text, key: format!("{key}_bytes"), value: json!(bytes) }
    }

    /// A rate.
    pub(crate) fn rate(key: &str, name: &str, rate: f64) -> Self {
        let text = format!("{}/s", grouped(rate));
        Self { name: name.to_owned(), text, key: format!("{key}_per_second"), value: json!(rate) }
    }
}

impl Measured {
    /// Things a second.
    pub(crate) fn rate(&self) -> f64 {
        rate(self.good, self.elapsed)
    }

    /// Requests a second.
    pub(crate) fn request_rate(&self) -> f64 {
        rate(self.requests, self.elapsed)
    }

    /// What the nearest ceiling is called, and how much of it this is.
    fn share(&self, ceiling: &Ceiling) -> (&'static str, f64) {
        let (name, best, found) = if self.unit == "statements" && self.good > self.requests {
            ("of the Ed25519 verifications", ceiling.verifications[1], self.rate())
        } else {
            ("of the echoed requests", ceiling.echoes.0, self.request_rate())
        };
        (name, if best > 0.0 { found / best } else { 0.0 })
    }

    /// Processor time for each thing, in microseconds.
    fn each(&self, time: Duration) -> f64 {
        if self.good == 0 { 0.0 } else { time.as_secs_f64() * 1e6 / real(self.good) }
    }

    fn to_json(&self, ceiling: &Ceiling) -> Value {
        let names = ["p50", "p90", "p99", "p999", "max"];
        let seconds = self.latencies.quantiles(QUANTILES).map(|all| all.map(|at| json!(at.as_secs_f64())));
        let latency: serde_json::Map<String, Value> =
            names.map(str::to_owned).into_iter().zip(seconds.into_iter().flatten()).collect();
        let (ceiling, share) = self.share(ceiling);
        let cost = |cost: super::measure::Cost| json!({"seconds": cost.wall.as_secs_f64(), "cpu_seconds": cost.cpu.as_secs_f64()});
        json!({
            "name": self.name,
            "unit": self.unit,
            "connections": self.pace.connections,
            "rate_wanted": self.pace.rate,
            "requests": self.requests,
            "requests_per_second": self.request_rate(),
            "good": self.good,
            "good_per_second": self.rate(),
            "already_logged": self.again,
            "committed": self.committed,
            "errors": self.errors,
            "answer_bytes": self.bytes,
            "seconds": self.elapsed.as_secs_f64(),
            "latency_seconds": latency,
            "cpu_seconds": {
                "client": self.client.as_secs_f64(),
                "server": self.server.map(|time| time.as_secs_f64()),
            },
            "prepare": cost(self.prepare),
            "verify": cost(self.verify),
            "share": {"ceiling": ceiling, "value": share},
        })
    }
}

impl Report {
    /// For programs.
    pub(crate) fn to_json(&self) -> Value {
        let ceiling = &self.ceiling;
        let quantiles =
            |[p50, p99]: [Duration; 2]| json!({"p50": p50.as_secs_f64(), "p99": p99.as_secs_f64()});
        let writes = ceiling
            .writes
            .map(|(rate, latency)| json!({"per_second": rate, "latency_seconds": quantiles(latency)}));
        let figures: serde_json::Map<String, Value> =
            self.figures.iter().map(|figure| (figure.key.clone(), figure.value.clone())).collect();
        json!({
            "schema": 1,
            "seed": self.seed,
            "processors": processors(),
            "ceiling": {
                "ed25519_verifications_per_second": {"one": ceiling.verifications[0], "all": ceiling.verifications[1]},
                "sha256_bytes_per_second": {"one": ceiling.hashed_bytes[0], "all": ceiling.hashed_bytes[1]},
                "durable_writes": writes,
                "echoes": {"per_second": ceiling.echoes.0, "latency_seconds": quantiles(ceiling.echoes.1)},
            },
            "measured": self.measured.iter().map(|measured| measured.to_json(ceiling)).collect::<Vec<_>>(),
            "figures": figures,
            "checkpoints": self.checkpoints,
        })
    }

    /// For people: tables in Markdown.
    pub(crate) fn to_text(&self) -> String {
        let mut text = String::new();
        let ceiling = &self.ceiling;
        let [one, all] = ceiling.verifications.map(grouped);
        let mut line = |text_line: String| {
            text.push_str(&text_line);
            text.push('\n');
        };
        line(format!("| the ceiling of this machine, {} processors | |", processors()));
        line("|---|---|".to_owned());
        line(format!("| Ed25519 verifications | {one}/s on one processor, {all}/s on all |"));
        let [one, all] = ceiling.hashed_bytes.map(|bytes| bytes / 1e6).map(grouped);
        line(format!("| SHA-256 | {one} MB/s on one processor, {all} MB/s on all |"));
        if let Some((rate, [p50, p99])) = ceiling.writes {
            let (p50, p99) = (milliseconds(p50), milliseconds(p99));
            line(format!(
                "| durable writes of 8 KiB, one after the other | {}/s; p50 {p50}, p99 {p99} |",
                grouped(rate)
            ));
        }
        let (rate, [p50, p99]) = ceiling.echoes;
        let (p50, p99) = (milliseconds(p50), milliseconds(p99));
        line(format!("| HTTP requests sent back | {}/s; p50 {p50}, p99 {p99} |", grouped(rate)));
        line("\n| what | result | p50 | p99 | p99.9 | max | server CPU | client CPU | share |".to_owned());
        line("|---|---|---|---|---|---|---|---|---|".to_owned());
        self.measured.iter().for_each(|measured| line(row(measured, ceiling)));
        if !self.figures.is_empty() {
            line("\n| and | |\n|---|---|".to_owned());
            self.figures.iter().for_each(|figure| line(format!("| {} | {} |", figure.name, figure.text)));
        }
        line(String::new());
        for measured in &self.measured {
            line(format!(
                "{}: {} requests; made in {}, verified in {} ({} of processor time){}",
                measured.name,
                grouped(real(measured.requests)),
                milliseconds(measured.prepare.wall),
                milliseconds(measured.verify.wall),
                milliseconds(measured.verify.cpu),
                counts(measured),
            ));
        }
        line(format!(
            "All answers are right; {} checkpoints are of one history. Seed {}.",
            self.checkpoints, self.seed
        ));
        text
    }
}

fn row(measured: &Measured, ceiling: &Ceiling) -> String {
    let mut row = format!("| {} | {} {}/s |", measured.name, grouped(measured.rate()), measured.unit);
    match measured.latencies.quantiles([500, 990, 999, 1000]) {
        Some(quantiles) => row.extend(quantiles.map(|at| format!(" {} |", milliseconds(at)))),
        None => row.push_str(" | | | |"),
    }
    let cpu = |time: Duration| format!(" {:.0} µs each |", measured.each(time));
    row.push_str(&measured.server.map_or(" |".to_owned(), cpu));
    row.push_str(&cpu(measured.client));
    let (name, share) = measured.share(ceiling);
    let _ = write!(row, " {:.0} % {name} |", share * 100.0);
    row
}

/// What was counted apart.
fn counts(measured: &Measured) -> String {
    let apart = [("logged before", measured.again), ("not published yet", measured.committed)];
    let apart = apart.into_iter().map(|(name, count)| (name.to_owned(), count));
    let all = apart.chain(measured.errors.iter().map(|(kind, count)| (format!("errors: {kind}"), *count)));
    all.filter(|(_, count)| *count > 0)
        .fold(String::new(), |text, (name, count)| format!("{text}; {count} {name}"))
}

/// `12.3 ms`, `4.56 s`.
pub(crate) fn milliseconds(time: Duration) -> String {
    match time.as_secs_f64() * 1e3 {
        short if short < 10.0 => format!("{short:.2} ms"),
        middling if middling < 1_000.0 => format!("{middling:.1} ms"),
        long => format!("{:.2} s", long / 1e3),
    }
}

/// `1,234,567`; below 100 with a decimal.
pub(crate) fn grouped(number: f64) -> String {
    if number < 100.0 {
        return format!("{number:.1}");
    }
    let digits = format!("{number:.0}");
    let mut grouped = String::new();
    for (left, digit) in (0..digits.len()).rev().zip(digits.chars()) {
        grouped.push(digit);
        if left > 0 && left % 3 == 0 {
            grouped.push(',');
        }
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!(
            ["0.0", "99.9", "100", "1,000", "1,234,567"],
            [0.0, 99.94, 100.2, 999.7, 1_234_567.0].map(grouped).each_ref().map(String::as_str)
        );
        assert_eq!(milliseconds(Duration::from_micros(1_234)), "1.23 ms");
        assert_eq!(milliseconds(Duration::from_millis(45)), "45.0 ms");
        assert_eq!(milliseconds(Duration::from_millis(61_234)), "61.23 s");
    }
}

//! Several statements in one request: the JSON lines of both directions.
//!
//! ```text
//! request   an envelope a line
//! answer    a line per statement in the same order, then one closing line
//! ```

use hyper::body::Bytes;
use log_core::api::{BatchEnd, BatchLine};

/// A request's body.
pub(crate) fn body<'a>(envelopes: impl Iterator<Item = &'a [u8]>) -> Bytes {
    let mut body = Vec::new();
    for envelope in envelopes {
        body.extend_from_slice(envelope);
        body.push(b'\n');
    }
    body.into()
}

/// An answer to `count` statements.
pub(crate) fn parse(answer: &[u8], count: usize) -> Result<(Vec<BatchLine>, BatchEnd), String> {
    let mut lines = answer.strip_suffix(b"\n").unwrap_or(answer).split(|byte| *byte == b'\n');
    let mut found = Vec::with_capacity(count);
    for (number, line) in (1..=count).zip(lines.by_ref()) {
        let line = serde_json::from_slice(line);
        found.push(line.map_err(|error| format!("line {number} is none of an answer: {error}"))?);
    }
    let end = lines.next().ok_or_else(|| format!("it has no closing line after {} lines", found.len()))?;
    let end = serde_json::from_slice(end).map_err(|error| format!("the closing line: {error}"))?;
    if found.len() == count && lines.next().is_none() {
        Ok((found, end))
    } else {
        Err(format!("it has not one line for each of {count} statements and one more"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_have_a_line_each_and_one_more() {
        let proof = r#"{"steps":[],"leaf":null}"#;
        let entry = r#"{"index":7,"entry":"","proof":[]}"#;
        let logged = r#"{"logged":{"index":5,"status":"logged","proof":["AA=="]}}"#;
        let again = r#"{"logged":{"index":3,"status":"already-logged","proof":[],"entry":"AA=="}}"#;
        let committed = r#"{"committed":{"index":6}}"#;
        let basis =
            format!(r#"{{"commitment":{entry},"policies":[],"policy_map":{proof},"commitments":[]}}"#);
        let end = format!(r#"{{"checkpoint":"c","basis":{basis}}}"#);
        let all = format!("{logged}\n{again}\n{committed}\n{end}\n");
        let (lines, closing) = parse(all.as_bytes(), 3).expect("an answer");
        assert!(matches!(&lines[..], [BatchLine::Logged(_), BatchLine::Logged(_), BatchLine::Committed(_)]));
        assert_eq!(closing.checkpoint, "c");
        for (bad, count) in [
            (all.clone(), 2),
            (all.clone(), 4),
            (all.replace(&end, ""), 3),
            (all.replace("\"logged\",", "\"maybe\","), 3),
            (String::new(), 0),
        ] {
            assert!(parse(bad.as_bytes(), count).is_err(), "{bad}");
        }
    }
}

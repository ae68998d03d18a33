//! Which part of a file a client asks for: one range, which is what installers send.
//!
//! Specification: RFC 9110 §14. A header that is not understood, or that has several
//! ranges, is ignored, as it may be: the answer is then the whole file.

use axum::http::HeaderMap;
use axum::http::header::{IF_RANGE, RANGE};

/// What to send of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// So many bytes from one on, at least one.
    Range { from: u64, count: u64 },
    /// Nothing of what was asked for is in it.
    Unsatisfiable,
}

/// The part of a file of this length, whose entity tag this is.
pub(super) fn part(headers: &HeaderMap, length: u64, etag: &str) -> Part {
    let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok()) else { return Part::Whole };
    // The client has the start of another file.
    if headers.get(IF_RANGE).is_some_and(|value| value.as_bytes() != etag.as_bytes()) {
        return Part::Whole;
    }
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.trim().split_once('-'))
    else {
        return Part::Whole;
    };
    let number =
        |text: &str| text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    match (first, last) {
        ("", suffix) => match number(suffix) {
            None => Part::Whole,
            Some(0) => Part::Unsatisfiable,
            Some(_) if length == 0 => Part::Unsatisfiable,
            Some(suffix) => {
                let count = suffix.min(length);
                Part::Range { from: length - count, count }
            }
        },
        (first, last) => {
            let Some(first) = number(first) else { return Part::Whole };
            let last = if last.is_empty() { Some(u64::MAX) } else { number(last) };
            match last {
                Some(last) if last < first => Part::Whole,
                None => Part::Whole,
                Some(_) if first >= length => Part::Unsatisfiable,
                Some(last) => Part::Range { from: first, count: last.min(length - 1) - first + 1 },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let ask = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().expect("a value"));
            part(&headers, 10, "\"e\"")
        };
        for (range, expected) in [
            ("bytes=0-0", Part::Range { from: 0, count: 1 }),
            ("bytes=2-", Part::Range { from: 2, count: 8 }),
            ("bytes=2-99", Part::Range { from: 2, count: 8 }),
            ("bytes=-3", Part::Range { from: 7, count: 3 }),
            ("bytes=-99", Part::Range { from: 0, count: 10 }),
            ("bytes=10-", Part::Unsatisfiable),
            ("bytes=-0", Part::Unsatisfiable),
            ("bytes=3-2", Part::Whole),
            ("bytes=0-1,3-4", Part::Whole),
            ("bytes=+1-2", Part::Whole),
            ("items=0-1", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
        ] {
            assert_eq!(ask(range), expected, "{range}");
        }
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, "bytes=0-1".parse().expect("a value"));
        headers.insert(IF_RANGE, "\"other\"".parse().expect("a value"));
        assert_eq!(part(&headers, 10, "\"e\""), Part::Whole);
    }
}

//! Times and durations as people write them.
//!
//! Times are RFC 3339 or POSIX seconds, durations a number with a unit. What the clock
//! says is an argument. Left out: leap seconds, which POSIX time does not have, and
//! fractions of seconds, which the log's time does not have.

/// POSIX seconds for people (RFC 3339, UTC).
pub fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have the leap day last; 719,468 days before 1970
    // one of them began that is divisible by 400.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + next;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3_600, second / 60 % 60, second % 60)
}

/// `now`, POSIX seconds, or RFC 3339: `2026-11-23T09:22:14Z`, with `+01:00` for `Z`, or
/// a date alone, which is its first second in UTC.
pub fn parse_time(text: &str, now: u64) -> Result<u64, String> {
    if text == "now" {
        return Ok(now);
    }
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().map_err(|_| format!("{text:?} is too late"));
    }
    parse_rfc_3339(text).ok_or_else(|| {
        format!("{text:?} is no time: expected `now`, POSIX seconds, or like 2026-11-23T09:22:14Z")
    })
}

/// A number of seconds, or with the unit `s`, `m`, `h` or `d`.
pub fn parse_duration(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.as_bytes().last() {
        Some(b's') => (&text[..text.len() - 1], 1),
        Some(b'm') => (&text[..text.len() - 1], 60),
        Some(b'h') => (&text[..text.len() - 1], 3_600),
        Some(b'd') => (&text[..text.len() - 1], 86_400),
        _ => (text, 1),
    };
    let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = number.parse::<u64>().ok().filter(|_| digits);
    seconds
        .and_then(|number| number.checked_mul(unit))
        .ok_or_else(|| format!("{text:?} is no duration: expected seconds, or like 90m, 12h or 7d"))
}

/// A duration in the largest unit that fits exactly.
pub fn duration(seconds: u64) -> String {
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3_600) => format!("{}h", seconds / 3_600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

/// How long something took or is ago, for people: in the largest unit that it fills, and
/// no more exactly than that.
pub fn about(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

fn parse_rfc_3339(text: &str) -> Option<u64> {
    if !text.is_ascii() {
        return None;
    }
    let (date, rest) = text.split_at_checked(10)?;
    let days = parse_date(date)?;
    if rest.is_empty() {
        return days.checked_mul(86_400);
    }
    let (clock, zone) = rest.split_at_checked(9)?;
    let fields = split_fixed(clock.strip_prefix(['T', 't', ' '])?, ':')?;
    let [hour, minute, second] = fields;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local = days.checked_mul(86_400)? + hour * 3_600 + minute * 60 + second;
    match zone {
        "Z" | "z" => Some(local),
        _ => {
            let (hours, minutes) = zone.get(1..)?.split_once(':')?;
            let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
            let offset = (hours < 24 && minutes < 60).then_some(hours * 3_600 + minutes * 60)?;
            match zone.as_bytes()[0] {
                b'+' => local.checked_sub(offset),
                b'-' => local.checked_add(offset),
                _ => None,
            }
        }
    }
}

/// Days since 1970 of `YYYY-MM-DD`; none before it.
fn parse_date(text: &str) -> Option<u64> {
    let year = text.get(..4).filter(|year| year.bytes().all(|byte| byte.is_ascii_digit()))?;
    let (year, rest) = (year.parse::<u64>().ok()?, text.get(4..)?.strip_prefix('-')?);
    let (month, day) = rest.split_once('-')?;
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + u64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=length).contains(&day) || year < 1970 {
        return None;
    }
    let before = year - 1;
    let leap_days = before / 4 - before / 100 + before / 400 - 477;
    let months = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let in_year = months[usize::try_from(month - 1).ok()?] + day - 1 + u64::from(leap && month > 2);
    Some((year - 1970) * 365 + leap_days + in_year)
}

/// Three numbers of two digits.
fn split_fixed(text: &str, separator: char) -> Option<[u64; 3]> {
    let mut parts = text.split(separator).map(two_digits);
    let fields = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(fields)
}

fn two_digits(text: &str) -> Option<u64> {
    (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_utc() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
        ] {
            assert_eq!(utc(seconds), expected);
            assert_eq!(parse_time(expected, 7), Ok(seconds));
        }
        // A log may claim any time.
        assert!(utc(u64::MAX).ends_with('Z'));
    }

    #[test]
    fn every_day_of_500_years_is_read_as_it_is_written() {
        for day in 0..182_622 {
            let seconds = day * 86_400 + day % 86_400;
            assert_eq!(parse_time(&utc(seconds), 0), Ok(seconds));
        }
    }

    #[test]
    fn what_people_write() {
        for (text, expected) in [
            ("now", 1_234),
            ("0", 0),
            ("1700000000", 1_700_000_000),
            ("2023-11-14", 1_699_920_000),
            ("2023-11-14T22:13:20Z", 1_700_000_000),
            ("2023-11-14 22:13:20Z", 1_700_000_000),
            ("2023-11-14T23:13:20+01:00", 1_700_000_000),
            ("2023-11-14T17:43:20-04:30", 1_700_000_000),
        ] {
            assert_eq!(parse_time(text, 1_234), Ok(expected), "{text}");
        }
        for bad in [
            "",
            "-1",
            "tomorrow",
            "2023-11-14T22:13:20",
            "2023-11-14T22:13Z",
            "2023-11-14T24:00:00Z",
            "2023-02-29",
            "2023-13-01",
            "2023-00-01",
            "1969-12-31",
            "1970-01-01T00:00:00+01:00",
            "2023-11-14T22:13:20+1:00",
            "2023-11-14T22:13:20é",
            "99999999999999999999",
        ] {
            assert!(parse_time(bad, 0).is_err(), "{bad}");
        }
    }

    #[test]
    fn ages() {
        for (seconds, expected) in [
            (0, "0 s"),
            (119, "119 s"),
            (120, "2 min"),
            (7_199, "119 min"),
            (7_200, "2 h"),
            (172_799, "47 h"),
            (172_800, "2 days"),
        ] {
            assert_eq!(about(seconds), expected);
        }
    }

    #[test]
    fn durations() {
        for (text, expected, again) in [
            ("0", 0, "0s"),
            ("90", 90, "90s"),
            ("90m", 5_400, "90m"),
            ("12h", 43_200, "12h"),
            ("48h", 172_800, "2d"),
            ("7d", 604_800, "7d"),
        ] {
            assert_eq!(parse_duration(text), Ok(expected));
            assert_eq!(duration(expected), again);
        }
        for bad in ["", "d", "-1", "1.5h", "+1", "1w", "99999999999999999999d"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
    }
}

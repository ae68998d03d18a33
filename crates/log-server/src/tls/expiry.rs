//! When a certificate expires: just enough of X.509 (RFC 5280 §4.1) to read one date,
//! so that an alert can say so in time. Nothing is decided by it.
//!
//! ```text
//! Certificate ::= SEQUENCE { tbsCertificate SEQUENCE {
//!     [0] version OPTIONAL, serialNumber, signature, issuer,
//!     validity SEQUENCE { notBefore Time, notAfter Time }, … }, … }
//! ```

/// DER tags.
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// `notAfter` in POSIX seconds; `None` when the bytes are not as expected.
pub fn not_after(certificate: &[u8]) -> Option<u64> {
    let (certificate, _) = expect(certificate, SEQUENCE)?;
    let (mut fields, _) = expect(certificate, SEQUENCE)?;
    if let Some((_, rest)) = expect(fields, VERSION) {
        fields = rest;
    }
    for _serial_signature_issuer in 0..3 {
        (_, _, fields) = element(fields)?;
    }
    let (validity, _) = expect(fields, SEQUENCE)?;
    let (_, _, after_not_before) = element(validity)?;
    let (tag, time, _) = element(after_not_before)?;
    let text = str::from_utf8(time).ok()?;
    match tag {
        // Two digits of the year: 1950 to 2049 (RFC 5280 §4.1.2.5.1).
        UTC_TIME => {
            let century = if number(text, 0, 2)? < 50 { 2000 } else { 1900 };
            posix(century + number(text, 0, 2)?, text.get(2..)?)
        }
        GENERALIZED_TIME => posix(number(text, 0, 4)?, text.get(4..)?),
        _ => None,
    }
}

/// The content of the first element, which has this tag, and what follows.
fn expect(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// The first element: its tag, its content, and what follows.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        length if length < 0x80 => (usize::from(length), rest),
        0x81..=0x83 => {
            let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
            (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `MMDDHHMMSSZ` of a year as POSIX seconds.
fn posix(year: u64, rest: &str) -> Option<u64> {
    let (month, day) = (number(rest, 0, 2)?, number(rest, 2, 2)?);
    let (hours, minutes, seconds) = (number(rest, 4, 2)?, number(rest, 6, 2)?, number(rest, 8, 2)?);
    if rest.get(10..) != Some("Z") || year < 1970 || !(1..=12).contains(&month) {
        return None;
    }
    // Days before a year that begins in March, so that leap days come last.
    let (year, month) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1;
    let days = days.checked_sub(DAYS_TO_1970)?;
    Some(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
}

/// Days from 1 March of the year 0 to 1 January 1970.
const DAYS_TO_1970: u64 = 719_468;

fn number(text: &str, from: usize, digits: usize) -> Option<u64> {
    let digits = text.get(from..from + digits)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn dates_of_real_certificates() {
        let key = KeyPair::generate().expect("a key");
        // `date -u -d 2030-02-28 +%s`, and so on; from 2050 on dates are of the other type.
        for ((year, month, day), expected) in [
            ((1975, 1, 2), 157_852_800),
            ((2000, 2, 29), 951_782_400),
            ((2030, 2, 28), 1_898_467_200),
            ((2036, 3, 1), 2_087_942_400),
            ((2049, 12, 31), 2_524_521_600),
            ((2050, 1, 1), 2_524_608_000),
            ((4096, 1, 1), 67_090_118_400),
        ] {
            let mut params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
            params.not_after = date_time_ymd(year, month, day);
            let certificate = params.self_signed(&key).expect("a certificate");
            assert_eq!(not_after(certificate.der()), Some(expected), "{year}-{month}-{day}");
        }
    }

    #[test]
    fn what_is_cut_or_damaged_has_no_date_and_does_no_harm() {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        let certificate = params.self_signed(&key).expect("a certificate");
        for end in 0..certificate.der().len() {
            assert_eq!(not_after(&certificate.der()[..end]), None);
        }
        for i in 0..certificate.der().len() {
            let mut damaged = certificate.der().to_vec();
            damaged[i] ^= 0x81;
            let _ = not_after(&damaged);
        }
    }
}

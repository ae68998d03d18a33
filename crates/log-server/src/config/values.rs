//! The values of the configuration: types that cannot be wrong, made at the edge.
//!
//! Each reads from the text that people write, and writes that text again; each
//! error says what would be right. serde adds the field, `config` the line.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use log_core::trust_policy::TrustPolicy;
use log_io::process;
use serde::{Deserialize, Serialize};

/// An address to listen on; port 0 takes a free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ListenAddress(pub SocketAddr);

/// A length of time: a whole number and a unit, `ms`, `s`, `m` or `h`; more than
/// nothing and at most [`Span::MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Span(Duration);

/// How many there may be: 1 to 100,000.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Count(u32);

/// A network, such as `10.0.0.0/8`, or one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// What is traced, as for `RUST_LOG`: `info`, `log_server=debug`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Filter(String);

/// A C2SP tlog-policy text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PolicyText(String);

impl Span {
    /// The longest.
    pub const MAX: Duration = Duration::from_secs(24 * 60 * 60);

    /// Whole seconds, for defaults; `None` out of bounds.
    pub const fn from_secs(seconds: u64) -> Option<Self> {
        if seconds == 0 || seconds > Self::MAX.as_secs() {
            return None;
        }
        Some(Self(Duration::from_secs(seconds)))
    }

    /// The length.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl Count {
    /// The most.
    pub const MAX: u32 = 100_000;

    /// A number, for defaults; `None` out of bounds.
    pub const fn new(number: u32) -> Option<Self> {
        if number == 0 || number > Self::MAX {
            return None;
        }
        Some(Self(number))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Network {
    /// Whether the address is in it; one that is IPv4 written as IPv6 counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl Filter {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PolicyText {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What it says.
    pub fn parse(&self) -> TrustPolicy {
        TrustPolicy::parse(&self.0).expect("it was parsed when it was made")
    }
}

impl FromStr for ListenAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            |_| format!("{text:?} is not an IP address and a port, such as 127.0.0.1:8470 or [::]:443");
        text.parse().map(Self).map_err(wrong)
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let milliseconds = match unit {
            "ms" => Some(1),
            "s" => Some(1_000),
            "m" => Some(60_000),
            "h" => Some(3_600_000),
            _ => None,
        };
        milliseconds
            .and_then(|unit: u64| number.parse::<u64>().ok()?.checked_mul(unit))
            .map(Duration::from_millis)
            .filter(|length| !length.is_zero() && *length <= Self::MAX)
            .map(Self)
            .ok_or_else(|| {
                format!(
                    "{text:?} is not a time from \"1ms\" to \"24h\", such as \"15s\", \"10m\" or \"500ms\""
                )
            })
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let network = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        let network = network.map_err(|_| {
            format!("{text:?} is not a network, such as \"10.0.0.0/8\", \"2001:db8::/32\" or \"192.0.2.7\"")
        })?;
        if network != network.trunc() {
            return Err(format!("{text:?} has bits after its prefix; \"{}\" is meant?", network.trunc()));
        }
        Ok(Self(network))
    }
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match process::check_filter(text) {
            Ok(()) => Ok(Self(text.to_owned())),
            Err(error) => {
                Err(format!("{error:#}; expected for example \"info\" or \"warn,log_server=debug\""))
            }
        }
    }
}

impl FromStr for PolicyText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match TrustPolicy::parse(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(error) => Err(format!("{error}; expected a C2SP tlog-policy")),
        }
    }
}

impl TryFrom<i64> for Count {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        let count = u32::try_from(number).ok().and_then(Self::new);
        count.ok_or_else(|| format!("{number} is not a number from 1 to {}", Self::MAX))
    }
}

impl From<Count> for i64 {
    fn from(count: Count) -> Self {
        count.0.into()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = self.0.as_millis();
        for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
            if milliseconds.is_multiple_of(length) {
                return write!(f, "{}{unit}", milliseconds / length);
            }
        }
        write!(f, "{milliseconds}ms")
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for PolicyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What serde needs of a value that is written as a string.
macro_rules! as_text {
    ($($value:ty),*) => {$(
        impl TryFrom<String> for $value {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$value> for String {
            fn from(value: $value) -> Self {
                value.to_string()
            }
        }
    )*};
}

as_text!(ListenAddress, Span, Network, Filter, PolicyText);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn wrong_values_say_what_would_be_right() {
        fn error<T: FromStr<Err = String> + fmt::Debug>(text: &str) -> String {
            text.parse::<T>().expect_err(text)
        }
        for text in ["", "15", "s", "0s", "25h", "-1s", "1.5s", "1 s", "1d", "99999999999999999999s"] {
            assert!(error::<Span>(text).contains("such as \"15s\""), "{text}");
        }
        for text in ["", "localhost:80", "127.0.0.1", "::1:80"] {
            assert!(error::<ListenAddress>(text).contains("such as 127.0.0.1:8470"), "{text}");
        }
        assert!(error::<Network>("10.0.0.0/33").contains("such as \"10.0.0.0/8\""));
        assert!(error::<Network>("10.1.0.0/8").contains("\"10.0.0.0/8\" is meant?"));
        assert!(error::<Filter>("log_server=loud").contains("\"info\""));
        assert!(error::<PolicyText>("witness x").contains("line 1"));
        assert!(Count::try_from(0).expect_err("none").contains("1 to 100000"));
    }

    #[test]
    fn networks_hold_both_spellings_of_an_address() {
        let network: Network = "10.0.0.0/8".parse().expect("a network");
        assert!(network.contains("::ffff:10.1.2.3".parse().expect("an address")));
        assert!(!network.contains("11.0.0.0".parse().expect("an address")));
        assert_eq!("192.0.2.7".parse::<Network>().expect("one address").to_string(), "192.0.2.7/32");
    }

    proptest! {
        #[test]
        fn spans_are_written_as_they_are_read(milliseconds in 1..=86_400_000u64) {
            let span: Span = format!("{milliseconds}ms").parse().expect("a span");
            prop_assert_eq!(span.to_string().parse::<Span>().expect("a span"), span);
        }
    }
}

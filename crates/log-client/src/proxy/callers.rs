//! Who may ask: installers, and not the web pages that somebody looks at. A pure function.
//!
//! A page can send requests to this machine, and read the answers when it gets its own name to
//! lead here (DNS rebinding). The index's password is this program's, so that what it may see
//! the page would see, too. Such a page comes by a name; installers come by an address, by
//! `localhost`, or by names that the configuration has.

use std::net::IpAddr;

use axum::http::HeaderMap;
use axum::http::header::HOST;

use super::denial::Denial;

/// Whether the sender of these headers may be answered.
pub(super) fn check(listening: IpAddr, names: &[String], headers: &HeaderMap) -> Result<(), Denial> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    // A link that somebody follows shows nothing to the page that it was on.
    if text("sec-fetch-site") == Some("cross-site") && text("sec-fetch-mode") != Some("navigate") {
        let why = "another web page has asked for this";
        return Err(Denial::new("no answer", why, "ask with an installer"));
    }
    let Some(host) = headers.get(HOST) else { return Ok(()) };
    let name = host.to_str().map(without_port).unwrap_or_default();
    let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    let is_named = names.iter().any(|own| own.eq_ignore_ascii_case(name));
    let all_may = !listening.is_loopback() && names.is_empty();
    if is_address || is_named || all_may || name.eq_ignore_ascii_case("localhost") {
        return Ok(());
    }
    let why = "this is no name that the proxy knows for its own";
    Err(Denial::new("no answer", why, "ask by address, or put the name into `names` of its configuration"))
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn may(listening: &str, names: &[&str], headers: &[(&'static str, &'static str)]) -> bool {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let headers = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        check(listening.parse().expect("an address"), &names, &headers).is_ok()
    }

    #[test]
    fn names_that_may_be_anybodys_are_not_answered() {
        for host in ["127.0.0.1", "127.0.0.1:8070", "localhost:8070", "LOCALHOST", "[::1]:8070", "[::1]"] {
            assert!(may("127.0.0.1", &[], &[("host", host)]), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8070", "127.0.0.1.evil.example", "localhost.evil.example", ""]
        {
            assert!(!may("127.0.0.1", &[], &[("host", host)]), "{host}");
            assert!(!may("0.0.0.0", &["index.example"], &[("host", host)]), "{host}");
            assert!(may("0.0.0.0", &[], &[("host", host)]), "nobody has said what its names are");
        }
        assert!(may("::1", &["index.example"], &[("host", "Index.example:8070")]));
        assert!(may("127.0.0.1", &[], &[]));
    }

    #[test]
    fn other_pages_are_not_answered() {
        let host = ("host", "127.0.0.1:8070");
        assert!(!may(
            "127.0.0.1",
            &[],
            &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]
        ));
        assert!(!may("0.0.0.0", &[], &[host, ("sec-fetch-site", "cross-site")]));
        assert!(may(
            "127.0.0.1",
            &[],
            &[host, ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]
        ));
        assert!(may("127.0.0.1", &[], &[host, ("sec-fetch-site", "none")]));
    }
}

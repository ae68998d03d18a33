//! Who a request comes from, when proxies stand between: a pure function of the
//! connection's address, `X-Forwarded-For`, and the proxies that are believed.
//!
//! Each proxy adds the address it was asked from at the end. So the list is read from
//! its end, as long as those who wrote it are believed; the first address that is not a
//! trusted proxy's is the client. What stands before it anybody may have written.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use crate::config::values::Network;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Its address; an IPv4 address is always written as one.
    pub address: IpAddr,
    /// Whether it is the operator's own: a trusted proxy that was asked by nobody else.
    pub trusted: bool,
}

/// What is counted as one client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClientKey(IpAddr);

impl Client {
    /// The client of a request that came from `peer` with these values of
    /// `X-Forwarded-For`, in their order.
    pub fn find<'a>(
        peer: IpAddr,
        forwarded: impl DoubleEndedIterator<Item = &'a str>,
        proxies: &[Network],
    ) -> Self {
        let is_trusted = |address| proxies.iter().any(|network| network.contains(address));
        let mut client = Self { address: peer.to_canonical(), trusted: is_trusted(peer) };
        for hop in forwarded.rev().flat_map(|value| value.rsplit(',')) {
            if !client.trusted {
                break;
            }
            match parse_hop(hop.trim()) {
                Some(address) => client = Self { address, trusted: is_trusted(address) },
                // Somebody asked the proxy, and it does not say who.
                None => client.trusted = false,
            }
        }
        client
    }

    /// The key under which its requests are counted: the whole of an IPv4 address, and
    /// the network of an IPv6 one, in which every host can have any address.
    pub fn key(&self) -> ClientKey {
        match self.address {
            IpAddr::V4(_) => ClientKey(self.address),
            IpAddr::V6(address) => {
                let network = u128::from(address) >> 64 << 64;
                ClientKey(Ipv6Addr::from(network).into())
            }
        }
    }
}

/// An address, which some proxies write with a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let with_port = || hop.parse().map(|address: SocketAddr| address.ip());
    hop.parse().or_else(|_| with_port()).ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(peer: &str, forwarded: &[&str]) -> (String, bool) {
        let proxies = ["10.0.0.0/8", "::1/128"].map(|network| network.parse().expect("a network"));
        let client = Client::find(peer.parse().expect("one"), forwarded.iter().copied(), &proxies);
        (client.address.to_string(), client.trusted)
    }

    #[test]
    fn the_rightmost_address_that_is_no_proxys_is_the_client() {
        for (peer, forwarded, address, trusted) in [
            ("192.0.2.1", &[][..], "192.0.2.1", false),
            ("::ffff:192.0.2.1", &[], "192.0.2.1", false),
            // Nobody believes a stranger.
            ("192.0.2.1", &["198.51.100.7"], "192.0.2.1", false),
            ("192.0.2.1", &["10.0.0.1"], "192.0.2.1", false),
            // A trusted proxy is believed about the one that asked it.
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7", false),
            ("::1", &["2001:db8::7"], "2001:db8::7", false),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7", false),
            ("10.0.0.1", &["[2001:db8::7]:4711"], "2001:db8::7", false),
            // What that one claims is not.
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7"], "198.51.100.7", false),
            ("10.0.0.1", &["10.9.9.9, 198.51.100.7"], "198.51.100.7", false),
            // Through two proxies; in one header or two.
            ("10.0.0.1", &["203.0.113.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7", false),
            ("10.0.0.1", &["203.0.113.9,198.51.100.7", " 10.0.0.2 "], "198.51.100.7", false),
            // The operator's own.
            ("10.0.0.1", &[], "10.0.0.1", true),
            ("::ffff:10.0.0.1", &[], "10.0.0.1", true),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3", true),
            // A proxy that does not say who asked: it answers for that.
            ("10.0.0.1", &["unknown"], "10.0.0.1", false),
            ("10.0.0.1", &["198.51.100.7, "], "10.0.0.1", false),
            ("10.0.0.1", &["198.51.100.7, _x, 10.0.0.2"], "10.0.0.2", false),
        ] {
            assert_eq!(find(peer, forwarded), (address.to_owned(), trusted), "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let key = |address: &str| Client { address: address.parse().expect("one"), trusted: false }.key();
        assert_eq!(key("2001:db8::1"), key("2001:db8::ffff:0:1"));
        assert_ne!(key("2001:db8::1"), key("2001:db8:0:1::1"));
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
    }
}

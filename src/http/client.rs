//! Who is calling: the address behind trusted proxies, and the key that limits are counted by.
//!
//! Nobody's `X-Forwarded-For` is believed unless the connection comes from a proxy in `server.trusted_proxies`. The
//! header is then read from right to left, up to the first address that is not a trusted proxy: everything to its left
//! could have been written by the client.
//!
//! An address may be a proxy's after all, when nobody said that it is to be trusted: then it is good enough to count by,
//! but not to be let in for ([`ClientAddress::is_in`]).

use std::net::{IpAddr, Ipv6Addr};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use super::problem::Problem;
use crate::config::values::Cidr;

/// The longest chain of proxies that is followed.
const MAX_HOPS: usize = 16;

/// What proxies write into a request: whoever sends one of these is no client itself, or says that it is none.
const FORWARDING: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];

/// The address of the client; also a request extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr, Whose);

/// Whether an address is the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// It connected itself, or a trusted proxy has named it.
    Client,
    /// A proxy connected that nobody trusts, or that did not say for whom.
    Proxy,
}

impl ClientAddress {
    /// Finds the client behind trusted proxies.
    pub fn find(peer: IpAddr, headers: &HeaderMap, trusted: &[Cidr]) -> Self {
        let mut client = peer.to_canonical();
        let direct = !FORWARDING.iter().any(|name| headers.contains_key(*name));
        let mut whose = if direct { Whose::Client } else { Whose::Proxy };
        if !trusted.iter().any(|network| network.contains(client)) {
            return Self(client, whose);
        }
        let values: Vec<_> =
            headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok()).collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(',')).take(MAX_HOPS);
        for hop in hops {
            let Some(address) = parse_hop(hop.trim()) else {
                whose = Whose::Proxy;
                break;
            };
            (client, whose) = (address, Whose::Client);
            if !trusted.iter().any(|network| network.contains(client)) {
                break;
            }
        }
        Self(client, whose)
    }

    /// Whether the client is known to be in one of these networks.
    pub fn is_in(self, networks: &[Cidr]) -> bool {
        self.1 == Whose::Client && networks.iter().any(|network| network.contains(self.0))
    }

    /// What limits count by: IPv4 addresses whole, IPv6 by /64, because one subscriber has as many.
    pub fn key(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for ClientAddress {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get().copied().ok_or_else(|| Problem::internal("the front tells every address"))
    }
}

/// Proxies write addresses bare, in brackets, or with a port.
fn parse_hop(text: &str) -> Option<IpAddr> {
    let bare = text.parse::<IpAddr>().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|socket| socket.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok().map(IpAddr::V6);
    bare.or_else(with_port).or_else(in_brackets).map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderName};

    use super::{ClientAddress, Whose};
    use crate::config::values::Cidr;

    fn networks(networks: &[&str]) -> Vec<Cidr> {
        networks.iter().map(|network| network.parse().unwrap()).collect()
    }

    fn address(peer: &str, headers: &[(&'static str, &str)], trusted: &[&str]) -> ClientAddress {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        ClientAddress::find(peer.parse().unwrap(), &headers, &networks(trusted))
    }

    fn find(peer: &str, forwarded: &[&str], trusted: &[&str]) -> String {
        let headers: Vec<_> = forwarded.iter().map(|value| ("x-forwarded-for", *value)).collect();
        address(peer, &headers, trusted).0.to_string()
    }

    #[test]
    fn nobody_is_let_in_for_the_address_of_a_proxy() {
        let local = |peer: &str, headers: &[(&'static str, &str)], trusted: &[&str]| {
            address(peer, headers, trusted).is_in(&networks(&["127.0.0.0/8", "::1/128"]))
        };
        let proxy = &["127.0.0.1"];
        assert!(local("127.0.0.1", &[], &[]) && local("::1", &[], &[]) && local("127.0.0.1", &[], proxy));
        assert!(local("::ffff:127.0.0.1", &[], &[]));
        assert!(!local("9.9.9.9", &[], &[]) && !local("9.9.9.9", &[("x-forwarded-for", "127.0.0.1")], &[]));
        // A proxy on this machine that nobody mentioned in the configuration.
        for named in ["x-forwarded-for", "forwarded", "x-real-ip", "via"] {
            assert!(!local("127.0.0.1", &[(named, "127.0.0.1")], &[]), "{named}");
        }
        // One that was, and what strangers tell it.
        for (forwarded, expected) in [
            ("9.9.9.9", false),
            ("127.0.0.1, 9.9.9.9", false),
            ("127.0.0.1, unknown", false),
            ("127.0.0.1", true),
            ("9.9.9.9, 127.0.0.1", false),
        ] {
            assert_eq!(local("127.0.0.1", &[("x-forwarded-for", forwarded)], proxy), expected, "{forwarded}");
        }
        assert!(!local("127.0.0.1", &[("forwarded", "for=127.0.0.1")], proxy), "this header is not read");
    }

    #[test]
    fn forwarded_addresses_are_believed_from_right_to_left_and_only_from_trusted_proxies() {
        assert_eq!(find("9.9.9.9", &["1.1.1.1"], &[]), "9.9.9.9");
        assert_eq!(find("10.0.0.1", &["1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(find("10.0.0.1", &["6.6.6.6, 1.1.1.1"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(find("10.0.0.1", &["6.6.6.6, 1.1.1.1, 10.0.0.2"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(find("10.0.0.1", &["6.6.6.6", "1.1.1.1:443, 10.0.0.2"], &["10.0.0.0/8"]), "1.1.1.1");
        assert_eq!(find("10.0.0.1", &["6.6.6.6, nonsense"], &["10.0.0.0/8"]), "10.0.0.1");
        assert_eq!(find("::ffff:10.0.0.1", &["[2001:db8::1]"], &["10.0.0.0/8"]), "2001:db8::1");
        assert_eq!(find("127.0.0.1", &["10.0.0.9"], &["127.0.0.1", "::1"]), "10.0.0.9");
    }

    #[test]
    fn ipv6_clients_share_the_key_of_their_64() {
        let key = |text: &str| ClientAddress(text.parse::<IpAddr>().unwrap(), Whose::Client).key();
        assert_eq!(key("2001:db8:1:2:aaaa::1"), key("2001:db8:1:2:bbbb::2"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("1.2.3.4"), key("1.2.3.5"));
    }
}

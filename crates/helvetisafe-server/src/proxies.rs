//! Trusted proxies, and the client's address in their headers.

use std::net::IpAddr;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::http::header::FORWARDED;
use ipnet::IpNet;

/// The networks of proxies whose headers are believed. There is at least one.
#[derive(Clone, Debug)]
pub(crate) struct Proxies(Arc<[IpNet]>);

impl Proxies {
    /// Returns `None` for no network.
    pub(crate) fn new(networks: Vec<IpNet>) -> Option<Self> {
        (!networks.is_empty()).then(|| Self(networks.into()))
    }

    /// Returns the network that every address is in, if there is one.
    pub(crate) fn of_everyone(&self) -> Option<IpNet> {
        let mut networks = self.0.iter();
        networks.find(|network| network.prefix_len() == 0).copied()
    }

    /// Returns true if a peer is one of them.
    pub(crate) fn contains(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.contains(&peer))
    }

    /// Returns the address of the client that a request comes from. Only the headers of a trusted proxy are
    /// read. If both headers are there and differ, one of them may be the client's own, so the proxy's address
    /// is returned.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let forwarded = self.last_hop(peer, headers, FORWARDED.as_str(), forwarded);
        let listed = self.last_hop(peer, headers, "x-forwarded-for", |list| {
            list.split(',').map(|hop| address(hop.trim())).collect()
        });
        match (forwarded, listed) {
            (Some(one), Some(other)) if one != other => peer,
            (Some(client), _) | (None, Some(client)) => client,
            (None, None) => peer,
        }
    }

    /// Returns the last address in a header that is not a trusted proxy's. Each proxy appends the address of
    /// its peer, so all to the left of an untrusted or invalid one could be invented.
    fn last_hop(
        &self,
        peer: IpAddr,
        headers: &HeaderMap,
        name: &str,
        parse: impl Fn(&str) -> Vec<Option<IpAddr>>,
    ) -> Option<IpAddr> {
        let mut client = peer;
        let values: Vec<&str> = headers
            .get_all(name)
            .iter()
            .map(|value| value.to_str().unwrap_or_default())
            .collect();
        let hops = values.iter().rev();
        for hop in hops.flat_map(|value| parse(value).into_iter().rev()) {
            if !self.contains(client) {
                break;
            }
            let Some(address) = hop else { break };
            client = address;
        }
        (!values.is_empty()).then_some(client)
    }
}

/// Parses a network: `10.0.0.0/8`, or one address.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok();
    network.or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Returns the address of each element of `Forwarded`, RFC 7239 section 4; `None` for an invalid or hidden one. If a
/// quote is open at the end, the elements cannot be separated.
fn forwarded(value: &str) -> Vec<Option<IpAddr>> {
    let elements = split(value, ',').map(|all| all.into_iter().map(forwarded_for).collect());
    elements.unwrap_or_else(|| vec![None])
}

/// Returns the address of the parameter `for` of one element. A parameter may be there once.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut client = None;
    let pairs = split(element, ';')?;
    for pair in pairs.into_iter().filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = unquoted(value.trim())?;
        if name.trim().eq_ignore_ascii_case("for") && client.replace(value).is_some() {
            return None;
        }
    }
    address(&client?)
}

/// Splits a text at a separator outside quoted strings; `None` if a quoted string has no end.
fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let parts = text.split(|it: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match it {
            _ if was_escaped => {}
            '"' => is_quoted = !is_quoted,
            '\\' => is_escaped = is_quoted,
            it => return it == separator && !is_quoted,
        }
        false
    });
    let parts = parts.collect();
    (!is_quoted).then_some(parts)
}

/// Returns the text of a token, or of a quoted string of RFC 9110 section 5.6.4; `None` if it is neither.
fn unquoted(value: &str) -> Option<String> {
    let Some(rest) = value.strip_prefix('"') else {
        return (!value.contains('"')).then(|| value.to_owned());
    };
    let (mut text, mut rest) = (String::new(), rest.chars());
    loop {
        match rest.next()? {
            '"' => return rest.next().is_none().then_some(text),
            '\\' => text.push(rest.next()?),
            it => text.push(it),
        }
    }
}

/// Parses an address with or without a port; an IPv6 address may have brackets.
fn address(text: &str) -> Option<IpAddr> {
    let address = text.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|it| it.ip());
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = address.or_else(with_port).or_else(in_brackets);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let networks = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"];
        let networks = networks.iter().map(|text| network(text).unwrap());
        let proxies = Proxies::new(networks.collect()).unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &map).to_string()
    }

    #[test]
    fn the_last_untrusted_address_is_the_client() {
        const LIST: &str = "x-forwarded-for";
        for (peer, headers, expected) in [
            ("203.0.113.9", &[][..], "203.0.113.9"),
            ("203.0.113.9", &[(LIST, "1.2.3.4")], "203.0.113.9"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &[(LIST, "1.2.3.4")], "1.2.3.4"),
            ("::ffff:10.0.0.1", &[(LIST, "1.2.3.4")], "1.2.3.4"),
            ("192.0.2.1", &[(LIST, "1.2.3.4:99")], "1.2.3.4"),
            ("192.0.2.2", &[(LIST, "1.2.3.4")], "192.0.2.2"),
            (
                "10.0.0.1",
                &[(LIST, "6.6.6.6, 1.2.3.4, 10.0.0.2")],
                "1.2.3.4",
            ),
            (
                "10.0.0.1",
                &[(LIST, "6.6.6.6"), (LIST, "1.2.3.4")],
                "1.2.3.4",
            ),
            ("10.0.0.1", &[(LIST, "1.2.3.4, unknown")], "10.0.0.1"),
            ("10.0.0.1", &[(LIST, "unknown, 10.0.0.2")], "10.0.0.2"),
            (
                "10.0.0.1",
                &[("forwarded", "for=1.2.3.4;proto=https")],
                "1.2.3.4",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "by=x; For=\"[2001:db9::1]:47\"")],
                "2001:db9::1",
            ),
            (
                "2001:db8::5",
                &[("forwarded", "for=\"[2001:db9::1]\"")],
                "2001:db9::1",
            ),
            ("10.0.0.1", &[("forwarded", "for=_hidden")], "10.0.0.1"),
            // A quoted string may have separators.
            (
                "10.0.0.1",
                &[("forwarded", "for=203.0.113.7;host=\"x,for=6.6.6.6\"")],
                "203.0.113.7",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "host=\"x;for=6.6.6.6;\";for=203.0.113.7")],
                "203.0.113.7",
            ),
            (
                "10.0.0.1",
                &[("forwarded", r#"for=203.0.113.7;host="x\",for=6.6.6.6""#)],
                "203.0.113.7",
            ),
            (
                "10.0.0.1",
                &[("forwarded", r#"for="203.0.113\.7:4711""#)],
                "203.0.113.7",
            ),
            // The quote of a client that its proxy appended to.
            (
                "10.0.0.1",
                &[("forwarded", "for=\"6.6.6.6, for=203.0.113.7")],
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                &[(
                    "forwarded",
                    "host=\", for=203.0.113.7;host=\"x,for=6.6.6.6\"",
                )],
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=\""), ("forwarded", "for=203.0.113.7")],
                "203.0.113.7",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=203.0.113.7;for=6.6.6.6")],
                "10.0.0.1",
            ),
            // A proxy appends one header and passes on the other, which is the client's.
            (
                "10.0.0.1",
                &[("forwarded", "for=6.6.6.6"), (LIST, "1.2.3.4")],
                "10.0.0.1",
            ),
            (
                "10.0.0.1",
                &[("forwarded", "for=1.2.3.4"), (LIST, "1.2.3.4")],
                "1.2.3.4",
            ),
        ] {
            assert_eq!(client(peer, headers), expected, "{peer} {headers:?}");
        }
    }

    #[test]
    fn a_network_is_an_address_with_or_without_a_length() {
        for text in ["10.0.0.0/8", "10.0.0.1", "::1", "2001:db8::/32"] {
            assert!(network(text).is_some(), "{text}");
        }
        for text in ["", "10.0.0", "10.0.0.0/33", "localhost", "10.0.0.1:80"] {
            assert!(network(text).is_none(), "{text}");
        }
        assert!(Proxies::new(Vec::new()).is_none());
    }
}

//! `NO_PROXY`: the hosts that are reached directly.

use std::net::IpAddr;

use helvetisafe_proto::BaseUrl;
use http::Uri;

/// Returns true if one of the exceptions, separated by commas, matches the vault.
///
/// An exception is `*`; a name, which matches its subdomains too; a name after `.` or `*.`, for its subdomains
/// alone; an address; or addresses as `10.0.0.0/8`. A name or an address may have a port.
pub(super) fn is_exception(exceptions: &str, base: &BaseUrl) -> bool {
    let uri: Result<Uri, _> = base.to_string().parse();
    let Some(vault) = uri.ok().and_then(|uri| Vault::new(&uri)) else {
        return false;
    };
    exceptions
        .split([',', ' '])
        .map(str::trim)
        .filter(|exception| !exception.is_empty())
        .any(|exception| vault.is_matched_by(&exception.to_ascii_lowercase()))
}

struct Vault {
    host: String,
    address: Option<IpAddr>,
    port: u16,
}

impl Vault {
    fn new(uri: &Uri) -> Option<Self> {
        let host = bare(uri.host()?).trim_end_matches('.');
        Some(Self {
            host: host.to_ascii_lowercase(),
            address: host.parse().ok(),
            port: uri.port_u16().unwrap_or(443),
        })
    }

    fn is_matched_by(&self, exception: &str) -> bool {
        if exception == "*" {
            return true;
        }
        if let Some((network, length)) = exception.split_once('/') {
            return self.is_in(network, length);
        }
        let (name, port) = split_port(exception);
        if port.is_some_and(|port| port.parse() != Ok(self.port)) {
            return false;
        }
        match bare(name).parse::<IpAddr>() {
            Ok(address) => self.address == Some(address),
            Err(_) => self.address.is_none() && self.has_name(name),
        }
    }

    fn has_name(&self, name: &str) -> bool {
        let suffix = name.trim_start_matches('*').trim_end_matches('.');
        if let Some(domain) = suffix.strip_prefix('.') {
            return !domain.is_empty() && self.host.ends_with(suffix);
        }
        let rest = self.host.strip_suffix(suffix);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    }

    fn is_in(&self, network: &str, length: &str) -> bool {
        let (Some(address), Ok(network), Ok(length)) =
            (self.address, bare(network).parse(), length.parse())
        else {
            return false;
        };
        match (address, network) {
            (IpAddr::V4(address), IpAddr::V4(network)) => {
                let differing = address.to_bits() ^ network.to_bits();
                length <= 32 && differing.leading_zeros() >= length
            }
            (IpAddr::V6(address), IpAddr::V6(network)) => {
                let differing = address.to_bits() ^ network.to_bits();
                length <= 128 && differing.leading_zeros() >= length
            }
            _ => false,
        }
    }
}

/// Returns a host without the brackets of an IPv6 address.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Splits `host:port`. The colons of an IPv6 address without brackets are its own.
fn split_port(exception: &str) -> (&str, Option<&str>) {
    match exception.rsplit_once(':') {
        Some((host, port)) if host.ends_with(']') || !host.contains(':') => (host, Some(port)),
        _ => (exception, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_are_names_addresses_and_networks() {
        for (exceptions, vault, expected) in [
            ("*", "vault.example", true),
            ("vault.example", "vault.example", true),
            ("VAULT.example", "vault.example", true),
            ("example", "vault.example", true),
            ("example", "badexample", false),
            (".example", "vault.example", true),
            ("*.example", "vault.example", true),
            (".vault.example", "vault.example", false),
            ("other, vault.example", "vault.example", true),
            ("other vault.example", "vault.example", true),
            ("vault.example:443", "vault.example", true),
            ("vault.example:8443", "vault.example", false),
            ("vault.example:8443", "vault.example:8443", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1:443", "10.0.0.1", true),
            ("0.0.1", "10.0.0.1", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "11.0.0.1", true),
            ("192.168.1.128/25", "192.168.1.127", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("10.0.0.0/8", "vault.example", false),
            ("fd00::/8", "[fd12::1]", true),
            ("fd00::/8", "[fe80::1]", false),
            ("fd12::1", "[fd12::1]", true),
            ("[fd12::1]:443", "[fd12::1]", true),
            ("::/0", "10.0.0.1", false),
            ("", "vault.example", false),
            (",, ,", "vault.example", false),
            (".", "vault.example", false),
            ("/", "10.0.0.1", false),
        ] {
            let base = BaseUrl::parse(&format!("https://{vault}")).unwrap();
            let found = is_exception(exceptions, &base);
            assert_eq!(found, expected, "{exceptions:?} and {vault}");
        }
    }
}

//! Checks of the addresses to listen on, the networks that reach them, and the trusted proxies.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};

use super::{Checked, Parsed};
use crate::problem::Problem;
use crate::proxies::Proxies;

pub(super) fn check(parsed: &Parsed) -> Vec<Checked> {
    let (name, metrics) = ("listen", "metrics-listen");
    let mut checks = Vec::new();
    // The first listener stays until the second one was made, since serve has both at the same time.
    let first = parsed
        .listen
        .map(|address| (address, TcpListener::bind(address)));
    if let Some((address, bound)) = &first {
        checks.push(free(name, *address, bound.as_ref().err(), None));
    }
    if let Some(address) = parsed.metrics_listen {
        let error = TcpListener::bind(address).err();
        let clients = first.and_then(|(address, bound)| bound.ok().map(|_| address));
        checks.push(free(metrics, address, error.as_ref(), clients));
        checks.extend(public(address).map(|it| Checked::warning(metrics, &it)));
    }
    checks.extend(parsed.proxies.as_ref().and_then(everyone));
    checks
}

/// Checks that an address can be bound. `clients` is the address for clients, which this process has bound already.
fn free(
    name: &'static str,
    address: SocketAddr,
    error: Option<&io::Error>,
    clients: Option<SocketAddr>,
) -> Checked {
    let Some(error) = error else {
        return Checked::ok(name, format_args!("{address} is free"));
    };
    let is_own = clients.is_some_and(|it| it.port() == address.port());
    let (problem, remedy) = match error.kind() {
        ErrorKind::AddrInUse if is_own => (
            "is the port of --listen, too".to_owned(),
            "choose another port for the metrics",
        ),
        ErrorKind::AddrInUse => (
            "is in use".to_owned(),
            "stop the process that listens there, which may be this vault, or choose another port",
        ),
        ErrorKind::PermissionDenied => (
            "is not permitted for this user".to_owned(),
            "choose a port from 1024, or grant CAP_NET_BIND_SERVICE",
        ),
        ErrorKind::AddrNotAvailable => (
            "is not an address of this machine".to_owned(),
            "choose one that ip address lists, or 0.0.0.0 or [::] for all",
        ),
        _ => (format!("cannot be used: {error}"), "choose another address"),
    };
    Checked::fault(name, &Problem::new(address, problem, remedy))
}

/// Returns a warning if more than a private network reaches the metrics, which need no credential.
fn public(address: SocketAddr) -> Option<Problem> {
    let ip = address.ip().to_canonical();
    let problem = match ip {
        ip if ip.is_unspecified() => {
            "is every address of this machine, and metrics need no credential"
        }
        ip if !is_private(ip) => "is a public address, and metrics need no credential",
        _ => return None,
    };
    let remedy = "listen on 127.0.0.1 or in a network of the monitoring, or let a firewall admit Prometheus alone";
    Some(Problem::new(address, problem, remedy))
}

fn is_private(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

fn everyone(proxies: &Proxies) -> Option<Checked> {
    let network = proxies.of_everyone()?;
    let problem = "has every address, so that each client can send plain HTTP and name any address as its own";
    let remedy = "write the networks of the proxies alone";
    Some(Checked::warning(
        "trusted-proxy",
        &Problem::new(network, problem, remedy),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_belong_into_a_private_network() {
        for (address, is_public) in [
            ("127.0.0.1:1", false),
            ("10.1.2.3:1", false),
            ("[fd00::1]:1", false),
            ("[::ffff:192.168.0.1]:1", false),
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("8.8.8.8:1", true),
            ("[2600::1]:1", true),
        ] {
            let found = public(address.parse().unwrap());
            assert_eq!(found.is_some(), is_public, "{address}");
        }
    }
}

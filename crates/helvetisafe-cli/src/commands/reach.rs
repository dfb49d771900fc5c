//! The network between this machine and the vault, for commands that check it before anything else.

use std::env;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use helvetisafe::BaseUrl;

use crate::failure::{Failure, Status};

/// The time to connect to one address.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Connects to the vault and closes the connection. Behind a proxy nothing is checked.
pub(super) fn check(base: &BaseUrl) -> Result<(), Failure> {
    if has_proxy(base) {
        return Ok(());
    }
    let (host, port) = (base.host(), base.port());
    let unreachable = |why: String| {
        Err(Failure::new(
            Status::NoAnswer,
            format_args!("{host}:{port}: {why}"),
        ))
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let addresses = match (name, port).to_socket_addrs() {
        Ok(addresses) => addresses,
        Err(error) => {
            return unreachable(format!(
                "it has no address ({error}); check the spelling, and the network's name servers"
            ));
        }
    };
    let mut refusal = None;
    for address in addresses {
        match TcpStream::connect_timeout(&address, TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(error) => refusal = Some(error),
        }
    }
    let why = refusal.map_or_else(String::new, |error| format!(" ({error})"));
    unreachable(format!(
        "no connection{why}; check that the vault runs, its port, and the firewalls in between"
    ))
}

/// Returns true if a proxy is used. Loopback addresses are never proxied.
pub(super) fn has_proxy(base: &BaseUrl) -> bool {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    base.is_https() && !base.is_loopback() && (is_set("HTTPS_PROXY") || is_set("https_proxy"))
}

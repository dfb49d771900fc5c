//! The lookup of the names of a vault.

use std::net::ToSocketAddrs;

use helvetisafe::BaseUrl;

use crate::commands::reach::has_proxy;

/// The lookup of a name.
pub(super) enum Name {
    Known(String),
    /// It has no address here, and a proxy may know one.
    OfProxy(String),
    Unknown(String),
}

impl Name {
    /// Looks up the name.
    pub(super) fn of(base: &BaseUrl) -> Self {
        let host = base.host().trim_start_matches('[').trim_end_matches(']');
        match (host, base.port()).to_socket_addrs() {
            Ok(addresses) => {
                let addresses: Vec<_> = addresses.map(|address| address.ip().to_string()).collect();
                Self::Known(format!("{host} is {}", addresses.join(", ")))
            }
            Err(error) if has_proxy(base) => Self::OfProxy(format!(
                "{host} has no address here ({error}); the proxy in HTTPS_PROXY may know one"
            )),
            Err(error) => Self::Unknown(format!(
                "{host} has no address ({error}); check the spelling of the URL and the network's name servers"
            )),
        }
    }

    pub(super) fn text(&self) -> &str {
        match self {
            Self::Known(text) | Self::OfProxy(text) | Self::Unknown(text) => text,
        }
    }
}

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::serve::Listener;

use crate::proxies::Proxies;
use crate::telemetry::{ConnectionCounts, Telemetry};
use crate::tls::Tls;

/// The access of clients to a vault, and the observers of their requests.
#[derive(Clone, Default)]
pub(crate) struct Front {
    pub(crate) protection: Protection,
    pub(crate) telemetry: Option<Telemetry>,
    /// The address of the listener for metrics.
    pub(crate) metrics_listen: Option<SocketAddr>,
}

/// The protection of credentials on the network.
#[derive(Clone, Default)]
pub(crate) enum Protection {
    /// Plain HTTP on a loopback address.
    #[default]
    Loopback,
    /// TLS.
    Tls(Arc<Tls>),
    /// Plain HTTP for these proxies and for this machine alone.
    Proxies(Proxies),
}

impl Protection {
    pub(crate) fn scheme(&self) -> &'static str {
        match self {
            Self::Tls(_) => "https",
            Self::Loopback | Self::Proxies(_) => "http",
        }
    }

    fn admits(&self, peer: IpAddr) -> bool {
        match self {
            Self::Loopback | Self::Tls(_) => true,
            Self::Proxies(proxies) => peer.to_canonical().is_loopback() || proxies.contains(peer),
        }
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Front")
            .field("scheme", &self.protection.scheme())
            .finish_non_exhaustive()
    }
}

/// A listener that closes the connections of peers that must not use plain HTTP.
pub(super) struct Admitting<L> {
    pub(super) listener: L,
    pub(super) protection: Protection,
    pub(super) counts: ConnectionCounts,
}

impl<L: Listener<Addr = SocketAddr>> Listener for Admitting<L> {
    type Io = L::Io;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (L::Io, SocketAddr) {
        loop {
            let (socket, address) = self.listener.accept().await;
            if self.protection.admits(address.ip()) {
                return (socket, address);
            }
            self.counts.refused.inc();
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

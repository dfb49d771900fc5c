use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::serve::Listener;

use crate::log;
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
    pub(super) last_message: Option<Instant>,
}

/// The time between two messages about refused peers, so that they cannot fill the log.
const MESSAGE_INTERVAL: Duration = Duration::from_secs(60);

impl<L> Admitting<L> {
    fn refuse(&mut self, peer: IpAddr) {
        self.counts.refused.inc();
        if self
            .last_message
            .is_none_or(|last| last.elapsed() >= MESSAGE_INTERVAL)
        {
            self.last_message = Some(Instant::now());
            log::warning(&format_args!(
                "closed a plain connection of {}, which is no trusted proxy; add its network to --trusted-proxy \
                 if it is a proxy",
                peer.to_canonical()
            ));
        }
    }
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
            self.refuse(address.ip());
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

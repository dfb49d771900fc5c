//! Caches the addresses of the vault.
//!
//! `ureq` looks the name up for every request, even on a reused connection, and in a new thread each time.
//! Over loopback that costs more than the request itself. A client talks to one host, so its addresses are
//! cached for a while, and dropped when a connection fails.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use ureq::Error;
use ureq::config::Config;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::NextTimeout;

/// The lifetime of cached addresses: short enough to follow a failover.
const LIFETIME: Duration = Duration::from_secs(30);

#[derive(Clone, Debug, Default)]
pub(super) struct CachingResolver {
    cached: Arc<Mutex<Option<CachedAddresses>>>,
    /// The proxy, which is looked up in place of the vault.
    proxy: Option<Uri>,
}

#[derive(Debug)]
struct CachedAddresses {
    host: String,
    addresses: Vec<SocketAddr>,
    since: Instant,
}

impl CachingResolver {
    pub(super) fn new(proxy: Option<Uri>) -> Self {
        Self {
            cached: Arc::default(),
            proxy,
        }
    }

    /// Drops the cached addresses.
    pub(super) fn forget(&self) {
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn cached(&self, host: &str) -> Option<Vec<SocketAddr>> {
        let cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        let cached = cached
            .as_ref()
            .filter(|cached| cached.host == host && cached.since.elapsed() < LIFETIME)?;
        Some(cached.addresses.clone())
    }

    fn store(&self, host: String, addresses: &[SocketAddr]) {
        let cached = CachedAddresses {
            host,
            addresses: addresses.to_vec(),
            since: Instant::now(),
        };
        *self.cached.lock().unwrap_or_else(PoisonError::into_inner) = Some(cached);
    }

    fn resolved(&self, addresses: &[SocketAddr]) -> ResolvedSocketAddrs {
        let mut resolved = self.empty();
        // It has room for 16, as many as a look-up returns.
        addresses
            .iter()
            .take(16)
            .for_each(|&address| resolved.push(address));
        resolved
    }
}

impl Resolver for CachingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let uri = self.proxy.as_ref().unwrap_or(uri);
        if let Some(address) = literal(uri) {
            return Ok(self.resolved(&[address]));
        }
        let host = uri.authority().map(ToString::to_string).unwrap_or_default();
        if let Some(addresses) = self.cached(&host) {
            return Ok(self.resolved(&addresses));
        }
        let resolved = DefaultResolver::default().resolve(uri, config, timeout)?;
        self.store(host, &resolved);
        Ok(resolved)
    }
}

/// Returns the address of a host that is an address.
fn literal(uri: &Uri) -> Option<SocketAddr> {
    let default = if uri.scheme_str() == Some("http") {
        80
    } else {
        443
    };
    let host = uri.host()?.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = host.parse().ok()?;
    Some(SocketAddr::new(ip, uri.port_u16().unwrap_or(default)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(resolver: &CachingResolver, uri: &str) -> Vec<SocketAddr> {
        let config = Config::builder().build();
        resolver
            .resolve(&uri.parse().unwrap(), &config, NextTimeout::default())
            .unwrap()
            .to_vec()
    }

    #[test]
    fn an_address_needs_no_look_up() {
        let resolver = CachingResolver::default();
        for (uri, address) in [
            ("http://127.0.0.1:8200/x", "127.0.0.1:8200"),
            ("https://10.0.0.1/x", "10.0.0.1:443"),
            ("http://[::1]/x", "[::1]:80"),
        ] {
            assert_eq!(resolve(&resolver, uri), [address.parse().unwrap()]);
        }
        assert!(resolver.cached.lock().unwrap().is_none());
    }

    #[test]
    fn a_name_is_looked_up_once_and_again_after_it_was_dropped() {
        let resolver = CachingResolver::default();
        let first = resolve(&resolver, "http://localhost:8200/x");
        assert!(!first.is_empty());
        let planted: SocketAddr = "127.9.9.9:8200".parse().unwrap();
        resolver.store("localhost:8200".to_owned(), &[planted]);
        assert_eq!(resolve(&resolver, "http://localhost:8200/y"), [planted]);
        assert_ne!(
            resolve(&resolver, "http://localhost:8201/y"),
            [planted],
            "another port"
        );
        resolver.store("localhost:8200".to_owned(), &[planted]);
        resolver.forget();
        assert_eq!(resolve(&resolver, "http://localhost:8200/x"), first);
    }
}

//! Connects to the vault, through a proxy if there is one: name, TCP and TLS within one timeout.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::BaseUrl;
use http::{HeaderValue, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;
use ureq::{Proxy, ProxyProtocol};

use super::header_mask::HeaderMask;
use super::progress::{Counter, Watched};
use super::tls::client_config;
use crate::config_error::ConfigError;
use crate::http::proxy::{self, is_exception};
use crate::http::roots::Roots;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A byte stream to the vault that counts its bytes.
pub(super) type Stream = TokioIo<Watched<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>>;

pub(super) struct VaultConnector {
    route: Route,
    timeout: Duration,
    /// The host and the port of the proxy.
    proxy: Option<Arc<str>>,
}

#[derive(Clone)]
enum Route {
    Direct(HttpsConnector<HttpConnector>),
    Proxied(HttpsConnector<Tunnel<HttpConnector>>),
}

impl VaultConnector {
    pub(super) fn new(
        base: &BaseUrl,
        timeout: Duration,
        roots: &Roots,
    ) -> Result<Self, ConfigError> {
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(base, roots)?)
            .https_or_http()
            .enable_http1();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A small request would otherwise wait for an acknowledgement.
        tcp.set_nodelay(true);
        let proxy = proxy::from_environment(base)?;
        let shown = proxy.as_ref().and_then(|proxy| proxy::shown(proxy, base));
        let route = match &proxy {
            Some(proxy) if !is_exception(proxy, base) => {
                Route::Proxied(tls.wrap_connector(tunnel(proxy, tcp)?))
            }
            _ => Route::Direct(tls.wrap_connector(tcp)),
        };
        Ok(Self {
            route,
            timeout,
            proxy: shown,
        })
    }

    /// Returns the host and the port of the proxy to the vault, if there is one.
    pub(super) fn proxy(&self) -> Option<&Arc<str>> {
        self.proxy.as_ref()
    }

    /// Opens a connection with this counter and this mask.
    pub(super) async fn connect(
        &self,
        vault: Uri,
        counter: Counter,
        mask: HeaderMask,
    ) -> Result<Stream, Cause> {
        let connecting = async {
            match self.route.clone() {
                Route::Direct(connector) => call(connector, vault).await,
                Route::Proxied(connector) => call(connector, vault).await,
            }
        };
        let Ok(connected) = tokio::time::timeout(self.timeout, connecting).await else {
            return Err(Cause::from(io::Error::from(io::ErrorKind::TimedOut)));
        };
        let stream = Watched::new(TokioIo::new(connected?), counter, mask);
        Ok(TokioIo::new(stream))
    }
}

async fn call<S: Service<Uri>>(mut service: S, vault: Uri) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(vault).await
}

/// Makes a tunnel through an HTTP proxy. No other kind of proxy is supported.
fn tunnel(proxy: &Proxy, tcp: HttpConnector) -> Result<Tunnel<HttpConnector>, ConfigError> {
    if proxy.protocol() != ProxyProtocol::Http {
        return Err(ConfigError::Proxy);
    }
    let uri = format!("http://{}:{}", proxy.host(), proxy.port());
    let tunnel = Tunnel::new(uri.parse().map_err(|_| ConfigError::Proxy)?, tcp);
    let Some(user) = proxy.username() else {
        return Ok(tunnel);
    };
    Ok(tunnel.with_auth(basic(user, proxy.password().unwrap_or_default())?))
}

/// Makes the header of basic authentication, RFC 7617.
fn basic(user: &str, password: &str) -> Result<HeaderValue, ConfigError> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::try_from(value).map_err(|_| ConfigError::Proxy)?;
    value.set_sensitive(true);
    Ok(value)
}

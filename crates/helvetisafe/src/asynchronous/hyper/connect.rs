//! A connection to the vault: name, TCP, a proxy where there is one, TLS, within one limit of time.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use helvetisafe_proto::BaseUrl;
use http::{HeaderValue, Uri};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tower_service::Service;
use ureq::{Proxy, ProxyProtocol};

use super::progress::{Counter, Watched};
use super::tls::client_config;
use super::veil::Veil;
use crate::error::ConfigError;
use crate::transport::proxy;
use crate::transport::roots::Roots;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A byte stream to the vault that counts what goes over it.
pub(super) type Stream = TokioIo<Watched<TokioIo<MaybeHttpsStream<TokioIo<TcpStream>>>>>;

pub(super) struct VaultConnector {
    way: Way,
    limit: Duration,
}

#[derive(Clone)]
enum Way {
    Direct(HttpsConnector<HttpConnector>),
    Proxied(HttpsConnector<Tunnel<HttpConnector>>),
}

impl VaultConnector {
    pub(super) fn new(base: &BaseUrl, limit: Duration, roots: &Roots) -> Result<Self, ConfigError> {
        let tls = HttpsConnectorBuilder::new()
            .with_tls_config(client_config(base, roots)?)
            .https_or_http()
            .enable_http1();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A request is small: without this it would wait for an acknowledgement.
        tcp.set_nodelay(true);
        let way = match proxy::of_environment(base)? {
            Some(proxy) if !is_exception(&proxy, base) => {
                Way::Proxied(tls.wrap_connector(tunnel(&proxy, tcp)?))
            }
            _ => Way::Direct(tls.wrap_connector(tcp)),
        };
        Ok(Self { way, limit })
    }

    /// A new connection, which is counted and veiled by these.
    pub(super) async fn connect(
        &self,
        vault: Uri,
        counter: Counter,
        veil: Veil,
    ) -> Result<Stream, Cause> {
        let connecting = async {
            match self.way.clone() {
                Way::Direct(connector) => call(connector, vault).await,
                Way::Proxied(connector) => call(connector, vault).await,
            }
        };
        let Ok(connected) = timeout(self.limit, connecting).await else {
            return Err(Cause::from(io::Error::from(io::ErrorKind::TimedOut)));
        };
        let stream = Watched::new(TokioIo::new(connected?), counter, veil);
        Ok(TokioIo::new(stream))
    }
}

async fn call<S: Service<Uri>>(mut service: S, vault: Uri) -> Result<S::Response, S::Error> {
    poll_fn(|cx| service.poll_ready(cx)).await?;
    service.call(vault).await
}

fn is_exception(proxy: &Proxy, base: &BaseUrl) -> bool {
    let uri: Result<Uri, _> = base.to_string().parse();
    uri.is_ok_and(|uri| proxy.is_no_proxy(&uri))
}

/// A tunnel through an HTTP proxy. It is spoken to in the clear, so no other kind is one here.
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

/// RFC 7617.
fn basic(user: &str, password: &str) -> Result<HeaderValue, ConfigError> {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let value = format!("Basic {}", STANDARD.encode(format!("{user}:{password}")));
    let mut value = HeaderValue::try_from(value).map_err(|_| ConfigError::Proxy)?;
    value.set_sensitive(true);
    Ok(value)
}

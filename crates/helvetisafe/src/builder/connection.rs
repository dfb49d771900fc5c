//! The settings of connections: addresses, certificates, proxies and headers.

#[cfg(feature = "rustls-config")]
use std::sync::Arc;

use http::header::USER_AGENT;
use http::{HeaderName, HeaderValue};
use secrecy::SecretString;

use super::ClientBuilder;
use crate::http::proxy::ProxySetting;
use crate::http::roots::BaseRoots;
use crate::http::tls::ClientCertificate;

impl<P, A> ClientBuilder<P, A> {
    /// Adds an address of the same vault, for when the one in use fails; call it again for more. All addresses have to
    /// lead to one vault with one state: a write at one of them is seen by the next read at any other. All of them
    /// get the credentials.
    ///
    /// A call that could not be sent, a read without an answer, and a read that is answered 5xx are repeated at
    /// the next address, within the attempts of the call, and later calls begin there, until that address fails too.
    /// A write that may have happened is repeated only at its own address. A rate limit, a 4xx and an untrusted
    /// certificate are not a reason to move.
    ///
    /// A resumption ticket belongs to the first address: that of [`Client::builder`](crate::Client::builder), or
    /// `HELVETISAFE_BASE_URL`.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?
    ///     .failover("https://vault-2.example")
    ///     .failover("https://vault-3.example")
    ///     .connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn failover(mut self, base_url: impl Into<String>) -> Self {
        self.further_urls.push(base_url.into());
        self
    }

    /// Allows `http://` to one host other than a loopback address: a name or an address without a port. Use it only
    /// where another layer protects the connection, such as the mesh of a cluster.
    ///
    /// Everyone on the network in between can read the client secret, the access tokens and the names of the secrets,
    /// use them, and change the answers. The values stay encrypted. No proxy is used.
    ///
    /// ```
    /// use helvetisafe::{Client, Credentials, KeySource};
    ///
    /// let builder = Client::builder(
    ///     "http://vault.ns.svc:8200",
    ///     Credentials::api_token("portal-token"),
    ///     KeySource::password("pass word"),
    /// )
    /// .allow_plain_http("vault.ns.svc");
    /// # drop(builder);
    /// ```
    pub fn allow_plain_http(self, host: impl Into<String>) -> Self {
        Self {
            plain_http_host: Some(host.into()),
            ..self
        }
    }

    /// Trusts one or more further certificate authorities, given as PEM.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let authority = std::fs::read("/etc/app/ca.pem")?;
    /// let client = Client::builder_from_env()?.ca_certificate(authority).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connections.tls.roots.extra.push(pem.into());
        self
    }

    /// Trusts one or more certificate authorities, given as PEM, and those of [`Self::ca_certificate`]: neither
    /// the platform's nor Mozilla's. The platform's certificates are not read then.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let authority = std::fs::read("/etc/app/ca.pem")?;
    /// let client = Client::builder_from_env()?.trust_only(authority).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn trust_only(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.connections.tls.roots.base = BaseRoots::Nothing;
        self.ca_certificate(pem)
    }

    /// Trusts Mozilla's compiled-in roots instead of the platform's.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.bundled_roots().connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[cfg(feature = "bundled-roots")]
    pub fn bundled_roots(mut self) -> Self {
        self.connections.tls.roots.base = BaseRoots::Bundled;
        self
    }

    /// Sets the certificate of this client, for a vault that wants one (mutual TLS): the chain, with the client's
    /// own certificate first, and its private key (PKCS#8, PKCS#1 or SEC1), both as PEM. Both may be the same
    /// text. The key is copied; the copy is wiped on drop, except for the part that rustls holds. The certificate is
    /// for the vault alone: a proxy that wants one does not get it.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let (chain, key) = (std::fs::read("/etc/app/tls.crt")?, std::fs::read("/etc/app/tls.key")?);
    /// let client = Client::builder_from_env()?.client_certificate(chain, key).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn client_certificate(
        mut self,
        chain_pem: impl AsRef<[u8]>,
        key_pem: impl AsRef<[u8]>,
    ) -> Self {
        let certificate = ClientCertificate::new(chain_pem.as_ref(), key_pem.as_ref());
        self.connections.tls.client_certificate = Some(certificate);
        self
    }

    /// Sets the whole configuration of TLS: the trusted authorities, the client certificate, the cryptography.
    /// `connect` fails if [`Self::ca_certificate`] or another setting of certificates is used too. The client speaks
    /// HTTP/1.1, so other protocols of ALPN are left out. For a proxy, so is the client certificate.
    ///
    /// `rustls` has no version 1 yet. This method follows it, and is exempt from this crate's version promise.
    ///
    /// ```no_run
    /// use std::sync::Arc;
    ///
    /// use helvetisafe::Client;
    ///
    /// # fn of_the_application() -> rustls::ClientConfig { unimplemented!() }
    /// let config: rustls::ClientConfig = of_the_application();
    /// let client = Client::builder_from_env()?.rustls_config(Arc::new(config)).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[cfg(feature = "rustls-config")]
    pub fn rustls_config(mut self, config: Arc<rustls::ClientConfig>) -> Self {
        self.connections.tls.own = Some(config);
        self
    }

    /// Connects through this proxy, and ignores `HTTPS_PROXY` and `NO_PROXY`. The URL is
    /// `http://[user:password@]host[:port]`, or `https://…` for a proxy that itself wants TLS. User and password
    /// are percent-encoded. It applies to a vault with `https` alone.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?
    ///     .proxy("http://user:pass%40word@proxy.example:3128")
    ///     .connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn proxy(mut self, url: impl Into<SecretString>) -> Self {
        self.connections.proxy = ProxySetting::Url(url.into());
        self
    }

    /// Connects directly, and ignores `HTTPS_PROXY`.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.no_proxy().connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn no_proxy(mut self) -> Self {
        self.connections.proxy = ProxySetting::Direct;
        self
    }

    /// Sets the `User-Agent` header; by default the name and version of this crate.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    /// use helvetisafe::reexports::http::HeaderValue;
    ///
    /// let agent = HeaderValue::from_static("payments/1.2");
    /// let builder = Client::builder_from_env()?.user_agent(agent);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn user_agent(mut self, user_agent: HeaderValue) -> Self {
        self.headers.insert(USER_AGENT, user_agent);
        self
    }

    /// Adds a header to every request to the vault, for a gateway in front of it or a trace. Mark a value that is
    /// a secret as sensitive; it is not wiped as credentials are. Headers that the client itself sets are refused
    /// by `connect`, with [`ErrorKind::Config`](crate::ErrorKind::Config).
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    /// use http::{HeaderName, HeaderValue};
    ///
    /// let client = Client::builder_from_env()?
    ///     .header(
    ///         HeaderName::from_static("x-tenant"),
    ///         HeaderValue::from_static("payments"),
    ///     )
    ///     .connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.append(name, value);
        self
    }
}

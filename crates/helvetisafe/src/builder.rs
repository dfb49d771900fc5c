use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;
#[cfg(feature = "organization")]
use helvetisafe_proto::Scope;
use helvetisafe_proto::auth::{ApiTokenHeader, Token};
use helvetisafe_proto::retry::RetryPolicy;
use helvetisafe_proto::{BaseUrl, InvalidBaseUrl, KeyName, ScopeList, Scopes};
use http::header::{self, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::SecretString;

use crate::api::{Api, Failover, Paging, Throttle};
use crate::auth::{ApiToken, Auth, ServiceAccount};
use crate::binding::Binding;
use crate::cache::CachePolicy;
use crate::clock::Clock;
use crate::config_error::ConfigError;
use crate::credentials::{Authentication, Credentials, Environment, KeySource};
use crate::error::Error;
use crate::event::Event;
use crate::http::proxy::ProxySetting;
use crate::http::roots::BaseRoots;
use crate::http::tls::ClientCertificate;
use crate::http::{Addresses, ConnectionSettings, Transport};
use crate::limits::{BodyLimits, Timeouts};
use crate::observer::Observer;
use crate::org_keys::{OrgKeyPolicy, OrgKeyRotation};
use crate::runtime::{Notify, Runtime};
use crate::vault::Config;

const AGENT: &str = concat!("helvetisafe-rust/", env!("CARGO_PKG_VERSION"));

/// Enough to hide the round-trip time, and few enough to stay below the rate limit.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Configures a client. The required settings are set; the others have defaults.
///
/// `P` is the transport and the clock; by default those of the blocking client. `A` is the account; with the feature
/// `organization`, a builder can be without one.
#[must_use = "call connect() to make a client of it"]
pub struct ClientBuilder<P = Parts, A = WithAccount> {
    base_url: String,
    further_urls: Vec<String>,
    plain_http_host: Option<String>,
    account: A,
    scopes: String,
    api_token_header: Option<ApiTokenHeader>,
    timeouts: Timeouts,
    limits: BodyLimits,
    policy: RetryPolicy,
    connections: ConnectionSettings,
    headers: HeaderMap,
    observer: Observer,
    org_key_policy: OrgKeyPolicy,
    binding: Binding,
    cache: Option<CachePolicy>,
    ticket: Option<String>,
    compares_org_key: bool,
    prefetch: Vec<KeyName>,
    concurrency: NonZeroUsize,
    parts: P,
}

/// The account of a client: its credentials, and the source of its private key.
#[derive(Debug)]
pub struct WithAccount {
    credentials: Credentials,
    key_source: KeySource,
}

/// No account: the calls to found an organization and to join one have credentials of their own.
#[cfg(feature = "organization")]
#[derive(Clone, Copy, Debug)]
pub struct WithoutAccount;

/// The transport and the clock of a [`Client`](crate::Client), if they are not the default ones.
#[derive(Default)]
pub struct Parts {
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) agent: Option<ureq::Agent>,
    pub(crate) around: Option<Box<Around>>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

impl fmt::Debug for Parts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// Wraps a transport.
type Around = dyn FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport> + Send;

impl<P: Default> ClientBuilder<P> {
    pub(crate) fn new(base_url: String, credentials: Credentials, key_source: KeySource) -> Self {
        let account = WithAccount {
            credentials,
            key_source,
        };
        Self::with_account(base_url, account)
    }

    /// Starts with the settings of the environment.
    pub(crate) fn from_environment(environment: Environment) -> Result<Self, Error> {
        let Environment {
            base_url,
            credentials,
            key_source,
            ca_certificate,
        } = environment;
        let builder = Self::new(base_url, credentials, key_source);
        let Some(path) = ca_certificate else {
            return Ok(builder);
        };
        let pem = fs::read(&path).map_err(|reason| {
            Error::config(ConfigError::CertificateFile {
                path: path.display().to_string(),
                reason: Arc::new(reason),
            })
        })?;
        Ok(builder.ca_certificate(pem))
    }
}

#[cfg(feature = "organization")]
impl<P: Default> ClientBuilder<P, WithoutAccount> {
    pub(crate) fn without_account(base_url: String) -> Self {
        Self::with_account(base_url, WithoutAccount)
    }
}

impl<P: Default, A> ClientBuilder<P, A> {
    fn with_account(base_url: String, account: A) -> Self {
        Self {
            base_url,
            further_urls: Vec::new(),
            plain_http_host: None,
            account,
            scopes: Scopes::ALL.to_string(),
            api_token_header: None,
            timeouts: Timeouts::default(),
            limits: BodyLimits::default(),
            policy: RetryPolicy::default(),
            connections: ConnectionSettings::default(),
            headers: HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static(AGENT))]),
            observer: Observer::NONE,
            org_key_policy: OrgKeyPolicy::default(),
            binding: Binding::default(),
            cache: None,
            ticket: None,
            compares_org_key: false,
            prefetch: Vec::new(),
            concurrency: CONCURRENCY,
            parts: P::default(),
        }
    }
}

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

    /// Sets the scopes to request; by default all of them. An API token has its own.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Scope};
    ///
    /// let builder = Client::builder_from_env()?.scopes([Scope::SecretsRead, Scope::CredentialsRead]);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn scopes(self, scopes: impl Into<Scopes>) -> Self {
        Self {
            scopes: scopes.into().to_string(),
            ..self
        }
    }

    /// Sets the scopes to request as text, separated by single spaces, for scopes of the vault that this client
    /// does not know (RFC 6749, section 3.3). Text that is not a list of scopes fails `connect`.
    ///
    /// ```
    /// use helvetisafe::{Client, Credentials, KeySource};
    ///
    /// let builder = Client::builder(
    ///     "https://vault.example",
    ///     Credentials::service_account("client-id", "client-secret"),
    ///     KeySource::pem_file("private-key.pem"),
    /// )
    /// .scopes_text("secrets:read credentials:read audit:read");
    /// ```
    pub fn scopes_text(self, scopes: impl Into<String>) -> Self {
        Self {
            scopes: scopes.into(),
            ..self
        }
    }

    /// Sets the header of an API token. By default the client sends `X-Aegis-Token`. If its very first call is
    /// answered 401, it tries `Authorization: Bearer` once, and then uses the header that worked.
    ///
    /// ```no_run
    /// use helvetisafe::{ApiTokenHeader, Client};
    ///
    /// let builder = Client::builder_from_env()?.api_token_header(ApiTokenHeader::Bearer);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn api_token_header(self, header: ApiTokenHeader) -> Self {
        Self {
            api_token_header: Some(header),
            ..self
        }
    }

    /// Sets the timeouts. Those for connecting and for silence apply to the default transport only.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use helvetisafe::{Client, Timeouts};
    ///
    /// let builder = Client::builder_from_env()?.timeouts(Timeouts {
    ///     operation: Duration::from_secs(5),
    ///     ..Timeouts::default()
    /// });
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Sets the largest answers.
    ///
    /// ```no_run
    /// use helvetisafe::{BodyLimits, Client};
    ///
    /// let builder = Client::builder_from_env()?.body_limits(BodyLimits {
    ///     secret: 8 << 20,
    ///     ..BodyLimits::default()
    /// });
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn body_limits(self, limits: BodyLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the number of attempts of a call: by default 3; 1 turns retries off, and 0 means 1.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.attempts(1).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn attempts(self, attempts: u32) -> Self {
        let policy = RetryPolicy {
            max_attempts: attempts.max(1),
            ..self.policy
        };
        Self { policy, ..self }
    }

    /// Sets the number of attempts and the waits between them.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use helvetisafe::{Client, RetryPolicy};
    ///
    /// let builder = Client::builder_from_env()?.retry_policy(RetryPolicy {
    ///     base: Duration::from_millis(200),
    ///     ..RetryPolicy::default()
    /// });
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn retry_policy(self, policy: RetryPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the number of concurrent calls of [`Secrets::get_many`](crate::Secrets::get_many) and similar
    /// operations: by default 8. At most 64 idle connections are pooled.
    ///
    /// ```no_run
    /// use std::num::NonZeroUsize;
    ///
    /// use helvetisafe::Client;
    ///
    /// let calls = NonZeroUsize::new(16).unwrap();
    /// let builder = Client::builder_from_env()?.concurrency(calls);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn concurrency(self, calls: NonZeroUsize) -> Self {
        Self {
            concurrency: calls,
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

    /// Calls `observe` with each [`Event`]: of requests, waits, calls, operations, access tokens and the cache. It
    /// is called on the working thread, so it should be
    /// quick.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Event};
    ///
    /// let builder = Client::builder_from_env()?.on_event(|event| {
    ///     if let Event::Waiting { time, .. } = event {
    ///         eprintln!("the vault is busy; the next attempt is in {time:?}");
    ///     }
    /// });
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn on_event(self, observe: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self {
            observer: Observer::new(observe),
            ..self
        }
    }

    /// Accepts this org key only: [`Self::pin_org_keys`] with one fingerprint.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let pin = "SHA256:SgGxNjAQ2qzHT5ZD/saHD/8/Xzrkh1Aym8dWeo9DsoA".parse()?;
    /// let client = Client::builder_from_env()?.pin_org_key(pin).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pin_org_key(self, fingerprint: Fingerprint) -> Self {
        self.pin_org_keys([fingerprint])
    }

    /// Lets `connect` accept these org keys only, so that a hostile vault cannot hand out a key that it knows,
    /// to read what the client writes. A later key that is not pinned is subject to
    /// [`Self::org_key_rotation`], which refuses it by default. A refused key fails the call with
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused).
    ///
    /// Several pins announce a rotation: the client encrypts under the pinned key that the vault returned last,
    /// and decrypts under every pinned key that it returned. The vault may go back to any pinned key, so remove
    /// the old one after the rotation. Without pins, `connect` accepts any org key.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Fingerprint};
    ///
    /// let pins = std::fs::read_to_string("/etc/app/org-keys")?;
    /// let pins = pins.lines().map(str::parse).collect::<Result<Vec<Fingerprint>, _>>()?;
    /// let client = Client::builder_from_env()?.pin_org_keys(pins).connect()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pin_org_keys(mut self, fingerprints: impl IntoIterator<Item = Fingerprint>) -> Self {
        self.org_key_policy.pins = fingerprints.into_iter().collect();
        self
    }

    /// Sets the policy for an org key that changes while the client is connected, if the new key is not pinned.
    /// By default it is refused.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, OrgKeyRotation};
    ///
    /// let rotation = OrgKeyRotation::follow_for_reading();
    /// let builder = Client::builder_from_env()?.org_key_rotation(rotation);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn org_key_rotation(mut self, rotation: OrgKeyRotation) -> Self {
        self.org_key_policy.rotation = rotation;
        self
    }

    /// Refuses every secret that does not name its key inside the encryption, so that a hostile vault cannot
    /// hand out one secret for another. Multi-field secrets and legacy plain text name no key, and cannot be
    /// read then. `false`, the default, is described at [`Self::allow_unbound`]. The last call of the two
    /// methods counts.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let builder = Client::builder_from_env()?.require_binding(true);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn require_binding(self, required: bool) -> Self {
        let binding = if required {
            Binding::Required
        } else {
            Binding::default()
        };
        Self { binding, ..self }
    }

    /// Accepts a secret of one member whose name is another valid key.
    ///
    /// By default such a secret is refused, with
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto): it has the form of the single value of that other key,
    /// which a hostile vault may have handed out in its place. A one-field secret from the portal has the same
    /// form. Read it with [`Secrets::get_field`](crate::Secrets::get_field), or accept all of them here.
    /// `false` restores the default. The last call of this method and [`Self::require_binding`] counts.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.allow_unbound(true).connect()?;
    /// let made_in_the_portal = client.secrets().get("SMTP")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn allow_unbound(self, allowed: bool) -> Self {
        let binding = if allowed {
            Binding::AllowUnbound
        } else {
            Binding::default()
        };
        Self { binding, ..self }
    }

    /// Caches values that were read or written, by this policy. Without it, each read goes to the vault.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// use helvetisafe::{CachePolicy, Client};
    ///
    /// let policy = CachePolicy::new(Duration::from_secs(60));
    /// let client = Client::builder_from_env()?.cache(policy).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn cache(self, policy: CachePolicy) -> Self {
        Self {
            cache: Some(policy),
            ..self
        }
    }

    /// Starts with the access token of an earlier client, from
    /// [`Client::resumption_ticket`](crate::Client::resumption_ticket). It is renewed in time, and replaced
    /// once after a 401, like the client's own. A token that is at least a minute old is also replaced after a
    /// 403, and the call repeated, since the account may have more rights by now.
    ///
    /// While that token is used, the ticket's keys serve too, and `connect` sends nothing. The ticket's org key is
    /// the one that `connect` accepts, if it is pinned or nothing is. It opens secrets at once. Before the first
    /// write, or if a secret does not open, the client fetches the vault's org key and compares the two.
    /// [`Self::org_key_rotation`] decides about another one; a key that it does not confirm fails the call with
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused). After an honest rotation, connect without
    /// the ticket.
    ///
    /// A ticket that cannot be used is ignored: one that is malformed or does not open, belongs to another
    /// vault, account, client secret or set of scopes, or has a time of receipt in the future because the
    /// clock was set back since.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let ticket = std::fs::read_to_string("ticket").unwrap_or_default();
    /// let client = Client::builder_from_env()?.resume(ticket).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn resume(self, ticket: impl Into<String>) -> Self {
        Self {
            ticket: Some(ticket.into()),
            ..self
        }
    }

    /// If true, `connect` fetches the vault's org key also with a ticket, and compares the two before anything is
    /// opened. It costs a round trip, and a rotated key is noticed at once. By default that happens before the
    /// first write, or if a secret does not open. The command does so.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let ticket = std::fs::read_to_string("ticket").unwrap_or_default();
    /// let client = Client::builder_from_env()?.resume(ticket).compare_org_key(true).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn compare_org_key(self, compare: bool) -> Self {
        Self {
            compares_org_key: compare,
            ..self
        }
    }

    /// If true, the vault has to number its org key, as it did for an earlier client: see
    /// [`Client::key_epoch`](crate::Client::key_epoch). Writes name the number, so that a vault refuses a value under a key that
    /// it has replaced; a vault that leaves the number out could store such a value unnoticed. `connect` then fails with
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto). A client requires it by itself once it has seen a number. With
    /// [`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation) the chain states the number, and the vault's does not count.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let seen = std::fs::read_to_string("key-epoch").is_ok();
    /// let client = Client::builder_from_env()?.require_key_epoch(seen).connect()?;
    /// if let Some(epoch) = client.key_epoch() {
    ///     std::fs::write("key-epoch", epoch.to_string())?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn require_key_epoch(mut self, require: bool) -> Self {
        self.org_key_policy.requires_epoch = require;
        self
    }

    /// Fetches these secrets while connecting, at the same time as the keys: that saves a round trip over a
    /// network.
    ///
    /// The first read of the secret within 10 s of connecting opens the prefetched one; later reads ask the vault.
    /// A secret that cannot be fetched does not fail `connect`, and neither does an invalid name: the read returns
    /// the error, after it has asked the vault again if the failure may pass. `connect` waits for one attempt to
    /// fetch each of them. At most eight calls are in flight, one of which fetches the org key: more than seven secrets
    /// take another round trip.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let client = Client::builder_from_env()?.prefetch(["database_password"]).connect()?;
    /// let password = client.secrets().get("database_password")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn prefetch<K: AsRef<str>>(mut self, keys: impl IntoIterator<Item = K>) -> Self {
        for key in keys {
            let key = KeyName::parse(key.as_ref()).ok();
            let key = key.filter(|key| !self.prefetch.contains(key));
            self.prefetch.extend(key);
        }
        self
    }

    /// Does everything that needs no vault. `login` makes the authentication, and returns the account's key.
    fn prepare<R: Runtime, K>(
        self,
        login: impl FnOnce(A, ScopeList, Option<ApiTokenHeader>) -> Result<(Auth<R::Notify>, K), Error>,
        runtime: impl FnOnce(
            P,
            &Addresses<'_>,
            &Timeouts,
            &ConnectionSettings,
        ) -> Result<R, ConfigError>,
    ) -> Result<Config<R, K>, Error> {
        let base = self.parse(&self.base_url).map_err(Error::config)?;
        let further = self.further_urls.iter().map(|url| self.parse(url));
        let further: Vec<_> = further.collect::<Result<_, _>>().map_err(Error::config)?;
        let scopes = ScopeList::parse(self.scopes).map_err(Error::config)?;
        check_headers(&self.headers).map_err(Error::config)?;
        let (auth, local_key) = login(self.account, scopes, self.api_token_header)?;
        let timeouts = self.timeouts.bounded();
        let addresses = Addresses {
            first: &base,
            further: &further,
        };
        let runtime =
            runtime(self.parts, &addresses, &timeouts, &self.connections).map_err(Error::config)?;
        let api = Api {
            base,
            failover: Failover::new(further),
            runtime,
            auth,
            observer: self.observer,
            policy: self.policy,
            timeouts,
            limits: self.limits,
            throttle: Throttle::default(),
            paging: Paging::default(),
            headers: self.headers,
        };
        Ok(Config {
            api,
            local_key,
            org_key_policy: self.org_key_policy,
            binding: self.binding,
            cache: self.cache,
            ticket: self.ticket,
            compares_org_key: self.compares_org_key,
            prefetch: self.prefetch,
            concurrency: self.concurrency.get(),
        })
    }

    /// Returns the API for calls without an account, or with the one that these credentials will have.
    #[cfg(feature = "organization")]
    pub(crate) fn visit<R: Runtime>(
        self,
        credentials: Option<Credentials>,
        runtime: impl FnOnce(
            P,
            &Addresses<'_>,
            &Timeouts,
            &ConnectionSettings,
        ) -> Result<R, ConfigError>,
    ) -> Result<Arc<Api<R>>, Error> {
        let login = |_, _, header| {
            let Some(credentials) = credentials else {
                return Ok((Auth::None, ()));
            };
            credentials.0.check()?;
            let scopes = Scopes::from(Scope::CredentialsRead).into();
            Ok((auth(credentials, scopes, header)?, ()))
        };
        Ok(Arc::new(self.prepare(login, runtime)?.api))
    }

    fn parse(&self, url: &str) -> Result<BaseUrl, InvalidBaseUrl> {
        match &self.plain_http_host {
            Some(host) => BaseUrl::parse_with_plain_http(url, host),
            None => BaseUrl::parse(url),
        }
    }

    pub(crate) fn parts_mut(&mut self) -> &mut P {
        &mut self.parts
    }
}

impl<P> ClientBuilder<P> {
    /// Does everything that needs no vault.
    pub(crate) fn config<R: Runtime>(
        self,
        runtime: impl FnOnce(
            P,
            &Addresses<'_>,
            &Timeouts,
            &ConnectionSettings,
        ) -> Result<R, ConfigError>,
    ) -> Result<Config<R>, Error> {
        let login = |account: WithAccount, scopes, header| {
            account.credentials.0.check()?;
            let local_key = account.key_source.local_key()?;
            Ok((auth(account.credentials, scopes, header)?, local_key))
        };
        self.prepare(login, runtime)
    }
}

/// The headers that the client or its transport sets.
const OWN_HEADERS: [HeaderName; 10] = [
    header::AUTHORIZATION,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("x-aegis-token"),
    header::HOST,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::ACCEPT_ENCODING,
    header::CONNECTION,
    header::EXPECT,
];

fn check_headers(headers: &HeaderMap) -> Result<(), ConfigError> {
    match OWN_HEADERS.iter().find(|name| headers.contains_key(*name)) {
        Some(name) => Err(ConfigError::OwnHeader(name.clone())),
        None => Ok(()),
    }
}

fn auth<N: Notify>(
    credentials: Credentials,
    scopes: ScopeList,
    header: Option<ApiTokenHeader>,
) -> Result<Auth<N>, Error> {
    match credentials.0 {
        Authentication::ServiceAccount {
            client_id,
            client_secret,
        } => Ok(Auth::ServiceAccount(Arc::new(ServiceAccount::new(
            client_id,
            client_secret,
            scopes,
        )))),
        Authentication::ApiToken(token) => {
            let token = Token::parse(token)
                .map_err(|_| Error::config(ConfigError::NotAHeader("the API token")))?;
            Ok(Auth::ApiToken(ApiToken::new(&token, header)))
        }
    }
}

impl<P, A: fmt::Debug> fmt::Debug for ClientBuilder<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            // An invalid URL may hold a password.
            .field("base_url", &self.parse(&self.base_url))
            .field("account", &self.account)
            .field("scopes", &self.scopes)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

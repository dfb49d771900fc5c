mod connection;
mod keys;
mod prepare;

use std::fmt;
use std::fs;
use std::num::NonZeroUsize;
use std::sync::Arc;

use helvetisafe_proto::auth::ApiTokenHeader;
use helvetisafe_proto::retry::RetryPolicy;
use helvetisafe_proto::{KeyName, Scopes};
use http::header::USER_AGENT;
use http::{HeaderMap, HeaderValue};

use crate::binding::Binding;
use crate::cache::CachePolicy;
use crate::clock::Clock;
use crate::config_error::ConfigError;
use crate::credentials::{Credentials, Environment, KeySource};
use crate::error::Error;
use crate::event::Event;
use crate::http::{ConnectionSettings, Transport};
use crate::limits::{BodyLimits, Timeouts};
use crate::observer::Observer;
use crate::org_keys::OrgKeyPolicy;

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

    pub(crate) fn parts_mut(&mut self) -> &mut P {
        &mut self.parts
    }
}

impl<P, A: fmt::Debug> fmt::Debug for ClientBuilder<P, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            // An invalid URL may hold a password.
            .field("base_url", &self.parse_url(&self.base_url))
            .field("account", &self.account)
            .field("scopes", &self.scopes)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

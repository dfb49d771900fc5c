mod calls;
mod connection;
mod keys;
mod prepare;
mod reads;

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
            failover,
            credentials,
            key_source,
            ca_certificate,
        } = environment;
        let builder = Self::new(base_url, credentials, key_source);
        let builder = failover.into_iter().fold(builder, Self::failover);
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

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;
use helvetisafe_proto::auth::{ApiTokenHeader, Token};
use helvetisafe_proto::retry::RetryPolicy;
use helvetisafe_proto::{BaseUrl, Scopes};
use http::HeaderValue;

use crate::binding::Binding;
use crate::cache::CachePolicy;
use crate::client::Client;
use crate::clock::{Clock, SystemClock};
use crate::connection::{Connection, Prepared};
use crate::credentials::{Authentication, Credentials, KeySource};
use crate::driver::blocking::block;
use crate::driver::{Blocking, Driver};
use crate::error::{ConfigError, Error};
use crate::event::{Event, Observer};
use crate::limits::{BodyLimits, Timeouts};
use crate::org_keys::{OrgKeyPolicy, OrgKeyRotation};
use crate::session::{Session, Throttle};
use crate::token::{ApiToken, Authorizer, ServiceAccount};
use crate::transport::Transport;
use crate::transport::roots::Roots;
use crate::transport::ureq::UreqTransport;

const USER_AGENT: &str = concat!("helvetisafe-rust/", env!("CARGO_PKG_VERSION"));

/// Enough to hide the way to the vault and back, and few enough not to run into its rate limit.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// A client in the making: what is required is there, the rest has defaults.
///
/// `P` is how it will reach the vault and wait: by default on the calling thread.
#[must_use = "call connect() to make a client of it"]
pub struct ClientBuilder<P = Parts> {
    base_url: String,
    credentials: Credentials,
    key_source: KeySource,
    scopes: Scopes,
    api_token_header: Option<ApiTokenHeader>,
    timeouts: Timeouts,
    limits: BodyLimits,
    policy: RetryPolicy,
    roots: Roots,
    user_agent: Option<HeaderValue>,
    observer: Observer,
    org_key_policy: OrgKeyPolicy,
    binding: Binding,
    cache: Option<CachePolicy>,
    ticket: Option<String>,
    concurrency: NonZeroUsize,
    parts: P,
}

/// What a [`Client`] may be given in place of its own transport and clock.
#[derive(Default)]
pub struct Parts {
    transport: Option<Arc<dyn Transport>>,
    around: Option<Box<Around>>,
    clock: Option<Arc<dyn Clock>>,
}

/// Makes one transport of another.
type Around = dyn FnOnce(Arc<dyn Transport>) -> Arc<dyn Transport> + Send;

impl<P: Default> ClientBuilder<P> {
    pub(crate) fn new(base_url: String, credentials: Credentials, key_source: KeySource) -> Self {
        Self {
            base_url,
            credentials,
            key_source,
            scopes: Scopes::ALL,
            api_token_header: None,
            timeouts: Timeouts::default(),
            limits: BodyLimits::default(),
            policy: RetryPolicy::default(),
            roots: Roots::default(),
            user_agent: None,
            observer: Observer::NONE,
            org_key_policy: OrgKeyPolicy::default(),
            binding: Binding::default(),
            cache: None,
            ticket: None,
            concurrency: CONCURRENCY,
            parts: P::default(),
        }
    }
}

impl<P> ClientBuilder<P> {
    /// The scopes to ask for; all of them by default. An API token has its own.
    pub fn scopes(self, scopes: impl Into<Scopes>) -> Self {
        Self {
            scopes: scopes.into(),
            ..self
        }
    }

    /// Fixes the header of an API token. By default the client sends `X-Aegis-Token`, tries
    /// `Authorization: Bearer` once when its very first call is answered 401, and keeps the one
    /// that worked.
    pub fn api_token_header(self, header: ApiTokenHeader) -> Self {
        Self {
            api_token_header: Some(header),
            ..self
        }
    }

    /// How long things may take. The limits for connecting and for silence are the default
    /// transport's.
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// How large answers may be.
    pub fn body_limits(self, limits: BodyLimits) -> Self {
        Self { limits, ..self }
    }

    /// How many attempts a call has, 3 by default; 1 turns retries off, and 0 is 1.
    pub fn attempts(self, attempts: u32) -> Self {
        let policy = RetryPolicy {
            max_attempts: attempts.max(1),
            ..self.policy
        };
        Self { policy, ..self }
    }

    /// How often to try, and how long to wait between.
    pub fn retry_policy(self, policy: RetryPolicy) -> Self {
        Self { policy, ..self }
    }

    /// How many calls [`Secrets::get_many`](crate::Secrets::get_many) and its like have under way at
    /// once: 8 by default, and at most 64 connections are kept.
    pub fn concurrency(self, calls: NonZeroUsize) -> Self {
        Self {
            concurrency: calls,
            ..self
        }
    }

    /// Trusts one more certificate authority, or several, given as PEM.
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.extra.push(pem.into());
        self
    }

    /// Trusts the roots that are compiled in, Mozilla's, instead of the platform's.
    #[cfg(feature = "bundled-roots")]
    pub fn bundled_roots(mut self) -> Self {
        self.roots.bundled = true;
        self
    }

    /// The `User-Agent` header; by default the name and version of this crate.
    pub fn user_agent(self, user_agent: HeaderValue) -> Self {
        Self {
            user_agent: Some(user_agent),
            ..self
        }
    }

    /// Calls `observe` for everything that happens on the way: requests, answers, waits. It is
    /// called on the thread that works, so it should be quick.
    pub fn on_event(self, observe: impl Fn(&Event<'_>) + Send + Sync + 'static) -> Self {
        Self {
            observer: Observer::new(observe),
            ..self
        }
    }

    /// Accepts this org key only: [`Self::pin_org_keys`] with one fingerprint.
    pub fn pin_org_key(self, fingerprint: Fingerprint) -> Self {
        self.pin_org_keys([fingerprint])
    }

    /// Lets `connect` accept these org keys only, so that a hostile vault cannot hand out a key that it
    /// knows and then read what is written. A key that comes later and is not pinned is subject to
    /// [`Self::org_key_rotation`], which refuses it by default. A refused key fails the call with
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused).
    ///
    /// Several pins announce a rotation: the client seals under the pinned key that the vault gave last,
    /// and opens secrets under every pinned key that it was given. The vault may go back to each pinned
    /// key, so take the old one out once the rotation is over. Without pins, `connect` accepts any
    /// org key.
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

    /// Sets what happens when the vault's org key changes while the client is connected, and the new
    /// one is not pinned. By default it is refused.
    pub fn org_key_rotation(mut self, rotation: OrgKeyRotation) -> Self {
        self.org_key_policy.rotation = rotation;
        self
    }

    /// Refuses every secret that does not name its key inside the encryption, so that a hostile vault
    /// cannot hand out one secret for another. Multi-field secrets and legacy plain text name no key,
    /// and cannot be read then. `false` is the default: see [`Self::allow_unbound`]; of the two
    /// settings the last call counts.
    pub fn require_binding(self, required: bool) -> Self {
        let binding = if required {
            Binding::Required
        } else {
            Binding::default()
        };
        Self { binding, ..self }
    }

    /// Reads also a secret of one member whose name is another valid key.
    ///
    /// By default such a secret is refused, with
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto): it looks just like the single value of that
    /// other key, which a hostile vault may have handed out in its place. A one-field secret that was made
    /// in the portal looks like that too; read it with [`Secrets::get_field`](crate::Secrets::get_field), or
    /// allow all of them here. `false` restores the default; of this and [`Self::require_binding`] the last
    /// call counts.
    pub fn allow_unbound(self, allowed: bool) -> Self {
        let binding = if allowed {
            Binding::AllowUnbound
        } else {
            Binding::default()
        };
        Self { binding, ..self }
    }

    /// Keeps values that were read or written in memory, within this policy. Without it, each read
    /// asks the vault.
    pub fn cache(self, policy: CachePolicy) -> Self {
        Self {
            cache: Some(policy),
            ..self
        }
    }

    /// Begins with the access token that an earlier client had, from
    /// [`Client::resumption_ticket`]. It is treated as this client's own: renewed in time, and
    /// replaced, once, when the vault answers 401. One that is a minute old or
    /// more is replaced after a 403 too, if another can be fetched, and the call made once more: the
    /// account may have been granted more in the meantime.
    ///
    /// A ticket that does not serve is ignored: one that is none or does not open, of another
    /// vault, account, client secret or set of scopes, or whose token came in the future, because the
    /// calendar's clock was set back since.
    pub fn resume(self, ticket: impl Into<String>) -> Self {
        Self {
            ticket: Some(ticket.into()),
            ..self
        }
    }

    /// Does all that needs no vault.
    pub(crate) fn prepare<D: Driver>(
        self,
        driver: impl FnOnce(P, &BaseUrl, &Timeouts, &Roots) -> Result<D, ConfigError>,
    ) -> Result<Prepared<D>, Error> {
        let base = BaseUrl::parse(&self.base_url).map_err(Error::config)?;
        self.credentials.0.check()?;
        let local_key = self.key_source.local_key()?;
        let timeouts = self.timeouts.bounded();
        let driver = driver(self.parts, &base, &timeouts, &self.roots).map_err(Error::config)?;
        let session = Session {
            base,
            driver,
            renewals: D::Gate::default(),
            authorizer: authorizer(self.credentials, self.scopes, self.api_token_header)?,
            observer: self.observer,
            policy: self.policy,
            timeouts,
            limits: self.limits,
            concurrency: self.concurrency.get(),
            throttle: Throttle::default(),
            user_agent: self
                .user_agent
                .unwrap_or(HeaderValue::from_static(USER_AGENT)),
        };
        Ok(Prepared {
            session,
            local_key,
            org_key_policy: self.org_key_policy,
            binding: self.binding,
            cache: self.cache,
            ticket: self.ticket,
        })
    }

    #[cfg(feature = "async")]
    pub(crate) fn parts_mut(&mut self) -> &mut P {
        &mut self.parts
    }
}

impl ClientBuilder {
    /// Another way to send requests. Timeouts for connecting and for silence, certificates and
    /// proxies are then its own affair.
    pub fn transport(mut self, transport: impl Transport + 'static) -> Self {
        self.parts.transport = Some(Arc::new(transport));
        self
    }

    /// Puts a transport around the default one, or around that of [`Self::transport`], to see or to
    /// answer requests on the way. What it is given sends them.
    pub fn around_transport<T: Transport + 'static>(
        mut self,
        around: impl FnOnce(Arc<dyn Transport>) -> T + Send + 'static,
    ) -> Self {
        self.parts.around = Some(Box::new(|inner| Arc::new(around(inner))));
        self
    }

    /// Another clock, for tests.
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.parts.clock = Some(Arc::new(clock));
        self
    }

    /// Connects: reads the private key, or fetches and unlocks it, then fetches and unwraps the
    /// org key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when an argument cannot be used, before
    /// anything is sent, or there is no certificate authority to trust;
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto) when the private key cannot be read or unlocked,
    /// or the org key cannot be unwrapped;
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused) when org keys are pinned and the
    /// vault gives another one; and every error of a call.
    pub fn connect(self) -> Result<Client, Error> {
        let prepared = self.prepare(|parts, base, timeouts, roots| {
            let transport = match parts.transport {
                Some(transport) => transport,
                None => Arc::new(UreqTransport::new(base, timeouts, roots)?),
            };
            let transport = match parts.around {
                Some(around) => around(transport),
                None => transport,
            };
            let clock = parts.clock.unwrap_or_else(|| Arc::new(SystemClock::new()));
            Ok(Blocking::new(transport, clock))
        })?;
        block(Connection::open(prepared)).map(Client::from)
    }
}

fn authorizer(
    credentials: Credentials,
    scopes: Scopes,
    header: Option<ApiTokenHeader>,
) -> Result<Authorizer, Error> {
    match credentials.0 {
        Authentication::ServiceAccount {
            client_id,
            client_secret,
        } => Ok(Authorizer::ServiceAccount(ServiceAccount::new(
            client_id,
            client_secret,
            scopes,
        ))),
        Authentication::ApiToken(token) => {
            let token = Token::parse(token)
                .map_err(|_| Error::config(ConfigError::NotAHeader("the API token")))?;
            Ok(Authorizer::ApiToken(ApiToken::new(&token, header)))
        }
    }
}

impl<P> fmt::Debug for ClientBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            // What is none may hold a password.
            .field("base_url", &BaseUrl::parse(&self.base_url))
            .field("credentials", &self.credentials)
            .field("key_source", &self.key_source)
            .field("scopes", &self.scopes)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

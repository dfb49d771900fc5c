use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use helvetisafe_crypto::Fingerprint;
use helvetisafe_proto::auth::{ApiTokenHeader, Token};
use helvetisafe_proto::retry::RetryPolicy;
use helvetisafe_proto::{BaseUrl, KeyName, Scopes};
use http::HeaderValue;

use crate::api::{Api, Throttle};
use crate::auth::{ApiToken, Auth, ServiceAccount};
use crate::binding::Binding;
use crate::cache::CachePolicy;
use crate::clock::Clock;
use crate::config_error::ConfigError;
use crate::credentials::{Authentication, Credentials, KeySource};
use crate::error::Error;
use crate::event::Event;
use crate::http::Transport;
use crate::http::roots::Roots;
use crate::limits::{BodyLimits, Timeouts};
use crate::observer::Observer;
use crate::org_keys::{OrgKeyPolicy, OrgKeyRotation};
use crate::runtime::{Notify, Runtime};
use crate::vault::Config;

const USER_AGENT: &str = concat!("helvetisafe-rust/", env!("CARGO_PKG_VERSION"));

/// Enough to hide the round-trip time, and few enough to stay below the rate limit.
const CONCURRENCY: NonZeroUsize = NonZeroUsize::new(8).unwrap();

/// Configures a client. The required settings are set; the others have defaults.
///
/// `P` is the transport and the clock; by default those of the blocking client.
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
    prefetch: Vec<KeyName>,
    concurrency: NonZeroUsize,
    parts: P,
}

/// The transport and the clock of a [`Client`](crate::Client), if they are not the default ones.
#[derive(Default)]
pub struct Parts {
    pub(crate) transport: Option<Arc<dyn Transport>>,
    pub(crate) around: Option<Box<Around>>,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

/// Wraps a transport.
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
            prefetch: Vec::new(),
            concurrency: CONCURRENCY,
            parts: P::default(),
        }
    }
}

impl<P> ClientBuilder<P> {
    /// Sets the scopes to request; by default all of them. An API token has its own.
    pub fn scopes(self, scopes: impl Into<Scopes>) -> Self {
        Self {
            scopes: scopes.into(),
            ..self
        }
    }

    /// Sets the header of an API token. By default the client sends `X-Aegis-Token`. If its very first call is
    /// answered 401, it tries `Authorization: Bearer` once, and then uses the header that worked.
    pub fn api_token_header(self, header: ApiTokenHeader) -> Self {
        Self {
            api_token_header: Some(header),
            ..self
        }
    }

    /// Sets the timeouts. Those for connecting and for silence apply to the default transport only.
    pub fn timeouts(self, timeouts: Timeouts) -> Self {
        Self { timeouts, ..self }
    }

    /// Sets the largest answers.
    pub fn body_limits(self, limits: BodyLimits) -> Self {
        Self { limits, ..self }
    }

    /// Sets the number of attempts of a call: by default 3; 1 turns retries off, and 0 means 1.
    pub fn attempts(self, attempts: u32) -> Self {
        let policy = RetryPolicy {
            max_attempts: attempts.max(1),
            ..self.policy
        };
        Self { policy, ..self }
    }

    /// Sets the number of attempts and the waits between them.
    pub fn retry_policy(self, policy: RetryPolicy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the number of concurrent calls of [`Secrets::get_many`](crate::Secrets::get_many) and similar
    /// operations: by default 8. At most 64 idle connections are pooled.
    pub fn concurrency(self, calls: NonZeroUsize) -> Self {
        Self {
            concurrency: calls,
            ..self
        }
    }

    /// Trusts one or more further certificate authorities, given as PEM.
    pub fn ca_certificate(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.extra.push(pem.into());
        self
    }

    /// Trusts Mozilla's compiled-in roots instead of the platform's.
    #[cfg(feature = "bundled-roots")]
    pub fn bundled_roots(mut self) -> Self {
        self.roots.bundled = true;
        self
    }

    /// Sets the `User-Agent` header; by default the name and version of this crate.
    pub fn user_agent(self, user_agent: HeaderValue) -> Self {
        Self {
            user_agent: Some(user_agent),
            ..self
        }
    }

    /// Calls `observe` for each request, answer and wait. It is called on the working thread, so it should be
    /// quick.
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
    pub fn org_key_rotation(mut self, rotation: OrgKeyRotation) -> Self {
        self.org_key_policy.rotation = rotation;
        self
    }

    /// Refuses every secret that does not name its key inside the encryption, so that a hostile vault cannot
    /// hand out one secret for another. Multi-field secrets and legacy plain text name no key, and cannot be
    /// read then. `false`, the default, is described at [`Self::allow_unbound`]. The last call of the two
    /// methods counts.
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
    pub fn allow_unbound(self, allowed: bool) -> Self {
        let binding = if allowed {
            Binding::AllowUnbound
        } else {
            Binding::default()
        };
        Self { binding, ..self }
    }

    /// Caches values that were read or written, by this policy. Without it, each read goes to the vault.
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
    pub fn resume(self, ticket: impl Into<String>) -> Self {
        Self {
            ticket: Some(ticket.into()),
            ..self
        }
    }

    /// Fetches these secrets while connecting, at the same time as the keys: that saves a round trip over a
    /// network.
    ///
    /// What was fetched is opened by the first read of the secret within 10 s of connecting, and by no other one.
    /// A secret that cannot be fetched does not fail `connect`, and neither does an invalid name: the read returns
    /// the error, after it has asked the vault again if the failure may pass. `connect` waits for one attempt to
    /// fetch each of them.
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

    /// Does everything that needs no vault.
    pub(crate) fn config<R: Runtime>(
        self,
        runtime: impl FnOnce(P, &BaseUrl, &Timeouts, &Roots) -> Result<R, ConfigError>,
    ) -> Result<Config<R>, Error> {
        let base = BaseUrl::parse(&self.base_url).map_err(Error::config)?;
        self.credentials.0.check()?;
        let local_key = self.key_source.local_key()?;
        let timeouts = self.timeouts.bounded();
        let runtime = runtime(self.parts, &base, &timeouts, &self.roots).map_err(Error::config)?;
        let api = Api {
            base,
            runtime,
            auth: auth(self.credentials, self.scopes, self.api_token_header)?,
            observer: self.observer,
            policy: self.policy,
            timeouts,
            limits: self.limits,
            throttle: Throttle::default(),
            user_agent: self
                .user_agent
                .unwrap_or(HeaderValue::from_static(USER_AGENT)),
        };
        Ok(Config {
            api,
            local_key,
            org_key_policy: self.org_key_policy,
            binding: self.binding,
            cache: self.cache,
            ticket: self.ticket,
            prefetch: self.prefetch,
            concurrency: self.concurrency.get(),
        })
    }

    pub(crate) fn parts_mut(&mut self) -> &mut P {
        &mut self.parts
    }
}

fn auth<N: Notify>(
    credentials: Credentials,
    scopes: Scopes,
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

impl<P> fmt::Debug for ClientBuilder<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            // An invalid URL may hold a password.
            .field("base_url", &BaseUrl::parse(&self.base_url))
            .field("credentials", &self.credentials)
            .field("key_source", &self.key_source)
            .field("scopes", &self.scopes)
            .field("timeouts", &self.timeouts)
            .finish_non_exhaustive()
    }
}

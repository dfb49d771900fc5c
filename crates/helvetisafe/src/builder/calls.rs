//! The settings of calls: scopes, timeouts, limits, repetitions and the observer.

use std::num::NonZeroUsize;

use helvetisafe_proto::Scopes;
use helvetisafe_proto::auth::ApiTokenHeader;
use helvetisafe_proto::retry::RetryPolicy;

use super::ClientBuilder;
use crate::event::Event;
use crate::limits::{BodyLimits, Timeouts};
use crate::observer::Observer;

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
    /// is called on the working thread, so it should be quick.
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
}

//! The API of one vault: the credential, the limits and the transport of every call.

mod call;
mod failover;
mod outcome;
mod throttle;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use helvetisafe_proto::endpoint::{AccessToken, announces_paging};
use helvetisafe_proto::retry::RetryPolicy;
use helvetisafe_proto::{BaseUrl, Endpoint};
use http::HeaderMap;

use crate::auth::{Auth, Credential, ServiceAccount};
use crate::bounds::Bounds;
use crate::clock::Deadline;
#[cfg(feature = "organization")]
use crate::config_error::ConfigError;
use crate::error::{Action, Error};
use crate::event::Event;
use crate::limits::{BodyLimits, Timeouts};
use crate::observer::Observer;
use crate::runtime::{Boxed, Runtime};
use call::Call;

pub(crate) use failover::Failover;
pub(crate) use outcome::ReadBack;
pub(crate) use throttle::Throttle;

/// Makes calls to one vault.
pub(crate) struct Api<R: Runtime> {
    /// The first address. Tickets belong to it.
    pub(crate) base: BaseUrl,
    pub(crate) failover: Failover,
    pub(crate) runtime: R,
    pub(crate) auth: Auth<R::Notify>,
    pub(crate) observer: Observer,
    pub(crate) policy: RetryPolicy,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: BodyLimits,
    /// The `User-Agent`, and the headers of the application.
    pub(crate) headers: HeaderMap,
    pub(crate) throttle: Throttle,
    pub(crate) paging: Paging,
}

/// True once the vault has announced pages of its list.
#[derive(Default)]
pub(crate) struct Paging(AtomicBool);

impl Paging {
    pub(crate) fn is_announced(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes over an announcement from a ticket.
    pub(crate) fn announce(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn note(&self, headers: &HeaderMap) {
        if !self.is_announced() && announces_paging(headers) {
            self.announce();
        }
    }
}

impl<R: Runtime> Api<R> {
    /// Returns the deadline of an operation that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline_in(self.timeouts.operation)
    }

    /// Returns the deadline of an operation that begins now and has this timeout.
    pub(crate) fn deadline_in(&self, timeout: Duration) -> Deadline {
        Deadline::after(self.runtime.now(), timeout)
    }

    /// Makes a call, with repetitions where the retry policy allows them.
    pub(crate) fn call<'a, E>(
        self: &'a Arc<Self>,
        endpoint: &'a E,
        action: Action,
        bounds: impl Into<Bounds>,
    ) -> Boxed<'a, Result<E::Answer, Error>>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        self.call_with_read_back(endpoint, action, bounds, || {
            Box::pin(async { ReadBack::Unknown })
        })
    }

    /// Makes a call that changes a secret. `read_back` finds out if an attempt without an answer had its
    /// effect.
    pub(crate) fn call_with_read_back<'a, E>(
        self: &'a Arc<Self>,
        endpoint: &'a E,
        action: Action,
        bounds: impl Into<Bounds>,
        read_back: impl Fn() -> Boxed<'a, ReadBack<E::Answer>> + Send + Sync + 'a,
    ) -> Boxed<'a, Result<E::Answer, Error>>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        let call = Call::new(self, endpoint, action, bounds.into());
        self.run(call, read_back)
    }

    /// Boxed, so that the compiler sees that it is `Send` for every runtime.
    fn run<'a, E>(
        &'a self,
        call: Call<'a, R, E>,
        read_back: impl Fn() -> Boxed<'a, ReadBack<E::Answer>> + Send + Sync + 'a,
    ) -> Boxed<'a, Result<E::Answer, Error>>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        Box::pin(call.complete(read_back))
    }

    /// Returns true if the next request has its credential already.
    pub(crate) fn has_credential(&self) -> bool {
        self.auth.is_ready(self.runtime.now())
    }

    /// Fetches an access token, if there is none.
    pub(crate) async fn authorize(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
        self.credential(&deadline.into()).await.map(drop)
    }

    /// Returns the credential for the next request.
    async fn credential(self: &Arc<Self>, bounds: &Bounds) -> Result<Credential, Error> {
        let account = match &self.auth {
            Auth::ApiToken(token) => return Ok(token.credential()),
            Auth::ServiceAccount(account) => account,
            // The calls without an account need no scope, so no credential is asked for.
            #[cfg(feature = "organization")]
            Auth::None => return Err(Error::config(ConfigError::NoAccount)),
        };
        let fetch = |account, bounds| Arc::clone(self).fetch_token(account, bounds);
        let operation = self.timeouts.operation;
        account
            .credential(&self.runtime, operation, bounds, fetch)
            .await
    }

    fn fetch_token(
        self: Arc<Self>,
        account: Arc<ServiceAccount<R::Notify>>,
        bounds: Bounds,
    ) -> Boxed<'static, Result<AccessToken, Error>> {
        Box::pin(async move {
            let endpoint = account.token_call();
            let call = Call::new(&self, &endpoint, Action::FetchToken, bounds);
            let read_back = || -> Boxed<'_, _> { Box::pin(async { ReadBack::Unknown }) };
            let token = self.run(call, read_back).await?;
            self.observer.emit(Event::Authorized {
                granted: token.granted,
                life: token.life,
            });
            Ok(token)
        })
    }
}

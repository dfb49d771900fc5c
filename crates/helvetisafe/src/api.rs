//! The API of one vault: the credential, the limits and the transport of every call.

mod call;
mod outcome;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::endpoint::AccessToken;
use helvetisafe_proto::retry::RetryPolicy;
use helvetisafe_proto::{BaseUrl, Endpoint};
use http::HeaderValue;

use crate::auth::{Auth, Credential, ServiceAccount};
use crate::clock::Deadline;
use crate::error::{Action, Error};
use crate::event::Event;
use crate::limits::{BodyLimits, Timeouts};
use crate::observer::Observer;
use crate::runtime::{Boxed, Runtime};
use crate::trace;
use call::Call;

pub(crate) use outcome::ReadBack;
pub(crate) use throttle::Throttle;

/// Makes calls to one vault.
pub(crate) struct Api<R: Runtime> {
    pub(crate) base: BaseUrl,
    pub(crate) runtime: R,
    pub(crate) auth: Auth<R::Notify>,
    pub(crate) observer: Observer,
    pub(crate) policy: RetryPolicy,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: BodyLimits,
    pub(crate) user_agent: HeaderValue,
    pub(crate) throttle: Throttle,
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
        deadline: Deadline,
    ) -> Boxed<'a, Result<E::Answer, Error>>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        self.call_with_read_back(endpoint, action, deadline, || {
            Box::pin(async { ReadBack::Unreadable })
        })
    }

    /// Makes a call whose attempt is not repeated after a wait.
    pub(crate) fn call_once<'a, E>(
        self: &'a Arc<Self>,
        endpoint: &'a E,
        action: Action,
        deadline: Deadline,
    ) -> Boxed<'a, Result<E::Answer, Error>>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        self.run(Call::new(self, endpoint, action, deadline, 1), || {
            Box::pin(async { ReadBack::Unreadable })
        })
    }

    /// Makes a call that changes a secret. `read_back` finds out if an attempt without an answer had its
    /// effect.
    pub(crate) fn call_with_read_back<'a, E>(
        self: &'a Arc<Self>,
        endpoint: &'a E,
        action: Action,
        deadline: Deadline,
        read_back: impl Fn() -> Boxed<'a, ReadBack<E::Answer>> + Send + Sync + 'a,
    ) -> Boxed<'a, Result<E::Answer, Error>>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        let attempts = self.policy.max_attempts;
        self.run(
            Call::new(self, endpoint, action, deadline, attempts),
            read_back,
        )
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
        let action = call.action.clone();
        let outcome = async move { call.run(read_back).await.into_result() };
        Box::pin(trace::span(&action, outcome))
    }

    /// Returns true if the next request has its credential already.
    pub(crate) fn has_credential(&self) -> bool {
        self.auth.is_ready(self.runtime.now())
    }

    /// Fetches an access token, if there is none.
    pub(crate) async fn authorize(self: &Arc<Self>, deadline: Deadline) -> Result<(), Error> {
        self.credential(deadline).await.map(drop)
    }

    /// Returns the credential for the next request.
    async fn credential(self: &Arc<Self>, deadline: Deadline) -> Result<Credential, Error> {
        let account = match &self.auth {
            Auth::ApiToken(token) => return Ok(token.credential()),
            Auth::ServiceAccount(account) => account,
        };
        let fetch =
            |account, deadline, attempts| Arc::clone(self).fetch_token(account, deadline, attempts);
        let operation = self.timeouts.operation;
        account
            .credential(&self.runtime, operation, deadline, fetch)
            .await
    }

    fn fetch_token(
        self: Arc<Self>,
        account: Arc<ServiceAccount<R::Notify>>,
        deadline: Deadline,
        attempts: Option<u32>,
    ) -> Boxed<'static, Result<AccessToken, Error>> {
        Box::pin(async move {
            let endpoint = account.token_call();
            let attempts = attempts.unwrap_or(self.policy.max_attempts);
            let call = Call::new(&self, &endpoint, Action::FetchToken, deadline, attempts);
            let read_back = || -> Boxed<'_, _> { Box::pin(async { ReadBack::Unreadable }) };
            let token = self.run(call, read_back).await?;
            self.observer.emit(Event::Authorized {
                granted: token.granted,
                life: token.life,
            });
            Ok(token)
        })
    }
}

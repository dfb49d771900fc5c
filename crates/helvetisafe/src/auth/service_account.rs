//! A service account: its access token, and one renewal of it at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helvetisafe_proto::ScopeList;
use helvetisafe_proto::auth::Token;
use helvetisafe_proto::endpoint::{AccessToken, FetchToken};
use secrecy::SecretString;

use super::Credential;
use super::token_state::TokenState;
use crate::bounds::Bounds;
use crate::error::{Action, Error};
use crate::runtime::{Boxed, Notify, Runtime};
use crate::single_flight::{FlightId, FlightTime, SingleFlight, Step};

/// A service account and its access token.
pub(crate) struct ServiceAccount<N: Notify> {
    client_id: String,
    client_secret: SecretString,
    scopes: ScopeList,
    state: Mutex<TokenState>,
    /// Notified at the end of each renewal.
    renewed: N,
}

impl<N: Notify> ServiceAccount<N> {
    pub(crate) fn new(client_id: String, client_secret: SecretString, scopes: ScopeList) -> Self {
        Self {
            client_id,
            client_secret,
            scopes,
            state: Mutex::default(),
            renewed: N::default(),
        }
    }

    /// Returns the call that fetches an access token.
    pub(crate) fn token_call(&self) -> FetchToken<'_> {
        FetchToken {
            client_id: &self.client_id,
            client_secret: &self.client_secret,
            scopes: &self.scopes,
        }
    }

    /// Returns the credential for the next request, after a renewal if it is due. `operation` is the timeout
    /// of an operation. `fetch` fetches a token within the given bounds.
    pub(crate) async fn credential<R: Runtime<Notify = N>>(
        self: &Arc<Self>,
        runtime: &R,
        operation: Duration,
        bounds: &Bounds,
        fetch: impl Fn(Arc<Self>, Bounds) -> Boxed<'static, Result<AccessToken, Error>> + Send + Sync,
    ) -> Result<Credential, Error> {
        let before = self.lock().renewals();
        let next = |longest| self.next_step(before, runtime.now(), longest);
        let renew = |renewal: Renewal<N>, time: FlightTime| -> Boxed<'static, _> {
            let bounds = Bounds {
                attempts: renewal.attempts,
                ..time.bounds.clone()
            };
            let fetched = fetch(Arc::clone(self), bounds);
            let runtime = runtime.clone();
            Box::pin(async move {
                let fetched = fetched.await;
                renewal.end(fetched, time, runtime.now())
            })
        };
        let flight = SingleFlight {
            runtime,
            landed: &self.renewed,
            operation,
            bounds,
            is_detached: false,
        };
        match flight.join(next, renew).await {
            Ok(outcome) => outcome,
            Err(cause) => Err(Error::new(Action::FetchToken, cause)),
        }
    }

    /// Decides about a caller that saw `before` renewals when it began.
    fn next_step(
        self: &Arc<Self>,
        before: u64,
        now: Duration,
        longest: Duration,
    ) -> Step<Result<Credential, Error>, Renewal<N>> {
        let mut state = self.lock();
        if let Some(outcome) = state.outcome_since(before, now) {
            return Step::Take(outcome);
        }
        match state.slot.begin(now, longest) {
            Err(at_most) => Step::Wait { at_most },
            Ok(id) => Step::Fly(Renewal {
                account: Arc::clone(self),
                id,
                // While the old token is alive, one attempt is enough: no caller should wait long for it.
                attempts: state.is_alive(now).then_some(1),
            }),
        }
    }

    /// Starts with the access token of an earlier client, which is `age` old.
    pub(super) fn resume(&self, token: Token, age: Duration, life: Duration, now: Duration) {
        self.lock().resume(token, age, life, now);
    }

    /// Returns true if there is an access token that is not due for renewal.
    pub(super) fn is_ready(&self, now: Duration) -> bool {
        self.lock().usable(now).is_some()
    }

    /// Returns the access token in use with its age and its lifetime.
    pub(super) fn token_in_use(&self, now: Duration) -> Option<(Token, Duration, Duration)> {
        self.lock().token_in_use(now)
    }

    /// Drops the refused token, unless there is a newer one already.
    pub(super) fn forget(&self, used: &Credential) {
        self.lock().forget(used);
    }

    /// Returns true if the `used` token was resumed and will be replaced by one with the current rights.
    pub(super) fn replace_outdated(&self, used: &Credential, now: Duration) -> bool {
        self.lock().replace_outdated(used, now)
    }

    /// The state is consistent even after a panic, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, TokenState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A renewal in progress. Its drop frees the slot and wakes the waiters.
struct Renewal<N: Notify> {
    account: Arc<ServiceAccount<N>>,
    id: FlightId,
    attempts: Option<u32>,
}

impl<N: Notify> Renewal<N> {
    /// Stores the outcome for all callers, and returns `None`. A timeout is returned to this caller alone.
    fn end(
        self,
        fetched: Result<AccessToken, Error>,
        time: FlightTime,
        now: Duration,
    ) -> Option<Result<Credential, Error>> {
        let mut state = self.account.lock();
        match fetched {
            Err(error) if time.has_timed_out(&error, now) => {
                if !error.is_cancelled() {
                    state.note_timeout(self.id, now);
                }
                Some(state.usable(now).ok_or(error))
            }
            fetched => {
                state.end(self.id, fetched, now);
                None
            }
        }
    }
}

impl<N: Notify> Drop for Renewal<N> {
    fn drop(&mut self) {
        self.account.lock().slot.free(self.id);
        self.account.renewed.notify();
    }
}

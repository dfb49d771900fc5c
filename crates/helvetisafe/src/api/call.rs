//! The one loop: admit, authorize, send, judge, wait.

mod attempt;
mod repetition;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use helvetisafe_proto::endpoint::idempotency_key;
use helvetisafe_proto::retry::{AttemptFailure, BackOff, Effect, Verdict, is_unknown, judge};
use helvetisafe_proto::{BaseUrl, Endpoint};
use http::{HeaderValue, Method};

use super::Api;
use super::outcome::{FailedAttempt, Outcome, ReadBack};
use super::throttle::Admission;
use crate::auth::Credential;
use crate::bounds::Bounds;
use crate::error::{Action, Cause, Error};
use crate::event::{CallInfo, Event, EventError, HiddenKey};
use crate::runtime::{Boxed, Runtime};
use crate::trace::OperationSpan;

/// Numbers the calls of this process.
static LAST_ID: AtomicU64 = AtomicU64::new(0);

/// A call in progress.
pub(super) struct Call<'a, R: Runtime, E> {
    id: u64,
    api: &'a Arc<Api<R>>,
    endpoint: &'a E,
    method: Method,
    action: Action,
    bounds: Bounds,
    /// The value of the header that all attempts share.
    idempotency_key: Option<HeaderValue>,
    /// The number of the address that it is sent to.
    address: usize,
    /// The numbers of the addresses at which an attempt failed.
    tried: Vec<usize>,
    /// The greatest effect of the attempts so far.
    effect: Effect,
    /// The attempts that failed and were counted.
    failed: u32,
    /// The uncounted repetitions that are left: after a dead connection, and with a new credential.
    immediate: u32,
    credentials: u32,
}

impl<'a, R: Runtime, E: Endpoint<Answer: Send> + Sync> Call<'a, R, E> {
    pub(super) fn new(
        api: &'a Arc<Api<R>>,
        endpoint: &'a E,
        action: Action,
        bounds: Bounds,
    ) -> Self {
        Self {
            id: LAST_ID.fetch_add(1, Ordering::Relaxed) + 1,
            api,
            endpoint,
            method: E::METHOD,
            action,
            bounds,
            idempotency_key: E::HAS_IDEMPOTENCY_KEY.then(generate_key).flatten(),
            address: api.failover.in_use(),
            tried: Vec::new(),
            effect: Effect::None,
            failed: 0,
            immediate: 1,
            credentials: 1,
        }
    }

    /// Makes the call, and reports its end.
    pub(super) async fn complete(
        mut self,
        read_back: impl Fn() -> Boxed<'a, ReadBack<E::Answer>> + Send + Sync,
    ) -> Result<E::Answer, Error> {
        let runtime = &self.api.runtime;
        let begun = runtime.now();
        let result = if self.action.is_apart() {
            let span = OperationSpan::new(self.action.name(), None);
            let result = span.instrument(self.run(read_back)).await.into_result();
            span.end(result.as_ref().err(), runtime.now().saturating_sub(begun));
            result
        } else {
            self.run(read_back).await.into_result()
        };
        self.api.observer.emit(Event::CallEnded {
            call: self.info(),
            attempts: self.attempts(),
            error: result.as_ref().err().map(EventError),
            after: runtime.now().saturating_sub(begun),
        });
        result
    }

    async fn run(
        &mut self,
        read_back: impl Fn() -> Boxed<'a, ReadBack<E::Answer>> + Send + Sync,
    ) -> Outcome<E::Answer> {
        loop {
            let (credential, time) = match self.admit().await {
                Ok(admitted) => admitted,
                Err(error) => return self.fail(error, None),
            };
            let failed = match self.attempt(credential.as_ref(), time).await {
                Ok(answer) => {
                    self.api.auth.note_success();
                    return Outcome::Done(answer);
                }
                Err(failed) => failed,
            };
            if !self.tried.contains(&self.address) {
                self.tried.push(self.address);
            }
            self.effect = self.effect.max(failed.failure.effect());
            let is_repeated = match judge(self.endpoint.repeat(), self.effect, failed.failure) {
                verdict @ (Verdict::ReadBack | Verdict::Confirm) => {
                    match (read_back().await, verdict) {
                        (ReadBack::Done(answer), _) => return Outcome::Done(answer),
                        (ReadBack::Unknown, _) => {
                            let by_last = failed.failure.effect() > Effect::None;
                            return self.unknown(self.error(failed), by_last);
                        }
                        (ReadBack::Taken, Verdict::ReadBack) => {
                            return Outcome::Failed(Error::new(self.action.clone(), Cause::Exists));
                        }
                        (ReadBack::Absent, Verdict::ReadBack) => {
                            self.back_off(BackOff::Normal, None).await
                        }
                        _ => false,
                    }
                }
                verdict => {
                    self.prepare_repetition(verdict, &failed, credential.as_ref())
                        .await
                }
            };
            if !is_repeated {
                let failure = failed.failure;
                return self.fail(self.error(failed), Some(failure));
            }
        }
    }

    /// Waits while the vault wants fewer requests, and returns the credential and the time for an attempt.
    async fn admit(&self) -> Result<(Option<Credential>, Duration), Error> {
        let api = self.api;
        match api.throttle.admit(api.runtime.now(), self.remaining()) {
            Admission::Go => {}
            Admission::Wait(time) => self.wait(self.attempts(), time, true).await,
            Admission::Refused(time) => {
                let action = self.action.clone();
                return Err(Error::with_retry_after(
                    action,
                    Cause::Throttled,
                    Some(time),
                ));
            }
        }
        let credential = match E::SCOPE {
            Some(_) => Some(api.credential(&self.bounds).await?),
            None => None,
        };
        if self.bounds.is_cancelled() {
            return Err(Error::new(self.action.clone(), Cause::Cancelled));
        }
        let time = api.timeouts.attempt.min(self.remaining());
        if time.is_zero() {
            return Err(Error::new(self.action.clone(), Cause::Deadline));
        }
        Ok((credential, time))
    }

    /// Returns the base URL in use.
    fn address(&self) -> &BaseUrl {
        self.api.failover.address(&self.api.base, self.address)
    }

    fn info(&self) -> CallInfo<'_> {
        CallInfo {
            id: self.id,
            name: self.action.name(),
            method: self.method.as_str(),
            path_template: E::PATH,
            key: self.action.key().map(HiddenKey),
        }
    }

    /// Returns the number of the attempt.
    fn attempts(&self) -> u32 {
        self.failed + 1
    }

    fn remaining(&self) -> Duration {
        self.api.runtime.remaining(self.bounds.deadline)
    }

    /// Ends the call with the failure of its last attempt, or with `None` before an attempt.
    fn fail(&self, error: Error, last: Option<AttemptFailure>) -> Outcome<E::Answer> {
        if is_unknown(self.endpoint.repeat(), self.effect, last) {
            let by_last = last.is_some_and(|it| it.effect() > Effect::None);
            return self.unknown(error, by_last);
        }
        Outcome::Failed(error.at_addresses(self.tried.len()))
    }

    /// Ends the call without knowing its effect, which the last attempt may have had, or else an earlier one.
    fn unknown(&self, error: Error, by_last: bool) -> Outcome<E::Answer> {
        Outcome::Unknown(error.into_ambiguous(self.action.clone(), by_last))
    }

    fn error(&self, failed: FailedAttempt) -> Error {
        Error::with_retry_after(self.action.clone(), failed.cause, failed.retry_after)
    }
}

/// Makes an idempotency key. Without randomness there is none, and nothing can be sealed either.
fn generate_key() -> Option<HeaderValue> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).ok()?;
    Some(idempotency_key(u128::from_ne_bytes(random)))
}

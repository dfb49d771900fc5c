//! The one loop: admit, authorize, send, judge, wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use helvetisafe_proto::retry::{
    self, AttemptFailure, BackOff, Effect, Verdict, is_unknown, judge, may_move,
};
use helvetisafe_proto::{ApiError, BaseUrl, Endpoint, Kind};
use http::{Method, Request, Response, StatusCode, Uri};

use super::Api;
use super::outcome::{FailedAttempt, Outcome, ReadBack};
use super::throttle::Admission;
use crate::auth::Credential;
use crate::bounds::Bounds;
use crate::error::{Action, Cause, Error};
use crate::event::{CallInfo, Event, EventError, HiddenKey};
use crate::http::{AttemptLimits, Failure, TransportError};
use crate::runtime::{Boxed, Runtime};
use crate::trace::{OperationSpan, RequestSpan};

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
    /// The number of the address that it is sent to.
    address: usize,
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
            address: api.failover.in_use(),
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
            self.effect = self.effect.max(failed.failure.effect());
            let is_repeated = match judge(self.endpoint.repeat(), self.effect, failed.failure) {
                verdict @ (Verdict::ReadBack | Verdict::Confirm) => {
                    match (read_back().await, verdict) {
                        (ReadBack::Done(answer), _) => return Outcome::Done(answer),
                        (ReadBack::Unknown, _) => return self.unknown(self.error(failed)),
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

    /// Sends once and reads the answer.
    async fn attempt(
        &self,
        credential: Option<&Credential>,
        time: Duration,
    ) -> Result<E::Answer, FailedAttempt> {
        let limits = AttemptLimits {
            time,
            body: self.api.limits.of(E::ANSWER),
        };
        let mut request = self.endpoint.request(self.address());
        let headers = request.headers_mut();
        // First: the transports leave no copy of the first sensitive header.
        if let Some(credential) = credential {
            credential.header.apply(headers);
        }
        headers.extend(self.api.headers.clone());
        request.extensions_mut().insert(limits);
        let host = request.uri().clone();
        let response = self.send(request).await?;
        self.api.paging.note(response.headers());
        if response.body().len() > limits.body {
            return Err(TransportError::new(Failure::TooLarge)
                .with_host(&host)
                .into());
        }
        let retry_after = retry::retry_after(response.headers(), self.api.runtime.wall());
        let answer = self.endpoint.parse(response);
        answer.map_err(|error| {
            let error = self.located(error, &host);
            FailedAttempt::of_answer(error, retry_after, &host)
        })
    }

    /// Adds the URL to a 404 that is not about a secret, and to an answer that is not the vault's, such as a login page.
    fn located(&self, error: ApiError, url: &Uri) -> ApiError {
        let is_missing = error.kind() == Kind::NotFound && self.action.is_about_existing();
        match error.status() {
            Some(StatusCode::NOT_FOUND) if !is_missing => error.at(url),
            None => error.at(url),
            _ => error,
        }
    }

    /// Hands a request to the transport, and reports both ends to the observer.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        let Api {
            runtime, observer, ..
        } = &**self.api;
        let (call, attempt, host) = (self.info(), self.attempts(), request.uri().clone());
        let span = RequestSpan::new(&call, attempt, &host);
        span.run(|| {
            observer.emit(Event::Sending {
                call,
                base: self.address(),
                headers: request.headers(),
                attempt,
            });
        });
        let begun = runtime.now();
        let outcome = span.instrument(runtime.send(request)).await;
        let outcome = outcome.map_err(|error| error.with_host(&host));
        let after = runtime.now().saturating_sub(begun);
        span.end(&outcome);
        let event = match &outcome {
            Ok(response) => Event::Answered {
                call,
                attempt,
                status: response.status().as_u16(),
                date: retry::date(response.headers()),
                after,
            },
            Err(error) => Event::Failed {
                call,
                attempt,
                error,
                after,
            },
        };
        span.run(|| observer.emit(event));
        outcome
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

    /// Gets ready for a repetition: waits, or gives up the credential. Returns false if there is none.
    async fn prepare_repetition(
        &mut self,
        verdict: Verdict,
        failed: &FailedAttempt,
        used: Option<&Credential>,
    ) -> bool {
        let auth = &self.api.auth;
        let has_moved = self.move_on(failed.failure);
        match verdict {
            Verdict::GiveUp | Verdict::ReadBack | Verdict::Confirm => false,
            Verdict::RetryAtOnce if take_one(&mut self.immediate) => true,
            Verdict::RetryAtOnce => self.back_off(BackOff::Normal, None).await,
            Verdict::Retry(back_off) => {
                // The pause that one address asked for does not hold for another.
                let asked = failed.retry_after.filter(|_| !has_moved);
                self.back_off(back_off, asked).await
            }
            Verdict::NewCredential => {
                take_one(&mut self.credentials)
                    && used.is_some_and(|used| auth.replace_refused(used))
            }
            Verdict::NewerCredential => {
                let now = self.api.runtime.now();
                take_one(&mut self.credentials)
                    && used.is_some_and(|used| auth.replace_outdated(used, now))
            }
        }
    }

    /// Leaves an address that failed, if the next attempt may go to another. Returns true if it will.
    fn move_on(&mut self, failure: AttemptFailure) -> bool {
        let failed = self.address;
        if may_move(E::REPEAT, self.effect, failure) {
            self.address = self.api.failover.leave(failed);
        }
        self.address != failed
    }

    /// Counts a failed attempt and waits before the next. Returns false if no attempt is left, or the wait
    /// is too long.
    async fn back_off(&mut self, back_off: BackOff, retry_after: Option<Duration>) -> bool {
        let api = self.api;
        let wait = self.next_wait(back_off, retry_after);
        let is_throttled = back_off == BackOff::Throttled;
        if is_throttled {
            // The other calls wait even if this one has no time to.
            let pause = wait.or(retry_after).unwrap_or(api.policy.throttled_base);
            api.throttle.hold(api.runtime.now(), pause);
        }
        let Some(time) = wait else { return false };
        self.wait(self.failed, time, is_throttled).await;
        true
    }

    fn next_wait(&mut self, back_off: BackOff, retry_after: Option<Duration>) -> Option<Duration> {
        let failures = self.failed;
        let policy = &self.api.policy;
        let max_attempts = self.bounds.attempts.unwrap_or(policy.max_attempts);
        if failures + 1 >= max_attempts {
            return None;
        }
        self.failed += 1;
        let (remaining, jitter) = (self.remaining(), self.api.runtime.clock().jitter());
        retry::wait(policy, back_off, failures, retry_after, remaining, jitter).ok()
    }

    async fn wait(&self, attempt: u32, time: Duration, throttled: bool) {
        self.api.observer.emit(Event::Waiting {
            call: self.info(),
            attempt,
            time,
            throttled,
        });
        let cancel = self.bounds.cancel.as_ref();
        self.api.runtime.sleep(time, cancel).await;
    }

    fn remaining(&self) -> Duration {
        self.api.runtime.remaining(self.bounds.deadline)
    }

    /// Ends the call with the failure of its last attempt, or with `None` before an attempt.
    fn fail(&self, error: Error, last: Option<AttemptFailure>) -> Outcome<E::Answer> {
        if is_unknown(self.endpoint.repeat(), self.effect, last) {
            return self.unknown(error);
        }
        Outcome::Failed(error)
    }

    fn unknown(&self, error: Error) -> Outcome<E::Answer> {
        Outcome::Unknown(error.into_ambiguous(self.action.clone()))
    }

    fn error(&self, failed: FailedAttempt) -> Error {
        Error::with_retry_after(self.action.clone(), failed.cause, failed.retry_after)
    }
}

/// Takes one of what is left. Returns false if there is none.
fn take_one(left: &mut u32) -> bool {
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}

//! The one loop: authorize, send, judge, wait.

mod attempts;
mod refusal;
mod shared;
mod throttle;

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_proto::endpoint::BodySize;
use helvetisafe_proto::retry::{self, BackOff, RetryPolicy, Verdict, judge};
use helvetisafe_proto::{BaseUrl, Endpoint};
use http::header::USER_AGENT;
use http::{HeaderValue, Request, Response};
use jiff::Timestamp;
use zeroize::Zeroize;

use crate::driver::{Boxed, Driver};
use crate::error::{Action, Cause, Error};
use crate::event::{Event as Happening, Observer};
use crate::limits::{BodyLimits, Timeouts};
use crate::token::{Authorizer, Credential};
use crate::trace;
use crate::transport::{AttemptLimits, Failure, TransportError};
use refusal::{Refusal, failure, is_forbidden, settle};

pub(crate) use attempts::Attempts;
use throttle::Admission;
pub(crate) use throttle::Throttle;

/// What every call needs: where the vault is, how to reach it, who asks, and how patiently.
pub(crate) struct Session<D: Driver> {
    pub(crate) base: BaseUrl,
    pub(crate) driver: D,
    /// Opened by each renewal of the access token that has ended.
    pub(crate) renewals: D::Gate,
    pub(crate) authorizer: Authorizer,
    pub(crate) observer: Observer,
    pub(crate) policy: RetryPolicy,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: BodyLimits,
    pub(crate) user_agent: HeaderValue,
    /// How many calls an operation on many secrets has under way.
    pub(crate) concurrency: usize,
    pub(crate) throttle: Throttle,
}

/// The time, by both clocks.
#[derive(Clone, Copy)]
pub(crate) struct Now {
    pub(crate) clock: Duration,
    pub(crate) wall: Timestamp,
}

/// When an operation has to be over, on the session's clock.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Deadline(Duration);

impl<D: Driver> Session<D> {
    /// The end of an operation that begins now.
    pub(crate) fn deadline(&self) -> Deadline {
        self.deadline_in(self.timeouts.operation)
    }

    /// The moment that is so far away.
    pub(crate) fn deadline_in(&self, time: Duration) -> Deadline {
        Deadline(self.driver.now().saturating_add(time))
    }

    pub(crate) fn now(&self) -> Now {
        Now {
            clock: self.driver.now(),
            // A calendar that cannot be written in years is past every expiry.
            wall: self.driver.wall().try_into().unwrap_or(Timestamp::MAX),
        }
    }

    /// What is left of an operation.
    pub(crate) fn remaining(&self, deadline: Deadline) -> Duration {
        deadline.0.saturating_sub(self.driver.now())
    }

    /// All attempts that a call has.
    pub(crate) fn attempts(&self) -> Attempts {
        Attempts::new(self.policy.max_attempts)
    }

    /// Makes a call with all its attempts.
    pub(crate) async fn call<E>(
        self: &Arc<Self>,
        call: &E,
        action: Action,
        deadline: Deadline,
    ) -> Result<E::Answer, Error>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        self.call_with(call, action, deadline, &mut self.attempts())
            .await
    }

    /// Makes a call with the attempts that are left, and keeps count.
    ///
    /// Boxed, so that the compiler sees that it is `Send` for every driver.
    pub(crate) fn call_with<'a, E>(
        self: &'a Arc<Self>,
        call: &'a E,
        action: Action,
        deadline: Deadline,
        attempts: &'a mut Attempts,
    ) -> Boxed<'a, Result<E::Answer, Error>>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        let traced = action.clone();
        let attempts = self.attempt_all(call, action, deadline, attempts);
        Box::pin(trace::span(&traced, attempts))
    }

    async fn attempt_all<E>(
        self: &Arc<Self>,
        call: &E,
        action: Action,
        deadline: Deadline,
        attempts: &mut Attempts,
    ) -> Result<E::Answer, Error>
    where
        E: Endpoint<Answer: Send> + Sync,
    {
        loop {
            attempts.read_back = false;
            if let Err(error) = self.wait_for_others(&action, deadline).await {
                return Err(settle::<E>(error, &action, attempts));
            }
            let credential = match E::SCOPE {
                Some(_) => Some(
                    self.authorizer
                        .credential(self, deadline)
                        .await
                        .map_err(|error| settle::<E>(error, &action, attempts))?,
                ),
                None => None,
            };
            let number = attempts.failed + 1;
            let refusal = match self
                .attempt(call, credential.as_ref(), deadline, number)
                .await
            {
                Ok(answer) => {
                    self.authorizer.accepted();
                    return Ok(answer);
                }
                Err(refusal) => refusal,
            };
            if !self
                .may_go_on::<E>(&refusal, credential.as_ref(), deadline, attempts)
                .await
            {
                return Err(failure::<E>(action, refusal, attempts));
            }
        }
    }

    /// Sends once and reads the answer.
    async fn attempt<E: Endpoint + Sync>(
        &self,
        call: &E,
        credential: Option<&Credential>,
        deadline: Deadline,
        number: u32,
    ) -> Result<E::Answer, Refusal> {
        let time = self.timeouts.attempt.min(self.remaining(deadline));
        if time.is_zero() {
            return Err(Refusal::last(Cause::Deadline));
        }
        let limits = AttemptLimits {
            time,
            body: self.limits.of(E::BODY),
        };
        let mut request = call.request(&self.base);
        self.prepare(&mut request, credential, limits);
        let outcome = self.send(request, number).await;
        self.read(call, outcome.map_err(Refusal::from)?, limits.body)
    }

    /// Hands a request to the transport, and tells the observer.
    async fn send(
        &self,
        request: Request<Vec<u8>>,
        attempt: u32,
    ) -> Result<Response<Vec<u8>>, TransportError> {
        self.observer.tell(Happening::Sending {
            method: request.method().as_str(),
            path: request.uri().path(),
            headers: request.headers(),
            attempt,
        });
        let begun = self.driver.now();
        let outcome = self.driver.send(request).await;
        let after = self.driver.now().saturating_sub(begun);
        self.observer.tell(match &outcome {
            Ok(response) => {
                let status = response.status().as_u16();
                let date = retry::date(response.headers());
                Happening::Answered {
                    status,
                    date,
                    after,
                }
            }
            Err(error) => Happening::Failed { error, after },
        });
        outcome
    }

    fn prepare(
        &self,
        request: &mut Request<Vec<u8>>,
        credential: Option<&Credential>,
        limits: AttemptLimits,
    ) {
        request
            .headers_mut()
            .insert(USER_AGENT, self.user_agent.clone());
        if let Some(credential) = credential {
            credential.header.apply(request.headers_mut());
        }
        request.extensions_mut().insert(limits);
    }

    fn read<E: Endpoint>(
        &self,
        call: &E,
        mut response: Response<Vec<u8>>,
        limit: usize,
    ) -> Result<E::Answer, Refusal> {
        if response.body().len() > limit {
            return Err(Refusal::from(TransportError::new(Failure::TooLarge)));
        }
        let outcome = call.parse(&mut response);
        if E::BODY == BodySize::Credential {
            response.body_mut().zeroize();
        }
        outcome.map_err(|error| {
            let retry_after = retry::retry_after(response.headers(), self.driver.wall());
            Refusal::of_answer(error, retry_after)
        })
    }

    /// Whether there is to be another attempt; if so, after the wait that goes before it.
    async fn may_go_on<E: Endpoint>(
        &self,
        refusal: &Refusal,
        credential: Option<&Credential>,
        deadline: Deadline,
        attempts: &mut Attempts,
    ) -> bool {
        let Some(event) = refusal.event else {
            return false;
        };
        attempts.note(event);
        match judge(E::REPEAT, event) {
            Verdict::GiveUp if is_forbidden(event) => {
                let now = self.driver.now();
                attempts.may_renew()
                    && credential.is_some_and(|used| self.authorizer.doubt(used, now))
            }
            Verdict::GiveUp => false,
            Verdict::ReadBack => {
                attempts.read_back = true;
                false
            }
            Verdict::RetryAtOnce if !attempts.repeated_at_once => {
                attempts.repeated_at_once = true;
                true
            }
            Verdict::RetryAtOnce => self.pause(BackOff::Normal, None, deadline, attempts).await,
            Verdict::Retry(back_off) => {
                self.pause(back_off, refusal.retry_after, deadline, attempts)
                    .await
            }
            Verdict::NewCredential => {
                attempts.may_renew() && credential.is_some_and(|used| self.authorizer.renew(used))
            }
        }
    }

    /// Counts a failed attempt and waits before the next. `false` when none is left, or the wait
    /// would be too long.
    pub(crate) async fn pause(
        &self,
        back_off: BackOff,
        retry_after: Option<Duration>,
        deadline: Deadline,
        attempts: &mut Attempts,
    ) -> bool {
        let wait = self.next_wait(back_off, retry_after, deadline, attempts);
        let throttled = back_off == BackOff::Throttled;
        if throttled {
            // The others rest also where this call has no time for it.
            let rest = wait.or(retry_after).unwrap_or(self.policy.throttled_base);
            self.throttle.hold(self.driver.now(), rest);
        }
        let Some(time) = wait else { return false };
        self.wait(time, throttled).await;
        true
    }

    /// How long to wait before the next attempt; `None` when none is left, or that is too long.
    fn next_wait(
        &self,
        back_off: BackOff,
        retry_after: Option<Duration>,
        deadline: Deadline,
        attempts: &mut Attempts,
    ) -> Option<Duration> {
        attempts.left -= 1;
        if attempts.left == 0 {
            return None;
        }
        let remaining = self.remaining(deadline);
        let jitter = self.driver.jitter();
        let wait = self
            .policy
            .wait(back_off, attempts.failed, retry_after, remaining, jitter);
        attempts.failed += 1;
        wait.ok()
    }

    /// Waits while another call has been asked to. Fails where that is longer than the operation may
    /// take, but for one call a second.
    async fn wait_for_others(&self, action: &Action, deadline: Deadline) -> Result<(), Error> {
        match self
            .throttle
            .admit(self.driver.now(), self.remaining(deadline))
        {
            Admission::Go => Ok(()),
            Admission::Wait(time) => {
                self.wait(time, true).await;
                Ok(())
            }
            Admission::Refused(rest) => Err(Error::with_retry_after(
                action.clone(),
                Cause::Throttled,
                Some(rest),
            )),
        }
    }

    async fn wait(&self, time: Duration, throttled: bool) {
        self.observer.tell(Happening::Waiting { time, throttled });
        self.driver.sleep(time).await;
    }
}

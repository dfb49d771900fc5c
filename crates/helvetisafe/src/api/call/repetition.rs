//! The preparation of the next attempt: another address, a new credential or a wait.

use std::time::Duration;

use helvetisafe_proto::Endpoint;
use helvetisafe_proto::retry::{self, AttemptFailure, BackOff, Verdict, may_move};

use super::Call;
use crate::api::outcome::FailedAttempt;
use crate::auth::Credential;
use crate::event::Event;
use crate::runtime::Runtime;

impl<R: Runtime, E: Endpoint<Answer: Send> + Sync> Call<'_, R, E> {
    /// Gets ready for a repetition: waits, or gives up the credential. Returns false if there is none.
    pub(super) async fn prepare_repetition(
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
    pub(super) async fn back_off(
        &mut self,
        back_off: BackOff,
        retry_after: Option<Duration>,
    ) -> bool {
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

    pub(super) async fn wait(&self, attempt: u32, time: Duration, throttled: bool) {
        self.api.observer.emit(Event::Waiting {
            call: self.info(),
            attempt,
            time,
            throttled,
        });
        let cancel = self.bounds.cancel.as_ref();
        self.api.runtime.sleep(time, cancel).await;
    }
}

/// Takes one of what is left. Returns false if there is none.
fn take_one(left: &mut u32) -> bool {
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}

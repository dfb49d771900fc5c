//! What is known of the access token, and what whoever wants one does next. No clock and no waiting
//! here.

use std::time::Duration;

use helvetisafe_proto::auth::{AuthHeader, Token, is_alive, is_stale};
use helvetisafe_proto::endpoint::AccessToken;

use super::Credential;
use crate::error::Error;

/// While an old token still works, how long to leave the token endpoint alone after a renewal
/// failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The serial number of a token that no renewal of this client brought.
const RESUMED: u64 = 0;

/// What a token that is younger may do is what the account may: nobody fetches one after each 403.
const YOUNG: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct State {
    held: Option<Held>,
    /// The serial number of the last renewal that ended.
    serial: u64,
    /// A thread or task is renewing.
    renewing: Option<Mark>,
    /// How many renewals have begun.
    begun: u64,
    /// Why the last renewal that ended failed.
    failure: Option<Error>,
    /// When one failed last since there is a token, also for want of time.
    failed_at: Option<Duration>,
}

/// Of a renewal that is under way: which one, and when it is given up.
struct Mark {
    id: u64,
    until: Duration,
}

/// What a thread or task that wants a credential does next.
pub(super) enum Step {
    /// Takes what there is, or the failure of the renewal that it waited for.
    Take(Result<Credential, Error>),
    /// Renews, with so many attempts; without a number, as many as a call has.
    Renew { id: u64, attempts: Option<u32> },
    /// Waits for a renewal that is under way.
    Wait { at_most: Duration },
}

/// An access token in use.
pub(super) struct Held {
    pub(super) token: Token,
    header: AuthHeader,
    /// When it came, and how old it was then.
    received: Duration,
    age_then: Duration,
    pub(super) life: Duration,
    serial: u64,
    doubt: Doubt,
}

/// Whether a token of an earlier client has met a 403, which one that is fetched now may not.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Doubt {
    Open,
    Raised,
    /// There is no other to be had, or no reason to look for one.
    Settled,
}

impl State {
    /// The serial number of the last renewal that ended.
    pub(super) fn serial(&self) -> u64 {
        self.serial
    }

    pub(super) fn held(&self) -> Option<&Held> {
        self.held.as_ref()
    }

    /// What to do for a credential. `before` is the serial number when the wish for it began; a
    /// renewal that has not ended `longest` after its begin is waited for no more.
    pub(super) fn next_step(&mut self, before: u64, now: Duration, longest: Duration) -> Step {
        if let Some(credential) = self.usable(now) {
            return Step::Take(Ok(credential));
        }
        // Whoever waited for a renewal takes its outcome, a failure too; unless there is none any more,
        // because what it brought was refused and forgotten before the waiting one woke.
        if self.serial != before
            && let Some(outcome) = self.outcome(now)
        {
            return Step::Take(outcome);
        }
        if let Some(at_most) = self.patience(now) {
            return Step::Wait { at_most };
        }
        self.begun += 1;
        self.renewing = Some(Mark {
            id: self.begun,
            until: now.saturating_add(longest),
        });
        // While the old token still works, one try is enough: nobody should wait long for it.
        let still_works = self.held.as_ref().is_some_and(|held| held.is_alive(now));
        Step::Renew {
            id: self.begun,
            attempts: still_works.then_some(1),
        }
    }

    /// How long to wait for the renewal that is under way. The task of one that is too old rests, with
    /// a runtime that nobody runs.
    fn patience(&self, now: Duration) -> Option<Duration> {
        let rest = self.renewing.as_ref()?.until.checked_sub(now)?;
        (!rest.is_zero()).then_some(rest)
    }

    /// The token if it need not be renewed: it is fresh, or it still works and a renewal has just
    /// failed.
    pub(super) fn usable(&self, now: Duration) -> Option<Credential> {
        let held = self.held.as_ref()?;
        let failed_lately = self
            .failed_at
            .is_some_and(|at| now.saturating_sub(at) < PAUSE_AFTER_FAILURE);
        let is_good = held.is_fresh(now) && held.doubt != Doubt::Raised;
        (is_good || failed_lately && held.is_alive(now)).then(|| held.credential())
    }

    /// What the last renewal brought. The old token serves while a renewal fails for a reason that
    /// passes.
    fn outcome(&self, now: Duration) -> Option<Result<Credential, Error>> {
        match (&self.held, &self.failure) {
            (Some(held), None) => Some(Ok(held.credential())),
            (Some(held), Some(error)) if error.is_retryable() && held.is_alive(now) => {
                Some(Ok(held.credential()))
            }
            (_, Some(error)) => Some(Err(error.clone())),
            (None, None) => None,
        }
    }

    /// Begins with the token of an earlier client, which is `age` old.
    pub(super) fn resume(&mut self, token: Token, age: Duration, life: Duration, now: Duration) {
        self.held = Some(Held {
            header: AuthHeader::bearer(&token),
            token,
            received: now,
            age_then: age,
            life,
            serial: RESUMED,
            doubt: Doubt::Open,
        });
    }

    /// A renewal has ended. What one brings that was given up is too old.
    pub(super) fn end(&mut self, id: u64, fetched: Result<AccessToken, Error>, now: Duration) {
        if !self.is_under_way(id) {
            return;
        }
        self.serial += 1;
        match fetched {
            Ok(token) => {
                self.held = Some(Held {
                    header: AuthHeader::bearer(&token.token),
                    token: token.token,
                    received: now,
                    age_then: Duration::ZERO,
                    life: token.life,
                    serial: self.serial,
                    doubt: Doubt::Settled,
                });
                self.failure = None;
                self.failed_at = None;
            }
            Err(error) => {
                if !error.is_retryable() {
                    self.held = None;
                }
                self.failure = Some(error);
                self.has_failed(now);
            }
        }
    }

    /// A renewal failed for want of time. That is not told to those who wait, and have more; but an old
    /// token that still works is used for a while.
    pub(super) fn run_out(&mut self, id: u64, now: Duration) {
        if self.is_under_way(id) {
            self.has_failed(now);
        }
    }

    fn has_failed(&mut self, now: Duration) {
        self.failed_at = Some(now);
        if let Some(held) = &mut self.held {
            held.doubt = Doubt::Settled;
        }
    }

    /// This renewal is under way no more, whether it came to its end or not.
    pub(super) fn release(&mut self, id: u64) {
        self.renewing.take_if(|mark| mark.id == id);
    }

    fn is_under_way(&self, id: u64) -> bool {
        self.renewing.as_ref().is_some_and(|mark| mark.id == id)
    }

    /// After a 403: whether there is, or will be, another token than the `used` one, which came from an
    /// earlier client. That one serves on where no other can be fetched.
    pub(super) fn doubt(&mut self, used: &Credential, now: Duration) -> bool {
        if used.serial != RESUMED {
            return false;
        }
        let Some(held) = self.held.as_mut().filter(|held| held.serial == RESUMED) else {
            return true;
        };
        if held.doubt == Doubt::Open && held.age(now) >= YOUNG {
            held.doubt = Doubt::Raised;
        }
        held.doubt == Doubt::Raised
    }

    /// Drops the token that was refused, unless somebody has already brought a newer one.
    pub(super) fn forget(&mut self, used: &Credential) {
        self.held.take_if(|held| held.serial == used.serial);
    }
}

impl Held {
    fn is_fresh(&self, now: Duration) -> bool {
        !is_stale(self.age(now), self.life)
    }

    fn is_alive(&self, now: Duration) -> bool {
        is_alive(self.age(now), self.life)
    }

    pub(super) fn age(&self, now: Duration) -> Duration {
        self.age_then + now.saturating_sub(self.received)
    }

    fn credential(&self) -> Credential {
        Credential {
            header: self.header.clone(),
            serial: self.serial,
        }
    }
}

#[cfg(test)]
mod tests;

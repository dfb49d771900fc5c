//! The state of the access token. It decides about uses and renewals; it reads no clock and never waits.

use std::time::Duration;

use helvetisafe_proto::auth::{AuthHeader, Token, is_alive, is_stale};
use helvetisafe_proto::endpoint::AccessToken;

use super::Credential;
use crate::error::Error;
use crate::single_flight::{FlightId, Slot};

/// After a failed renewal, the old token is used for so long before the next attempt, if it is alive.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The serial number of a token from an earlier client.
const RESUMED: u64 = 0;

/// A resumed token that is younger has the current rights of the account. So a 403 fetches a token rarely.
const YOUNG: Duration = Duration::from_secs(60);

#[derive(Default)]
pub(super) struct TokenState {
    /// The renewal in progress.
    pub(super) slot: Slot,
    held: Option<HeldToken>,
    /// The number of renewals that ended, and the serial number of the last one.
    renewals: u64,
    /// The failure of the last renewal, if it failed.
    failure: Option<Error>,
    /// The time of the last renewal that failed or timed out after the first token was received.
    failed_at: Option<Duration>,
}

/// An access token in use.
struct HeldToken {
    token: Token,
    header: AuthHeader,
    /// The time of receipt, and the age of the token then.
    received: Duration,
    age_then: Duration,
    life: Duration,
    serial: u64,
    rights: Rights,
}

/// The rights of a token, compared with those of the account.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rights {
    /// The token is from an earlier client; the account may have more rights by now.
    MaybeOutdated,
    /// It was also refused with a 403: another one is fetched.
    Outdated,
    /// The token was just fetched, or no other one can be fetched.
    Current,
}

impl TokenState {
    /// Returns the number of renewals that ended.
    pub(super) fn renewals(&self) -> u64 {
        self.renewals
    }

    /// Returns the credential for a caller that saw `before` renewals when it began; also the failure of a
    /// renewal that it waited for. Returns `None` if it has to renew or to wait.
    pub(super) fn outcome_since(
        &self,
        before: u64,
        now: Duration,
    ) -> Option<Result<Credential, Error>> {
        if let Some(credential) = self.usable(now) {
            return Some(Ok(credential));
        }
        if self.renewals == before {
            return None;
        }
        match (&self.held, &self.failure) {
            (Some(held), None) => Some(Ok(held.credential())),
            (Some(held), Some(error)) if error.is_retryable() && held.is_alive(now) => {
                Some(Ok(held.credential()))
            }
            (_, Some(error)) => Some(Err(error.clone())),
            // The new token was refused and dropped before this caller woke.
            (None, None) => None,
        }
    }

    /// Returns the token unless it is due for renewal: it is fresh, or it is alive and a renewal has just
    /// failed.
    pub(super) fn usable(&self, now: Duration) -> Option<Credential> {
        let held = self.held.as_ref()?;
        let failed_recently = self
            .failed_at
            .is_some_and(|at| now.saturating_sub(at) < PAUSE_AFTER_FAILURE);
        let is_good = !held.is_stale(now) && held.rights != Rights::Outdated;
        (is_good || failed_recently && held.is_alive(now)).then(|| held.credential())
    }

    pub(super) fn is_alive(&self, now: Duration) -> bool {
        self.held.as_ref().is_some_and(|held| held.is_alive(now))
    }

    /// Returns the token in use with its age and its lifetime.
    pub(super) fn token_in_use(&self, now: Duration) -> Option<(Token, Duration, Duration)> {
        let held = self.held.as_ref()?;
        Some((held.token.clone(), held.age(now), held.life))
    }

    /// Starts with the token of an earlier client, which is `age` old.
    pub(super) fn resume(&mut self, token: Token, age: Duration, life: Duration, now: Duration) {
        let token = HeldToken::new(token, life, now);
        self.held = Some(HeldToken {
            age_then: age,
            serial: RESUMED,
            rights: Rights::MaybeOutdated,
            ..token
        });
    }

    /// Ends a renewal, unless it was given up before: then its outcome is too old.
    pub(super) fn end(&mut self, id: FlightId, fetched: Result<AccessToken, Error>, now: Duration) {
        if !self.slot.holds(id) {
            return;
        }
        self.renewals += 1;
        match fetched {
            Ok(fetched) => {
                self.held = Some(HeldToken {
                    serial: self.renewals,
                    ..HeldToken::new(fetched.token, fetched.life, now)
                });
                self.failure = None;
                self.failed_at = None;
            }
            Err(error) => {
                if !error.is_retryable() {
                    self.held = None;
                }
                self.failure = Some(error);
                self.note_failure(now);
            }
        }
    }

    /// Ends a renewal that timed out. Callers with more time do not get its error, but an old token that is
    /// alive is used for a while.
    pub(super) fn note_timeout(&mut self, id: FlightId, now: Duration) {
        if self.slot.holds(id) {
            self.note_failure(now);
        }
    }

    fn note_failure(&mut self, now: Duration) {
        self.failed_at = Some(now);
        if let Some(held) = &mut self.held {
            held.rights = Rights::Current;
        }
    }

    /// After a 403: returns true if the `used` token was resumed and will be replaced, or was replaced
    /// already. If no other token can be fetched, the resumed one stays in use.
    pub(super) fn replace_outdated(&mut self, used: &Credential, now: Duration) -> bool {
        if used.serial != RESUMED {
            return false;
        }
        let Some(held) = self.held.as_mut().filter(|held| held.serial == RESUMED) else {
            return true;
        };
        if held.rights == Rights::MaybeOutdated && held.age(now) >= YOUNG {
            held.rights = Rights::Outdated;
        }
        held.rights == Rights::Outdated
    }

    /// Drops the refused token, unless there is a newer one already.
    pub(super) fn forget(&mut self, used: &Credential) {
        self.held.take_if(|held| held.serial == used.serial);
    }
}

impl HeldToken {
    fn new(token: Token, life: Duration, now: Duration) -> Self {
        Self {
            header: AuthHeader::bearer(&token),
            token,
            received: now,
            age_then: Duration::ZERO,
            life,
            serial: RESUMED,
            rights: Rights::Current,
        }
    }

    fn is_stale(&self, now: Duration) -> bool {
        is_stale(self.age(now), self.life)
    }

    fn is_alive(&self, now: Duration) -> bool {
        is_alive(self.age(now), self.life)
    }

    fn age(&self, now: Duration) -> Duration {
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

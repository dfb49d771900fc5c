//! Which credential goes on a request, and one renewal at a time.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helvetisafe_proto::Scopes;
use helvetisafe_proto::auth::{ApiTokenHeader, AuthHeader, Token, is_alive, is_stale};
use helvetisafe_proto::endpoint::{AccessToken, FetchToken};
use secrecy::SecretString;

use crate::error::{Action, Cause, Error};
use crate::event::Event;
use crate::session::{Deadline, Session};

/// While an old token still works, how long to leave the token endpoint alone after a renewal
/// failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// Where credentials come from.
pub(crate) enum Authorizer {
    ServiceAccount(ServiceAccount),
    ApiToken(ApiToken),
}

/// A credential for one request. The serial number tells renewals apart.
pub(crate) struct Credential {
    pub(crate) header: AuthHeader,
    serial: u64,
}

impl Authorizer {
    /// The credential for the next request; for a service account after a renewal, if it is time.
    pub(crate) fn credential(
        &self,
        session: &Session,
        deadline: Deadline,
    ) -> Result<Credential, Error> {
        match self {
            Self::ServiceAccount(account) => account.credential(session, deadline),
            Self::ApiToken(token) => Ok(token.credential()),
        }
    }

    /// After a 401: whether there is, or will be, another credential than the `used` one.
    pub(crate) fn renew(&self, used: &Credential) -> bool {
        match self {
            Self::ServiceAccount(account) => account.forget(used),
            Self::ApiToken(token) => token.try_other_header(used),
        }
    }

    /// After a success: the way in which the credential was sent is right.
    pub(crate) fn accepted(&self) {
        if let Self::ApiToken(token) = self {
            token.settled.store(true, Ordering::Relaxed);
        }
    }
}

/// A portal API token, and which header carries it. Unless one is fixed, the first call settles it:
/// the peer's header, and on a 401 the other one.
pub(crate) struct ApiToken {
    headers: [AuthHeader; 2],
    use_second: AtomicBool,
    settled: AtomicBool,
}

impl ApiToken {
    pub(crate) fn new(token: &Token, fixed: Option<ApiTokenHeader>) -> Self {
        let first = fixed.unwrap_or(ApiTokenHeader::XAegisToken);
        Self {
            headers: [first, ApiTokenHeader::Bearer]
                .map(|header| AuthHeader::api_token(token, header)),
            use_second: AtomicBool::new(false),
            settled: AtomicBool::new(fixed.is_some()),
        }
    }

    fn credential(&self) -> Credential {
        let serial = u64::from(self.use_second.load(Ordering::Relaxed));
        let [first, second] = &self.headers;
        let header = if serial == 0 { first } else { second };
        Credential {
            header: header.clone(),
            serial,
        }
    }

    fn try_other_header(&self, used: &Credential) -> bool {
        if used.serial != 0 || self.settled.swap(true, Ordering::Relaxed) {
            return false;
        }
        self.use_second.store(true, Ordering::Relaxed);
        true
    }
}

/// A service account and its access token.
pub(crate) struct ServiceAccount {
    client_id: String,
    client_secret: SecretString,
    scopes: Scopes,
    state: Mutex<State>,
    renewed: Condvar,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// The serial number of the last renewal that ended.
    serial: u64,
    /// A thread is renewing.
    renewing: bool,
    /// Why the last renewal failed, and when.
    failure: Option<(Error, Duration)>,
}

struct Held {
    header: AuthHeader,
    received: Duration,
    life: Duration,
    serial: u64,
}

impl Held {
    fn is_fresh(&self, now: Duration) -> bool {
        !is_stale(now.saturating_sub(self.received), self.life)
    }

    fn is_alive(&self, now: Duration) -> bool {
        is_alive(now.saturating_sub(self.received), self.life)
    }

    fn credential(&self) -> Credential {
        Credential {
            header: self.header.clone(),
            serial: self.serial,
        }
    }
}

impl State {
    /// The token if it need not be renewed: it is fresh, or it still works and a renewal has just
    /// failed.
    fn usable(&self, now: Duration) -> Option<Credential> {
        let held = self.held.as_ref()?;
        let failed_lately = self
            .failure
            .as_ref()
            .is_some_and(|(_, at)| now.saturating_sub(*at) < PAUSE_AFTER_FAILURE);
        (held.is_fresh(now) || failed_lately && held.is_alive(now)).then(|| held.credential())
    }
}

impl ServiceAccount {
    pub(crate) fn new(client_id: String, client_secret: SecretString, scopes: Scopes) -> Self {
        Self {
            client_id,
            client_secret,
            scopes,
            state: Mutex::default(),
            renewed: Condvar::new(),
        }
    }

    fn credential(&self, session: &Session, deadline: Deadline) -> Result<Credential, Error> {
        let mut state = self.lock();
        let before = state.serial;
        loop {
            if let Some(credential) = state.usable(session.clock.now()) {
                return Ok(credential);
            }
            // Whoever waited for a renewal takes its outcome, a failure too.
            if state.serial != before {
                return state.outcome(session.clock.now());
            }
            if !state.renewing {
                return self.renew(state, session, deadline);
            }
            state = self.wait(state, session, deadline)?;
        }
    }

    fn wait<'a>(
        &self,
        state: MutexGuard<'a, State>,
        session: &Session,
        deadline: Deadline,
    ) -> Result<MutexGuard<'a, State>, Error> {
        let remaining = session.remaining(deadline);
        if remaining.is_zero() {
            return Err(Error::new(Action::FetchToken, Cause::Deadline));
        }
        let woken = self.renewed.wait_timeout(state, remaining);
        Ok(woken.unwrap_or_else(PoisonError::into_inner).0)
    }

    /// Renews, while others wait. The lock is not held meanwhile.
    fn renew(
        &self,
        mut state: MutexGuard<'_, State>,
        session: &Session,
        deadline: Deadline,
    ) -> Result<Credential, Error> {
        state.renewing = true;
        // While the old token still works, one try is enough: nobody should wait long for it.
        let still_works = state
            .held
            .as_ref()
            .is_some_and(|held| held.is_alive(session.clock.now()));
        drop(state);
        let renewal = Renewal { account: self };
        let attempts = if still_works {
            1
        } else {
            session.policy.max_attempts
        };
        let fetched = session.call_with(
            &self.request(),
            Action::FetchToken,
            deadline,
            &mut session.attempts_of(attempts),
        );
        if let Ok(token) = &fetched {
            session.observer.tell(Event::Authorized {
                granted: token.granted,
                life: token.life,
            });
        }
        renewal.end(fetched, session.clock.now())
    }

    fn request(&self) -> FetchToken<'_> {
        FetchToken {
            client_id: &self.client_id,
            client_secret: &self.client_secret,
            scopes: self.scopes,
        }
    }

    /// Drops the token that was refused, unless somebody has already brought a newer one.
    fn forget(&self, used: &Credential) -> bool {
        let mut state = self.lock();
        if state
            .held
            .as_ref()
            .is_some_and(|held| held.serial == used.serial)
        {
            state.held = None;
        }
        true
    }

    /// A thread that panicked leaves a whole state behind, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What the last renewal brought. The old token serves while a renewal fails for a reason that
    /// passes.
    fn outcome(&self, now: Duration) -> Result<Credential, Error> {
        let failure = self.failure.as_ref().map(|(error, _)| error);
        match (&self.held, failure) {
            (Some(held), None) => Ok(held.credential()),
            (Some(held), Some(error)) if error.is_retryable() && held.is_alive(now) => {
                Ok(held.credential())
            }
            (_, Some(error)) => Err(error.clone()),
            (None, None) => Err(Error::new(Action::FetchToken, Cause::Deadline)),
        }
    }
}

/// A renewal that is under way. Dropped without an end, by a panic in a transport, it lets the next
/// thread try.
struct Renewal<'a> {
    account: &'a ServiceAccount,
}

impl Renewal<'_> {
    fn end(self, fetched: Result<AccessToken, Error>, now: Duration) -> Result<Credential, Error> {
        let mut state = self.account.lock();
        state.serial += 1;
        match fetched {
            Ok(token) => {
                state.held = Some(Held {
                    header: AuthHeader::bearer(&token.token),
                    received: now,
                    life: token.life,
                    serial: state.serial,
                });
                state.failure = None;
            }
            Err(error) => {
                if !error.is_retryable() {
                    state.held = None;
                }
                state.failure = Some((error, now));
            }
        }
        state.outcome(now)
    }
}

impl Drop for Renewal<'_> {
    fn drop(&mut self) {
        self.account.lock().renewing = false;
        self.account.renewed.notify_all();
    }
}

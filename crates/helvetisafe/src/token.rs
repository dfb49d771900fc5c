//! Which credential goes on a request, and one renewal at a time.

mod kept;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helvetisafe_proto::auth::{ApiTokenHeader, AuthHeader, Token, is_alive, is_stale};
use helvetisafe_proto::endpoint::{AccessToken, FetchToken};
use helvetisafe_proto::{BaseUrl, Scopes};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::driver::{Boxed, Driver, Gate};
use crate::error::{Action, Cause, Error};
use crate::event::Event;
use crate::session::{Attempts, Deadline, Now, Session};

pub(crate) use kept::KeptToken;

/// While an old token still works, how long to leave the token endpoint alone after a renewal
/// failed.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The serial number of a token that no renewal of this client brought.
const RESUMED: u64 = 0;

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
    pub(crate) async fn credential<D: Driver>(
        &self,
        session: &Arc<Session<D>>,
        deadline: Deadline,
    ) -> Result<Credential, Error> {
        match self {
            Self::ServiceAccount(account) => account.credential(session, deadline).await,
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

    /// After a 403: whether the `used` token came from an earlier client. The account may have been
    /// granted more since, so another one is fetched.
    pub(crate) fn renew_resumed(&self, used: &Credential) -> bool {
        match self {
            Self::ServiceAccount(account) => used.serial == RESUMED && account.forget(used),
            Self::ApiToken(_) => false,
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

/// What a thread or task that wants a credential does next.
enum Step {
    /// Takes what there is, or the failure of the renewal that it waited for.
    Take(Result<Credential, Error>),
    /// Renews, with so many attempts; without a number, as many as a call has.
    Renew { attempts: Option<u32> },
    /// Waits for a renewal that is under way.
    Wait,
}

struct Held {
    token: Token,
    header: AuthHeader,
    /// When it came, and how old it was then.
    received: Duration,
    age_then: Duration,
    life: Duration,
    serial: u64,
}

impl Held {
    fn is_fresh(&self, now: Duration) -> bool {
        !is_stale(self.age(now), self.life)
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
        }
    }

    async fn credential<D: Driver>(
        &self,
        session: &Arc<Session<D>>,
        deadline: Deadline,
    ) -> Result<Credential, Error> {
        let before = self.lock().serial;
        loop {
            // Read before the state: a renewal that ends between the two ends the wait.
            let seen = session.renewals.count();
            match self.next_step(before, session.driver.now()) {
                Step::Take(outcome) => return outcome,
                Step::Renew { attempts } => {
                    let attempts = attempts.unwrap_or(session.policy.max_attempts);
                    let renewal = renew(Arc::clone(session), deadline, attempts);
                    if session.driver.complete(renewal).await.is_none() {
                        return Err(Error::new(Action::FetchToken, Cause::RuntimeEnded));
                    }
                }
                Step::Wait => {
                    let remaining = session.remaining(deadline);
                    if remaining.is_zero() {
                        return Err(Error::new(Action::FetchToken, Cause::Deadline));
                    }
                    session.renewals.wait(seen, remaining).await;
                }
            }
        }
    }

    /// What to do for a credential. `before` is the serial number when the wish for it began.
    fn next_step(&self, before: u64, now: Duration) -> Step {
        let mut state = self.lock();
        if let Some(credential) = state.usable(now) {
            return Step::Take(Ok(credential));
        }
        // Whoever waited for a renewal takes its outcome, a failure too; unless there is none any more,
        // because what it brought was refused and forgotten before the waiting one woke.
        if state.serial != before
            && let Some(outcome) = state.outcome(now)
        {
            return Step::Take(outcome);
        }
        if state.renewing {
            return Step::Wait;
        }
        state.renewing = true;
        // While the old token still works, one try is enough: nobody should wait long for it.
        let still_works = state.held.as_ref().is_some_and(|held| held.is_alive(now));
        Step::Renew {
            attempts: still_works.then_some(1),
        }
    }

    /// Begins with the token of an earlier client, if it is for the same. Its age tells when to renew
    /// it.
    pub(crate) fn begin_with(&self, kept: KeptToken, base: &BaseUrl, now: Now) {
        let Some((age_then, life)) = kept.times(now.wall) else {
            return;
        };
        if kept.holder == self.holder(base) {
            self.lock().held = Some(Held {
                header: AuthHeader::bearer(&kept.token),
                token: kept.token,
                received: now.clock,
                age_then,
                life,
                serial: RESUMED,
            });
        }
    }

    /// The token in use, for a later client.
    pub(crate) fn kept(&self, base: &BaseUrl, now: Now) -> Option<KeptToken> {
        let state = self.lock();
        let held = state.held.as_ref()?;
        let signed = |time: Duration| SignedDuration::try_from(time).ok();
        let received = now.wall.checked_sub(signed(held.age(now.clock))?).ok()?;
        Some(KeptToken {
            token: held.token.clone(),
            holder: self.holder(base),
            received,
            expires_at: received.checked_add(signed(held.life)?).ok()?,
        })
    }

    /// For whom its tokens are: another vault, account, secret or set of scopes has another digest,
    /// and nobody without the client secret can make it.
    fn holder(&self, base: &BaseUrl) -> [u8; 32] {
        // Not on the stack, which nobody wipes.
        let mut digest = Box::new(Sha256::new_with_prefix(b"HelvetiSafe token holder v1\0"));
        let (base, scopes) = (base.to_string(), self.scopes.to_string());
        let secret = self.client_secret.expose_secret();
        for part in [&base, &self.client_id, &scopes, secret] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        digest.finalize_reset().into()
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
    fn outcome(&self, now: Duration) -> Option<Result<Credential, Error>> {
        let failure = self.failure.as_ref().map(|(error, _)| error);
        match (&self.held, failure) {
            (Some(held), None) => Some(Ok(held.credential())),
            (Some(held), Some(error)) if error.is_retryable() && held.is_alive(now) => {
                Some(Ok(held.credential()))
            }
            (_, Some(error)) => Some(Err(error.clone())),
            (None, None) => None,
        }
    }
}

/// Brings a new token, while others wait. No lock is held meanwhile. It is boxed because a call
/// may renew, and a renewal is a call.
fn renew<D: Driver>(
    session: Arc<Session<D>>,
    deadline: Deadline,
    attempts: u32,
) -> Boxed<'static, ()> {
    Box::pin(async move {
        let Authorizer::ServiceAccount(account) = &session.authorizer else {
            return;
        };
        let renewal = Renewal {
            account,
            renewals: &session.renewals,
        };
        let mut attempts = Attempts::new(attempts);
        let fetched = session
            .call_with(
                &account.request(),
                Action::FetchToken,
                deadline,
                &mut attempts,
            )
            .await;
        if let Ok(token) = &fetched {
            session.observer.tell(Event::Authorized {
                granted: token.granted,
                life: token.life,
            });
        }
        renewal.end(fetched, session.driver.now());
    })
}

/// A renewal that is under way. Dropped without an end, by a panic in a transport or with the
/// runtime, it lets the next one try.
struct Renewal<'a, G: Gate> {
    account: &'a ServiceAccount,
    renewals: &'a G,
}

impl<G: Gate> Renewal<'_, G> {
    fn end(self, fetched: Result<AccessToken, Error>, now: Duration) {
        let mut state = self.account.lock();
        state.serial += 1;
        match fetched {
            Ok(token) => {
                state.held = Some(Held {
                    header: AuthHeader::bearer(&token.token),
                    token: token.token,
                    received: now,
                    age_then: Duration::ZERO,
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
    }
}

impl<G: Gate> Drop for Renewal<'_, G> {
    fn drop(&mut self) {
        self.account.lock().renewing = false;
        self.renewals.open();
    }
}

#[cfg(test)]
mod tests;

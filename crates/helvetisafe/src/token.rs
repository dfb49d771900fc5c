//! Which credential goes on a request, and one renewal at a time.

mod api_token;
mod kept;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use helvetisafe_proto::auth::AuthHeader;
use helvetisafe_proto::endpoint::FetchToken;
use helvetisafe_proto::{BaseUrl, Scopes};
use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::driver::{Boxed, Completed, Driver, Gate};
use crate::error::{Action, Cause, Error};
use crate::event::Event;
use crate::session::{Attempts, Deadline, Now, Session};
use state::{State, Step};

pub(crate) use api_token::ApiToken;
pub(crate) use kept::KeptToken;

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
            Self::ServiceAccount(account) => {
                account.lock().forget(used);
                true
            }
            Self::ApiToken(token) => token.try_other_header(used),
        }
    }

    /// After a 403: whether the `used` token came from an earlier client, so that the account may have
    /// been granted more since, and another one is to be fetched.
    pub(crate) fn doubt(&self, used: &Credential, now: Duration) -> bool {
        match self {
            Self::ServiceAccount(account) => account.lock().doubt(used, now),
            Self::ApiToken(_) => false,
        }
    }

    /// After a success: the way in which the credential was sent is right.
    pub(crate) fn accepted(&self) {
        if let Self::ApiToken(token) = self {
            token.settle();
        }
    }
}

/// A service account and its access token.
pub(crate) struct ServiceAccount {
    client_id: String,
    client_secret: SecretString,
    scopes: Scopes,
    state: Mutex<State>,
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
        let failed = |cause| Error::new(Action::FetchToken, cause);
        let before = self.lock().serial();
        loop {
            // Read before the state: a renewal that ends between the two ends the wait.
            let seen = session.renewals.count();
            let (now, longest) = (session.driver.now(), session.longest_shared());
            let step = self.lock().next_step(before, now, longest);
            let remaining = session.remaining(deadline);
            match step {
                Step::Take(outcome) => return outcome,
                Step::Renew { id, attempts } => {
                    let renewal = Renewal {
                        session: Arc::clone(session),
                        id,
                    };
                    if remaining.is_zero() {
                        return Err(failed(Cause::Deadline));
                    }
                    let attempts = attempts.unwrap_or(session.policy.max_attempts);
                    let renewal = renewal.run(session.shared_deadline(deadline), attempts);
                    match session.driver.complete(renewal, remaining).await {
                        Completed::Done(Ok(())) | Completed::Late => {}
                        Completed::Done(Err(RanOut(error))) => {
                            let usable = self.lock().usable(session.driver.now());
                            return usable.ok_or(error);
                        }
                        Completed::RuntimeEnded => return Err(failed(Cause::RuntimeEnded)),
                    }
                }
                Step::Wait { .. } if remaining.is_zero() => return Err(failed(Cause::Deadline)),
                Step::Wait { at_most } => {
                    session.renewals.wait(seen, remaining.min(at_most)).await;
                }
            }
        }
    }

    /// Begins with the token of an earlier client, if it is for the same. Its age tells when to renew
    /// it.
    pub(crate) fn begin_with(&self, kept: KeptToken, base: &BaseUrl, now: Now) {
        let Some((age, life)) = kept.times(now.wall) else {
            return;
        };
        if kept.holder == self.holder(base) {
            self.lock().resume(kept.token, age, life, now.clock);
        }
    }

    /// The token in use, for a later client.
    pub(crate) fn kept(&self, base: &BaseUrl, now: Now) -> Option<KeptToken> {
        let state = self.lock();
        let held = state.held()?;
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

    /// A thread that panicked leaves a whole state behind, so poison does not matter.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A renewal that is under way. Dropped without an end, by a panic in a transport or with the
/// runtime, it lets the next one try.
struct Renewal<D: Driver> {
    session: Arc<Session<D>>,
    id: u64,
}

/// A renewal failed for want of time, which tells nothing to those who have more.
struct RanOut(Error);

impl<D: Driver> Renewal<D> {
    /// Brings a new token, while others wait. No lock is held meanwhile. It is boxed because a call
    /// may renew, and a renewal is a call. The mark that it is under way goes with the future, also
    /// where that is never polled.
    fn run(self, deadline: Deadline, attempts: u32) -> Boxed<'static, Result<(), RanOut>> {
        Box::pin(async move {
            let session = &self.session;
            let Some(account) = self.account() else {
                return Ok(());
            };
            let mut attempts = Attempts::new(attempts);
            let call = account.request();
            let fetched = session
                .call_with(&call, Action::FetchToken, deadline, &mut attempts)
                .await;
            let now = session.driver.now();
            match fetched {
                Err(error) if session.ran_out(&error, deadline) => {
                    account.lock().run_out(self.id, now);
                    return Err(RanOut(error));
                }
                Ok(ref token) => session.observer.tell(Event::Authorized {
                    granted: token.granted,
                    life: token.life,
                }),
                Err(_) => {}
            }
            account.lock().end(self.id, fetched, now);
            Ok(())
        })
    }

    fn account(&self) -> Option<&ServiceAccount> {
        match &self.session.authorizer {
            Authorizer::ServiceAccount(account) => Some(account),
            Authorizer::ApiToken(_) => None,
        }
    }
}

impl<D: Driver> Drop for Renewal<D> {
    fn drop(&mut self) {
        if let Some(account) = self.account() {
            account.lock().release(self.id);
        }
        self.session.renewals.open();
    }
}

//! One connected account: its keys, its cache and the API of its vault.

mod comparison;
mod connect;
mod first_calls;
mod prefetched;

use std::sync::Arc;

use helvetisafe_crypto::{Envelope, Error as CryptoError, Plaintext};
#[cfg(feature = "organization")]
use helvetisafe_crypto::{PrivateKey, organization::Chain};
use helvetisafe_proto::KeyName;

#[cfg(feature = "organization")]
use crate::administration::chain;
use crate::api::Api;
use crate::auth;
use crate::binding::Binding;
use crate::bounds::Bounds;
use crate::cache::Cache;
use crate::error::{Action, Cause, Error};
use crate::keys::{AccountKey, compute};
#[cfg(feature = "organization")]
use crate::org_keys::other_org_key;
use crate::org_keys::{ConfirmedKey, OrgKeys, Purpose, UnconfirmedKey, Verdict};
use crate::runtime::{Boxed, Runtime};
use comparison::Comparison;
use first_calls::fetch_org_key;
use prefetched::Prefetched;

pub(crate) use connect::Config;

/// The state that a client shares with its clones.
pub(crate) struct Vault<R: Runtime> {
    pub(crate) api: Arc<Api<R>>,
    pub(crate) binding: Binding,
    pub(crate) cache: Option<Cache<R::Notify>>,
    pub(crate) org_keys: OrgKeys,
    pub(crate) prefetched: Prefetched,
    comparison: Comparison<R::Notify>,
    /// The most calls of an operation on many secrets at a time.
    pub(crate) concurrency: usize,
    private_key: AccountKey,
}

impl<R: Runtime> Vault<R> {
    /// Returns the ticket for a later client, or `None` if there is no access token for it.
    pub(crate) fn resumption_ticket(&self) -> Result<Option<String>, Error> {
        let api = &self.api;
        let (now, org_key) = (api.runtime.both_clocks(), self.org_keys.current());
        let has_pages = api.paging.is_announced();
        auth::ticket(
            &api.auth,
            &api.base,
            now,
            &org_key,
            &self.private_key,
            has_pages,
        )
    }

    /// Decrypts the secret `key`. If it does not open, compares the vault's org key with the client's.
    pub(crate) async fn open_envelope(
        &self,
        key: &KeyName,
        envelope: Envelope,
        purpose: Purpose,
        bounds: &Bounds,
    ) -> Result<Plaintext, Error> {
        let envelope = match self.org_keys.try_open(envelope, purpose) {
            Ok(plaintext) => return Ok(plaintext),
            Err(envelope) => envelope,
        };
        let action = Action::Get(key.clone());
        // Boxed, so that the compiler sees that it is `Send`.
        let checked: Boxed<'_, _> = Box::pin(self.check_org_key(&action, purpose, true, bounds));
        checked.await?;
        self.org_keys
            .try_open(envelope, purpose)
            .map_err(|_| Error::new(action, CryptoError::Decryption))
    }

    /// Returns the account's private key.
    #[cfg(feature = "organization")]
    pub(crate) fn private_key(&self) -> &Arc<PrivateKey> {
        &self.private_key.key
    }

    /// Returns the org key that a verified chain has now, which may seal and be wrapped.
    #[cfg(feature = "organization")]
    pub(crate) async fn org_key_of(
        &self,
        chain: &Chain,
        action: &Action,
        bounds: &Bounds,
    ) -> Result<ConfirmedKey, Error> {
        if let Some(key) = self.org_keys.of_chain(chain) {
            return Ok(key);
        }
        let offered = self.fetch_org_key(bounds).await?;
        offered
            .confirmed_by(chain)
            .ok_or_else(|| Error::new(action.clone(), other_org_key(chain, &offered)))
    }

    /// Makes the org key that a verified chain has now the client's, and fetches it if the client has an earlier one.
    #[cfg(feature = "organization")]
    pub(crate) async fn use_org_key_of(
        &self,
        chain: &Chain,
        action: &Action,
        bounds: &Bounds,
    ) -> Result<(), Error> {
        let key = self.org_key_of(chain, action, bounds).await?;
        self.org_keys
            .confirm_by(chain, &key.for_opening())
            .map_err(|cause| Error::new(action.clone(), cause))
    }

    /// Fetches the vault's org key, and unwraps it if its bytes are new.
    async fn fetch_org_key(&self, bounds: &Bounds) -> Result<UnconfirmedKey, Error> {
        let fetched = fetch_org_key(&self.api, bounds).await?;
        let key = match self.org_keys.unwrapped(&fetched.wrapped) {
            Some(key) => key,
            None => {
                let unwrapped = self.private_key.unwrap(&self.api.runtime, fetched.wrapped);
                unwrapped.await?
            }
        };
        Ok(key.in_epoch(fetched.epoch))
    }

    /// Confirms the org key that this client has in place of `sealed_under`, which the vault has replaced: one that another call
    /// has fetched, or one that is fetched now. Fails if there is none, or if the policy does not confirm it.
    pub(crate) async fn replace_key(
        &self,
        sealed_under: &ConfirmedKey,
        action: &Action,
        bounds: &Bounds,
    ) -> Result<(), Error> {
        let is_other = || {
            let key = self.org_keys.current();
            (key.fingerprint(), key.epoch()) != (sealed_under.fingerprint(), sealed_under.epoch())
        };
        if is_other() {
            return Ok(());
        }
        // Boxed, so that the compiler sees that it is `Send`.
        let checked: Boxed<'_, _> =
            Box::pin(self.check_org_key(action, Purpose::SealAgain, true, bounds));
        checked.await?;
        match is_other() {
            true => Ok(()),
            false => {
                let cause = Cause::StillReplaced(sealed_under.fingerprint());
                Err(Error::new(action.clone(), cause))
            }
        }
    }

    /// Fetches the vault's org key for `action`, and applies the policy if it is another one. With `is_doubted` an earlier
    /// answer shows that the client's key may be a replaced one, so a policy with a chain follows it in any case.
    async fn check_org_key(
        &self,
        action: &Action,
        purpose: Purpose,
        is_doubted: bool,
        bounds: &Bounds,
    ) -> Result<(), Error> {
        let offered = self.fetch_org_key(bounds).await?;
        #[cfg(feature = "organization")]
        if let Verdict::FollowChain = self.org_keys.judge(&offered, is_doubted) {
            return self.follow_chain(action, offered, bounds).await;
        }
        #[cfg(not(feature = "organization"))]
        let _ = is_doubted;
        if self.accepts(action, &offered, purpose, bounds).await? {
            return Ok(());
        }
        let cause = self.org_keys.refuse(&offered);
        Err(Error::new(action.clone(), cause))
    }

    /// Follows the chain, which decides about the org key of the vault.
    #[cfg(feature = "organization")]
    async fn follow_chain(
        &self,
        action: &Action,
        mut offered: UnconfirmedKey,
        bounds: &Bounds,
    ) -> Result<(), Error> {
        let Some(anchor) = self.org_keys.anchor() else {
            return Err(Error::new(action.clone(), self.org_keys.refuse(&offered)));
        };
        let chain = chain::follow(&self.api, &anchor, bounds).await?;
        // The next rotation may have come between the two answers: then the chain knows both keys.
        if offered.fingerprint() != *chain.fingerprint() && chain.has_had(&offered.fingerprint()) {
            offered = self.fetch_org_key(bounds).await?;
        }
        self.org_keys
            .confirm_by(&chain, &offered)
            .map_err(|cause| Error::new(action.clone(), cause))
    }

    /// Applies the policy to the vault's org key. Returns true if the key may open secrets.
    async fn accepts(
        &self,
        action: &Action,
        key: &UnconfirmedKey,
        purpose: Purpose,
        bounds: &Bounds,
    ) -> Result<bool, Error> {
        let runtime = &self.api.runtime;
        loop {
            // A key that another thread has replaced meanwhile is judged again.
            let is_confirmed = match self.org_keys.judge(key, false) {
                Verdict::Confirm => self.org_keys.confirm(key),
                Verdict::Follow => {
                    self.org_keys.remember_unconfirmed(key);
                    return Ok(purpose == Purpose::Read);
                }
                Verdict::Ask(confirm, change) => {
                    let change = change.within(runtime.remaining(bounds.deadline));
                    let ask = move || Ok(confirm(&change));
                    if !compute(runtime, Action::GetOrgKey, ask).await? {
                        self.org_keys.remember_unconfirmed(key);
                        return Ok(false);
                    }
                    self.org_keys.confirm_change(key, change)
                }
                Verdict::Refuse => {
                    self.org_keys.remember_unconfirmed(key);
                    return Ok(false);
                }
                #[cfg(feature = "organization")]
                Verdict::FollowChain => return Ok(false),
            };
            if is_confirmed.map_err(|cause| Error::new(action.clone(), cause))? {
                return Ok(true);
            }
        }
    }
}

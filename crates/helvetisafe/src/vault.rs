//! One connected account: its keys, its cache and the API of its vault.

mod comparison;
mod connect;
mod first_calls;
mod prefetched;

use std::sync::Arc;

#[cfg(feature = "organization")]
use helvetisafe_crypto::organization::Chain;
use helvetisafe_crypto::{Envelope, Error as CryptoError, Plaintext};
use helvetisafe_proto::KeyName;

use crate::api::Api;
use crate::auth;
use crate::binding::Binding;
use crate::bounds::Bounds;
use crate::cache::Cache;
#[cfg(feature = "organization")]
use crate::error::OrganizationCause;
use crate::error::{Action, Error};
use crate::keys::{AccountKey, compute};
#[cfg(feature = "organization")]
use crate::org_keys::ConfirmedKey;
use crate::org_keys::{OrgKeys, Purpose, UnconfirmedKey, Verdict};
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
        let checked: Boxed<'_, _> = Box::pin(self.check_org_key(&action, purpose, bounds));
        checked.await?;
        self.org_keys
            .try_open(envelope, purpose)
            .map_err(|_| Error::new(action, CryptoError::Decryption))
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
        offered.confirmed_by(chain).ok_or_else(|| {
            let cause = OrganizationCause::OtherOrgKey {
                expected: *chain.fingerprint(),
                found: offered.fingerprint(),
            };
            Error::new(action.clone(), cause)
        })
    }

    /// Fetches the vault's org key, and unwraps it if its bytes are new.
    async fn fetch_org_key(&self, bounds: &Bounds) -> Result<UnconfirmedKey, Error> {
        let wrapped = fetch_org_key(&self.api, bounds).await?;
        match self.org_keys.unwrapped(&wrapped) {
            Some(key) => Ok(key),
            None => self.private_key.unwrap(&self.api.runtime, wrapped).await,
        }
    }

    /// Fetches the vault's org key for `action`, and applies the policy if it is another one.
    async fn check_org_key(
        &self,
        action: &Action,
        purpose: Purpose,
        bounds: &Bounds,
    ) -> Result<(), Error> {
        let offered = self.fetch_org_key(bounds).await?;
        if self.accepts(&offered, purpose).await? {
            return Ok(());
        }
        let cause = self.org_keys.refuse(&offered);
        Err(Error::new(action.clone(), cause))
    }

    /// Applies the policy to the vault's org key. Returns true if the key may open secrets.
    async fn accepts(&self, key: &UnconfirmedKey, purpose: Purpose) -> Result<bool, Error> {
        let is_confirmed = match self.org_keys.judge(key) {
            Verdict::Confirm => true,
            Verdict::Refuse => false,
            Verdict::Follow => {
                self.org_keys.remember_unconfirmed(key);
                return Ok(purpose == Purpose::Read);
            }
            Verdict::Ask(confirm, change) => {
                let ask = move || Ok(confirm(&change));
                compute(&self.api.runtime, Action::GetOrgKey, ask).await?
            }
        };
        if is_confirmed {
            self.org_keys.confirm(key);
        } else {
            self.org_keys.remember_unconfirmed(key);
        }
        Ok(is_confirmed)
    }
}

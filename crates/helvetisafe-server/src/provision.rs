//! Makes organizations, service accounts and API tokens.
//!
//! Keys are made here, in the owner's process. The database receives only the wrapped org key, the locked
//! private key, and hashes of the other credentials.

use secrecy::SecretString;

use crate::account::{Account, NewAccount, Organization};
use crate::api_token::NewApiToken;
use crate::store::{AccountId, ActError, BootstrapAct, StoreError, StoredSecret, TokenKind};
use crate::token::{self, BOOTSTRAP_PREFIX, Hash};
use crate::{Error, Vault};

impl Vault {
    /// Makes an organization. Other organizations cannot see its secrets.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] or [`Error::Random`] when there is no randomness; [`Error::Database`];
    /// [`Error::Stopped`].
    pub fn new_organization(&self) -> Result<Organization, Error> {
        let organization = Organization::generate()?;
        let id = organization.id;
        self.run(move |shared| async move { shared.store.add_organization(id).await })?;
        Ok(organization)
    }

    /// Makes a bootstrap token, with which one organization can be founded within 24 h, like `helvetisafe-server init`.
    /// The vault has no key of that organization.
    ///
    /// # Errors
    ///
    /// [`Error::Random`]; [`Error::Database`]; [`Error::Stopped`].
    pub fn new_bootstrap_token(&self) -> Result<SecretString, Error> {
        let token = token::generate(BOOTSTRAP_PREFIX)?;
        let act = BootstrapAct(Hash::of(&token));
        self.run(move |shared| async move {
            let added = shared.store.act(act).await;
            added.map_err(ActError::into_store)
        })?;
        Ok(token)
    }

    /// Makes a service account.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownOrganization`] when the organization belongs to another vault; [`Error::Crypto`]
    /// or [`Error::Random`] when a key cannot be made; [`Error::Database`]; [`Error::Stopped`].
    pub fn new_account(
        &self,
        organization: &Organization,
        account: NewAccount,
    ) -> Result<Account, Error> {
        let (account, row) = Account::generate(organization, account)?;
        let known = self.run(move |shared| async move {
            if_parent_exists(shared.store.add_account(row).await)
        })?;
        known.then_some(account).ok_or(Error::UnknownOrganization)
    }

    /// Makes a portal API token of the account, valid until it expires or is revoked.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownAccount`] when the account belongs to another vault; [`Error::Random`];
    /// [`Error::Database`]; [`Error::Stopped`].
    pub fn new_api_token(
        &self,
        account: &Account,
        token: NewApiToken,
    ) -> Result<SecretString, Error> {
        let (secret, row) = token.generate(account)?;
        let known =
            self.run(
                move |shared| async move { if_parent_exists(shared.store.add_token(row).await) },
            )?;
        known.then_some(secret).ok_or(Error::UnknownAccount)
    }

    /// Revokes all current access tokens of the account. A request with one of them is answered 401; the
    /// account can fetch new ones.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; [`Error::Stopped`].
    pub fn revoke_tokens(&self, account: &Account) -> Result<(), Error> {
        self.revoke(account.id, TokenKind::Access)
    }

    /// Revokes all current API tokens of the account.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; [`Error::Stopped`].
    pub fn revoke_api_tokens(&self, account: &Account) -> Result<(), Error> {
        self.revoke(account.id, TokenKind::Api)
    }

    /// Returns the stored ciphertexts of an organization, ordered by name, for demonstrations and tests.
    /// Expired secrets that are not removed yet are included.
    ///
    /// # Errors
    ///
    /// [`Error::Database`]; [`Error::Stopped`].
    pub fn stored_secrets(&self, organization: &Organization) -> Result<Vec<StoredSecret>, Error> {
        let tenant = organization.tenant();
        self.run(move |shared| async move { shared.store.stored_secrets(tenant).await })
    }

    fn revoke(&self, account: AccountId, kind: TokenKind) -> Result<(), Error> {
        self.run(move |shared| async move { shared.store.revoke(account, kind).await })
    }
}

/// Turns the error of an unknown organization or account into `false`.
fn if_parent_exists(inserted: Result<(), StoreError>) -> Result<bool, StoreError> {
    match inserted {
        Ok(()) => Ok(true),
        Err(StoreError::NoParent) => Ok(false),
        Err(error) => Err(error),
    }
}

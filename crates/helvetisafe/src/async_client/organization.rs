//! The asynchronous client of an organization.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::organization::{Anchor, Chain, Head, InvitationCode};
use helvetisafe_proto::Hex;
use helvetisafe_proto::endpoint::organization::{
    ApiTokenId, InvitationId, RotationId, RotationState,
};
use secrecy::SecretString;

use super::{AsyncClient, AsyncParts, runtime};
use crate::administration::{
    self, Account, AccountKeys, Administrator, AuditPage, Confirmed, Disabled, Founded, Invited,
    Joining, Member, NewInvite, NewOrgKey, NewOrganization, NewToken, PendingInvitation, Rotated,
    RotationCheck, RotationProgress, Terms, TokenRecord,
};
use crate::builder::{ClientBuilder, WithoutAccount};
use crate::error::Error;
use crate::operations::Operations;
use crate::runtime::Tokio;
use crate::vault::Vault;

impl AsyncClient {
    /// As [`Client::builder_without_account`](crate::Client::builder_without_account).
    pub fn builder_without_account(
        base_url: impl Into<String>,
    ) -> ClientBuilder<AsyncParts, WithoutAccount> {
        ClientBuilder::without_account(base_url.into())
    }

    /// As [`Client::organization`](crate::Client::organization).
    #[must_use]
    pub fn organization(&self) -> AsyncOrganization<'_> {
        AsyncOrganization::new(&self.0)
    }

    /// As [`Client::chain_head`](crate::Client::chain_head).
    #[must_use]
    pub fn chain_head(&self) -> Option<Head> {
        self.0.org_keys.head()
    }
}

impl<A> ClientBuilder<AsyncParts, A> {
    /// As [`ClientBuilder::found_organization`] of the blocking client.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::found_organization`] of the blocking client.
    pub async fn found_organization(
        self,
        bootstrap_token: &SecretString,
        founding: &NewOrganization<'_>,
    ) -> Result<Founded, Error> {
        let api = self.visit(Some(founding.keys.credentials()), runtime)?;
        administration::found(&api, bootstrap_token, founding).await
    }

    /// As [`ClientBuilder::invitation`] of the blocking client.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::invitation`] of the blocking client.
    pub async fn invitation(self, code: &InvitationCode) -> Result<Terms, Error> {
        let api = self.visit(None, runtime)?;
        administration::read(&api, code).await
    }

    /// As [`ClientBuilder::join`] of the blocking client.
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::join`] of the blocking client.
    pub async fn join(self, code: &InvitationCode, keys: &AccountKeys) -> Result<Joining, Error> {
        let api = self.visit(None, runtime)?;
        administration::join(&api, code, keys).await
    }
}

/// The operations on the organization of an account; from [`AsyncClient::organization`].
///
/// Each behaves like the one of the same name of [`Organization`](crate::organization::Organization). A future that is
/// dropped before it is ready may or may not have had its effect on the vault, as after a lost answer.
#[derive(Clone, Copy)]
pub struct AsyncOrganization<'a>(Operations<'a, Tokio>);

impl<'a> AsyncOrganization<'a> {
    pub(super) fn new(vault: &'a Arc<Vault<Tokio>>) -> Self {
        Self(Operations::new(vault))
    }

    /// As [`Organization::within`](crate::organization::Organization::within).
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// As [`Organization::account`](crate::organization::Organization::account).
    ///
    /// # Errors
    ///
    /// As [`Organization::account`](crate::organization::Organization::account).
    pub async fn account(&self) -> Result<Account, Error> {
        self.0.begin().account().await
    }

    /// As [`Organization::follow`](crate::organization::Organization::follow).
    ///
    /// # Errors
    ///
    /// As [`Organization::follow`](crate::organization::Organization::follow).
    pub async fn follow(&self, anchor: &Anchor) -> Result<Chain, Error> {
        self.0.begin().follow(anchor).await
    }

    /// As [`Organization::members`](crate::organization::Organization::members).
    ///
    /// # Errors
    ///
    /// As [`Organization::members`](crate::organization::Organization::members).
    pub async fn members(&self, anchor: &Anchor) -> Result<Vec<Member>, Error> {
        self.0.begin().members(anchor).await
    }

    /// As [`Organization::invite`](crate::organization::Organization::invite).
    ///
    /// # Errors
    ///
    /// As [`Organization::invite`](crate::organization::Organization::invite).
    pub async fn invite(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
    ) -> Result<Invited, Error> {
        self.0.begin().invite(administrator, new).await
    }

    /// As [`Organization::invitations`](crate::organization::Organization::invitations).
    ///
    /// # Errors
    ///
    /// As [`Organization::invitations`](crate::organization::Organization::invitations).
    pub async fn invitations(&self) -> Result<Vec<PendingInvitation>, Error> {
        self.0.begin().invitations().await
    }

    /// As [`Organization::confirm`](crate::organization::Organization::confirm).
    ///
    /// # Errors
    ///
    /// As [`Organization::confirm`](crate::organization::Organization::confirm).
    pub async fn confirm(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<Confirmed, Error> {
        self.0.begin().confirm(administrator, shown).await
    }

    /// As [`Organization::enroll`](crate::organization::Organization::enroll).
    ///
    /// # Errors
    ///
    /// As [`Organization::enroll`](crate::organization::Organization::enroll).
    pub async fn enroll(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
    ) -> Result<Confirmed, Error> {
        self.0.begin().enroll(administrator, new, keys).await
    }

    /// As [`Organization::verify_request`](crate::organization::Organization::verify_request).
    ///
    /// # Errors
    ///
    /// As [`Organization::verify_request`](crate::organization::Organization::verify_request).
    pub async fn verify_request(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<(), Error> {
        self.0.begin().verify_request(administrator, shown).await
    }

    /// As [`Organization::withdraw`](crate::organization::Organization::withdraw).
    ///
    /// # Errors
    ///
    /// As [`Organization::withdraw`](crate::organization::Organization::withdraw).
    pub async fn withdraw(&self, id: InvitationId) -> Result<(), Error> {
        self.0.begin().withdraw(id).await
    }

    /// As [`Organization::disable`](crate::organization::Organization::disable).
    ///
    /// # Errors
    ///
    /// As [`Organization::disable`](crate::organization::Organization::disable).
    pub async fn disable(
        &self,
        administrator: &Administrator<'_>,
        account: &str,
    ) -> Result<Disabled, Error> {
        self.0.begin().disable(administrator, account).await
    }

    /// As [`Organization::rotate`](crate::organization::Organization::rotate). A future that is dropped leaves a rotation that
    /// the same call resumes.
    ///
    /// # Errors
    ///
    /// As [`Organization::rotate`](crate::organization::Organization::rotate).
    pub async fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        progress: impl FnMut(RotationProgress) + Send,
    ) -> Result<Rotated, Error> {
        self.0.rotate(administrator, new, progress).await
    }

    /// As [`Organization::wrap_new_key`](crate::organization::Organization::wrap_new_key).
    ///
    /// # Errors
    ///
    /// As [`Organization::wrap_new_key`](crate::organization::Organization::wrap_new_key).
    pub fn wrap_new_key(&self, new: &NewOrgKey) -> Result<String, Error> {
        self.0.begin().wrap_new_key(new)
    }

    /// As [`Organization::unwrap_new_key`](crate::organization::Organization::unwrap_new_key).
    ///
    /// # Errors
    ///
    /// As [`Organization::unwrap_new_key`](crate::organization::Organization::unwrap_new_key).
    pub async fn unwrap_new_key(&self, id: RotationId, wrapped: &str) -> Result<NewOrgKey, Error> {
        self.0.begin().unwrap_new_key(id, wrapped).await
    }

    /// As [`Organization::check_rotation`](crate::organization::Organization::check_rotation).
    ///
    /// # Errors
    ///
    /// As [`Organization::check_rotation`](crate::organization::Organization::check_rotation).
    pub async fn check_rotation(
        &self,
        administrator: &Administrator<'_>,
    ) -> Result<RotationCheck, Error> {
        self.0.begin().check_rotation(administrator).await
    }

    /// As [`Organization::rotation`](crate::organization::Organization::rotation).
    ///
    /// # Errors
    ///
    /// As [`Organization::rotation`](crate::organization::Organization::rotation).
    pub async fn rotation(&self) -> Result<Option<RotationState>, Error> {
        self.0.begin().rotation().await
    }

    /// As [`Organization::abandon_rotation`](crate::organization::Organization::abandon_rotation).
    ///
    /// # Errors
    ///
    /// As [`Organization::abandon_rotation`](crate::organization::Organization::abandon_rotation).
    pub async fn abandon_rotation(&self, id: RotationId) -> Result<(), Error> {
        self.0.begin().abandon_rotation(id).await
    }

    /// As [`Organization::tokens`](crate::organization::Organization::tokens).
    ///
    /// # Errors
    ///
    /// As [`Organization::tokens`](crate::organization::Organization::tokens).
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        self.0.begin().tokens().await
    }

    /// As [`Organization::create_token`](crate::organization::Organization::create_token).
    ///
    /// # Errors
    ///
    /// As [`Organization::create_token`](crate::organization::Organization::create_token).
    pub async fn create_token(&self, new: &NewToken) -> Result<(SecretString, TokenRecord), Error> {
        self.0.begin().create_token(new).await
    }

    /// As [`Organization::revoke_token`](crate::organization::Organization::revoke_token).
    ///
    /// # Errors
    ///
    /// As [`Organization::revoke_token`](crate::organization::Organization::revoke_token).
    pub async fn revoke_token(&self, id: ApiTokenId) -> Result<(), Error> {
        self.0.begin().revoke_token(id).await
    }

    /// As [`Organization::audit`](crate::organization::Organization::audit).
    ///
    /// # Errors
    ///
    /// As [`Organization::audit`](crate::organization::Organization::audit).
    pub async fn audit(&self, before: Option<Hex<8>>) -> Result<AuditPage, Error> {
        self.0.begin().audit(before).await
    }
}

impl fmt::Debug for AsyncOrganization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncOrganization").finish_non_exhaustive()
    }
}

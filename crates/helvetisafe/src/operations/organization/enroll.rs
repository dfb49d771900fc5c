//! Makes an account whose keys the administrator has: invites, joins and confirms in one operation.

use helvetisafe_crypto::organization::{InvitationCode, JoinRefused, PublicKeyInfo, Words};

use super::Operation;
use super::change::Authority;
use super::confirm::open;
use super::invite::code;
use crate::administration::{
    AccountKeys, Administrator, Confirmed, NewInvite, PendingInvitation, join_within,
};
use crate::error::{Error, OrganizationAction, OrganizationCause};
use crate::runtime::Runtime;

const ACTION: OrganizationAction = OrganizationAction::Confirm;

impl<R: Runtime> Operation<'_, R> {
    /// Continues an earlier call with the same keys, wherever it ended.
    pub(crate) async fn enroll(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
    ) -> Result<Confirmed, Error> {
        keys.check_scopes(ACTION, &new.scopes)?;
        let public_key = keys
            .public_key()
            .map_err(|error| Error::new(ACTION, error))?;
        let authority = self.authority(administrator, ACTION).await?;
        if is_member(&authority, keys, &public_key) {
            return Ok(Confirmed {
                account: keys.client_id.clone(),
                head: *authority.chain.head(),
            });
        }
        let joined = self.join_and_confirm(&authority, administrator, new, keys, &public_key);
        joined.await.map_err(Error::about_own_request)
    }

    async fn join_and_confirm(
        &self,
        authority: &Authority<'_>,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
        public_key: &PublicKeyInfo,
    ) -> Result<Confirmed, Error> {
        if let Some(code) = self.code(authority, administrator, new, keys).await? {
            join_within(&self.vault.api, &code, keys, &self.bounds).await?;
        }
        let shown = self.own_request(authority, new, keys, public_key).await?;
        self.confirm(administrator, &shown).await
    }

    /// Returns the invitation with the request of these keys. The vault could have joined with another key.
    async fn own_request(
        &self,
        authority: &Authority<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
        public_key: &PublicKeyInfo,
    ) -> Result<PendingInvitation, Error> {
        let mut pending = self.invitations().await?.into_iter();
        let own = pending.find(|it| {
            let request = it.request.as_ref();
            request.is_some_and(|request| request.account == keys.client_id)
        });
        let own = own.ok_or_else(|| authority.refused(OrganizationCause::NoInvitation))?;
        let words = own.request.as_ref().and_then(|request| request.words);
        if words != Some(Words::of_public_key(public_key)) {
            return Err(authority.refused(JoinRefused::Words));
        }
        match own.name == new.name && own.scopes == new.scopes {
            true => Ok(own),
            false => Err(authority.refused(OrganizationCause::OtherThanShown)),
        }
    }

    /// Returns the code to join with, also that of an earlier call; `None` if the request was sent already.
    async fn code(
        &self,
        authority: &Authority<'_>,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
    ) -> Result<Option<InvitationCode>, Error> {
        let records = self.invitation_records(ACTION).await?;
        let record = records.into_iter().find(|record| {
            record.invitation.name == new.name && record.invitation.scopes == new.scopes
        });
        let request = record.as_ref().and_then(|record| record.request.as_ref());
        if request.is_some_and(|request| request.account == keys.client_id) {
            return Ok(None);
        }
        let Some(unused) = record.filter(|record| record.request.is_none()) else {
            // The vault refuses a name that is taken.
            return Ok(Some(self.invite(administrator, new).await?.code));
        };
        let key = self.org_key(authority).await?;
        let opened = open(unused.invitation, &authority.chain, &key);
        let (secret, _) = opened.map_err(|cause| authority.refused(cause))?;
        Ok(Some(code(&self.vault.api, authority, secret)))
    }
}

/// Returns true if the chain has the account with this public key.
fn is_member(authority: &Authority<'_>, keys: &AccountKeys, public_key: &PublicKeyInfo) -> bool {
    let known = authority.chain.members().get(&keys.client_id);
    known.is_some_and(|member| member.public_key_hash == public_key.hash())
}

//! Invitations, and the requests to join that they lead to.

use helvetisafe_proto::endpoint::organization::InvitationId;

use super::AsyncOrganization;
use crate::administration::{
    AccountKeys, Administrator, Confirmed, Invited, NewInvite, PendingInvitation,
};
use crate::error::Error;

impl AsyncOrganization<'_> {
    /// As [`Organization::invite`](crate::organization::Organization::invite).
    ///
    /// ```no_run
    /// use helvetisafe::Scopes;
    /// use helvetisafe::organization::{Administrator, NewInvite};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let invited = client.organization().invite(
    ///     &administrator,
    ///     &NewInvite {
    ///         name: "bob".into(),
    ///         scopes: "secrets:read credentials:read".parse::<Scopes>()?.into(),
    ///         expires_at: "2030-01-31T12:00:00Z".parse()?,
    ///     },
    /// )
    /// .await?;
    /// std::fs::write("code", invited.code.encode().as_bytes())?;
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// for invitation in client.organization().invitations().await? {
    ///     if let Some(request) = invitation.request {
    ///         println!("{} waits for a confirmation as {}", request.account, invitation.name);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::invitations`](crate::organization::Organization::invitations).
    pub async fn invitations(&self) -> Result<Vec<PendingInvitation>, Error> {
        self.0.begin().invitations().await
    }

    /// As [`Organization::confirm`](crate::organization::Organization::confirm).
    ///
    /// ```no_run
    /// use helvetisafe::organization::Administrator;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// for shown in client.organization().invitations().await? {
    ///     // Compare name, scopes and words with what the person says.
    ///     let confirmed = client.organization().confirm(&administrator, &shown).await?;
    ///     println!("{} is a member", confirmed.account);
    /// }
    /// # Ok(())
    /// # }
    /// ```
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
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let organization = client.organization();
    /// for invitation in organization.invitations().await? {
    ///     organization.withdraw(invitation.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::withdraw`](crate::organization::Organization::withdraw).
    pub async fn withdraw(&self, id: InvitationId) -> Result<(), Error> {
        self.0.begin().withdraw(id).await
    }
}

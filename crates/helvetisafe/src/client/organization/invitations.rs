//! Invitations, and the requests to join that they lead to.

use helvetisafe_proto::endpoint::organization::InvitationId;

use super::Organization;
use crate::administration::{
    AccountKeys, Administrator, Confirmed, Invited, NewInvite, PendingInvitation,
};
#[cfg(doc)]
use crate::builder::ClientBuilder;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::runtime::blocking::block;

impl Organization<'_> {
    /// Invites a person or a service. The secret of the invitation is sealed for all administrators, under a key from the
    /// org key of the chain; the code goes to the invited person on a channel that the vault does not control.
    ///
    /// ```no_run
    /// use helvetisafe::Scopes;
    /// use helvetisafe::organization::{Administrator, NewInvite};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
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
    /// )?;
    /// std::fs::write("code", invited.code.encode().as_bytes())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::Config`] when the name cannot be used; [`ErrorKind::Auth`] when the expiry has
    /// passed; [`ErrorKind::Forbidden`] when the signing key is not an administrator's in the chain;
    /// [`ErrorKind::OrgKeyRefused`] when the vault's org key is not that of the chain; [`ErrorKind::Conflict`] when the name
    /// is taken.
    pub fn invite(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
    ) -> Result<Invited, Error> {
        block(self.0.begin().invite(administrator, new))
    }

    /// Lists the open invitations, as the vault states them. [`Self::confirm`] verifies the one that it confirms.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// for invitation in client.organization().invitations()? {
    ///     if let Some(request) = invitation.request {
    ///         println!("{} waits for a confirmation as {}", request.account, invitation.name);
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn invitations(&self) -> Result<Vec<PendingInvitation>, Error> {
        block(self.0.begin().invitations())
    }

    /// Confirms the request to join that a person saw: opens the sealed invitation, whose terms it authenticates, verifies
    /// the request by its tag, wraps the org key for its public key, and appends the account to the chain. After a change of
    /// another administrator it begins again.
    ///
    /// `shown` is of [`Self::invitations`]. The vault has to answer with the same id, name, scopes, account and words again.
    /// Compare the words with those that the joining person reads out on another channel: this excludes a thief of the code,
    /// except one who works with the vault and joins as an administrator, since the words do not cover the verification key.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Administrator, Words};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor, heard) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// # let heard: String = heard;
    /// let heard: Words = heard.parse()?;
    /// for shown in client.organization().invitations()? {
    ///     let words = shown.request.as_ref().and_then(|request| request.words);
    ///     if shown.name == "bob" && words == Some(heard) {
    ///         let confirmed = client.organization().confirm(&administrator, &shown)?;
    ///         println!("{} is a member", confirmed.account);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::NotFound`] when the invitation is not open any more, or there is no request yet;
    /// [`ErrorKind::Auth`] when the invitation has expired by this machine's clock; [`ErrorKind::Crypto`] when the vault
    /// answers with another invitation or request than `shown`, or its terms, its sealed secret or the request were changed;
    /// [`ErrorKind::Conflict`] when the account was ever a member, the invitation was used before, or another member has
    /// the name; [`ErrorKind::Forbidden`] and [`ErrorKind::OrgKeyRefused`] as [`Self::invite`].
    pub fn confirm(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<Confirmed, Error> {
        block(self.0.begin().confirm(administrator, shown))
    }

    /// Makes an account whose keys the caller has, such as an offline administrator account: invites, joins and confirms,
    /// with the checks of the three.
    ///
    /// Store the keys before. After a failure or a lost answer, the same call with the same keys completes it: it uses the open
    /// invitation of this name and these scopes, or the request that was sent. If the account is a member already, it
    /// changes nothing.
    ///
    /// ```no_run
    /// use helvetisafe::Scopes;
    /// use helvetisafe::organization::{AccountKeys, Administrator, NewInvite};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor, in_an_hour) = unimplemented!();
    /// let keys = AccountKeys::generate(false)?;
    /// // Store the keys here.
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let new = NewInvite {
    ///     name: "ci".into(),
    ///     scopes: "secrets:read credentials:read".parse::<Scopes>()?.into(),
    ///     expires_at: in_an_hour,
    /// };
    /// let confirmed = client.organization().enroll(&administrator, &new, &keys)?;
    /// println!("{} is a member", confirmed.account);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the name, the expiry, or the keys do not fit the scopes; [`ErrorKind::Conflict`] when another
    /// account or invitation has the name; and as [`Self::invite`], [`ClientBuilder::join`] and [`Self::confirm`].
    pub fn enroll(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
    ) -> Result<Confirmed, Error> {
        block(self.0.begin().enroll(administrator, new, keys))
    }

    /// Verifies a request to join with all checks of [`Self::confirm`], and confirms nothing.
    ///
    /// ```no_run
    /// use helvetisafe::organization::Administrator;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// for shown in client.organization().invitations()? {
    ///     client.organization().verify_request(&administrator, &shown)?;
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::confirm`].
    pub fn verify_request(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<(), Error> {
        block(self.0.begin().verify_request(administrator, shown))
    }

    /// Withdraws an invitation, also one whose request to join is not confirmed.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let organization = client.organization();
    /// for invitation in organization.invitations()? {
    ///     organization.withdraw(invitation.id)?;
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such invitation.
    pub fn withdraw(&self, id: InvitationId) -> Result<(), Error> {
        block(self.0.begin().withdraw(id))
    }
}

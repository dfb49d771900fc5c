//! The rotation of the org key.

use helvetisafe_proto::endpoint::organization::{RotationId, RotationState};

use super::Organization;
use crate::administration::{Administrator, NewOrgKey, Rotated, RotationCheck, RotationProgress};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::runtime::blocking::block;

impl Organization<'_> {
    /// Replaces the org key, which a former member may know: each secret is opened under the present key and sealed under the
    /// new one, the new key is wrapped for every member of the chain, open invitations are sealed and signed again, and one
    /// commit makes the new key the present one. Until then nothing changes for others. What they write meanwhile is sealed
    /// again before the commit, and their changes of members and invitations are included. If they never stop, the vault
    /// holds their writes before the third and later commits, for 2 s at most.
    ///
    /// Store the new key before. The same call with the same [`NewOrgKey`] resumes an interrupted rotation, and returns the
    /// result of one that is complete. A request to commit has the key for each member of that moment, and the vault may store
    /// it. If such a member is disabled before the rotation is complete, it is not continued, and needs a new key: store
    /// [`NewOrgKey::made_at`] too, so that a later call knows.
    ///
    /// `progress` is called when a [step](crate::organization::RotationStep) begins and after each batch of secrets. Each step has
    /// a timeout of its own; [`Self::within`] limits all of them together.
    ///
    /// Afterwards, clients that follow the chain continue
    /// ([`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation::follow_chain)). Restart the others.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Administrator, NewOrgKey};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let new = NewOrgKey::generate()?;
    /// // Store `new` here.
    /// let rotated = client.organization().rotate(&administrator, &new, |progress| {
    ///     eprintln!("{} secrets are left", progress.remaining);
    /// })?;
    /// println!("the org key has the number {}", rotated.key_epoch);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::Crypto`] when the vault and the chain do not agree about a member, and then nothing is
    /// wrapped, when an open invitation does not verify, or when a secret does not open: the message names it;
    /// [`ErrorKind::Conflict`] when another rotation is in progress, when others changed something before each of ten commits,
    /// or, without an [`Error::code`], when the rotation needs a new key: the chain has had this one before, or a member who may
    /// know it was disabled; [`ErrorKind::Forbidden`] and [`ErrorKind::OrgKeyRefused`] as [`Self::invite`]. After every
    /// other error the rotation can be resumed, and after every one abandoned.
    pub fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        progress: impl FnMut(RotationProgress),
    ) -> Result<Rotated, Error> {
        block(self.0.rotate(administrator, new, progress))
    }

    /// Wraps a new org key for the public key of this account, to store it before [`Self::rotate`]. Nothing is sent.
    ///
    /// ```no_run
    /// use helvetisafe::organization::NewOrgKey;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let anchor = unimplemented!();
    /// let chain = client.organization().follow(&anchor)?;
    /// let new = NewOrgKey::generate()?;
    /// let wrapped = client.organization().wrap_new_key(&new)?;
    /// let made_at = Some(chain.head().sequence);
    /// // Store `new.id`, `wrapped` and `made_at`. After an interruption:
    /// let mut same = client.organization().unwrap_new_key(new.id, &wrapped)?;
    /// same.made_at = made_at;
    /// # drop(same);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`] when the operating system has no randomness.
    pub fn wrap_new_key(&self, new: &NewOrgKey) -> Result<String, Error> {
        self.0.begin().wrap_new_key(new)
    }

    /// Unwraps a stored key of [`Self::wrap_new_key`] with the private key of this account. Nothing is sent.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let wrapped = std::fs::read_to_string("new-org-key")?;
    /// let new = client.organization().unwrap_new_key("00000000000000ff".parse()?, &wrapped)?;
    /// # drop(new);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`] when it was wrapped for another account, or was changed.
    pub fn unwrap_new_key(&self, id: RotationId, wrapped: &str) -> Result<NewOrgKey, Error> {
        block(self.0.begin().unwrap_new_key(id, wrapped))
    }

    /// Verifies what [`Self::rotate`] verifies before it begins: the chain, the signing key, the org key, every active account
    /// and every open invitation. Nothing is begun, and no secret is opened.
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
    /// let check = client.organization().check_rotation(&administrator)?;
    /// println!("{} members and {} invitations", check.members, check.invitations);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::rotate`] before its first change.
    pub fn check_rotation(
        &self,
        administrator: &Administrator<'_>,
    ) -> Result<RotationCheck, Error> {
        block(self.0.begin().check_rotation(administrator))
    }

    /// Returns the rotation in progress, as the vault states it, or `None`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Some(rotation) = client.organization().rotation()? {
    ///     println!("{} began {}", rotation.started_by, rotation.id);
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn rotation(&self) -> Result<Option<RotationState>, Error> {
        block(self.0.begin().rotation())
    }

    /// Returns the number of secrets that a rotation in progress has not yet sealed under the new key, as the vault states it.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Some(rotation) = client.organization().rotation()? {
    ///     println!("{} secrets are left", client.organization().remaining_secrets(rotation.id)?);
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations; [`ErrorKind::Api`] when there is no such rotation.
    pub fn remaining_secrets(&self, id: RotationId) -> Result<u64, Error> {
        block(self.0.begin().remaining_secrets(id))
    }

    /// Abandons a rotation in progress, also that of another administrator. The org key stays, and what was staged is never
    /// used. Make a new [`NewOrgKey`] for the next rotation.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Some(rotation) = client.organization().rotation()? {
    ///     client.organization().abandon_rotation(rotation.id)?;
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such rotation, or it is complete.
    pub fn abandon_rotation(&self, id: RotationId) -> Result<(), Error> {
        block(self.0.begin().abandon_rotation(id))
    }
}

use helvetisafe_crypto::organization::Head;
use helvetisafe_crypto::{Error as CryptoError, OrgKey};
use helvetisafe_proto::endpoint::organization::RotationId;

use crate::error::{Action, Error};

/// A new org key, and the id of the rotation that makes it the present one.
///
/// The caller stores both *before* it begins the rotation, the key only wrapped for its own public key:
/// [`Organization::wrap_new_key`](crate::organization::Organization::wrap_new_key). A rotation that was interrupted is resumed with
/// the same id and key, unless a member was disabled since: see [`Self::made_at`].
///
/// It has no `Debug`, since it holds a secret, which is wiped on drop.
///
/// ```
/// let new = helvetisafe::organization::NewOrgKey::generate()?;
/// println!("the new org key is {}", new.key.fingerprint());
/// # Ok::<(), helvetisafe::Error>(())
/// ```
pub struct NewOrgKey {
    /// The id of the rotation: 64 random bits.
    pub id: RotationId,
    /// The key.
    pub key: OrgKey,
    /// The number of the newest entry of the chain when the key was made: [`Head::sequence`]. The caller stores it with the key,
    /// and sets it to resume a rotation. An earlier call may have sent the key for each member of that time, so the key is refused
    /// if one of them was disabled since. With `None` only the requests of the same call count.
    pub made_at: Option<u64>,
}

impl NewOrgKey {
    /// Makes a key and an id.
    ///
    /// ```no_run
    /// use helvetisafe::organization::NewOrgKey;
    ///
    /// let new = NewOrgKey::generate()?;
    /// // Store it here, with `wrap_new_key`.
    /// # drop(new);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto) when the operating system has no randomness.
    pub fn generate() -> Result<Self, Error> {
        Self::make().map_err(|error| Error::new(Action::Configure, error))
    }

    fn make() -> Result<Self, CryptoError> {
        let mut id = [0; 8];
        getrandom::fill(&mut id).map_err(|_| CryptoError::Randomness)?;
        Ok(Self {
            id: id.into(),
            key: OrgKey::generate()?,
            made_at: None,
        })
    }
}

/// The progress of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationProgress {
    /// The step that begins. [`RotationStep::Sealing`] is also reported after each batch.
    pub step: RotationStep,
    /// The number of secrets that this call has sealed under the new key.
    pub staged: u64,
    /// The number of secrets that are not yet sealed under it, as the vault states it. 0 when a step begins.
    pub remaining: u64,
}

/// A step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RotationStep {
    /// The vault has begun the rotation, or resumed it.
    Begun,
    /// Secrets are sealed under the new key. Nothing changes for others, and a call that ends here can be resumed or abandoned.
    Sealing,
    /// The commit is about to be sent. The outcome of a call that ends after this step is unknown: the rotation may be complete.
    /// After a refusal the next step is [`Self::Sealing`] or another commit.
    Committing,
}

/// The result of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotated {
    /// The number of the new org key.
    pub key_epoch: u64,
    /// The newest entry of the chain, to store as the next anchor.
    pub head: Head,
}

/// The readers that a new org key would have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RotationCheck {
    /// The number of active accounts, each of which the chain proves.
    pub members: usize,
    /// The number of open invitations, each of which a present administrator has signed.
    pub invitations: usize,
}

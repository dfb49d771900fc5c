//! The errors about the org key of a vault.

use helvetisafe_crypto as crypto;
#[cfg(feature = "organization")]
use helvetisafe_proto::KeyName;

#[cfg(feature = "organization")]
use super::OrganizationCause;
use super::{Cause, Error};

impl Error {
    /// Returns the fingerprint of the org key that the client does not accept: see
    /// [`ErrorKind::OrgKeyRefused`](crate::ErrorKind::OrgKeyRefused).
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Err(error) = client.secrets().get("db") {
    ///     if let Some(offered) = error.refused_org_key() {
    ///         eprintln!("the vault has {offered}, and the client accepts {:?}", error.accepted_org_keys());
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn refused_org_key(&self) -> Option<crypto::Fingerprint> {
        match self.0.cause {
            Cause::OrgKeyRefused { found, .. } => Some(found),
            #[cfg(feature = "organization")]
            Cause::Organization(OrganizationCause::OtherOrgKey { found, .. }) => Some(found),
            _ => None,
        }
    }

    /// Returns the present org key of the signed chain, if that chain never had an org key that the client pins
    /// ([`ClientBuilder::pin_org_keys`](crate::ClientBuilder::pin_org_keys)). Then the pins are wrong, or the chain is of another
    /// organization.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Err(error) = client.secrets().get("db")
    ///     && let Some(present) = error.chain_without_pins()
    /// {
    ///     eprintln!("compare {present} with an administrator, and pin it in place of the wrong one");
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[cfg(feature = "organization")]
    #[must_use]
    pub fn chain_without_pins(&self) -> Option<crypto::Fingerprint> {
        match self.0.cause {
            Cause::Organization(OrganizationCause::OtherPins { present }) => Some(present),
            _ => None,
        }
    }

    /// Returns true if a value did not open under the org key.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let damaged = client.secrets().get("db").is_err_and(|error| error.is_decryption());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn is_decryption(&self) -> bool {
        matches!(self.0.cause, Cause::Crypto(crypto::Error::Decryption))
    }

    /// Returns true if the vault may give a replaced org key: a value does not open, or the number of the key contradicts an
    /// earlier answer. The signed chain shows which key is the present one. A client that follows it
    /// ([`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation)) has asked it before it returns such an error.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Err(error) = client.secrets().get("db") {
    ///     if error.may_be_replaced_org_key() {
    ///         eprintln!("{error}; do not write the secret again before an administrator has compared the org key");
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn may_be_replaced_org_key(&self) -> bool {
        let contradicts = matches!(
            self.0.cause,
            Cause::OtherEpoch { .. } | Cause::LaterEpoch { .. } | Cause::StillReplaced(_)
        );
        contradicts || self.is_decryption()
    }

    /// Returns the fingerprints of the org keys that the client accepts, if the vault returned another one.
    /// Empty for any other error.
    #[must_use]
    pub fn accepted_org_keys(&self) -> &[crypto::Fingerprint] {
        match &self.0.cause {
            Cause::OrgKeyRefused { accepted, .. } => accepted,
            #[cfg(feature = "organization")]
            Cause::Organization(OrganizationCause::OtherOrgKey { expected, .. }) => {
                std::slice::from_ref(expected)
            }
            _ => &[],
        }
    }

    /// Returns the names of the secrets that a rotation of the org key could not open. Empty for any other error.
    ///
    /// ```no_run
    /// fn report(error: &helvetisafe::Error) {
    ///     for key in error.unopened_keys() {
    ///         eprintln!("write {key} again, or delete it");
    ///     }
    /// }
    /// ```
    #[cfg(feature = "organization")]
    #[must_use]
    pub fn unopened_keys(&self) -> &[KeyName] {
        match &self.0.cause {
            Cause::Organization(OrganizationCause::UnopenedSecrets(keys)) => keys,
            _ => &[],
        }
    }
}

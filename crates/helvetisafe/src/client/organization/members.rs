//! The accounts of an organization.

use helvetisafe_crypto::organization::Anchor;

use super::Organization;
use crate::administration::{Administrator, Disabled, Member};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::runtime::blocking::block;

impl Organization<'_> {
    /// Lists the accounts: what the vault states, beside the chain. [`Member::standing`] marks an account that only one of
    /// them has, or that has another key. The order is that of the client ids.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Anchor, Standing};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let anchor: Anchor = unimplemented!();
    /// for member in client.organization().members(&anchor)? {
    ///     if member.standing == Standing::OnlyInVault {
    ///         eprintln!("{} was confirmed by no administrator", member.account);
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`].
    pub fn members(&self, anchor: &Anchor) -> Result<Vec<Member>, Error> {
        block(self.0.begin().members(anchor))
    }

    /// Disables an account: its credentials end, and it is no longer in the chain. It knows the org key, so rotate that
    /// afterwards. After a change of another administrator it begins again.
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
    /// client.organization().disable(&administrator, "hs_client_3q2-7wAAAAAAAAAAAAAAAA")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::Conflict`] when the account is not a member in the chain, or is the last
    /// administrator; [`ErrorKind::Forbidden`] as [`Self::invite`].
    pub fn disable(
        &self,
        administrator: &Administrator<'_>,
        account: &str,
    ) -> Result<Disabled, Error> {
        block(self.0.begin().disable(administrator, account))
    }
}

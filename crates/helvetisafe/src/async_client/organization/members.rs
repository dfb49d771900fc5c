//! The accounts of an organization.

use helvetisafe_crypto::organization::Anchor;

use super::AsyncOrganization;
use crate::administration::{Administrator, Disabled, Member};
use crate::error::Error;

impl AsyncOrganization<'_> {
    /// As [`Organization::members`](crate::organization::Organization::members).
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Anchor, Standing};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let anchor: Anchor = unimplemented!();
    /// for member in client.organization().members(&anchor).await? {
    ///     if member.standing == Standing::OnlyInVault {
    ///         eprintln!("{} was confirmed by no administrator", member.account);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::members`](crate::organization::Organization::members).
    pub async fn members(&self, anchor: &Anchor) -> Result<Vec<Member>, Error> {
        self.0.begin().members(anchor).await
    }

    /// As [`Organization::disable`](crate::organization::Organization::disable).
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
    /// client.organization().disable(&administrator, "hs_client_3q2-7wAAAAAAAAAAAAAAAA").await?;
    /// # Ok(())
    /// # }
    /// ```
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
}

//! The asynchronous client of an organization.

mod invitations;
mod members;
mod rotation;
mod tokens;
mod without_account;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::organization::{Anchor, Chain, Head};
use helvetisafe_proto::Hex;

use super::AsyncClient;
use crate::administration::{Account, AuditPage};
use crate::error::Error;
use crate::operations::Operations;
use crate::runtime::Tokio;
use crate::vault::Vault;

impl AsyncClient {
    /// As [`Client::organization`](crate::Client::organization).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let account = client.organization().account().await?;
    /// println!("{} in {}", account.account, account.organization);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn organization(&self) -> AsyncOrganization<'_> {
        AsyncOrganization::new(&self.0)
    }

    /// As [`Client::chain_head`](crate::Client::chain_head).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// if let Some(head) = client.chain_head() {
    ///     println!("seen up to entry {}", head.sequence);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn chain_head(&self) -> Option<Head> {
        self.0.org_keys.head()
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
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let account = client.organization().within(Duration::from_secs(5)).account().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// As [`Organization::account`](crate::organization::Organization::account).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// println!("scopes: {}", client.organization().account().await?.scopes);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::account`](crate::organization::Organization::account).
    pub async fn account(&self) -> Result<Account, Error> {
        self.0.begin().account().await
    }

    /// As [`Organization::follow`](crate::organization::Organization::follow).
    ///
    /// ```no_run
    /// use helvetisafe::organization::Anchor;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let key = std::fs::read_to_string("administrator.pub")?.trim().parse()?;
    /// let chain = client.organization().follow(&Anchor::Key(key)).await?;
    /// println!("{} members, epoch {}", chain.members().len(), chain.epoch());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::follow`](crate::organization::Organization::follow).
    pub async fn follow(&self, anchor: &Anchor) -> Result<Chain, Error> {
        self.0.begin().follow(anchor).await
    }

    /// As [`Organization::use_org_key`](crate::organization::Organization::use_org_key).
    ///
    /// ```no_run
    /// use helvetisafe::organization::Anchor;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let key = std::fs::read_to_string("administrator.pub")?.trim().parse()?;
    /// let chain = client.organization().follow(&Anchor::Key(key)).await?;
    /// client.organization().use_org_key(&chain).await?;
    /// assert_eq!(client.org_key_fingerprint(), *chain.fingerprint());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::use_org_key`](crate::organization::Organization::use_org_key).
    pub async fn use_org_key(&self, chain: &Chain) -> Result<(), Error> {
        self.0.begin().use_org_key(chain).await
    }

    /// As [`Organization::audit`](crate::organization::Organization::audit).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let mut before = None;
    /// loop {
    ///     let page = client.organization().audit(before).await?;
    ///     for record in &page.records {
    ///         println!("{} {}", record.at, record.act);
    ///     }
    ///     before = page.next;
    ///     if before.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
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

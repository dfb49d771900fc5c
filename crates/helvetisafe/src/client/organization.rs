//! The blocking client of an organization.

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

use super::Client;
use crate::administration::{Account, AuditPage};
#[cfg(doc)]
use crate::builder::ClientBuilder;
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::operations::Operations;
use crate::runtime::Blocking;
use crate::runtime::blocking::block;
use crate::vault::Vault;

impl Client {
    /// Returns the operations on the account's organization.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let account = client.organization().account()?;
    /// println!("{} in {}", account.account, account.organization);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn organization(&self) -> Organization<'_> {
        Organization::new(&self.0)
    }

    /// Returns the newest entry of the chain that this client verified for its org key, to store as the next anchor:
    /// [`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation::follow_chain). `None` before the first
    /// comparison of a client that a ticket started, and with another policy unless [`Organization::use_org_key`] was called.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Some(head) = client.chain_head() {
    ///     println!("seen up to entry {}", head.sequence);
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn chain_head(&self) -> Option<Head> {
        self.0.org_keys.head()
    }
}

/// The operations on the organization of an account; from [`Client::organization`].
///
/// The vault is not trusted: operations with an [`Anchor`] follow the signed chain from it, and fail with
/// [`ErrorKind::Crypto`] if the vault contradicts it. Nothing is sealed, wrapped or signed before. Store the newest
/// head that an operation returns, as the next anchor.
///
/// Besides the errors of each operation, all can fail with [`ErrorKind::Auth`], [`ErrorKind::Forbidden`] (the
/// administrative scopes are only granted if they are requested: [`ClientBuilder::scopes`]),
/// [`ErrorKind::RateLimited`], [`ErrorKind::Api`] and [`ErrorKind::Transport`]. A change can fail with
/// [`ErrorKind::Ambiguous`].
#[derive(Clone, Copy)]
pub struct Organization<'a>(Operations<'a, Blocking>);

impl<'a> Organization<'a> {
    pub(super) fn new(vault: &'a Arc<Vault<Blocking>>) -> Self {
        Self(Operations::new(vault))
    }

    /// Returns the same operations with one deadline for all of them together: `timeout` from now. Each also has its
    /// own timeout.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let account = client.organization().within(Duration::from_secs(5)).account()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// Returns the account of the credential, as the vault states it.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// println!("scopes: {}", client.organization().account()?.scopes);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn account(&self) -> Result<Account, Error> {
        block(self.0.begin().account())
    }

    /// Follows the signed chain from an anchor, and returns its state: members, administrators and org key. Its head is the
    /// next anchor.
    ///
    /// ```no_run
    /// use helvetisafe::organization::Anchor;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let key = std::fs::read_to_string("administrator.pub")?.trim().parse()?;
    /// let chain = client.organization().follow(&Anchor::Key(key))?;
    /// println!("{} members, epoch {}", chain.members().len(), chain.epoch());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`] when the chain does not verify, does not contain the anchor, is older than it, or is of
    /// another organization.
    pub fn follow(&self, anchor: &Anchor) -> Result<Chain, Error> {
        block(self.0.begin().follow(anchor))
    }

    /// Makes the org key that a verified chain has the client's. If the client has an earlier one, fetches the vault's again: a
    /// rotation may have come between the two answers. Nothing changes if the vault has another key than the chain.
    ///
    /// ```no_run
    /// use helvetisafe::organization::Anchor;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let key = std::fs::read_to_string("administrator.pub")?.trim().parse()?;
    /// let chain = client.organization().follow(&Anchor::Key(key))?;
    /// client.organization().use_org_key(&chain)?;
    /// assert_eq!(client.org_key_fingerprint(), *chain.fingerprint());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::OrgKeyRefused`] when the vault has another org key than the chain. [`ErrorKind::Crypto`] when the chain never
    /// had a pinned key, or when another thread has followed another branch of it.
    pub fn use_org_key(&self, chain: &Chain) -> Result<(), Error> {
        block(self.0.begin().use_org_key(chain))
    }

    /// Returns a part of the record of administrative acts, the newest first: the acts before the one with this id, or the
    /// newest ones.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let mut before = None;
    /// loop {
    ///     let page = client.organization().audit(before)?;
    ///     for record in &page.records {
    ///         println!("{} {}", record.at, record.act);
    ///     }
    ///     before = page.next;
    ///     if before.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn audit(&self, before: Option<Hex<8>>) -> Result<AuditPage, Error> {
        block(self.0.begin().audit(before))
    }
}

impl fmt::Debug for Organization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Organization").finish_non_exhaustive()
    }
}

//! The vault of `helvetisafe-server dev`: one account, with credentials in a folder.

mod credentials;
mod folder;

use std::net::SocketAddr;
use std::path::Path;

use helvetisafe_crypto::{Fingerprint, PrivateKey, WrappedOrgKey};
use secrecy::ExposeSecret;

use crate::account::{Account, Organization, RSA_BITS};
use crate::store::{KeyEpoch, StoreError, TokenExpiry, TokenKind, TokenRow};
use crate::token::Hash;
use crate::{Error, Vault, VaultBuilder};
use folder::Folder;

pub use credentials::DevCredentials;

/// A vault for development, with one account that has all scopes.
///
/// The account's credentials are in a folder that other users cannot read: `private-key.pem` and
/// `credentials.json`, an object with `base_url`, `client_id`, `client_secret`, `api_token`,
/// `private_key_path` and `password`.
#[derive(Debug)]
pub struct DevVault {
    // Dropped in this order: the vault stops before a temporary folder is removed.
    vault: Vault,
    credentials: DevCredentials,
    org_key_fingerprint: Fingerprint,
    folder: Folder,
}

impl DevVault {
    /// Starts the vault, and makes its account if it does not exist.
    ///
    /// A folder is made with mode 0700 and contains the database too, as `vault.db`, so the next start
    /// serves the same account and secrets. Without a folder the database is in memory, and the credentials
    /// are in a temporary folder that is removed when the vault stops.
    ///
    /// # Errors
    ///
    /// Those of [`VaultBuilder::start`](crate::VaultBuilder::start); [`Error::Exposed`] when other
    /// users can read the folder or a file in it; [`Error::State`] when its files are inconsistent;
    /// [`Error::Crypto`] or [`Error::Random`] when the account cannot be made.
    pub fn start(listen: SocketAddr, folder: Option<&Path>) -> Result<Self, Error> {
        Self::start_with(Vault::builder().listen(listen), folder)
    }

    /// Starts the vault with other settings. With a database of its own ([`VaultBuilder::database`]), the folder has
    /// only the credentials, and a new folder makes a further organization in that database.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start).
    pub fn start_with(mut builder: VaultBuilder, folder: Option<&Path>) -> Result<Self, Error> {
        let folder = folder.map_or_else(Folder::temporary, Folder::persistent)?;
        let is_shared = match builder.chosen_database() {
            Some(database) => database.sqlite_file().is_none_or(|it| !folder.has(it)),
            None => false,
        };
        if let Some(database) = folder
            .database()
            .filter(|_| builder.chosen_database().is_none())
        {
            builder = builder.state(database);
        }
        let vault = builder.start()?;
        let (mut credentials, org_key_fingerprint) = ensure_account(&vault, &folder, is_shared)?;
        if credentials.refresh(&vault, folder.private_key_path()) {
            folder.write_credentials(&credentials)?;
        }
        Ok(Self {
            vault,
            credentials,
            org_key_fingerprint,
            folder,
        })
    }

    /// Returns the vault.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Returns the credentials for a client.
    #[must_use]
    pub fn credentials(&self) -> &DevCredentials {
        &self.credentials
    }

    /// Returns the fingerprint of the org key, for clients that pin it.
    #[must_use]
    pub fn org_key_fingerprint(&self) -> Fingerprint {
        self.org_key_fingerprint
    }

    /// Returns the folder with the credentials.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the vault and removes a temporary folder.
    ///
    /// # Errors
    ///
    /// Those of [`Vault::stop`], and [`Error::File`] when the folder cannot be removed.
    pub fn stop(self) -> Result<(), Error> {
        let stopped = self.vault.stop();
        self.folder.close().and(stopped)
    }
}

/// Returns the account of the folder; makes it or completes it if necessary. A shared database has accounts of other
/// folders, too.
///
/// The private key is written first, then the credentials, then in one transaction the database. Each
/// write is atomic, so after a kill in between the next start completes the account and never makes a second
/// one.
fn ensure_account(
    vault: &Vault,
    folder: &Folder,
    is_shared: bool,
) -> Result<(DevCredentials, Fingerprint), Error> {
    let found = folder.read_credentials()?;
    let client_id = found.as_ref().map(|found| found.client_id.clone());
    let has_account = vault.run(|shared| async move {
        match (is_shared, client_id) {
            (true, Some(client_id)) => Ok(shared.store.client(&client_id).await?.is_some()),
            (true, None) => Ok(false),
            (false, _) => shared.store.has_accounts().await,
        }
    })?;
    let credentials = match found {
        Some(credentials) => credentials,
        None if has_account => {
            return Err(
                folder.inconsistent("credentials.json is missing, though vault.db has its account")
            );
        }
        None => make_credentials(vault, folder)?,
    };
    let key = folder.private_key()?;
    let fingerprint = if has_account {
        check(vault, folder, &credentials, &key)?
    } else {
        add_tenant(vault, &credentials, &key)?
    };
    Ok((credentials, fingerprint))
}

/// Writes a private key, unless there is one, and new credentials.
fn make_credentials(vault: &Vault, folder: &Folder) -> Result<DevCredentials, Error> {
    let credentials = DevCredentials::generate(vault, folder.private_key_path())?;
    if folder.read_private_key()?.is_none() {
        folder.write_private_key(&PrivateKey::generate(RSA_BITS)?)?;
    }
    folder.write_credentials(&credentials)?;
    Ok(credentials)
}

/// Adds an organization with this one account and its API token.
fn add_tenant(
    vault: &Vault,
    credentials: &DevCredentials,
    key: &PrivateKey,
) -> Result<Fingerprint, Error> {
    let account = Account::from_credentials(
        credentials.client_id.clone(),
        credentials.client_secret.clone(),
        credentials.password.clone(),
        key,
    )?;
    let organization = Organization::generate()?;
    let row = account.row(&organization, key)?;
    let token = TokenRow {
        hash: Hash::of(&credentials.api_token),
        kind: TokenKind::Api,
        account: row.id,
        scopes: row.scopes,
        expiry: TokenExpiry::Never,
    };
    vault.run(|shared| async move { shared.store.add_tenant(row, token).await })?;
    Ok(organization.org_key_fingerprint())
}

/// Checks that the database, the credentials and the private key are consistent. Returns the fingerprint of
/// the org key.
fn check(
    vault: &Vault,
    folder: &Folder,
    credentials: &DevCredentials,
    key: &PrivateKey,
) -> Result<Fingerprint, Error> {
    let client_id = credentials.client_id.clone();
    let found = vault.run(|shared| async move {
        let Some(client) = shared.store.client(&client_id).await? else {
            return Ok(None);
        };
        let epoch = KeyEpoch::FIRST;
        let org_key = shared.store.encrypted_org_key(client.account, epoch);
        let org_key = org_key.await?.unwrap_or_default();
        Ok::<_, StoreError>(Some((client.client_secret_hash, org_key)))
    })?;
    let Some((hash, org_key)) = found else {
        return Err(folder.inconsistent("credentials.json is for an account that vault.db lacks"));
    };
    if !Hash::of_text(credentials.client_secret.expose_secret()).matches(Some(&hash)) {
        return Err(folder.inconsistent("credentials.json has a wrong client secret"));
    }
    let opened = WrappedOrgKey::decode(&org_key).and_then(|wrapped| key.unwrap_org_key(&wrapped));
    opened
        .map(|org_key| org_key.fingerprint())
        .map_err(|_| folder.inconsistent("private-key.pem is another account's"))
}

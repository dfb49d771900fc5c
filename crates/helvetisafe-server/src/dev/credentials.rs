use std::fmt;
use std::path::PathBuf;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{Error, Vault, token};

/// The credentials for a client of a [`DevVault`](super::DevVault): the contents of `credentials.json`.
#[derive(Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DevCredentials {
    /// The base URL of the vault.
    pub base_url: String,
    /// The client id of the service account.
    pub client_id: String,
    /// The client secret of the service account.
    #[serde(serialize_with = "token::exposed")]
    pub client_secret: SecretString,
    /// A portal API token of the same account.
    #[serde(serialize_with = "token::exposed")]
    pub api_token: SecretString,
    /// The absolute path of the account's private key, PKCS#8 in PEM.
    pub private_key_path: PathBuf,
    /// The password of the locked private key in the vault.
    #[serde(serialize_with = "token::exposed")]
    pub password: SecretString,
}

impl DevCredentials {
    /// Makes new credentials, which are not yet in the database.
    pub(super) fn generate(vault: &Vault, private_key_path: PathBuf) -> Result<Self, Error> {
        Ok(Self {
            base_url: vault.base_url().to_owned(),
            client_id: token::generate_name("hs_client_")?,
            client_secret: token::generate("hs_secret_")?,
            api_token: token::generate("hs_api_")?,
            private_key_path,
            password: token::generate("")?,
        })
    }

    /// Updates the base URL and the path of the private key. Returns true if one of them changed.
    pub(super) fn refresh(&mut self, vault: &Vault, private_key_path: PathBuf) -> bool {
        let is_same =
            self.base_url == vault.base_url() && self.private_key_path == private_key_path;
        self.base_url = vault.base_url().to_owned();
        self.private_key_path = private_key_path;
        !is_same
    }
}

impl fmt::Debug for DevCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevCredentials")
            .field("base_url", &self.base_url)
            .field("client_id", &self.client_id)
            .field("private_key_path", &self.private_key_path)
            .finish_non_exhaustive()
    }
}

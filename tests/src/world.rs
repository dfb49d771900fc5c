use std::fmt;
use std::io::Write;

use helvetisafe::{Client, ClientBuilder, Credentials, KeySource};
use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::{Account, NewAccount, NewApiToken, Organization, Vault, VaultBuilder};
use secrecy::SecretString;
use tempfile::NamedTempFile;

/// The authentication of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// With client id and client secret.
    ServiceAccount,
    /// With a portal API token.
    ApiToken,
}

/// The key source of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum With {
    /// A file.
    PemFile,
    /// Bytes in memory.
    PemBytes,
    /// The vault, which stores it locked under this password.
    Password,
}

/// An authentication and a key source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combination(pub By, pub With);

/// All combinations.
pub const COMBINATIONS: [Combination; 6] = [
    Combination(By::ServiceAccount, With::PemFile),
    Combination(By::ServiceAccount, With::PemBytes),
    Combination(By::ServiceAccount, With::Password),
    Combination(By::ApiToken, With::PemFile),
    Combination(By::ApiToken, With::PemBytes),
    Combination(By::ApiToken, With::Password),
];

impl fmt::Display for Combination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}+{:?}", self.0, self.1)
    }
}

/// An account with an API token of the same scopes, and everything that its clients need.
pub struct Member {
    /// The account.
    pub account: Account,
    /// Its API token.
    pub api_token: SecretString,
    pem_file: NamedTempFile,
}

impl Member {
    /// Makes an account and its API token.
    pub fn new(vault: &Vault, organization: &Organization, account: NewAccount) -> Self {
        let account = vault.new_account(organization, account).unwrap();
        let api_token = vault
            .new_api_token(&account, NewApiToken::default())
            .unwrap();
        let mut pem_file = NamedTempFile::new().unwrap();
        pem_file
            .write_all(account.private_key_pem.as_bytes())
            .unwrap();
        Self {
            account,
            api_token,
            pem_file,
        }
    }

    /// The path of its private key.
    pub fn pem_path(&self) -> &std::path::Path {
        self.pem_file.path()
    }

    /// The credentials of one authentication.
    pub fn credentials(&self, by: By) -> Credentials {
        match by {
            By::ServiceAccount => Credentials::service_account(
                self.account.client_id.clone(),
                self.account.client_secret.clone(),
            ),
            By::ApiToken => Credentials::api_token(self.api_token.clone()),
        }
    }

    /// One key source.
    pub fn key_source(&self, with: With) -> KeySource {
        match with {
            With::PemFile => KeySource::pem_file(self.pem_path()),
            With::PemBytes => KeySource::pem(self.account.private_key_pem.as_bytes()),
            With::Password => KeySource::password(self.account.password.clone()),
        }
    }

    /// A client that is not connected yet.
    pub fn builder(&self, base_url: &str, Combination(by, with): Combination) -> ClientBuilder {
        Client::builder(base_url, self.credentials(by), self.key_source(with))
    }

    /// A connected client: service account and PEM bytes.
    pub fn client(&self, base_url: &str) -> Client {
        let usual = Combination(By::ServiceAccount, With::PemBytes);
        self.builder(base_url, usual).connect().unwrap()
    }
}

/// A vault with one organization and one member with all scopes.
pub struct World {
    /// The vault.
    pub vault: Vault,
    /// The organization.
    pub organization: Organization,
    /// The member.
    pub member: Member,
}

impl World {
    /// With a vault in memory.
    pub fn new() -> Self {
        Self::of(Vault::builder())
    }

    /// With a vault that has other settings.
    pub fn of(vault: VaultBuilder) -> Self {
        let vault = vault.start().unwrap();
        let organization = vault.new_organization().unwrap();
        let account = NewAccount::default().private_key(test_key());
        let member = Member::new(&vault, &organization, account);
        Self {
            vault,
            organization,
            member,
        }
    }

    /// A connected client: service account and PEM bytes.
    pub fn client(&self) -> Client {
        self.member.client(self.vault.base_url())
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

/// The default RSA key of accounts, with 2048 bits. Generating one is slow.
pub fn test_key() -> PrivateKey {
    let pem = include_str!("../../crates/helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");
    PrivateKey::from_pem(pem).unwrap()
}

use std::fmt;

use helvetisafe_crypto::{Fingerprint, LockedPrivateKey, OrgKey, PrivateKey};
use helvetisafe_proto::Scopes;
use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::Error;
use crate::store::{AccountId, AccountRow, KeyEpoch, OrganizationId, Tenant};
use crate::token::{self, Hash};

/// The size of a generated RSA key, in bits.
pub(crate) const RSA_BITS: usize = 2048;

/// An organization with its org key, which is only in the memory of this process.
///
/// The vault does not store the key, so making an account needs this value.
pub struct Organization {
    pub(crate) id: OrganizationId,
    pub(crate) key: OrgKey,
}

/// A service account with the credentials of its owner, which the vault does not store.
#[non_exhaustive]
pub struct Account {
    /// The client id.
    pub client_id: String,
    /// The client secret.
    pub client_secret: SecretString,
    /// The RSA private key: PKCS#8 in PEM.
    pub private_key_pem: Zeroizing<String>,
    /// The password of the locked private key in the vault, for clients that fetch it.
    pub password: SecretString,
    pub(crate) id: AccountId,
    pub(crate) scopes: Scopes,
}

/// The settings of a new account: by default all scopes, a new RSA key of 2048 bits and a random password.
#[derive(Default)]
#[must_use]
pub struct NewAccount {
    scopes: Scopes,
    private_key: Option<PrivateKey>,
    password: Option<SecretString>,
}

impl NewAccount {
    /// Sets the scopes of the account, which limit those of its tokens.
    pub fn scopes(mut self, scopes: impl Into<Scopes>) -> Self {
        self.scopes = scopes.into();
        self
    }

    /// Sets the RSA key. Making a new one would take up to a second.
    pub fn private_key(mut self, key: PrivateKey) -> Self {
        self.private_key = Some(key);
        self
    }

    /// Sets the password.
    pub fn password(mut self, password: impl Into<SecretString>) -> Self {
        self.password = Some(password.into());
        self
    }
}

impl Organization {
    /// Returns the fingerprint of the org key, for clients that pin it.
    #[must_use]
    pub fn org_key_fingerprint(&self) -> Fingerprint {
        self.key.fingerprint()
    }

    /// Returns where its secrets are: under its first org key, which the vault does not yet replace.
    pub(crate) fn tenant(&self) -> Tenant {
        Tenant {
            organization: self.id,
            key_epoch: KeyEpoch::FIRST,
        }
    }

    pub(crate) fn generate() -> Result<Self, Error> {
        Ok(Self {
            id: OrganizationId(token::generate_id()?),
            key: OrgKey::generate()?,
        })
    }
}

impl Account {
    /// Makes the account for its owner and the row for the database.
    pub(crate) fn generate(
        organization: &Organization,
        account: NewAccount,
    ) -> Result<(Self, AccountRow), Error> {
        let key = account
            .private_key
            .map_or_else(|| PrivateKey::generate(RSA_BITS), Ok)?;
        let password = account.password.map_or_else(|| token::generate(""), Ok)?;
        let client_id = token::generate_name("hs_client_")?;
        let client_secret = token::generate("hs_secret_")?;
        let made = Self {
            scopes: account.scopes,
            ..Self::from_credentials(client_id, client_secret, password, &key)?
        };
        let row = made.row(organization, &key)?;
        Ok((made, row))
    }

    /// Makes an account with all scopes from existing credentials.
    pub(crate) fn from_credentials(
        client_id: String,
        client_secret: SecretString,
        password: SecretString,
        key: &PrivateKey,
    ) -> Result<Self, Error> {
        Ok(Self {
            client_id,
            client_secret,
            private_key_pem: key.to_pkcs8_pem()?,
            password,
            id: AccountId(token::generate_id()?),
            scopes: Scopes::ALL,
        })
    }

    pub(crate) fn row(
        &self,
        organization: &Organization,
        key: &PrivateKey,
    ) -> Result<AccountRow, Error> {
        let locked = LockedPrivateKey::lock(key, self.password.expose_secret())?.encode();
        Ok(AccountRow {
            id: self.id,
            organization: organization.id,
            client_id: self.client_id.clone(),
            client_secret_hash: Hash::of(&self.client_secret),
            scopes: self.scopes,
            encrypted_org_key: key.public_key().wrap_org_key(&organization.key)?.encode(),
            private_key: PrivateKeyAnswer {
                encrypted_private_key: locked.ciphertext,
                nonce: locked.nonce,
                salt: locked.salt,
                auth_tag: locked.tag,
            },
        })
    }
}

impl fmt::Debug for Organization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Organization")
            .field("id", &self.id.0)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewAccount")
            .field("scopes", &self.scopes)
            .finish_non_exhaustive()
    }
}

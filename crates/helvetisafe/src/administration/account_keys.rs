use base64ct::{Base64UrlUnpadded, Encoding};
use helvetisafe_crypto::organization::{Credential, PublicKeyInfo, SigningKey};
use helvetisafe_crypto::{Error as CryptoError, LockedPrivateKey, PrivateKey};
use helvetisafe_proto::ScopeList;
use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use helvetisafe_proto::endpoint::organization::Sha256;
use secrecy::{ExposeSecret, SecretString};
use sha2::Digest;

use super::is_administrator;
use crate::config_error::ConfigError;
use crate::credentials::Credentials;
use crate::error::{Action, Error, OrganizationAction};

/// The size of a new RSA key, as the vault of this project makes it for `dev`.
const RSA_BITS: usize = 2048;

/// All keys of an account, made where its owner is. The vault gets the public ones, and the hash of the client secret.
///
/// The caller stores them *before* it founds or joins an organization with them: after a lost answer, the same call with
/// the same keys completes it.
///
/// It has no `Debug`, since it holds secrets.
///
/// ```
/// use helvetisafe::organization::AccountKeys;
///
/// let keys = AccountKeys::generate(true)?;
/// let pem = keys.private_key.to_pkcs8_pem()?;
/// let signing_pem = keys.signing_key.as_ref().map(|key| key.to_pem()).transpose()?;
/// // Store both, `keys.client_id` and `keys.client_secret` in files of mode 0600.
/// # drop((pem, signing_pem));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct AccountKeys {
    /// The client id: `hs_client_` and 22 random characters. It is also the name of the account in the chain.
    pub client_id: String,
    /// The client secret: 43 random characters.
    pub client_secret: SecretString,
    /// The RSA key for which the org key is wrapped.
    pub private_key: PrivateKey,
    /// The Ed25519 key of an administrator; an account without the scope `organization:write` has none.
    pub signing_key: Option<SigningKey>,
    /// The private key under a password, which the vault stores for [`KeySource::password`](crate::KeySource::password);
    /// `None` if the account has its private key in a file. See [`Self::lock`].
    pub locked_private_key: Option<LockedPrivateKey>,
}

impl AccountKeys {
    /// Makes the keys of a new account, which has a signing key if it is to be an administrator. It can take a second.
    ///
    /// ```no_run
    /// use helvetisafe::organization::AccountKeys;
    ///
    /// let keys = AccountKeys::generate(false)?;
    /// // Store the keys here.
    /// # drop(keys);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto) when the operating system has no randomness.
    pub fn generate(is_administrator: bool) -> Result<Self, Error> {
        Self::make(is_administrator).map_err(|error| Error::new(Action::Configure, error))
    }

    fn make(is_administrator: bool) -> Result<Self, CryptoError> {
        let mut id = [0; 16];
        getrandom::fill(&mut id).map_err(|_| CryptoError::Randomness)?;
        let client_id = format!("hs_client_{}", Base64UrlUnpadded::encode_string(&id));
        let signing_key = is_administrator.then(SigningKey::generate).transpose()?;
        Ok(Self {
            client_id,
            client_secret: Credential::generate()?.expose_secret().into(),
            private_key: PrivateKey::generate(RSA_BITS)?,
            signing_key,
            locked_private_key: None,
        })
    }

    /// Locks a copy of the private key under a password, for the vault to store: a client can then connect with
    /// [`KeySource::password`](crate::KeySource::password). It takes 19 MiB of memory and a moment.
    ///
    /// ```
    /// use helvetisafe::organization::AccountKeys;
    ///
    /// let mut keys = AccountKeys::generate(false)?;
    /// keys.lock("correct horse battery staple")?;
    /// assert!(keys.locked_private_key.is_some());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) when the password is empty;
    /// [`ErrorKind::Crypto`](crate::ErrorKind::Crypto) when the operating system has no randomness.
    pub fn lock(&mut self, password: &str) -> Result<(), Error> {
        if password.is_empty() {
            return Err(Error::config(ConfigError::Empty("the password")));
        }
        let locked = LockedPrivateKey::lock(&self.private_key, password);
        self.locked_private_key =
            Some(locked.map_err(|error| Error::new(Action::Configure, error))?);
        Ok(())
    }

    /// Returns the credentials of the account, to connect with after its confirmation.
    ///
    /// ```
    /// use helvetisafe::organization::AccountKeys;
    /// use helvetisafe::{Client, KeySource};
    ///
    /// let keys = AccountKeys::generate(false)?;
    /// let source = KeySource::pem(keys.private_key.to_pkcs8_pem()?.as_bytes());
    /// let builder = Client::builder("https://vault.example", keys.credentials(), source);
    /// # drop(builder);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        Credentials::service_account(&self.client_id, self.client_secret.clone())
    }

    /// Checks that there is a signing key if the scopes make an administrator, and none otherwise.
    pub(crate) fn check_scopes(
        &self,
        action: OrganizationAction,
        scopes: &ScopeList,
    ) -> Result<(), Error> {
        match (is_administrator(scopes), &self.signing_key) {
            (true, None) => Err(Error::new(action, ConfigError::NoSigningKey)),
            (false, Some(_)) => Err(Error::new(action, ConfigError::SigningKey)),
            _ => Ok(()),
        }
    }

    pub(crate) fn public_key(&self) -> Result<PublicKeyInfo, ConfigError> {
        PublicKeyInfo::try_from(&self.private_key.public_key()).map_err(|_| {
            ConfigError::PrivateKey {
                file: None,
                reason: CryptoError::KeyRejected,
            }
        })
    }

    /// Returns the SHA-256 of the client secret's text, which the vault stores.
    pub(super) fn client_secret_hash(&self) -> Sha256 {
        credential_hash(&self.client_secret)
    }

    pub(super) fn encoded_locked_key(&self) -> Option<PrivateKeyAnswer> {
        let locked = self.locked_private_key.as_ref()?.encode();
        Some(PrivateKeyAnswer {
            encrypted_private_key: locked.ciphertext,
            nonce: locked.nonce,
            salt: locked.salt,
            auth_tag: locked.tag,
        })
    }
}

/// Returns the SHA-256 of a credential's text, which the vault stores.
pub(crate) fn credential_hash(credential: &SecretString) -> Sha256 {
    let digest: [u8; 32] = sha2::Sha256::digest(credential.expose_secret()).into();
    digest.into()
}

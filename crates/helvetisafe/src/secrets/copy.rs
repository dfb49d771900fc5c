//! A secret under another name. The name is inside the envelope, so only a client can do it.

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::Expiry;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::fields::refuse_own_name;
use super::{Secrets, parse};
use crate::error::Error;
use crate::secret::SecretMetadata;
use crate::session::Deadline;

impl Secrets<'_> {
    /// Reads a secret and stores it, encrypted anew, as the new secret `new_key`, with the same
    /// expiry. Needs the scopes `secrets:read` and `secrets:write`.
    ///
    /// A single value and legacy text become a single value that names `new_key`; the JSON text of
    /// a multi-field secret stays as it is, byte for byte.
    ///
    /// # Errors
    ///
    /// As [`Self::get`] of `key` and [`Self::create`] of `new_key`;
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) also when a field of the secret is named
    /// `new_key`, since it would then be read as a single value.
    pub fn copy(
        &self,
        key: impl AsRef<str>,
        new_key: impl AsRef<str>,
    ) -> Result<SecretMetadata, Error> {
        let (key, new_key) = (parse(key)?, parse(new_key)?);
        let deadline = self.0.session.deadline();
        let (plaintext, expires_at) = self.read_as(key, &new_key, deadline)?;
        self.create_within(new_key, &plaintext, expires_at, deadline)
    }

    /// As [`Self::copy`], but in place of all that `new_key` held, its expiry included, if it
    /// exists.
    ///
    /// # Errors
    ///
    /// As [`Self::copy`] and [`Self::update`]; [`ErrorKind::Conflict`](crate::ErrorKind::Conflict)
    /// only when others create and delete the same name meanwhile.
    pub fn copy_over(
        &self,
        key: impl AsRef<str>,
        new_key: impl AsRef<str>,
    ) -> Result<SecretMetadata, Error> {
        let (key, new_key) = (parse(key)?, parse(new_key)?);
        let deadline = self.0.session.deadline();
        let (plaintext, expires_at) = self.read_as(key, &new_key, deadline)?;
        let expiry = expires_at.map_or(Expiry::Never, Expiry::At);
        self.put_within(&new_key, &plaintext, expiry, deadline)
    }

    /// What a secret holds as the plaintext of another name, and its expiry.
    fn read_as(
        &self,
        key: KeyName,
        new_key: &KeyName,
        deadline: Deadline,
    ) -> Result<(Zeroizing<Vec<u8>>, Option<Timestamp>), Error> {
        let secret = self.get_within(key, deadline)?;
        let plaintext = if secret.is_multi_field() {
            let names = secret.fields().iter().map(|field| field.name());
            refuse_own_name(new_key, names)?;
            Zeroizing::new(secret.expose_secret().as_bytes().to_vec())
        } else {
            Payload::encode(new_key.as_str(), secret.expose_secret())
        };
        Ok((plaintext, secret.expires_at()))
    }
}

//! The API tokens of an account.

use helvetisafe_proto::endpoint::organization::ApiTokenId;
use secrecy::SecretString;

use super::Organization;
use crate::administration::{NewToken, TokenRecord};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::runtime::blocking::block;

impl Organization<'_> {
    /// Lists the API tokens of this account that have not expired.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// println!("{} tokens", client.organization().tokens()?.len());
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        block(self.0.begin().tokens())
    }

    /// Creates an API token of this account. It is made here, and the vault gets its hash.
    ///
    /// ```no_run
    /// use helvetisafe::organization::NewToken;
    /// use helvetisafe::{ExposeSecret, Scopes};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let (token, record) = client.organization().create_token(&NewToken {
    ///     name: "ci".into(),
    ///     scopes: "secrets:read credentials:read".parse::<Scopes>()?.into(),
    ///     expires_at: None,
    /// })?;
    /// std::fs::write("token", token.expose_secret())?;
    /// println!("revoke it with {}", record.id);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the name cannot be used, or the expiry has passed; [`ErrorKind::Forbidden`] when the
    /// account or the credential lacks one of the scopes.
    pub fn create_token(&self, new: &NewToken) -> Result<(SecretString, TokenRecord), Error> {
        block(self.0.begin().create_token(new))
    }

    /// Revokes an API token of this account.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// client.organization().revoke_token("00000000000000ff".parse()?)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when the account has no such token.
    pub fn revoke_token(&self, id: ApiTokenId) -> Result<(), Error> {
        block(self.0.begin().revoke_token(id))
    }
}

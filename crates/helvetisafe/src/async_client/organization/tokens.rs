//! The API tokens of an account.

use helvetisafe_proto::endpoint::organization::ApiTokenId;
use secrecy::SecretString;

use super::AsyncOrganization;
use crate::administration::{NewToken, TokenRecord};
use crate::error::Error;

impl AsyncOrganization<'_> {
    /// As [`Organization::tokens`](crate::organization::Organization::tokens).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// println!("{} tokens", client.organization().tokens().await?.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::tokens`](crate::organization::Organization::tokens).
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        self.0.begin().tokens().await
    }

    /// As [`Organization::create_token`](crate::organization::Organization::create_token).
    ///
    /// ```no_run
    /// use helvetisafe::organization::NewToken;
    /// use helvetisafe::{ExposeSecret, Scopes};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let (token, record) = client.organization().create_token(&NewToken {
    ///     name: "ci".into(),
    ///     scopes: "secrets:read credentials:read".parse::<Scopes>()?.into(),
    ///     expires_at: None,
    /// })
    /// .await?;
    /// std::fs::write("token", token.expose_secret())?;
    /// println!("revoke it with {}", record.id);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::create_token`](crate::organization::Organization::create_token).
    pub async fn create_token(&self, new: &NewToken) -> Result<(SecretString, TokenRecord), Error> {
        self.0.begin().create_token(new).await
    }

    /// As [`Organization::revoke_token`](crate::organization::Organization::revoke_token).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// client.organization().revoke_token("00000000000000ff".parse()?).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::revoke_token`](crate::organization::Organization::revoke_token).
    pub async fn revoke_token(&self, id: ApiTokenId) -> Result<(), Error> {
        self.0.begin().revoke_token(id).await
    }
}

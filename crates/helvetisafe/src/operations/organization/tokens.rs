//! The API tokens of the account.

use helvetisafe_crypto::organization::Credential;
use helvetisafe_proto::endpoint::organization::{
    ApiTokenId, CreateApiToken, ListApiTokens, NewApiToken, RevokeApiToken,
};
use secrecy::SecretString;

use super::Operation;
use crate::administration::{NewToken, TokenRecord, check_name};
use crate::error::{Error, OrganizationAction};
use crate::runtime::Runtime;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn tokens(&self) -> Result<Vec<TokenRecord>, Error> {
        let answer = self.organize(&ListApiTokens, OrganizationAction::ListTokens);
        Ok(answer.await?.tokens.into_iter().map(Into::into).collect())
    }

    /// Makes the token here; the vault gets its hash.
    pub(crate) async fn create_token(
        &self,
        new: &NewToken,
    ) -> Result<(SecretString, TokenRecord), Error> {
        let action = OrganizationAction::CreateToken;
        check_name(action.clone(), "the name of the token", &new.name)?;
        self.check_expiry(&action.clone().into(), new.expires_at)?;
        let token = Credential::generate();
        let token = token.map_err(|error| Error::new(action.clone(), error))?;
        let call = CreateApiToken {
            token: NewApiToken {
                hash: token.hash().into(),
                name: new.name.clone(),
                scopes: new.scopes.clone(),
                expires_at: new.expires_at,
            },
        };
        let record = self.organize(&call, action).await?;
        Ok((SecretString::from(token.expose_secret()), record.into()))
    }

    pub(crate) async fn revoke_token(&self, id: ApiTokenId) -> Result<(), Error> {
        let call = RevokeApiToken { id };
        self.organize(&call, OrganizationAction::RevokeToken)
            .await?;
        Ok(())
    }
}

//! The calls that need no account: to found an organization, and to join one.

use helvetisafe_crypto::organization::InvitationCode;
use secrecy::SecretString;

use crate::administration::{self, AccountKeys, Founded, Joining, NewOrganization, Terms};
use crate::async_client::{AsyncClient, AsyncParts, runtime};
use crate::builder::{ClientBuilder, WithoutAccount};
use crate::error::Error;

impl AsyncClient {
    /// As [`Client::builder_without_account`](crate::Client::builder_without_account).
    ///
    /// ```no_run
    /// use helvetisafe::AsyncClient;
    ///
    /// # async fn example() -> Result<(), std::io::Error> {
    /// let builder = AsyncClient::builder_without_account("https://vault.example")
    ///     .ca_certificate(std::fs::read("/etc/app/ca.pem")?);
    /// # drop(builder);
    /// # Ok(())
    /// # }
    /// ```
    pub fn builder_without_account(
        base_url: impl Into<String>,
    ) -> ClientBuilder<AsyncParts, WithoutAccount> {
        ClientBuilder::without_account(base_url.into())
    }
}

impl<A> ClientBuilder<AsyncParts, A> {
    /// As [`ClientBuilder::found_organization`] of the blocking client.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{AccountKeys, NewOrganization};
    /// use helvetisafe::{AsyncClient, Scopes};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let keys = AccountKeys::generate(true)?;
    /// // Store the keys here.
    /// let scopes = "secrets:read secrets:write secrets:delete secrets:list credentials:read \
    ///     organization:read organization:write tokens:write audit:read";
    /// let founded = AsyncClient::builder_without_account("https://vault.example").found_organization(
    ///     &std::fs::read_to_string("bootstrap-token")?.trim().into(),
    ///     &NewOrganization {
    ///         id: "7d0d94e25fa0b1c3".parse()?,
    ///         name: "ada",
    ///         scopes: scopes.parse::<Scopes>()?.into(),
    ///         keys: &keys,
    ///     },
    /// )
    /// .await?;
    /// println!("pin {}", founded.fingerprint);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::found_organization`] of the blocking client.
    pub async fn found_organization(
        self,
        bootstrap_token: &SecretString,
        founding: &NewOrganization<'_>,
    ) -> Result<Founded, Error> {
        let api = self.visit(Some(founding.keys.credentials()), runtime)?;
        administration::found(&api, bootstrap_token, founding).await
    }

    /// As [`ClientBuilder::invitation`] of the blocking client.
    ///
    /// ```no_run
    /// use helvetisafe::AsyncClient;
    /// use helvetisafe::organization::InvitationCode;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let code = InvitationCode::parse(&std::fs::read_to_string("code")?)?;
    /// let terms = AsyncClient::builder_without_account(&code.base_url).invitation(&code).await?;
    /// println!("{} with {} until {}", terms.name, terms.scopes, terms.expires_at);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::invitation`] of the blocking client.
    pub async fn invitation(self, code: &InvitationCode) -> Result<Terms, Error> {
        let api = self.visit(None, runtime)?;
        administration::read(&api, code).await
    }

    /// As [`ClientBuilder::join`] of the blocking client.
    ///
    /// ```no_run
    /// use helvetisafe::AsyncClient;
    /// use helvetisafe::organization::{AccountKeys, InvitationCode};
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let code = InvitationCode::parse(&std::fs::read_to_string("code")?)?;
    /// let keys = AccountKeys::generate(false)?;
    /// // Store the keys here.
    /// let joining = AsyncClient::builder_without_account(&code.base_url).join(&code, &keys).await?;
    /// println!("waiting for an administrator; the words of the key are: {}", joining.words);
    /// // After the confirmation, connect with `pin_org_key(joining.terms.fingerprint)`.
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`ClientBuilder::join`] of the blocking client.
    pub async fn join(self, code: &InvitationCode, keys: &AccountKeys) -> Result<Joining, Error> {
        let api = self.visit(None, runtime)?;
        administration::join(&api, code, keys).await
    }
}

//! The asynchronous client of an organization.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::organization::{Anchor, Chain, Head, InvitationCode};
use helvetisafe_proto::Hex;
use helvetisafe_proto::endpoint::organization::{
    ApiTokenId, InvitationId, RotationId, RotationState,
};
use secrecy::SecretString;

use super::{AsyncClient, AsyncParts, runtime};
use crate::administration::{
    self, Account, AccountKeys, Administrator, AuditPage, Confirmed, Disabled, Founded, Invited,
    Joining, Member, NewInvite, NewOrgKey, NewOrganization, NewToken, PendingInvitation, Rotated,
    RotationCheck, RotationProgress, Terms, TokenRecord,
};
use crate::builder::{ClientBuilder, WithoutAccount};
use crate::error::Error;
use crate::operations::Operations;
use crate::runtime::Tokio;
use crate::vault::Vault;

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

    /// As [`Client::organization`](crate::Client::organization).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let account = client.organization().account().await?;
    /// println!("{} in {}", account.account, account.organization);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn organization(&self) -> AsyncOrganization<'_> {
        AsyncOrganization::new(&self.0)
    }

    /// As [`Client::chain_head`](crate::Client::chain_head).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// if let Some(head) = client.chain_head() {
    ///     println!("seen up to entry {}", head.sequence);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn chain_head(&self) -> Option<Head> {
        self.0.org_keys.head()
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

/// The operations on the organization of an account; from [`AsyncClient::organization`].
///
/// Each behaves like the one of the same name of [`Organization`](crate::organization::Organization). A future that is
/// dropped before it is ready may or may not have had its effect on the vault, as after a lost answer.
#[derive(Clone, Copy)]
pub struct AsyncOrganization<'a>(Operations<'a, Tokio>);

impl<'a> AsyncOrganization<'a> {
    pub(super) fn new(vault: &'a Arc<Vault<Tokio>>) -> Self {
        Self(Operations::new(vault))
    }

    /// As [`Organization::within`](crate::organization::Organization::within).
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let account = client.organization().within(Duration::from_secs(5)).account().await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// As [`Organization::account`](crate::organization::Organization::account).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// println!("scopes: {}", client.organization().account().await?.scopes);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::account`](crate::organization::Organization::account).
    pub async fn account(&self) -> Result<Account, Error> {
        self.0.begin().account().await
    }

    /// As [`Organization::follow`](crate::organization::Organization::follow).
    ///
    /// ```no_run
    /// use helvetisafe::organization::Anchor;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let key = std::fs::read_to_string("administrator.pub")?.trim().parse()?;
    /// let chain = client.organization().follow(&Anchor::Key(key)).await?;
    /// println!("{} members, epoch {}", chain.members().len(), chain.epoch());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::follow`](crate::organization::Organization::follow).
    pub async fn follow(&self, anchor: &Anchor) -> Result<Chain, Error> {
        self.0.begin().follow(anchor).await
    }

    /// As [`Organization::members`](crate::organization::Organization::members).
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Anchor, Standing};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let anchor: Anchor = unimplemented!();
    /// for member in client.organization().members(&anchor).await? {
    ///     if member.standing == Standing::OnlyInVault {
    ///         eprintln!("{} was confirmed by no administrator", member.account);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::members`](crate::organization::Organization::members).
    pub async fn members(&self, anchor: &Anchor) -> Result<Vec<Member>, Error> {
        self.0.begin().members(anchor).await
    }

    /// As [`Organization::invite`](crate::organization::Organization::invite).
    ///
    /// ```no_run
    /// use helvetisafe::Scopes;
    /// use helvetisafe::organization::{Administrator, NewInvite};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let invited = client.organization().invite(
    ///     &administrator,
    ///     &NewInvite {
    ///         name: "bob".into(),
    ///         scopes: "secrets:read credentials:read".parse::<Scopes>()?.into(),
    ///         expires_at: "2030-01-31T12:00:00Z".parse()?,
    ///     },
    /// )
    /// .await?;
    /// std::fs::write("code", invited.code.encode().as_bytes())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::invite`](crate::organization::Organization::invite).
    pub async fn invite(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
    ) -> Result<Invited, Error> {
        self.0.begin().invite(administrator, new).await
    }

    /// As [`Organization::invitations`](crate::organization::Organization::invitations).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// for invitation in client.organization().invitations().await? {
    ///     if let Some(request) = invitation.request {
    ///         println!("{} waits for a confirmation as {}", request.account, invitation.name);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::invitations`](crate::organization::Organization::invitations).
    pub async fn invitations(&self) -> Result<Vec<PendingInvitation>, Error> {
        self.0.begin().invitations().await
    }

    /// As [`Organization::confirm`](crate::organization::Organization::confirm).
    ///
    /// ```no_run
    /// use helvetisafe::organization::Administrator;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// for shown in client.organization().invitations().await? {
    ///     // Compare name, scopes and words with what the person says.
    ///     let confirmed = client.organization().confirm(&administrator, &shown).await?;
    ///     println!("{} is a member", confirmed.account);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::confirm`](crate::organization::Organization::confirm).
    pub async fn confirm(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<Confirmed, Error> {
        self.0.begin().confirm(administrator, shown).await
    }

    /// As [`Organization::enroll`](crate::organization::Organization::enroll).
    ///
    /// # Errors
    ///
    /// As [`Organization::enroll`](crate::organization::Organization::enroll).
    pub async fn enroll(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
    ) -> Result<Confirmed, Error> {
        self.0.begin().enroll(administrator, new, keys).await
    }

    /// As [`Organization::verify_request`](crate::organization::Organization::verify_request).
    ///
    /// # Errors
    ///
    /// As [`Organization::verify_request`](crate::organization::Organization::verify_request).
    pub async fn verify_request(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<(), Error> {
        self.0.begin().verify_request(administrator, shown).await
    }

    /// As [`Organization::withdraw`](crate::organization::Organization::withdraw).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let organization = client.organization();
    /// for invitation in organization.invitations().await? {
    ///     organization.withdraw(invitation.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::withdraw`](crate::organization::Organization::withdraw).
    pub async fn withdraw(&self, id: InvitationId) -> Result<(), Error> {
        self.0.begin().withdraw(id).await
    }

    /// As [`Organization::disable`](crate::organization::Organization::disable).
    ///
    /// ```no_run
    /// use helvetisafe::organization::Administrator;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// client.organization().disable(&administrator, "hs_client_3q2-7wAAAAAAAAAAAAAAAA").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::disable`](crate::organization::Organization::disable).
    pub async fn disable(
        &self,
        administrator: &Administrator<'_>,
        account: &str,
    ) -> Result<Disabled, Error> {
        self.0.begin().disable(administrator, account).await
    }

    /// As [`Organization::rotate`](crate::organization::Organization::rotate). A future that is dropped leaves a rotation that
    /// the same call resumes.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Administrator, NewOrgKey};
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let new = NewOrgKey::generate()?;
    /// // Store `new` here.
    /// let rotated = client.organization().rotate(&administrator, &new, |progress| {
    ///     eprintln!("{} secrets are left", progress.remaining);
    /// })
    /// .await?;
    /// println!("the org key has the number {}", rotated.key_epoch);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::rotate`](crate::organization::Organization::rotate).
    pub async fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        progress: impl FnMut(RotationProgress) + Send,
    ) -> Result<Rotated, Error> {
        self.0.rotate(administrator, new, progress).await
    }

    /// As [`Organization::wrap_new_key`](crate::organization::Organization::wrap_new_key).
    ///
    /// ```no_run
    /// use helvetisafe::organization::NewOrgKey;
    ///
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let new = NewOrgKey::generate()?;
    /// let wrapped = client.organization().wrap_new_key(&new)?;
    /// // Store `new.id` and `wrapped`. After an interruption:
    /// let same = client.organization().unwrap_new_key(new.id, &wrapped).await?;
    /// # drop(same);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::wrap_new_key`](crate::organization::Organization::wrap_new_key).
    pub fn wrap_new_key(&self, new: &NewOrgKey) -> Result<String, Error> {
        self.0.begin().wrap_new_key(new)
    }

    /// As [`Organization::unwrap_new_key`](crate::organization::Organization::unwrap_new_key).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), Box<dyn std::error::Error>> {
    /// let wrapped = std::fs::read_to_string("new-org-key")?;
    /// let new = client.organization().unwrap_new_key("00000000000000ff".parse()?, &wrapped).await?;
    /// # drop(new);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::unwrap_new_key`](crate::organization::Organization::unwrap_new_key).
    pub async fn unwrap_new_key(&self, id: RotationId, wrapped: &str) -> Result<NewOrgKey, Error> {
        self.0.begin().unwrap_new_key(id, wrapped).await
    }

    /// As [`Organization::check_rotation`](crate::organization::Organization::check_rotation).
    ///
    /// # Errors
    ///
    /// As [`Organization::check_rotation`](crate::organization::Organization::check_rotation).
    pub async fn check_rotation(
        &self,
        administrator: &Administrator<'_>,
    ) -> Result<RotationCheck, Error> {
        self.0.begin().check_rotation(administrator).await
    }

    /// As [`Organization::rotation`](crate::organization::Organization::rotation).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// if let Some(rotation) = client.organization().rotation().await? {
    ///     println!("{} began {}", rotation.started_by, rotation.id);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::rotation`](crate::organization::Organization::rotation).
    pub async fn rotation(&self) -> Result<Option<RotationState>, Error> {
        self.0.begin().rotation().await
    }

    /// As [`Organization::abandon_rotation`](crate::organization::Organization::abandon_rotation).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// if let Some(rotation) = client.organization().rotation().await? {
    ///     client.organization().abandon_rotation(rotation.id).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::abandon_rotation`](crate::organization::Organization::abandon_rotation).
    pub async fn abandon_rotation(&self, id: RotationId) -> Result<(), Error> {
        self.0.begin().abandon_rotation(id).await
    }

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

    /// As [`Organization::audit`](crate::organization::Organization::audit).
    ///
    /// ```no_run
    /// # async fn example(client: helvetisafe::AsyncClient) -> Result<(), helvetisafe::Error> {
    /// let mut before = None;
    /// loop {
    ///     let page = client.organization().audit(before).await?;
    ///     for record in &page.records {
    ///         println!("{} {}", record.at, record.act);
    ///     }
    ///     before = page.next;
    ///     if before.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Organization::audit`](crate::organization::Organization::audit).
    pub async fn audit(&self, before: Option<Hex<8>>) -> Result<AuditPage, Error> {
        self.0.begin().audit(before).await
    }
}

impl fmt::Debug for AsyncOrganization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncOrganization").finish_non_exhaustive()
    }
}

//! The blocking client of an organization.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto::organization::{Anchor, Chain, Head, InvitationCode};
use helvetisafe_proto::Hex;
use helvetisafe_proto::endpoint::organization::{
    ApiTokenId, InvitationId, RotationId, RotationState,
};
use secrecy::SecretString;

use super::{Client, runtime};
use crate::administration::{
    self, Account, AccountKeys, Administrator, AuditPage, Confirmed, Disabled, Founded, Invited,
    Joining, Member, NewInvite, NewOrgKey, NewOrganization, NewToken, PendingInvitation, Rotated,
    RotationCheck, RotationProgress, Terms, TokenRecord,
};
use crate::builder::{ClientBuilder, Parts, WithoutAccount};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::operations::Operations;
use crate::runtime::Blocking;
use crate::runtime::blocking::block;
use crate::vault::Vault;

impl Client {
    /// Starts to configure the calls that need no account: [`ClientBuilder::found_organization`],
    /// [`ClientBuilder::invitation`] and [`ClientBuilder::join`].
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    ///
    /// let builder = Client::builder_without_account("https://vault.example")
    ///     .ca_certificate(std::fs::read("/etc/app/ca.pem")?);
    /// # drop(builder);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn builder_without_account(
        base_url: impl Into<String>,
    ) -> ClientBuilder<Parts, WithoutAccount> {
        ClientBuilder::without_account(base_url.into())
    }

    /// Returns the operations on the account's organization.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let account = client.organization().account()?;
    /// println!("{} in {}", account.account, account.organization);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn organization(&self) -> Organization<'_> {
        Organization::new(&self.0)
    }

    /// Returns the newest entry of the chain that this client verified for its org key, to store as the next anchor:
    /// [`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation::follow_chain). `None` with another policy, and before the
    /// first comparison of a client that a ticket started.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Some(head) = client.chain_head() {
    ///     println!("seen up to entry {}", head.sequence);
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn chain_head(&self) -> Option<Head> {
        self.0.org_keys.head()
    }
}

impl<A> ClientBuilder<Parts, A> {
    /// Founds an organization, whose founder is its first administrator. The org key is made here; it leaves the process
    /// only wrapped for the founder's public key. The operator's command `helvetisafe-server init` prints the bootstrap
    /// token.
    ///
    /// Store the keys before. After a lost answer, the same call with the same keys completes: if the token is used up,
    /// it logs in with the keys, and checks that they signed the genesis.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{AccountKeys, NewOrganization};
    /// use helvetisafe::{Client, Scopes};
    ///
    /// let keys = AccountKeys::generate(true)?;
    /// // Store the keys here.
    /// let scopes = "secrets:read secrets:write secrets:delete secrets:list credentials:read \
    ///     organization:read organization:write tokens:write audit:read";
    /// let founded = Client::builder_without_account("https://vault.example").found_organization(
    ///     &std::fs::read_to_string("bootstrap-token")?.trim().into(),
    ///     &NewOrganization {
    ///         id: "7d0d94e25fa0b1c3".parse()?,
    ///         name: "ada",
    ///         scopes: scopes.parse::<Scopes>()?.into(),
    ///         keys: &keys,
    ///     },
    /// )?;
    /// println!("pin {}", founded.fingerprint);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the name, the scopes or the keys cannot be those of a founder; [`ErrorKind::Auth`] when
    /// the bootstrap token is unknown, expired, or was used with other keys; [`ErrorKind::Crypto`] or
    /// [`ErrorKind::OrgKeyRefused`] when the vault has another genesis or org key than these keys made; and every
    /// error of a call.
    pub fn found_organization(
        self,
        bootstrap_token: &SecretString,
        founding: &NewOrganization<'_>,
    ) -> Result<Founded, Error> {
        let api = self.visit(Some(founding.keys.credentials()), runtime)?;
        block(administration::found(&api, bootstrap_token, founding))
    }

    /// Reads the terms of an invitation, and follows the chain from the head of the code.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    /// use helvetisafe::organization::InvitationCode;
    ///
    /// let code = InvitationCode::parse(&std::fs::read_to_string("code")?)?;
    /// let terms = Client::builder_without_account(&code.base_url).invitation(&code)?;
    /// println!("{} with {} until {}", terms.name, terms.scopes, terms.expires_at);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Auth`] when the invitation is unknown, withdrawn or expired, the last also by this machine's clock;
    /// [`ErrorKind::Crypto`] when the vault answers about another invitation, when its chain does not verify from
    /// the head of the code, or does not have the code's org key; and every error of a call.
    pub fn invitation(self, code: &InvitationCode) -> Result<Terms, Error> {
        let api = self.visit(None, runtime)?;
        block(administration::read(&api, code))
    }

    /// Sends a request to join, after the checks of [`Self::invitation`]. An administrator then confirms it:
    /// [`Organization::confirm`].
    ///
    /// Store the keys before. The same call with the same keys can be repeated.
    ///
    /// ```no_run
    /// use helvetisafe::Client;
    /// use helvetisafe::organization::{AccountKeys, InvitationCode};
    ///
    /// let code = InvitationCode::parse(&std::fs::read_to_string("code")?)?;
    /// let keys = AccountKeys::generate(false)?;
    /// // Store the keys here.
    /// let joining = Client::builder_without_account(&code.base_url).join(&code, &keys)?;
    /// println!("waiting for an administrator; the words of the key are: {}", joining.words);
    /// // After the confirmation, connect with `pin_org_key(joining.terms.fingerprint)`.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::invitation`]; [`ErrorKind::Config`] when an administrator's keys have no signing key, or other keys
    /// have one; [`ErrorKind::Conflict`] when another request used the code.
    pub fn join(self, code: &InvitationCode, keys: &AccountKeys) -> Result<Joining, Error> {
        let api = self.visit(None, runtime)?;
        block(administration::join(&api, code, keys))
    }
}

/// The operations on the organization of an account; from [`Client::organization`].
///
/// The vault is not trusted: operations with an [`Anchor`] follow the signed chain from it, and fail with
/// [`ErrorKind::Crypto`] if the vault contradicts it. Nothing is sealed, wrapped or signed before. Store the newest
/// head that an operation returns, as the next anchor.
///
/// Besides the errors of each operation, all can fail with [`ErrorKind::Auth`], [`ErrorKind::Forbidden`] (the
/// administrative scopes are only granted if they are requested: [`ClientBuilder::scopes`]),
/// [`ErrorKind::RateLimited`], [`ErrorKind::Api`] and [`ErrorKind::Transport`]. A change can fail with
/// [`ErrorKind::Ambiguous`].
#[derive(Clone, Copy)]
pub struct Organization<'a>(Operations<'a, Blocking>);

impl<'a> Organization<'a> {
    pub(super) fn new(vault: &'a Arc<Vault<Blocking>>) -> Self {
        Self(Operations::new(vault))
    }

    /// Returns the same operations with one deadline for all of them together: `timeout` from now. Each also has its
    /// own timeout.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let account = client.organization().within(Duration::from_secs(5)).account()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self(self.0.within(timeout))
    }

    /// Returns the account of the credential, as the vault states it.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// println!("scopes: {}", client.organization().account()?.scopes);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn account(&self) -> Result<Account, Error> {
        block(self.0.begin().account())
    }

    /// Follows the signed chain from an anchor, and returns its state: members, administrators and org key. Its head is the
    /// next anchor.
    ///
    /// ```no_run
    /// use helvetisafe::organization::Anchor;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let key = std::fs::read_to_string("administrator.pub")?.trim().parse()?;
    /// let chain = client.organization().follow(&Anchor::Key(key))?;
    /// println!("{} members, epoch {}", chain.members().len(), chain.epoch());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`] when the chain does not verify, does not contain the anchor, is older than it, or is of
    /// another organization.
    pub fn follow(&self, anchor: &Anchor) -> Result<Chain, Error> {
        block(self.0.begin().follow(anchor))
    }

    /// Lists the accounts: what the vault states, beside the chain. [`Member::standing`] marks an account that only one of
    /// them has, or that has another key. The order is that of the client ids.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Anchor, Standing};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let anchor: Anchor = unimplemented!();
    /// for member in client.organization().members(&anchor)? {
    ///     if member.standing == Standing::OnlyInVault {
    ///         eprintln!("{} was confirmed by no administrator", member.account);
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`].
    pub fn members(&self, anchor: &Anchor) -> Result<Vec<Member>, Error> {
        block(self.0.begin().members(anchor))
    }

    /// Invites a person or a service. The secret of the invitation is sealed for all administrators, under a key from the
    /// org key of the chain; the code goes to the invited person on a channel that the vault does not control.
    ///
    /// ```no_run
    /// use helvetisafe::Scopes;
    /// use helvetisafe::organization::{Administrator, NewInvite};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
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
    /// )?;
    /// std::fs::write("code", invited.code.encode().as_bytes())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::Config`] when the name cannot be used; [`ErrorKind::Auth`] when the expiry has
    /// passed; [`ErrorKind::Forbidden`] when the signing key is not an administrator's in the chain;
    /// [`ErrorKind::OrgKeyRefused`] when the vault's org key is not that of the chain; [`ErrorKind::Conflict`] when the name
    /// is taken.
    pub fn invite(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
    ) -> Result<Invited, Error> {
        block(self.0.begin().invite(administrator, new))
    }

    /// Lists the open invitations, as the vault states them. [`Self::confirm`] verifies the one that it confirms.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// for invitation in client.organization().invitations()? {
    ///     if let Some(request) = invitation.request {
    ///         println!("{} waits for a confirmation as {}", request.account, invitation.name);
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn invitations(&self) -> Result<Vec<PendingInvitation>, Error> {
        block(self.0.begin().invitations())
    }

    /// Confirms the request to join that a person saw: opens the sealed invitation, whose terms it authenticates, verifies
    /// the request by its tag, wraps the org key for its public key, and appends the account to the chain. After a change of
    /// another administrator it begins again.
    ///
    /// `shown` is of [`Self::invitations`]. The vault has to answer with the same id, name, scopes, account and words again.
    /// Compare the words with those that the joining person reads out on another channel: this excludes a thief of the code,
    /// except one who works with the vault and joins as an administrator, since the words do not cover the verification key.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Administrator, Words};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor, heard) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// # let heard: String = heard;
    /// let heard: Words = heard.parse()?;
    /// for shown in client.organization().invitations()? {
    ///     let words = shown.request.as_ref().and_then(|request| request.words);
    ///     if shown.name == "bob" && words == Some(heard) {
    ///         let confirmed = client.organization().confirm(&administrator, &shown)?;
    ///         println!("{} is a member", confirmed.account);
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::NotFound`] when the invitation is not open any more, or there is no request yet;
    /// [`ErrorKind::Auth`] when the invitation has expired by this machine's clock; [`ErrorKind::Crypto`] when the vault
    /// answers with another invitation or request than `shown`, or its terms, its sealed secret or the request were changed;
    /// [`ErrorKind::Conflict`] when the account was ever a member, the invitation was used before, or another member has
    /// the name; [`ErrorKind::Forbidden`] and [`ErrorKind::OrgKeyRefused`] as [`Self::invite`].
    pub fn confirm(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<Confirmed, Error> {
        block(self.0.begin().confirm(administrator, shown))
    }

    /// Makes an account whose keys the caller has, such as an offline administrator account: invites, joins and confirms,
    /// with the checks of the three.
    ///
    /// Store the keys before. After a failure or a lost answer, the same call with the same keys completes it: it uses the open
    /// invitation of this name and these scopes, or the request that was sent. If the account is a member already, it
    /// changes nothing.
    ///
    /// ```no_run
    /// use helvetisafe::Scopes;
    /// use helvetisafe::organization::{AccountKeys, Administrator, NewInvite};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor, in_an_hour) = unimplemented!();
    /// let keys = AccountKeys::generate(false)?;
    /// // Store the keys here.
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let new = NewInvite {
    ///     name: "ci".into(),
    ///     scopes: "secrets:read credentials:read".parse::<Scopes>()?.into(),
    ///     expires_at: in_an_hour,
    /// };
    /// let confirmed = client.organization().enroll(&administrator, &new, &keys)?;
    /// println!("{} is a member", confirmed.account);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`] when the name, the expiry, or the keys do not fit the scopes; [`ErrorKind::Conflict`] when another
    /// account or invitation has the name; and as [`Self::invite`], [`ClientBuilder::join`] and [`Self::confirm`].
    pub fn enroll(
        &self,
        administrator: &Administrator<'_>,
        new: &NewInvite,
        keys: &AccountKeys,
    ) -> Result<Confirmed, Error> {
        block(self.0.begin().enroll(administrator, new, keys))
    }

    /// Verifies a request to join with all checks of [`Self::confirm`], and confirms nothing.
    ///
    /// ```no_run
    /// use helvetisafe::organization::Administrator;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// for shown in client.organization().invitations()? {
    ///     client.organization().verify_request(&administrator, &shown)?;
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::confirm`].
    pub fn verify_request(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<(), Error> {
        block(self.0.begin().verify_request(administrator, shown))
    }

    /// Withdraws an invitation, also one whose request to join is not confirmed.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let organization = client.organization();
    /// for invitation in organization.invitations()? {
    ///     organization.withdraw(invitation.id)?;
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such invitation.
    pub fn withdraw(&self, id: InvitationId) -> Result<(), Error> {
        block(self.0.begin().withdraw(id))
    }

    /// Disables an account: its credentials end, and it is no longer in the chain. It knows the org key, so rotate that
    /// afterwards. After a change of another administrator it begins again.
    ///
    /// ```no_run
    /// use helvetisafe::organization::Administrator;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// client.organization().disable(&administrator, "hs_client_3q2-7wAAAAAAAAAAAAAAAA")?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::Conflict`] when the account is not a member in the chain, or is the last
    /// administrator; [`ErrorKind::Forbidden`] as [`Self::invite`].
    pub fn disable(
        &self,
        administrator: &Administrator<'_>,
        account: &str,
    ) -> Result<Disabled, Error> {
        block(self.0.begin().disable(administrator, account))
    }

    /// Replaces the org key, which a former member may know: each secret is opened under the present key and sealed under the
    /// new one, the new key is wrapped for every member of the chain, open invitations are sealed and signed again, and one
    /// commit makes the new key the present one. Until then nothing changes for others. What they write meanwhile is sealed
    /// again before the commit, and their changes of members and invitations are included. If they never stop, the vault
    /// holds their writes before the third and later commits, for 2 s at most.
    ///
    /// Store the new key before. The same call with the same [`NewOrgKey`] resumes an interrupted rotation, and returns the
    /// result of one that is complete. `progress` is called after each batch of secrets. Each step has a timeout of its own;
    /// [`Self::within`] limits all of them together.
    ///
    /// Afterwards, clients that follow the chain continue
    /// ([`OrgKeyRotation::follow_chain`](crate::OrgKeyRotation::follow_chain)). Restart the others.
    ///
    /// ```no_run
    /// use helvetisafe::organization::{Administrator, NewOrgKey};
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let new = NewOrgKey::generate()?;
    /// // Store `new` here.
    /// let rotated = client.organization().rotate(&administrator, &new, |progress| {
    ///     eprintln!("{} secrets are left", progress.remaining);
    /// })?;
    /// println!("the org key has the number {}", rotated.key_epoch);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::follow`]; [`ErrorKind::Crypto`] when the vault and the chain do not agree about a member, and then nothing is
    /// wrapped, when an open invitation does not verify, or when a secret does not open: the message names it;
    /// [`ErrorKind::Conflict`] when another rotation is in progress, when the chain has had the key before, or when others
    /// changed something before each of ten commits; [`ErrorKind::Forbidden`] and [`ErrorKind::OrgKeyRefused`] as
    /// [`Self::invite`]. After every error the rotation can be resumed, or abandoned.
    pub fn rotate(
        &self,
        administrator: &Administrator<'_>,
        new: &NewOrgKey,
        progress: impl FnMut(RotationProgress),
    ) -> Result<Rotated, Error> {
        block(self.0.rotate(administrator, new, progress))
    }

    /// Wraps a new org key for the public key of this account, to store it before [`Self::rotate`]. Nothing is sent.
    ///
    /// ```no_run
    /// use helvetisafe::organization::NewOrgKey;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// let new = NewOrgKey::generate()?;
    /// let wrapped = client.organization().wrap_new_key(&new)?;
    /// // Store `new.id` and `wrapped`. After an interruption:
    /// let same = client.organization().unwrap_new_key(new.id, &wrapped)?;
    /// # drop(same);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`] when the operating system has no randomness.
    pub fn wrap_new_key(&self, new: &NewOrgKey) -> Result<String, Error> {
        self.0.begin().wrap_new_key(new)
    }

    /// Unwraps a stored key of [`Self::wrap_new_key`] with the private key of this account. Nothing is sent.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let wrapped = std::fs::read_to_string("new-org-key")?;
    /// let new = client.organization().unwrap_new_key("00000000000000ff".parse()?, &wrapped)?;
    /// # drop(new);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Crypto`] when it was wrapped for another account, or was changed.
    pub fn unwrap_new_key(&self, id: RotationId, wrapped: &str) -> Result<NewOrgKey, Error> {
        block(self.0.begin().unwrap_new_key(id, wrapped))
    }

    /// Verifies what [`Self::rotate`] verifies before it begins: the chain, the signing key, the org key, every active account
    /// and every open invitation. Nothing is begun, and no secret is opened.
    ///
    /// ```no_run
    /// use helvetisafe::organization::Administrator;
    ///
    /// # let client = helvetisafe::Client::from_env()?;
    /// # let (signing_key, anchor) = unimplemented!();
    /// let administrator = Administrator {
    ///     signing_key: &signing_key,
    ///     anchor: &anchor,
    /// };
    /// let check = client.organization().check_rotation(&administrator)?;
    /// println!("{} members and {} invitations", check.members, check.invitations);
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Self::rotate`] before its first change.
    pub fn check_rotation(
        &self,
        administrator: &Administrator<'_>,
    ) -> Result<RotationCheck, Error> {
        block(self.0.begin().check_rotation(administrator))
    }

    /// Returns the rotation in progress, as the vault states it, or `None`.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Some(rotation) = client.organization().rotation()? {
    ///     println!("{} began {}", rotation.started_by, rotation.id);
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn rotation(&self) -> Result<Option<RotationState>, Error> {
        block(self.0.begin().rotation())
    }

    /// Abandons a rotation in progress, also that of another administrator. The org key stays, and what was staged is never
    /// used. Make a new [`NewOrgKey`] for the next rotation.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Some(rotation) = client.organization().rotation()? {
    ///     client.organization().abandon_rotation(rotation.id)?;
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ErrorKind::NotFound`] when there is no such rotation, or it is complete.
    pub fn abandon_rotation(&self, id: RotationId) -> Result<(), Error> {
        block(self.0.begin().abandon_rotation(id))
    }

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

    /// Returns a part of the record of administrative acts, the newest first: the acts before the one with this id, or the
    /// newest ones.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// let mut before = None;
    /// loop {
    ///     let page = client.organization().audit(before)?;
    ///     for record in &page.records {
    ///         println!("{} {}", record.at, record.act);
    ///     }
    ///     before = page.next;
    ///     if before.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of all operations.
    pub fn audit(&self, before: Option<Hex<8>>) -> Result<AuditPage, Error> {
        block(self.0.begin().audit(before))
    }
}

impl fmt::Debug for Organization<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Organization").finish_non_exhaustive()
    }
}

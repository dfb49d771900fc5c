//! The calls that need no account: to found an organization, and to join one.

use helvetisafe_crypto::organization::InvitationCode;
use secrecy::SecretString;

#[cfg(doc)]
use super::Organization;
use crate::administration::{self, AccountKeys, Founded, Joining, NewOrganization, Terms};
use crate::builder::{ClientBuilder, Parts, WithoutAccount};
use crate::client::{Client, runtime};
use crate::error::Error;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::runtime::blocking::block;

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

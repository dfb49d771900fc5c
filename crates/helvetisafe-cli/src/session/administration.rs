//! The connection of a command that administers an organization: only the scopes that it needs, the trusted part of the
//! signed chain, and the signing key.

mod api_token;
mod change;
mod explain;

use std::cell::OnceCell;

use helvetisafe::organization::{
    Account, Administrator, Anchor, Chain, Head, Organization, SigningKey,
};
use helvetisafe::{Client, Error, Fingerprint, OrgKeyRotation, Scope, Scopes};

use super::missing_scope::{self, MissingScope};
use super::recovery_kit;
use super::trust::{
    Access, KnownOrganization, NumberedKey, Trust, follow_with_key, is_of_chain, not_of_chain,
};
use super::vault::Vault;
use super::watch_change::watch_change;
use crate::failure::{Failure, Status};
use crate::once::get_or_make;
use crate::settings::Settings;
use crate::ui::in_flight::InFlight;

/// The scopes of a change of the organization.
pub(crate) const CHANGE: [Scope; 3] = [
    Scope::CredentialsRead,
    Scope::OrganizationRead,
    Scope::OrganizationWrite,
];

/// A client with the scopes of one command.
pub(crate) struct Administration<'a> {
    vault: &'a Vault,
    settings: &'a Settings,
    client: Client,
    account: OnceCell<Account>,
    in_flight: InFlight,
}

/// The credential needs all `scopes` for what a command does. `failed` says what cannot be done without them.
impl<'a> Administration<'a> {
    /// Connects to read. An API token has scopes of its own.
    pub(crate) fn to_read(
        vault: &'a Vault,
        failed: &str,
        scopes: &[Scope],
    ) -> Result<Self, Failure> {
        Self::connect(vault, failed, (scopes, &[]), Access::Read, None)
    }

    /// Connects to seal or to wrap something, so the org key must be trusted. The signed chain decides about the first one.
    pub(crate) fn to_write(
        vault: &'a Vault,
        failed: &str,
        scopes: &[Scope],
    ) -> Result<Self, Failure> {
        Self::trust_first_key(vault, failed, scopes)?;
        Self::connect(vault, failed, (scopes, &[]), Access::Write, None)
    }

    /// Connects to seal or to wrap something with the org key that the signed chain has now, also if an interrupted command has
    /// replaced the remembered one. A configured fingerprint must be that of this key. The vault grants those of the scopes
    /// `optional` that the account has.
    pub(crate) fn following(
        vault: &'a Vault,
        failed: &str,
        scopes: &[Scope],
        optional: &[Scope],
    ) -> Result<Self, Failure> {
        Self::trust_first_key(vault, failed, scopes)?;
        let trust = Trust::load_all(vault.settings()?)?;
        let anchor = trust.own_anchor()?;
        let is_configured = trust.expected.is_some();
        let rotation = (!is_configured).then(|| OrgKeyRotation::follow_chain(anchor));
        Self::connect(vault, failed, (scopes, optional), Access::Write, rotation)
    }

    /// Remembers an org key that no person has compared, if the signed chain has it after the part for which the signing key
    /// vouches. Reads alone, so that a missing scope is what fails without it.
    fn trust_first_key(vault: &'a Vault, failed: &str, scopes: &[Scope]) -> Result<(), Failure> {
        match Trust::load_all(vault.settings()?)?.has_compared_key()? {
            true => Ok(()),
            false => {
                let reader = Self::to_read(vault, failed, scopes)?;
                reader.chain_to_sign().map(drop)
            }
        }
    }

    fn connect(
        vault: &'a Vault,
        failed: &str,
        (needed, optional): (&[Scope], &[Scope]),
        access: Access,
        rotation: Option<OrgKeyRotation>,
    ) -> Result<Self, Failure> {
        let settings = vault.settings()?;
        settings.read_secrets()?;
        let scopes: Scopes = needed.iter().chain(optional).copied().collect();
        let in_flight = InFlight::default();
        let client = vault.connect_with(access, |builder| {
            let watch = watch_change(in_flight.clone(), vault.messages);
            let builder = builder.scopes(scopes).on_event(watch);
            match rotation.clone() {
                Some(rotation) => builder.org_key_rotation(rotation),
                None => builder,
            }
        });
        let client = client.map_err(|failure| match failure.are_scopes_refused() {
            true => explain::lacks(failed, scopes),
            false => failure,
        })?;
        let connected = Self {
            vault,
            settings,
            client,
            account: OnceCell::new(),
            in_flight,
        };
        connected.check_granted(failed, needed)?;
        Ok(connected)
    }

    /// Returns the account of the credential.
    pub(crate) fn account(&self) -> Result<&Account, Failure> {
        get_or_make(&self.account, || {
            self.call(|organization| organization.account())
        })
    }

    /// Fails if the credential lacks a scope, as the vault would refuse a later call.
    fn check_granted(&self, failed: &str, needed: &[Scope]) -> Result<(), Failure> {
        let account = self.account()?;
        let Some(scope) = missing_scope::first(&account.granted, needed) else {
            return Ok(());
        };
        let missing = MissingScope {
            scope,
            account,
            is_api_token: self.settings.uses_api_token(),
            administrators: self.administrators(account),
        };
        Err(Failure::new(
            Status::Forbidden,
            format_args!("{failed}: {}", missing.advice(None).unwrap_or_default()),
        ))
    }

    /// Returns the names of the administrators to ask, if the signed chain can be verified.
    fn administrators(&self, account: &Account) -> Option<String> {
        let trust = Trust::load_all(self.settings).ok()?;
        let id = account.organization.to_string();
        let is_verifiable = account.has_chain && trust.has_anchor(&id).ok()?;
        let anchor = trust.anchor(&id).ok().filter(|_| is_verifiable)?;
        let chain = self
            .call(|organization| organization.follow(&anchor))
            .ok()?;
        Some(recovery_kit::to_ask(&chain))
    }

    /// Calls the vault, in the time that is left.
    pub(crate) fn call<T>(
        &self,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.attempt(work)?.map_err(|error| self.explained(error))
    }

    /// Calls the vault as [`Self::call`]. The caller explains the error.
    pub(crate) fn attempt<T>(
        &self,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Failure> {
        let budget = self.vault.budget()?;
        let organization = budget.limit_calls(self.client.organization());
        Ok(budget.spend(|| work(organization)))
    }

    /// Fetches the signed chain, verifies it from the trusted part, and remembers its head.
    pub(crate) fn chain(&self) -> Result<Chain, Failure> {
        self.chain_or(Self::explained)
    }

    fn chain_or(&self, explain: impl Fn(&Self, Error) -> Failure) -> Result<Chain, Failure> {
        let account = self.account()?;
        let mut trust = Trust::load_all(self.settings)?;
        let anchor = trust.anchor(&account.organization.to_string())?;
        let chain = self.attempt(|organization| {
            follow_with_key(&self.client, organization, &anchor, trust.expected)
        })?;
        let chain = chain.map_err(|error| explain(self, error))?;
        trust.check_extends(&chain)?;
        self.check_org_key(&chain)?;
        self.remember(&mut trust, &chain, *chain.head())?;
        Ok(chain)
    }

    /// Returns the number of secrets; `None` if the credential may not list them.
    pub(crate) fn count_secrets(&self) -> Result<Option<u64>, Failure> {
        let account = self.account()?;
        if missing_scope::first(&account.granted, &[Scope::SecretsList]).is_some() {
            return Ok(None);
        }
        let budget = self.vault.budget()?;
        let secrets = budget.spend(|| budget.limit(self.client.secrets()).list());
        secrets
            .map(|it| Some(it.len() as u64))
            .map_err(|error| self.explained(error))
    }

    /// Reads the signing key, and fetches the chain as [`Self::chain`] does. Fails if the key is not that of this account in it,
    /// since the vault would refuse the entry.
    pub(crate) fn chain_to_sign(&self) -> Result<(SigningKey, Chain), Failure> {
        let key = self.signing_key()?;
        let chain = self.chain_or(Self::before_change)?;
        let account = &self.account()?.account;
        Self::check_signer(&chain, account, &key)?;
        Ok((key, chain))
    }

    /// Fails if a signing key is not that of an account in a chain.
    pub(crate) fn check_signer(
        chain: &Chain,
        account: &str,
        key: &SigningKey,
    ) -> Result<(), Failure> {
        let problem = match chain.administrators().get(account) {
            Some(own) if *own == key.verification_key() => return Ok(()),
            Some(_) => {
                "the signing key is not that of this account in the chain: use signing-key.pem of the account's own folder"
            }
            None => {
                "this account is not an administrator in the signed chain: ask an administrator to do this"
            }
        };
        Err(Failure::new(Status::Forbidden, problem))
    }

    /// Returns true if a part of the account's chain is trusted, so that it can be verified.
    pub(crate) fn has_anchor(&self, account: &Account) -> Result<bool, Failure> {
        let trust = Trust::load_all(self.settings)?;
        trust.has_anchor(&account.organization.to_string())
    }

    /// Returns the org key in use.
    pub(crate) fn org_key_fingerprint(&self) -> Fingerprint {
        self.client.org_key_fingerprint()
    }

    /// Remembers the head after a change of this command.
    pub(crate) fn saw(&self, chain: &Chain, head: Head) -> Result<(), Failure> {
        let mut trust = Trust::load_all(self.settings)?;
        self.remember(&mut trust, chain, head)
    }

    /// Reads the signing key.
    fn signing_key(&self) -> Result<SigningKey, Failure> {
        self.settings.signing_key()?.ok_or_else(|| {
            Failure::usage(
                "the signing key of this administrator is missing: give --signing-key-path, HELVETISAFE_SIGNING_KEY_PATH, or \
                 signing_key_path in the profile; it is signing-key.pem in the folder that the account was made in",
            )
        })
    }

    /// Checks that the org key in use is that of the chain: the vault must not choose the key that seals.
    fn check_org_key(&self, chain: &Chain) -> Result<(), Failure> {
        match is_of_chain(&self.client, chain) {
            true => Ok(()),
            false => Err(not_of_chain(&self.client, chain)),
        }
    }

    fn remember(&self, trust: &mut Trust<'_>, chain: &Chain, head: Head) -> Result<(), Failure> {
        let seen = KnownOrganization {
            id: chain.organization().to_owned(),
            head,
            verification_key: self.settings.verification_key,
        };
        let key = NumberedKey::of(&self.client);
        trust.follow(key, seen, chain, self.vault.messages)
    }
}

/// Returns the means to sign the next entry after a verified chain.
pub(crate) fn administrator<'k>(
    signing_key: &'k SigningKey,
    anchor: &'k Anchor,
) -> Administrator<'k> {
    Administrator {
        signing_key,
        anchor,
    }
}

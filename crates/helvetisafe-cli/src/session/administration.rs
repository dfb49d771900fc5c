//! The connection of a command that administers an organization: only the scopes that it needs, the trusted part of the
//! signed chain, and the signing key.

use helvetisafe::organization::{
    Account, Administrator, Anchor, Chain, Head, Organization, SigningKey,
};
use helvetisafe::{Client, Error, ErrorCode, Fingerprint, OrgKeyRotation, Scope, Scopes};

use super::trust::{Access, KnownOrganization, Trust};
use super::vault::Vault;
use crate::advice;
use crate::failure::{Failure, Status};
use crate::settings::Settings;

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
}

impl<'a> Administration<'a> {
    /// Connects to read. An API token has scopes of its own.
    pub(crate) fn to_read(vault: &'a Vault, scopes: &[Scope]) -> Result<Self, Failure> {
        Self::connect(vault, scopes, Access::Read, None)
    }

    /// Connects to seal or to wrap something, so the org key must be trusted.
    pub(crate) fn to_write(vault: &'a Vault, scopes: &[Scope]) -> Result<Self, Failure> {
        Self::connect(vault, scopes, Access::Write, None)
    }

    /// Connects to seal or to wrap something with the org key that the signed chain has now, also if an interrupted command has
    /// replaced the remembered one.
    pub(crate) fn following(vault: &'a Vault, scopes: &[Scope]) -> Result<Self, Failure> {
        let anchor = Trust::load_all(vault.settings()?)?.own_anchor()?;
        let rotation = OrgKeyRotation::follow_chain(anchor);
        Self::connect(vault, scopes, Access::Write, Some(rotation))
    }

    /// Fails for an API token, whose call the vault would refuse. `failed` says what cannot be done.
    pub(crate) fn refuse_api_token(vault: &Vault, failed: &str) -> Result<(), Failure> {
        match vault.settings()?.uses_api_token() {
            true => Err(Failure::new(
                Status::Forbidden,
                format_args!("{failed}: {}", ErrorCode::NeedsAccessToken.advice()),
            )),
            false => Ok(()),
        }
    }

    fn connect(
        vault: &'a Vault,
        scopes: &[Scope],
        access: Access,
        rotation: Option<OrgKeyRotation>,
    ) -> Result<Self, Failure> {
        let settings = vault.settings()?;
        settings.read_secrets()?;
        let scopes: Scopes = scopes.iter().copied().collect();
        let client = vault.connect_with(access, |builder| {
            let builder = builder.scopes(scopes);
            match rotation.clone() {
                Some(rotation) => builder.org_key_rotation(rotation),
                None => builder,
            }
        });
        let client = client.map_err(|failure| match failure.are_scopes_refused() {
            true => lacks(scopes),
            false => failure,
        })?;
        Ok(Self {
            vault,
            settings,
            client,
        })
    }

    /// Calls the vault, in the time that is left.
    pub(crate) fn call<T>(
        &self,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<T, Failure> {
        self.attempt(work)?.map_err(explained)
    }

    /// Calls the vault as [`Self::call`]. The caller explains the error.
    pub(crate) fn attempt<T>(
        &self,
        work: impl FnOnce(Organization<'_>) -> Result<T, Error>,
    ) -> Result<Result<T, Error>, Failure> {
        let budget = self.vault.budget()?;
        let organization = self.client.organization();
        let organization = match budget.left() {
            Some(left) => organization.within(left),
            None => organization,
        };
        Ok(budget.spend(|| work(organization)))
    }

    /// Fetches the signed chain, verifies it from the trusted part, and remembers its head.
    pub(crate) fn chain(&self) -> Result<Chain, Failure> {
        let account = self.call(|organization| organization.account())?;
        let mut trust = Trust::load_all(self.settings)?;
        let anchor = trust.anchor(&account.organization.to_string())?;
        let chain = self.call(|organization| organization.follow(&anchor))?;
        trust.check_extends(&chain)?;
        self.check_org_key(&chain)?;
        self.remember(&mut trust, &chain, *chain.head())?;
        Ok(chain)
    }

    /// Fails if the credential lacks a scope, as the vault would refuse a later call. `failed` says what cannot be done.
    pub(crate) fn check_granted(
        account: &Account,
        scopes: impl IntoIterator<Item = Scope>,
        failed: &str,
    ) -> Result<(), Failure> {
        let granted: Vec<_> = account.granted.as_str().split(' ').collect();
        let mut scopes = scopes.into_iter();
        match scopes.find(|scope| !granted.contains(&scope.as_str())) {
            Some(missing) => Err(Failure::new(
                Status::Forbidden,
                format_args!("{failed}: the credential needs the scope {missing}"),
            )
            .with_advice(&scopes_of_account())),
            None => Ok(()),
        }
    }

    /// Reads the signing key, and fetches the chain as [`Self::chain`] does. Fails if the key is not that of this account in it,
    /// since the vault would refuse the entry.
    pub(crate) fn chain_to_sign(&self) -> Result<(SigningKey, Chain), Failure> {
        let key = self.signing_key()?;
        let chain = self.chain()?;
        let account = match self.settings.client_id() {
            Some(client_id) => client_id.to_owned(),
            None => self.call(|organization| organization.account())?.account,
        };
        let problem = match chain.administrators().get(&account) {
            Some(own) if *own == key.verification_key() => return Ok((key, chain)),
            Some(_) => {
                "the signing key is not that of this account in the chain: use signing-key.pem of the account's own folder"
            }
            None => "this account is not an administrator in the chain: ask one",
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
                "the signing key is missing, and only an administrator has one: give --signing-key-path, \
                 HELVETISAFE_SIGNING_KEY_PATH, or signing_key_path in the profile",
            )
        })
    }

    /// Checks that the org key in use is that of the chain: the vault must not choose the key that seals.
    fn check_org_key(&self, chain: &Chain) -> Result<(), Failure> {
        let used = self.client.org_key_fingerprint();
        if used == *chain.fingerprint() {
            return Ok(());
        }
        Err(Failure::new(
            Status::Crypto,
            format_args!(
                "the vault has the org key {used}, and the signed chain names {}: nothing was changed; ask another \
                 administrator before you continue",
                chain.fingerprint()
            ),
        ))
    }

    fn remember(&self, trust: &mut Trust<'_>, chain: &Chain, head: Head) -> Result<(), Failure> {
        let seen = KnownOrganization {
            id: chain.organization().to_owned(),
            head,
            verification_key: self.settings.verification_key,
        };
        let fingerprint = self.client.org_key_fingerprint();
        trust.follow(fingerprint, seen, chain, self.vault.messages)
    }
}

/// Explains a refusal because of a missing scope. No setting leaves it out, since the command requests what it needs.
pub(crate) fn explained(error: Error) -> Failure {
    let failure = Failure::from(error);
    match failure.missing_scope() {
        Some(_) => failure
            .without_missing_scope()
            .with_advice(&scopes_of_account()),
        None => failure,
    }
}

fn scopes_of_account() -> String {
    format!(
        "{} lists the scopes of this account, which an administrator chooses with the invitation",
        advice::command("account scopes")
    )
}

fn lacks(scopes: Scopes) -> Failure {
    Failure::new(
        Status::Forbidden,
        format_args!(
            "this account does not have all the scopes that the command needs, which are {scopes}; {} lists its scopes; ask an \
             administrator",
            advice::command("account scopes")
        ),
    )
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

//! The trusted part of an organization's signed chain: where a client starts to verify it, and what it remembers of it.

use helvetisafe::organization::{Anchor, Chain, VerificationKey};
use helvetisafe::{Client, ClientBuilder, Error, OrgKeyRotation};

use super::doubt::Doubt;
use super::followed::Followed;
use super::known_organization::KnownOrganization;
use super::known_vault::NumberedKey;
use super::known_vaults::KnownVaults;
use super::{OTHER_STATE_FOLDER, Trust};
use crate::failure::{Failure, Status};
use crate::settings::VaultId;
use crate::ui::messages::Messages;

impl Trust<'_> {
    /// Returns the part of the chain that is trusted: [`Self::own`], else the newest head that is remembered for another
    /// credential.
    pub(crate) fn anchor(&self, organization: &str) -> Result<Anchor, Failure> {
        let own = self.organization();
        if let Some(other) = own.filter(|own| own.id != organization) {
            return Err(other_organization(&self.vault, &other.id, organization));
        }
        self.find_anchor(organization)?
            .ok_or_else(|| no_anchor(&self.vault))
    }

    /// Returns true if a part of the chain is trusted, or if the vault states another organization than before.
    pub(crate) fn has_anchor(&self, organization: &str) -> Result<bool, Failure> {
        let known = self.remembered.as_ref().map(|it| it.organization.is_some());
        Ok(known == Some(true) || self.find_anchor(organization)?.is_some())
    }

    fn find_anchor(&self, organization: &str) -> Result<Option<Anchor>, Failure> {
        let other = || self.memory.organization(organization);
        let own = self.own()?;
        Ok(own.or_else(|| other().map(KnownOrganization::anchor)))
    }

    /// Returns true if an administrator can write without a comparison of the org key: it is configured or confirmed, or a
    /// configured verification key decides about it.
    pub(crate) fn has_compared_key(&self) -> Result<bool, Failure> {
        let is_confirmed = match (self.expected, &self.remembered) {
            (Some(_), _) => true,
            (None, Some(known)) => !known.unconfirmed,
            (None, None) => self.settings.verification_key.is_some(),
        };
        Ok(is_confirmed && self.own()?.is_some())
    }

    /// Returns the part of the chain that is trusted before the vault has stated the organization.
    pub(crate) fn own_anchor(&self) -> Result<Anchor, Failure> {
        self.own()?.ok_or_else(|| no_anchor(&self.vault))
    }

    /// Returns the remembered organization of this credential.
    pub(super) fn organization(&self) -> Option<&KnownOrganization> {
        self.remembered.as_ref()?.organization.as_ref()
    }

    /// Returns the part of the chain that this credential trusts: the configured verification key, in whose place its
    /// remembered head stands if that key has vouched for it. Without a configured key it is the remembered head, else the key
    /// of the signing key.
    pub(super) fn own(&self) -> Result<Option<Anchor>, Failure> {
        match (self.organization(), self.settings.verification_key) {
            (Some(known), None) => Ok(Some(known.anchor())),
            (Some(known), Some(_)) if known.verification_key == self.settings.verification_key => {
                Ok(Some(known.anchor()))
            }
            (_, Some(key)) => Ok(Some(Anchor::Key(key))),
            (None, None) => {
                let key = self.settings.signing_key()?;
                Ok(key.map(|key| Anchor::Key(key.verification_key())))
            }
        }
    }

    /// Returns the part of the chain that decides about another org key than the remembered one; `None` if a fingerprint is
    /// configured.
    pub(super) fn followed(&self) -> Result<Option<Followed>, Failure> {
        let (None, Some(remembered)) = (self.expected, &self.remembered) else {
            return Ok(None);
        };
        let known = remembered.organization.clone();
        let anchor = self.own()?;
        Ok(anchor.map(|anchor| Followed::new(anchor, known)))
    }

    /// Connects for the first time, with the org key of the signed chain that the configured verification key vouches for, and
    /// remembers both.
    pub(super) fn connect_first(
        mut self,
        builder: ClientBuilder,
        key: VerificationKey,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let followed = Followed::new(Anchor::Key(key), None);
        let rotation = OrgKeyRotation::follow_chain(followed.anchor);
        let connected = builder.org_key_rotation(rotation).connect();
        let client = connected.map_err(|error| not_of_chain(&self.vault, &key, error))?;
        let (seen, chain) = self.seen(&client, followed)?;
        let key = NumberedKey::of(&client);
        self.follow(key, seen, &chain, messages)?;
        messages.done(format_args!(
            "remembered the org key {}, which the signed chain confirms",
            key.fingerprint
        ));
        Ok(client)
    }

    /// Connects with the org key that the signed chain has, which is the remembered one or a later one, and remembers it.
    /// Otherwise fails with the doubt about the vault's org key, or with the refusal of the chain.
    pub(super) fn connect_by_chain(
        self,
        builder: ClientBuilder,
        followed: Followed,
        doubt: Doubt,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let connected = self.connect_following(builder, &followed);
        let client = connected.map_err(|reason| self.not_in_chain(doubt, &reason))?;
        self.remember_replaced(client, followed, messages)
    }

    /// Connects with the org key that the signed chain has after the remembered one.
    pub(super) fn connect_following(
        &self,
        builder: ClientBuilder,
        followed: &Followed,
    ) -> Result<Client, Error> {
        let pinned = self.remembered.as_ref().map(|known| known.fingerprint);
        let rotation = OrgKeyRotation::follow_chain(followed.anchor);
        let builder = followed.limit(builder).pin_org_keys(pinned);
        builder.org_key_rotation(rotation).connect()
    }

    /// Remembers the org key of a client that followed the chain.
    pub(super) fn remember_replaced(
        mut self,
        client: Client,
        followed: Followed,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let (seen, chain) = self.seen(&client, followed)?;
        let key = NumberedKey::of(&client).numbered_by(&chain);
        let current = key.fingerprint;
        let remembered = self.remembered.as_ref();
        if remembered.is_some_and(|known| known.fingerprint == current) {
            self.follow(key, seen, &chain, messages)?;
            return Ok(client);
        }
        match self.memory.replace(&self.vault, Some(key)) {
            Ok(()) => self.follow(key, seen, &chain, messages)?,
            Err(error) => messages.warning(format_args!(
                "cannot remember the org key {current} of {}, so the next command follows the chain again: {error}; free the \
                 folder, {OTHER_STATE_FOLDER}",
                self.vault
            )),
        }
        messages.note(format_args!(
            "the administrators have replaced the org key of {}, as the signed chain shows; it is now {current}",
            self.vault
        ));
        Ok(client)
    }

    /// Follows the chain, which has to extend the one by which the client has accepted its org key.
    fn seen(
        &self,
        client: &Client,
        followed: Followed,
    ) -> Result<(KnownOrganization, Chain), Failure> {
        let organization = followed.limit_calls(client.organization());
        let chain = organization.follow(&followed.anchor)?;
        if client
            .chain_head()
            .is_some_and(|head| !chain.contains(&head))
        {
            return Err(forked(&self.vault));
        }
        self.check_extends(&chain)?;
        let known = followed.known.and_then(|known| known.verification_key);
        let seen = KnownOrganization {
            id: chain.organization().to_owned(),
            head: *chain.head(),
            verification_key: self.settings.verification_key.or(known),
        };
        Ok((seen, chain))
    }

    /// Remembers a part of the chain: its head, or an entry that was signed after it. Failing to write it is a warning.
    pub(crate) fn follow(
        &mut self,
        key: NumberedKey,
        seen: KnownOrganization,
        chain: &Chain,
        messages: Messages,
    ) -> Result<(), Failure> {
        let vault = self.vault.clone();
        let memory = &mut self.memory;
        follow(memory, &vault, key, seen, Some(chain), messages)
    }
}

/// Remembers the org key and the chain of a new account, if none is remembered for it. Failing to write them is a warning.
pub(crate) fn remember_account(
    vault: &VaultId,
    key: NumberedKey,
    seen: KnownOrganization,
    insecure_permissions: bool,
    messages: Messages,
) -> Result<(), Failure> {
    let mut memory = KnownVaults::load(insecure_permissions)?;
    follow(&mut memory, vault, key, seen, None, messages)
}

fn follow(
    memory: &mut KnownVaults,
    vault: &VaultId,
    key: NumberedKey,
    seen: KnownOrganization,
    chain: Option<&Chain>,
    messages: Messages,
) -> Result<(), Failure> {
    match memory.follow(vault, key, seen, chain) {
        Ok(true) => Ok(()),
        Ok(false) => Err(forked(vault)),
        Err(error) => {
            messages.warning(format_args!(
                "cannot remember the signed chain of {vault}, so an older one goes unnoticed: {error}; free the folder, \
                 {OTHER_STATE_FOLDER}"
            ));
            Ok(())
        }
    }
}

/// Explains an org key at first contact that is not that of the chain. `trust pin` would leave the chain out.
fn not_of_chain(vault: &VaultId, key: &VerificationKey, error: Error) -> Failure {
    let (Some(found), [expected]) = (error.refused_org_key(), error.accepted_org_keys()) else {
        return error.into();
    };
    Failure::new(
        Status::Crypto,
        format_args!(
            "{vault} has the org key {found}, and the signed chain, for which the configured verification key {key} vouches, has \
             {expected}: it was not used; ask an administrator before you continue"
        ),
    )
}

fn forked(vault: &VaultId) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "another command has seen another history of the organization at {vault} meanwhile: the vault shows \
             different ones; compare them with an administrator before you continue"
        ),
    )
}

fn other_organization(vault: &VaultId, known: &str, stated: &str) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "{vault} belongs to the organization {known}, and the vault states {stated}: nothing was changed; ask an \
             administrator before you continue"
        ),
    )
}

fn no_anchor(vault: &VaultId) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "nothing of the signed chain of {vault} is remembered here, so nothing shows that the vault sends the right \
             one; give the verification key of an administrator with --verification-key, as `verification_key` in the \
             profile of a member has it"
        ),
    )
}

//! The trusted part of an organization's signed chain: where a client starts to verify it, and what it remembers of it.

use helvetisafe::organization::{Anchor, Chain, Head, VerificationKey};
use helvetisafe::{Client, ClientBuilder, Error, ErrorKind, Fingerprint, OrgKeyRotation};

use super::known_organization::KnownOrganization;
use super::known_vaults::KnownVaults;
use super::{OTHER_STATE_FOLDER, Trust};
use crate::failure::{Failure, Status, other_history};
use crate::settings::VaultId;
use crate::ui::messages::Messages;

/// The trusted part of the chain that decides about another org key.
pub(super) struct Followed {
    anchor: Anchor,
    /// The remembered organization, whose head has to be in the chain too.
    known: Option<KnownOrganization>,
}

impl Followed {
    /// Starts at a newer head, which was verified from this part.
    pub(super) fn after(self, head: Head) -> Self {
        let anchor = Anchor::Head(head);
        Self { anchor, ..self }
    }
}

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
        Ok(anchor.map(|anchor| Followed { anchor, known }))
    }

    /// Connects for the first time, with the org key of the signed chain that the configured verification key vouches for, and
    /// remembers both.
    pub(super) fn connect_first(
        mut self,
        builder: ClientBuilder,
        key: VerificationKey,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let followed = Followed {
            anchor: Anchor::Key(key),
            known: None,
        };
        let rotation = OrgKeyRotation::follow_chain(followed.anchor);
        let connected = builder.org_key_rotation(rotation).connect();
        let client = connected.map_err(|error| not_of_chain(&self.vault, &key, error))?;
        let (seen, chain) = self.seen(&client, followed)?;
        let current = client.org_key_fingerprint();
        self.follow(current, seen, &chain, messages)?;
        messages.done(format_args!(
            "remembered the org key {current}, which the signed chain confirms"
        ));
        Ok(client)
    }

    /// Connects with the org key that the signed chain has after the remembered one, and remembers it. Otherwise fails with
    /// the refusal of the new org key, or with that of the chain.
    pub(super) fn connect_by_chain(
        self,
        builder: ClientBuilder,
        followed: Followed,
        refusal: Error,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let connected = self.connect_following(builder, &followed);
        let client = connected.map_err(|reason| self.not_in_chain(refusal, &reason))?;
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
        let builder = builder.pin_org_keys(pinned);
        builder.org_key_rotation(rotation).connect()
    }

    /// Remembers the org key of a client that followed the chain.
    pub(super) fn remember_replaced(
        mut self,
        client: Client,
        followed: Followed,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let current = client.org_key_fingerprint();
        let (seen, chain) = self.seen(&client, followed)?;
        match self.memory.replace(&self.vault, Some(current)) {
            Ok(()) => self.follow(current, seen, &chain, messages)?,
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
        let chain = client.organization().follow(&followed.anchor)?;
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

    /// Explains the refusal of a new org key: by the chain, or by the remembered key if the chain cannot be fetched.
    fn not_in_chain(&self, refusal: Error, reason: &Error) -> Failure {
        let (Some(current), Some(known), Some(verdict)) =
            (refusal.refused_org_key(), &self.remembered, verdict(reason))
        else {
            return self.explain(refusal);
        };
        Failure::new(
            Status::Crypto,
            format_args!(
                "the org key of this vault has changed: it was {} since {:.0}, and is now {current}; it was not used, since \
                 {verdict}",
                known.fingerprint, known.since
            ),
        )
    }

    /// Remembers a part of the chain: its head, or an entry that was signed after it. Failing to write it is a warning.
    pub(crate) fn follow(
        &mut self,
        fingerprint: Fingerprint,
        seen: KnownOrganization,
        chain: &Chain,
        messages: Messages,
    ) -> Result<(), Failure> {
        let vault = self.vault.clone();
        let memory = &mut self.memory;
        follow(memory, &vault, fingerprint, seen, Some(chain), messages)
    }
}

/// Returns why the chain does not confirm an org key, and what to do next; `None` if the chain could not be fetched.
pub(super) fn verdict(reason: &Error) -> Option<String> {
    if let Some(history) = reason.other_history() {
        return Some(other_history::message(history.seen, history.served));
    }
    let is_verdict = matches!(reason.kind(), ErrorKind::Crypto | ErrorKind::OrgKeyRefused);
    is_verdict.then(|| {
        format!(
            "the signed chain does not confirm it ({}); ask another administrator before you continue",
            reason.without_advice()
        )
    })
}

/// Remembers the org key and the chain of a new account, if none is remembered for it. Failing to write them is a warning.
pub(crate) fn remember_account(
    vault: &VaultId,
    fingerprint: Fingerprint,
    seen: KnownOrganization,
    insecure_permissions: bool,
    messages: Messages,
) -> Result<(), Failure> {
    let mut memory = KnownVaults::load(insecure_permissions)?;
    follow(&mut memory, vault, fingerprint, seen, None, messages)
}

fn follow(
    memory: &mut KnownVaults,
    vault: &VaultId,
    fingerprint: Fingerprint,
    seen: KnownOrganization,
    chain: Option<&Chain>,
    messages: Messages,
) -> Result<(), Failure> {
    match memory.follow(vault, fingerprint, seen, chain) {
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
             different ones; compare them with another administrator before you continue"
        ),
    )
}

fn other_organization(vault: &VaultId, known: &str, stated: &str) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "{vault} belongs to the organization {known}, and the vault states {stated}: nothing was changed; ask another \
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

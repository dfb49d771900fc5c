//! The trusted org key of a vault: remembered on first use, as ssh remembers host keys.
//!
//! A vault with an org key of its own could choose what is read, and read what is written. So a changed
//! key stops every command, and a doubtful first use stops writing. If the fingerprint is configured,
//! nothing is remembered.

mod doubt;
mod examination;
mod first_use;
mod followed;
mod known_organization;
mod known_vault;
mod known_vaults;
mod organization;
mod rotation;

use std::io::{self, ErrorKind};

use helvetisafe::{Client, ClientBuilder, Error, Fingerprint};

use crate::advice;
use crate::failure::{Failure, Status};
use crate::settings::{Settings, VaultId};
use crate::ui::messages::Messages;
use doubt::Doubt;
pub(crate) use doubt::ask_chain;
pub(super) use examination::{follow_with_key, is_of_chain, not_of_chain};
pub(crate) use known_organization::KnownOrganization;
pub(crate) use known_vault::{KnownVault, NumberedKey};
use known_vaults::KnownVaults;
pub(crate) use organization::remember_account;
use rotation::connect_pinned;
pub(super) use rotation::rotation;

/// The advice if org keys cannot be remembered.
const OTHER_STATE_FOLDER: &str = "or set HELVETISAFE_STATE_DIR to a folder that can be written";

/// The use of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) enum Access {
    Read,
    Write,
}

/// The trusted org key of one vault.
#[derive(Debug)]
pub(crate) struct Trust<'a> {
    pub(crate) vault: VaultId,
    /// The configured fingerprint.
    pub(crate) expected: Option<Fingerprint>,
    pub(crate) remembered: Option<KnownVault>,
    settings: &'a Settings,
    memory: KnownVaults,
}

impl<'a> Trust<'a> {
    /// Reads the remembered org key, unless one is configured.
    pub(crate) fn load(settings: &'a Settings) -> Result<Self, Failure> {
        let memory = match settings.org_key {
            Some(_) => KnownVaults::unused(),
            None => KnownVaults::load(settings.insecure_permissions)?,
        };
        Self::new(settings, memory)
    }

    /// Reads the remembered org key even if another one is configured, for commands that show both.
    pub(crate) fn load_all(settings: &'a Settings) -> Result<Self, Failure> {
        Self::new(settings, KnownVaults::load(settings.insecure_permissions)?)
    }

    /// Returns all that is remembered, of any vault.
    pub(crate) fn remembered_vaults(
        insecure_permissions: bool,
    ) -> Result<Vec<KnownVault>, Failure> {
        Ok(KnownVaults::load(insecure_permissions)?.into_entries())
    }

    fn new(settings: &'a Settings, memory: KnownVaults) -> Result<Self, Failure> {
        let vault = settings.vault_id()?;
        Ok(Self {
            expected: settings.org_key.as_ref().map(|key| key.fingerprint),
            remembered: memory.find(&vault).cloned(),
            vault,
            settings,
            memory,
        })
    }

    /// Fails if the org key is not the configured or the remembered one.
    pub(crate) fn check(&self, current: Fingerprint) -> Result<(), Failure> {
        match (self.expected, &self.remembered) {
            (Some(expected), _) if expected != current => Err(self.not_expected(expected, current)),
            (None, Some(known)) if known.fingerprint != current => Err(changed(known, current)),
            _ => Ok(()),
        }
    }

    /// Connects with the trusted org key pinned, or the one that an earlier connection accepted. To read, a
    /// first use is remembered if possible. To write, it must not be doubtful, and must be remembered. Another org key
    /// is accepted if the organization's chain has it after a trusted part. With a configured verification key the chain
    /// decides about the first one too.
    pub(super) fn connect(
        self,
        access: Access,
        builder: impl Fn() -> Result<ClientBuilder, Failure>,
        accepted: Option<Fingerprint>,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let remembered = self.remembered.as_ref().map(|known| known.fingerprint);
        if let (None, None, Some(key)) = (self.expected, remembered, self.settings.verification_key)
        {
            let settings = self.settings;
            let client = self.connect_first(builder()?, key, messages)?;
            return connect_pinned(settings, access, builder, client);
        }
        // A read needs no number, and an offline cache has none.
        let is_write = matches!(access, Access::Write);
        let has_epochs = self.remembered.as_ref().is_some_and(KnownVault::has_epochs);
        let pinned = builder()?
            .pin_org_keys(self.expected.or(remembered).or(accepted))
            .require_key_epoch(is_write && has_epochs);
        let doubt = match pinned.connect() {
            Ok(client) => match self.doubt(&client) {
                Some(doubt) => doubt,
                None => {
                    if is_write && self.expected.is_some() {
                        self.check_configured(&client)?;
                    }
                    return self.remember_used(client, access, messages);
                }
            },
            Err(error) if error.refused_org_key().is_none() => return Err(self.explain(error)),
            Err(error) => Doubt::OtherKey(error),
        };
        match self.followed()? {
            Some(followed) => {
                let settings = self.settings;
                let client = self.connect_by_chain(builder()?, followed, doubt, messages)?;
                connect_pinned(settings, access, builder, client)
            }
            None => Err(self.explain_doubt(doubt)),
        }
    }

    /// Remembers the org key of a client that has connected with the trusted one, or for the first time.
    fn remember_used(
        mut self,
        client: Client,
        access: Access,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let remembered = self.remembered.as_ref().map(|known| known.fingerprint);
        let current = client.org_key_fingerprint();
        let is_first_use = self.expected.is_none() && remembered.is_none();
        // Another key than the remembered one was accepted while connecting, so it is trusted.
        let is_unconfirmed = self
            .remembered
            .as_ref()
            .is_some_and(|it| it.unconfirmed && it.fingerprint == current);
        match access {
            Access::Read if is_first_use => self.remember_to_read(current, messages)?,
            Access::Write if is_first_use || is_unconfirmed => {
                self.remember_to_write(current, messages)?;
            }
            _ => {}
        }
        self.note_epoch(&client, messages);
        self.note_work(messages);
        Ok(client)
    }

    /// Returns true if the vault has accepted the account on this machine before.
    pub(super) fn has_worked(&self) -> bool {
        self.remembered.as_ref().is_some_and(|it| it.has_worked)
    }

    /// Remembers that the vault has accepted an account that a command made, so that a later refusal has another reason than a
    /// missing confirmation. A failed write is only logged.
    fn note_work(&mut self, messages: Messages) {
        let known = self.memory.find(&self.vault);
        if known.is_none_or(|it| it.has_worked) || !self.settings.may_be_unconfirmed() {
            return;
        }
        if let Err(error) = self.memory.saw_work(&self.vault) {
            messages.detail(format_args!(
                "cannot remember that the account has worked: {error}"
            ));
        }
    }

    /// Remembers the number of the org key, so that the vault cannot leave it out later. Failing to write it costs no more than
    /// that.
    fn note_epoch(&mut self, client: &Client, messages: Messages) {
        let key = NumberedKey::of(client);
        let known = self.memory.find(&self.vault);
        let is_new = known.is_some_and(|known| known.is_unnumbered(key));
        let Some(epoch) = key.epoch.filter(|_| is_new) else {
            return;
        };
        if let Err(error) = self.memory.saw_epoch(&self.vault, key.fingerprint, epoch) {
            messages.detail(format_args!(
                "cannot remember the number of the org key: {error}"
            ));
        }
    }

    /// Remembers an org key in place of the old one, or forgets the vault.
    pub(crate) fn replace(&mut self, key: Option<NumberedKey>) -> Result<(), Failure> {
        let done = self.memory.replace(&self.vault, key);
        done.map_err(|error| self.unwritable(&error))
    }

    /// Returns the file with the remembered org keys.
    pub(crate) fn file(&self) -> Option<String> {
        self.memory.file().map(|file| file.display().to_string())
    }

    fn unwritable(&self, error: &io::Error) -> Failure {
        if error.kind() == ErrorKind::TimedOut {
            return Failure::other(error);
        }
        Failure::other(format_args!(
            "cannot write {}: {error}; set HELVETISAFE_STATE_DIR to a folder that can be written",
            self.file().as_deref().unwrap_or("the state folder")
        ))
    }

    /// Explains a failure to connect, if the org key is not the pinned one.
    fn explain(&self, error: Error) -> Failure {
        if let Some(failure) = self.never_in_chain(&error) {
            return failure;
        }
        match (error.refused_org_key(), self.expected, &self.remembered) {
            (Some(current), Some(expected), _) => self.not_expected(expected, current),
            (Some(current), None, Some(known)) => changed(known, current),
            _ => error.into(),
        }
    }

    /// Explains an error of a chain that never had the configured or the remembered org key; `None` for another error.
    fn never_in_chain(&self, error: &Error) -> Option<Failure> {
        let present = error.chain_without_pins()?;
        match (self.expected, &self.remembered) {
            (Some(expected), _) => Some(self.not_expected(expected, present)),
            (None, Some(known)) => Some(pinned_by_mistake(known, present)),
            (None, None) => None,
        }
    }

    fn not_expected(&self, expected: Fingerprint, current: Fingerprint) -> Failure {
        let source = self.settings.org_key.as_ref();
        let source = source.map_or_else(String::new, |key| key.origin.to_string());
        Failure::new(
            Status::Crypto,
            format_args!(
                "the org key of this vault is {current}, and {source} expects {expected}; ask the \
                 vault's owner which one is right; if it is {current}, change the configured fingerprint"
            ),
        )
    }
}

fn pin(fingerprint: Fingerprint) -> String {
    advice::command(format_args!("trust pin {fingerprint}"))
}

/// The verified chain never had the remembered org key.
fn pinned_by_mistake(known: &KnownVault, present: Fingerprint) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "the signed chain never had the org key {}, which is remembered for {} since {:.0}, by `trust pin` or a first use; its \
             present one is {present}: nothing was decrypted or encrypted; ask an administrator whether {present} is right; if it \
             is, run {}, or {}, which also forgets how far the chain was verified",
            known.fingerprint,
            known.vault,
            known.since,
            pin(present),
            advice::command("trust forget")
        ),
    )
}

fn changed(known: &KnownVault, current: Fingerprint) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "the org key of this vault has changed: it was {} since {:.0}, and is now {current}; it was \
             not used, since a vault that made this key could read what you write; ask the vault's owner \
             whether the key was rotated; if it was, run {}",
            known.fingerprint,
            known.since,
            pin(current)
        ),
    )
}

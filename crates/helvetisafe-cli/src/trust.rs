//! Which org key a vault has: remembered on first use, as ssh remembers host keys.
//!
//! A vault that hands out an org key of its own chooses what is read, and reads what is written from
//! then on. So a key that changed stops the command, and a doubtful first use stops writing. Where the
//! fingerprint is configured, the memory is neither read nor written.

mod identity;
mod known_vaults;
mod rotation;

use std::io::{self, ErrorKind};

use helvetisafe::{Client, ClientBuilder, Error, Fingerprint};

use crate::config::Config;
use crate::config::table::Setting;
use crate::failure::{Failure, Status};
use crate::messages::Messages;
pub(crate) use identity::VaultId;
pub(crate) use known_vaults::{Entry, KnownVaults};
pub(crate) use rotation::{TrustedKeys, rotation};

/// What is known about the org key of one vault before it is asked.
#[derive(Debug)]
pub(crate) struct Trust<'a> {
    pub(crate) vault: VaultId,
    pub(crate) expected: Option<Fingerprint>,
    pub(crate) remembered: Option<Entry>,
    config: &'a Config,
    memory: KnownVaults,
}

impl<'a> Trust<'a> {
    /// Reads what is configured, else what is remembered.
    pub(crate) fn load(config: &'a Config) -> Result<Self, Failure> {
        let expected = config.org_key_fingerprint()?;
        let memory = match expected {
            Some(_) => KnownVaults::unused(),
            None => KnownVaults::load(config.insecure_permissions)?,
        };
        Self::new(config, expected, memory)
    }

    /// Reads both, for the commands that show them.
    pub(crate) fn load_all(config: &'a Config) -> Result<Self, Failure> {
        let memory = KnownVaults::load(config.insecure_permissions)?;
        Self::new(config, config.org_key_fingerprint()?, memory)
    }

    fn new(
        config: &'a Config,
        expected: Option<Fingerprint>,
        memory: KnownVaults,
    ) -> Result<Self, Failure> {
        let vault = VaultId::of(config)?;
        Ok(Self {
            expected,
            remembered: memory.find(&vault).cloned(),
            vault,
            config,
            memory,
        })
    }

    /// Fails where the org key is not the configured or the remembered one.
    pub(crate) fn check(&self, current: Fingerprint) -> Result<(), Failure> {
        match (self.expected, &self.remembered) {
            (Some(expected), _) if expected != current => Err(self.not_expected(expected, current)),
            (None, Some(entry)) if entry.fingerprint != current => Err(changed(entry, current)),
            _ => Ok(()),
        }
    }

    /// Connects to read. The first use of a vault is remembered where that is possible.
    pub(crate) fn connect_to_read(
        mut self,
        builder: ClientBuilder,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let client = self.connect(builder)?;
        let current = client.org_key_fingerprint();
        if self.is_first_use() {
            self.remember_to_read(current, messages)?;
        }
        Ok(client)
    }

    /// Connects to write. A first use has to be certain enough, and to be remembered.
    pub(crate) fn connect_to_write(
        mut self,
        builder: ClientBuilder,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let client = self.connect(builder)?;
        let is_unconfirmed = self.remembered.as_ref().is_some_and(|it| it.unconfirmed);
        if self.is_first_use() || is_unconfirmed {
            self.remember_to_write(client.org_key_fingerprint(), messages)?;
        }
        Ok(client)
    }

    /// Connects with the trusted org key pinned, for the whole command and all its connections.
    fn connect(&self, builder: ClientBuilder) -> Result<Client, Failure> {
        let remembered = self.remembered.as_ref().map(|entry| entry.fingerprint);
        let accepted = self.config.accepted_org_key.get();
        let client = builder
            .pin_org_keys(self.expected.or(remembered).or(accepted))
            .connect()
            .map_err(|error| self.explain(error))?;
        let accepted = Some(client.org_key_fingerprint());
        self.config.accepted_org_key.set(accepted);
        Ok(client)
    }

    fn is_first_use(&self) -> bool {
        self.expected.is_none() && self.remembered.is_none()
    }

    /// Remembers the first org key of a vault. What stands in the way is a warning.
    fn remember_to_read(
        &mut self,
        current: Fingerprint,
        messages: Messages,
    ) -> Result<(), Failure> {
        if self.memory.has_only_others(&self.vault, current) {
            messages.warning(format_args!(
                "{}; ask the vault's owner which one is right before you write",
                self.only_others(current)
            ));
        }
        let is_seen = messages.is_terminal() || self.config.trusts_first_use()?;
        let unconfirmed = !is_seen || self.memory.has_only_others(&self.vault, current);
        match self.memory.remember(&self.vault, current, unconfirmed) {
            Ok(None) => messages.done(format_args!("remembered the org key {current}")),
            // Another process was faster.
            Ok(Some(entry)) if entry.fingerprint != current => {
                return Err(changed(&entry, current));
            }
            Ok(Some(_)) => {}
            Err(error) => messages.warning(format_args!(
                "cannot remember the org key {current} of this vault, so a changed one goes \
                 unnoticed: {error}; give the fingerprint with HELVETISAFE_ORG_KEY_FINGERPRINT, or \
                 set HELVETISAFE_STATE_DIR to a folder that can be written"
            )),
        }
        Ok(())
    }

    /// Remembers the first org key of a vault before anything is sealed under it. What stands in the
    /// way is a failure.
    fn remember_to_write(
        &mut self,
        current: Fingerprint,
        messages: Messages,
    ) -> Result<(), Failure> {
        if self.memory.has_only_others(&self.vault, current) {
            return Err(unsure(self.only_others(current), current).with_advice(&or_pin(current)));
        }
        if !messages.is_terminal() && !self.config.trusts_first_use()? {
            return Err(unsure(
                format_args!(
                    "this is the first write to {} without a terminal on which a person could \
                     compare its org key",
                    self.vault
                ),
                current,
            )
            .with_advice(&or_pin(current))
            .with_advice("or accept whatever key the vault gives with --trust-first-use"));
        }
        match self.memory.remember(&self.vault, current, false) {
            Ok(Some(entry)) if entry.fingerprint != current => Err(changed(&entry, current)),
            Ok(_) => {
                messages.done(format_args!("remembered the org key {current}"));
                Ok(())
            }
            Err(error) => Err(self.not_remembered(&error, current)),
        }
    }

    fn not_remembered(&self, error: &io::Error, current: Fingerprint) -> Failure {
        let failure = unsure(
            format_args!(
                "cannot remember the org key of {}, so a changed one would go unnoticed: {error}",
                self.vault
            ),
            current,
        );
        match error.kind() {
            // Another process has it, as the error says.
            ErrorKind::TimedOut => failure,
            _ => {
                failure.with_advice("or set HELVETISAFE_STATE_DIR to a folder that can be written")
            }
        }
    }

    fn only_others(&self, current: Fingerprint) -> String {
        format!(
            "first use of this credential: the org key {current} of {} is none of those that are \
             remembered for other credentials there",
            self.vault.base_url
        )
    }

    /// Replaces what is remembered, or remembers it.
    pub(crate) fn pin(&mut self, fingerprint: Fingerprint) -> Result<(), Failure> {
        let done = self.memory.replace(&self.vault, Some(fingerprint));
        done.map_err(|error| self.unwritable(&error))
    }

    /// Forgets the vault.
    pub(crate) fn forget(&mut self) -> Result<(), Failure> {
        let done = self.memory.replace(&self.vault, None);
        done.map_err(|error| self.unwritable(&error))
    }

    /// The file that remembers.
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

    /// The failure of connecting; in our words where the org key is not the pinned one.
    fn explain(&self, error: Error) -> Failure {
        match (error.refused_org_key(), self.expected, &self.remembered) {
            (Some(current), Some(expected), _) => self.not_expected(expected, current),
            (Some(current), None, Some(entry)) => changed(entry, current),
            _ => error.into(),
        }
    }

    fn not_expected(&self, expected: Fingerprint, current: Fingerprint) -> Failure {
        let source = self.config.used(Setting::OrgKeyFingerprint);
        let source = source.map_or_else(String::new, |found| found.place.to_string());
        Failure::new(
            Status::Crypto,
            format_args!(
                "the org key of this vault is {current}, and {source} expects {expected}; ask the \
                 vault's owner which one is right; if it is {current}, change the configured fingerprint"
            ),
        )
    }
}

/// A first use that is too doubtful to write.
fn unsure(why: impl std::fmt::Display, current: Fingerprint) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "{why}; nothing was written; ask the vault's owner for the fingerprint of the org key, and \
             if it is this one, set HELVETISAFE_ORG_KEY_FINGERPRINT={current}"
        ),
    )
}

fn or_pin(current: Fingerprint) -> String {
    format!("or run `helvetisafe trust pin {current}`")
}

fn changed(entry: &Entry, current: Fingerprint) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "the org key of this vault has changed: it was {} since {:.0}, and is now {current}; it was \
             not used, since a vault that made this key could read what you write; ask the vault's owner \
             whether the key was rotated; if it was, run `helvetisafe trust pin {current}`",
            entry.fingerprint, entry.since
        ),
    )
}

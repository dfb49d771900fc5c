//! Which org key a vault has: remembered on first use, as ssh remembers host keys.
//!
//! A vault that hands out an org key of its own could read all that is written from then on. So a
//! key that changed stops every write, and reading goes on with a warning. Where the fingerprint is
//! configured, the memory is neither read nor written, and another key stops reading too.

mod identity;
mod known_vaults;

use std::io::{self, ErrorKind};

use helvetisafe::{Client, ClientBuilder, Error, Fingerprint};

use crate::config::Config;
use crate::config::table::Setting;
use crate::failure::{Failure, Status};
use crate::messages::Messages;
pub(crate) use identity::VaultId;
pub(crate) use known_vaults::{Entry, KnownVaults};

/// What is known about the org key of one vault before it is asked.
#[derive(Debug)]
pub(crate) struct Trust {
    pub(crate) vault: VaultId,
    pub(crate) expected: Option<Fingerprint>,
    pub(crate) remembered: Option<Entry>,
    /// Where the configured fingerprint was found.
    source: String,
    memory: KnownVaults,
}

impl Trust {
    /// Reads what is configured, else what is remembered.
    pub(crate) fn load(config: &Config) -> Result<Self, Failure> {
        let expected = config.org_key_fingerprint()?;
        let memory = match expected {
            Some(_) => KnownVaults::unused(),
            None => KnownVaults::load(config.insecure_permissions)?,
        };
        Self::new(config, expected, memory)
    }

    /// Reads both, for those who show them.
    pub(crate) fn load_all(config: &Config) -> Result<Self, Failure> {
        let memory = KnownVaults::load(config.insecure_permissions)?;
        Self::new(config, config.org_key_fingerprint()?, memory)
    }

    fn new(
        config: &Config,
        expected: Option<Fingerprint>,
        memory: KnownVaults,
    ) -> Result<Self, Failure> {
        let vault = VaultId::of(config)?;
        let source = config.used(Setting::OrgKeyFingerprint);
        Ok(Self {
            expected,
            remembered: memory.find(&vault).cloned(),
            source: source.map_or_else(String::new, |found| found.place.to_string()),
            vault,
            memory,
        })
    }

    /// Whether the org key has changed, and the failure that says so.
    pub(crate) fn check(&self, current: Fingerprint) -> Result<(), Failure> {
        match (self.expected, &self.remembered) {
            (Some(expected), _) if expected != current => Err(self.not_expected(expected, current)),
            (None, Some(entry)) if entry.fingerprint != current => Err(changed(entry, current)),
            _ => Ok(()),
        }
    }

    /// Connects to read: only an org key that is not the configured one stops it.
    pub(crate) fn connect_to_read(
        mut self,
        builder: ClientBuilder,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let client = pinned(builder, self.expected)
            .connect()
            .map_err(|error| self.explain(error))?;
        let current = client.org_key_fingerprint();
        let trusted = match self.check(current) {
            Ok(()) => self.remember_first(current, messages),
            changed => changed,
        };
        if let Err(failure) = trusted {
            messages.warning(failure.message().unwrap_or_default());
        }
        Ok(client)
    }

    /// Connects to write: the client never takes another org key than the configured or the
    /// remembered one.
    pub(crate) fn connect_to_write(
        mut self,
        builder: ClientBuilder,
        messages: Messages,
    ) -> Result<Client, Failure> {
        let remembered = self.remembered.as_ref().map(|entry| entry.fingerprint);
        let client = pinned(builder, self.expected.or(remembered))
            .connect()
            .map_err(|error| self.explain(error))?;
        self.remember_first(client.org_key_fingerprint(), messages)?;
        Ok(client)
    }

    /// Remembers the org key of a vault that is used for the first time.
    fn remember_first(&mut self, current: Fingerprint, messages: Messages) -> Result<(), Failure> {
        if self.expected.is_some() || self.remembered.is_some() || self.memory.is_unused() {
            return Ok(());
        }
        if self.memory.has_only_others(&self.vault, current) {
            messages.warning(format_args!(
                "first use of this credential: the org key {current} of {} is none of those that \
                 are remembered for other credentials there; if it belongs to the same \
                 organization as one of them, write nothing and ask the vault's owner",
                self.vault.base_url
            ));
        }
        match self.memory.remember_first(&self.vault, current) {
            Ok(None) => messages.done(format_args!("remembered the org key {current}")),
            // Another process was faster.
            Ok(Some(entry)) if entry.fingerprint != current => {
                return Err(changed(&entry, current));
            }
            Ok(Some(_)) => {}
            // It can be remembered, only not now.
            Err(error) if error.kind() == ErrorKind::TimedOut => return Err(Failure::other(error)),
            Err(error) => messages.note(format_args!(
                "cannot remember the org key of this vault, so a changed one goes unnoticed: \
                 {error}; give the fingerprint with HELVETISAFE_ORG_KEY_FINGERPRINT, or set \
                 HELVETISAFE_STATE_DIR to a folder that can be written"
            )),
        }
        Ok(())
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
        Failure::new(
            Status::Crypto,
            format_args!(
                "the org key of this vault is {current}, and {} expects {expected}; ask the \
                 vault's owner which one is right",
                self.source
            ),
        )
    }
}

fn pinned(builder: ClientBuilder, pin: Option<Fingerprint>) -> ClientBuilder {
    match pin {
        Some(pin) => builder.pin_org_key(pin),
        None => builder,
    }
}

fn changed(entry: &Entry, current: Fingerprint) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "the org key of this vault has changed: it was {} since {:.0}, and now is {current}; \
             nothing is written, since whoever made the new key could read it; ask the vault's \
             owner, and if the new key is right, run `helvetisafe trust pin {current}`",
            entry.fingerprint, entry.since
        ),
    )
}

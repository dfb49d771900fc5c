//! The first use of an org key, which is remembered, or refused if it is too doubtful to write.

use std::io::{self, ErrorKind};

use helvetisafe::Fingerprint;

use super::{OTHER_STATE_FOLDER, Trust, changed, pin};
use crate::failure::{Failure, Status};
use crate::ui::messages::Messages;

impl Trust<'_> {
    /// Remembers the first org key of a vault. A failure to do so is a warning.
    pub(super) fn remember_to_read(
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
        let is_seen = messages.is_terminal() || self.settings.trust_first_use;
        let unconfirmed = !is_seen || self.memory.has_only_others(&self.vault, current);
        match self.memory.remember(&self.vault, current, unconfirmed) {
            Ok(None) => messages.done(format_args!("remembered the org key {current}")),
            // Another process was faster.
            Ok(Some(known)) if known.fingerprint != current => {
                return Err(changed(&known, current));
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

    /// Remembers the first org key of a vault before anything is sealed under it. A failure to do so stops
    /// the command.
    pub(super) fn remember_to_write(
        &mut self,
        current: Fingerprint,
        messages: Messages,
    ) -> Result<(), Failure> {
        self.refuse_doubtful(current, messages)?;
        match self.memory.remember(&self.vault, current, false) {
            Ok(Some(known)) if known.fingerprint != current => Err(changed(&known, current)),
            Ok(_) => {
                messages.done(format_args!("remembered the org key {current}"));
                Ok(())
            }
            Err(error) => Err(self.not_remembered(&error, current)),
        }
    }

    /// Refuses a first write if no person could compare the org key.
    fn refuse_doubtful(&self, current: Fingerprint, messages: Messages) -> Result<(), Failure> {
        if self.memory.has_only_others(&self.vault, current) {
            return Err(doubtful(self.only_others(current), current).with_advice(&or_pin(current)));
        }
        if !messages.is_terminal() && !self.settings.trust_first_use {
            return Err(doubtful(
                format_args!(
                    "this is the first write to {} without a terminal on which a person could \
                     compare its org key",
                    self.vault
                ),
                current,
            )
            .with_advice(&or_pin(current))
            .with_advice("or accept any key of the vault with --trust-first-use"));
        }
        Ok(())
    }

    /// Fails if a first write would fail because of the org key. Call it after a read, which remembers the org key if
    /// possible.
    pub(in crate::session) fn check_write(
        &self,
        current: Fingerprint,
        messages: Messages,
    ) -> Result<(), Failure> {
        match (self.expected, &self.remembered) {
            (Some(_), _) => Ok(()),
            (None, Some(known)) if !known.unconfirmed => Ok(()),
            (None, Some(_)) => self.refuse_doubtful(current, messages),
            (None, None) => {
                self.refuse_doubtful(current, messages)?;
                Err(doubtful(
                    format_args!(
                        "the org key of {} could not be remembered, so a changed one would go unnoticed",
                        self.vault
                    ),
                    current,
                )
                .with_advice(OTHER_STATE_FOLDER))
            }
        }
    }

    fn not_remembered(&self, error: &io::Error, current: Fingerprint) -> Failure {
        let failure = doubtful(
            format_args!(
                "cannot remember the org key of {}, so a changed one would go unnoticed: {error}",
                self.vault
            ),
            current,
        );
        match error.kind() {
            // Another process holds the lock, as the error says.
            ErrorKind::TimedOut => failure,
            _ => failure.with_advice(OTHER_STATE_FOLDER),
        }
    }

    fn only_others(&self, current: Fingerprint) -> String {
        format!(
            "first use of this credential: the org key {current} of {} differs from those that are \
             remembered for other credentials there",
            self.vault.base_url
        )
    }
}

/// A first use that is too doubtful to write.
fn doubtful(why: impl std::fmt::Display, current: Fingerprint) -> Failure {
    Failure::new(
        Status::Crypto,
        format_args!(
            "{why}; nothing was written; ask the vault's owner for the fingerprint of the org key, and \
             if it is this one, set HELVETISAFE_ORG_KEY_FINGERPRINT={current}"
        ),
    )
}

fn or_pin(current: Fingerprint) -> String {
    format!("or run {}", pin(current))
}

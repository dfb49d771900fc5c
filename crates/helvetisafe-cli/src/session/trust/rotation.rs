//! The org keys that are trusted while a command runs.

use std::sync::{Mutex, PoisonError};

use helvetisafe::{Fingerprint, OrgKeyRotation};

use super::known_vaults::KnownVaults;
use crate::advice;
use crate::failure::Failure;
use crate::settings::{Settings, VaultId};
use crate::ui::messages::Messages;

/// The org keys that the user trusts while a command runs.
#[derive(Clone, Debug)]
pub(crate) struct TrustedKeys {
    vault: VaultId,
    expected: Option<Fingerprint>,
    insecure_permissions: bool,
}

impl TrustedKeys {
    pub(crate) fn of(settings: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            vault: settings.vault_id()?,
            expected: settings.org_key.as_ref().map(|key| key.fingerprint),
            insecure_permissions: settings.insecure_permissions,
        })
    }

    /// Returns true if a key is the configured one, or the one that is remembered now.
    pub(crate) fn has(&self, key: Fingerprint) -> bool {
        if let Some(expected) = self.expected {
            return expected == key;
        }
        let memory = KnownVaults::load(self.insecure_permissions);
        memory.is_ok_and(|memory| {
            let entry = memory.find(&self.vault);
            entry.is_some_and(|entry| entry.fingerprint == key)
        })
    }
}

/// Returns the policy for an org key that changes while a command runs: a key that the user trusts by then
/// is accepted without a restart. With `messages` any other key is reported, once.
pub(in crate::session) fn rotation(
    settings: &Settings,
    messages: Option<Messages>,
) -> Result<OrgKeyRotation, Failure> {
    let trusted = TrustedKeys::of(settings)?;
    let reported = Mutex::new(None);
    Ok(OrgKeyRotation::ask(move |change| {
        let is_trusted = trusted.has(change.offered());
        if let (false, Some(messages)) = (is_trusted, messages)
            && is_new(change.offered(), &reported)
        {
            messages.warning(format_args!(
                "the org key of this vault has changed: it was {}, and is now {1}; secrets under the new \
                 key are refused; ask the vault's owner whether the key was rotated; if it was, run \
                 {2}, or change the configured fingerprint and start again",
                change.accepted(),
                change.offered(),
                advice::command(format_args!("trust pin {}", change.offered()))
            ));
        }
        is_trusted
    }))
}

/// Stores a fingerprint, and returns whether it differs from the last one.
fn is_new(fingerprint: Fingerprint, last: &Mutex<Option<Fingerprint>>) -> bool {
    let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
    last.replace(fingerprint) != Some(fingerprint)
}

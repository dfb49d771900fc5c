//! The org keys that are trusted while a command runs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use helvetisafe::{Fingerprint, OrgKeyChange, OrgKeyRotation};

use super::known_vaults::{KnownVault, KnownVaults};
use super::organization::verdict;
use super::{Access, Trust};
use crate::advice;
use crate::failure::Failure;
use crate::session::connect::builder;
use crate::settings::{Settings, VaultId};
use crate::ui::messages::Messages;

/// The time after which the chain is followed again for a key that it did not confirm.
const PAUSE: Duration = Duration::from_secs(5);

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

    /// Returns true if a key is the configured one, or the one that is remembered now. Nothing is sealed under a key that is not
    /// confirmed.
    fn has(&self, key: Fingerprint, access: Access) -> bool {
        let is_write = matches!(access, Access::Write);
        self.is_accepted(key, |entry| {
            entry.fingerprint == key && !(is_write && entry.unconfirmed)
        })
    }

    /// Returns true if a key is trusted now, or if the chain of a remembered organization may confirm it.
    pub(crate) fn may_have(&self, key: Fingerprint) -> bool {
        self.is_accepted(key, |entry| {
            entry.fingerprint == key || entry.organization.is_some()
        })
    }

    /// Returns true if a key is the configured one. If none is configured, the remembered entry decides.
    fn is_accepted(&self, key: Fingerprint, decide: impl Fn(&KnownVault) -> bool) -> bool {
        if let Some(expected) = self.expected {
            return expected == key;
        }
        let memory = KnownVaults::load(self.insecure_permissions);
        memory.is_ok_and(|memory| memory.find(&self.vault).is_some_and(decide))
    }
}

/// Returns the policy for an org key that changes while a command runs: a key that the user trusts by then, or that the signed
/// chain of the remembered organization has, is accepted without a restart. With `is_reported` any other key is reported,
/// once.
pub(in crate::session) fn rotation(
    settings: &Settings,
    access: Access,
    messages: Messages,
    is_reported: bool,
) -> Result<OrgKeyRotation, Failure> {
    let trusted = TrustedKeys::of(settings)?;
    let chain = Mutex::new(Following {
        settings: settings.clone(),
        last: None,
    });
    Ok(OrgKeyRotation::ask(move |change| {
        if trusted.has(change.offered(), access) {
            return true;
        }
        // One thread follows the chain; the others find the remembered key.
        let mut chain = chain.lock().unwrap_or_else(PoisonError::into_inner);
        if trusted.has(change.offered(), access) {
            return true;
        }
        let earlier = chain.last.filter(|it| it.key == change.offered());
        if earlier.is_some_and(|it| it.at.elapsed() < PAUSE) {
            return false;
        }
        let Err(reason) = follow(&chain.settings, change.offered(), messages) else {
            return true;
        };
        chain.last = Some(Refused {
            key: change.offered(),
            at: Instant::now(),
        });
        if is_reported && earlier.is_none() {
            report(change, reason.as_deref(), messages);
        }
        false
    }))
}

/// The means to follow the chain, and the last key that it did not confirm.
struct Following {
    settings: Settings,
    last: Option<Refused>,
}

/// An org key that was not accepted.
#[derive(Clone, Copy)]
struct Refused {
    key: Fingerprint,
    at: Instant,
}

/// Accepts and remembers an org key of the signed chain. Fails with the verdict of the chain and what to do next; with `None`
/// if no chain is followed, or it could not be fetched.
fn follow(
    settings: &Settings,
    offered: Fingerprint,
    messages: Messages,
) -> Result<(), Option<String>> {
    let trust = Trust::load(settings).map_err(|_| None)?;
    let followed = trust.followed().map_err(|_| None)?.ok_or(None)?;
    let builder = builder(settings, messages).map_err(|_| None)?;
    let client = trust
        .connect_following(builder, &followed)
        .map_err(|error| verdict(&error))?;
    let is_offered = client.org_key_fingerprint() == offered;
    let remembered = trust.remember_replaced(client, followed, messages);
    remembered.map_err(|failure| failure.message().map(str::to_owned))?;
    is_offered.then_some(()).ok_or(None)
}

fn report(change: &OrgKeyChange, reason: Option<&str>, messages: Messages) {
    let changed = format_args!(
        "the org key of this vault has changed: it was {}, and is now {}",
        change.accepted(),
        change.offered()
    );
    match reason {
        Some(reason) => messages.warning(format_args!(
            "{changed}; secrets under the new key are refused, since {reason}"
        )),
        None => messages.warning(format_args!(
            "{changed}; secrets under the new key are refused; ask the vault's owner whether the key was rotated; if it was, run \
             {}, or change the configured fingerprint and start again",
            advice::command(format_args!("trust pin {}", change.offered()))
        )),
    }
}

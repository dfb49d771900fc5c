//! The org keys that are trusted while a command runs.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use helvetisafe::organization::Head;
use helvetisafe::{Client, ClientBuilder, Fingerprint, OrgKeyChange, OrgKeyRotation, Timestamp};

use super::doubt::verdict;
use super::followed::Followed;
use super::known_vault::{KnownVault, NumberedKey};
use super::known_vaults::KnownVaults;
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
struct TrustedKeys {
    vault: VaultId,
    expected: Option<Fingerprint>,
    insecure_permissions: bool,
}

impl TrustedKeys {
    fn of(settings: &Settings) -> Result<Self, Failure> {
        Ok(Self {
            vault: settings.vault_id()?,
            expected: settings.org_key.as_ref().map(|key| key.fingerprint),
            insecure_permissions: settings.insecure_permissions,
        })
    }

    /// Returns true if a key is the configured one, or the one that is remembered now.
    fn has(&self, key: Fingerprint) -> bool {
        self.is_accepted(key, |entry| entry.fingerprint == key)
    }

    fn is_accepted(&self, key: Fingerprint, is_trusted: impl Fn(&KnownVault) -> bool) -> bool {
        if let Some(expected) = self.expected {
            return expected == key;
        }
        let memory = KnownVaults::load(self.insecure_permissions);
        memory.is_ok_and(|memory| memory.find(&self.vault).is_some_and(is_trusted))
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
    let following = Mutex::new(Following {
        trusted: TrustedKeys::of(settings)?,
        is_write: matches!(access, Access::Write),
        settings: settings.clone(),
        messages,
        last: None,
        outdated: None,
    });
    // One thread follows the chain; the others find the remembered key.
    Ok(OrgKeyRotation::ask(move |change| {
        let mut following = following.lock().unwrap_or_else(PoisonError::into_inner);
        following.accepts(change, is_reported)
    }))
}

/// Connects anew in place of a reading client that followed the chain, with the same access token, and with the org key
/// pinned that is remembered by now. The policy of `builder` then reports and remembers a later rotation, too. If the key
/// could not be remembered, or has been replaced since, the client goes on to follow the chain by itself.
pub(super) fn connect_pinned(
    settings: &Settings,
    access: Access,
    builder: impl Fn() -> Result<ClientBuilder, Failure>,
    client: Client,
) -> Result<Client, Failure> {
    let key = NumberedKey::of(&client);
    if matches!(access, Access::Write) || !TrustedKeys::of(settings)?.has(key.fingerprint) {
        return Ok(client);
    }
    let builder = builder()?.pin_org_key(key.fingerprint);
    let builder = match client.resumption_ticket() {
        Ok(Some(ticket)) => builder.resume(ticket),
        _ => builder,
    };
    Ok(match builder.connect() {
        // Without the number of the chain it may be a replaced key by now.
        Ok(pinned) if pinned.key_epoch() == key.epoch => pinned,
        _ => client,
    })
}

/// The means to follow the chain, and what this process has seen of it.
struct Following {
    trusted: TrustedKeys,
    /// Nothing is sealed under a key that is not confirmed.
    is_write: bool,
    settings: Settings,
    messages: Messages,
    /// The last key that the chain did not confirm.
    last: Option<Refused>,
    outdated: Option<Outdated>,
}

/// An org key that was not accepted.
#[derive(Clone, Copy)]
struct Refused {
    key: Fingerprint,
    at: Instant,
}

/// A remembered org key that the chain has replaced. It counts as replaced for this process even if the memory cannot be
/// written, until the user remembers a key anew.
#[derive(Clone, Copy)]
struct Outdated {
    key: Fingerprint,
    since: Timestamp,
    /// The newest head that was followed.
    head: Option<Head>,
}

impl Outdated {
    fn is(&self, entry: &KnownVault) -> bool {
        (self.key, self.since) == (entry.fingerprint, entry.since)
    }
}

impl Following {
    /// Returns true if an org key is trusted by now, or if it is that of the chain.
    fn accepts(&mut self, change: &OrgKeyChange, is_reported: bool) -> bool {
        let offered = NumberedKey {
            fingerprint: change.offered(),
            epoch: change.offered_epoch(),
        };
        if self.has(offered) {
            return true;
        }
        let earlier = self.last.filter(|it| it.key == offered.fingerprint);
        if earlier.is_some_and(|it| it.at.elapsed() < PAUSE) {
            return false;
        }
        let Err(reason) = self.follow(offered, change.time_left()) else {
            return true;
        };
        self.last = Some(Refused {
            key: offered.fingerprint,
            at: Instant::now(),
        });
        if is_reported && earlier.is_none() {
            report(change, reason.as_deref(), self.messages);
        }
        false
    }

    fn has(&self, key: NumberedKey) -> bool {
        self.trusted.is_accepted(key.fingerprint, |entry| {
            let is_outdated = self.outdated.is_some_and(|it| it.is(entry));
            let is_unconfirmed = self.is_write && entry.unconfirmed;
            // The chain decides about a number that is not remembered.
            let is_doubted = entry.is_renumbered(key)
                || entry.is_unnumbered(key) && entry.organization.is_some();
            let is_same = entry.fingerprint == key.fingerprint && !is_doubted;
            is_same && !is_outdated && !is_unconfirmed
        })
    }

    /// Accepts and remembers an org key of the signed chain. Fails with the verdict of the chain and what to do next; with
    /// `None` if no chain is followed, or it could not be fetched.
    fn follow(&mut self, offered: NumberedKey, time: Duration) -> Result<(), Option<String>> {
        let messages = self.messages;
        let trust = Trust::load(&self.settings).map_err(|_| None)?;
        let followed = trust.followed().map_err(|_| None)?.ok_or(None)?;
        let known = trust.remembered.clone().ok_or(None)?;
        let followed = self.newest(followed, &known).within(time);
        let builder = builder(&self.settings, messages).map_err(|_| None)?;
        let client = trust
            .connect_following(builder, &followed)
            .map_err(|error| match trust.never_in_chain(&error) {
                Some(failure) => failure.message().map(str::to_owned),
                None => verdict(&error),
            })?;
        let (present, head) = (NumberedKey::of(&client), client.chain_head());
        let remembered = trust.remember_replaced(client, followed, messages);
        remembered.map_err(|failure| failure.message().map(str::to_owned))?;
        if present.fingerprint != known.fingerprint {
            self.outdated = Some(Outdated {
                key: known.fingerprint,
                since: known.since,
                head,
            });
        }
        if present.fingerprint != offered.fingerprint {
            return Err(None);
        }
        match offered.epoch.is_none() || offered.epoch == present.epoch {
            true => Ok(()),
            false => Err(Some(
                "the signed chain has it under another number, so the vault may have replaced it since; ask an administrator \
                 before you continue"
                    .to_owned(),
            )),
        }
    }

    /// Starts at the head that this process has seen, if the memory could not be written since.
    fn newest(&self, followed: Followed, known: &KnownVault) -> Followed {
        let outdated = self.outdated.filter(|it| it.is(known));
        match outdated.and_then(|it| it.head) {
            Some(head) => followed.after(head),
            None => followed,
        }
    }
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

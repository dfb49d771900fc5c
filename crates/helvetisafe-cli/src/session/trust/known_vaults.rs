//! The remembered org keys: `known-vaults.json` in the state folder.
//!
//! ```json
//! {
//!   "version": 1,
//!   "vaults": [
//!     {
//!       "base_url": "https://vault.example",
//!       "account": "client-id app",
//!       "fingerprint": "SHA256:…",
//!       "since": "2026-01-31T12:00:00Z",
//!       "unconfirmed": true,
//!       "org_key_number": 1,
//!       "organization": …
//!     }
//!   ]
//! }
//! ```
//!
//! The version is 2 if an entry has an organization: version 1 of the command would drop it.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use helvetisafe::Fingerprint;
use helvetisafe::organization::Chain;
use serde::{Deserialize, Serialize};

use super::known_organization::KnownOrganization;
use super::known_vault::{KnownVault, NumberedKey};
use crate::failure::Failure;
use crate::fs::state_folder::{self, StateFolder};
use crate::settings::VaultId;

const FILE: &str = "known-vaults.json";
const LOCK: &str = ".known-vaults.lock";
const VERSION: u8 = 1;
/// The version of a file with organizations.
const WITH_ORGANIZATIONS: u8 = 2;
/// The time to wait for the lock of another process.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// All remembered vaults.
#[derive(Debug)]
pub(super) struct KnownVaults {
    /// `None` without a home folder, or if nothing is to be remembered.
    folder: Option<PathBuf>,
    insecure_permissions: bool,
    entries: Vec<KnownVault>,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u8,
    vaults: Vec<KnownVault>,
}

impl KnownVaults {
    /// Reads the file; a missing one is empty.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the file cannot be read, or if another user could have written or replaced it: the
    /// remembered org keys must not get lost unnoticed.
    pub(super) fn load(insecure_permissions: bool) -> Result<Self, Failure> {
        let folder = state_folder::path()?;
        let opened = match &folder {
            Some(folder) => StateFolder::open(folder, insecure_permissions)?,
            None => None,
        };
        let entries = match &opened {
            Some(opened) => {
                opened.check_lock(LOCK)?;
                read(opened)?
            }
            None => Vec::new(),
        };
        Ok(Self {
            folder,
            insecure_permissions,
            entries,
        })
    }

    /// Creates an empty memory that stores nothing.
    pub(super) fn unused() -> Self {
        Self {
            folder: None,
            insecure_permissions: false,
            entries: Vec::new(),
        }
    }

    pub(super) fn into_entries(self) -> Vec<KnownVault> {
        self.entries
    }

    pub(super) fn find(&self, vault: &VaultId) -> Option<&KnownVault> {
        self.entries.iter().find(|entry| entry.vault == *vault)
    }

    /// Returns true if other credentials of the same vault are remembered, and all with other keys. An
    /// unconfirmed entry counts only if there is no confirmed one: a key that a vault sent for one read
    /// must not vouch for itself.
    pub(super) fn has_only_others(&self, vault: &VaultId, current: Fingerprint) -> bool {
        let there = || {
            let there = self.entries.iter();
            there.filter(|it| it.vault != *vault && it.vault.has_address_of(vault))
        };
        let is_confirmed = there().any(|entry| !entry.unconfirmed);
        let mut counted = there()
            .filter(|entry| !(is_confirmed && entry.unconfirmed))
            .peekable();
        counted.peek().is_some() && counted.all(|entry| entry.fingerprint != current)
    }

    /// Remembers a vault, or returns the entry that another process has stored. An unconfirmed entry is
    /// confirmed if `unconfirmed` is false.
    pub(super) fn remember(
        &mut self,
        vault: &VaultId,
        fingerprint: Fingerprint,
        unconfirmed: bool,
    ) -> io::Result<Option<KnownVault>> {
        let (folder, _lock) = self.lock_and_reload(LOCK_TIMEOUT)?;
        let known = self.entries.iter_mut().find(|it| it.vault == *vault);
        match known {
            Some(entry)
                if entry.fingerprint == fingerprint && entry.unconfirmed && !unconfirmed =>
            {
                entry.unconfirmed = false;
            }
            Some(entry) => return Ok(Some(entry.clone())),
            None => self.entries.push(KnownVault {
                unconfirmed,
                ..KnownVault::new(vault, NumberedKey::unnumbered(fingerprint))
            }),
        }
        self.save(&folder).map(|()| None)
    }

    /// Replaces the remembered org key, or removes the entry.
    pub(super) fn replace(&mut self, vault: &VaultId, key: Option<NumberedKey>) -> io::Result<()> {
        let (folder, _lock) = self.lock_and_reload(LOCK_TIMEOUT)?;
        let mut removed = self.entries.extract_if(.., |entry| entry.vault == *vault);
        let old = removed.next();
        drop(removed);
        let new = key.map(|key| match old {
            Some(old) => old.with_key(key),
            None => KnownVault::new(vault, key),
        });
        self.entries.extend(new);
        self.save(&folder)
    }

    /// Returns the newest part of an organization's chain that is remembered for any credential.
    pub(super) fn organization(&self, id: &str) -> Option<&KnownOrganization> {
        let known = self.entries.iter();
        let known = known.filter_map(|entry| entry.organization.as_ref());
        let known = known.filter(|it| it.id == id);
        known.max_by_key(|it| it.head.sequence)
    }

    /// Remembers a verified part of a chain and the org key that it names. A part that is remembered is only replaced by
    /// one of a chain that contains it. Returns false if another process has remembered another history.
    pub(super) fn follow(
        &mut self,
        vault: &VaultId,
        key: NumberedKey,
        seen: KnownOrganization,
        chain: Option<&Chain>,
    ) -> io::Result<bool> {
        let (folder, _lock) = self.lock_and_reload(LOCK_TIMEOUT)?;
        let key = chain.map_or(key, |chain| key.numbered_by(chain));
        let known = self.entries.iter_mut().find(|it| it.vault == *vault);
        let Some(entry) = known else {
            self.entries.push(KnownVault {
                organization: Some(seen),
                ..KnownVault::new(vault, key)
            });
            return self.save(&folder).map(|()| true);
        };
        let organization = entry.organization.get_or_insert_with(|| seen.clone());
        if !organization.advance(&seen, chain) {
            return Ok(false);
        }
        // A chain that contains a trusted part vouches for its org key.
        if entry.fingerprint == key.fingerprint {
            entry.unconfirmed = false;
        }
        if let Some(chain) = chain.filter(|chain| *chain.fingerprint() == entry.fingerprint) {
            entry.set_epoch(chain.epoch());
        }
        self.save(&folder).map(|()| true)
    }

    /// Remembers the number of the remembered org key, if it has none yet. Does not wait for a lock: the next command remembers
    /// it, too.
    pub(super) fn saw_epoch(
        &mut self,
        vault: &VaultId,
        key: Fingerprint,
        epoch: u64,
    ) -> io::Result<()> {
        let (folder, _lock) = self.lock_and_reload(Duration::ZERO)?;
        let known = self.entries.iter_mut().find(|it| it.vault == *vault);
        match known {
            Some(entry) if entry.fingerprint == key && entry.key_epoch.is_none() => {
                entry.set_epoch(epoch);
            }
            _ => return Ok(()),
        }
        self.save(&folder)
    }

    /// Remembers that the vault has accepted the account. Does not wait for a lock: the next command remembers it, too.
    pub(super) fn saw_work(&mut self, vault: &VaultId) -> io::Result<()> {
        let (folder, _lock) = self.lock_and_reload(Duration::ZERO)?;
        let known = self.entries.iter_mut().find(|it| it.vault == *vault);
        let Some(entry) = known.filter(|entry| !entry.has_worked) else {
            return Ok(());
        };
        entry.has_worked = true;
        self.save(&folder)
    }

    pub(super) fn file(&self) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(FILE))
    }

    /// Locks the file until the returned lock is dropped, and reads what other processes have written.
    fn lock_and_reload(&mut self, timeout: Duration) -> io::Result<(StateFolder, File)> {
        let folder = StateFolder::create(self.folder()?, self.insecure_permissions)?;
        let lock = folder.lock(LOCK, timeout)?;
        self.entries = read(&folder).map_err(to_io)?;
        Ok((folder, lock))
    }

    fn save(&self, folder: &StateFolder) -> io::Result<()> {
        let has_organizations = self.entries.iter().any(|it| it.organization.is_some());
        let contents = Contents {
            version: if has_organizations {
                WITH_ORGANIZATIONS
            } else {
                VERSION
            },
            vaults: self.entries.clone(),
        };
        let mut json = serde_json::to_vec_pretty(&contents)?;
        json.push(b'\n');
        folder.write(FILE, &json)
    }

    fn folder(&self) -> io::Result<&Path> {
        let none = || io::Error::new(ErrorKind::NotFound, "there is no home folder");
        self.folder.as_deref().ok_or_else(none)
    }
}

fn read(folder: &StateFolder) -> Result<Vec<KnownVault>, Failure> {
    let Some(json) = folder.read(FILE, "the remembered vaults")? else {
        return Ok(Vec::new());
    };
    let contents: Contents =
        serde_json::from_slice(&json).map_err(|error| malformed(folder, &error))?;
    match contents.version {
        VERSION | WITH_ORGANIZATIONS => {
            let entries = contents.vaults.into_iter();
            Ok(entries.map(KnownVault::upgraded).collect())
        }
        version => Err(malformed(folder, &format_args!("its version is {version}"))),
    }
}

fn malformed(folder: &StateFolder, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format_args!(
        "cannot parse {folder}/{FILE}, which remembers the vaults: {error}; fix it, or move it \
         away and check the fingerprints with `helvetisafe trust`"
    ))
}

fn to_io(failure: Failure) -> io::Error {
    io::Error::other(failure.message().unwrap_or_default().to_owned())
}

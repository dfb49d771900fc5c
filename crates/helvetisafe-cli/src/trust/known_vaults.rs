//! The file that remembers: `known-vaults.json` in the state folder.
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
//!       "unconfirmed": true
//!     }
//!   ]
//! }
//! ```

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use helvetisafe::{Fingerprint, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::VaultId;
use crate::failure::Failure;
use crate::state_folder::{self, StateFolder};

const FILE: &str = "known-vaults.json";
const LOCK: &str = ".known-vaults.lock";
const VERSION: u8 = 1;
/// How long to wait for other processes.
const PATIENCE: Duration = Duration::from_secs(10);

/// One remembered vault.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Entry {
    #[serde(flatten)]
    pub(crate) vault: VaultId,
    #[serde(serialize_with = "as_text", deserialize_with = "from_text")]
    pub(crate) fingerprint: Fingerprint,
    pub(crate) since: Timestamp,
    /// Remembered by a command that read, without a terminal on which a person could compare it, or
    /// although other credentials of the vault have another one. It detects a change, and is no
    /// permission to write.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(crate) unconfirmed: bool,
}

/// All remembered vaults, as they were when they were read.
#[derive(Debug)]
pub(crate) struct KnownVaults {
    /// `None` when there is no home, or when nothing shall be remembered.
    folder: Option<PathBuf>,
    insecure_permissions: bool,
    entries: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u8,
    vaults: Vec<Entry>,
}

impl KnownVaults {
    /// Reads the file. One that is not there remembers nothing.
    ///
    /// # Errors
    ///
    /// [`Failure`] where it cannot be read, where another user could have written it, or could put
    /// something else in its place: what it remembers must not be lost without being noticed.
    pub(crate) fn load(insecure_permissions: bool) -> Result<Self, Failure> {
        let folder = state_folder::path();
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

    /// A memory that holds nothing and keeps nothing.
    pub(crate) fn unused() -> Self {
        Self {
            folder: None,
            insecure_permissions: false,
            entries: Vec::new(),
        }
    }

    pub(crate) fn find(&self, vault: &VaultId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.vault == *vault)
    }

    /// Returns whether other credentials are remembered for the same vault, and all with other keys. An
    /// entry that was not confirmed counts only where no other does: a key that a vault showed to one
    /// read must not vouch for itself.
    pub(crate) fn has_only_others(&self, vault: &VaultId, current: Fingerprint) -> bool {
        let there = || {
            let there = self.entries.iter();
            there.filter(|it| it.vault != *vault && it.vault.is_at_the_place_of(vault))
        };
        let is_confirmed = there().any(|entry| !entry.unconfirmed);
        let mut counted = there()
            .filter(|entry| !(is_confirmed && entry.unconfirmed))
            .peekable();
        counted.peek().is_some() && counted.all(|entry| entry.fingerprint != current)
    }

    /// Remembers a vault unless another process has remembered it, and returns that entry then. One
    /// that was not confirmed is confirmed when `unconfirmed` is false.
    pub(crate) fn remember(
        &mut self,
        vault: &VaultId,
        fingerprint: Fingerprint,
        unconfirmed: bool,
    ) -> io::Result<Option<Entry>> {
        let (folder, _lock) = self.lock_and_reload()?;
        let known = self.entries.iter_mut().find(|it| it.vault == *vault);
        match known {
            Some(entry)
                if entry.fingerprint == fingerprint && entry.unconfirmed && !unconfirmed =>
            {
                entry.unconfirmed = false;
            }
            Some(entry) => return Ok(Some(entry.clone())),
            None => self.entries.push(Entry {
                unconfirmed,
                ..Entry::new(vault, fingerprint)
            }),
        }
        self.save(&folder).map(|()| None)
    }

    /// Remembers another fingerprint, or none.
    pub(crate) fn replace(
        &mut self,
        vault: &VaultId,
        fingerprint: Option<Fingerprint>,
    ) -> io::Result<()> {
        let (folder, _lock) = self.lock_and_reload()?;
        self.entries.retain(|entry| entry.vault != *vault);
        let new = fingerprint.map(|fingerprint| Entry::new(vault, fingerprint));
        self.entries.extend(new);
        self.save(&folder)
    }

    pub(crate) fn file(&self) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(FILE))
    }

    /// Keeps other processes out until the lock is dropped, and takes in what they wrote.
    fn lock_and_reload(&mut self) -> io::Result<(StateFolder, File)> {
        let folder = StateFolder::make(self.folder()?, self.insecure_permissions)?;
        let lock = folder.lock(LOCK, PATIENCE)?;
        self.entries = read(&folder).map_err(to_io)?;
        Ok((folder, lock))
    }

    fn save(&self, folder: &StateFolder) -> io::Result<()> {
        let contents = Contents {
            version: VERSION,
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

impl Entry {
    fn new(vault: &VaultId, fingerprint: Fingerprint) -> Self {
        Self {
            vault: vault.clone(),
            fingerprint,
            since: Timestamp::now(),
            unconfirmed: false,
        }
    }
}

fn read(folder: &StateFolder) -> Result<Vec<Entry>, Failure> {
    // A user who can write it could make us trust any key.
    let Some(json) = folder.read(FILE, "the remembered vaults")? else {
        return Ok(Vec::new());
    };
    let contents: Contents =
        serde_json::from_slice(&json).map_err(|error| malformed(folder, &error))?;
    match contents.version {
        VERSION => Ok(contents.vaults),
        version => Err(malformed(folder, &format_args!("its version is {version}"))),
    }
}

fn malformed(folder: &StateFolder, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format_args!(
        "cannot understand {folder}/{FILE}, which remembers the vaults: {error}; mend it, or move it \
         away and check the fingerprints with `helvetisafe trust`"
    ))
}

fn to_io(failure: Failure) -> io::Error {
    io::Error::other(failure.message().unwrap_or_default().to_owned())
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_false(value: &bool) -> bool {
    !value
}

fn as_text<S: Serializer>(fingerprint: &Fingerprint, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(fingerprint)
}

fn from_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse()
        .map_err(|_| de::Error::custom("a fingerprint is SHA256: and 43 characters"))
}

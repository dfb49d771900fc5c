//! The file of the cache: one for each vault and account, in `cache` in the state folder.
//!
//! ```json
//! {
//!   "version": 1,
//!   "base_url": "https://vault.example",
//!   "account": "client-id app",
//!   "answers": {
//!     "secrets/KEY": {
//!       "at": "2026-01-31T12:00:00Z",
//!       "answer": { "key": "KEY", "value": "…", "nonce": "…" }
//!     },
//!     "ticket": { "at": "2026-01-31T12:00:00Z", "answer": "…" }
//!   }
//! }
//! ```

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::recorder::Update;
use super::snapshot::Snapshot;
use crate::failure::Failure;
use crate::fs::state_folder::{self, Refusal, StateFolder};
use crate::random;
use crate::settings::{Settings, VaultId};
use crate::ui::messages::Messages;

const VERSION: u8 = 1;
/// In the state folder.
const FOLDER: &str = "cache";
/// The time to wait for the lock: the vault can give all entries again.
const LOCK_TIMEOUT: Duration = Duration::from_secs(2);
/// The bytes of the digest that names the file.
const NAME_LENGTH: usize = 16;

pub(crate) struct CacheFile {
    /// The state folder.
    state: PathBuf,
    /// Without an extension.
    name: String,
    vault: VaultId,
    insecure_permissions: bool,
}

#[derive(Serialize, Deserialize)]
struct Contents {
    version: u8,
    #[serde(flatten)]
    vault: VaultId,
    answers: Snapshot,
}

impl CacheFile {
    /// Reads the file, if there is a state folder. An unreadable file is reported and replaced, unless it
    /// `is_needed`. `what` names the contents in messages.
    ///
    /// # Errors
    ///
    /// [`Failure`] if another user could have written or replaced the file, or if an unreadable one is
    /// needed.
    pub(crate) fn load(
        settings: &Settings,
        what: &str,
        is_needed: bool,
        messages: Messages,
    ) -> Result<(Option<Self>, Snapshot), Failure> {
        let file = Self::of(settings)?;
        let read = match &file {
            Some(file) => file.read(file.open()?.as_ref()),
            None => Err(Refusal::Unusable(format!(
                "there is no home folder to store {what} in; set HELVETISAFE_STATE_DIR"
            ))),
        };
        match read {
            Ok(snapshot) => Ok((file, snapshot)),
            Err(refusal) if is_needed || matches!(refusal, Refusal::Untrusted(_)) => {
                Err(refusal.into())
            }
            Err(refusal) => {
                messages.warning(Failure::from(refusal).message().unwrap_or_default());
                Ok((file, Snapshot::default()))
            }
        }
    }

    /// Removes entries from the file of this vault and account, if there is one that has them.
    pub(crate) fn remove(settings: &Settings, removals: Update) -> Result<(), Failure> {
        let Some(file) = Self::of(settings)? else {
            return Ok(());
        };
        let snapshot = match file.read(file.open()?.as_ref()) {
            // No command uses it.
            Err(Refusal::Unusable(_)) => return Ok(()),
            read => read?,
        };
        if !snapshot.has_any(&removals) {
            return Ok(());
        }
        file.update(removals).map_err(|error| {
            Failure::other(format_args!(
                "cannot remove the old values of written secrets from the offline cache {file}: {error}; delete it"
            ))
        })
    }

    fn of(settings: &Settings) -> Result<Option<Self>, Failure> {
        let vault = settings.vault_id()?;
        Ok(state_folder::path()?.map(|state| Self {
            state,
            name: name(&vault),
            vault,
            insecure_permissions: settings.insecure_permissions,
        }))
    }

    fn file_name(&self) -> String {
        format!("{}.json", self.name)
    }

    fn lock_name(&self) -> String {
        format!("{}.lock", self.name)
    }

    /// Opens the folder of the file; `None` if it does not exist or is unreachable.
    fn open(&self) -> Result<Option<StateFolder>, Failure> {
        let state = StateFolder::open(&self.state, self.insecure_permissions)?;
        let folder = match state {
            Some(state) => state.open_folder(FOLDER)?,
            None => None,
        };
        if let Some(folder) = &folder {
            folder.check_lock(&self.lock_name())?;
        }
        Ok(folder)
    }

    /// Reads the file; an empty snapshot if it does not exist.
    fn read(&self, folder: Option<&StateFolder>) -> Result<Snapshot, Refusal> {
        let json = match folder {
            Some(folder) => folder.read(&self.file_name(), "the offline cache")?,
            None => None,
        };
        json.map_or_else(|| Ok(Snapshot::default()), |json| self.parse(&json))
    }

    fn parse(&self, json: &[u8]) -> Result<Snapshot, Refusal> {
        let contents: Contents =
            serde_json::from_slice(json).map_err(|error| self.malformed(&error))?;
        if contents.version != VERSION {
            return Err(self.malformed(&format_args!("its version is {}", contents.version)));
        }
        if contents.vault != self.vault {
            return Err(self.malformed(&"it belongs to another vault or account"));
        }
        Ok(contents.answers)
    }

    /// Applies an update, under a lock, to what other processes have written.
    pub(crate) fn update(&self, update: Update) -> io::Result<()> {
        let state = StateFolder::create(&self.state, self.insecure_permissions)?;
        let folder = state.create_folder(FOLDER)?;
        let _lock = folder.lock(&self.lock_name(), LOCK_TIMEOUT)?;
        let mut snapshot = match self.read(Some(&folder)) {
            Err(refusal @ Refusal::Untrusted(_)) => return Err(refusal.into_io()),
            // An unusable file was reported when it was loaded.
            read => read.unwrap_or_default(),
        };
        snapshot.apply(update, Timestamp::now());
        let contents = Contents {
            version: VERSION,
            vault: self.vault.clone(),
            answers: snapshot,
        };
        let mut json = serde_json::to_vec(&contents)?;
        json.push(b'\n');
        folder.write(&self.file_name(), &json)
    }

    fn malformed(&self, error: &dyn fmt::Display) -> Refusal {
        Refusal::Unusable(format!(
            "cannot use {self}, which caches the vault's answers: {error}; delete it to start again"
        ))
    }
}

impl fmt::Display for CacheFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.state.join(FOLDER).join(self.file_name());
        write!(f, "{}", path.display())
    }
}

/// Returns a name without information that fits every file system.
fn name(vault: &VaultId) -> String {
    let digest = Sha256::new()
        .chain_update(b"HelvetiSafe kept answers v1\0")
        .chain_update(vault.base_url.as_bytes())
        .chain_update(b"\0")
        .chain_update(vault.account.as_bytes())
        .finalize();
    random::hex(&digest[..NAME_LENGTH]).to_string()
}

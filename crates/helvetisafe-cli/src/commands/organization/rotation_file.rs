//! The new org key of a rotation that is not complete: a file of mode 0600 in the state folder, with the key wrapped for
//! this account. It is written before anything is sent, so a killed command is resumed with the same key.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::organization::{Chain, NewOrgKey, OrganizationId, RotationId};
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::fs::state_folder::{self, StateFolder};

const VERSION: u8 = 1;
const WHAT: &str = "the new org key of an interrupted rotation";

/// The time to wait for the lock of another command. A dry run has it for a moment.
const LOCK_TIMEOUT: Duration = Duration::from_millis(500);

/// The file of one organization.
pub(super) struct RotationFile {
    folder: StateFolder,
    name: String,
    path: PathBuf,
}

/// The lock against other commands that replace the org key or give up a rotation, until it is dropped.
pub(super) struct Lock(#[expect(dead_code, reason = "closing the file unlocks it")] File);

/// The content of the file.
#[derive(Serialize, Deserialize)]
pub(super) struct Stored {
    version: u8,
    pub(super) id: RotationId,
    /// The account for which the key is wrapped.
    pub(super) account: String,
    pub(super) fingerprint: String,
    pub(super) wrapped_org_key: String,
    /// The number that the key is to have; `None` in a file of an earlier version.
    #[serde(default)]
    pub(super) to_epoch: Option<u64>,
    /// True if the vault has begun the rotation. An earlier version did not note it.
    #[serde(default = "is_begun")]
    pub(super) is_begun: bool,
    /// The number of the newest entry of the chain when the key was made: a member who was disabled since may have the key, from
    /// a request to commit. `None` in a file of an earlier version.
    #[serde(default)]
    pub(super) made_at: Option<u64>,
}

fn is_begun() -> bool {
    true
}

impl Stored {
    pub(super) fn new(
        new: &NewOrgKey,
        account: String,
        wrapped_org_key: String,
        chain: &Chain,
    ) -> Self {
        Self {
            version: VERSION,
            id: new.id,
            account,
            fingerprint: new.key.fingerprint().to_string(),
            wrapped_org_key,
            to_epoch: Some(next_epoch(chain)),
            is_begun: false,
            made_at: Some(chain.head().sequence),
        }
    }

    /// Updates the record for a rotation that continues with this chain.
    pub(super) fn resume(&mut self, chain: &Chain) {
        self.to_epoch = Some(next_epoch(chain));
        self.made_at.get_or_insert(chain.head().sequence);
    }

    /// Returns true if a former member may have got the key from an earlier request.
    pub(super) fn is_exposed(&self, chain: &Chain) -> bool {
        match self.made_at {
            Some(sequence) => chain.has_disabled_since(sequence),
            None => chain.has_disabled_since_rotation(),
        }
    }
}

fn unusable(folder: &dyn Display, error: &io::Error) -> Failure {
    Failure::other(format_args!(
        "cannot use the folder {folder}: {error}; nothing was changed"
    ))
}

fn next_epoch(chain: &Chain) -> u64 {
    chain.epoch().saturating_add(1)
}

impl RotationFile {
    /// Opens the folder of the file, whether the file exists or not.
    pub(super) fn new(
        organization: OrganizationId,
        insecure_permissions: bool,
    ) -> Result<Self, Failure> {
        let path = state_folder::path()?.ok_or_else(|| {
            Failure::usage(
                "there is no folder for the new org key, without which an interrupted rotation could not be resumed; set \
                 HELVETISAFE_STATE_DIR",
            )
        })?;
        let name = format!("rotation-{organization}.json");
        let folder = StateFolder::create(&path, insecure_permissions);
        Ok(Self {
            folder: folder.map_err(|error| unusable(&path.display(), &error))?,
            path: path.join(&name),
            name,
        })
    }

    /// Locks the file against other commands; `None` if one has locked it, as it does while it replaces the org key.
    pub(super) fn lock(&self) -> Result<Option<Lock>, Failure> {
        let locked = self
            .folder
            .lock(&format!(".{}.lock", self.name), LOCK_TIMEOUT);
        match locked {
            Ok(file) => Ok(Some(Lock(file))),
            Err(error) if error.kind() == ErrorKind::TimedOut => Ok(None),
            Err(error) => Err(unusable(&self.folder, &error)),
        }
    }

    /// Returns the key that an interrupted command has stored.
    pub(super) fn load(&self) -> Result<Option<Stored>, Failure> {
        let Some(bytes) = self.folder.read(&self.name, WHAT)? else {
            return Ok(None);
        };
        let stored = serde_json::from_slice::<Stored>(&bytes).ok();
        let stored = stored.filter(|it| it.version == VERSION);
        stored.map(Some).ok_or_else(|| {
            Failure::other(format_args!(
                "{} has no new org key that this version reads; move it away to begin a new rotation",
                self.path.display()
            ))
        })
    }

    pub(super) fn save(&self, stored: &Stored) -> Result<(), Failure> {
        let text = serde_json::to_vec(stored).map_err(|error| self.unwritable(&error))?;
        let written = self.folder.write(&self.name, &text);
        written.map_err(|error| self.unwritable(&error))
    }

    pub(super) fn remove(&self) -> Result<(), Failure> {
        self.folder.remove(&self.name).map_err(|error| {
            Failure::other(format_args!(
                "cannot remove {}: {error}; remove it",
                self.path.display()
            ))
        })
    }

    fn unwritable(&self, error: &dyn Display) -> Failure {
        Failure::other(format_args!(
            "cannot write {}: {error}; nothing was changed",
            self.path.display()
        ))
    }
}

//! The file with what is kept: one for each vault and account, in `cache` in the state folder.
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

use std::fmt::{self, Write};
use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::answers::Answers;
use super::news::News;
use crate::atomic_file;
use crate::config::Config;
use crate::config::permissions::open_private;
use crate::failure::Failure;
use crate::messages::Messages;
use crate::state_folder;
use crate::trust::VaultId;

const VERSION: u8 = 1;
/// How long to wait for other processes: all that is kept can be had again.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the digest that names the file.
const NAME_LENGTH: usize = 16;

pub(crate) struct CacheFile {
    folder: PathBuf,
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
    answers: Answers,
}

impl CacheFile {
    /// The file, where there is a state folder, and what it keeps. What cannot be used is told, and
    /// fails only where it `is_needed`. `what` is to be kept.
    pub(crate) fn load(
        config: &Config,
        what: &str,
        is_needed: bool,
        messages: Messages,
    ) -> Result<(Option<Self>, Answers), Failure> {
        let file = Self::of(config)?;
        let read = match &file {
            Some(file) => file.read(),
            None => Err(Failure::usage(format_args!(
                "there is no home folder to keep {what} in; set HELVETISAFE_STATE_DIR"
            ))),
        };
        match read {
            Ok(answers) => Ok((file, answers)),
            Err(failure) if is_needed => Err(failure),
            Err(failure) => {
                messages.warning(failure.message().unwrap_or_default());
                Ok((file, Answers::default()))
            }
        }
    }

    fn of(config: &Config) -> Result<Option<Self>, Failure> {
        let vault = VaultId::of(config)?;
        Ok(state_folder::path().map(|folder| Self {
            folder: folder.join("cache"),
            name: name(&vault),
            vault,
            insecure_permissions: config.insecure_permissions,
        }))
    }

    fn path(&self) -> PathBuf {
        self.folder.join(format!("{}.json", self.name))
    }

    /// What is kept; nothing where there is no file.
    fn read(&self) -> Result<Answers, Failure> {
        let path = self.path();
        match path.try_exists() {
            Ok(false) => return Ok(Answers::default()),
            // Nothing can be there; that nothing can be written there either is told later.
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Ok(Answers::default());
            }
            _ => {}
        }
        let mut json = Vec::new();
        open_private("the kept answers", &path, self.insecure_permissions)?
            .read_to_end(&mut json)
            .map_err(|error| self.malformed(&error))?;
        let contents: Contents =
            serde_json::from_slice(&json).map_err(|error| self.malformed(&error))?;
        if contents.version != VERSION {
            return Err(self.malformed(&format_args!("its version is {}", contents.version)));
        }
        if contents.vault != self.vault {
            return Err(self.malformed(&"it is that of another vault or account"));
        }
        Ok(contents.answers)
    }

    /// Takes in what a run brought. Other processes wait meanwhile, and what they added stays.
    pub(crate) fn add(&self, news: News) -> io::Result<()> {
        state_folder::make(&self.folder)?;
        let lock = self.folder.join(format!("{}.lock", self.name));
        let _lock = state_folder::lock(&lock, PATIENCE)?;
        // What cannot be used was told when it was read first; it is replaced.
        let mut answers = self.read().unwrap_or_default();
        answers.add(news, Timestamp::now());
        let contents = Contents {
            version: VERSION,
            vault: self.vault.clone(),
            answers,
        };
        let mut json = serde_json::to_vec(&contents)?;
        json.push(b'\n');
        atomic_file::write(&self.path(), &json)
            .map_err(|failure| io::Error::other(failure.message().unwrap_or_default().to_owned()))
    }

    fn malformed(&self, error: &dyn fmt::Display) -> Failure {
        Failure::usage(format_args!(
            "cannot use {self}, which keeps the vault's answers: {error}; delete it to start anew"
        ))
    }
}

impl fmt::Display for CacheFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path().display())
    }
}

/// A name that tells nothing and fits every file system.
fn name(vault: &VaultId) -> String {
    let digest = Sha256::new()
        .chain_update(b"HelvetiSafe kept answers v1\0")
        .chain_update(vault.base_url.as_bytes())
        .chain_update(b"\0")
        .chain_update(vault.account.as_bytes())
        .finalize();
    let mut text = String::with_capacity(2 * NAME_LENGTH);
    for byte in &digest[..NAME_LENGTH] {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

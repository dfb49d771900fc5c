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
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use helvetisafe::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::answers::Answers;
use super::news::News;
use crate::config::Config;
use crate::failure::Failure;
use crate::messages::Messages;
use crate::state_folder::{self, Refusal, StateFolder};
use crate::trust::VaultId;

const VERSION: u8 = 1;
/// In the state folder.
const FOLDER: &str = "cache";
/// How long to wait for other processes: all that is kept can be had again.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes of the digest that names the file.
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
    answers: Answers,
}

/// The reason why the cached answers are not used.
enum Unusable {
    /// It may be another user's doing.
    Refused(Failure),
    /// It is no use, and can be replaced.
    Useless(Failure),
}

impl From<Refusal> for Unusable {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Untrusted(_) => Self::Refused(refusal.into()),
            Refusal::Readable(_) | Refusal::Io(_) => Self::Useless(refusal.into()),
        }
    }
}

impl CacheFile {
    /// The file, where there is a state folder, and what it keeps. What cannot be used is told, and
    /// fails only where it `is_needed`. `what` is to be kept.
    ///
    /// # Errors
    ///
    /// [`Failure`] also where another user could have written it, or could put something else in its
    /// place.
    pub(crate) fn load(
        config: &Config,
        what: &str,
        is_needed: bool,
        messages: Messages,
    ) -> Result<(Option<Self>, Answers), Failure> {
        let file = Self::of(config)?;
        let read = match &file {
            Some(file) => file.read(file.open()?.as_ref()),
            None => Err(Unusable::Useless(Failure::usage(format_args!(
                "there is no home folder to keep {what} in; set HELVETISAFE_STATE_DIR"
            )))),
        };
        match read {
            Ok(answers) => Ok((file, answers)),
            Err(Unusable::Refused(failure)) => Err(failure),
            Err(Unusable::Useless(failure)) if is_needed => Err(failure),
            Err(Unusable::Useless(failure)) => {
                messages.warning(failure.message().unwrap_or_default());
                Ok((file, Answers::default()))
            }
        }
    }

    fn of(config: &Config) -> Result<Option<Self>, Failure> {
        let vault = VaultId::of(config)?;
        Ok(state_folder::path().map(|state| Self {
            state,
            name: name(&vault),
            vault,
            insecure_permissions: config.insecure_permissions,
        }))
    }

    fn file_name(&self) -> String {
        format!("{}.json", self.name)
    }

    fn lock_name(&self) -> String {
        format!("{}.lock", self.name)
    }

    /// The folder of the file; `None` where there is none, or it is out of reach.
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

    /// Returns the cached answers; none where there is no file.
    fn read(&self, folder: Option<&StateFolder>) -> Result<Answers, Unusable> {
        let Some(folder) = folder else {
            return Ok(Answers::default());
        };
        let Some(json) = folder.read(&self.file_name(), "the kept answers")? else {
            return Ok(Answers::default());
        };
        self.parse(&json).map_err(Unusable::Useless)
    }

    fn parse(&self, json: &[u8]) -> Result<Answers, Failure> {
        let contents: Contents =
            serde_json::from_slice(json).map_err(|error| self.malformed(&error))?;
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
        let state = StateFolder::make(&self.state, self.insecure_permissions)?;
        let folder = state.make_folder(FOLDER)?;
        let _lock = folder.lock(&self.lock_name(), PATIENCE)?;
        let mut answers = match self.read(Some(&folder)) {
            Ok(answers) => answers,
            // It was reported when it was first read, and is replaced.
            Err(Unusable::Useless(_)) => Answers::default(),
            Err(Unusable::Refused(failure)) => {
                return Err(io::Error::other(
                    failure.message().unwrap_or_default().to_owned(),
                ));
            }
        };
        answers.add(news, Timestamp::now());
        let contents = Contents {
            version: VERSION,
            vault: self.vault.clone(),
            answers,
        };
        let mut json = serde_json::to_vec(&contents)?;
        json.push(b'\n');
        folder.write(&self.file_name(), &json)
    }

    fn malformed(&self, error: &dyn fmt::Display) -> Failure {
        Failure::usage(format_args!(
            "cannot use {self}, which keeps the vault's answers: {error}; delete it to start anew"
        ))
    }
}

impl fmt::Display for CacheFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.state.join(FOLDER).join(self.file_name());
        write!(f, "{}", path.display())
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

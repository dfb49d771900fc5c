use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

use helvetisafe_crypto::PrivateKey;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::DevCredentials;
use crate::{Error, private};

/// Where the account's files are; nobody else can read it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    temporary: Option<TempDir>,
}

impl Folder {
    /// A folder that stays.
    pub(super) fn kept(path: &Path) -> Result<Self, Error> {
        private::make_folder(path)?;
        let path = path.canonicalize().map_err(Error::file("find", path))?;
        if path.to_str().is_none() {
            // It has to stand in credentials.json.
            let source = IoError::new(ErrorKind::InvalidInput, "the path is not UTF-8");
            return Err(Error::File {
                action: "use",
                path,
                source,
            });
        }
        Ok(Self {
            path,
            temporary: None,
        })
    }

    /// A folder that goes with the vault.
    pub(super) fn temporary() -> Result<Self, Error> {
        let folder = private::temporary_folder()?;
        let kept = Self::kept(folder.path())?;
        Ok(Self {
            temporary: Some(folder),
            ..kept
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The database file; `None` when it shall be in memory.
    pub(super) fn database(&self) -> Option<PathBuf> {
        self.temporary.is_none().then(|| self.path.join("vault.db"))
    }

    pub(super) fn private_key_path(&self) -> PathBuf {
        self.path.join("private-key.pem")
    }

    fn credentials_path(&self) -> PathBuf {
        self.path.join("credentials.json")
    }

    /// `None` when there are none.
    pub(super) fn read_credentials(&self) -> Result<Option<DevCredentials>, Error> {
        let Some(text) = read(&self.credentials_path())? else {
            return Ok(None);
        };
        let parsed = serde_json::from_str(&text);
        parsed
            .map(Some)
            .map_err(|_| self.contradiction("credentials.json is damaged"))
    }

    pub(super) fn write_credentials(&self, credentials: &DevCredentials) -> Result<(), Error> {
        let path = self.credentials_path();
        let text = serde_json::to_string_pretty(credentials)
            .map_err(|error| Error::file("write", &path)(error.into()))?;
        private::write(&path, Zeroizing::new(text + "\n").as_bytes())
    }

    /// `None` when there is none.
    pub(super) fn read_private_key(&self) -> Result<Option<PrivateKey>, Error> {
        let Some(pem) = read(&self.private_key_path())? else {
            return Ok(None);
        };
        let key = PrivateKey::from_pem(&pem);
        key.map(Some)
            .map_err(|_| self.contradiction("private-key.pem is damaged"))
    }

    /// The private key, where the account is known to have one.
    pub(super) fn private_key(&self) -> Result<PrivateKey, Error> {
        self.read_private_key()?
            .ok_or_else(|| self.contradiction("private-key.pem is missing"))
    }

    pub(super) fn write_private_key(&self, key: &PrivateKey) -> Result<(), Error> {
        private::write(&self.private_key_path(), key.to_pkcs8_pem()?.as_bytes())
    }

    pub(super) fn contradiction(&self, problem: &'static str) -> Error {
        Error::State {
            folder: self.path.clone(),
            problem,
        }
    }

    pub(super) fn close(self) -> Result<(), Error> {
        let Some(folder) = self.temporary else {
            return Ok(());
        };
        folder.close().map_err(Error::file("remove", &self.path))
    }
}

/// The text of a file that nobody else can read; `None` when there is none.
fn read(path: &Path) -> Result<Option<Zeroizing<String>>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            private::check_file(path)?;
            Ok(Some(Zeroizing::new(text)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

use std::fs::File;
use std::io::{Error as IoError, ErrorKind};
use std::path::{Path, PathBuf};

use helvetisafe_crypto::PrivateKey;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::DevCredentials;
use crate::folder::folder_of;
use crate::{Error, private_files};

/// The folder of the account's files. Other users cannot read it.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// The database may be elsewhere, and have a lock of its own.
    _lock: File,
    temporary: Option<TempDir>,
}

impl Folder {
    /// Makes or opens a folder that stays, and that no other process uses meanwhile.
    pub(super) fn persistent(path: &Path) -> Result<Self, Error> {
        private_files::make_folder(path)?;
        let path = path.canonicalize().map_err(Error::file("find", path))?;
        if path.to_str().is_none() {
            // The path must fit into credentials.json.
            let reason = IoError::new(ErrorKind::InvalidInput, "the path is not UTF-8");
            return Err(Error::File {
                action: "use",
                path,
                reason,
            });
        }
        Ok(Self {
            _lock: private_files::lock(&path.join("credentials.json"))?,
            path,
            temporary: None,
        })
    }

    /// Makes a folder that is removed with the vault.
    pub(super) fn temporary() -> Result<Self, Error> {
        let folder = private_files::temporary_folder()?;
        let persistent = Self::persistent(folder.path())?;
        Ok(Self {
            temporary: Some(folder),
            ..persistent
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the database file; `None` for a database in memory.
    pub(super) fn database(&self) -> Option<PathBuf> {
        self.temporary.is_none().then(|| self.path.join("vault.db"))
    }

    /// Returns true if the path is that of the folder's own database.
    pub(super) fn has(&self, database: &Path) -> bool {
        let folder = folder_of(database).canonicalize();
        folder.is_ok_and(|it| it == self.path)
            && self.database().as_deref().and_then(Path::file_name) == database.file_name()
    }

    pub(super) fn private_key_path(&self) -> PathBuf {
        self.path.join("private-key.pem")
    }

    fn credentials_path(&self) -> PathBuf {
        self.path.join("credentials.json")
    }

    /// Returns the credentials; `None` if there are none.
    pub(super) fn read_credentials(&self) -> Result<Option<DevCredentials>, Error> {
        let text = read(&self.credentials_path())?;
        let credentials = text.map(|text| serde_json::from_str(&text)).transpose();
        credentials.map_err(|_| self.inconsistent("credentials.json is damaged"))
    }

    pub(super) fn write_credentials(&self, credentials: &DevCredentials) -> Result<(), Error> {
        let path = self.credentials_path();
        let text = serde_json::to_string_pretty(credentials)
            .map_err(|error| Error::file("write", &path)(error.into()))?;
        private_files::write(&path, Zeroizing::new(text + "\n").as_bytes())
    }

    /// Returns the private key; `None` if there is none.
    pub(super) fn read_private_key(&self) -> Result<Option<PrivateKey>, Error> {
        let pem = read(&self.private_key_path())?;
        let key = pem.map(|pem| PrivateKey::from_pem(&pem)).transpose();
        key.map_err(|_| self.inconsistent("private-key.pem is damaged"))
    }

    /// Returns the private key of an existing account.
    pub(super) fn private_key(&self) -> Result<PrivateKey, Error> {
        self.read_private_key()?
            .ok_or_else(|| self.inconsistent("private-key.pem is missing"))
    }

    pub(super) fn write_private_key(&self, key: &PrivateKey) -> Result<(), Error> {
        private_files::write(&self.private_key_path(), key.to_pkcs8_pem()?.as_bytes())
    }

    pub(super) fn inconsistent(&self, problem: &'static str) -> Error {
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

/// Reads a file that other users must not be able to read; `None` if it does not exist.
fn read(path: &Path) -> Result<Option<Zeroizing<String>>, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            private_files::check_file(path)?;
            Ok(Some(Zeroizing::new(text)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::file("read", path)(error)),
    }
}

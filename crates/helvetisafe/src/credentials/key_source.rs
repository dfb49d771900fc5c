//! The sources of the account's private key.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helvetisafe_crypto::{InvalidPem, PrivateKey};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::config_error::ConfigError;
use crate::error::Error;

/// The largest key file: an 8192-bit key has about 6 KiB.
const MAX_KEY_FILE: usize = 1 << 20;

/// The first allocation for a key file, large enough for any key.
const KEY_FILE_ROOM: usize = 16 << 10;

/// The source of the account's RSA private key: one of three.
#[derive(Clone)]
pub struct KeySource {
    source: Source,
    passphrase: Option<SecretString>,
}

#[derive(Clone)]
enum Source {
    PemFile(PathBuf),
    Pem(Arc<Zeroizing<Vec<u8>>>),
    Password(SecretString),
}

impl KeySource {
    /// A PEM file, PKCS#1 or PKCS#8. It is read when the client connects.
    ///
    /// ```no_run
    /// use helvetisafe::{Client, Credentials, KeySource};
    ///
    /// # let token = String::new();
    /// let key = KeySource::pem_file("/etc/app/private-key.pem");
    /// let credentials = Credentials::api_token(token);
    /// let client = Client::builder("https://vault.example", credentials, key).connect()?;
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    pub fn pem_file(path: impl Into<PathBuf>) -> Self {
        Self {
            source: Source::PemFile(path.into()),
            passphrase: None,
        }
    }

    /// The bytes of a PEM, PKCS#1 or PKCS#8. They are copied; the copy is wiped on drop.
    ///
    /// ```
    /// use helvetisafe::KeySource;
    ///
    /// # let pem = b"-----BEGIN PRIVATE KEY-----";
    /// let key = KeySource::pem(pem);
    /// ```
    pub fn pem(pem: impl AsRef<[u8]>) -> Self {
        let pem = Arc::new(Zeroizing::new(pem.as_ref().to_vec()));
        Self {
            source: Source::Pem(pem),
            passphrase: None,
        }
    }

    /// The account's password. The vault stores the private key encrypted under it, with Argon2id.
    ///
    /// ```no_run
    /// use helvetisafe::{KeySource, SecretString};
    ///
    /// let key = KeySource::password(SecretString::from(std::env::var("HELVETISAFE_PASSWORD")?));
    /// # Ok::<(), std::env::VarError>(())
    /// ```
    pub fn password(password: impl Into<SecretString>) -> Self {
        Self {
            source: Source::Password(password.into()),
            passphrase: None,
        }
    }

    /// Sets the passphrase of an encrypted PEM (`ENCRYPTED PRIVATE KEY`).
    ///
    /// ```no_run
    /// use helvetisafe::KeySource;
    ///
    /// let passphrase = std::env::var("KEY_PASSPHRASE")?;
    /// let key = KeySource::pem_file("/etc/app/encrypted-key.pem").with_passphrase(passphrase);
    /// # Ok::<(), std::env::VarError>(())
    /// ```
    #[must_use]
    pub fn with_passphrase(self, passphrase: impl Into<SecretString>) -> Self {
        Self {
            passphrase: Some(passphrase.into()),
            ..self
        }
    }

    /// Reads the private key, or returns the password that unlocks it.
    pub(crate) fn local_key(&self) -> Result<LocalKey, Error> {
        let pem = match &self.source {
            Source::Password(password) if password.expose_secret().is_empty() => {
                return Err(Error::config(ConfigError::Empty("the password")));
            }
            Source::Password(password) => return Ok(LocalKey::Locked(password.clone())),
            Source::Pem(pem) => Arc::clone(pem),
            Source::PemFile(path) => Arc::new(read_key_file(path)?),
        };
        let file = match &self.source {
            Source::PemFile(path) => Some(path.display().to_string()),
            _ => None,
        };
        let pem = std::str::from_utf8(&pem).map_err(|_| Error::config(not_text(&pem, &file)))?;
        let key = match &self.passphrase {
            Some(passphrase) => PrivateKey::from_encrypted_pem(pem, passphrase.expose_secret()),
            None => PrivateKey::from_pem(pem),
        };
        key.map(|key| LocalKey::Ready(Arc::new(key)))
            .map_err(|reason| Error::config(ConfigError::PrivateKey { file, reason }))
    }
}

/// The part of a [`KeySource`] that needs no vault.
pub(crate) enum LocalKey {
    Ready(Arc<PrivateKey>),
    /// The password of the key, which the vault stores.
    Locked(SecretString),
}

/// Reads a key file. It may be a pipe.
fn read_key_file(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    if !is_path(path) {
        return Err(Error::config(ConfigError::KeyNotPath));
    }
    let shown = || path.display().to_string();
    let unreadable = |reason: std::io::Error| {
        Error::config(ConfigError::KeyFile {
            path: shown(),
            reason: Arc::new(reason),
        })
    };
    let file = File::open(path).map_err(unreadable)?;
    let pem = read_key(file).map_err(unreadable)?;
    if pem.len() > MAX_KEY_FILE {
        return Err(Error::config(ConfigError::KeyFileTooLarge(shown())));
    }
    Ok(pem)
}

/// Reads a key, or more than [`MAX_KEY_FILE`] bytes if it is too large. The length of a pipe is unknown, and a
/// vector that grows by itself does not wipe its old memory; here that memory is wiped.
fn read_key(mut file: impl Read) -> std::io::Result<Zeroizing<Vec<u8>>> {
    let mut pem = Zeroizing::new(Vec::with_capacity(KEY_FILE_ROOM));
    loop {
        let room = pem.capacity() - pem.len();
        let count = file.by_ref().take(room as u64).read_to_end(&mut pem)?;
        if count < room || pem.len() > MAX_KEY_FILE {
            return Ok(pem);
        }
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * pem.capacity()));
        larger.extend_from_slice(&pem);
        pem = larger;
    }
}

/// Explains a key that is not UTF-8. A byte order mark shows that it is UTF-16 (RFC 2781 section 3.2).
fn not_text(pem: &[u8], file: &Option<String>) -> ConfigError {
    let file = file.clone();
    if pem.starts_with(&[0xFF, 0xFE]) || pem.starts_with(&[0xFE, 0xFF]) {
        let reason = InvalidPem::Utf16.into();
        return ConfigError::PrivateKey { file, reason };
    }
    ConfigError::KeyNotText(file)
}

/// Returns false for a text with line breaks: it is not a path, but likely the PEM itself.
fn is_path(path: &Path) -> bool {
    !path.to_string_lossy().contains(char::is_control)
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::PemFile(path) if !is_path(path) => {
                f.write_str("KeySource::pem_file([REDACTED])")
            }
            Source::PemFile(path) => write!(f, "KeySource::pem_file({})", path.display()),
            Source::Pem(_) => f.write_str("KeySource::pem([REDACTED])"),
            Source::Password(_) => f.write_str("KeySource::password([REDACTED])"),
        }
    }
}

#[cfg(test)]
mod tests;

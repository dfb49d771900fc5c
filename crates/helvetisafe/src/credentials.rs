use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use helvetisafe_crypto::{InvalidPem, PrivateKey};
use helvetisafe_proto::auth::Token;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::config_error::ConfigError;
use crate::error::Error;

/// The largest key file: an 8192-bit key has about 6 KiB.
const MAX_KEY_FILE: usize = 1 << 20;

/// The first allocation for a key file, large enough for any key.
const KEY_FILE_ROOM: usize = 16 << 10;

/// The credentials of an account: one of the two authentications.
#[derive(Clone)]
pub struct Credentials(pub(crate) Authentication);

#[derive(Clone)]
pub(crate) enum Authentication {
    ServiceAccount {
        client_id: String,
        client_secret: SecretString,
    },
    ApiToken(SecretString),
}

impl Credentials {
    /// A service account: OAuth 2.0 client credentials, RFC 6749 section 4.4. Access tokens are
    /// fetched and renewed as needed.
    ///
    /// ```
    /// use helvetisafe::Credentials;
    ///
    /// # let client_secret = String::from("s3cr3t");
    /// let credentials = Credentials::service_account("hs_client_1", client_secret);
    /// assert!(!format!("{credentials:?}").contains("s3cr3t"));
    /// ```
    pub fn service_account(
        client_id: impl Into<String>,
        client_secret: impl Into<SecretString>,
    ) -> Self {
        let (client_id, client_secret) = (client_id.into(), client_secret.into());
        Self(Authentication::ServiceAccount {
            client_id,
            client_secret,
        })
    }

    /// An API token from the portal (Profile, Generate API Token).
    ///
    /// ```no_run
    /// use helvetisafe::{Credentials, SecretString};
    ///
    /// let token = SecretString::from(std::env::var("HELVETISAFE_API_TOKEN")?);
    /// let credentials = Credentials::api_token(token);
    /// # Ok::<(), std::env::VarError>(())
    /// ```
    pub fn api_token(token: impl Into<SecretString>) -> Self {
        Self(Authentication::ApiToken(token.into()))
    }
}

impl Authentication {
    /// Refuses malformed credentials before anything is sent.
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::ServiceAccount {
                client_id,
                client_secret,
            } => {
                check_text("the client id", client_id)?;
                check_text("the client secret", client_secret.expose_secret())
            }
            Self::ApiToken(token) => {
                check_text("the API token", token.expose_secret())?;
                let not_a_header = |_| Error::config(ConfigError::NotAHeader("the API token"));
                Token::parse(token.clone()).map(drop).map_err(not_a_header)
            }
        }
    }
}

fn check_text(what: &'static str, text: &str) -> Result<(), Error> {
    if text.trim().is_empty() {
        return Err(Error::config(ConfigError::Empty(what)));
    }
    if text.contains(['\r', '\n', '\0']) {
        return Err(Error::config(ConfigError::NotAHeader(what)));
    }
    Ok(())
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Authentication::ServiceAccount { client_id, .. } => {
                write!(f, "Credentials::service_account({client_id:?}, [REDACTED])")
            }
            Authentication::ApiToken(_) => f.write_str("Credentials::api_token([REDACTED])"),
        }
    }
}

/// The source of the account's RSA private key: one of three.
#[derive(Clone)]
pub struct KeySource {
    pub(crate) source: Source,
    passphrase: Option<SecretString>,
}

#[derive(Clone)]
pub(crate) enum Source {
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

/// The settings in the environment: see [`crate::Client::from_env`].
pub(crate) struct Environment {
    pub(crate) base_url: String,
    pub(crate) credentials: Credentials,
    pub(crate) key_source: KeySource,
    /// The file of a further certificate authority.
    pub(crate) ca_certificate: Option<PathBuf>,
}

impl Environment {
    /// Reads the variables through `variable`; an empty one counts as unset. The error names all missing and
    /// wrong variables.
    pub(crate) fn read(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, Error> {
        let text = |name: &'static str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(value)) => Ok(Some(value).filter(|value| !value.is_empty())),
            Some(Err(_)) => Err(ConfigError::NotUnicode(name)),
        };
        let path = |name| {
            variable(name)
                .filter(|path| !path.is_empty())
                .map(PathBuf::from)
        };
        let base_url = text(BASE_URL).and_then(|url| url.ok_or(ConfigError::Missing(BASE_URL)));
        let credentials = credentials(text);
        let key_source = key_source(path("HELVETISAFE_PRIVATE_KEY_PATH"), text);
        match (base_url, credentials, key_source) {
            (Ok(base_url), Ok(credentials), Ok(key_source)) => Ok(Self {
                base_url,
                credentials,
                key_source,
                ca_certificate: path("HELVETISAFE_CA_CERTIFICATE"),
            }),
            (base_url, credentials, key_source) => {
                let problems = [base_url.err(), credentials.err(), key_source.err()];
                let problems = problems.into_iter().flatten().collect();
                Err(Error::config(ConfigError::Several(problems)))
            }
        }
    }
}

const BASE_URL: &str = "HELVETISAFE_BASE_URL";

fn credentials(
    text: impl Fn(&'static str) -> Result<Option<String>, ConfigError>,
) -> Result<Credentials, ConfigError> {
    let client_id = text("HELVETISAFE_CLIENT_ID")?;
    let client_secret = text("HELVETISAFE_CLIENT_SECRET")?.map(SecretString::from);
    let api_token = text("HELVETISAFE_API_TOKEN")?.map(SecretString::from);
    match (client_id, client_secret, api_token) {
        (Some(id), Some(secret), None) => Ok(Credentials::service_account(id, secret)),
        (None, None, Some(token)) => Ok(Credentials::api_token(token)),
        (None, None, None) => Err(ConfigError::Missing(
            "HELVETISAFE_API_TOKEN, or HELVETISAFE_CLIENT_ID and HELVETISAFE_CLIENT_SECRET",
        )),
        (Some(_), None, None) => Err(ConfigError::Missing(
            "HELVETISAFE_CLIENT_SECRET, which goes with HELVETISAFE_CLIENT_ID",
        )),
        (None, Some(_), None) => Err(ConfigError::Missing(
            "HELVETISAFE_CLIENT_ID, which goes with HELVETISAFE_CLIENT_SECRET",
        )),
        (_, _, Some(_)) => Err(ConfigError::Doubled(
            "HELVETISAFE_API_TOKEN, and HELVETISAFE_CLIENT_ID with HELVETISAFE_CLIENT_SECRET",
        )),
    }
}

fn key_source(
    path: Option<PathBuf>,
    text: impl Fn(&'static str) -> Result<Option<String>, ConfigError>,
) -> Result<KeySource, ConfigError> {
    const NAMES: &str =
        "HELVETISAFE_PRIVATE_KEY_PATH, HELVETISAFE_PRIVATE_KEY_PEM and HELVETISAFE_PASSWORD";
    let pem = text("HELVETISAFE_PRIVATE_KEY_PEM")?.map(SecretString::from);
    let password = text("HELVETISAFE_PASSWORD")?.map(SecretString::from);
    match (path, pem, password) {
        (Some(path), None, None) => Ok(KeySource::pem_file(path)),
        (None, Some(pem), None) => Ok(KeySource::pem(pem.expose_secret())),
        (None, None, Some(password)) => Ok(KeySource::password(password)),
        (None, None, None) => Err(ConfigError::Missing(
            "HELVETISAFE_PRIVATE_KEY_PATH, HELVETISAFE_PRIVATE_KEY_PEM or HELVETISAFE_PASSWORD",
        )),
        _ => Err(ConfigError::Doubled(NAMES)),
    }
}

#[cfg(test)]
mod tests;

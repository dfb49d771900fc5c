//! The settings in the environment.

use std::ffi::OsString;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::{Credentials, KeySource};
use crate::config_error::ConfigError;
use crate::error::Error;

/// The settings in the environment: see [`crate::Client::from_env`].
pub(crate) struct Environment {
    pub(crate) base_url: String,
    /// More addresses of the same vault.
    pub(crate) failover: Vec<String>,
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
        let failover =
            text("HELVETISAFE_FAILOVER_URLS").map(|urls| words(&urls.unwrap_or_default()));
        let credentials = credentials(text);
        let key_source = key_source(path("HELVETISAFE_PRIVATE_KEY_PATH"), text);
        match (base_url, failover, credentials, key_source) {
            (Ok(base_url), Ok(failover), Ok(credentials), Ok(key_source)) => Ok(Self {
                base_url,
                failover,
                credentials,
                key_source,
                ca_certificate: path("HELVETISAFE_CA_CERTIFICATE"),
            }),
            (base_url, failover, credentials, key_source) => {
                let problems = [
                    base_url.err(),
                    failover.err(),
                    credentials.err(),
                    key_source.err(),
                ];
                let problems = problems.into_iter().flatten().collect();
                Err(Error::config(ConfigError::Several(problems)))
            }
        }
    }
}

/// Returns the words of a list that spaces or commas separate.
fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| c == ',' || c.is_whitespace());
    words
        .filter(|it| !it.is_empty())
        .map(str::to_owned)
        .collect()
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

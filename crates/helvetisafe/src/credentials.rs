mod environment;
mod key_source;

use std::fmt;

use helvetisafe_proto::auth::Token;
use secrecy::{ExposeSecret, SecretString};

use crate::config_error::ConfigError;
use crate::error::Error;

pub(crate) use environment::Environment;
pub use key_source::KeySource;
pub(crate) use key_source::LocalKey;

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

#[cfg(test)]
mod tests;

//! Errors in the configuration of a client.

use std::sync::Arc;

use helvetisafe_proto::{InvalidBaseUrl, InvalidKeyName, KeyName};
use jiff::Timestamp;

/// The most characters of an invalid name in a message.
const MAX_SHOWN: usize = 64;

/// The reason for which a configuration cannot be used. `Display` shows all of it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    BaseUrl(#[from] InvalidBaseUrl),
    #[error("`{name}` is not the name of a secret: {reason}")]
    KeyName {
        /// The start of the name, escaped.
        name: String,
        reason: InvalidKeyName,
    },
    #[error(
        "the field `{0}` of the secret `{0}` cannot have its name: choose another name for the field"
    )]
    FieldNamedAsKey(KeyName),
    #[error(
        "the expiry {expires_at} has passed: it is {now} by the clock of this machine; choose a later \
         expiry, or check the clock"
    )]
    ExpiryInThePast {
        expires_at: Timestamp,
        now: Timestamp,
    },
    #[error("{0} is empty")]
    Empty(&'static str),
    #[error("{0} holds a space, a line break or another character that cannot stand in a header")]
    NotAHeader(&'static str),
    #[error("the private key file {path} cannot be read: {reason}")]
    KeyFile {
        path: String,
        reason: Arc<std::io::Error>,
    },
    #[error(
        "what was given as the path of the private key has line breaks or other control \
         characters: is it the key itself?"
    )]
    KeyNotPath,
    #[error("the private key file {0} is larger than a key can be")]
    KeyFileTooLarge(String),
    #[error("the private key is not UTF-8 text, so it is no PEM")]
    KeyNotText,
    #[error("the CA certificate is not a PEM with at least one certificate")]
    Certificate,
    #[error(
        "no certificate authority is trusted: use the feature `platform-roots` or `bundled-roots`, or \
         `ca_certificate`"
    )]
    NoRoots,
    #[error(
        "the system has no trusted certificates: use the feature `bundled-roots`, or `ca_certificate`"
    )]
    NoSystemRoots,
    #[cfg(feature = "async")]
    #[error("TLS cannot be used: {0}")]
    Tls(rustls::Error),
    #[error("HTTPS_PROXY is not the URL of a proxy, such as http://proxy.example:3128")]
    Proxy,
    #[error("set {0}")]
    Missing(&'static str),
    #[error("set only one of {0}")]
    Doubled(&'static str),
    #[error("{0} is not valid Unicode")]
    NotUnicode(&'static str),
    /// All problems of the environment.
    #[error("{}", listed(.0))]
    Several(Vec<ConfigError>),
}

impl ConfigError {
    pub(crate) fn key_name(name: &str, reason: InvalidKeyName) -> Self {
        let is_longer = name.chars().nth(MAX_SHOWN).is_some();
        let start: String = name.chars().take(MAX_SHOWN).collect();
        let rest = if is_longer { "…" } else { "" };
        Self::KeyName {
            name: format!("{}{rest}", start.escape_debug()),
            reason,
        }
    }
}

fn listed(problems: &[ConfigError]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

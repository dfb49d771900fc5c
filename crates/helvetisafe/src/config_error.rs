//! Errors in the configuration of a client.

use std::sync::Arc;

use helvetisafe_crypto as crypto;
use helvetisafe_proto::{InvalidBaseUrl, InvalidKeyName, InvalidScopeList, KeyName};
use http::HeaderName;
use jiff::Timestamp;

/// The most characters of an invalid name in a message.
const MAX_SHOWN: usize = 64;

/// The reason for which a configuration cannot be used. `Display` shows all of it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    #[error(transparent)]
    BaseUrl(#[from] InvalidBaseUrl),
    /// The text is not shown, since it may hold a password.
    #[error("the failover URL {number} {}", reason.problem())]
    FailoverUrl {
        /// The position, from 1.
        number: usize,
        reason: InvalidBaseUrl,
    },
    #[error("`{name}` is not the name of a secret: {reason}")]
    KeyName {
        /// The start of the name, escaped.
        name: String,
        reason: InvalidKeyName,
    },
    #[error("{0}; the given name is not shown, since it may be swapped with the value")]
    HiddenKeyName(InvalidKeyName),
    #[error(transparent)]
    Scopes(#[from] InvalidScopeList),
    #[error(
        "the field `{0}` of the secret `{0}` cannot have its name: choose another name for the field"
    )]
    FieldNamedAsKey(KeyName),
    #[error("the field `{}` occurs twice: readers would take one of its values", .0.escape_debug())]
    FieldTwice(String),
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
    #[cfg(feature = "organization")]
    #[error("the builder has no account, which this call needs")]
    NoAccount,
    #[cfg(feature = "organization")]
    #[error("{0} is empty, longer than 255 bytes, or has a control character")]
    Name(&'static str),
    #[cfg(feature = "organization")]
    #[error(
        "the scopes do not have organization:write: the founder of an organization is its administrator"
    )]
    FounderScopes,
    #[cfg(feature = "organization")]
    #[error(
        "the keys have no signing key, which an account with the scope organization:write needs"
    )]
    NoSigningKey,
    #[cfg(feature = "organization")]
    #[error(
        "the keys have a signing key, and the account does not get the scope organization:write"
    )]
    SigningKey,
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
    /// A key that the caller provides. The keys from the vault fail as `Cause::Crypto`.
    #[error("the private key{} cannot be used: {reason}", in_file(.file.as_deref()))]
    PrivateKey {
        file: Option<String>,
        reason: crypto::Error,
    },
    #[error("the private key{} is not UTF-8 text, so it is no PEM", in_file(.0.as_deref()))]
    KeyNotText(Option<String>),
    #[error("the CA certificate is not a PEM with at least one certificate")]
    Certificate,
    #[error("no certificate authority is trusted")]
    NoRoots,
    #[cfg(feature = "platform-roots")]
    #[error("the system has no trusted certificates")]
    NoSystemRoots,
    #[error("TLS cannot be used: {0}")]
    Tls(rustls::Error),
    #[error("the client certificate is not a PEM with at least one certificate")]
    ClientCertificate,
    #[error("the key of the client certificate is not a PEM with a private key")]
    ClientKey,
    #[error("the key of the client certificate is encrypted: decrypt it first")]
    ClientKeyEncrypted,
    #[error("the client certificate and its key cannot be used together: {0}")]
    ClientIdentity(rustls::Error),
    #[error("{0} is not the URL of an HTTP proxy, such as http://user:password@proxy.example:3128")]
    Proxy(&'static str),
    #[error("two settings of TLS exclude each other")]
    TwoTlsSettings,
    #[error("the client sets the header `{0}` itself: it cannot be added")]
    OwnHeader(HeaderName),
    #[error("the CA certificate {path} (HELVETISAFE_CA_CERTIFICATE) cannot be read: {reason}")]
    CertificateFile {
        path: String,
        reason: Arc<std::io::Error>,
    },
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

/// Names the file that a key comes from.
fn in_file(path: Option<&str>) -> String {
    path.map(|path| format!(" in {path}")).unwrap_or_default()
}

fn listed(problems: &[ConfigError]) -> String {
    let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
    problems.join("; ")
}

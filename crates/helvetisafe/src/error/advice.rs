//! The advice at the end of a message, and the setting that would help.

use std::fmt;
use std::time::Duration;

use helvetisafe_crypto as crypto;
use helvetisafe_proto::ErrorCode;
use http::StatusCode;

use super::{Action, Cause, Error, ErrorKind};
use crate::config_error::ConfigError;
use crate::http::{CertificateProblem, Late};

/// The setting of the client that helps against an error; from [`Error::setting`].
///
/// `Display` shows its name in this crate, such as `BodyLimits::secret`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Setting {
    /// [`ClientBuilder::ca_certificate`](crate::ClientBuilder::ca_certificate): the authority of the vault's
    /// certificate is not trusted.
    CaCertificate,
    /// [`BodyLimits::credential`](crate::BodyLimits::credential): an answer is larger.
    CredentialLimit,
    /// [`BodyLimits::secret`](crate::BodyLimits::secret): a value or an answer is larger.
    SecretLimit,
    /// [`BodyLimits::list`](crate::BodyLimits::list): the list of the secrets is larger.
    ListLimit,
    /// [`Timeouts::operation`](crate::Timeouts::operation): the operation took longer.
    OperationTimeout,
    /// [`Timeouts::connect`](crate::Timeouts::connect): the connection took longer.
    ConnectTimeout,
    /// [`Timeouts::attempt`](crate::Timeouts::attempt): each attempt took longer.
    AttemptTimeout,
    /// [`Timeouts::silence`](crate::Timeouts::silence): the vault, or the network, was silent for longer.
    SilenceTimeout,
    /// [`KeySource::with_passphrase`](crate::KeySource::with_passphrase): the private key is encrypted.
    Passphrase,
    /// [`ClientBuilder::scopes`](crate::ClientBuilder::scopes): the vault refuses some of the requested ones.
    Scopes,
    /// [`ClientBuilder::pin_org_keys`](crate::ClientBuilder::pin_org_keys): the vault has another org key.
    OrgKeys,
    /// [`ClientBuilder::allow_unbound`](crate::ClientBuilder::allow_unbound): the secret has one field with another name.
    Binding,
    /// [`ClientBuilder::client_certificate`](crate::ClientBuilder::client_certificate): the vault requires one.
    ClientCertificate,
    /// The cargo feature `bundled-roots`: no certificate authority is trusted.
    Roots,
    /// The method `rustls_config` of the builder, with the feature `rustls-config`: other settings of TLS exclude it.
    RustlsConfig,
    /// `AccountKeys::generate`: the signing key of an administrator is missing, or another account has one.
    SigningKey,
    /// [`ClientBuilder::resume`](crate::ClientBuilder::resume): the vault limits the access tokens that are fetched. One client
    /// in a program, or a ticket from an earlier one, needs fewer.
    Resume,
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CaCertificate => "ClientBuilder::ca_certificate",
            Self::CredentialLimit => "BodyLimits::credential",
            Self::SecretLimit => "BodyLimits::secret",
            Self::ListLimit => "BodyLimits::list",
            Self::OperationTimeout => "Timeouts::operation",
            Self::ConnectTimeout => "Timeouts::connect",
            Self::AttemptTimeout => "Timeouts::attempt",
            Self::SilenceTimeout => "Timeouts::silence",
            Self::Passphrase => "KeySource::with_passphrase",
            Self::Scopes => "ClientBuilder::scopes",
            Self::OrgKeys => "ClientBuilder::pin_org_keys",
            Self::Binding => "ClientBuilder::allow_unbound",
            Self::ClientCertificate => "ClientBuilder::client_certificate",
            Self::Roots => "bundled-roots",
            Self::RustlsConfig => "ClientBuilder::rustls_config",
            Self::SigningKey => "AccountKeys::generate",
            Self::Resume => "ClientBuilder::resume",
        })
    }
}

impl ConfigError {
    /// Returns the setting that helps.
    fn setting(&self) -> Option<Setting> {
        match self {
            Self::PrivateKey {
                reason: crypto::Error::PassphraseRequired,
                ..
            } => Some(Setting::Passphrase),
            #[cfg(feature = "organization")]
            Self::NoSigningKey | Self::SigningKey => Some(Setting::SigningKey),
            #[cfg(feature = "platform-roots")]
            Self::NoSystemRoots => Some(Setting::Roots),
            Self::NoRoots => Some(Setting::Roots),
            Self::TwoTlsSettings => Some(Setting::RustlsConfig),
            _ => None,
        }
    }
}

impl Setting {
    fn of_limit(late: Late) -> Self {
        match late {
            Late::Connect(_) => Self::ConnectTimeout,
            Late::Silence(_) => Self::SilenceTimeout,
            Late::Attempt(_) => Self::AttemptTimeout,
            Late::Operation => Self::OperationTimeout,
        }
    }

    fn advice(self) -> String {
        match self {
            Self::CaCertificate => format!(
                "if the certificate is from an authority of your own, trust that authority with `{self}`"
            ),
            Self::CredentialLimit | Self::SecretLimit | Self::ListLimit => {
                format!("raise `{self}`")
            }
            Self::OperationTimeout
            | Self::ConnectTimeout
            | Self::AttemptTimeout
            | Self::SilenceTimeout => format!("try again, or raise `{self}`"),
            Self::Passphrase => format!("give it with `{self}`"),
            Self::Scopes => format!("request fewer scopes with `{self}`"),
            Self::OrgKeys => format!(
                "ask the vault's owner whether the key was rotated; if it was, accept it with `{self}`, or follow rotations \
                 with `ClientBuilder::org_key_rotation`"
            ),
            Self::Binding => format!(
                "if the secret has that one field, read the field by its name with `Secrets::get_field`, or allow such secrets \
                 with `{self}`"
            ),
            Self::ClientCertificate => format!("set one with `{self}`"),
            Self::Roots => {
                format!("use the feature `platform-roots` or `{self}`, or `ca_certificate`")
            }
            Self::RustlsConfig => "`rustls_config` cannot be combined with `ca_certificate`, `trust_only`, `bundled_roots` or \
                                   `client_certificate`: remove one of them"
                .to_owned(),
            Self::SigningKey => {
                format!("make the keys with `{self}`, with `true` for an administrator alone")
            }
            Self::Resume => format!(
                "use one client for the whole program, or continue an earlier one with `{self}`"
            ),
        }
    }
}

impl Error {
    /// Returns the setting of the client that helps against this error, if there is one.
    ///
    /// ```no_run
    /// # let client = helvetisafe::Client::from_env()?;
    /// if let Err(error) = client.secrets().get("large") {
    ///     // For example `BodyLimits::secret`.
    ///     if let Some(setting) = error.setting() {
    ///         eprintln!("{}: see {setting}", error.without_advice());
    ///     }
    /// }
    /// # Ok::<(), helvetisafe::Error>(())
    /// ```
    #[must_use]
    pub fn setting(&self) -> Option<Setting> {
        match self.0.cause.of_attempt() {
            Cause::Transport(error) if error.exceeds_body_limit() => Some(self.body_limit()),
            Cause::Transport(error) if error.lacks_client_certificate() => {
                Some(Setting::ClientCertificate)
            }
            Cause::Transport(error) if error.late().is_some() => {
                error.late().map(Setting::of_limit)
            }
            Cause::Transport(error) => (error.certificate_problem()?
                == CertificateProblem::UnknownIssuer)
                .then_some(Setting::CaCertificate),
            Cause::Api(error) if error.oauth_code() == Some("invalid_scope") => {
                Some(Setting::Scopes)
            }
            Cause::Api(_) if self.is_limit_of_tokens() => Some(Setting::Resume),
            Cause::TooLarge { .. } => Some(Setting::SecretLimit),
            Cause::Deadline => Some(Setting::OperationTimeout),
            Cause::OrgKeyRefused { .. } => Some(Setting::OrgKeys),
            Cause::NamesAnother(_) => Some(Setting::Binding),
            Cause::Config(error) => error.setting(),
            _ => None,
        }
    }

    /// Returns true if the vault limits the access tokens that are fetched, and not failed logins.
    fn is_limit_of_tokens(&self) -> bool {
        let is_about_tokens = matches!(self.0.action, Action::FetchToken);
        let is_limited = self.kind() == ErrorKind::RateLimited;
        is_about_tokens && is_limited && self.code() != Some(ErrorCode::TooManyFailedLogins)
    }

    fn body_limit(&self) -> Setting {
        match self.0.action {
            Action::Get(_) => Setting::SecretLimit,
            Action::List => Setting::ListLimit,
            #[cfg(feature = "organization")]
            Action::Organization(_) => Setting::ListLimit,
            _ => Setting::CredentialLimit,
        }
    }

    /// Returns advice for the user, if there is any.
    pub(super) fn advice(&self) -> Option<String> {
        if self.0.cause.is_ambiguous() {
            return Some(self.0.action.advice_for_repetition().to_owned());
        }
        if let Some(code) = self.code() {
            return Some(self.advice_for(code));
        }
        // A limit passes by itself.
        if let Some(setting) = self.setting().filter(|it| *it != Setting::Resume) {
            return Some(setting.advice());
        }
        match self.kind() {
            // A check of the client, whose message says what to do.
            ErrorKind::Auth | ErrorKind::Forbidden if self.status().is_none() => None,
            ErrorKind::Auth => Some("check the client id and secret, or the API token".to_owned()),
            ErrorKind::Forbidden => Some(match (self.missing_scope(), self.required_scope()) {
                (Some(scope), _) => format!("the credential needs the scope {scope}"),
                (None, Some(scope)) => {
                    format!(
                        "the credential is not allowed to do this, which needs the scope {scope}"
                    )
                }
                (None, None) => "the credential is not allowed to do this".to_owned(),
            }),
            ErrorKind::NotFound | ErrorKind::Conflict => self.advice_for_status(),
            ErrorKind::Api if self.status() == Some(StatusCode::NOT_FOUND) => {
                Some(self.advice_for_path().to_owned())
            }
            // Without a status the message says what to do.
            ErrorKind::Changed => {
                let code = match self.0.action.key() {
                    Some(_) => ErrorCode::VersionMismatch,
                    None => ErrorCode::ChainMoved,
                };
                self.status().map(|_| code.advice().to_owned())
            }
            ErrorKind::Unsupported => Some("update it without a condition".to_owned()),
            ErrorKind::RateLimited => Some(match self.retry_after() {
                Some(wait) => try_again(wait),
                None => "try again later".to_owned(),
            }),
            _ => self.advice_for_cause(),
        }
    }

    /// Returns the advice of a code, completed with the scope or the time from this answer.
    fn advice_for(&self, code: ErrorCode) -> String {
        let advice = code.advice();
        match (self.missing_scope(), self.retry_after()) {
            (Some(scope), _) => format!("the credential needs the scope {scope}"),
            (None, Some(wait)) => format!("{advice}; {}", try_again(wait)),
            (None, None) => advice.to_owned(),
        }
    }

    /// Returns the advice for a 404 or 409. Without a status the message needs none.
    fn advice_for_status(&self) -> Option<String> {
        if matches!(self.0.cause, Cause::Exists) {
            return Some(self.0.action.advice_for_repetition().to_owned());
        }
        self.status()?;
        let advice = match self.kind() {
            ErrorKind::Conflict => "it exists already: use update, or put",
            _ => "there is no such secret, or it has expired",
        };
        Some(advice.to_owned())
    }

    /// Returns the advice for a 404 that is not about a secret.
    fn advice_for_path(&self) -> &'static str {
        if self.0.action.is_about_existing() {
            "the vault does not answer like this for a missing secret: check the base URL, and the proxy in between"
        } else {
            "check the base URL, and the proxy in between"
        }
    }

    /// Returns the advice for a write that the vault refuses without a code: of its parts only the expiry depends on
    /// the vault's clock.
    fn advice_for_expiry(&self) -> Option<String> {
        let is_write = matches!(self.0.action, Action::Create(_) | Action::Update(_));
        is_write.then(|| {
            "if it has an expiry, that may have passed by the vault's clock: choose a later one, and check \
             the clocks of both machines"
                .to_owned()
        })
    }

    fn advice_for_cause(&self) -> Option<String> {
        match &self.0.cause {
            Cause::Config(ConfigError::KeyFile { .. } | ConfigError::CertificateFile { .. }) => {
                Some("check the path and its permissions".to_owned())
            }
            Cause::Crypto(crypto::Error::Unwrap) => Some(
                "check that the private key, or the password, belongs to this account".to_owned(),
            ),
            Cause::Crypto(crypto::Error::Unlock) => {
                Some("check that the password belongs to this account".to_owned())
            }
            Cause::Crypto(crypto::Error::Decryption) => Some(
                "a client with a replaced org key may have written it, or the vault gives this client a replaced one: ask the \
                 vault's operator or an administrator before you write it again"
                    .to_owned(),
            ),
            Cause::OtherEpoch { .. } | Cause::LaterEpoch { .. } | Cause::StillReplaced(_) => Some(
                "ask an administrator which org key is the present one before you continue"
                    .to_owned(),
            ),
            Cause::NoEpoch => Some(
                "ask the vault's operator whether an earlier version serves it, which does not number org keys"
                    .to_owned(),
            ),
            Cause::Transport(error) => error.certificate_problem()?.advice().map(str::to_owned),
            #[cfg(feature = "organization")]
            Cause::Organization(cause) => cause.advice().map(str::to_owned),
            Cause::Api(error) if error.status() == Some(StatusCode::UNPROCESSABLE_ENTITY) => {
                self.advice_for_expiry()
            }
            _ => self.retry_after().map(try_again),
        }
    }
}

fn try_again(wait: Duration) -> String {
    format!("try again in {} s", wait.as_secs_f64().ceil())
}

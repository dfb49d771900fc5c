//! The kinds of errors.

#[cfg(doc)]
use super::Error;

/// The kind of an [`Error`], for matching.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The credential was refused: 401, or the token endpoint's refusal.
    Auth,
    /// The credential is not allowed to do this: 403. See [`Error::missing_scope`].
    Forbidden,
    /// There is no such secret: a 404 to a read, an update or a delete, with the vault's error as its body. The
    /// page of a proxy, an unknown path, and a 404 to any other call are [`Self::Api`].
    NotFound,
    /// The secret exists already: 409, or found after the answer to a create was lost. Or the secret is a
    /// single value, and a field was to be set.
    Conflict,
    /// The secret has changed since it was read: 412. See
    /// [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged).
    Changed,
    /// The vault gives no versions of secrets, which the operation needs. Nothing was sent.
    Unsupported,
    /// Too many requests: 429. Or the call was not made, because the vault asked an earlier one for a longer
    /// pause than this one may wait. See [`Error::retry_after`].
    RateLimited,
    /// Any other status, a redirect, or an answer that is malformed or too large to a call that
    /// writes nothing.
    Api,
    /// An unwrap, an unlock or a decryption failed, or a check on them: a secret that does not name its
    /// key, or that names another one.
    Crypto,
    /// The vault returned an org key that the client does not accept: it is not pinned, or not the one of
    /// `connect`. It decrypted nothing and encrypted nothing. See [`Error::refused_org_key`].
    OrgKeyRefused,
    /// There is no answer. Nothing was changed, and the request will change nothing later.
    Transport,
    /// There is no readable answer to a write, and it is unknown if the write happened or will happen.
    Ambiguous,
    /// An argument or a variable is missing, duplicate or malformed. A PEM that cannot be used counts, also
    /// for its passphrase: the message has the cause.
    Config,
    /// The operation was cancelled, with a [`CancelToken`](crate::CancelToken). Nothing was changed.
    Cancelled,
    /// The secret was read, but its value is not of the requested form, such as base64.
    Value,
}

impl ErrorKind {
    /// Returns the name of the kind in lower case, such as `not_found`: a label for metrics.
    ///
    /// ```
    /// use helvetisafe::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::RateLimited.name(), "rate_limited");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Changed => "changed",
            Self::Unsupported => "unsupported",
            Self::RateLimited => "rate_limited",
            Self::Api => "api",
            Self::Crypto => "crypto",
            Self::OrgKeyRefused => "org_key_refused",
            Self::Transport => "transport",
            Self::Ambiguous => "ambiguous",
            Self::Config => "config",
            Self::Cancelled => "cancelled",
            Self::Value => "value",
        }
    }
}

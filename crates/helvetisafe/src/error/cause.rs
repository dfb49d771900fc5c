//! The causes of failures.

use std::sync::Arc;
use std::time::Duration;

use helvetisafe_crypto as crypto;
use helvetisafe_proto::{ApiError, KeyName};

#[cfg(feature = "organization")]
use super::organization::OrganizationCause;
use crate::config_error::ConfigError;
use crate::http::TransportError;

/// The cause of a failure. `Display` shows all of it.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The last attempt may have arrived.
    #[error("{0}; it is unknown whether the write happened")]
    Ambiguous(Arc<Cause>),
    /// An attempt may have arrived, and a later one did nothing, or could not be made.
    #[error(
        "the repetition failed: {0}; an earlier attempt may have arrived, so it is unknown whether the write happened"
    )]
    AmbiguousBefore(Arc<Cause>),
    #[error(transparent)]
    Crypto(#[from] crypto::Error),
    #[error("the secret opened, but does not name this key: it may be another secret's")]
    NotBound,
    #[error("the secret opened, but holds one value named `{0}`: it may be another secret's")]
    NamesAnother(KeyName),
    #[error(
        "its answer was lost, and a secret of that name is there with another value: another client created it, or has changed \
         it after this call had created it"
    )]
    Exists,
    #[error("the vault gave no version of it, so it cannot check that it is unchanged")]
    NoVersion,
    #[error("it exists and has no fields, but one value")]
    NoFields,
    #[error("the secret has no field `{}`", .0.escape_debug())]
    NoSuchField(String),
    #[error("{} is not base64", described(.0.as_deref()))]
    NotBase64(Option<String>),
    #[error(
        "the vault gives the org key {found}, and this client accepts {}; nothing was opened or \
         sealed under it",
        listed(accepted)
    )]
    OrgKeyRefused {
        accepted: Vec<crypto::Fingerprint>,
        found: crypto::Fingerprint,
    },
    #[error(
        "the vault has numbered its org keys before, and gives this one without a number, so it could store a value under a \
         replaced key; nothing was sealed under it"
    )]
    NoEpoch,
    #[error(
        "the vault gives the org key {key} the number {stated}, and gave it the number {known} before; a key keeps its number, so \
         it was replaced, or the number is wrong: nothing was sealed under it"
    )]
    OtherEpoch {
        key: crypto::Fingerprint,
        known: u64,
        stated: u64,
    },
    #[error(
        "it does not open: the vault says that the org key with the number {stated} sealed it, and gives the org key with the \
         number {known} as the present one, so one of its answers is wrong, or it gives a replaced org key"
    )]
    LaterEpoch { known: u64, stated: u64 },
    #[error(
        "the vault refuses the org key {0} as a replaced one, and gives it as the present one: one of its answers is wrong, and \
         nothing was written"
    )]
    StillReplaced(crypto::Fingerprint),
    #[error("the vault has asked for fewer requests, for longer than this operation may wait")]
    Throttled,
    #[error("the operation timed out")]
    Deadline,
    #[error("the vault has not answered within {} ms, and the read continues in the background", .0.as_millis())]
    Unfinished(Duration),
    #[error("the operation was cancelled")]
    Cancelled,
    #[error("the asynchronous runtime has ended")]
    RuntimeEnded,
    #[error("the operating system could not start a thread for the read")]
    NoThread,
    #[error(
        "its expiry is not a time, so a copy would never expire: update the secret with an expiry first"
    )]
    UnreadableExpiry,
    #[error(
        "the sealed value has {length} bytes on the wire, and at most {limit} could be read back"
    )]
    TooLarge { length: usize, limit: usize },
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[cfg(feature = "organization")]
    #[error(transparent)]
    Organization(#[from] OrganizationCause),
}

impl Cause {
    /// Returns true if it is unknown whether a write happened.
    pub(super) fn is_ambiguous(&self) -> bool {
        matches!(self, Self::Ambiguous(_) | Self::AmbiguousBefore(_))
    }

    /// Returns the cause without the doubt whether a write happened.
    pub(super) fn of_attempt(&self) -> &Self {
        match self {
            Self::Ambiguous(cause) | Self::AmbiguousBefore(cause) => cause,
            cause => cause,
        }
    }
}

/// Names the value of a secret, or of one field.
fn described(field: Option<&str>) -> String {
    match field {
        Some(field) => format!("the field `{}`", field.escape_debug()),
        None => "the value".to_owned(),
    }
}

fn listed(fingerprints: &[crypto::Fingerprint]) -> String {
    let texts: Vec<_> = fingerprints.iter().map(ToString::to_string).collect();
    texts.join(" or ")
}

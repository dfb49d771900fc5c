use std::fmt;

use helvetisafe_crypto::{Field, Payload, PayloadKind};
use helvetisafe_proto::endpoint::{CreatedSecret, ListedSecret, UpdatedSecret};
use helvetisafe_proto::{KeyName, ListedKey, Version};
use jiff::Timestamp;

use crate::cache::{Freshness, Value};

/// A decrypted secret. Its value is wiped on drop, and `Debug` does not show it.
pub struct Secret {
    key: KeyName,
    value: Value,
    freshness: Freshness,
}

impl Secret {
    pub(crate) fn new(key: KeyName, value: Value, freshness: Freshness) -> Self {
        Self {
            key,
            value,
            freshness,
        }
    }

    pub(crate) fn payload(&self) -> &Payload {
        &self.value.payload
    }

    /// Returns the requested name.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// Returns the value; for a multi-field secret the JSON text as stored.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.value.payload.expose_secret()
    }

    /// Returns the fields of a multi-field secret, in the order they are stored; none for any other secret.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        self.value.payload.fields()
    }

    /// Returns the field `name` of a multi-field secret.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name() == name)
    }

    /// Returns true if the encrypted content names the requested key, so that the vault cannot have handed out
    /// another secret in its place. Multi-field secrets and legacy plain text name no key, and are not bound,
    /// nor is a payload with further members besides its key.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.value.payload.is_bound()
    }

    /// Returns true if the secret has fields instead of a single value; `{}` has no fields.
    #[must_use]
    pub fn is_multi_field(&self) -> bool {
        self.value.payload.kind() == PayloadKind::MultiField
    }

    /// Returns the expiry. It is not encrypted: the vault chooses it.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.value.expires_at
    }

    /// Returns the time of the last write, if the vault names it.
    #[must_use]
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.value.updated_at
    }

    /// Returns the version, if the vault gives versions: see
    /// [`Secrets::update_if_unchanged`](crate::Secrets::update_if_unchanged). A value from the client's cache has
    /// the version that it had when it was read.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.value.version.as_ref()
    }

    /// Returns the origin of the value: the vault, or the client's cache with the age of the value. Without a
    /// cache it is always [`Freshness::Fresh`].
    #[must_use]
    pub fn freshness(&self) -> &Freshness {
        &self.freshness
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("key", &self.key)
            .field("expires_at", &self.value.expires_at)
            .field("updated_at", &self.value.updated_at)
            .field("version", &self.value.version)
            .field("freshness", &self.freshness)
            .finish_non_exhaustive()
    }
}

/// The name, the times and the version of a secret, without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMetadata {
    key: ListedKey,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    version: Option<Version>,
}

impl SecretMetadata {
    pub(crate) fn created(key: KeyName, answer: CreatedSecret) -> Self {
        Self {
            key: ListedKey::Valid(key),
            created_at: answer.created_at,
            updated_at: None,
            expires_at: answer.expires_at,
            version: answer.version,
        }
    }

    pub(crate) fn updated(key: KeyName, answer: UpdatedSecret) -> Self {
        Self {
            key: ListedKey::Valid(key),
            created_at: None,
            updated_at: answer.updated_at,
            expires_at: answer.expires_at,
            version: answer.version,
        }
    }

    /// Returns the name as the vault listed it. `Display` escapes an invalid name; [`ListedKey::valid`] returns a
    /// valid one.
    #[must_use]
    pub fn key(&self) -> &ListedKey {
        &self.key
    }

    /// Returns the time of creation, if the vault names it.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.created_at
    }

    /// Returns the time of the last write, if the vault names it.
    #[must_use]
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at
    }

    /// Returns the expiry.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }

    /// Returns the version, if the vault gives versions.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }
}

impl From<ListedSecret> for SecretMetadata {
    fn from(listed: ListedSecret) -> Self {
        Self {
            key: ListedKey::new(listed.key),
            created_at: listed.created_at,
            updated_at: listed.updated_at,
            expires_at: listed.expires_at,
            version: listed.version,
        }
    }
}

/// The result of a write that creates a secret or updates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Written {
    /// There was no such secret.
    Created(SecretMetadata),
    /// The secret existed.
    Updated(SecretMetadata),
}

impl Written {
    /// Returns true if there was no such secret before.
    #[must_use]
    pub fn is_created(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    /// Returns the name, the times and the version of the secret.
    #[must_use]
    pub fn metadata(&self) -> &SecretMetadata {
        match self {
            Self::Created(metadata) | Self::Updated(metadata) => metadata,
        }
    }

    /// Returns the name, the times and the version of the secret.
    #[must_use]
    pub fn into_metadata(self) -> SecretMetadata {
        match self {
            Self::Created(metadata) | Self::Updated(metadata) => metadata,
        }
    }
}

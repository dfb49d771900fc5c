use std::fmt;

use helvetisafe_crypto::{Field, Payload, PayloadKind};
use helvetisafe_proto::endpoint::ListedSecret;
use helvetisafe_proto::{KeyName, ListedKey};
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

    /// The name that was asked for.
    #[must_use]
    pub fn key(&self) -> &KeyName {
        &self.key
    }

    /// The value. Of a multi-field secret it is the JSON text as stored.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.value.payload.expose_secret()
    }

    /// The fields of a multi-field secret, in the order they are stored; none of any other.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        self.value.payload.fields()
    }

    /// The field named `name` of a multi-field secret.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().iter().find(|field| field.name() == name)
    }

    /// Whether the encrypted content names the key that was asked for, so that the vault cannot
    /// have handed out another secret in its place. Multi-field secrets and legacy plain text name
    /// no key, and are not bound, nor is one that has other members besides its key.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.value.payload.is_bound()
    }

    /// Whether it has fields in place of one value. It may have none of them: `{}`.
    #[must_use]
    pub fn is_multi_field(&self) -> bool {
        self.value.payload.kind() == PayloadKind::MultiField
    }

    /// When it will be gone. The vault's word: it is not part of what is encrypted.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.value.expires_at
    }

    /// Whether it comes from the vault or from the client's cache, and how old it is then. Without
    /// a cache it is always [`Freshness::Fresh`].
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
            .field("freshness", &self.freshness)
            .finish_non_exhaustive()
    }
}

/// What the vault tells about a secret without its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretMetadata {
    key: ListedKey,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
}

impl SecretMetadata {
    pub(crate) fn written(
        key: KeyName,
        created_at: Option<Timestamp>,
        updated_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
    ) -> Self {
        Self {
            key: ListedKey::Valid(key),
            created_at,
            updated_at,
            expires_at,
        }
    }

    /// The name, as the vault gave it. Shown with `Display` it is escaped where it is not one that
    /// can be used; [`ListedKey::valid`] gives it as a [`KeyName`].
    #[must_use]
    pub fn key(&self) -> &ListedKey {
        &self.key
    }

    /// When it was created, where the vault says so.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.created_at
    }

    /// When it was last written, where the vault says so.
    #[must_use]
    pub fn updated_at(&self) -> Option<Timestamp> {
        self.updated_at
    }

    /// When it will be gone.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        self.expires_at
    }
}

impl From<ListedSecret> for SecretMetadata {
    fn from(listed: ListedSecret) -> Self {
        Self {
            key: ListedKey::new(listed.key),
            created_at: listed.created_at,
            updated_at: listed.updated_at,
            expires_at: listed.expires_at,
        }
    }
}

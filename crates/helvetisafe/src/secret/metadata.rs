//! A secret without its value, and the result of a write.

use helvetisafe_proto::{ListedKey, Version};
use jiff::Timestamp;

/// The name, the times and the version of a secret, without its value.
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// for secret in client.secrets().list()? {
///     println!("{}", secret.key());
///     println!("created {:?}, written {:?}", secret.created_at(), secret.updated_at());
///     println!("expires {:?}, version {:?}", secret.expires_at(), secret.version());
/// }
/// # Ok::<(), helvetisafe::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SecretMetadata {
    key: ListedKey,
    created_at: Option<Timestamp>,
    updated_at: Option<Timestamp>,
    expires_at: Option<Timestamp>,
    version: Option<Version>,
}

impl SecretMetadata {
    pub(crate) fn new(
        key: ListedKey,
        created_at: Option<Timestamp>,
        updated_at: Option<Timestamp>,
        expires_at: Option<Timestamp>,
        version: Option<Version>,
    ) -> Self {
        Self {
            key,
            created_at,
            updated_at,
            expires_at,
            version,
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

/// The result of a write that creates a secret or updates it.
///
/// ```no_run
/// # let client = helvetisafe::Client::from_env()?;
/// let written = client.secrets().put("db_password", "s3cr3t-v@lue", None)?;
/// if written.is_created() {
///     println!("created {}", written.metadata().key());
/// }
/// let version = written.into_metadata().version().cloned();
/// # let _ = version;
/// # Ok::<(), helvetisafe::Error>(())
/// ```
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

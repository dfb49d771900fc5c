//! The new content of a secret: one value, or several fields.

use helvetisafe::{Error, ErrorKind, Expiry, KeyName, SecretMetadata, Secrets, Version, Written};

use super::replacement::Present;

pub(super) enum Content<'a> {
    Value(&'a str),
    /// Names and values.
    Fields(Vec<(&'a str, &'a str)>),
}

impl Content<'_> {
    /// Returns the names of the fields.
    pub(super) fn field_names(&self) -> Vec<&str> {
        match self {
            Self::Value(_) => Vec::new(),
            Self::Fields(fields) => fields.iter().map(|&(name, _)| name).collect(),
        }
    }

    pub(super) fn create(
        &self,
        key: &KeyName,
        expiry: Expiry,
        secrets: Secrets<'_>,
    ) -> Result<SecretMetadata, Error> {
        match self {
            Self::Value(value) => secrets.create(key, value, expiry),
            Self::Fields(fields) => secrets.create_fields(key, fields, expiry),
        }
    }

    /// Writes over the present secret. `creates` is set if the secret is created if there is none.
    pub(super) fn write_over(
        &self,
        present: &Present,
        key: &KeyName,
        expiry: Expiry,
        creates: bool,
        secrets: Secrets<'_>,
    ) -> Result<Written, Error> {
        match present {
            Present::Absent => self.create(key, expiry, secrets).map(Written::Created),
            Present::Version(version) => self
                .update(key, Some(version), expiry, secrets)
                .map(Written::Updated),
            Present::Any | Present::Unread => match self.update(key, None, expiry, secrets) {
                Err(error) if creates && error.kind() == ErrorKind::NotFound => {
                    self.create(key, expiry, secrets).map(Written::Created)
                }
                updated => updated.map(Written::Updated),
            },
        }
    }

    fn update(
        &self,
        key: &KeyName,
        version: Option<&Version>,
        expiry: Expiry,
        secrets: Secrets<'_>,
    ) -> Result<SecretMetadata, Error> {
        match (self, version) {
            (Self::Value(value), None) => secrets.update(key, value, expiry),
            (Self::Value(value), _) => secrets.update_if_unchanged(key, version, value, expiry),
            (Self::Fields(fields), None) => secrets.update_fields(key, fields, expiry),
            (Self::Fields(fields), _) => {
                secrets.update_fields_if_unchanged(key, version, fields, expiry)
            }
        }
    }
}

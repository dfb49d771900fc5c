//! Multi-field secrets, as the portal makes them: a JSON object whose members are the fields.

use helvetisafe_crypto::Payload;
use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::Expiry;
use jiff::Timestamp;

use super::{Secrets, parse};
use crate::error::{Action, Cause, ConfigError, Error, ErrorKind};
use crate::secret::SecretMetadata;

impl Secrets<'_> {
    /// Encrypts and stores a new multi-field secret: names and values, in the order they are to
    /// have. It is gone after `expires_at`, if given. Needs the scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::create`]; [`ErrorKind::Config`] also when a field has the name of the secret,
    /// since it would then be read as a single value.
    pub fn create_fields(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, &str)],
        expires_at: impl Into<Option<Timestamp>>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        refuse_own_name(&key, fields.iter().map(|(name, _)| *name))?;
        let plaintext = Payload::encode_fields(fields);
        let deadline = self.0.session.deadline();
        self.create_within(key, &plaintext, expires_at.into(), deadline)
    }

    /// Encrypts and stores new fields for a secret that exists, in place of all it held. Needs the
    /// scope `secrets:write`.
    ///
    /// # Errors
    ///
    /// As [`Self::update`]; [`ErrorKind::Config`] also when a field has the name of the secret.
    pub fn update_fields(
        &self,
        key: impl AsRef<str>,
        fields: &[(&str, &str)],
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        refuse_own_name(&key, fields.iter().map(|(name, _)| *name))?;
        let plaintext = Payload::encode_fields(fields);
        let deadline = self.0.session.deadline();
        self.update_within(key, &plaintext, expiry.into(), deadline)
    }

    /// Sets one field of a multi-field secret and keeps the others exactly as they are; creates the
    /// secret with this one field when there is none. Needs the scopes `secrets:read` and
    /// `secrets:write`.
    ///
    /// It reads, changes and writes, and the vault has no way to make that one step: of two that
    /// do it at the same time, the later wins.
    ///
    /// # Errors
    ///
    /// As [`Self::get`], [`Self::create`] and [`Self::update`]; [`ErrorKind::Conflict`] when the
    /// secret exists and has no fields, but one value; [`ErrorKind::Config`] when the field has no
    /// name, or that of the secret, since it would then be read as a single value.
    pub fn set_field(
        &self,
        key: impl AsRef<str>,
        field: &str,
        value: &str,
        expiry: impl Into<Expiry>,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        refuse_own_name(&key, [field])?;
        // More often a variable that is not set than a wish.
        if field.is_empty() {
            return Err(Error::config(ConfigError::Empty("the name of the field")));
        }
        let expiry = expiry.into();
        let deadline = self.0.session.deadline();
        let record = match self.read(&key, deadline) {
            Ok(record) => record,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let plaintext = Payload::encode_fields(&[(field, value)]);
                let expires_at = match expiry {
                    Expiry::At(at) => Some(at),
                    Expiry::Keep | Expiry::Never => None,
                };
                return self.create_within(key, &plaintext, expires_at, deadline);
            }
            Err(error) => return Err(error),
        };
        let payload = self.open(&key, &record, deadline)?;
        match payload.encode_with_field(field, value) {
            Some(plaintext) => self.update_within(key, &plaintext, expiry, deadline),
            None => Err(Error::new(Action::Update(key), Cause::NoFields)),
        }
    }
}

/// An object that names its own key is read as a single value, so that the other fields would be
/// out of reach.
pub(super) fn refuse_own_name<'a>(
    key: &KeyName,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    if names.into_iter().any(|name| name == key.as_str()) {
        return Err(Error::config(ConfigError::FieldNamedAsKey(key.clone())));
    }
    Ok(())
}

//! Writes multi-field secrets, as the portal makes them: a JSON object whose members are the fields.

use helvetisafe_crypto::{FieldValue, Payload, Plaintext};
use helvetisafe_proto::KeyName;

use super::{Operation, parse};
use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::expiry::Expiry;
use crate::org_keys::Purpose;
use crate::runtime::Runtime;
use crate::secret::SecretMetadata;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn create_fields(
        &self,
        key: &str,
        fields: &[(&str, FieldValue<'_>)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = self.create_fields_unobserved(key, fields, expiry);
        self.observed("secrets.create_fields", Some(key), work)
            .await
    }

    async fn create_fields_unobserved(
        &self,
        key: &str,
        fields: &[(&str, FieldValue<'_>)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let (key, plaintext) = encode(key, fields)?;
        let expires_at = self.expiry(expiry).time();
        self.create_payload(&key, &plaintext, expires_at).await
    }

    pub(crate) async fn update_fields(
        &self,
        key: &str,
        fields: &[(&str, FieldValue<'_>)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = self.update_fields_unobserved(key, fields, expiry);
        self.observed("secrets.update_fields", Some(key), work)
            .await
    }

    async fn update_fields_unobserved(
        &self,
        key: &str,
        fields: &[(&str, FieldValue<'_>)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let (key, plaintext) = encode(key, fields)?;
        let expiry = self.expiry(expiry);
        self.update_payload(&key, &plaintext, expiry).await
    }

    pub(crate) async fn set_field(
        &self,
        key: &str,
        field: &str,
        value: FieldValue<'_>,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = self.set_field_unobserved(key, field, value, expiry);
        self.observed("secrets.set_field", Some(key), work).await
    }

    async fn set_field_unobserved(
        &self,
        key: &str,
        field: &str,
        value: FieldValue<'_>,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let key = parse(key)?;
        refuse_own_name(&key, [field])?;
        // Most likely an unset variable.
        if field.is_empty() {
            return Err(Error::config(ConfigError::Empty("the name of the field")));
        }
        let expiry = self.expiry(expiry);
        let record = match self.read(&key).await {
            Ok(record) => record,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let plaintext = Payload::encode_fields(&[(field, value)]);
                return self.create_payload(&key, &plaintext, expiry.time()).await;
            }
            Err(error) => return Err(error),
        };
        let payload = self.open(&key, record, Purpose::SealAgain).await?;
        let checked = self.vault.binding.check(&key, &payload, &[field]);
        checked.map_err(|cause| Error::new(Action::Get(key.clone()), cause))?;
        match payload.encode_with_field(field, value) {
            Some(plaintext) => self.update_payload(&key, &plaintext, expiry).await,
            None => Err(Error::new(Action::Update(key), Cause::NoFields)),
        }
    }
}

/// Parses the name of a multi-field secret and encodes its fields.
fn encode(key: &str, fields: &[(&str, FieldValue<'_>)]) -> Result<(KeyName, Plaintext), Error> {
    let key = parse(key)?;
    refuse_own_name(&key, fields.iter().map(|(name, _)| *name))?;
    Ok((key, Payload::encode_fields(fields)))
}

/// Refuses a field with the name of the secret: the secret would be read as a single value, without its other
/// fields.
pub(crate) fn refuse_own_name<'a>(
    key: &KeyName,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), Error> {
    if names.into_iter().any(|name| name == key.as_str()) {
        return Err(Error::config(ConfigError::FieldNamedAsKey(key.clone())));
    }
    Ok(())
}

/// Converts the values of fields.
pub(crate) fn field_values<'n, 'v, V>(fields: &[(&'n str, V)]) -> Vec<(&'n str, FieldValue<'v>)>
where
    V: Clone + Into<FieldValue<'v>>,
{
    let convert = |(name, value): &(&'n str, V)| (*name, value.clone().into());
    fields.iter().map(convert).collect()
}

//! Writes multi-field secrets, as the portal makes them: a JSON object whose members are the fields.

use std::collections::BTreeSet;

use helvetisafe_crypto::{FieldValue, Payload, Plaintext};
use helvetisafe_proto::endpoint;
use helvetisafe_proto::retry::{self, BackOff};
use helvetisafe_proto::{KeyName, Version};

use super::update::required;
use super::{Operation, parse};
use crate::config_error::ConfigError;
use crate::error::{Action, Cause, Error, ErrorKind};
use crate::expiry::Expiry;
use crate::runtime::{Boxed, Runtime};
use crate::secret::{SecretMetadata, Written};

/// The most reads and writes for one change of a field.
const MAX_CHANGES: u32 = 16;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn create_fields(
        &self,
        key: &str,
        fields: &[(&str, FieldValue<'_>)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let (key, plaintext) = encode(key, fields)?;
            let expires_at = self.expiry(expiry).time();
            self.create_payload(&key, &plaintext, expires_at).await
        };
        self.observed("secrets.create_fields", Some(key), work)
            .await
    }

    pub(crate) async fn update_fields(
        &self,
        key: &str,
        fields: &[(&str, FieldValue<'_>)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let (key, plaintext) = encode(key, fields)?;
            let expiry = self.expiry(expiry);
            self.update_payload(&key, &plaintext, expiry, None).await
        };
        self.observed("secrets.update_fields", Some(key), work)
            .await
    }

    pub(crate) async fn update_fields_if_unchanged(
        &self,
        key: &str,
        version: Option<&Version>,
        fields: &[(&str, FieldValue<'_>)],
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let (key, plaintext) = encode(key, fields)?;
            let version = required(version, &key)?;
            let expiry = self.expiry(expiry);
            self.update_payload(&key, &plaintext, expiry, Some(version))
                .await
        };
        self.observed("secrets.update_fields_if_unchanged", Some(key), work)
            .await
    }

    pub(crate) async fn set_field(
        &self,
        key: &str,
        field: &str,
        value: FieldValue<'_>,
        expiry: Expiry,
    ) -> Result<Written, Error> {
        let work = async {
            let key = parse_for_field(key, field)?;
            let expiry = self.expiry(expiry);
            let set = async || match self.change_field(&key, field, &value, expiry).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    let plaintext = Payload::encode_fields(&[(field, value.clone())]);
                    let created = self.create_payload(&key, &plaintext, expiry.time()).await;
                    created.map(Written::Created)
                }
                outcome => outcome.map(Written::Updated),
            };
            self.repeat(|| Box::pin(set())).await
        };
        self.observed("secrets.set_field", Some(key), work).await
    }

    pub(crate) async fn update_field(
        &self,
        key: &str,
        field: &str,
        value: FieldValue<'_>,
        expiry: Expiry,
    ) -> Result<SecretMetadata, Error> {
        let work = async {
            let key = parse_for_field(key, field)?;
            let expiry = self.expiry(expiry);
            self.repeat(|| Box::pin(self.change_field(&key, field, &value, expiry)))
                .await
        };
        self.observed("secrets.update_field", Some(key), work).await
    }

    /// Repeats a change that begins with a read, while other clients are faster.
    async fn repeat<'b, T>(
        &self,
        change: impl Fn() -> Boxed<'b, Result<T, Error>> + Send + Sync,
    ) -> Result<T, Error> {
        let mut lost = 0;
        loop {
            match change().await {
                Err(error) if error.is_lost_race() && self.back_off(lost).await => lost += 1,
                outcome => return outcome,
            }
        }
    }

    /// Waits before the next change, after `lost` others. Returns false if there is none.
    async fn back_off(&self, lost: u32) -> bool {
        if lost + 1 == MAX_CHANGES {
            return false;
        }
        let api = &self.vault.api;
        let remaining = api.runtime.remaining(self.bounds.deadline);
        let jitter = api.runtime.clock().jitter();
        let wait = retry::wait(&api.policy, BackOff::Normal, lost, None, remaining, jitter);
        let Ok(time) = wait else { return false };
        api.runtime.sleep(time, self.bounds.cancel.as_ref()).await;
        true
    }

    /// Reads a secret, sets a field and writes the secret, if it has not changed since the read. A vault without
    /// versions cannot check that.
    async fn change_field(
        &self,
        key: &KeyName,
        field: &str,
        value: &FieldValue<'_>,
        expiry: endpoint::Expiry,
    ) -> Result<SecretMetadata, Error> {
        let read = self.read_to_seal(key, |_| Ok(())).await?;
        let checked = self.vault.binding.check(key, &read.payload, &[field]);
        checked.map_err(|cause| Error::new(Action::Get(key.clone()), cause))?;
        match read.payload.encode_with_field(field, value.clone()) {
            Some(plaintext) => {
                self.update_payload(key, &plaintext, expiry, read.version.as_ref())
                    .await
            }
            None => Err(Error::new(Action::Update(key.clone()), Cause::NoFields)),
        }
    }
}

/// Parses the name of a secret, one field of which is to be set.
fn parse_for_field(key: &str, field: &str) -> Result<KeyName, Error> {
    let key = parse(key)?;
    refuse_own_name(&key, [field])?;
    // Most likely an unset variable.
    if field.is_empty() {
        return Err(Error::config(ConfigError::Empty("the name of the field")));
    }
    Ok(key)
}

/// Parses the name of a multi-field secret and encodes its fields.
fn encode(key: &str, fields: &[(&str, FieldValue<'_>)]) -> Result<(KeyName, Plaintext), Error> {
    let key = parse(key)?;
    check_names(&key, fields)?;
    Ok((key, Payload::encode_fields(fields)))
}

/// Refuses names of which a reader would lose a field: none at all, one that occurs twice, or that of the secret.
pub(crate) fn check_names<V>(key: &KeyName, fields: &[(&str, V)]) -> Result<(), Error> {
    let names = || fields.iter().map(|(name, _)| *name);
    refuse_own_name(key, names())?;
    if fields.is_empty() {
        return Err(Error::config(ConfigError::Empty("the list of fields")));
    }
    let mut seen = BTreeSet::new();
    match names().find(|name| !seen.insert(*name)) {
        Some(twice) => Err(Error::config(ConfigError::FieldTwice(twice.to_owned()))),
        None => Ok(()),
    }
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

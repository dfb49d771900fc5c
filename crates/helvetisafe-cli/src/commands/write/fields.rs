//! The update of one field.

use helvetisafe::{Error, Expiry, FieldValue, KeyName, SecretMetadata, Secrets};

/// Sets a field and keeps the others and their types. Fails if the secret does not exist.
///
/// It uses `update_fields`, since `set_field` would create a secret that was deleted meanwhile.
pub(super) fn update(
    secrets: Secrets<'_>,
    key: &KeyName,
    (name, value): (&str, &str),
    expiry: Expiry,
) -> Result<SecretMetadata, Error> {
    let secret = secrets.get_with_fields(key, &[name])?;
    if !secret.is_multi_field() {
        // It refuses a single value.
        return secrets.set_field(key, name, value, expiry);
    }
    let fields = secret.fields().iter();
    let mut fields: Vec<_> = fields.map(|it| (it.name(), FieldValue::from(it))).collect();
    match fields.iter_mut().find(|(found, _)| *found == name) {
        Some(field) => field.1 = value.into(),
        None => fields.push((name, value.into())),
    }
    secrets.update_fields(key, &fields, expiry)
}

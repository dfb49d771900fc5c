//! The update of one field.

use std::collections::BTreeMap;
use std::fmt;

use helvetisafe::{Error, Expiry, KeyName, SecretMetadata, Secrets};
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// Sets a field and keeps the others exactly as they are. Fails if the secret does not exist.
///
/// It uses `update_fields`, since `set_field` would create a secret that was deleted meanwhile. But
/// `update_fields` takes only texts: if a field is a number, for example, it has to be `set_field`.
pub(super) fn update(
    secrets: Secrets<'_>,
    key: &KeyName,
    (name, value): (&str, &str),
    expiry: Expiry,
) -> Result<SecretMetadata, Error> {
    let secret = secrets.get_with_fields(key, &[name])?;
    if !secret.is_multi_field() || !has_only_texts(secret.expose_secret()) {
        return secrets.set_field(key, name, value, expiry);
    }
    let fields = secret.fields().iter();
    let mut fields: Vec<_> = fields.map(|it| (it.name(), it.expose_secret())).collect();
    match fields.iter_mut().find(|(found, _)| *found == name) {
        Some(field) => field.1 = value,
        None => fields.push((name, value)),
    }
    secrets.update_fields(key, &fields, expiry)
}

/// Returns whether each member of a JSON object is a string.
fn has_only_texts(json: &str) -> bool {
    serde_json::from_str::<BTreeMap<String, Text>>(json).is_ok()
}

/// A string that is checked and dropped.
struct Text;

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(AnyText)
    }
}

struct AnyText;

impl Visitor<'_> for AnyText {
    type Value = Text;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, _: &str) -> Result<Text, E> {
        Ok(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::has_only_texts;

    #[test]
    fn members_other_than_texts_are_found() {
        for json in ["{}", r#"{"A":"a"}"#, r#"{"A":"\u00e9\n","B":"5"}"#] {
            assert!(has_only_texts(json), "{json}");
        }
        for json in ["5", "true", "null", r#"["a"]"#, r#"{"a":"b"}"#] {
            let json = format!(r#"{{"A":"a","B":{json}}}"#);
            assert!(!has_only_texts(&json), "{json}");
        }
    }
}

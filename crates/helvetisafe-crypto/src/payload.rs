//! The content of an envelope: RFC 8259 JSON, or text from before the JSON format.

mod field_value;
mod json;
mod text;

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::{Error, Plaintext};
use text::Text;

pub use field_value::FieldValue;

/// The content of an open envelope: one value under its own name, several fields, or legacy text.
///
/// The name inside the envelope is authenticated, the name outside is not. So [`Payload::is_bound`] shows
/// whether the server returned the requested secret. Everything is wiped on drop, except that an
/// unwiped copy of a field's name can remain if the JSON writes the name with escapes.
pub struct Payload {
    kind: PayloadKind,
    text: Text,
    /// Set if the plain value is the JSON text of a number, an array and so on, not of a string.
    is_json: bool,
    /// The range of the plain value in the text.
    value: Range<usize>,
    is_bound: bool,
    fields: Vec<Field>,
    /// The names of the members beside a plain value.
    other_names: Vec<Text>,
}

/// The form of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// `{"<key>": "<value>"}`: an object with the requested key as a name. If the member is no string, as in
    /// `{"<key>": 5432}`, its JSON text is the plain value. The object may have other members; see
    /// [`Payload::is_bound`].
    Single,
    /// Any other JSON object, such as the portal makes: its members are the fields, and its JSON
    /// text is the plain value. It does not contain its own key.
    MultiField,
    /// Any other text: all of it is the value. It does not contain its own key.
    Legacy,
}

/// One member of a multi-field secret.
pub struct Field {
    name: Text,
    value: Text,
    is_text: bool,
}

impl Field {
    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the value: the content of a JSON string, or the JSON text of any other value.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.value
    }

    /// Returns true if the value is a JSON string, and false if it is any other JSON value.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.is_text
    }
}

impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Field")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

impl Payload {
    /// Parses the plaintext of the secret `key`.
    ///
    /// If several members have the same name, the last one counts, as in most JSON readers.
    ///
    /// # Errors
    ///
    /// [`Error::Payload`] when the plaintext is not UTF-8, or a JSON string has an unpaired surrogate.
    pub fn parse(plaintext: Plaintext, key: &str) -> Result<Self, Error> {
        let text = Text::of(plaintext)?;
        if let Some(value) = json::lone_value(&text, key) {
            // The value stays in the decrypted buffer: no copy, so nothing more to wipe.
            return Ok(Self {
                value,
                is_bound: true,
                ..Self::new(PayloadKind::Single, text)
            });
        }
        let Some(members) = json::members(&text) else {
            return Ok(Self::new(PayloadKind::Legacy, text));
        };
        if let Some(&(_, raw)) = members.iter().find(|(name, _)| **name == *key) {
            let value = Self::new(PayloadKind::Single, json::text(raw)?);
            let is_json = !json::is_string(raw);
            let names = members.into_iter().map(|(name, _)| name);
            let other_names: Vec<_> = names.filter(|name| **name != *key).collect();
            return Ok(Self {
                is_bound: other_names.is_empty(),
                is_json,
                other_names,
                ..value
            });
        }
        let fields = members
            .into_iter()
            .map(|(name, raw)| {
                Ok(Field {
                    name,
                    value: json::text(raw)?,
                    is_text: json::is_string(raw),
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self {
            fields,
            ..Self::new(PayloadKind::MultiField, text)
        })
    }

    fn new(kind: PayloadKind, text: Text) -> Self {
        Self {
            kind,
            value: 0..text.len(),
            is_bound: false,
            is_json: false,
            text,
            fields: Vec::new(),
            other_names: Vec::new(),
        }
    }

    /// Writes the plaintext of a single-value secret, `{"<key>":"<value>"}`, in one allocation.
    #[must_use]
    pub fn encode(key: &str, value: &str) -> Plaintext {
        json::object(&[(key, json::Value::Text(value))])
    }

    /// Writes the plaintext of a multi-field secret, an object with the fields in the given order, in one
    /// allocation. A value is a text, or a [`FieldValue`].
    #[must_use]
    pub fn encode_fields<'a, V>(fields: &[(&str, V)]) -> Plaintext
    where
        V: Clone + Into<FieldValue<'a>>,
    {
        let values: Vec<FieldValue<'_>> = fields.iter().map(|(_, it)| it.clone().into()).collect();
        let names = fields.iter().map(|&(name, _)| name);
        let fields: Vec<_> = names.zip(values.iter().map(FieldValue::as_json)).collect();
        json::object(&fields)
    }

    /// Writes the plaintext of this multi-field secret with one field set. An existing field keeps its
    /// position; a new one goes to the end. The JSON of the other fields is unchanged.
    ///
    /// Returns `None` if this is not a multi-field secret.
    #[must_use]
    pub fn encode_with_field<'a>(
        &self,
        name: &str,
        value: impl Into<FieldValue<'a>>,
    ) -> Option<Plaintext> {
        let members = json::members(&self.text).filter(|_| self.kind == PayloadKind::MultiField)?;
        let mut fields: Vec<_> = members
            .iter()
            .map(|(name, raw)| (&**name, json::Value::Raw(raw)))
            .collect();
        let value = value.into();
        let new = (name, value.as_json());
        match fields.iter_mut().find(|(found, _)| *found == name) {
            Some(field) => *field = new,
            None => fields.push(new),
        }
        Some(json::object(&fields))
    }

    /// Writes the plaintext of this secret under the name `key`, in one allocation. A single value keeps its
    /// JSON type, legacy text becomes a single value, and a multi-field secret is unchanged.
    #[must_use]
    pub fn encode_for(&self, key: &str) -> Plaintext {
        let value = self.expose_secret();
        match self.kind {
            PayloadKind::MultiField => value.as_bytes().to_vec().into(),
            _ if self.is_json => json::object(&[(key, json::Value::Raw(value))]),
            _ => Self::encode(key, value),
        }
    }

    /// Returns the form of the payload.
    #[must_use]
    pub fn kind(&self) -> PayloadKind {
        self.kind
    }

    /// Returns true if the payload has the requested key as its only member, so that no other secret can
    /// pass for it. An object with several members is never bound: a field of a multi-field secret may have
    /// the name of another secret.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.is_bound
    }

    /// Returns the plain value. For a multi-field secret it is the JSON text as stored.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.text.get(self.value.clone()).unwrap_or_default()
    }

    /// Returns the fields of a multi-field secret in stored order. Other payloads have none.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// Returns the names of the members beside the plain value, in stored order: `user` for `{"<key>":"v","user":"u"}`.
    /// A write of the value drops these members. Payloads of other kinds have none.
    pub fn other_names(&self) -> impl Iterator<Item = &str> {
        self.other_names.iter().map(|name| &**name)
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Payload")
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;

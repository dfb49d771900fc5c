//! What an envelope holds, once it is open: RFC 8259 JSON, or text from before there was a format.

mod json;
mod text;

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::{Error, Plaintext};
use text::Text;

/// The content of an open envelope: one value under its own name, several fields, or legacy text.
///
/// The name inside is authenticated, unlike the name on the outside, so [`Payload::is_bound`] shows
/// whether a server handed out the secret that was asked for. Everything is wiped on drop; a
/// copy of a field's name can be left behind where that is written with escapes.
pub struct Payload {
    kind: PayloadKind,
    text: Text,
    /// Where in the text the plain value is.
    value: Range<usize>,
    is_bound: bool,
    fields: Vec<Field>,
}

/// Which of the three forms a payload has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayloadKind {
    /// `{"<key>": "<value>"}`: an object that names the key asked for, with a string. See
    /// [`Payload::is_bound`] for one that has other members too.
    Single,
    /// Any other JSON object, such as the portal makes: its members are the fields, and its JSON
    /// text is the plain value. It does not name its own key.
    MultiField,
    /// Anything else: the text is the value. It does not name its own key.
    Legacy,
}

/// One member of a multi-field secret.
pub struct Field {
    name: Text,
    value: Text,
}

impl Field {
    /// The name of the field.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value: the text of a JSON string, or the JSON text of anything else.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        &self.value
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
    /// Reads what was in the envelope of the secret named `key`.
    ///
    /// Of members with the same name the last counts, as in most JSON readers.
    ///
    /// # Errors
    ///
    /// [`Error::Payload`] when it is not UTF-8, or when a JSON string holds half of a surrogate
    /// pair, which no Unicode text can.
    pub fn parse(plaintext: Plaintext, key: &str) -> Result<Self, Error> {
        let text = Text::of(plaintext)?;
        if let Some(value) = json::lone_value(&text, key) {
            return Ok(Self::single(text, value));
        }
        let Some(members) = json::members(&text) else {
            return Ok(Self::new(PayloadKind::Legacy, text, Vec::new()));
        };
        let named = members
            .iter()
            .find(|(name, raw)| **name == *key && json::is_string(raw));
        if let Some((_, raw)) = named {
            let value = json::unescape(raw)?;
            return Ok(Self {
                is_bound: members.len() == 1,
                ..Self::new(PayloadKind::Single, value, Vec::new())
            });
        }
        let fields = members
            .into_iter()
            .map(|(name, raw)| {
                Ok(Field {
                    name,
                    value: json::text(raw)?,
                })
            })
            .collect::<Result<_, Error>>()?;
        Ok(Self::new(PayloadKind::MultiField, text, fields))
    }

    /// The value stays where it was decrypted: no copy, nothing more to wipe.
    fn single(text: Text, value: Range<usize>) -> Self {
        Self {
            value,
            is_bound: true,
            ..Self::new(PayloadKind::Single, text, Vec::new())
        }
    }

    fn new(kind: PayloadKind, text: Text, fields: Vec<Field>) -> Self {
        Self {
            kind,
            value: 0..text.len(),
            is_bound: false,
            text,
            fields,
        }
    }

    /// The plaintext of a single-value secret: `{"<key>":"<value>"}`, in one allocation.
    #[must_use]
    pub fn encode(key: &str, value: &str) -> Plaintext {
        Self::encode_fields(&[(key, value)])
    }

    /// The plaintext of a multi-field secret: an object with one string per field, in their order,
    /// in one allocation.
    #[must_use]
    pub fn encode_fields(fields: &[(&str, &str)]) -> Plaintext {
        let fields: Vec<_> = fields
            .iter()
            .map(|&(name, value)| (name, json::Value::Text(value)))
            .collect();
        json::object(&fields)
    }

    /// The plaintext of this multi-field secret with one field set to a text: in its place if it
    /// is there, else at the end. All others stay exactly as they are. `None` when this is no
    /// multi-field secret.
    #[must_use]
    pub fn encode_with_field(&self, name: &str, value: &str) -> Option<Plaintext> {
        let members = json::members(&self.text).filter(|_| self.kind == PayloadKind::MultiField)?;
        let mut fields: Vec<_> = members
            .iter()
            .map(|(name, raw)| (&**name, json::Value::Raw(raw)))
            .collect();
        let new = (name, json::Value::Text(value));
        match fields.iter_mut().find(|(found, _)| *found == name) {
            Some(field) => *field = new,
            None => fields.push(new),
        }
        Some(json::object(&fields))
    }

    /// Which form it has.
    #[must_use]
    pub fn kind(&self) -> PayloadKind {
        self.kind
    }

    /// Returns whether it names the key asked for and nothing else, so that no other secret can pass for
    /// it. A field of a multi-field secret can have the name of another secret, so an object with several
    /// members is not bound, even if one of them has the name of the key.
    #[must_use]
    pub fn is_bound(&self) -> bool {
        self.is_bound
    }

    /// The plain value: of a multi-field secret, its JSON text as stored.
    #[must_use]
    pub fn expose_secret(&self) -> &str {
        self.text.get(self.value.clone()).unwrap_or_default()
    }

    /// The fields of a multi-field secret, in the order they are stored; none of any other.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
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

use alloc::string::{String, ToString};
use core::fmt;

use serde_json::value::RawValue;
use zeroize::Zeroizing;

use super::{Field, json};
use crate::Error;

/// A value of a field to write: a text, or any other JSON value. It is wiped on drop where it owns a text.
#[derive(Clone)]
pub struct FieldValue<'a>(Content<'a>);

#[derive(Clone)]
enum Content<'a> {
    Text(&'a str),
    Json(&'a str),
    Owned(Zeroizing<String>),
}

impl<'a> FieldValue<'a> {
    /// A text, which is written as a JSON string.
    #[must_use]
    pub fn text(text: &'a str) -> Self {
        Self(Content::Text(text))
    }

    /// A JSON value, which is written as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] when `json` is not one JSON value, or is a string with an unpaired surrogate.
    pub fn json(json: &'a str) -> Result<Self, Error> {
        let raw: &RawValue = serde_json::from_str(json).map_err(|_| Error::Json)?;
        json::text(raw.get()).map_err(|_| Error::Json)?;
        Ok(Self(Content::Json(raw.get())))
    }

    pub(super) fn as_json(&self) -> json::Value<'_> {
        match &self.0 {
            Content::Text(text) => json::Value::Text(text),
            Content::Json(json) => json::Value::Raw(json),
            Content::Owned(json) => json::Value::Raw(json),
        }
    }
}

impl<'a> From<&'a str> for FieldValue<'a> {
    fn from(text: &'a str) -> Self {
        Self::text(text)
    }
}

impl<'a> From<&'a String> for FieldValue<'a> {
    fn from(text: &'a String) -> Self {
        Self::text(text)
    }
}

#[cfg(feature = "secrecy")]
impl<'a> From<&'a secrecy::SecretString> for FieldValue<'a> {
    fn from(text: &'a secrecy::SecretString) -> Self {
        secrecy::ExposeSecret::expose_secret(text).into()
    }
}

impl<'a> From<&'a Field> for FieldValue<'a> {
    /// Keeps the JSON type of the field.
    fn from(field: &'a Field) -> Self {
        let value = field.expose_secret();
        Self(if field.is_text() {
            Content::Text(value)
        } else {
            Content::Json(value)
        })
    }
}

macro_rules! from_scalars {
    ($($scalar:ty)*) => {$(
        impl From<$scalar> for FieldValue<'_> {
            fn from(value: $scalar) -> Self {
                Self(Content::Owned(Zeroizing::new(value.to_string())))
            }
        }
    )*};
}

from_scalars! { bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 }

#[cfg(feature = "serde")]
impl From<&serde_json::Value> for FieldValue<'_> {
    /// Writes the value twice: first to count its bytes, so that the text that is wiped never grows.
    fn from(value: &serde_json::Value) -> Self {
        use fmt::Write;

        struct Count(usize);

        impl Write for Count {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                self.0 += text.len();
                Ok(())
            }
        }

        // Writing to memory does not fail.
        let mut count = Count(0);
        let _ = write!(count, "{value}");
        let mut json = Zeroizing::new(String::with_capacity(count.0));
        let _ = write!(*json, "{value}");
        Self(Content::Owned(json))
    }
}

#[cfg(feature = "serde")]
impl From<serde_json::Value> for FieldValue<'_> {
    /// Copies the value. The value itself is dropped without being wiped.
    fn from(value: serde_json::Value) -> Self {
        Self::from(&value)
    }
}

impl fmt::Debug for FieldValue<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FieldValue").finish_non_exhaustive()
    }
}

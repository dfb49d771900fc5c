use alloc::string::String;
use core::ops::Deref;

use crate::{Error, Plaintext};

/// Text that is wiped on drop as [`Plaintext`] is.
pub(super) struct Text(String);

impl Text {
    /// Takes the bytes without a copy. Fails with [`Error::Payload`] when they are not UTF-8.
    pub(super) fn of(plaintext: Plaintext) -> Result<Self, Error> {
        String::from_utf8(plaintext.into_vec())
            .map(Self)
            .map_err(|error| {
                drop(Plaintext::from(error.into_bytes()));
                Error::Payload
            })
    }

    /// Makes an empty text. Growing beyond `capacity` bytes would leave an unwiped copy.
    pub(super) fn with_capacity(capacity: usize) -> Self {
        Self(String::with_capacity(capacity))
    }

    pub(super) fn push_str(&mut self, text: &str) {
        self.0.push_str(text);
    }

    pub(super) fn push(&mut self, character: char) {
        self.0.push(character);
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        drop(Plaintext::from(core::mem::take(&mut self.0).into_bytes()));
    }
}

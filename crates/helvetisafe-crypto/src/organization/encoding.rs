//! The encoding of all authenticated data: a sequence of fields, each after its length.
//!
//! ```text
//! field  = length of the bytes (8 bytes, big-endian) || bytes
//! text   = field with UTF-8
//! number = field with 8 bytes, big-endian
//! list   = number of elements || each element
//! ```
//!
//! The first field is a label. So two different sequences, or the same one for another purpose, never have the same
//! bytes.

use alloc::vec::Vec;

use sha2::{Digest, Sha256};

/// Returns SHA-256(label || 0x00 || data).
pub(super) fn hash(label: &str, data: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(label)
        .chain_update([0])
        .chain_update(data)
        .finalize()
        .into()
}

/// Writes fields.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn new(label: &str) -> Self {
        Self(Vec::new()).text(label)
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0
            .extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub(super) fn number(self, number: u64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub(super) fn list<T: AsRef<[u8]>>(self, elements: impl ExactSizeIterator<Item = T>) -> Self {
        let count = self.number(elements.len() as u64);
        elements.fold(count, |fields, element| fields.bytes(element.as_ref()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// Reads fields. Returns `None` when a field is incomplete or has another type.
pub(super) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::try_from(u64::from_be_bytes(*length)).ok()?;
        let (field, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(field)
    }

    pub(super) fn text(&mut self) -> Option<&'a str> {
        str::from_utf8(self.bytes()?).ok()
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.bytes()?.try_into().ok()
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Returns the bytes that are not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.0
    }
}

//! The identity that the repetitions of a write share.

use sha2::{Digest, Sha256};

/// The hash of a request's `Idempotency-Key`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IdempotencyKey([u8; 32]);

impl IdempotencyKey {
    /// Hashes the values of the header.
    pub(crate) fn of<'a>(values: impl IntoIterator<Item = &'a [u8]>) -> Self {
        Self(hash(values))
    }

    /// Returns the identity of a write with this content. A client that uses its key for another write thus gets another
    /// identity, not the answer of the first.
    pub(super) fn with(&self, content: &[&[u8]]) -> [u8; 32] {
        let key: &[u8] = &self.0;
        hash([key].into_iter().chain(content.iter().copied()))
    }
}

/// Hashes parts, each with its length.
fn hash<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> [u8; 32] {
    let add = |hash: Sha256, part: &[u8]| {
        let hash = hash.chain_update((part.len() as u64).to_be_bytes());
        hash.chain_update(part)
    };
    parts.into_iter().fold(Sha256::new(), add).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_of_a_write_is_in_its_identity() {
        let of = |key: &[&[u8]], content| IdempotencyKey::of(key.iter().copied()).with(content);
        let one = of(&[b"key"], &[b"a", b"bc"]);
        assert_eq!(one, of(&[b"key"], &[b"a", b"bc"]));
        assert_ne!(one, of(&[b"kez"], &[b"a", b"bc"]));
        assert_ne!(one, of(&[b"key", b"key"], &[b"a", b"bc"]));
        assert_ne!(one, of(&[b"key"], &[b"ab", b"c"]));
        assert_ne!(one, of(&[b"key"], &[b"a", b"bc", b""]));
    }
}

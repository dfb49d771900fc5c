//! AES-256-GCM, NIST SP 800-38D, with a 96-bit nonce and a 128-bit tag.

use alloc::vec::Vec;

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit, Tag};

use crate::{Error, stack};

/// Bytes of a key.
pub(crate) const KEY_LEN: usize = 32;
/// Bytes of a nonce.
pub(crate) const NONCE_LEN: usize = 12;
/// Bytes of a tag.
pub(crate) const TAG_LEN: usize = 16;

/// A key that is ready for use: round keys and GHASH tables are computed once. Wiped on drop, and
/// so is the stack, on which each use spreads the round keys, the first two of which are the key.
pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// SP 800-38D section 7.1, GCM-AE: turns the plaintext in `buffer` into ciphertext followed by
    /// its tag, which covers the additional data `aad` too.
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let plaintext = buffer.as_mut_slice().into();
        let tag = stack::wiped::<{ stack::CIPHER }, _>(|| {
            self.0.encrypt_inout_detached(nonce.into(), aad, plaintext)
        })
        .map_err(|_| Error::TooLong)?;
        buffer.extend_from_slice(&tag);
        Ok(())
    }

    /// SP 800-38D section 7.2, GCM-AD: checks the tag at the end of `buffer`, with the same additional
    /// data, and only then turns the rest into plaintext, in place. On failure the buffer still holds
    /// ciphertext.
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let length = buffer.len().checked_sub(TAG_LEN).ok_or(Error::Decryption)?;
        let (ciphertext, tag) = buffer.split_at_mut(length);
        let tag = Tag::try_from(&*tag).map_err(|_| Error::Decryption)?;
        stack::wiped::<{ stack::CIPHER }, _>(|| {
            let ciphertext = ciphertext.into();
            self.0
                .decrypt_inout_detached(nonce.into(), aad, ciphertext, &tag)
        })
        .map_err(|_| Error::Decryption)?;
        buffer.truncate(length);
        Ok(())
    }
}

#[cfg(test)]
mod tests;

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

/// An AES-256-GCM key with its round keys and GHASH tables, wiped on drop.
///
/// Each use copies the round keys to the stack, and the first two of them are the key. So each use
/// wipes the stack too.
pub(crate) struct Cipher(Aes256Gcm);

impl Cipher {
    pub(crate) fn new(key: &[u8; KEY_LEN]) -> Self {
        Self(Aes256Gcm::new(key.into()))
    }

    /// Replaces the plaintext in `buffer` with the ciphertext and its tag. The tag covers the
    /// additional data `aad` too.
    ///
    /// SP 800-38D section 7.1, GCM-AE<sub>K</sub>(IV, P, A):
    ///
    /// ```text
    /// H = CIPH_K(0^128);  J0 = IV || 0^31 || 1
    /// C = GCTR_K(inc32(J0), P)
    /// S = GHASH_H(A || 0^v || C || 0^u || [len(A)]64 || [len(C)]64)
    /// T = GCTR_K(J0, S)
    /// return C, T
    /// ```
    pub(crate) fn seal(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let plaintext = buffer.as_mut_slice().into();
        let tag = stack::wiped_after_cipher(|| {
            self.0.encrypt_inout_detached(nonce.into(), aad, plaintext)
        })
        .map_err(|_| Error::TooLong)?;
        buffer.extend_from_slice(&tag);
        Ok(())
    }

    /// Replaces the ciphertext and tag in `buffer` with the plaintext. If the tag is wrong, the buffer
    /// keeps the ciphertext.
    ///
    /// SP 800-38D section 7.2, GCM-AD<sub>K</sub>(IV, C, A, T): with S as above,
    ///
    /// ```text
    /// T' = GCTR_K(J0, S)
    /// if T != T': return FAIL
    /// return P = GCTR_K(inc32(J0), C)
    /// ```
    pub(crate) fn open(
        &self,
        nonce: &[u8; NONCE_LEN],
        aad: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let length = buffer.len().checked_sub(TAG_LEN).ok_or(Error::Decryption)?;
        let (ciphertext, tag) = buffer.split_at_mut(length);
        let tag = Tag::try_from(&*tag).map_err(|_| Error::Decryption)?;
        stack::wiped_after_cipher(|| {
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

//! HMAC-SHA-256 (RFC 2104) and HKDF-SHA-256 (RFC 5869).

use alloc::boxed::Box;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::stack;

/// Derives 32 bytes, without a salt (RFC 5869 sections 2.2 and 2.3):
///
/// ```text
/// PRK = HMAC-SHA-256(0^256, secret)
/// return HMAC-SHA-256(PRK, info || 0x01)
/// ```
#[expect(
    clippy::expect_used,
    reason = "RFC 5869 section 2.3 allows up to 255 * 32 bytes"
)]
pub(super) fn derive(secret: &[u8; 32], info: &str) -> Box<Zeroizing<[u8; 32]>> {
    stack::wiped(|| {
        let mut derived = Box::new(Zeroizing::new([0; 32]));
        Hkdf::<Sha256>::new(None, secret)
            .expand(info.as_bytes(), derived.as_mut_slice())
            .expect("32 bytes can be derived");
        derived
    })
}

/// Returns HMAC-SHA-256(key, message).
pub(super) fn authenticate(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    stack::wiped(|| hmac(key, message).finalize().into_bytes().into())
}

/// Compares HMAC-SHA-256(key, message) with `tag`, in constant time.
pub(super) fn is_authentic(key: &[u8; 32], message: &[u8], tag: &[u8; 32]) -> bool {
    stack::wiped(|| hmac(key, message).verify(tag.into()).is_ok())
}

#[expect(
    clippy::expect_used,
    reason = "RFC 2104 section 2 allows a key of any length"
)]
fn hmac(key: &[u8; 32], message: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key)
        .expect("a key may have any length")
        .chain_update(message)
}

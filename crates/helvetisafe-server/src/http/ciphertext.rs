//! What is checked of a secret on its way in: its form, since its contents are not the vault's.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use helvetisafe_proto::endpoint::Expiry;
use jiff::Timestamp;

use super::Refusal;
use crate::store::{Ciphertext, Moment, NewExpiry};

/// The size of an AES-256-GCM nonce in bytes, NIST SP 800-38D section 5.2.1.1.
const NONCE_SIZE: usize = 12;

/// The size of its tag in bytes, which even an empty plaintext has.
const TAG_SIZE: usize = 16;

/// Checks that both are canonical base64 (RFC 4648 section 4, padded) of a possible size.
pub(super) fn check_ciphertext(value: String, nonce: String) -> Result<Ciphertext, Refusal> {
    if decoded_size(&nonce) != Some(NONCE_SIZE) {
        return Err(Refusal::invalid_nonce());
    }
    if decoded_size(&value).is_none_or(|size| size < TAG_SIZE) {
        return Err(Refusal::invalid_value());
    }
    Ok(Ciphertext { value, nonce })
}

fn decoded_size(text: &str) -> Option<usize> {
    BASE64_STANDARD.decode(text).ok().map(|bytes| bytes.len())
}

/// Checks that an expiry is still to come.
pub(super) fn check_expiry(
    expires_at: Option<Timestamp>,
    now: Moment,
) -> Result<Option<Moment>, Refusal> {
    let expires_at = expires_at.map(Moment::from);
    if expires_at.is_some_and(|at| at <= now) {
        return Err(Refusal::expiry_in_the_past());
    }
    Ok(expires_at)
}

/// The same for a write that may leave the expiry as it is.
pub(super) fn check_new_expiry(expiry: Expiry, now: Moment) -> Result<NewExpiry, Refusal> {
    match expiry {
        Expiry::Keep => Ok(NewExpiry::Keep),
        Expiry::Never => Ok(NewExpiry::Set(None)),
        Expiry::At(at) => check_expiry(Some(at), now).map(NewExpiry::Set),
    }
}

//! Checks the form of a written secret. The vault cannot check its content.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;

use super::Refusal;
use crate::store::{Ciphertext, Moment, Store};

/// The size of an AES-256-GCM nonce in bytes.
const NONCE_SIZE: usize = 12;

/// The size of an AES-256-GCM tag in bytes, and so of the ciphertext and tag of an empty plaintext.
const TAG_SIZE: usize = 16;

/// Checks that both are canonical base64 (RFC 4648 section 4, padded) of a valid size.
pub(super) fn check_ciphertext(value: String, nonce: String) -> Result<Ciphertext, Refusal> {
    if decoded_size(&nonce) != Some(NONCE_SIZE) {
        return Err(Refusal::INVALID_NONCE);
    }
    if decoded_size(&value).is_none_or(|size| size < TAG_SIZE) {
        return Err(Refusal::INVALID_VALUE);
    }
    Ok(Ciphertext { value, nonce })
}

fn decoded_size(text: &str) -> Option<usize> {
    BASE64_STANDARD.decode(text).ok().map(|bytes| bytes.len())
}

/// Checks that an expiry is in the future by the clock of the database. Only a write with an expiry reads it.
pub(super) async fn check_expiry(
    expires_at: Option<Timestamp>,
    store: &Store,
) -> Result<(), Refusal> {
    match expires_at {
        Some(time) if Moment::from(time) <= store.now().await? => Err(Refusal::EXPIRY_IN_THE_PAST),
        _ => Ok(()),
    }
}

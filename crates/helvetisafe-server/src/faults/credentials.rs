//! Credentials that clients must refuse.
//!
//! They are made with an account's own keys, so that most of them decrypt, and the fault is in the
//! plaintext.

use axum::http::StatusCode;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use getrandom::SysRng;
use helvetisafe_crypto::{OrgKey, PrivateKey};
use rsa::Oaep;
use rsa::pkcs8::DecodePrivateKey;
use serde_json::json;
use sha2::Sha256;

use super::locked::{self, BadPrivateKey};
use super::{Answer, Fault};
use crate::{Account, Error};

/// The fault of an org key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadOrgKey {
    /// It unwraps to 31 bytes.
    Short,
    /// It unwraps to 33 bytes.
    Long,
    /// It unwraps to nothing.
    Empty,
    /// It is wrapped for another RSA key.
    WrappedForAnother,
    /// It is as long as the modulus, and larger as a number.
    BeyondTheModulus,
    /// It is one byte shorter than the modulus.
    Truncated,
    /// It is 48 KiB of valid base64.
    Huge,
    /// It is base64 with a line break, which a lax decoder skips.
    BrokenBase64,
    /// It is base64 without padding, which a lax decoder accepts.
    Unpadded,
}

impl BadOrgKey {
    /// All faults.
    pub const ALL: [Self; 9] = [
        Self::Short,
        Self::Long,
        Self::Empty,
        Self::WrappedForAnother,
        Self::BeyondTheModulus,
        Self::Truncated,
        Self::Huge,
        Self::BrokenBase64,
        Self::Unpadded,
    ];
}

/// Credentials of a hostile vault.
impl Fault {
    /// Answers a [`Route::OrgKey`](super::Route::OrgKey) with this org key in place of the
    /// organization's. It is wrapped for the account, so it unwraps.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when the account's key cannot be read, or there is no randomness.
    pub fn other_org_key(account: &Account, org_key: &OrgKey) -> Result<Self, Error> {
        let key = PrivateKey::from_pem(&account.private_key_pem)?;
        let wrapped = key.public_key().wrap_org_key(org_key)?.encode();
        Ok(Self::org_key("other org key", &wrapped))
    }

    /// Answers a [`Route::OrgKey`](super::Route::OrgKey) with an org key that clients must refuse.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when the account's key cannot be read.
    pub fn bad_org_key(account: &Account, bad: BadOrgKey) -> Result<Self, Error> {
        let wrapped = |length| wrap(account, length);
        let text = match bad {
            BadOrgKey::Short => BASE64_STANDARD.encode(wrapped(31)?),
            BadOrgKey::Long => BASE64_STANDARD.encode(wrapped(33)?),
            BadOrgKey::Empty => BASE64_STANDARD.encode(wrapped(0)?),
            // A random number cannot be distinguished from a ciphertext for another key.
            BadOrgKey::WrappedForAnother => {
                let mut other = wrapped(32)?;
                other.iter_mut().skip(1).for_each(|byte| *byte ^= 0x55);
                BASE64_STANDARD.encode(other)
            }
            BadOrgKey::BeyondTheModulus => BASE64_STANDARD.encode(vec![0xff; wrapped(32)?.len()]),
            BadOrgKey::Truncated => BASE64_STANDARD.encode(&wrapped(32)?[1..]),
            BadOrgKey::Huge => BASE64_STANDARD.encode(vec![1; 36 * 1024]),
            BadOrgKey::BrokenBase64 => {
                let mut text = BASE64_STANDARD.encode(wrapped(32)?);
                text.insert(64, '\n');
                text
            }
            BadOrgKey::Unpadded => {
                let mut text = BASE64_STANDARD.encode(wrapped(32)?);
                text.pop();
                text
            }
        };
        Ok(Self::org_key(&format!("bad org key: {bad:?}"), &text))
    }

    /// Answers a [`Route::PrivateKey`](super::Route::PrivateKey) with a private key that clients must
    /// refuse. It is locked with the account's password, so it unlocks, except for
    /// [`BadPrivateKey::Tampered`].
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when the account's key cannot be read, or there is no randomness.
    pub fn bad_private_key(account: &Account, bad: BadPrivateKey) -> Result<Self, Error> {
        let answer = locked::answer(account, bad)?;
        let body = serde_json::to_vec(&answer).unwrap_or_default();
        let mut fault = Self::answer(Answer::status(StatusCode::OK).json(body));
        fault.name = format!("bad private key: {bad:?}");
        Ok(fault)
    }

    fn org_key(name: &str, wrapped: &str) -> Self {
        let body = json!({ "encrypted_org_key": wrapped, "key_epoch": 1 }).to_string();
        let mut fault = Self::answer(Answer::status(StatusCode::OK).json(body));
        name.clone_into(&mut fault.name);
        fault
    }
}

/// Wraps `length` bytes for the account: RSAES-OAEP-ENCRYPT, RFC 8017 section 7.1.1.
fn wrap(account: &Account, length: usize) -> Result<Vec<u8>, Error> {
    let rejected = |_| Error::Crypto(helvetisafe_crypto::Error::KeyFormat);
    let key = rsa::PrivateKey::from_pkcs8_pem(&account.private_key_pem).map_err(rejected)?;
    let contents = vec![7; length];
    rsa::PublicKey::from(&key)
        .encrypt(&mut SysRng, Oaep::<Sha256>::new(), &contents)
        .map_err(|_| Error::Crypto(helvetisafe_crypto::Error::TooLong))
}

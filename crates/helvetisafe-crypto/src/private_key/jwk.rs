//! An RSA key as a JWK: RFC 7517, RFC 7518 section 6.3.

use alloc::vec::Vec;

use base64ct::{Base64UrlUnpadded, Encoding};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use serde::Deserialize;
use serde::de::IgnoredAny;
use zeroize::Zeroizing;

use super::PrivateKey;
use super::parts::{Crt, Parts, trim};
use crate::Error;
use crate::aead::TAG_LEN;

/// The members of an RSA key, borrowed from the text so that no copy of them has to be wiped. A member
/// with a JSON escape cannot be borrowed and is refused; base64url needs no escapes.
#[derive(Deserialize)]
struct Jwk<'a> {
    kty: &'a str,
    n: &'a str,
    e: &'a str,
    d: &'a str,
    p: &'a str,
    q: &'a str,
    dp: &'a str,
    dq: &'a str,
    qi: &'a str,
    /// Further primes.
    oth: Option<IgnoredAny>,
}

pub(super) fn read(jwk: &[u8]) -> Result<PrivateKey, Error> {
    // From bytes, the parser would accept invalid UTF-8 in skipped members. It accepts an array in place
    // of an object.
    let jwk = str::from_utf8(jwk).map_err(|_| Error::KeyFormat)?;
    if !jwk.trim_start().starts_with('{') {
        return Err(Error::KeyFormat);
    }
    let jwk: Jwk<'_> = serde_json::from_str(jwk).map_err(|_| Error::KeyFormat)?;
    if jwk.kty != "RSA" {
        return Err(Error::KeyFormat);
    }
    if jwk.oth.is_some() {
        return Err(Error::KeyRejected);
    }
    PrivateKey::from_parts(&Parts {
        n: &decode(jwk.n)?,
        e: &decode(jwk.e)?,
        d: &decode(jwk.d)?,
        p: &decode(jwk.p)?,
        q: &decode(jwk.q)?,
        dp: &decode(jwk.dp)?,
        dq: &decode(jwk.dq)?,
        qi: &decode(jwk.qi)?,
    })
}

/// Decodes base64url without padding in constant time, since it is key material.
fn decode(text: &str) -> Result<Zeroizing<Vec<u8>>, Error> {
    Base64UrlUnpadded::decode_vec(text)
        .map(Zeroizing::new)
        .map_err(|_| Error::KeyFormat)
}

impl PrivateKey {
    /// Writes the key as a JWK in one allocation, with 16 bytes of spare capacity for a tag.
    pub(crate) fn to_jwk(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let Self(key) = self;
        let [p, q] = key.primes() else {
            return Err(Error::KeyRejected);
        };
        let crt = Crt::of(key).ok_or(Error::KeyRejected)?;
        let members = [
            ("n", Zeroizing::new(key.n().to_be_bytes())),
            ("e", Zeroizing::new(key.e().to_be_bytes())),
            ("d", Zeroizing::new(key.d().to_be_bytes())),
            ("p", Zeroizing::new(p.to_be_bytes())),
            ("q", Zeroizing::new(q.to_be_bytes())),
            ("dp", crt.dp),
            ("dq", crt.dq),
            ("qi", crt.qi),
        ];
        let encoded = |bytes: &[u8]| Base64UrlUnpadded::encoded_len(trim(bytes));
        let length: usize = members
            .iter()
            .map(|(name, bytes)| name.len() + 6 + encoded(bytes))
            .sum();
        let mut jwk = Zeroizing::new(Vec::with_capacity(length + 13 + TAG_LEN));
        jwk.extend_from_slice(br#"{"kty":"RSA""#);
        for (name, bytes) in &members {
            jwk.extend_from_slice(b",\"");
            jwk.extend_from_slice(name.as_bytes());
            jwk.extend_from_slice(b"\":\"");
            let start = jwk.len();
            jwk.resize(start + encoded(bytes), 0);
            Base64UrlUnpadded::encode(trim(bytes), &mut jwk[start..])
                .map_err(|_| Error::KeyFormat)?;
            jwk.push(b'"');
        }
        jwk.push(b'}');
        Ok(jwk)
    }
}

//! Private keys that unlock with the account's password and that clients must refuse.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use helvetisafe_crypto::{LockedPrivateKey, OrgKey, PrivateKey};
use helvetisafe_proto::endpoint::PrivateKeyAnswer;
use secrecy::ExposeSecret;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{Account, Error};

/// A key of 1024 bits, valid except for its size.
const RSA_1024: &str = include_str!("rsa-1024.jwk");

/// A key of 16 384 bits with consistent numbers. Its factors are 2^8192 + 1 and 2^8191 + 1, which are not
/// primes, but clients do not check that.
const RSA_16384: &str = include_str!("rsa-16384.jwk");

/// The fault of a private key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadPrivateKey {
    /// The authentication tag is changed.
    Tampered,
    /// The plaintext is not JSON.
    Garbage,
    /// The plaintext is JSON that opens 20 000 arrays.
    Deep,
    /// The JWK has the modulus twice.
    DuplicateMember,
    /// The JWK lacks a prime.
    MissingMember,
    /// The modulus has 1024 bits; everything else is valid.
    TinyModulus,
    /// The modulus has 16 384 bits and all numbers are consistent, so a client that accepts it computes for a
    /// long time.
    HugeModulus,
    /// The public exponent is even.
    EvenExponent,
    /// The public exponent is as long as the modulus.
    HugeExponent,
    /// The public exponent is 1.
    ExponentOne,
    /// The product of the primes is not the modulus.
    OtherProduct,
    /// The private exponent does not invert the public one.
    NotInverse,
    /// The numbers of the Chinese remainder theorem belong to another key, which gives wrong results that
    /// reveal a prime.
    OtherRemainders,
}

impl BadPrivateKey {
    /// All faults.
    pub const ALL: [Self; 13] = [
        Self::Tampered,
        Self::Garbage,
        Self::Deep,
        Self::DuplicateMember,
        Self::MissingMember,
        Self::TinyModulus,
        Self::HugeModulus,
        Self::EvenExponent,
        Self::HugeExponent,
        Self::ExponentOne,
        Self::OtherProduct,
        Self::NotInverse,
        Self::OtherRemainders,
    ];
}

/// Returns the answer with a faulty private key.
pub(super) fn answer(account: &Account, bad: BadPrivateKey) -> Result<PrivateKeyAnswer, Error> {
    let lock = Lock::of(account)?;
    let mut answer = lock.close(&contents(&lock, bad)?)?;
    if bad == BadPrivateKey::Tampered {
        let other = if answer.auth_tag.starts_with('A') {
            "B"
        } else {
            "A"
        };
        answer.auth_tag.replace_range(..1, other);
    }
    Ok(answer)
}

fn contents(lock: &Lock, bad: BadPrivateKey) -> Result<Zeroizing<Vec<u8>>, Error> {
    let jwk = &lock.jwk;
    let with = |name: &str, value: &[u8]| {
        let mut jwk = jwk.clone();
        jwk.insert(name.to_owned(), BASE64_URL_SAFE_NO_PAD.encode(value).into());
        Value::from(jwk).to_string()
    };
    let of = |name: &str| {
        let text = jwk.get(name).and_then(Value::as_str).unwrap_or_default();
        Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(text).unwrap_or_default())
    };
    let text = match bad {
        BadPrivateKey::Tampered => Value::from(jwk.clone()).to_string(),
        BadPrivateKey::Garbage => "not JSON".to_owned(),
        BadPrivateKey::Deep => "[".repeat(20_000),
        BadPrivateKey::DuplicateMember => {
            let modulus = jwk.get("n").cloned().unwrap_or_default();
            let text = Value::from(jwk.clone()).to_string();
            text.replacen('{', &format!("{{\"n\":{modulus},"), 1)
        }
        BadPrivateKey::MissingMember => {
            let mut jwk = jwk.clone();
            jwk.remove("q");
            Value::from(jwk).to_string()
        }
        BadPrivateKey::TinyModulus => RSA_1024.to_owned(),
        BadPrivateKey::HugeModulus => RSA_16384.to_owned(),
        BadPrivateKey::EvenExponent => with("e", &[1, 0, 2]),
        BadPrivateKey::HugeExponent => with("e", &of("n")),
        BadPrivateKey::ExponentOne => with("e", &[1]),
        BadPrivateKey::OtherProduct => with("p", &of("q")),
        BadPrivateKey::NotInverse => {
            let mut d = of("d");
            if let Some(last) = d.last_mut() {
                *last ^= 2;
            }
            with("d", &d)
        }
        BadPrivateKey::OtherRemainders => with("dp", &of("dq")),
    };
    Ok(Zeroizing::new(text.into_bytes()))
}

/// The key that locks an account's private key, and that private key as a JWK.
struct Lock {
    key: OrgKey,
    salt: String,
    jwk: Map<String, Value>,
}

impl Lock {
    fn of(account: &Account) -> Result<Self, Error> {
        let password = account.password.expose_secret();
        let key = PrivateKey::from_pem(&account.private_key_pem)?;
        let locked = LockedPrivateKey::lock(&key, password)?.encode();
        let lock = locking_key(password, &locked.salt)?;
        let bytes = |text: &str| BASE64_STANDARD.decode(text).unwrap_or_default();
        let nonce = bytes(&locked.nonce).try_into().unwrap_or_default();
        let sealed = [bytes(&locked.ciphertext), bytes(&locked.tag)].concat();
        let envelope = helvetisafe_crypto::Envelope::from_parts(nonce, sealed)?;
        let jwk = serde_json::from_slice(&lock.open(envelope)?).unwrap_or_default();
        Ok(Self {
            key: lock,
            salt: locked.salt,
            jwk,
        })
    }

    /// Locks any content.
    fn close(&self, contents: &[u8]) -> Result<PrivateKeyAnswer, Error> {
        let envelope = self.key.seal(contents)?;
        let (ciphertext, tag) = envelope.ciphertext_and_tag().split_at(contents.len());
        Ok(PrivateKeyAnswer {
            encrypted_private_key: BASE64_STANDARD.encode(ciphertext),
            nonce: envelope.encode_nonce(),
            salt: self.salt.clone(),
            auth_tag: BASE64_STANDARD.encode(tag),
        })
    }
}

/// Derives the locking key: Argon2id, RFC 9106, with the parameters of the format. The lock is AES-256-GCM
/// like a secret's envelope, so an [`OrgKey`] opens it.
fn locking_key(password: &str, salt: &str) -> Result<OrgKey, Error> {
    let salt = BASE64_STANDARD.decode(salt).unwrap_or_default();
    let mut key = Zeroizing::new([0; 32]);
    let too_long = |_| Error::Crypto(helvetisafe_crypto::Error::TooLong);
    let params = Params::new(19_456, 2, 1, Some(32)).map_err(too_long)?;
    let mut memory = vec![Block::default(); params.block_count()];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into_with_memory(password.as_bytes(), &salt, &mut *key, &mut memory)
        .map_err(too_long)?;
    Ok(OrgKey::from_bytes(&key))
}

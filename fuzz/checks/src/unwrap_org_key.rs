use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::{Error, OrgKey, PrivateKey, WrappedOrgKey};
use helvetisafe_proto::Endpoint;
use helvetisafe_proto::endpoint::GetOrgKey;
use http::Response;

use crate::fixtures::{PRIVATE_KEY, SplitMix64, TESTKIT_PRIVATE_KEY, flip_a_bit};

/// Unwraps an org key from a server: the data as its answer, as base64, and as the bytes of a ciphertext. Data
/// of 34 bytes is also an org key to wrap, which must unwrap, and the choice of a bit; with that bit flipped
/// it must not unwrap. RSA is slow, so other lengths are not wrapped.
pub fn unwrap_org_key(data: &[u8]) {
    let answer = GetOrgKey.parse(Response::new(data.to_vec()));
    if let Ok(answer) = answer {
        if let Ok(wrapped) = WrappedOrgKey::decode(&answer.encrypted_org_key) {
            unwrap(&TESTKIT_PRIVATE_KEY, &wrapped);
        }
        return;
    }
    if let Ok(text) = str::from_utf8(data)
        && let Ok(wrapped) = WrappedOrgKey::decode(text.trim_end())
    {
        assert_eq!(wrapped.encode(), text.trim_end());
        unwrap(&PRIVATE_KEY, &wrapped);
    }
    unwrap(&PRIVATE_KEY, &wrapped_from(data));
    if let Some((org_key, bit @ [_, _])) = data.split_first_chunk() {
        wrap_and_change(&OrgKey::from_bytes(org_key), bit);
    }
}

fn unwrap(key: &PrivateKey, wrapped: &WrappedOrgKey) {
    if let Err(error) = key.unwrap_org_key_with_rng(&mut SplitMix64::new(), wrapped) {
        assert_eq!(error, Error::Unwrap);
    }
}

fn wrap_and_change(org_key: &OrgKey, bit: &[u8]) {
    let public_key = PRIVATE_KEY.public_key();
    let wrapped = public_key
        .wrap_org_key_with_rng(&mut SplitMix64::new(), org_key)
        .unwrap();
    let unwrapped = PRIVATE_KEY
        .unwrap_org_key_with_rng(&mut SplitMix64::new(), &wrapped)
        .unwrap();
    assert_eq!(unwrapped.expose_secret(), org_key.expose_secret());

    let mut bytes = STANDARD.decode(wrapped.encode()).unwrap();
    flip_a_bit(&mut bytes, bit);
    let outcome =
        PRIVATE_KEY.unwrap_org_key_with_rng(&mut SplitMix64::new(), &wrapped_from(&bytes));
    assert_eq!(outcome.err(), Some(Error::Unwrap));
}

fn wrapped_from(bytes: &[u8]) -> WrappedOrgKey {
    WrappedOrgKey::decode(&STANDARD.encode(bytes)).unwrap()
}

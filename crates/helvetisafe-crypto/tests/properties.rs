//! Round trips over any bytes and any text, the empty ones, NUL, quotes, newlines and a mebibyte
//! included.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::sync::LazyLock;

use helvetisafe_crypto::{
    Envelope, LockedPrivateKey, OrgKey, Payload, PayloadKind, PrivateKey, WrappedOrgKey,
};
use proptest::prelude::*;

static KEY: LazyLock<PrivateKey> =
    LazyLock::new(|| PrivateKey::from_pem(include_str!("data/rsa-2048-pkcs8.pem")).unwrap());

/// Any text, mostly short, sometimes up to a mebibyte.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => any::<String>(),
        4 => "[\0-\u{20}\"'\\\\{}\u{7f}-\u{a0}\u{2028}\u{1f600}]{0,64}",
        1 => ("[\0-\u{ff}]{1,16}", 0_usize..=1 << 20).prop_map(|(piece, length)| {
            let mut text = piece.repeat(length.div_ceil(piece.len()));
            while text.len() > length {
                text.pop();
            }
            text
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_value_comes_back_through_payload_envelope_and_base64(
        org_key: [u8; 32], key in "[A-Za-z0-9_]{1,255}", value in text(),
    ) {
        let org_key = OrgKey::from_bytes(&org_key);
        let envelope = org_key.seal(&Payload::encode(&key, &value)).unwrap();
        let (in_base64, nonce) = (envelope.encode_value(), envelope.encode_nonce());
        let plaintext = org_key.open(Envelope::decode(&in_base64, &nonce).unwrap()).unwrap();
        let payload = Payload::parse(plaintext, &key).unwrap();
        prop_assert_eq!(payload.kind(), PayloadKind::Single);
        prop_assert!(payload.expose_secret() == value);
    }

    #[test]
    fn a_different_key_does_not_open_an_envelope(one: [u8; 32], other: [u8; 32], plaintext: Vec<u8>) {
        prop_assume!(one != other);
        let envelope = OrgKey::from_bytes(&one).seal(&plaintext).unwrap();
        prop_assert!(OrgKey::from_bytes(&other).open(envelope).is_err());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn every_org_key_wraps_and_unwraps(org_key: [u8; 32]) {
        let wrapped = KEY.public_key().wrap_org_key(&OrgKey::from_bytes(&org_key)).unwrap();
        let wrapped = WrappedOrgKey::decode(&wrapped.encode()).unwrap();
        let unwrapped = KEY.unwrap_org_key(&wrapped).unwrap();
        prop_assert_eq!(unwrapped.expose_secret(), &org_key);
    }

    #[test]
    fn every_password_unlocks_its_own_key_only(password in text(), other: String) {
        prop_assume!(password != other);
        let locked = LockedPrivateKey::lock(&KEY, &password).unwrap();
        let locked = LockedPrivateKey::decode(&locked.encode()).unwrap();
        let unlocked = locked.unlock(&password).unwrap();
        prop_assert_eq!(unlocked.to_pkcs8_pem().unwrap(), KEY.to_pkcs8_pem().unwrap());
        prop_assert!(locked.unlock(&other).is_err());
    }
}

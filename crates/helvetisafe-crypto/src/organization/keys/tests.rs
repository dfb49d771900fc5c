#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::string::{String, ToString};

use proptest::prelude::*;

use super::*;
use crate::PrivateKey;
use crate::organization::fixtures::BOB_KEY;
use crate::random::tests::Failing;

/// RFC 8032 section 7.1, test 2: secret key, public key, and the signature of the message 0x72.
const SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";
const PUBLIC: &str = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
const SIGNATURE: &str = "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da\
                         085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00";

fn hex<const N: usize>(text: &str) -> [u8; N] {
    let byte = |at: usize| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap();
    std::array::from_fn(byte)
}

#[test]
fn the_signature_of_the_standard_is_made_and_verified() {
    let key = SigningKey::from_bytes(&hex(SEED));
    assert_eq!(key.verification_key().as_bytes(), &hex(PUBLIC));
    assert_eq!(key.sign(&[0x72]), hex(SIGNATURE));
    assert!(
        key.verification_key()
            .is_signature(&[0x72], &hex(SIGNATURE))
    );
    assert!(
        !key.verification_key()
            .is_signature(&[0x73], &hex(SIGNATURE))
    );
}

/// RFC 8032 section 8.4: S + L verifies where S is not checked to be below L.
#[test]
fn a_second_form_of_a_signature_is_refused() {
    let order: [u8; 32] = hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
    let mut signature: [u8; 64] = hex(SIGNATURE);
    let mut carry = 0;
    for (byte, add) in signature[32..].iter_mut().zip(order) {
        let sum = u16::from(*byte) + u16::from(add) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    let key = VerificationKey::from_bytes(&hex(PUBLIC)).unwrap();
    assert!(!key.is_signature(&[0x72], &signature));
}

/// The points of order 1, 2, 4 and 8 (Chalkias, Garillot and Nikolaenko 2020, table 5). Signatures for them can be
/// made without a private key.
#[test]
fn points_of_small_order_and_other_encodings_are_no_keys() {
    for point in [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        // y = p + 18, which is not below p.
        "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        // Not a point.
        "0200000000000000000000000000000000000000000000000000000000000000",
    ] {
        let outcome = VerificationKey::from_bytes(&hex(point));
        assert_eq!(outcome, Err(InvalidKey::VerificationKey), "{point}");
    }
}

#[test]
fn a_verification_key_has_one_text() {
    let key = VerificationKey::from_bytes(&hex(PUBLIC)).unwrap();
    let text = key.to_string();
    assert_eq!(text, "ed25519:PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw");
    assert_eq!(text.parse(), Ok(key));
    assert_eq!(
        std::format!("{key:?}"),
        std::format!("VerificationKey({text})")
    );
    for bad in [
        "",
        "ed25519:",
        &text[8..],
        &std::format!("{text}="),
        &text[..50],
        "ed25519:////",
    ] {
        assert_eq!(
            bad.parse::<VerificationKey>(),
            Err(InvalidKey::VerificationKey),
            "{bad}"
        );
    }
}

#[test]
fn a_signing_key_is_in_a_pem_that_openssl_reads() {
    let key = SigningKey::from_bytes(&hex(SEED));
    let pem = key.to_pem().unwrap();
    // By Python's `cryptography`, which uses OpenSSL.
    let expected = "-----BEGIN PRIVATE KEY-----\n\
                    MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n\
                    -----END PRIVATE KEY-----\n";
    assert_eq!(*pem, expected);
    let again = SigningKey::from_pem(&pem).unwrap();
    assert_eq!(again.verification_key(), key.verification_key());
    let rsa = include_str!("../../../tests/data/rsa-2048-pkcs8.pem");
    let relabelled = pem.replace("PRIVATE", "PUBLIC");
    // X25519 has 1.3.101.110.
    let x25519 = pem.replace("MC4CAQAwBQYDK2Vw", "MC4CAQAwBQYDK2Vu");
    for bad in [
        "",
        rsa,
        &relabelled,
        &x25519,
        &pem[..80],
        &std::format!("{}x", *pem),
    ] {
        assert_eq!(
            SigningKey::from_pem(bad).err(),
            Some(InvalidKey::SigningKey),
            "{bad}"
        );
    }
}

#[test]
fn a_failing_random_source_is_an_error() {
    let outcome = SigningKey::generate_with_rng(&mut Failing { left: 0 });
    assert_eq!(outcome.err(), Some(Error::Randomness));
}

#[test]
fn a_public_key_has_one_encoding() {
    let der = BOB_KEY.as_der();
    let again = PublicKeyInfo::from_der(der).unwrap();
    assert_eq!(again, *BOB_KEY);
    assert_eq!(again.hash()[..], Sha256::digest(der)[..]);
    let longer = [der, &[0]].concat();
    for bad in [&[][..], &der[..der.len() - 1], &longer] {
        assert_eq!(
            PublicKeyInfo::from_der(bad).err(),
            Some(InvalidKey::PublicKey)
        );
    }
}

#[test]
fn a_small_public_key_is_refused() {
    let small = rsa::PrivateKey::new(&mut getrandom::SysRng, 1024).unwrap();
    let der = small.to_public_key().to_public_key_der().unwrap();
    let outcome = PublicKeyInfo::from_der(der.as_bytes());
    assert_eq!(outcome.err(), Some(InvalidKey::PublicKey));
    assert!(PrivateKey::generate(1024).is_err());
}

proptest! {
    #[test]
    fn one_changed_bit_is_no_signature(message: Vec<u8>, at in 0_usize..512) {
        let key = SigningKey::generate().unwrap();
        let mut signature = key.sign(&message);
        prop_assert!(key.verification_key().is_signature(&message, &signature));
        signature[at / 8] ^= 1 << (at % 8);
        prop_assert!(!key.verification_key().is_signature(&message, &signature));
    }

    #[test]
    fn any_bytes_are_refused_or_read_as_one_key(bytes: Vec<u8>, text: String) {
        let _ = SigningKey::from_pem(&text);
        if let Ok(key) = text.parse::<VerificationKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
        if let Ok(info) = PublicKeyInfo::from_der(&bytes) {
            prop_assert_eq!(info.as_der(), bytes);
        }
    }
}

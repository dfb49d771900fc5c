//! AES-256-GCM of five libraries, all in the format of an envelope.

use aes_gcm::{AeadInOut, Aes256Gcm, KeyInit};
use base64_simd::STANDARD;
use helvetisafe_crypto::{Envelope, OrgKey};

const KEY: [u8; 32] = [7; 32];
const TAG: usize = 16;

/// The value and the nonce of an envelope, in base64.
pub(crate) type Sealed = (String, String);

pub(crate) trait Cipher {
    fn name(&self) -> &'static str;
    fn seal(&self, plaintext: &[u8]) -> Sealed;
    /// Opens, and returns the length of the plaintext.
    fn open(&self, sealed: &Sealed) -> usize;
}

fn nonce() -> [u8; 12] {
    let mut nonce = [0; 12];
    getrandom::fill(&mut nonce).unwrap();
    nonce
}

/// Returns the plaintext in a buffer with room for the tag.
fn buffer(plaintext: &[u8]) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(plaintext.len() + TAG);
    buffer.extend_from_slice(plaintext);
    buffer
}

fn encode(nonce: [u8; 12], ciphertext: &[u8]) -> Sealed {
    (
        STANDARD.encode_to_string(ciphertext),
        STANDARD.encode_to_string(nonce),
    )
}

fn decode((value, nonce): &Sealed) -> ([u8; 12], Vec<u8>) {
    let nonce = STANDARD.decode_to_vec(nonce).unwrap();
    (
        nonce.try_into().unwrap(),
        STANDARD.decode_to_vec(value).unwrap(),
    )
}

pub(crate) struct Ours(OrgKey);

impl Ours {
    pub(crate) fn new() -> Self {
        Self(OrgKey::from_bytes(&KEY))
    }
}

impl Cipher for Ours {
    fn name(&self) -> &'static str {
        "ours"
    }

    fn seal(&self, plaintext: &[u8]) -> Sealed {
        let envelope = self.0.seal(plaintext).unwrap();
        (envelope.encode_value(), envelope.encode_nonce())
    }

    fn open(&self, (value, nonce): &Sealed) -> usize {
        let envelope = Envelope::decode(value, nonce).unwrap();
        self.0.open(envelope).unwrap().len()
    }
}

pub(crate) struct RustCrypto(Aes256Gcm);

impl RustCrypto {
    pub(crate) fn new() -> Self {
        Self(Aes256Gcm::new(&KEY.into()))
    }
}

impl Cipher for RustCrypto {
    fn name(&self) -> &'static str {
        "`aes-gcm`"
    }

    fn seal(&self, plaintext: &[u8]) -> Sealed {
        let (nonce, mut buffer) = (nonce(), buffer(plaintext));
        let tag = self
            .0
            .encrypt_inout_detached(&nonce.into(), &[], buffer.as_mut_slice().into())
            .unwrap();
        buffer.extend_from_slice(&tag);
        encode(nonce, &buffer)
    }

    fn open(&self, sealed: &Sealed) -> usize {
        let (nonce, mut buffer) = decode(sealed);
        let (ciphertext, tag) = buffer.split_last_chunk_mut::<TAG>().unwrap();
        let length = ciphertext.len();
        self.0
            .decrypt_inout_detached(&nonce.into(), &[], ciphertext.into(), &(*tag).into())
            .unwrap();
        length
    }
}

/// The interface of AWS-LC is that of `ring`.
macro_rules! like_ring {
    ($name:ident, $library:ident, $shown:literal) => {
        pub(crate) struct $name($library::aead::LessSafeKey);

        impl $name {
            pub(crate) fn new() -> Self {
                use $library::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
                Self(LessSafeKey::new(
                    UnboundKey::new(&AES_256_GCM, &KEY).unwrap(),
                ))
            }
        }

        impl Cipher for $name {
            fn name(&self) -> &'static str {
                $shown
            }

            fn seal(&self, plaintext: &[u8]) -> Sealed {
                use $library::aead::{Aad, Nonce};
                let (nonce, mut buffer) = (nonce(), buffer(plaintext));
                let used = Nonce::assume_unique_for_key(nonce);
                self.0
                    .seal_in_place_append_tag(used, Aad::empty(), &mut buffer)
                    .unwrap();
                encode(nonce, &buffer)
            }

            fn open(&self, sealed: &Sealed) -> usize {
                use $library::aead::{Aad, Nonce};
                let (nonce, mut buffer) = decode(sealed);
                let nonce = Nonce::assume_unique_for_key(nonce);
                let opened = self.0.open_in_place(nonce, Aad::empty(), &mut buffer);
                opened.unwrap().len()
            }
        }
    };
}

like_ring!(Ring, ring, "ring");
like_ring!(AwsLc, aws_lc_rs, "AWS-LC");

pub(crate) struct OpenSsl(openssl::symm::Cipher);

impl OpenSsl {
    pub(crate) fn new() -> Self {
        Self(openssl::symm::Cipher::aes_256_gcm())
    }
}

impl Cipher for OpenSsl {
    fn name(&self) -> &'static str {
        "OpenSSL"
    }

    fn seal(&self, plaintext: &[u8]) -> Sealed {
        let (nonce, mut tag) = (nonce(), [0; TAG]);
        let mut sealed =
            openssl::symm::encrypt_aead(self.0, &KEY, Some(&nonce), &[], plaintext, &mut tag)
                .unwrap();
        sealed.extend_from_slice(&tag);
        encode(nonce, &sealed)
    }

    fn open(&self, sealed: &Sealed) -> usize {
        let (nonce, buffer) = decode(sealed);
        let (ciphertext, tag) = buffer.split_last_chunk::<TAG>().unwrap();
        openssl::symm::decrypt_aead(self.0, &KEY, Some(&nonce), &[], ciphertext, tag)
            .unwrap()
            .len()
    }
}

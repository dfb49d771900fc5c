use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use base64_simd::STANDARD_NO_PAD;
use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::aead::{Cipher, KEY_LEN, TAG_LEN};
use crate::{Envelope, Error, Plaintext, random, stack};

/// The additional authenticated data of a secret. The wire format has none.
const SECRET: &[u8] = b"";
/// That of a ticket: with it neither ever opens as the other (domain separation).
const TICKET: &[u8] = b"HelvetiSafe resumption ticket v2";

/// The key of an organization: 32 bytes, under which all its secrets are sealed with AES-256-GCM.
///
/// The cipher is set up once, when the key is made. Everything is wiped on drop; there is no
/// `Debug`, no `Clone` and no `==`.
///
/// Nonces are 96 random bits. NIST SP 800-38D section 8.3 bounds that to 2^32 seals under one key.
pub struct OrgKey {
    bytes: Box<Zeroizing<[u8; KEY_LEN]>>,
    cipher: Box<Cipher>,
}

impl OrgKey {
    /// A fresh key from `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn generate_with_rng<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        stack::wiped::<{ stack::ANYTHING }, _>(|| {
            Ok(Self::from_bytes(&Zeroizing::new(random::bytes(rng)?)))
        })
    }

    /// A fresh key from the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system gives no randomness.
    #[cfg(feature = "getrandom")]
    pub fn generate() -> Result<Self, Error> {
        Self::generate_with_rng(&mut getrandom::SysRng)
    }

    /// A key that is known already. The caller's copy stays the caller's to wipe.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        stack::wiped::<{ stack::ANYTHING }, _>(|| Self {
            bytes: Box::new(Zeroizing::new(*bytes)),
            cipher: Box::new(Cipher::new(bytes)),
        })
    }

    /// The 32 bytes of the key.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// Encrypts `plaintext` with a nonce from `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails; [`Error::TooLong`] beyond 2^36 - 32 bytes.
    pub fn seal_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        plaintext: &[u8],
    ) -> Result<Envelope, Error> {
        self.seal_as(SECRET, rng, plaintext)
    }

    /// Encrypts `plaintext` with a nonce from the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system gives no randomness; [`Error::TooLong`]
    /// beyond 2^36 - 32 bytes.
    #[cfg(feature = "getrandom")]
    pub fn seal(&self, plaintext: &[u8]) -> Result<Envelope, Error> {
        self.seal_with_rng(&mut getrandom::SysRng, plaintext)
    }

    /// Decrypts an envelope, in place in its own buffer. The plaintext is wiped on drop.
    ///
    /// # Errors
    ///
    /// [`Error::Decryption`] when the tag does not match: another key, another nonce, or changed
    /// data. No plaintext is ever produced then.
    pub fn open(&self, envelope: Envelope) -> Result<Plaintext, Error> {
        self.try_open(envelope).map_err(|_| Error::Decryption)
    }

    /// The same, for an envelope that another key may open.
    ///
    /// # Errors
    ///
    /// The envelope as it was, where [`Self::open`] fails.
    pub fn try_open(&self, envelope: Envelope) -> Result<Plaintext, Envelope> {
        self.open_as(SECRET, envelope)
    }

    /// Encrypts what a client leaves to a later one, with a nonce from `rng`: its resumption ticket.
    ///
    /// A fixed label goes in as additional authenticated data (NIST SP 800-38D section 7.1), where
    /// secrets have none. So a vault cannot present a ticket as a secret, nor a secret as a ticket.
    ///
    /// # Errors
    ///
    /// As [`Self::seal_with_rng`].
    pub fn seal_ticket_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        plaintext: &[u8],
    ) -> Result<Envelope, Error> {
        self.seal_as(TICKET, rng, plaintext)
    }

    /// The same, with a nonce from the operating system.
    ///
    /// # Errors
    ///
    /// As [`Self::seal`].
    #[cfg(feature = "getrandom")]
    pub fn seal_ticket(&self, plaintext: &[u8]) -> Result<Envelope, Error> {
        self.seal_ticket_with_rng(&mut getrandom::SysRng, plaintext)
    }

    /// Decrypts what [`Self::seal_ticket`] made, and nothing else (NIST SP 800-38D section 7.2).
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_ticket(&self, envelope: Envelope) -> Result<Plaintext, Error> {
        self.open_as(TICKET, envelope)
            .map_err(|_| Error::Decryption)
    }

    fn seal_as<R: TryCryptoRng + ?Sized>(
        &self,
        aad: &[u8],
        rng: &mut R,
        plaintext: &[u8],
    ) -> Result<Envelope, Error> {
        let nonce = random::bytes(rng)?;
        let mut buffer = Vec::with_capacity(plaintext.len() + TAG_LEN);
        buffer.extend_from_slice(plaintext);
        self.cipher.seal(&nonce, aad, &mut buffer)?;
        Ok(Envelope {
            nonce,
            ciphertext_and_tag: buffer,
        })
    }

    fn open_as(&self, aad: &[u8], mut envelope: Envelope) -> Result<Plaintext, Envelope> {
        let buffer = &mut envelope.ciphertext_and_tag;
        match self.cipher.open(&envelope.nonce, aad, buffer) {
            Ok(()) => Ok(envelope.ciphertext_and_tag.into()),
            Err(_) => Err(envelope),
        }
    }

    /// A short public name of this key, to recognize it again: see [`Fingerprint`].
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        stack::wiped::<{ stack::ANYTHING }, _>(|| {
            let digest = Sha256::new()
                .chain_update(b"HelvetiSafe org key fingerprint v1\0")
                .chain_update(self.bytes.as_slice());
            Fingerprint(digest.finalize().into())
        })
    }
}

/// SHA-256 over a fixed label and the key: 32 bytes that tell nothing about it, since a key has 256
/// bits of entropy, and that no other key shares.
///
/// Written as `SHA256:` and base64 without padding, like the fingerprint of an SSH key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    const PREFIX: &str = "SHA256:";

    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::from(Self::PREFIX);
        STANDARD_NO_PAD.encode_append(self.0, &mut text);
        f.pad(&text)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

impl FromStr for Fingerprint {
    type Err = Error;

    /// Reads what `Display` writes; anything else is [`Error::Encoding`].
    fn from_str(text: &str) -> Result<Self, Error> {
        let base64 = text.strip_prefix(Self::PREFIX).ok_or(Error::Encoding)?;
        let bytes = STANDARD_NO_PAD
            .decode_to_vec(base64)
            .map_err(|_| Error::Encoding)?;
        bytes.try_into().map(Self).map_err(|_| Error::Encoding)
    }
}

#[cfg(all(test, feature = "getrandom"))]
mod tests {
    use std::string::ToString;

    use super::*;
    use crate::random::tests::Failing;
    use proptest::prelude::*;

    #[test]
    fn each_seal_has_its_own_nonce() {
        let key = OrgKey::generate().unwrap();
        let (one, two) = (key.seal(b"same").unwrap(), key.seal(b"same").unwrap());
        assert_ne!(one.nonce(), two.nonce());
        assert_ne!(one.ciphertext_and_tag(), two.ciphertext_and_tag());
    }

    #[test]
    fn another_key_does_not_open() {
        let envelope = OrgKey::generate().unwrap().seal(b"secret").unwrap();
        let outcome = OrgKey::generate().unwrap().open(envelope);
        assert_eq!(outcome.err(), Some(Error::Decryption));
    }

    #[test]
    fn what_does_not_open_is_given_back_as_it_was() {
        let key = OrgKey::generate().unwrap();
        let envelope = key.seal(b"secret").unwrap();
        let other = OrgKey::generate().unwrap().try_open(envelope.clone());
        let given_back = other.unwrap_err();
        assert_eq!(given_back, envelope);
        assert_eq!(&*key.try_open(given_back).unwrap(), b"secret");
    }

    #[test]
    fn a_failing_random_source_is_an_error() {
        let key = OrgKey::from_bytes(&[1; 32]);
        let outcome = key.seal_with_rng(&mut Failing { left: 0 }, b"x");
        assert_eq!(outcome, Err(Error::Randomness));
        assert!(OrgKey::generate_with_rng(&mut Failing { left: 0 }).is_err());
    }

    #[test]
    fn the_fingerprint_is_fixed_and_read_again() {
        // SHA-256 of the label, a zero byte and 32 bytes of 0x01, by another implementation.
        let shown = "SHA256:SgGxNjAQ2qzHT5ZD/saHD/8/Xzrkh1Aym8dWeo9DsoA";
        let fingerprint = OrgKey::from_bytes(&[1; 32]).fingerprint();
        assert_eq!(fingerprint.to_string(), shown);
        assert_eq!(shown.parse(), Ok(fingerprint));
        assert_eq!(
            std::format!("{fingerprint:?}"),
            std::format!("Fingerprint({shown})")
        );
        assert_eq!(
            STANDARD_NO_PAD.encode_to_string(fingerprint.as_bytes()),
            shown[7..]
        );
        assert_ne!(fingerprint, OrgKey::from_bytes(&[2; 32]).fingerprint());
        for bad in [
            "",
            "SHA256:",
            "sha256:AAAA",
            "SHA256:AAAA",
            &std::format!("{shown}="),
        ] {
            assert_eq!(bad.parse::<Fingerprint>(), Err(Error::Encoding), "{bad}");
        }
    }

    /// Tickets are kept on disk, so that their label stays. Made by another implementation of
    /// AES-256-GCM: the nonce is zero, and `HelvetiSafe resumption ticket v2` the additional data.
    #[test]
    fn a_ticket_of_another_implementation_opens() {
        let value = "y1z7txBPlF/7Wrz1m6P4pDkrNhFxOw==";
        let envelope = Envelope::decode(value, "AAAAAAAAAAAAAAAA").unwrap();
        let key = OrgKey::from_bytes(&[1; 32]);
        assert_eq!(&*key.open_ticket(envelope).unwrap(), b"ticket");
    }

    proptest! {
        #[test]
        fn a_ticket_is_no_secret_and_a_secret_no_ticket(key: [u8; 32], plaintext: Vec<u8>) {
            let key = OrgKey::from_bytes(&key);
            let ticket = key.seal_ticket(&plaintext).unwrap();
            let secret = key.seal(&plaintext).unwrap();
            prop_assert_eq!(&*key.open_ticket(ticket.clone()).unwrap(), &*plaintext);
            prop_assert_eq!(key.open(ticket).err(), Some(Error::Decryption));
            prop_assert_eq!(key.open_ticket(secret).err(), Some(Error::Decryption));
        }

        #[test]
        fn what_is_sealed_opens(key: [u8; 32], plaintext: Vec<u8>) {
            let key = OrgKey::from_bytes(&key);
            let envelope = key.seal(&plaintext).unwrap();
            prop_assert_eq!(envelope.ciphertext_and_tag().len(), plaintext.len() + 16);
            prop_assert_eq!(&*key.open(envelope).unwrap(), &*plaintext);
        }

        #[test]
        fn one_changed_bit_does_not_open(plaintext: Vec<u8>, at: prop::sample::Index, bit in 0_u8..8) {
            let key = OrgKey::from_bytes(&[3; 32]);
            let mut envelope = key.seal(&plaintext).unwrap();
            let length = envelope.ciphertext_and_tag.len();
            match at.index(length + 12) {
                n if n < length => envelope.ciphertext_and_tag[n] ^= 1 << bit,
                n => envelope.nonce[n - length] ^= 1 << bit,
            }
            prop_assert_eq!(key.open(envelope).err(), Some(Error::Decryption));
        }
    }
}

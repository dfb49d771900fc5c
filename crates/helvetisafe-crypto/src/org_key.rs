use alloc::boxed::Box;
use alloc::vec::Vec;

use rand_core::TryCryptoRng;
use zeroize::{Zeroize, Zeroizing};

use crate::aead::{Cipher, KEY_LEN, NONCE_LEN, TAG_LEN};
use crate::{Envelope, Error, Fingerprint, Plaintext, random, stack};

/// The additional authenticated data of a secret: none, in the wire format.
const SECRET: &[u8] = b"";
/// The additional authenticated data of a ticket. It differs from that of a secret, so neither opens as
/// the other (domain separation).
const TICKET: &[u8] = b"HelvetiSafe resumption ticket v2";

/// The 32-byte key of an organization. All its secrets are sealed under it with AES-256-GCM.
///
/// It is wiped on drop, and has no `Debug`, `Clone` or `==`.
///
/// Nonces are 96 random bits. NIST SP 800-38D section 8.3 allows at most 2^32 seals under one key.
pub struct OrgKey {
    bytes: Box<Zeroizing<[u8; KEY_LEN]>>,
    cipher: Box<Cipher>,
}

impl OrgKey {
    /// Makes a new key with `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn generate_with_rng<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        stack::wiped(|| Ok(Self::from_bytes(&Zeroizing::new(random::bytes(rng)?))))
    }

    /// Makes a new key with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn generate() -> Result<Self, Error> {
        Self::generate_with_rng(&mut getrandom::SysRng)
    }

    /// Makes a key from its bytes. The caller has to wipe `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        stack::wiped(|| Self {
            bytes: Box::new(Zeroizing::new(*bytes)),
            cipher: Box::new(Cipher::new(bytes)),
        })
    }

    /// Returns the 32 bytes of the key.
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
    /// [`Error::Randomness`] when the operating system has no randomness; [`Error::TooLong`]
    /// beyond 2^36 - 32 bytes.
    #[cfg(feature = "getrandom")]
    pub fn seal(&self, plaintext: &[u8]) -> Result<Envelope, Error> {
        self.seal_with_rng(&mut getrandom::SysRng, plaintext)
    }

    /// Encrypts `plaintext` into a buffer that the caller reuses, with a nonce from `rng`. Returns the nonce.
    ///
    /// The buffer then has the ciphertext followed by its 16-byte tag, and nothing else. It is allocated
    /// again only if its capacity is too small.
    ///
    /// # Errors
    ///
    /// See [`Self::seal_with_rng`]. The buffer is then empty.
    pub fn seal_into_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        plaintext: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<[u8; 12], Error> {
        self.seal_into_as(SECRET, rng, plaintext, buffer)
    }

    /// Encrypts `plaintext` into a buffer that the caller reuses, with a nonce from the operating system.
    ///
    /// ```
    /// use helvetisafe_crypto::{Envelope, OrgKey};
    ///
    /// let org_key = OrgKey::generate()?;
    /// let mut buffer = Vec::new();
    /// for plaintext in [b"first", b"other"] {
    ///     let nonce = org_key.seal_into(plaintext, &mut buffer)?;
    ///     let envelope = Envelope::from_parts(nonce, std::mem::take(&mut buffer))?;
    ///     // Send it, then take the buffer back.
    ///     (_, buffer) = envelope.into_parts();
    /// }
    /// # Ok::<(), helvetisafe_crypto::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// See [`Self::seal`]. The buffer is then empty.
    #[cfg(feature = "getrandom")]
    pub fn seal_into(&self, plaintext: &[u8], buffer: &mut Vec<u8>) -> Result<[u8; 12], Error> {
        self.seal_into_with_rng(&mut getrandom::SysRng, plaintext, buffer)
    }

    /// Decrypts an envelope in its own buffer. The plaintext is wiped on drop.
    ///
    /// # Errors
    ///
    /// [`Error::Decryption`] when the tag does not match: another key, another nonce, or changed
    /// data. No plaintext is produced.
    pub fn open(&self, envelope: Envelope) -> Result<Plaintext, Error> {
        self.try_open(envelope).map_err(|_| Error::Decryption)
    }

    /// Decrypts an envelope, or returns it unchanged, so that another key can be tried.
    ///
    /// # Errors
    ///
    /// The envelope, when [`Self::open`] would fail.
    pub fn try_open(&self, envelope: Envelope) -> Result<Plaintext, Envelope> {
        self.open_as(SECRET, envelope)
    }

    /// Encrypts the resumption ticket that a client leaves for a later one, with a nonce from `rng`.
    ///
    /// A fixed label is the additional authenticated data (NIST SP 800-38D section 7.1); secrets have
    /// none. So a vault cannot present a ticket as a secret, nor a secret as a ticket.
    ///
    /// # Errors
    ///
    /// See [`Self::seal_with_rng`].
    pub fn seal_ticket_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        plaintext: &[u8],
    ) -> Result<Envelope, Error> {
        self.seal_as(TICKET, rng, plaintext)
    }

    /// Encrypts a resumption ticket with a nonce from the operating system.
    ///
    /// # Errors
    ///
    /// See [`Self::seal`].
    #[cfg(feature = "getrandom")]
    pub fn seal_ticket(&self, plaintext: &[u8]) -> Result<Envelope, Error> {
        self.seal_ticket_with_rng(&mut getrandom::SysRng, plaintext)
    }

    /// Decrypts a resumption ticket, and nothing else.
    ///
    /// # Errors
    ///
    /// See [`Self::open`].
    pub fn open_ticket(&self, envelope: Envelope) -> Result<Plaintext, Error> {
        self.open_as(TICKET, envelope)
            .map_err(|_| Error::Decryption)
    }

    pub(crate) fn seal_as<R: TryCryptoRng + ?Sized>(
        &self,
        aad: &[u8],
        rng: &mut R,
        plaintext: &[u8],
    ) -> Result<Envelope, Error> {
        let mut buffer = Vec::new();
        let nonce = self.seal_into_as(aad, rng, plaintext, &mut buffer)?;
        Ok(Envelope {
            nonce,
            ciphertext_and_tag: buffer,
        })
    }

    fn seal_into_as<R: TryCryptoRng + ?Sized>(
        &self,
        aad: &[u8],
        rng: &mut R,
        plaintext: &[u8],
        buffer: &mut Vec<u8>,
    ) -> Result<[u8; NONCE_LEN], Error> {
        buffer.clear();
        let nonce = random::bytes(rng)?;
        buffer.reserve_exact(plaintext.len() + TAG_LEN);
        buffer.extend_from_slice(plaintext);
        let sealed = self.cipher.seal(&nonce, aad, buffer);
        if sealed.is_err() {
            buffer.zeroize();
        }
        sealed.map(|()| nonce)
    }

    pub(crate) fn open_as(
        &self,
        aad: &[u8],
        mut envelope: Envelope,
    ) -> Result<Plaintext, Envelope> {
        let buffer = &mut envelope.ciphertext_and_tag;
        match self.cipher.open(&envelope.nonce, aad, buffer) {
            Ok(()) => Ok(envelope.ciphertext_and_tag.into()),
            Err(_) => Err(envelope),
        }
    }

    /// Returns a short public name of this key.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        stack::wiped(|| Fingerprint::of(&self.bytes))
    }
}

#[cfg(all(test, feature = "getrandom"))]
mod tests {
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
    fn an_envelope_that_does_not_open_is_returned_unchanged() {
        let key = OrgKey::generate().unwrap();
        let envelope = key.seal(b"secret").unwrap();
        let other = OrgKey::generate().unwrap().try_open(envelope.clone());
        let returned = other.unwrap_err();
        assert_eq!(returned, envelope);
        assert_eq!(&*key.try_open(returned).unwrap(), b"secret");
    }

    #[test]
    fn a_reused_buffer_is_not_allocated_again() {
        let key = OrgKey::from_bytes(&[1; 32]);
        let mut buffer = Vec::new();
        key.seal_into(&[7; 100], &mut buffer).unwrap();
        let (place, capacity) = (buffer.as_ptr(), buffer.capacity());
        for length in [100, 0, 50] {
            let plaintext = std::vec![9; length];
            let nonce = key.seal_into(&plaintext, &mut buffer).unwrap();
            assert_eq!(buffer.len(), length + 16);
            assert_eq!((buffer.as_ptr(), buffer.capacity()), (place, capacity));
            let envelope = Envelope::from_parts(nonce, buffer.clone()).unwrap();
            assert_eq!(*key.open(envelope).unwrap(), *plaintext);
        }
        let failed = key.seal_into_with_rng(&mut Failing { left: 0 }, b"x", &mut buffer);
        assert_eq!((failed, buffer.len()), (Err(Error::Randomness), 0));
    }

    #[test]
    fn a_failing_random_source_is_an_error() {
        let key = OrgKey::from_bytes(&[1; 32]);
        let outcome = key.seal_with_rng(&mut Failing { left: 0 }, b"x");
        assert_eq!(outcome, Err(Error::Randomness));
        assert!(OrgKey::generate_with_rng(&mut Failing { left: 0 }).is_err());
    }

    /// Tickets are stored on disk, so their label must not change. This one was made by another
    /// implementation of AES-256-GCM; its nonce is zero.
    #[test]
    fn a_ticket_of_another_implementation_opens() {
        let value = "y1z7txBPlF/7Wrz1m6P4pDkrNhFxOw==";
        let envelope = Envelope::decode(value, "AAAAAAAAAAAAAAAA").unwrap();
        let key = OrgKey::from_bytes(&[1; 32]);
        assert_eq!(&*key.open_ticket(envelope).unwrap(), b"ticket");
    }

    proptest! {
        #[test]
        fn tickets_and_secrets_do_not_open_as_each_other(key: [u8; 32], plaintext: Vec<u8>) {
            let key = OrgKey::from_bytes(&key);
            let ticket = key.seal_ticket(&plaintext).unwrap();
            let secret = key.seal(&plaintext).unwrap();
            prop_assert_eq!(&*key.open_ticket(ticket.clone()).unwrap(), &*plaintext);
            prop_assert_eq!(key.open(ticket).err(), Some(Error::Decryption));
            prop_assert_eq!(key.open_ticket(secret).err(), Some(Error::Decryption));
        }

        #[test]
        fn sealing_and_opening_round_trip(key: [u8; 32], plaintext: Vec<u8>) {
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

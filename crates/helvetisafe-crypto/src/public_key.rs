use rand_core::TryCryptoRng;
use rsa::traits::PaddingScheme;
use rsa::{Oaep, PublicKey as RsaPublicKey};
use sha2::Sha256;

use crate::{Error, OrgKey, WrappedOrgKey, stack};

/// An account's RSA public key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey(pub(crate) RsaPublicKey);

impl PublicKey {
    /// Wraps the org key with RSAES-OAEP-ENCRYPT, with a seed from `rng`.
    ///
    /// RFC 8017 section 7.1.1, with SHA-256, MGF1 with SHA-256, and an empty label L:
    ///
    /// ```text
    /// DB = Hash(L) || 0^* || 0x01 || M
    /// maskedDB = DB xor MGF(seed, k - hLen - 1)
    /// maskedSeed = seed xor MGF(maskedDB, hLen)
    /// EM = 0x00 || maskedSeed || maskedDB
    /// return I2OSP(RSAEP((n, e), OS2IP(EM)), k)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn wrap_org_key_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        org_key: &OrgKey,
    ) -> Result<WrappedOrgKey, Error> {
        stack::wiped(|| Oaep::<Sha256>::new().encrypt(rng, &self.0, org_key.expose_secret()))
            .map(WrappedOrgKey)
            .map_err(|_| Error::Randomness)
    }

    /// Wraps the org key with a seed from the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn wrap_org_key(&self, org_key: &OrgKey) -> Result<WrappedOrgKey, Error> {
        self.wrap_org_key_with_rng(&mut getrandom::SysRng, org_key)
    }
}

use std::fmt;
use std::sync::{Arc, LazyLock};

use ed25519_dalek::{Signer, SigningKey};
use getrandom::{SysRng, rand_core::TryRng};
use helvetisafe_crypto::organization::PublicKeyInfo;
use helvetisafe_crypto::{OrgKey, PrivateKey};
use zeroize::Zeroizing;

use crate::Error;

/// The keys of a hostile vault: an RSA key pair, an Ed25519 key pair and an org key. Clones share them.
#[derive(Clone)]
pub struct Attacker(Arc<Keys>);

struct Keys {
    private_key: PrivateKey,
    public_key: PublicKeyInfo,
    signing_key: SigningKey,
    org_key: OrgKey,
}

impl Attacker {
    /// The client id of the account that the attacker confirms.
    pub const ACCOUNT: &str = "hs_client_mallory";

    /// The name of that account.
    pub const NAME: &str = "mallory";

    /// Makes new keys. An RSA key takes up to some seconds without optimization.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when there is no randomness.
    pub fn generate() -> Result<Self, Error> {
        Self::with_private_key(PrivateKey::generate(2048)?)
    }

    /// Makes the keys of an attacker who has this RSA key pair.
    ///
    /// # Errors
    ///
    /// [`Error::Crypto`] when there is no randomness.
    pub fn with_private_key(private_key: PrivateKey) -> Result<Self, Error> {
        let mut seed = Zeroizing::new([0; 32]);
        let no_randomness = |_| Error::Crypto(helvetisafe_crypto::Error::Randomness);
        SysRng.try_fill_bytes(&mut *seed).map_err(no_randomness)?;
        let rejected = |_| Error::Crypto(helvetisafe_crypto::Error::KeyFormat);
        Ok(Self(Arc::new(Keys {
            public_key: PublicKeyInfo::try_from(&private_key.public_key()).map_err(rejected)?,
            private_key,
            signing_key: SigningKey::from_bytes(&seed),
            org_key: OrgKey::generate()?,
        })))
    }

    /// Returns the attacker of the rules on the command line. `None` when there is no randomness.
    pub(in crate::faults) fn of_command() -> Option<Self> {
        static ATTACKER: LazyLock<Option<Attacker>> = LazyLock::new(|| Attacker::generate().ok());
        ATTACKER.clone()
    }

    /// Returns the private key, for which the attacker wants the org key to be wrapped.
    #[must_use]
    pub fn private_key(&self) -> &PrivateKey {
        &self.0.private_key
    }

    /// Returns the org key, under which the attacker wants values to be sealed.
    #[must_use]
    pub fn org_key(&self) -> &OrgKey {
        &self.0.org_key
    }

    pub(super) fn public_key(&self) -> &PublicKeyInfo {
        &self.0.public_key
    }

    pub(super) fn verification_key(&self) -> [u8; 32] {
        self.0.signing_key.verifying_key().to_bytes()
    }

    /// Signs, RFC 8032 section 5.1.6.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.signing_key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Attacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attacker").finish_non_exhaustive()
    }
}

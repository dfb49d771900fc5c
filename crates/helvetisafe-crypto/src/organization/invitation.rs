use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use rand_core::TryCryptoRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::encoding::Writer;
use super::{Chain, SigningKey, VerificationKey, mac};
use crate::{Envelope, Error, OrgKey, random, stack};

/// The terms of an invitation. All of them authenticate the sealed [`InvitationSecret`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    /// The id of the organization.
    pub organization: String,
    /// The epoch of the org key that seals the secret.
    pub epoch: u64,
    /// The name of the new account.
    pub name: String,
    /// The scopes of the new account.
    pub scopes: BTreeSet<String>,
    /// The time of expiry, in seconds since 1970-01-01T00:00:00Z.
    pub expires_at: u64,
}

/// The terms of an invitation with an administrator's signature of them and of the id.
///
/// Without it a member, who has the org key, could seal a secret of its own under the terms of another invitation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedInvitation {
    /// The terms.
    pub invitation: Invitation,
    /// The Ed25519 signature.
    pub signature: [u8; 64],
}

/// The secret S of an invitation: 32 random bytes that the inviting administrator and the invited person share.
///
/// It is wiped on drop, and has no `Debug`, `Clone` or `==`.
pub struct InvitationSecret(Box<Zeroizing<[u8; 32]>>);

impl InvitationSecret {
    const TOKEN: &str = "HelvetiSafe invitation id v1";
    const MAC: &str = "HelvetiSafe invitation mac v1";
    const SEAL: &str = "HelvetiSafe invite v1";

    /// Makes a new secret with `rng`.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn generate_with_rng<R: TryCryptoRng + ?Sized>(rng: &mut R) -> Result<Self, Error> {
        stack::wiped(|| Ok(Self::from_bytes(&Zeroizing::new(random::bytes(rng)?))))
    }

    /// Makes a new secret with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn generate() -> Result<Self, Error> {
        Self::generate_with_rng(&mut getrandom::SysRng)
    }

    /// Makes a secret from its bytes. The caller has to wipe `bytes`.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; 32]) -> Self {
        stack::wiped(|| Self(Box::new(Zeroizing::new(*bytes))))
    }

    /// Returns the 32 bytes.
    #[must_use]
    pub fn expose_secret(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the secret token by which the invited person authenticates to the vault: HKDF(S, label), RFC 5869.
    /// The vault cannot compute it, nor S from it.
    #[must_use]
    pub fn derive_token(&self) -> Box<Zeroizing<[u8; 32]>> {
        mac::derive(&self.0, Self::TOKEN)
    }

    /// Returns the public id of the invitation: the SHA-256 of [`Self::derive_token`].
    #[must_use]
    pub fn id(&self) -> [u8; 32] {
        stack::wiped(|| Sha256::digest(self.derive_token().as_slice()).into())
    }

    /// Derives the key that authenticates a join request.
    pub(super) fn derive_mac_key(&self) -> Box<Zeroizing<[u8; 32]>> {
        mac::derive(&self.0, Self::MAC)
    }

    /// Encrypts the secret for all administrators, with a nonce from `rng`.
    ///
    /// ```text
    /// key = HKDF-SHA-256(org key, "HelvetiSafe invite v1")
    /// envelope = AES-256-GCM(key, nonce, S, additional data: terms and id)
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when `rng` fails.
    pub fn seal_with_rng<R: TryCryptoRng + ?Sized>(
        &self,
        rng: &mut R,
        org_key: &OrgKey,
        invitation: &Invitation,
    ) -> Result<Envelope, Error> {
        let terms = invitation.encode(Self::SEAL, &self.id());
        sealing_key(org_key).seal_as(&terms, rng, self.0.as_slice())
    }

    /// Encrypts the secret for all administrators, with a nonce from the operating system.
    ///
    /// # Errors
    ///
    /// [`Error::Randomness`] when the operating system has no randomness.
    #[cfg(feature = "getrandom")]
    pub fn seal(&self, org_key: &OrgKey, invitation: &Invitation) -> Result<Envelope, Error> {
        self.seal_with_rng(&mut getrandom::SysRng, org_key, invitation)
    }

    /// Decrypts the secret of the invitation `id` with these terms.
    ///
    /// # Errors
    ///
    /// [`Error::Decryption`] when the envelope was sealed under another key, with other terms or for another
    /// invitation, or was changed.
    pub fn open(
        envelope: Envelope,
        org_key: &OrgKey,
        invitation: &Invitation,
        id: &[u8; 32],
    ) -> Result<Self, Error> {
        let plaintext = sealing_key(org_key)
            .open_as(&invitation.encode(Self::SEAL, id), envelope)
            .map_err(|_| Error::Decryption)?;
        let bytes = plaintext[..].try_into().map_err(|_| Error::Decryption)?;
        let secret = Self::from_bytes(bytes);
        // Any member can seal. Without this check a member could seal a secret of another invitation under `id`.
        (secret.id() == *id)
            .then_some(secret)
            .ok_or(Error::Decryption)
    }
}

impl Invitation {
    const SIGN: &str = "HelvetiSafe invitation terms v1";

    /// Signs the terms of the invitation `id` as an administrator.
    ///
    /// ```text
    /// Ed25519(key, fields(label, organization, epoch, id, name, [scopes], expiry))
    /// ```
    #[must_use]
    pub fn sign(self, id: &[u8; 32], key: &SigningKey) -> SignedInvitation {
        SignedInvitation {
            signature: key.sign(&self.encode(Self::SIGN, id)),
            invitation: self,
        }
    }

    /// Returns the bytes that are signed, or authenticate the sealed secret.
    fn encode(&self, label: &str, id: &[u8; 32]) -> Vec<u8> {
        Writer::new(label)
            .text(&self.organization)
            .number(self.epoch)
            .bytes(id)
            .text(&self.name)
            .list(self.scopes.iter())
            .number(self.expires_at)
            .into_bytes()
    }
}

impl SignedInvitation {
    /// Returns true if one of the present administrators has signed the invitation `id`. [`JoinRequest::verify`] checks
    /// it; a request that is verified by words alone needs this check of the terms that the vault states.
    ///
    /// [`JoinRequest::verify`]: super::JoinRequest::verify
    #[must_use]
    pub fn is_of_administrator(&self, id: &[u8; 32], chain: &Chain) -> bool {
        let mut keys = chain.administrators().values();
        keys.any(|key| self.is_signed_by(id, key))
    }

    /// Returns true if the owner of this verification key has signed the invitation `id`.
    #[must_use]
    pub fn is_signed_by(&self, id: &[u8; 32], key: &VerificationKey) -> bool {
        let signed = self.invitation.encode(Invitation::SIGN, id);
        key.is_signature(&signed, &self.signature)
    }
}

/// Derives the key that seals invitations. Under the org key itself, a vault could present the envelope of a secret
/// of 32 bytes that it knows.
fn sealing_key(org_key: &OrgKey) -> OrgKey {
    OrgKey::from_bytes(&mac::derive(
        org_key.expose_secret(),
        InvitationSecret::SEAL,
    ))
}

#[cfg(all(test, feature = "getrandom"))]
mod tests;

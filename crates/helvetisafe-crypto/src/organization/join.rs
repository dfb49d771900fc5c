use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec::Vec;

use super::encoding::Writer;
use super::{
    Chain, Invitation, InvitationSecret, PublicKeyInfo, SignedInvitation, VerificationKey, Words,
    mac,
};
use crate::{Fingerprint, LockedPrivateKey};

/// The request that an invited person sends to the vault. All of it is public.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    /// The id of the organization.
    pub organization: String,
    /// The epoch that the invited person reached by following the chain.
    pub epoch: u64,
    /// The fingerprint of the org key of that epoch.
    pub fingerprint: Fingerprint,
    /// The name of the new account, as the vault stated it.
    pub name: String,
    /// The scopes of the new account, as the vault stated them.
    pub scopes: BTreeSet<String>,
    /// The id of the new account.
    pub account: String,
    /// The public key for which the org key is to be wrapped.
    pub public_key: PublicKeyInfo,
    /// The SHA-256 of the client secret: [`Credential::hash`](super::Credential::hash).
    pub client_secret_hash: [u8; 32],
    /// The verification key of a new administrator.
    pub verification_key: Option<VerificationKey>,
    /// The private key under a password, for an account that logs in with one.
    pub locked_private_key: Option<LockedPrivateKey>,
}

/// A join request that an administrator has verified. Only such a request can be confirmed.
///
/// ```compile_fail
/// # use helvetisafe_crypto::organization::*;
/// fn confirm_unverified(chain: &Chain, request: &JoinRequest, key: &SigningKey) {
///     let _ = chain.confirm(request, key);
/// }
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedJoinRequest {
    request: JoinRequest,
    /// The id of its invitation.
    invitation: [u8; 32],
}

/// The reason for which a join request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum JoinRefused {
    /// The tag does not match: a changed request, or another invitation.
    #[error(
        "the join request was not made with this invitation, or was changed on its way: do not confirm it, and \
         invite again"
    )]
    Mac,
    /// No present administrator has signed the invitation.
    #[error(
        "the invitation is not signed by an administrator of the organization, with the terms that the vault states: \
         do not confirm it, withdraw it, and invite again"
    )]
    Inviter,
    /// The words are not those of the public key.
    #[error(
        "the words are not those of the public key in the join request: do not confirm it, and ask the person for \
         the words again"
    )]
    Words,
    /// A request without a code has a verification key, which the words do not cover.
    #[error("a new administrator can only join with an invitation code")]
    AdministratorWithoutCode,
    /// It is for another organization than the invitation or the chain.
    #[error("the join request, the invitation and the chain are not of one organization")]
    Organization,
    /// Its epoch and fingerprint are not in the chain, or the invitation is of another epoch.
    #[error(
        "the join request names an org key that the chain does not have, or the invitation is not of the present \
         epoch: do not confirm it"
    )]
    Epoch,
    /// It has another name than the invitation.
    #[error("the join request has another name than the invitation: do not confirm it")]
    Name,
    /// It has other scopes than the invitation.
    #[error("the join request has other scopes than the invitation: do not confirm it")]
    Scopes,
}

impl JoinRequest {
    const LABEL: &str = "HelvetiSafe join request v1";
    const VERSION: u64 = 1;

    /// Returns the tag to send with the request.
    ///
    /// ```text
    /// HMAC-SHA-256(HKDF-SHA-256(S, "HelvetiSafe invitation mac v1"), transcript)
    /// ```
    #[must_use]
    pub fn authenticate(&self, secret: &InvitationSecret) -> [u8; 32] {
        mac::authenticate(&secret.derive_mac_key(), &self.transcript(&secret.id()))
    }

    /// Verifies a request with the opened secret of its invitation. The tag is compared in constant time.
    ///
    /// # Errors
    ///
    /// [`JoinRefused`] with the reason.
    pub fn verify(
        self,
        tag: &[u8; 32],
        secret: &InvitationSecret,
        invitation: &SignedInvitation,
        chain: &Chain,
    ) -> Result<VerifiedJoinRequest, JoinRefused> {
        let id = secret.id();
        if !mac::is_authentic(&secret.derive_mac_key(), &self.transcript(&id), tag) {
            return Err(JoinRefused::Mac);
        }
        if !invitation.is_of_administrator(&id, chain) {
            return Err(JoinRefused::Inviter);
        }
        self.check(id, &invitation.invitation, chain)
    }

    /// Verifies a request without a code, by the words that the joining person read out on another channel. The terms
    /// are those that the administrator wants, not those that the vault states. `id` is that of the invitation.
    ///
    /// # Errors
    ///
    /// [`JoinRefused`] with the reason. A new administrator is refused, since the words do not cover the verification
    /// key.
    pub fn verify_words(
        self,
        words: &Words,
        id: [u8; 32],
        invitation: &Invitation,
        chain: &Chain,
    ) -> Result<VerifiedJoinRequest, JoinRefused> {
        if *words != Words::of_public_key(&self.public_key) {
            return Err(JoinRefused::Words);
        }
        if self.verification_key.is_some() {
            return Err(JoinRefused::AdministratorWithoutCode);
        }
        self.check(id, invitation, chain)
    }

    fn check(
        self,
        id: [u8; 32],
        invitation: &Invitation,
        chain: &Chain,
    ) -> Result<VerifiedJoinRequest, JoinRefused> {
        let organization = chain.organization();
        if self.organization != organization || invitation.organization != organization {
            return Err(JoinRefused::Organization);
        }
        // The org key may have been rotated since the request was made.
        let is_known = chain.fingerprint_of(self.epoch) == Some(&self.fingerprint);
        if !is_known || invitation.epoch != chain.epoch() {
            return Err(JoinRefused::Epoch);
        }
        if self.name != invitation.name {
            return Err(JoinRefused::Name);
        }
        if self.scopes != invitation.scopes {
            return Err(JoinRefused::Scopes);
        }
        Ok(VerifiedJoinRequest {
            request: self,
            invitation: id,
        })
    }

    /// Returns the bytes that the tag authenticates: the terms and every field sent.
    fn transcript(&self, invitation_id: &[u8; 32]) -> Vec<u8> {
        let locked = self.locked_private_key.as_ref();
        let locked = locked.map(LockedPrivateKey::parts);
        Writer::new(Self::LABEL)
            .number(Self::VERSION)
            .text(&self.organization)
            .bytes(invitation_id)
            .number(self.epoch)
            .bytes(self.fingerprint.as_bytes())
            .text(&self.name)
            .list(self.scopes.iter())
            .text(&self.account)
            .bytes(self.public_key.as_der())
            .bytes(&self.client_secret_hash)
            .list(self.verification_key.iter())
            .list(locked.iter().flatten().collect::<Vec<_>>().into_iter())
            .into_bytes()
    }
}

impl VerifiedJoinRequest {
    /// Returns the request.
    #[must_use]
    pub fn request(&self) -> &JoinRequest {
        &self.request
    }

    /// Returns the id of its invitation.
    #[must_use]
    pub fn invitation(&self) -> &[u8; 32] {
        &self.invitation
    }
}

#[cfg(all(test, feature = "getrandom"))]
mod tests;

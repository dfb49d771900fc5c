//! Confirms requests to join: opens the sealed invitation, verifies the request, wraps the org key and signs.

use helvetisafe_crypto::organization::{
    Chain, Head, Invitation, InvitationSecret, JoinRefused, JoinRequest, PublicKeyInfo,
    SignedInvitation, VerificationKey, VerifiedJoinRequest, Words,
};
use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, Error as CryptoError, Fingerprint, LockedPrivateKey,
};
use helvetisafe_proto::Base64;
use helvetisafe_proto::endpoint::organization::{
    Confirm, Confirmation, InvitationRecord, JoinBody, LockedPrivateKey as LockedAnswer,
};

use super::Operation;
use super::change::{Authority, Races};
use super::invite::{seconds, terms};
use crate::administration::{Administrator, Confirmed, check_expiry, is_administrator};
use crate::error::{Error, OrganizationAction, OrganizationCause};
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

const ACTION: OrganizationAction = OrganizationAction::Confirm;

/// The proof that the invited person made the request.
#[derive(Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// The tag of the request, made with the invitation code.
    Tag,
    /// The words of the public key, heard on another channel.
    Words(&'a Words),
}

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn confirm(
        &self,
        administrator: &Administrator<'_>,
        name: &str,
        proof: Proof<'_>,
    ) -> Result<Confirmed, Error> {
        let mut races = Races::new();
        loop {
            let outcome = self.confirm_once(administrator, name, proof).await;
            if !races.is_lost(&outcome) {
                return outcome;
            }
        }
    }

    async fn confirm_once(
        &self,
        administrator: &Administrator<'_>,
        name: &str,
        proof: Proof<'_>,
    ) -> Result<Confirmed, Error> {
        let authority = self.authority(administrator, ACTION).await?;
        let mut records = self.invitation_records(ACTION).await?.into_iter();
        let record = records.find(|record| record.invitation.name == name);
        let record = record.ok_or_else(|| authority.refused(OrganizationCause::NoInvitation))?;
        let now = self.vault.api.runtime.both_clocks().wall;
        check_expiry(ACTION, record.invitation.expires_at, now)?;
        let key = self.org_key(&authority).await?;
        let (id, is_to_administer) = (
            record.invitation.id,
            is_administrator(&record.invitation.scopes),
        );
        let verified = verify(record, &authority.chain, &key, proof)
            .map_err(|cause| authority.refused(cause))?;
        let request = verified.request();
        if request.verification_key.is_some() != is_to_administer {
            return Err(authority.refused(OrganizationCause::VerificationKey));
        }
        let (entries, head) = sign(&authority, &verified)?;
        let wrapped = request.public_key.public_key().wrap_org_key(key.org_key());
        let wrapped = wrapped.map_err(|error| Error::new(ACTION, error))?;
        let call = Confirm {
            confirmation: Confirmation {
                invitation: id,
                public_key_hash: request.public_key.hash().into(),
                key_epoch: authority.chain.epoch(),
                encrypted_org_key: wrapped.encode(),
                entries,
            },
        };
        self.organize(&call, ACTION).await?;
        Ok(Confirmed {
            account: request.account.clone(),
            head,
        })
    }
}

/// Opens the sealed secret, which authenticates the terms, and verifies the request with it.
fn verify(
    record: InvitationRecord,
    chain: &Chain,
    key: &ConfirmedKey,
    proof: Proof<'_>,
) -> Result<VerifiedJoinRequest, OrganizationCause> {
    let body = record.request.ok_or(OrganizationCause::NotJoined)?;
    let invitation = record.invitation;
    if invitation.sealed.key_epoch != chain.epoch() {
        return Err(JoinRefused::Epoch.into());
    }
    let terms = terms(
        chain.organization(),
        invitation.sealed.key_epoch,
        &invitation.name,
        &invitation.scopes,
        seconds(invitation.expires_at),
    );
    let sealed = invitation.sealed;
    let envelope = <[u8; 12]>::try_from(sealed.nonce.0)
        .ok()
        .and_then(|nonce| Envelope::from_parts(nonce, sealed.value.0).ok());
    let envelope = envelope.ok_or(OrganizationCause::OtherTerms)?;
    let id = invitation.id.to_bytes();
    let secret = InvitationSecret::open(envelope, key.org_key(), &terms, &id)
        .map_err(|_| OrganizationCause::OtherTerms)?;
    let tag = <[u8; 32]>::try_from(body.tag.0.as_slice());
    let tag = tag.map_err(|_| OrganizationCause::Unreadable("tag"))?;
    let request = request(body, chain, &terms)?;
    let signature = sealed.signature.0.try_into();
    let signed = SignedInvitation {
        invitation: terms,
        signature: signature.map_err(|_| OrganizationCause::Unreadable("signature"))?,
    };
    let verified = match proof {
        Proof::Tag => request.verify(&tag, &secret, &signed, chain)?,
        // The words cover the key alone. The terms are those that an administrator has signed.
        Proof::Words(_) if !signed.is_of_administrator(&id, chain) => {
            return Err(JoinRefused::Inviter.into());
        }
        Proof::Words(words) => request.verify_words(words, &signed.invitation, chain)?,
    };
    Ok(verified)
}

/// Reads the request from the wire. Name and scopes are those of the opened invitation.
fn request(
    body: JoinBody,
    chain: &Chain,
    terms: &Invitation,
) -> Result<JoinRequest, OrganizationCause> {
    let unreadable = OrganizationCause::Unreadable;
    let key = |bytes: Base64| {
        let bytes = bytes.0.as_slice().try_into().ok();
        let key = bytes.and_then(|bytes| VerificationKey::from_bytes(bytes).ok());
        key.ok_or(unreadable("verification key"))
    };
    Ok(JoinRequest {
        organization: chain.organization().to_owned(),
        epoch: body.epoch,
        fingerprint: Fingerprint::from_bytes(body.fingerprint.to_bytes()),
        name: terms.name.clone(),
        scopes: terms.scopes.clone(),
        account: body.account,
        public_key: PublicKeyInfo::from_der(&body.public_key.0)
            .map_err(|_| unreadable("public key"))?,
        client_secret_hash: body.client_secret_hash.to_bytes(),
        verification_key: body.verification_key.map(key).transpose()?,
        locked_private_key: body
            .private_key
            .map(locked)
            .transpose()
            .map_err(|_| unreadable("locked private key"))?,
    })
}

fn locked(answer: LockedAnswer) -> Result<LockedPrivateKey, CryptoError> {
    LockedPrivateKey::decode(&EncodedLockedKey {
        ciphertext: answer.encrypted_private_key,
        nonce: answer.nonce,
        salt: answer.salt,
        tag: answer.auth_tag,
    })
}

/// Signs the entry of the member and, for an administrator, the next one.
fn sign(
    authority: &Authority<'_>,
    verified: &VerifiedJoinRequest,
) -> Result<(Vec<Base64>, Head), Error> {
    let key = authority.signing_key;
    let member = authority.signed(authority.chain.confirm(verified, key))?;
    if verified.request().verification_key.is_none() {
        return Ok((vec![member.to_bytes().into()], member.head()));
    }
    let mut chain = authority.chain.clone();
    chain
        .append(&member)
        .map_err(|error| authority.refused(OrganizationCause::Change(error)))?;
    let administrator = authority.signed(chain.add_administrator(verified, key))?;
    let entries = [&member, &administrator].map(|entry| entry.to_bytes().into());
    Ok((entries.into(), administrator.head()))
}

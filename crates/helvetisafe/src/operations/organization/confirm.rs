//! Confirms requests to join: opens the sealed invitation, verifies the request, wraps the org key and signs.

use helvetisafe_crypto::organization::{
    Chain, Head, Invitation, InvitationSecret, JoinRefused, JoinRequest, PublicKeyInfo,
    SignedInvitation, VerificationKey, VerifiedJoinRequest,
};
use helvetisafe_crypto::{
    EncodedLockedKey, Envelope, Error as CryptoError, Fingerprint, LockedPrivateKey,
};
use helvetisafe_proto::endpoint::organization::{
    Confirm, Confirmation, InvitationId, InvitationRecord, JoinBody,
    LockedPrivateKey as LockedAnswer, NewInvitation,
};
use helvetisafe_proto::{Base64, ErrorCode};

use super::Operation;
use super::change::{Authority, Races};
use super::invite::{pending_request, seconds, terms};
use crate::administration::{
    Administrator, Confirmed, PendingInvitation, check_expiry, is_administrator,
};
use crate::error::{Error, OrganizationAction, OrganizationCause};
use crate::org_keys::ConfirmedKey;
use crate::runtime::Runtime;

const ACTION: OrganizationAction = OrganizationAction::Confirm;

impl<R: Runtime> Operation<'_, R> {
    pub(crate) async fn confirm(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<Confirmed, Error> {
        let mut races = Races::new();
        loop {
            let outcome = self.confirm_once(administrator, shown).await;
            if let Some(outcome) = races.judge(outcome, ACTION) {
                return outcome;
            }
        }
    }

    async fn confirm_once(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<Confirmed, Error> {
        let authority = self.authority(administrator, ACTION).await?;
        let (verified, key) = self.verified(&authority, shown).await?;
        let (confirmation, head) = confirmation(&authority, &key, shown.id, &verified)?;
        let sent = self.organize(&Confirm { confirmation }, ACTION).await;
        if let Err(error) = sent {
            return Err(self.explained(error, &verified, administrator).await);
        }
        Ok(Confirmed {
            account: verified.request().account.clone(),
            head,
        })
    }

    /// Verifies the request as a confirmation does, which is not made.
    pub(crate) async fn verify_request(
        &self,
        administrator: &Administrator<'_>,
        shown: &PendingInvitation,
    ) -> Result<(), Error> {
        let authority = self.authority(administrator, ACTION).await?;
        let (verified, _) = self.verified(&authority, shown).await?;
        sign(&authority, &verified)?;
        Ok(())
    }

    /// Explains the refusal of a request that another administrator has confirmed meanwhile, as the chain shows.
    async fn explained(
        &self,
        error: Error,
        verified: &VerifiedJoinRequest,
        administrator: &Administrator<'_>,
    ) -> Error {
        if error.code() != Some(ErrorCode::IdTaken) {
            return error;
        }
        let request = verified.request();
        let chain = self.follow(administrator.anchor).await;
        let is_member = chain.is_ok_and(|chain| {
            let member = chain.members().get(&request.account);
            member.is_some_and(|it| it.public_key_hash == request.public_key.hash())
        });
        match is_member {
            true => Error::new(ACTION, OrganizationCause::ConfirmedMeanwhile),
            false => error,
        }
    }

    /// Verifies the request that was shown. Returns it with the org key to wrap.
    async fn verified(
        &self,
        authority: &Authority<'_>,
        shown: &PendingInvitation,
    ) -> Result<(VerifiedJoinRequest, ConfirmedKey), Error> {
        let record = self.open_invitation(authority, shown.id).await?;
        let key = self.org_key(authority).await?;
        let verified = check_shown(&record, shown)
            .and_then(|()| verify(record, &authority.chain, &key))
            .map_err(|cause| authority.refused(cause))?;
        Ok((verified, key))
    }

    /// Returns the invitation of this id, unless it has expired by this machine's clock.
    async fn open_invitation(
        &self,
        authority: &Authority<'_>,
        id: InvitationId,
    ) -> Result<InvitationRecord, Error> {
        let mut records = self.invitation_records(ACTION).await?.into_iter();
        let record = records.find(|record| record.invitation.id == id);
        let record = record.ok_or_else(|| authority.refused(OrganizationCause::NoInvitation))?;
        let now = self.vault.api.runtime.both_clocks().wall;
        check_expiry(ACTION, record.invitation.expires_at, now)?;
        Ok(record)
    }
}

/// Checks that the vault answers with what a person saw. The tag does not exclude a thief of the code, nor an earlier
/// request of the same account: only the person compares the words, and knows the scopes that were meant.
fn check_shown(
    record: &InvitationRecord,
    shown: &PendingInvitation,
) -> Result<(), OrganizationCause> {
    let terms = &record.invitation;
    let found = record.request.as_ref().map(pending_request);
    if terms.name != shown.name || terms.scopes != shown.scopes {
        return Err(OrganizationCause::OtherThanShown);
    }
    match (found, &shown.request) {
        (Some(found), Some(shown)) if found.account == shown.account => {
            match found.words == shown.words {
                true => Ok(()),
                false => Err(JoinRefused::Words.into()),
            }
        }
        (None, None) => Ok(()),
        _ => Err(OrganizationCause::OtherThanShown),
    }
}

/// Verifies the request with the opened invitation.
fn verify(
    record: InvitationRecord,
    chain: &Chain,
    key: &ConfirmedKey,
) -> Result<VerifiedJoinRequest, OrganizationCause> {
    let body = record.request.ok_or(OrganizationCause::NotJoined)?;
    let is_to_administer = is_administrator(&record.invitation.scopes);
    let (secret, signed) = open(record.invitation, chain, key)?;
    let tag = <[u8; 32]>::try_from(body.tag.0.as_slice());
    let tag = tag.map_err(|_| OrganizationCause::Unreadable("tag"))?;
    let request = request(body, chain, &signed.invitation)?;
    let verified = request.verify(&tag, &secret, &signed, chain)?;
    match verified.request().verification_key.is_some() == is_to_administer {
        true => Ok(verified),
        false => Err(OrganizationCause::VerificationKey),
    }
}

/// Opens the sealed secret, which authenticates the terms. The signature is not yet checked.
pub(super) fn open(
    invitation: NewInvitation,
    chain: &Chain,
    key: &ConfirmedKey,
) -> Result<(InvitationSecret, SignedInvitation), OrganizationCause> {
    let sealed = invitation.sealed;
    if sealed.key_epoch != chain.epoch() {
        return Err(JoinRefused::Epoch.into());
    }
    let terms = terms(
        chain.organization(),
        sealed.key_epoch,
        &invitation.name,
        &invitation.scopes,
        seconds(invitation.expires_at),
    );
    let nonce = <[u8; 12]>::try_from(sealed.nonce.0).ok();
    let envelope = nonce.and_then(|nonce| Envelope::from_parts(nonce, sealed.value.0).ok());
    let envelope = envelope.ok_or(OrganizationCause::OtherTerms)?;
    let id = invitation.id.to_bytes();
    let secret = InvitationSecret::open(envelope, key.org_key(), &terms, &id)
        .map_err(|_| OrganizationCause::OtherTerms)?;
    let signature = sealed.signature.0.try_into();
    let signature = signature.map_err(|_| JoinRefused::Inviter)?;
    let signed = SignedInvitation {
        invitation: terms,
        signature,
    };
    Ok((secret, signed))
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

/// Signs the entries, and wraps the org key for the verified public key.
fn confirmation(
    authority: &Authority<'_>,
    key: &ConfirmedKey,
    invitation: InvitationId,
    verified: &VerifiedJoinRequest,
) -> Result<(Confirmation, Head), Error> {
    let public_key = &verified.request().public_key;
    let (entries, head) = sign(authority, verified)?;
    let wrapped = public_key.public_key().wrap_org_key(key.org_key());
    let wrapped = wrapped.map_err(|error| Error::new(ACTION, error))?;
    let confirmation = Confirmation {
        invitation,
        public_key_hash: public_key.hash().into(),
        key_epoch: authority.chain.epoch(),
        encrypted_org_key: wrapped.encode(),
        entries,
    };
    Ok((confirmation, head))
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

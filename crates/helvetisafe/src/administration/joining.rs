use std::sync::Arc;

use base64ct::{Base64UrlUnpadded, Encoding};
use helvetisafe_crypto::Fingerprint;
use helvetisafe_crypto::organization::{
    Anchor, Chain, Head, InvitationCode, InvitationSecret, JoinRequest, PublicKeyInfo, SigningKey,
    Words,
};
use helvetisafe_proto::ScopeList;
use helvetisafe_proto::endpoint::organization::{
    GetInvitation, GetJoinChain, InvitationStatus, InvitationTerms, Join, JoinBody, OrganizationId,
};
use jiff::Timestamp;
use secrecy::SecretString;
use zeroize::Zeroizing;

use super::{AccountKeys, chain, check_expiry, scope_set};
use crate::api::Api;
use crate::bounds::Bounds;
use crate::error::{Error, OrganizationAction, OrganizationCause};
use crate::runtime::Runtime;

/// The terms of an invitation, after the chain was followed from the head of the code.
///
/// Name, scopes and expiry are as the vault states them: an administrator who confirms compares them with the sealed
/// ones.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Terms {
    /// The organization.
    pub organization: OrganizationId,
    /// The name of the new account.
    pub name: String,
    /// The scopes of the new account.
    pub scopes: ScopeList,
    /// The time of expiry.
    pub expires_at: Timestamp,
    /// The state.
    pub status: InvitationStatus,
    /// The newest entry of the verified chain, for [`Anchor::Head`].
    pub head: Head,
    /// The fingerprint of the present org key, by the verified chain.
    pub fingerprint: Fingerprint,
    /// The number of that key.
    pub key_epoch: u64,
}

/// A request to join, which waits for an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Joining {
    /// The terms of the invitation.
    pub terms: Terms,
    /// The newest entry of the verified chain, for [`Anchor::Head`].
    pub head: Head,
    /// The words of the sent public key, which an administrator may ask for on another channel.
    pub words: Words,
}

/// A verified invitation.
struct Verified {
    terms: Terms,
    chain: Chain,
}

/// Reads the terms of an invitation.
pub(crate) async fn read<R: Runtime>(
    api: &Arc<Api<R>>,
    code: &InvitationCode,
) -> Result<Terms, Error> {
    let bounds = api.deadline().into();
    let verified = verify(api, OrganizationAction::ReadInvitation, code, &bounds).await?;
    Ok(verified.terms)
}

/// Sends a request to join.
pub(crate) async fn join<R: Runtime>(
    api: &Arc<Api<R>>,
    code: &InvitationCode,
    keys: &AccountKeys,
) -> Result<Joining, Error> {
    join_within(api, code, keys, &api.deadline().into()).await
}

/// Sends a request to join, within the bounds of a longer operation.
pub(crate) async fn join_within<R: Runtime>(
    api: &Arc<Api<R>>,
    code: &InvitationCode,
    keys: &AccountKeys,
    bounds: &Bounds,
) -> Result<Joining, Error> {
    let action = OrganizationAction::Join;
    let Verified { terms, chain } = verify(api, action.clone(), code, bounds).await?;
    keys.check_scopes(action.clone(), &terms.scopes)?;
    let public_key = keys
        .public_key()
        .map_err(|error| Error::new(action.clone(), error))?;
    let words = Words::of_public_key(&public_key);
    let call = Join {
        token: token(&code.secret),
        request: body(code, keys, &terms, &chain, public_key),
    };
    api.call(&call, action.into(), bounds).await?;
    Ok(Joining {
        head: terms.head,
        terms,
        words,
    })
}

/// Fetches the terms, and checks the id, the expiry, the chain and the org key of the code.
async fn verify<R: Runtime>(
    api: &Arc<Api<R>>,
    action: OrganizationAction,
    code: &InvitationCode,
    bounds: &Bounds,
) -> Result<Verified, Error> {
    let token = token(&code.secret);
    let call = GetInvitation {
        token: token.clone(),
    };
    let answer = api.call(&call, action.clone().into(), bounds).await?;
    if answer.id.to_bytes() != code.secret.id() {
        return Err(Error::new(action, OrganizationCause::OtherInvitation));
    }
    if answer.status != InvitationStatus::Confirmed {
        let now = api.runtime.both_clocks().wall;
        check_expiry(action.clone(), answer.expires_at, now)?;
    }
    let page = |from| GetJoinChain {
        token: token.clone(),
        from,
    };
    let entries = chain::fetch(api, page, bounds).await?;
    let anchor = Anchor::Head(code.head);
    let chain = chain::verify(api, answer.organization, &anchor, entries).await?;
    if !chain.has_had(&code.fingerprint) {
        return Err(Error::new(action, OrganizationCause::OtherCodeKey));
    }
    let terms = Terms::new(answer, &chain);
    Ok(Verified { terms, chain })
}

impl Terms {
    fn new(answer: InvitationTerms, chain: &Chain) -> Self {
        Self {
            organization: answer.organization,
            name: answer.name,
            scopes: answer.scopes,
            expires_at: answer.expires_at,
            status: answer.status,
            head: *chain.head(),
            fingerprint: *chain.fingerprint(),
            key_epoch: chain.epoch(),
        }
    }
}

/// Makes the request and its tag.
fn body(
    code: &InvitationCode,
    keys: &AccountKeys,
    terms: &Terms,
    chain: &Chain,
    public_key: PublicKeyInfo,
) -> JoinBody {
    let verification_key = keys.signing_key.as_ref().map(SigningKey::verification_key);
    let request = JoinRequest {
        organization: chain.organization().to_owned(),
        epoch: chain.epoch(),
        fingerprint: *chain.fingerprint(),
        name: terms.name.clone(),
        scopes: scope_set(&terms.scopes),
        account: keys.client_id.clone(),
        public_key,
        client_secret_hash: keys.client_secret_hash().to_bytes(),
        verification_key,
        locked_private_key: keys.locked_private_key.clone(),
    };
    let tag = request.authenticate(&code.secret);
    JoinBody {
        epoch: request.epoch,
        fingerprint: (*request.fingerprint.as_bytes()).into(),
        public_key: request.public_key.as_der().to_vec().into(),
        client_secret_hash: request.client_secret_hash.into(),
        verification_key: verification_key.map(|key| key.as_bytes().to_vec().into()),
        private_key: keys.encoded_locked_key(),
        account: request.account,
        tag: tag.to_vec().into(),
    }
}

/// Returns the credential of the invited person, as the vault expects it.
fn token(secret: &InvitationSecret) -> SecretString {
    let token = secret.derive_token();
    let text = Zeroizing::new(Base64UrlUnpadded::encode_string(token.as_slice()));
    SecretString::from(text.as_str())
}

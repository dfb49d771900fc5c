//! An organization without the standard library: founded, invited to, joined.

use helvetisafe_crypto::organization::{
    Anchor, Chain, Credential, Invitation, InvitationCode, InvitationSecret, JoinRequest,
    PublicKeyInfo, SigningKey, Words,
};
use helvetisafe_crypto::{OrgKey, PrivateKey};

use crate::PEM;
use crate::runtime::Counter;

/// Founds an organization, and lets a second member join it. Returns `None` if a step fails, or the new member is not in
/// the chain.
pub(crate) fn found_and_join() -> Option<()> {
    let rng = &mut Counter(1);
    let org_key = OrgKey::generate_with_rng(rng).ok()?;
    let key =
        SigningKey::from_pem(&SigningKey::generate_with_rng(rng).ok()?.to_pem().ok()?).ok()?;
    let public_key = PrivateKey::from_pem(PEM).ok()?.public_key();
    let public_key = PublicKeyInfo::try_from(&public_key).ok()?;
    let genesis = Chain::found(
        "acme",
        1,
        &org_key.fingerprint(),
        "ada",
        "Ada",
        &public_key,
        &key,
    );
    let anchor = Anchor::Key(key.verification_key());
    let mut chain = Chain::follow("acme", &anchor, &[genesis]).ok()?;

    let secret = InvitationSecret::generate_with_rng(rng).ok()?;
    let invitation = Invitation {
        organization: "acme".into(),
        epoch: 1,
        name: "bob".into(),
        scopes: ["secrets:read".into()].into(),
        expires_at: 0,
    };
    let (id, sealed) = (
        secret.id(),
        secret.seal_with_rng(rng, &org_key, &invitation).ok()?,
    );
    let code = InvitationCode {
        secret,
        base_url: "https://vault.example".into(),
        fingerprint: org_key.fingerprint(),
        inviter: key.verification_key(),
        head: *chain.head(),
    };
    let code = InvitationCode::parse(&code.encode()).ok()?;
    let request = JoinRequest {
        organization: "acme".into(),
        epoch: 1,
        fingerprint: code.fingerprint,
        name: "bob".into(),
        scopes: invitation.scopes.clone(),
        account: "bob".into(),
        public_key,
        client_secret_hash: Credential::generate_with_rng(rng).ok()?.hash(),
        verification_key: None,
        locked_private_key: None,
    };
    let words = Words::of_public_key(&request.public_key);
    let tag = request.authenticate(&code.secret);

    let secret = InvitationSecret::open(sealed, &org_key, &invitation, &id).ok()?;
    let signed = invitation.sign(&id, &key);
    let verified = request.verify(&tag, &secret, &signed, &chain).ok()?;
    let is_same = words == Words::of_public_key(&verified.request().public_key);
    let entry = chain.confirm(&verified, &key).ok()?;
    chain.append(&entry).ok()?;
    (is_same && chain.members().contains_key("bob")).then_some(())
}

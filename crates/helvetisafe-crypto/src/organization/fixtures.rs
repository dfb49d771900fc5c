//! An organization for tests: Ada founded it, and Bob is invited.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::sync::LazyLock;

use super::*;
use crate::{Fingerprint, OrgKey, PrivateKey};

pub(super) static ADA_KEY: LazyLock<PublicKeyInfo> =
    LazyLock::new(|| key(include_str!("../../tests/data/rsa-2048-pkcs8.pem")));
pub(super) static BOB_KEY: LazyLock<PublicKeyInfo> =
    LazyLock::new(|| key(include_str!("../../tests/data/rsa-3072-pkcs8.pem")));

fn key(pem: &str) -> PublicKeyInfo {
    let key = PrivateKey::from_pem(pem).unwrap();
    PublicKeyInfo::try_from(&key.public_key()).unwrap()
}

pub(super) struct Acme {
    pub(super) org_key: OrgKey,
    pub(super) ada: SigningKey,
    pub(super) genesis: Entry,
    pub(super) chain: Chain,
}

pub(super) fn acme() -> Acme {
    let org_key = OrgKey::from_bytes(&[1; 32]);
    let ada = SigningKey::generate().unwrap();
    let fingerprint = org_key.fingerprint();
    let genesis = Chain::found("acme", 1, &fingerprint, "ada", "Ada", &ADA_KEY, &ada);
    let anchor = Anchor::Key(ada.verification_key());
    let chain = Chain::follow("acme", &anchor, std::slice::from_ref(&genesis)).unwrap();
    Acme {
        org_key,
        ada,
        genesis,
        chain,
    }
}

pub(super) fn invitation() -> Invitation {
    Invitation {
        organization: "acme".into(),
        epoch: 1,
        name: "bob".into(),
        scopes: ["secrets:read".into(), "secrets:write".into()].into(),
        expires_at: 1_795_000_000,
    }
}

/// The invitation for the secret of 32 times `byte`, signed by Ada.
pub(super) fn signed(acme: &Acme, byte: u8) -> SignedInvitation {
    let id = InvitationSecret::from_bytes(&[byte; 32]).id();
    invitation().sign(&id, &acme.ada)
}

/// Bob's request, as an administrator if he has a verification key.
pub(super) fn request(acme: &Acme, key: Option<VerificationKey>) -> JoinRequest {
    JoinRequest {
        organization: "acme".into(),
        epoch: 1,
        fingerprint: acme.org_key.fingerprint(),
        name: "bob".into(),
        scopes: invitation().scopes,
        account: "bob".into(),
        public_key: BOB_KEY.clone(),
        client_secret_hash: [7; 32],
        verification_key: key,
        locked_private_key: None,
    }
}

/// Bob's request, verified.
pub(super) fn verified(acme: &Acme, key: Option<VerificationKey>) -> VerifiedJoinRequest {
    let secret = InvitationSecret::from_bytes(&[2; 32]);
    let request = request(acme, key);
    let tag = request.authenticate(&secret);
    request
        .verify(&tag, &secret, &signed(acme, 2), &acme.chain)
        .unwrap()
}

pub(super) fn other_fingerprint() -> Fingerprint {
    OrgKey::from_bytes(&[9; 32]).fingerprint()
}

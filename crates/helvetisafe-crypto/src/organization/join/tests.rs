use std::string::ToString;

use super::*;
use crate::organization::fixtures::{
    ADA_KEY, acme, invitation, other_fingerprint, request, signed, verified,
};
use crate::organization::{ChainError, SigningKey};
use crate::{LockedPrivateKey, PrivateKey};

fn secret() -> InvitationSecret {
    InvitationSecret::from_bytes(&[2; 32])
}

#[test]
fn a_request_with_its_tag_is_verified() {
    let acme = acme();
    let key = SigningKey::generate().unwrap().verification_key();
    let verified = verified(&acme, Some(key));
    assert_eq!(*verified.request(), request(&acme, Some(key)));
}

/// The vault can change every field of a request, but has no key to make the tag.
#[test]
fn every_field_is_authenticated() {
    let acme = acme();
    let tag = request(&acme, None).authenticate(&secret());
    let changes: [fn(&mut JoinRequest); 11] = [
        |request| request.organization.push('2'),
        |request| request.epoch += 1,
        |request| request.fingerprint = other_fingerprint(),
        |request| request.name.push('2'),
        |request| assert!(request.scopes.insert("admin".into())),
        |request| drop(request.scopes.pop_first()),
        |request| request.account.push('2'),
        |request| request.public_key = ADA_KEY.clone(),
        |request| request.client_secret_hash[31] ^= 1,
        |request| {
            request.verification_key = Some(SigningKey::generate().unwrap().verification_key());
        },
        |request| {
            let key = PrivateKey::from_pem(include_str!("../../../tests/data/rsa-2048-pkcs8.pem"));
            request.locked_private_key = LockedPrivateKey::lock(&key.unwrap(), "password").ok();
        },
    ];
    for change in changes {
        let mut changed = request(&acme, None);
        change(&mut changed);
        let outcome = changed
            .clone()
            .verify(&tag, &secret(), &signed(&acme, 2), &acme.chain);
        assert_eq!(outcome.err(), Some(JoinRefused::Mac), "{changed:?}");
    }
    for bit in 0..256 {
        let mut tag = tag;
        tag[bit / 8] ^= 1 << (bit % 8);
        let outcome = request(&acme, None).verify(&tag, &secret(), &signed(&acme, 2), &acme.chain);
        assert_eq!(outcome.err(), Some(JoinRefused::Mac));
    }
    let other = InvitationSecret::from_bytes(&[3; 32]);
    let outcome = request(&acme, None).verify(&tag, &other, &signed(&acme, 3), &acme.chain);
    assert_eq!(outcome.err(), Some(JoinRefused::Mac));
}

/// The invited person learns name, scopes and epoch from the vault, so an authentic request may have wrong ones.
#[test]
fn an_authentic_request_has_to_fit_invitation_and_chain() {
    let acme = acme();
    type Change = fn(&mut JoinRequest);
    let cases: [(Change, JoinRefused); 6] = [
        (
            |request| request.organization.push('2'),
            JoinRefused::Organization,
        ),
        (|request| request.epoch += 1, JoinRefused::Epoch),
        (
            |request| request.fingerprint = other_fingerprint(),
            JoinRefused::Epoch,
        ),
        (|request| request.name.push('2'), JoinRefused::Name),
        (
            |request| assert!(request.scopes.insert("admin".into())),
            JoinRefused::Scopes,
        ),
        (
            |request| drop(request.scopes.pop_first()),
            JoinRefused::Scopes,
        ),
    ];
    for (change, expected) in cases {
        let mut request = request(&acme, None);
        change(&mut request);
        let tag = request.authenticate(&secret());
        let outcome = request.verify(&tag, &secret(), &signed(&acme, 2), &acme.chain);
        assert_eq!(outcome.err(), Some(expected));
        assert!(expected.to_string().len() > 20);
    }
    for change in [
        |terms: &mut Invitation| terms.organization.push('2'),
        |terms: &mut Invitation| terms.epoch += 1,
    ] {
        let mut terms = invitation();
        change(&mut terms);
        let tag = request(&acme, None).authenticate(&secret());
        let terms = terms.sign(&secret().id(), &acme.ada);
        let outcome = request(&acme, None).verify(&tag, &secret(), &terms, &acme.chain);
        assert!(matches!(
            outcome.err(),
            Some(JoinRefused::Organization | JoinRefused::Epoch)
        ));
    }
}

/// A member can seal any secret under the terms of a pending invitation, and the vault can present it as that of the
/// invitation.
#[test]
fn an_invitation_has_the_signature_of_a_present_administrator() {
    let acme = acme();
    let tag = request(&acme, None).authenticate(&secret());
    let verify = |invitation: &SignedInvitation, chain: &Chain| {
        let outcome = request(&acme, None).verify(&tag, &secret(), invitation, chain);
        outcome.err()
    };
    assert_eq!(verify(&signed(&acme, 2), &acme.chain), None);
    let of_a_member = invitation().sign(&secret().id(), &SigningKey::generate().unwrap());
    assert_eq!(
        verify(&of_a_member, &acme.chain),
        Some(JoinRefused::Inviter)
    );
    assert_eq!(
        verify(&signed(&acme, 3), &acme.chain),
        Some(JoinRefused::Inviter)
    );
    let changes: [fn(&mut Invitation); 5] = [
        |terms| terms.organization.push('2'),
        |terms| terms.epoch += 1,
        |terms| terms.name.push('2'),
        |terms| assert!(terms.scopes.insert("admin".into())),
        |terms| terms.expires_at += 1,
    ];
    for change in changes {
        let mut changed = signed(&acme, 2);
        change(&mut changed.invitation);
        assert_eq!(verify(&changed, &acme.chain), Some(JoinRefused::Inviter));
    }
    for bit in 0..512 {
        let mut changed = signed(&acme, 2);
        changed.signature[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(verify(&changed, &acme.chain), Some(JoinRefused::Inviter));
    }
}

#[test]
fn a_request_from_before_a_rotation_is_verified() {
    let mut acme = acme();
    let rotation = acme.chain.rotate(&other_fingerprint(), &acme.ada).unwrap();
    acme.chain.append(&rotation).unwrap();
    let terms = Invitation {
        epoch: 2,
        ..invitation()
    };
    let tag = request(&acme, None).authenticate(&secret());
    assert!(
        request(&acme, None)
            .verify(
                &tag,
                &secret(),
                &terms.sign(&secret().id(), &acme.ada),
                &acme.chain
            )
            .is_ok()
    );
    let outcome = request(&acme, None).verify(&tag, &secret(), &signed(&acme, 2), &acme.chain);
    assert_eq!(outcome.err(), Some(JoinRefused::Epoch));
}

#[test]
fn words_stand_for_the_public_key_and_for_no_administrator() {
    let acme = acme();
    let words = Words::of_public_key(&request(&acme, None).public_key);
    let verify = |request: JoinRequest, words| {
        request.verify_words(words, [2; 32], &invitation(), &acme.chain)
    };
    let verified = verify(request(&acme, None), &words).unwrap();
    assert_eq!(verified.invitation(), &[2; 32]);
    let other = Words::of_public_key(&ADA_KEY);
    assert_eq!(
        verify(request(&acme, None), &other).err(),
        Some(JoinRefused::Words)
    );
    let key = acme.ada.verification_key();
    let outcome = verify(request(&acme, Some(key)), &words);
    assert_eq!(outcome.err(), Some(JoinRefused::AdministratorWithoutCode));
    let mut renamed = request(&acme, None);
    renamed.name.push('2');
    assert_eq!(verify(renamed, &words).err(), Some(JoinRefused::Name));
}

#[test]
fn a_verified_request_is_confirmed_by_its_own_organization_alone() {
    let (acme, ada) = (acme(), SigningKey::generate().unwrap());
    let fingerprint = other_fingerprint();
    let genesis = Chain::found("other", 1, &fingerprint, "ada", "Ada", &ADA_KEY, &ada);
    let anchor = crate::organization::Anchor::Key(ada.verification_key());
    let other = Chain::follow("other", &anchor, &[genesis]).unwrap();
    let request = verified(&acme, None);
    assert_eq!(other.confirm(&request, &ada), Err(ChainError::Organization));
    assert_eq!(
        other.add_administrator(&request, &ada),
        Err(ChainError::Organization)
    );
}

use proptest::prelude::*;

use super::*;
use crate::organization::fixtures::invitation;

fn org_key(byte: u8) -> OrgKey {
    OrgKey::from_bytes(&[byte; 32])
}

#[test]
fn a_secret_opens_with_all_its_terms_alone() {
    let secret = InvitationSecret::generate().unwrap();
    let (terms, id) = (invitation(), secret.id());
    let sealed = secret.seal(&org_key(1), &terms).unwrap();
    let open = |key: u8, terms: &Invitation, id: &[u8; 32]| {
        InvitationSecret::open(sealed.clone(), &org_key(key), terms, id).map(|s| *s.expose_secret())
    };
    assert_eq!(open(1, &terms, &id), Ok(*secret.expose_secret()));
    assert_eq!(open(2, &terms, &id), Err(Error::Decryption));
    assert_eq!(open(1, &terms, &[0; 32]), Err(Error::Decryption));
    let changes: [fn(&mut Invitation); 5] = [
        |terms| terms.organization.push('2'),
        |terms| terms.epoch += 1,
        |terms| terms.name.push('2'),
        |terms| assert!(terms.scopes.insert("admin".into())),
        |terms| terms.expires_at += 1,
    ];
    for change in changes {
        let mut other = terms.clone();
        change(&mut other);
        assert_eq!(open(1, &other, &id), Err(Error::Decryption), "{other:?}");
    }
}

/// A vault may know a secret of 32 bytes that a member stored. It must not become the secret of an invitation.
#[test]
fn a_secret_of_the_organization_is_no_invitation() {
    let known = InvitationSecret::from_bytes(&[5; 32]);
    let terms = invitation();
    for aad in [&b""[..], &terms.encode(InvitationSecret::SEAL, &known.id())] {
        let key = org_key(1);
        let envelope = key.seal_as(aad, &mut getrandom::SysRng, &[5; 32]).unwrap();
        let opened = InvitationSecret::open(envelope, &key, &terms, &known.id());
        assert_eq!(opened.err(), Some(Error::Decryption));
    }
}

/// A member has the org key, and can seal anything.
#[test]
fn a_secret_sealed_under_the_id_of_another_invitation_is_refused() {
    let (theirs, id) = (InvitationSecret::from_bytes(&[6; 32]), [8; 32]);
    let aad = invitation().encode(InvitationSecret::SEAL, &id);
    let forged = sealing_key(&org_key(1))
        .seal_as(&aad, &mut getrandom::SysRng, theirs.expose_secret())
        .unwrap();
    let opened = InvitationSecret::open(forged, &org_key(1), &invitation(), &id);
    assert_eq!(opened.err(), Some(Error::Decryption));
}

#[test]
fn the_id_is_the_hash_of_the_token_and_the_keys_differ() {
    let secret = InvitationSecret::from_bytes(&[3; 32]);
    assert_eq!(
        secret.id()[..],
        Sha256::digest(secret.derive_token().as_slice())[..]
    );
    assert_ne!(**secret.derive_token(), **secret.derive_mac_key());
}

proptest! {
    #[test]
    fn one_changed_bit_does_not_open(secret: [u8; 32], at in 0_usize..60 * 8) {
        let secret = InvitationSecret::from_bytes(&secret);
        let sealed = secret.seal(&org_key(1), &invitation()).unwrap();
        let mut bytes = sealed.to_bytes();
        prop_assert_eq!(bytes.len(), 60);
        bytes[at / 8] ^= 1 << (at % 8);
        let changed = Envelope::from_bytes(&bytes).unwrap();
        let opened = InvitationSecret::open(changed, &org_key(1), &invitation(), &secret.id());
        prop_assert_eq!(opened.err(), Some(Error::Decryption));
    }
}

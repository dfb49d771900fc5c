//! Clients that follow the signed chain, while an administrator replaces the org key.

use helvetisafe::organization::*;
use helvetisafe::{ErrorKind, OrgKeyRotation};

use crate::people::{Acme, AnyClient, BOTH, READER, noon};
use crate::vault::State;

/// Replaces the org key as an honest administrator does: each value sealed again, a wrap for each member, an entry in the
/// chain.
fn rotate(acme: &Acme, members: &[&AccountKeys]) -> OrgKey {
    let key = OrgKey::generate().unwrap();
    let entry = rotation(acme, &key);
    let mut state = acme.vault.state();
    let old = old_key(acme, &mut state);
    for (value, nonce) in state.secrets.values_mut() {
        let plaintext = old
            .open(helvetisafe_crypto::Envelope::decode(value, nonce).unwrap())
            .unwrap();
        let sealed = key.seal(&plaintext).unwrap();
        (*value, *nonce) = (sealed.encode_value(), sealed.encode_nonce());
    }
    wrap(&mut state, &key, members);
    state.chain.push(entry.to_bytes().into());
    state.epoch += 1;
    key
}

fn rotation(acme: &Acme, key: &OrgKey) -> Entry {
    let chain = acme.client().follow(&acme.anchor).unwrap();
    let signing_key = acme.ada.signing_key.as_ref().unwrap();
    chain.rotate(&key.fingerprint(), signing_key).unwrap()
}

fn old_key(acme: &Acme, state: &mut State) -> OrgKey {
    let wrap = state.account(&acme.ada.client_id).wrap.clone();
    let wrap = helvetisafe_crypto::WrappedOrgKey::decode(&wrap).unwrap();
    acme.ada.private_key.unwrap_org_key(&wrap).unwrap()
}

fn wrap(state: &mut State, key: &OrgKey, members: &[&AccountKeys]) {
    for member in members {
        let wrap = member.private_key.public_key().wrap_org_key(key).unwrap();
        state.account(&member.client_id).wrap = wrap.encode();
    }
}

fn follower(acme: &Acme, keys: &AccountKeys, anchor: Anchor) -> AnyClient {
    let rotation = OrgKeyRotation::follow_chain(anchor);
    acme.kind
        .connect(&acme.vault, noon(), keys, Some(rotation))
        .unwrap()
}

#[test]
fn an_honest_rotation_is_followed_and_without_an_anchor_refused() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let bob = acme.member("bob", READER);
        acme.client().create("db", "s3cr3t-v@lue").unwrap();
        let client = follower(&acme, &bob, acme.anchor);
        let without_anchor = kind.connect(&acme.vault, noon(), &bob, None).unwrap();
        for _ in 0..2 {
            assert_eq!(client.get("db").unwrap(), "s3cr3t-v@lue");
            let new = rotate(&acme, &[&acme.ada, &bob]);
            assert_eq!(client.get("db").unwrap(), "s3cr3t-v@lue");
            assert_eq!(client.fingerprint(), new.fingerprint());
        }
        let refused = without_anchor.get("db").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::OrgKeyRefused);
        // A later client starts from the head that was seen.
        let head = client.head().unwrap();
        assert_eq!(head.sequence, 3);
        let later = follower(&acme, &bob, Anchor::Head(head));
        assert_eq!(later.get("db").unwrap(), "s3cr3t-v@lue");
    }
}

#[test]
fn a_write_after_the_rotation_is_sealed_under_the_new_key() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let client = follower(&acme, &acme.ada, acme.anchor);
        let without_anchor = acme.client();
        let new = rotate(&acme, &[&acme.ada]);
        // It has not read since, and learns of the rotation by the refusal.
        client.create("api", "v@lue").unwrap();
        assert_eq!(client.fingerprint(), new.fingerprint());
        let fresh = follower(&acme, &acme.ada, acme.anchor);
        assert_eq!(fresh.get("api").unwrap(), "v@lue");
        let refused = without_anchor.create("db", "v@lue").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::OrgKeyRefused);
        assert!(!acme.vault.state().secrets.contains_key("db"));
    }
}

/// The vault gives an org key that it knows, without an entry, at the start and later.
#[test]
fn a_key_that_is_not_in_the_chain_opens_and_seals_nothing() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.client().create("db", "s3cr3t-v@lue").unwrap();
        let client = follower(&acme, &acme.ada, acme.anchor);
        let own = OrgKey::generate().unwrap();
        let mut state = acme.vault.state();
        wrap(&mut state, &own, &[&acme.ada]);
        let sealed = own.seal(b"{\"db\":\"chosen\"}").unwrap();
        let chosen = (sealed.encode_value(), sealed.encode_nonce());
        state.secrets.insert("db".into(), chosen);
        drop(state);
        let rotation = OrgKeyRotation::follow_chain(acme.anchor);
        let connected = kind.connect(&acme.vault, noon(), &acme.ada, Some(rotation));
        for error in [client.get("db").unwrap_err(), connected.err().unwrap()] {
            assert_eq!(error.kind(), ErrorKind::OrgKeyRefused);
            assert!(
                error.to_string().contains("the chain has the org key"),
                "{error}"
            );
            assert_eq!(error.refused_org_key(), Some(own.fingerprint()));
        }
        assert_eq!(client.fingerprint(), acme.founded.fingerprint);
    }
}

/// The vault goes back to the first org key, which a former member knows, and withholds the rotation.
#[test]
fn an_old_epoch_is_refused_by_a_client_that_has_seen_the_new_one() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.client().create("db", "s3cr3t-v@lue").unwrap();
        let old = acme.vault.state().secrets["db"].clone();
        let old_key = old_key(&acme, &mut acme.vault.state());
        let client = follower(&acme, &acme.ada, acme.anchor);
        rotate(&acme, &[&acme.ada]);
        client.get("db").unwrap();
        let mut state = acme.vault.state();
        let entry = state.chain.pop().unwrap();
        wrap(&mut state, &old_key, &[&acme.ada]);
        state.secrets.insert("db".into(), old);
        drop(state);
        let error = client.get("db").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(
            error
                .to_string()
                .contains("older than one that was seen before"),
            "{error}"
        );
        let history = error.other_history().unwrap();
        assert!(history.is_older());
        assert_eq!((history.seen, history.served), (1, 0));
        // With the whole chain, the old key is not the present one.
        acme.vault.state().chain.push(entry);
        let error = client.get("db").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::OrgKeyRefused);
        assert_eq!(error.refused_org_key(), Some(old_key.fingerprint()));
    }
}

/// A former administrator, or the vault with a key of its own, signs a rotation.
#[test]
fn a_rotation_that_no_administrator_signed_is_refused() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.client().create("db", "s3cr3t-v@lue").unwrap();
        let client = follower(&acme, &acme.ada, acme.anchor);
        let own = OrgKey::generate().unwrap();
        let entry = rotation(&Acme::new(kind), &own);
        let mut state = acme.vault.state();
        wrap(&mut state, &own, &[&acme.ada]);
        let sealed = own.seal(b"{\"db\":\"chosen\"}").unwrap();
        let chosen = (sealed.encode_value(), sealed.encode_nonce());
        state.secrets.insert("db".into(), chosen);
        state.chain.push(entry.to_bytes().into());
        drop(state);
        let error = client.get("db").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(
            error
                .to_string()
                .contains("the vault shows different histories"),
            "{error}"
        );
        // The fault is between two entries.
        assert_eq!(error.other_history(), None);
    }
}

/// Between the answer with the org key and the chain, the next rotation comes.
#[test]
fn two_rotations_in_a_row_are_followed() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.client().create("db", "s3cr3t-v@lue").unwrap();
        let client = follower(&acme, &acme.ada, acme.anchor);
        rotate(&acme, &[&acme.ada]);
        let stale = acme.vault.state().account(&acme.ada.client_id).wrap.clone();
        let old = acme.vault.state().secrets["db"].clone();
        rotate(&acme, &[&acme.ada]);
        let id = acme.ada.client_id.clone();
        let mut state = acme.vault.state();
        let newest = std::mem::replace(&mut state.account(&id).wrap, stale);
        let present = std::mem::replace(state.secrets.get_mut("db").unwrap(), old);
        state.before = Some(Box::new(move |state, call| {
            if call == "GET /api/v1/organization/chain" {
                state.account(&id).wrap = newest.clone();
                state.secrets.insert("db".into(), present.clone());
            }
        }));
        drop(state);
        assert_eq!(client.get("db").unwrap(), "s3cr3t-v@lue");
        acme.vault.state().before = None;
    }
}

/// A client that connects gets the old org key, and then the chain with the rotation.
#[test]
fn a_rotation_while_a_client_connects_is_followed() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.client().create("db", "s3cr3t-v@lue").unwrap();
        let old = acme.vault.state().account(&acme.ada.client_id).wrap.clone();
        rotate(&acme, &[&acme.ada]);
        let id = acme.ada.client_id.clone();
        let mut state = acme.vault.state();
        let new = std::mem::replace(&mut state.account(&id).wrap, old);
        state.before = Some(Box::new(move |state, call| {
            if call == "GET /api/v1/organization/chain" {
                state.account(&id).wrap = new.clone();
            }
        }));
        drop(state);
        let client = follower(&acme, &acme.ada, acme.anchor);
        assert_eq!(client.get("db").unwrap(), "s3cr3t-v@lue");
        acme.vault.state().before = None;
    }
}

#[test]
fn a_pinned_org_key_has_to_be_in_the_chain() {
    use helvetisafe::{Client, KeySource};
    let acme = Acme::new(crate::people::Kind::Blocking);
    acme.client().create("db", "s3cr3t-v@lue").unwrap();
    let builder = || {
        let source = KeySource::pem(acme.ada.private_key.to_pkcs8_pem().unwrap().as_bytes());
        Client::builder(crate::people::URL, acme.ada.credentials(), source)
            .transport(acme.vault.clone())
            .org_key_rotation(OrgKeyRotation::follow_chain(acme.anchor))
    };
    let first = acme.vault.state().secrets["db"].clone();
    let first_key = old_key(&acme, &mut acme.vault.state());
    rotate(&acme, &[&acme.ada]);
    // The first key is pinned, and the chain leads from it to the present one.
    let client = builder().pin_org_key(acme.founded.fingerprint).connect();
    let client = client.unwrap();
    assert_eq!(
        client.secrets().get("db").unwrap().expose_secret(),
        "s3cr3t-v@lue"
    );
    // The pinned key, which a former member knows, is not the present one any more.
    let mut state = acme.vault.state();
    wrap(&mut state, &first_key, &[&acme.ada]);
    state.secrets.insert("db".into(), first);
    drop(state);
    let error = client.secrets().get("db").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::OrgKeyRefused);
    assert_eq!(error.refused_org_key(), Some(first_key.fingerprint()));
    let other = OrgKey::generate().unwrap().fingerprint();
    let error = builder().pin_org_key(other).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    assert!(
        error.to_string().contains("never had a pinned org key"),
        "{error}"
    );
    let present = client.org_key_fingerprint();
    assert_eq!(error.chain_without_pins(), Some(present));
}

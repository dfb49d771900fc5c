use helvetisafe_crypto::{OrgKey, PrivateKey};

use super::*;

const PEM: &str = include_str!("../../../helvetisafe-crypto/tests/data/rsa-2048-pkcs8.pem");

/// An org key as from a vault, in bytes that differ each time.
fn given(byte: u8) -> UnconfirmedKey {
    let key = OrgKey::from_bytes(&[byte; 32]);
    let public = PrivateKey::from_pem(PEM).unwrap().public_key();
    let wrapped = public.wrap_org_key(&key).unwrap();
    UnconfirmedKey::new(key, wrapped)
}

fn keys(pins: &[&UnconfirmedKey], first: &UnconfirmedKey) -> OrgKeys {
    let pins = pins.iter().map(|key| key.fingerprint()).collect();
    let policy = OrgKeyPolicy {
        pins,
        ..OrgKeyPolicy::default()
    };
    OrgKeys::accept(policy, first).unwrap()
}

#[test]
fn a_key_in_the_same_bytes_is_not_unwrapped_again() {
    let (first, other) = (given(1), given(2));
    let keys = keys(&[], &first);
    let is_known = |key: &UnconfirmedKey| keys.unwrapped(key.wrapped()).is_some();
    assert!(is_known(&first));
    assert!(!is_known(&other));
    keys.remember_unconfirmed(&other);
    assert!(is_known(&other), "refused, and remembered");
    assert!(!is_known(&given(2)), "other bytes");
}

#[test]
fn the_same_key_in_new_bytes_is_the_current_one() {
    let keys = keys(&[], &given(1));
    let again = given(1);
    assert!(matches!(keys.judge(&again, false), Verdict::Confirm));
    keys.confirm(&again).unwrap();
    assert!(keys.unwrapped(again.wrapped()).is_some());
}

/// The vault gives a key that it has replaced under the number of the present one.
#[test]
fn a_key_keeps_its_number() {
    let key = |byte, epoch| given(byte).in_epoch(Some(epoch));
    let keys = keys(&[&given(1), &given(2)], &key(1, 1));
    let refuses = |key: &UnconfirmedKey| {
        let refused = keys.confirm(key);
        assert!(matches!(refused, Err(Cause::OtherEpoch { known: 1, .. })));
    };
    refuses(&key(1, 2));
    assert_eq!(keys.current().epoch(), Some(1));
    assert!(keys.confirm(&key(1, 1)).unwrap());
    // An earlier key, which is pinned too, has the number of then.
    assert!(keys.confirm(&key(2, 2)).unwrap());
    refuses(&key(1, 2));
    assert_eq!(keys.current().fingerprint(), given(2).fingerprint());
}

#[test]
fn a_key_without_a_number_is_refused_after_one_with_a_number() {
    let key = |epoch| given(1).in_epoch(epoch);
    let keys = keys(&[], &key(None));
    keys.confirm(&key(None)).unwrap();
    keys.confirm(&key(Some(1))).unwrap();
    assert!(matches!(keys.confirm(&key(None)), Err(Cause::NoEpoch)));
    assert_eq!(keys.current().epoch(), Some(1));
    let policy = || OrgKeyPolicy {
        requires_epoch: true,
        ..OrgKeyPolicy::default()
    };
    assert!(matches!(
        OrgKeys::accept(policy(), &key(None)),
        Err(Cause::NoEpoch)
    ));
    assert!(OrgKeys::accept(policy(), &key(Some(1))).is_ok());
    // A ticket has no number, and the vault has to state one before anything is sealed.
    let resumed = OrgKeys::resume(policy(), &key(None));
    assert!(matches!(resumed.confirm(&key(None)), Err(Cause::NoEpoch)));
    assert!(resumed.sealing_key().is_none());
}

/// Two threads follow two branches of the chain at once.
#[cfg(feature = "organization")]
#[test]
fn a_head_is_only_replaced_by_one_of_a_chain_that_contains_it() {
    use helvetisafe_crypto::organization::{Anchor, Chain, ChainError, PublicKeyInfo, SigningKey};

    use crate::error::OrganizationCause;

    let signing_key = SigningKey::generate().unwrap();
    let public_key = PrivateKey::from_pem(PEM).unwrap().public_key();
    let public_key = PublicKeyInfo::try_from(&public_key).unwrap();
    let first = given(0).fingerprint();
    let genesis = Chain::found("acme", 1, &first, "a-1", "ada", &public_key, &signing_key);
    let chain = |numbers: &[u8]| {
        let anchor = Anchor::Head(genesis.head());
        let mut chain = Chain::follow("acme", &anchor, std::slice::from_ref(&genesis)).unwrap();
        for number in numbers {
            let entry = chain.rotate(&given(*number).fingerprint(), &signing_key);
            chain.append(&entry.unwrap()).unwrap();
        }
        chain
    };
    let keys = keys(&[], &given(1));
    keys.confirm_by(&chain(&[1]), &given(1)).unwrap();
    keys.confirm_by(&chain(&[1, 2]), &given(2)).unwrap();
    let head = keys.head();
    let forked = keys.confirm_by(&chain(&[1, 3, 4]), &given(4));
    assert!(matches!(
        forked,
        Err(Cause::Organization(OrganizationCause::Chain(
            ChainError::Fork
        )))
    ));
    // A shorter one proves nothing.
    keys.confirm_by(&chain(&[5]), &given(5)).unwrap();
    assert_eq!(keys.head(), head);
    assert_eq!(keys.current().fingerprint(), given(2).fingerprint());
}

#[test]
fn only_pinned_keys_go_on_opening() {
    let (old, new) = (given(1), given(2));
    for (pins, opens) in [(vec![], false), (vec![&old, &new], true)] {
        let keys = keys(&pins, &old);
        let sealed = keys.current().org_key().seal(b"text").unwrap();
        assert!(match opens {
            true => keys.confirm(&new).unwrap(),
            false => keys.confirm_change(&new, change(&old, &new)).unwrap(),
        });
        assert_eq!(keys.current().fingerprint(), new.fingerprint());
        assert_eq!(keys.try_open(sealed, Purpose::Read).is_ok(), opens);
    }
}

fn change(accepted: &UnconfirmedKey, offered: &UnconfirmedKey) -> OrgKeyChange {
    OrgKeyChange {
        accepted: accepted.fingerprint(),
        time_left: Duration::ZERO,
        offered: offered.fingerprint(),
        offered_epoch: offered.epoch(),
    }
}

/// Two threads ask about two rotations at once. The answer about the first one arrives last.
#[test]
fn a_late_answer_does_not_return_to_an_earlier_key() {
    let (first, second, third) = (given(1), given(2), given(3));
    let keys = keys(&[&first], &first);
    for offered in [&second, &third] {
        let accepted = keys.current().for_opening();
        let asked = change(&accepted, offered);
        assert!(keys.confirm_change(offered, asked).unwrap());
    }
    let late = keys.confirm_change(&second, change(&first, &second));
    assert!(!late.unwrap());
    assert!(!keys.confirm(&first).unwrap(), "not pinned any more");
    assert_eq!(keys.current().fingerprint(), third.fingerprint());
    assert!(matches!(
        keys.refuse(&first),
        Cause::OrgKeyRefused { accepted, .. } if accepted == [third.fingerprint()]
    ));
}

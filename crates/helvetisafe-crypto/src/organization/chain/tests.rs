#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::organization::fixtures::{ADA_KEY, Acme, BOB_KEY, acme, other_fingerprint, verified};

/// A chain with every kind of entry: Bob joins, becomes an administrator, rotates, and removes Ada.
fn life() -> (Acme, SigningKey, Vec<Entry>) {
    let (mut acme, bob) = (acme(), SigningKey::generate().unwrap());
    let request = verified(&acme, Some(bob.verification_key()));
    let mut entries = std::vec![acme.genesis.clone()];
    type Step<'a> = &'a dyn Fn(&Chain) -> Result<Entry, ChainError>;
    let steps: [Step<'_>; 5] = [
        &|chain| chain.confirm(&request, &acme.ada),
        &|chain| chain.add_administrator(&request, &acme.ada),
        &|chain| chain.rotate(&other_fingerprint(), &bob),
        &|chain| chain.remove_administrator("ada", &bob),
        &|chain| chain.disable("ada", &bob),
    ];
    let mut chain = acme.chain.clone();
    for step in steps {
        let entry = step(&chain).unwrap();
        chain.append(&entry).unwrap();
        entries.push(entry);
    }
    acme.chain = chain;
    (acme, bob, entries)
}

fn follow(acme: &Acme, entries: &[Entry]) -> Result<Chain, ChainError> {
    Chain::follow("acme", &Anchor::Key(acme.ada.verification_key()), entries)
}

/// Signs an entry that the chain itself would not make.
fn forge(chain: &Chain, event: Event, key: &SigningKey, change: impl Fn(&mut Content)) -> Entry {
    let mut content = Content {
        organization: chain.organization.clone(),
        sequence: chain.head.sequence + 1,
        previous: chain.head.hash,
        epoch: chain.epoch,
        event,
        keys: chain.administrators.values().copied().collect(),
        signer: key.verification_key(),
    };
    change(&mut content);
    Entry::sign(content, key)
}

fn confirmed(account: &str) -> Event {
    Event::MemberConfirmed {
        account: account.into(),
        public_key_hash: [3; 32],
    }
}

#[test]
fn a_chain_gives_members_administrators_fingerprint_and_epoch() {
    let (acme, bob, entries) = life();
    let chain = follow(&acme, &entries).unwrap();
    assert_eq!(chain, acme.chain);
    assert_eq!((chain.organization(), chain.epoch()), ("acme", 2));
    assert_eq!(chain.fingerprint(), &other_fingerprint());
    assert_eq!(chain.fingerprint_of(1), Some(&acme.org_key.fingerprint()));
    assert_eq!(
        (chain.fingerprint_of(0), chain.fingerprint_of(3)),
        (None, None)
    );
    assert!(chain.has_had(&acme.org_key.fingerprint()) && chain.has_had(&other_fingerprint()));
    assert!(!chain.has_had(&crate::OrgKey::from_bytes(&[8; 32]).fingerprint()));
    assert_eq!(chain.members(), &[("bob".into(), BOB_KEY.hash())].into());
    assert_eq!(
        chain.administrators(),
        &[("bob".into(), bob.verification_key())].into()
    );
    assert_eq!(chain.head(), &entries[5].head());
    assert!(matches!(entries[3].event(), Event::Rotation { .. }));
    assert_eq!(
        (entries[3].epoch(), *entries[3].signer()),
        (2, bob.verification_key())
    );
}

/// A chain may have such an entry, but an administrator makes none: the vault can show the old request again.
#[test]
fn a_disabled_account_is_not_confirmed_again() {
    let (mut acme, bob) = (acme(), SigningKey::generate().unwrap());
    let request = verified(&acme, Some(bob.verification_key()));
    let entry = acme.chain.confirm(&request, &acme.ada).unwrap();
    acme.chain.append(&entry).unwrap();
    let entry = acme.chain.disable("bob", &acme.ada).unwrap();
    acme.chain.append(&entry).unwrap();
    let again = acme.chain.confirm(&request, &acme.ada);
    assert_eq!(again, Err(ChainError::FormerMember));
    let entry = acme.chain.sign(confirmed("bob"), &acme.ada).unwrap();
    assert_eq!(acme.chain.append(&entry), Ok(()));
}

#[test]
fn a_missing_doubled_or_moved_entry_is_refused() {
    let (acme, _, entries) = life();
    for at in 1..5 {
        let mut without = entries.clone();
        without.remove(at);
        assert_eq!(follow(&acme, &without), Err(ChainError::Gap));
        let mut doubled = entries.clone();
        doubled.insert(at, entries[at].clone());
        assert_eq!(follow(&acme, &doubled), Err(ChainError::Gap));
    }
    assert_eq!(follow(&acme, &[]), Err(ChainError::Genesis));
    assert_eq!(follow(&acme, &entries[1..]), Err(ChainError::Genesis));
}

#[test]
fn a_fork_is_refused() {
    let (acme, bob, entries) = life();
    let short = follow(&acme, &entries[..3]).unwrap();
    let branch = short.disable("ada", &bob).unwrap();
    let mut forked = entries.clone();
    forked[3] = branch.clone();
    // The next entry follows the entry that was replaced.
    assert_eq!(follow(&acme, &forked), Err(ChainError::Fork));
    // The branch alone is valid, but not for a client that saw the other one.
    let branch = [&entries[..3], &[branch]].concat();
    assert!(follow(&acme, &branch).is_ok());
    let seen = Anchor::Head(entries[3].head());
    assert_eq!(Chain::follow("acme", &seen, &branch), Err(ChainError::Fork));
}

#[test]
fn a_chain_older_than_the_one_seen_is_refused() {
    let (_, _, entries) = life();
    for seen in 0..6 {
        for length in 1..=6 {
            let anchor = Anchor::Head(entries[seen].head());
            let outcome = Chain::follow("acme", &anchor, &entries[..length]);
            let expected = if seen < length {
                None
            } else {
                Some(ChainError::Older)
            };
            assert_eq!(outcome.err(), expected);
        }
    }
    let far = Head {
        sequence: u64::MAX,
        hash: [0; 32],
    };
    assert_eq!(
        Chain::follow("acme", &Anchor::Head(far), &entries),
        Err(ChainError::Older)
    );
}

/// A vault makes a chain of its own that lists the trusted key as an administrator's.
#[test]
fn a_trusted_key_that_signed_nothing_is_not_enough() {
    let (acme, mallory) = (acme(), SigningKey::generate().unwrap());
    let genesis = Chain::found(
        "acme",
        1,
        &acme.org_key.fingerprint(),
        "ada",
        &ADA_KEY,
        &mallory,
    );
    let anchor = Anchor::Key(mallory.verification_key());
    let chain = Chain::follow("acme", &anchor, std::slice::from_ref(&genesis)).unwrap();
    let confirm = chain.sign(confirmed("bob"), &mallory).unwrap();
    let mut with_bob = chain.clone();
    with_bob.append(&confirm).unwrap();
    let event = Event::AdministratorAdded {
        account: "bob".into(),
        key: acme.ada.verification_key(),
    };
    let added = with_bob.sign(event, &mallory).unwrap();
    let forged = [genesis, confirm, added];
    assert!(Chain::follow("acme", &anchor, &forged).is_ok());
    assert_eq!(follow(&acme, &forged), Err(ChainError::Untrusted));
}

#[test]
fn only_an_administrator_of_that_time_signs() {
    let (acme, bob, entries) = life();
    let mallory = SigningKey::generate().unwrap();
    for (length, key) in [
        (1, &bob),
        (2, &bob),
        (5, &acme.ada),
        (6, &acme.ada),
        (6, &mallory),
    ] {
        let mut chain = follow(&acme, &entries[..length]).unwrap();
        let forged = forge(&chain, confirmed("carol"), key, |_| ());
        let before = chain.clone();
        assert_eq!(chain.append(&forged), Err(ChainError::Signer), "{length}");
        assert_eq!(chain, before);
        assert_eq!(chain.sign(confirmed("carol"), key), Err(ChainError::Signer));
    }
    // Mallory names the signer that she should be.
    let mut chain = acme.chain.clone();
    let forged = forge(&chain, confirmed("carol"), &mallory, |content| {
        content.signer = bob.verification_key();
    });
    assert_eq!(chain.append(&forged), Err(ChainError::Signature));
}

#[test]
fn another_organization_is_refused() {
    let (acme, _, entries) = life();
    let anchor = Anchor::Key(acme.ada.verification_key());
    assert_eq!(
        Chain::follow("other", &anchor, &entries),
        Err(ChainError::Organization)
    );
    let mut chain = acme.chain;
    let forged = forge(&chain, confirmed("carol"), &acme.ada, |content| {
        content.organization = "other".into();
    });
    assert_eq!(chain.append(&forged), Err(ChainError::Organization));
}

#[test]
fn an_epoch_moves_by_one_and_with_a_rotation_alone() {
    let acme = acme();
    let rotation = Event::Rotation {
        fingerprint: other_fingerprint(),
    };
    for (event, good) in [(rotation, 2), (confirmed("bob"), 1)] {
        for epoch in [0, 1, 2, 3, u64::MAX] {
            let entry = forge(&acme.chain, event.clone(), &acme.ada, |content| {
                content.epoch = epoch
            });
            let expected = if epoch == good {
                Ok(())
            } else {
                Err(ChainError::Epoch)
            };
            assert_eq!(acme.chain.clone().append(&entry), expected, "{epoch}");
        }
    }
    let genesis = Chain::found(
        "acme",
        u64::MAX,
        &other_fingerprint(),
        "ada",
        &ADA_KEY,
        &acme.ada,
    );
    let last = follow(&acme, &[genesis]).unwrap();
    let outcome = last.rotate(&acme.org_key.fingerprint(), &acme.ada);
    assert_eq!(outcome, Err(ChainError::Epoch));
}

#[test]
fn a_rotation_to_an_earlier_key_is_refused() {
    let (acme, bob, _) = life();
    for fingerprint in [acme.org_key.fingerprint(), other_fingerprint()] {
        assert_eq!(
            acme.chain.rotate(&fingerprint, &bob),
            Err(ChainError::EarlierKey)
        );
    }
}

#[test]
fn the_listed_keys_are_those_after_the_change() {
    let (acme, bob, entries) = life();
    let mut chain = follow(&acme, &entries[..3]).unwrap();
    let both = [acme.ada.verification_key(), bob.verification_key()];
    for keys in [&[][..], &both[..1], &both[1..]] {
        let entry = forge(&chain, confirmed("carol"), &bob, |content| {
            content.keys = keys.iter().copied().collect();
        });
        assert_eq!(chain.append(&entry), Err(ChainError::Keys));
    }
    // One key for two administrators: which of them would a removal concern?
    let event = Event::AdministratorAdded {
        account: "carol".into(),
        key: both[0],
    };
    let carol = chain.sign(confirmed("carol"), &bob).unwrap();
    chain.append(&carol).unwrap();
    assert_eq!(chain.sign(event, &bob), Err(ChainError::Keys));
}

#[test]
fn a_change_fits_its_account() {
    let (acme, bob, entries) = life();
    let (chain, two) = (&acme.chain, follow(&acme, &entries[..3]).unwrap());
    assert_eq!(chain.disable("ada", &bob), Err(ChainError::Member));
    assert_eq!(
        chain.remove_administrator("carol", &bob),
        Err(ChainError::Member)
    );
    assert_eq!(two.sign(confirmed("bob"), &bob), Err(ChainError::Member));
    let request = verified(&self::acme(), None);
    assert_eq!(
        two.add_administrator(&request, &bob),
        Err(ChainError::NoVerificationKey)
    );
    let key = SigningKey::generate().unwrap().verification_key();
    for (account, expected) in [("bob", ChainError::Member), ("carol", ChainError::Member)] {
        let account = account.into();
        let event = Event::AdministratorAdded { account, key };
        assert_eq!(two.sign(event, &bob), Err(expected));
    }
    let genesis = acme.genesis.event().clone();
    assert_eq!(chain.sign(genesis, &bob), Err(ChainError::Genesis));
}

#[test]
fn the_last_administrator_stays() {
    let (acme, bob, entries) = life();
    let one = follow(&acme, &entries[..1]).unwrap();
    assert_eq!(
        one.disable("ada", &acme.ada),
        Err(ChainError::LastAdministrator)
    );
    assert_eq!(
        one.remove_administrator("ada", &acme.ada),
        Err(ChainError::LastAdministrator)
    );
    // Nor by a forged entry.
    let account = "bob".into();
    let forged = forge(
        &acme.chain,
        Event::MemberDisabled { account },
        &bob,
        |content| content.keys.clear(),
    );
    let mut chain = acme.chain;
    assert_eq!(chain.append(&forged), Err(ChainError::LastAdministrator));
}

#[test]
fn a_genesis_introduces_the_one_key_that_signs_it() {
    let acme = acme();
    let other = SigningKey::generate().unwrap();
    type Change<'a> = &'a dyn Fn(&mut Content);
    let cases: [(Change<'_>, ChainError); 5] = [
        (&|genesis| genesis.sequence = 1, ChainError::Genesis),
        (&|genesis| genesis.previous[0] = 1, ChainError::Genesis),
        (&|genesis| genesis.keys.clear(), ChainError::Keys),
        (
            &|genesis| assert!(genesis.keys.insert(other.verification_key())),
            ChainError::Keys,
        ),
        (
            &|genesis| genesis.signer = other.verification_key(),
            ChainError::Signer,
        ),
    ];
    for (change, expected) in cases {
        let mut content = acme.genesis.content.clone();
        change(&mut content);
        assert_eq!(
            follow(&acme, &[Entry::sign(content, &acme.ada)]),
            Err(expected)
        );
    }
    let unsigned = Entry::sign(acme.genesis.content.clone(), &other);
    assert_eq!(follow(&acme, &[unsigned]), Err(ChainError::Signature));
}

#[test]
fn every_entry_is_read_again() {
    let (_, _, entries) = life();
    for entry in entries {
        let bytes = entry.to_bytes();
        assert_eq!(Entry::from_bytes(&bytes).as_ref(), Ok(&entry));
        for length in 0..bytes.len() {
            assert_eq!(
                Entry::from_bytes(&bytes[..length]),
                Err(ChainError::Malformed)
            );
        }
        let longer = [&bytes[..], &[0; 8]].concat();
        assert_eq!(Entry::from_bytes(&longer), Err(ChainError::Malformed));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_changed_bit_is_refused(entry in 0_usize..6, at: prop::sample::Index, bit in 0_u8..8) {
        let (acme, _, mut entries) = life();
        let mut bytes = entries[entry].to_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        if let Ok(changed) = Entry::from_bytes(&bytes) {
            prop_assert_ne!(changed.head(), entries[entry].head());
            entries[entry] = changed;
            prop_assert!(follow(&acme, &entries).is_err());
        }
    }

    #[test]
    fn any_bytes_are_refused_or_have_one_meaning(bytes: Vec<u8>) {
        if let Ok(entry) = Entry::from_bytes(&bytes) {
            prop_assert_eq!(entry.to_bytes(), bytes);
        }
    }
}

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::organization::encoding;
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

/// The event of an account with its own name and invitation.
fn confirmed(account: &str) -> Event {
    let invitation = encoding::hash("invitation of", account.as_bytes());
    confirmed_as(account, account, invitation)
}

fn confirmed_as(account: &str, name: &str, invitation: [u8; 32]) -> Event {
    Event::MemberConfirmed {
        account: account.into(),
        name: name.into(),
        invitation,
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
    let has_disabled = |entries: &[Entry]| {
        let chain = follow(&acme, entries).unwrap();
        chain.has_disabled_since_rotation()
    };
    assert!(!has_disabled(&entries[..5]) && has_disabled(&entries));
    let rotated = chain
        .rotate(&crate::OrgKey::from_bytes(&[7; 32]).fingerprint(), &bob)
        .unwrap();
    let rotated = [&entries[..], &[rotated]].concat();
    assert!(!has_disabled(&rotated));
    let chain_after = follow(&acme, &rotated).unwrap();
    let since = [0, 4, 5, 6].map(|sequence| chain_after.has_disabled_since(sequence));
    assert_eq!(since, [true, true, false, false]);
    assert!(chain.has_had(&acme.org_key.fingerprint()) && chain.has_had(&other_fingerprint()));
    assert!(!chain.has_had(&crate::OrgKey::from_bytes(&[8; 32]).fingerprint()));
    let member = |name: &str, key: &PublicKeyInfo| ChainMember {
        name: name.into(),
        public_key_hash: key.hash(),
    };
    let (ada, bobs) = (member("Ada", &ADA_KEY), member("bob", &BOB_KEY));
    assert_eq!(chain.members(), &[("bob".into(), bobs)].into());
    assert_eq!(chain.former_members(), &[("ada".into(), ada)].into());
    assert_eq!(
        chain.administrators(),
        &[("bob".into(), bob.verification_key())].into()
    );
    assert_eq!(chain.head(), &entries[5].head());
    let unknown = Head {
        hash: [0; 32],
        ..entries[3].head()
    };
    assert!(entries.iter().all(|entry| chain.contains(&entry.head())));
    assert!(!chain.contains(&unknown));
    let later = Head {
        sequence: 6,
        ..*chain.head()
    };
    assert!(!chain.contains(&later));
    assert!(matches!(entries[3].event(), Event::Rotation { .. }));
    assert_eq!(
        (entries[3].epoch(), *entries[3].signer()),
        (2, bob.verification_key())
    );
}

/// The vault shows the request of a member whose key was stolen again, in place of the one with the new key.
#[test]
fn an_account_is_confirmed_once() {
    let (mut acme, bob) = (acme(), SigningKey::generate().unwrap());
    let request = verified(&acme, Some(bob.verification_key()));
    let entry = acme.chain.confirm(&request, &acme.ada).unwrap();
    acme.chain.append(&entry).unwrap();
    let again = acme.chain.confirm(&request, &acme.ada);
    assert_eq!(again, Err(ChainError::Member));
    let entry = acme.chain.disable("bob", &acme.ada).unwrap();
    acme.chain.append(&entry).unwrap();
    let again = acme.chain.confirm(&request, &acme.ada);
    assert_eq!(again, Err(ChainError::FormerMember));
    refuses(&acme, confirmed("bob"), ChainError::FormerMember);
}

/// Another administrator signs it, or the chain of a client that does not check.
fn refuses(acme: &Acme, event: Event, expected: ChainError) {
    let forged = forge(&acme.chain, event.clone(), &acme.ada, |_| ());
    let mut chain = acme.chain.clone();
    assert_eq!(chain.append(&forged), Err(expected));
    assert_eq!(chain, acme.chain);
    assert_eq!(chain.sign(event, &acme.ada), Err(expected));
}

#[test]
fn an_invitation_is_used_once() {
    let mut acme = acme();
    let request = verified(&acme, None);
    let entry = acme.chain.confirm(&request, &acme.ada).unwrap();
    acme.chain.append(&entry).unwrap();
    let used = *request.invitation();
    assert!(acme.chain.has_used(&used) && !acme.chain.has_used(&[0; 32]));
    let entry = acme.chain.disable("bob", &acme.ada).unwrap();
    acme.chain.append(&entry).unwrap();
    let again = confirmed_as("carol", "carol", used);
    refuses(&acme, again, ChainError::UsedInvitation);
}

#[test]
fn two_members_never_have_one_name() {
    let mut acme = acme();
    refuses(
        &acme,
        confirmed_as("b", "Ada", [5; 32]),
        ChainError::NameTaken,
    );
    let bob = confirmed_as("a-1", "bob", [5; 32]);
    let bob = acme.chain.sign(bob, &acme.ada).unwrap();
    acme.chain.append(&bob).unwrap();
    let other = confirmed_as("a-2", "bob", [6; 32]);
    refuses(&acme, other.clone(), ChainError::NameTaken);
    // A disabled member's name is free.
    let entry = acme.chain.disable("a-1", &acme.ada).unwrap();
    acme.chain.append(&entry).unwrap();
    let other = acme.chain.sign(other, &acme.ada).unwrap();
    assert_eq!(acme.chain.append(&other), Ok(()));
    assert_eq!(acme.chain.members()["a-2"].name, "bob");
    assert_eq!(acme.chain.former_members()["a-1"].name, "bob");
}

#[test]
fn a_name_has_the_limits_of_an_invitation() {
    let acme = acme();
    let (longest, longer) = ("é".repeat(128), "é".repeat(129));
    for name in ["b", "Zoë Müller", "ci/deploy #2", longest.as_str()] {
        assert!(is_name(name), "{name}");
        assert!(
            acme.chain
                .sign(confirmed_as("b", name, [5; 32]), &acme.ada)
                .is_ok()
        );
    }
    for name in [
        "",
        " ",
        " b",
        "b\u{a0}",
        "\u{3000}b",
        "a\nb",
        "a\u{7f}b",
        "\u{1b}[2J",
        &longer,
    ] {
        refuses(&acme, confirmed_as("b", name, [5; 32]), ChainError::Name);
        let fingerprint = acme.org_key.fingerprint();
        let genesis = Chain::found("acme", 1, &fingerprint, "ada", name, &ADA_KEY, &acme.ada);
        assert_eq!(follow(&acme, &[genesis]), Err(ChainError::Name), "{name:?}");
    }
}

#[test]
fn an_entry_alone_shows_who_signed_it() {
    let (acme, bob, entries) = life();
    let (ada, bob) = (acme.ada.verification_key(), bob.verification_key());
    for (entry, (signer, other)) in entries
        .iter()
        .zip([(ada, bob); 3].into_iter().chain([(bob, ada); 3]))
    {
        assert!(entry.is_signed_by(&signer) && !entry.is_signed_by(&other));
        let mut changed = entry.clone();
        changed.content.epoch += 1;
        assert!(!changed.is_signed_by(&signer));
        let mut claimed = entry.clone();
        claimed.content.signer = other;
        assert!(!claimed.is_signed_by(&signer) && !claimed.is_signed_by(&other));
    }
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
        "Ada",
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
        "Ada",
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

    /// A few accounts, names and invitations, each of which may come again.
    #[test]
    fn a_member_is_new_in_all_respects(steps in prop::collection::vec((0_u8..4, 0_u8..4, 0_u8..6, any::<bool>()), 0..24)) {
        let acme = acme();
        let mut chain = acme.chain.clone();
        let (mut had, mut used) = (std::vec![], std::vec![]);
        let mut present: Vec<(u8, u8)> = std::vec![];
        for (account, name, invitation, is_confirmed) in steps {
            let text = |number: u8| std::format!("member {number}");
            if !is_confirmed {
                let expected = present.iter().any(|(it, _)| *it == account);
                let entry = chain.disable(&text(account), &acme.ada);
                prop_assert_eq!(entry.is_ok(), expected);
                if let Ok(entry) = entry {
                    chain.append(&entry).unwrap();
                    present.retain(|(it, _)| *it != account);
                }
                continue;
            }
            let event = confirmed_as(&text(account), &text(name), [invitation; 32]);
            let entry = forge(&chain, event, &acme.ada, |_| ());
            let is_new = !had.contains(&account) && !used.contains(&invitation);
            let is_new = is_new && !present.iter().any(|(_, it)| *it == name);
            prop_assert_eq!(chain.append(&entry).is_ok(), is_new);
            if is_new {
                had.push(account);
                used.push(invitation);
                present.push((account, name));
            }
        }
        prop_assert_eq!(chain.members().len(), present.len() + 1);
    }

    #[test]
    fn any_bytes_are_refused_or_have_one_meaning(bytes: Vec<u8>) {
        if let Ok(entry) = Entry::from_bytes(&bytes) {
            prop_assert_eq!(entry.to_bytes(), bytes);
        }
    }
}

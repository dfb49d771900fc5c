//! «Gives its own org key, so that later writes are readable.»

use helvetisafe::ErrorKind;
use helvetisafe_crypto::{Envelope, OrgKey};
use helvetisafe_server::faults::{Fault, Route};

use crate::world::World;

/// The key that the attacker knows.
fn attackers() -> OrgKey {
    OrgKey::from_bytes(&[6; 32])
}

fn replacing(world: &World) {
    let fault = Fault::other_org_key(&world.account, &attackers()).unwrap();
    world.faults.on(Route::OrgKey).then(fault);
}

/// What the attacker reads of the secrets that the vault has.
fn readable(world: &World) -> Vec<String> {
    let stored = world.vault.stored_secrets(&world.organization).unwrap();
    let open = |value: &str, nonce: &str| {
        let opened = attackers()
            .open(Envelope::decode(value, nonce).unwrap())
            .ok()?;
        String::from_utf8(opened.to_vec()).ok()
    };
    stored
        .iter()
        .filter_map(|secret| open(&secret.value, &secret.nonce))
        .collect()
}

#[test]
fn an_own_org_key_is_refused_with_pin_org_key() {
    let world = World::new();
    let pin = world.client().org_key_fingerprint();
    replacing(&world);
    let error = world.builder().pin_org_key(pin).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    assert_eq!(error.refused_org_key(), Some(attackers().fingerprint()));
    assert!(world.faults.writes().is_empty());
}

#[test]
fn an_own_org_key_succeeds_without_pin_org_key_but_has_another_fingerprint() {
    let world = World::new();
    let honest = world.client().org_key_fingerprint();
    replacing(&world);
    let client = world.client();
    client
        .secrets()
        .create("a", "the launch code", None)
        .unwrap();
    let [read] = &readable(&world)[..] else {
        panic!("one secret");
    };
    assert!(read.contains("the launch code"), "the attacker reads it");
    assert_ne!(client.org_key_fingerprint(), honest);
}

/// When a secret does not open, the client reads the org key again; that is no way in either.
#[test]
fn a_pinned_org_key_is_not_replaced_when_a_secret_does_not_open() {
    let world = World::new();
    let pin = world.client().org_key_fingerprint();
    let pinned = world.builder().pin_org_key(pin).connect().unwrap();
    replacing(&world);
    world
        .client()
        .secrets()
        .create("a", "under the attacker's key", None)
        .unwrap();
    assert_eq!(
        pinned.secrets().get("a").unwrap_err().kind(),
        ErrorKind::Crypto
    );
    assert_eq!(pinned.org_key_fingerprint(), pin);
    pinned.secrets().create("b", "still safe", None).unwrap();
    assert!(!readable(&world).concat().contains("still safe"));
}

#[test]
fn without_a_pin_a_secret_under_the_attackers_key_replaces_it() {
    let world = World::new();
    let unsuspecting = world.client();
    replacing(&world);
    world.client().secrets().create("a", "bait", None).unwrap();
    assert_eq!(
        unsuspecting.secrets().get("a").unwrap().expose_secret(),
        "bait"
    );
    unsuspecting.secrets().create("b", "caught", None).unwrap();
    assert!(readable(&world).concat().contains("caught"));
}

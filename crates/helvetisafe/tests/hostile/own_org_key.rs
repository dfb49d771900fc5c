//! «Gives its own org key, so that later writes are readable», at connect and between two calls.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use helvetisafe::{Client, Error, ErrorKind, Expiry, Fingerprint, OrgKeyRotation};
use helvetisafe_crypto::{Envelope, OrgKey, Payload};
use helvetisafe_server::faults::{Fault, Route, Verb};

use crate::world::World;

/// The attacker's org key.
fn attackers() -> OrgKey {
    OrgKey::from_bytes(&[6; 32])
}

/// From now on the vault returns the attacker's org key.
fn replacing(world: &World) {
    let fault = Fault::other_org_key(&world.account, &attackers()).unwrap();
    world.faults.on(Route::OrgKey).then(fault);
}

/// From now on the vault also returns the attacker's envelope for `bait`.
fn turning(world: &World) {
    replacing(world);
    let forged = Fault::forged(&attackers(), &Payload::encode("bait", "the attacker's"));
    world.faults.on(Verb::Read.of("bait")).then(forged.unwrap());
}

/// A vault that returned the honest key at connect, and returns its own key now.
fn turned(builder: impl FnOnce(&World) -> Client) -> (World, Client) {
    let world = World::new();
    let client = builder(&world);
    turning(&world);
    (world, client)
}

/// The stored values that the attacker can decrypt.
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

fn assert_refused(error: &Error, accepted: &[Fingerprint]) {
    assert_eq!(error.kind(), ErrorKind::OrgKeyRefused, "{error}");
    assert_eq!(error.refused_org_key(), Some(attackers().fingerprint()));
    assert_eq!(error.accepted_org_keys(), accepted);
    assert!(!error.is_retryable());
    let text = error.to_string();
    for fingerprint in [accepted[0], attackers().fingerprint()] {
        assert!(text.contains(&fingerprint.to_string()), "{text}");
    }
}

#[test]
fn an_own_org_key_is_refused_with_pin_org_key() {
    let world = World::new();
    let pin = world.client().org_key_fingerprint();
    replacing(&world);
    let error = world.builder().pin_org_key(pin).connect().unwrap_err();
    assert_refused(&error, &[pin]);
    assert!(world.faults.writes().is_empty());
}

#[test]
fn an_own_org_key_at_first_contact_succeeds_without_a_pin_but_has_another_fingerprint() {
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

#[test]
fn an_own_org_key_between_two_calls_opens_nothing_and_seals_nothing() {
    let (world, client) = turned(World::client);
    let honest = client.org_key_fingerprint();
    let secrets = client.secrets();
    secrets.create("mine", "still safe", None).unwrap();
    let bait = ["bait", "mine"];
    let outcomes = secrets.get_many(bait);
    assert_eq!(outcomes[1].as_ref().unwrap().expose_secret(), "still safe");
    for error in [
        outcomes[0].as_ref().unwrap_err(),
        &secrets.get("bait").unwrap_err(),
        &secrets.get_field("bait", "bait").unwrap_err(),
        &secrets.copy("bait", "copied").unwrap_err(),
        &secrets.copy_over("bait", "mine").unwrap_err(),
        &secrets
            .set_field("bait", "field", "value", Expiry::Keep)
            .unwrap_err(),
    ] {
        assert_refused(error, &[honest]);
    }
    secrets.put("mine", "safe again", None).unwrap();
    secrets.create("more", "safe too", None).unwrap();
    assert_eq!(client.org_key_fingerprint(), honest);
    assert_eq!(readable(&world), [""; 0]);
}

#[test]
fn a_pinned_client_refuses_a_changed_org_key() {
    let world = World::new();
    let pin = world.client().org_key_fingerprint();
    let pinned = world.builder().pin_org_key(pin).connect().unwrap();
    turning(&world);
    assert_refused(&pinned.secrets().get("bait").unwrap_err(), &[pin]);
}

#[test]
fn following_for_reading_opens_and_never_seals() {
    let follow = |world: &World| {
        let builder = world.builder();
        let rotation = OrgKeyRotation::follow_for_reading();
        builder.org_key_rotation(rotation).connect().unwrap()
    };
    let (world, client) = turned(follow);
    let honest = client.org_key_fingerprint();
    let secrets = client.secrets();
    for _ in 0..2 {
        let bait = secrets.get("bait").unwrap();
        assert_eq!(bait.expose_secret(), "the attacker's");
    }
    secrets.create("mine", "still safe", None).unwrap();
    assert_eq!(secrets.get("mine").unwrap().expose_secret(), "still safe");
    // The attacker's value is not sealed under the user's key.
    for error in [
        secrets.copy("bait", "copied").unwrap_err(),
        secrets.copy_over("bait", "mine").unwrap_err(),
        secrets
            .set_field("bait", "field", "value", Expiry::Keep)
            .unwrap_err(),
    ] {
        assert_refused(&error, &[honest]);
    }
    assert_eq!(
        secrets.get("bait").unwrap().expose_secret(),
        "the attacker's"
    );
    assert_eq!(client.org_key_fingerprint(), honest);
    assert_eq!(readable(&world), [""; 0]);
}

#[test]
fn the_application_decides_about_a_changed_org_key() {
    let is_trusted = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicUsize::new(0));
    let (trusts, count) = (Arc::clone(&is_trusted), Arc::clone(&asked));
    let (_world, client) = turned(|world| {
        let honest = world.client().org_key_fingerprint();
        let rotation = OrgKeyRotation::ask(move |change| {
            assert_eq!(change.accepted(), honest);
            assert_eq!(change.offered(), attackers().fingerprint());
            count.fetch_add(1, Ordering::SeqCst);
            trusts.load(Ordering::SeqCst)
        });
        world
            .builder()
            .org_key_rotation(rotation)
            .connect()
            .unwrap()
    });
    let honest = client.org_key_fingerprint();
    let secrets = client.secrets();
    secrets.create("old", "under the old key", None).unwrap();
    for _ in 0..2 {
        assert_refused(&secrets.get("bait").unwrap_err(), &[honest]);
    }
    is_trusted.store(true, Ordering::SeqCst);
    assert_eq!(
        secrets.get("bait").unwrap().expose_secret(),
        "the attacker's"
    );
    secrets.get("bait").unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3, "not once it is confirmed");
    assert_eq!(client.org_key_fingerprint(), attackers().fingerprint());
    // The old key is no longer accepted: it may have been replaced because it was stolen.
    assert_eq!(
        secrets.get("old").unwrap_err().kind(),
        ErrorKind::Crypto,
        "the vault's key is the client's, so it is the secret that does not open"
    );
}

/// After two confirmed changes the vault returns to the key at the start, which is pinned and a former member knows.
#[test]
fn a_key_that_the_application_confirmed_replaces_the_pinned_one() {
    let world = World::new();
    let start = world.client().org_key_fingerprint();
    let accepts = Arc::new(AtomicBool::new(true));
    let trusts = Arc::clone(&accepts);
    let rotation = OrgKeyRotation::ask(move |_| trusts.load(Ordering::SeqCst));
    let builder = world.builder().pin_org_key(start);
    let client = builder.org_key_rotation(rotation).connect().unwrap();
    let secrets = client.secrets();
    secrets.create("old", "under the first key", None).unwrap();
    let keys = [7, 8].map(|byte| OrgKey::from_bytes(&[byte; 32]));
    for key in &keys {
        world.faults.clear();
        let fault = Fault::other_org_key(&world.account, key).unwrap();
        world.faults.on(Route::OrgKey).then(fault);
        let sealed = Fault::forged(key, &Payload::encode("now", "rotated")).unwrap();
        world.faults.on(Verb::Read.of("now")).then(sealed);
        assert_eq!(secrets.get("now").unwrap().expose_secret(), "rotated");
    }
    world.faults.clear();
    accepts.store(false, Ordering::SeqCst);
    for _ in 0..2 {
        let error = secrets.get("old").unwrap_err();
        assert_eq!(error.refused_org_key(), Some(start), "{error}");
        assert_eq!(error.accepted_org_keys(), [keys[1].fingerprint()]);
    }
    assert_eq!(client.org_key_fingerprint(), keys[1].fingerprint());
    // The application may return to it.
    accepts.store(true, Ordering::SeqCst);
    secrets.get("old").unwrap();
    assert_eq!(client.org_key_fingerprint(), start);
}

#[test]
fn several_pins_announce_a_rotation() {
    let world = World::new();
    let honest = world.client().org_key_fingerprint();
    let pins = [attackers().fingerprint(), honest];
    let client = world.builder().pin_org_keys(pins).connect().unwrap();
    client.secrets().create("old", "before", None).unwrap();
    turning(&world);
    assert_eq!(
        client.secrets().get("bait").unwrap().expose_secret(),
        "the attacker's"
    );
    assert_eq!(client.org_key_fingerprint(), attackers().fingerprint());
    // Not all secrets are rewritten at the same moment.
    assert_eq!(
        client.secrets().get("old").unwrap().expose_secret(),
        "before"
    );
    client.secrets().create("new", "after", None).unwrap();
    assert!(readable(&world).concat().contains("after"), "it seals now");
    world.faults.clear();
    let other = OrgKey::from_bytes(&[7; 32]);
    let fault = Fault::other_org_key(&world.account, &other).unwrap();
    world.faults.on(Route::OrgKey).then(fault);
    let forged = Fault::forged(&other, &Payload::encode("bait", "x")).unwrap();
    world.faults.on(Verb::Read.of("bait")).then(forged);
    let error = client.secrets().get("bait").unwrap_err();
    assert_eq!(error.refused_org_key(), Some(other.fingerprint()));
    assert_eq!(error.accepted_org_keys().len(), 2);
}

/// A client with a cache reads in a separate task.
#[test]
fn a_cached_value_is_not_replaced_by_the_attackers() {
    let cached = |world: &World| {
        let builder = world.builder();
        let policy = helvetisafe::CachePolicy::new(std::time::Duration::ZERO);
        builder.cache(policy).connect().unwrap()
    };
    let (_world, client) = turned(cached);
    let honest = client.org_key_fingerprint();
    assert_refused(&client.secrets().get("bait").unwrap_err(), &[honest]);
}

#[tokio::test]
async fn the_asynchronous_client_refuses_a_changed_org_key() {
    let world = World::new();
    let is_trusted = Arc::new(AtomicBool::new(false));
    let trusts = Arc::clone(&is_trusted);
    let rotation = OrgKeyRotation::ask(move |_| trusts.load(Ordering::SeqCst));
    let refusing = world.async_builder().connect().await.unwrap();
    let asking = world.async_builder().org_key_rotation(rotation);
    let asking = asking.connect().await.unwrap();
    let honest = refusing.org_key_fingerprint();
    turning(&world);
    for client in [&refusing, &asking] {
        assert_refused(&client.secrets().get("bait").await.unwrap_err(), &[honest]);
        client.secrets().create("mine", "safe", None).await.unwrap();
        client.secrets().delete("mine").await.unwrap();
    }
    is_trusted.store(true, Ordering::SeqCst);
    asking.secrets().get("bait").await.unwrap();
    assert_refused(
        &refusing.secrets().get("bait").await.unwrap_err(),
        &[honest],
    );
    assert_eq!(readable(&world), [""; 0]);
}

/// A client with a ticket sends nothing to connect, so the vault turns before it sees the client.
#[test]
fn a_client_with_a_ticket_opens_nothing_and_seals_nothing_under_an_own_org_key() {
    let world = World::new();
    let first = world.client();
    first.secrets().create("mine", "still safe", None).unwrap();
    let ticket = first.resumption_ticket().unwrap().unwrap();
    let honest = first.org_key_fingerprint();
    turning(&world);
    let resumed = world.builder().resume(&ticket).prefetch(["bait", "mine"]);
    let client = resumed.connect().unwrap();
    assert_eq!(client.org_key_fingerprint(), honest);
    let secrets = client.secrets();
    assert_eq!(secrets.get("mine").unwrap().expose_secret(), "still safe");
    for error in [
        secrets.get("bait").unwrap_err(),
        secrets.create("new", "a secret", None).unwrap_err(),
        secrets.put("mine", "a secret", None).unwrap_err(),
        secrets.copy("mine", "copied").unwrap_err(),
        secrets.copy("bait", "copied").unwrap_err(),
    ] {
        assert_refused(&error, &[honest]);
    }
    assert_eq!(readable(&world), [""; 0]);
    // The honest key is back: the client seals under it.
    world.faults.clear();
    secrets.put("mine", "safe again", None).unwrap();
    assert_eq!(secrets.get("mine").unwrap().expose_secret(), "safe again");
    assert_eq!(readable(&world), [""; 0]);
}

#[tokio::test]
async fn the_asynchronous_client_with_a_ticket_seals_nothing_under_an_own_org_key() {
    let world = World::new();
    let first = world.async_builder().connect().await.unwrap();
    let ticket = first.resumption_ticket().unwrap().unwrap();
    let honest = first.org_key_fingerprint();
    turning(&world);
    let client = world
        .async_builder()
        .resume(&ticket)
        .connect()
        .await
        .unwrap();
    let secrets = client.secrets();
    let items: Vec<_> = ["a", "b", "c", "d"].map(|key| (key, "value")).into();
    for outcome in secrets.put_many(&items).await {
        assert_refused(&outcome.unwrap_err(), &[honest]);
    }
    assert_refused(&secrets.get("bait").await.unwrap_err(), &[honest]);
    assert_eq!(readable(&world), [""; 0]);
    world.faults.clear();
    let before = world.faults.count(Route::OrgKey);
    for outcome in secrets.put_many(&items).await {
        outcome.unwrap();
    }
    assert_eq!(
        world.faults.count(Route::OrgKey) - before,
        1,
        "compared once for all"
    );
}

//! «Gives secret B's ciphertext for A.»

use helvetisafe::ErrorKind;
use helvetisafe_server::faults::{Fault, KeyName, Part, Route, Verb, Version};

use crate::world::World;

/// A world with the secrets `admin` and `guest`, whose vault gives each for the other.
fn swapping() -> World {
    let world = World::new();
    let client = world.client();
    for key in ["admin", "guest"] {
        client
            .secrets()
            .create(key, &format!("of {key}"), None)
            .unwrap();
    }
    for (key, other) in [("admin", "guest"), ("guest", "admin")] {
        let other = KeyName::parse(other).unwrap();
        world
            .faults
            .on(Verb::Read.of(key))
            .then(Fault::ciphertext_of(other));
    }
    world
}

#[test]
fn a_swap_is_refused_with_require_binding() {
    let world = swapping();
    let client = world.builder().require_binding(true).connect().unwrap();
    for (key, other) in [("admin", "of guest"), ("guest", "of admin")] {
        let error = client.secrets().get(key).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(!format!("{error} {error:?}").contains(other), "{error:?}");
    }
    world.faults.clear();
    assert_eq!(
        client.secrets().get("admin").unwrap().expose_secret(),
        "of admin"
    );
}

#[test]
fn a_swap_succeeds_without_require_binding_but_is_not_bound() {
    let world = swapping();
    let client = world.client();
    let swapped = client.secrets().get("admin").unwrap();
    assert!(
        swapped.expose_secret().contains("of guest"),
        "it was taken in"
    );
    assert!(!swapped.is_bound());
    world.faults.clear();
    assert!(client.secrets().get("admin").unwrap().is_bound());
}

#[test]
fn a_changed_secret_does_not_open() {
    let world = World::new();
    let client = world.client();
    client.secrets().create("a", "v", None).unwrap();
    for part in [Part::Ciphertext, Part::Tag, Part::Nonce] {
        world.faults.clear();
        world.faults.on(Route::Read).then(Fault::flip_bit_of(part));
        let error = client.secrets().get("a").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto, "{part:?}");
    }
}

/// The envelope tells no age: this one is a limit that the threat model names, and no defence.
#[test]
fn an_old_version_cannot_be_told_from_the_current_one() {
    let world = World::new();
    let client = world.client();
    client.secrets().create("a", "old", None).unwrap();
    client.secrets().put("a", "new", None).unwrap();
    world
        .faults
        .on(Route::Read)
        .then(Fault::replay(Version::Previous));
    let strict = world.builder().require_binding(true).connect().unwrap();
    assert_eq!(strict.secrets().get("a").unwrap().expose_secret(), "old");
}

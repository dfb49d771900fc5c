//! «Gives secret B's ciphertext for A.»

use helvetisafe::{ClientBuilder, Error, ErrorKind, Expiry};
use helvetisafe_server::faults::{Fault, KeyName, Part, Route, Verb, Version};

use crate::world::World;

/// A world with the secrets `admin` and `guest`, whose vault swaps them.
fn swapping() -> World {
    let world = World::new();
    let client = world.client();
    for key in ["admin", "guest"] {
        client
            .secrets()
            .create(key, format!("of {key}"), None)
            .unwrap();
    }
    swap(&world, "admin", "guest");
    swap(&world, "guest", "admin");
    world
}

/// From now on the vault returns `other` for `key`.
fn swap(world: &World, key: &str, other: &str) {
    let fault = Fault::ciphertext_of(KeyName::parse(other).unwrap());
    world.faults.on(Verb::Read.of(key)).then(fault);
}

fn assert_refused(error: &Error, names: &str) {
    assert_eq!(error.kind(), ErrorKind::Crypto, "{error}");
    assert_eq!(error.named_key().map(AsRef::as_ref), Some(names), "{error}");
    assert!(error.to_string().contains(&format!("`{names}`")), "{error}");
    assert!(
        !format!("{error} {error:?}").contains("of guest"),
        "{error}"
    );
}

#[test]
fn a_swap_is_refused_by_every_read_by_default() {
    let world = swapping();
    let client = world.client();
    let secrets = client.secrets();
    let cached = world.builder().cache(helvetisafe::CachePolicy::new(
        std::time::Duration::from_secs(60),
    ));
    let cached = cached.connect().unwrap();
    for error in [
        secrets.get("admin").unwrap_err(),
        secrets.get_many(["admin"]).remove(0).unwrap_err(),
        cached.secrets().get("admin").unwrap_err(),
        cached.secrets().get("admin").unwrap_err(),
        secrets.copy("admin", "copy").unwrap_err(),
        secrets.copy_over("admin", "copy").unwrap_err(),
        secrets.get_field("admin", "password").unwrap_err(),
        secrets
            .set_field("admin", "password", "x", Expiry::Keep)
            .unwrap_err(),
    ] {
        assert_refused(&error, "guest");
    }
    for outcome in secrets.get_all().unwrap() {
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Crypto);
    }
    assert!(!secrets.exists("copy").unwrap());
    world.faults.clear();
    assert_eq!(secrets.get("admin").unwrap().expose_secret(), "of admin");
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
}

#[test]
fn a_swap_succeeds_with_allow_unbound_but_is_not_bound() {
    let world = swapping();
    let client = world.builder().allow_unbound(true).connect().unwrap();
    let swapped = client.secrets().get("admin").unwrap();
    assert!(
        swapped.expose_secret().contains("of guest"),
        "it was taken in"
    );
    assert!(!swapped.is_bound());
    world.faults.clear();
    assert!(client.secrets().get("admin").unwrap().is_bound());
}

/// A secret with one field, as the portal makes them, looks like a swap unless its field is named.
#[test]
fn a_one_field_secret_is_read_by_the_name_of_its_field() {
    let world = World::new();
    let client = world.client();
    let secrets = client.secrets();
    let fields = [("DB_PASS", "s3cret")];
    secrets.create_fields("DATABASE", &fields, None).unwrap();
    assert_refused(&secrets.get("DATABASE").unwrap_err(), "DB_PASS");
    let read = secrets.get_field("DATABASE", "DB_PASS").unwrap();
    assert_eq!(helvetisafe::ExposeSecret::expose_secret(&read), "s3cret");
    let whole = secrets.get_with_fields("DATABASE", &["DB_HOST", "DB_PASS"]);
    assert_eq!(whole.unwrap().fields().len(), 1);
    secrets
        .set_field("DATABASE", "DB_PASS", "new", Expiry::Keep)
        .unwrap();
    secrets
        .create_fields("TWO", &[("A", "1"), ("B", "2")], None)
        .unwrap();
    assert_eq!(secrets.get("TWO").unwrap().fields().len(), 2);
    let error = secrets.get_field("TWO", "C").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("has no field `C`"), "{error}");
}

#[test]
fn an_unbound_value_is_refused_only_with_require_binding() {
    let world = World::new();
    let client = world.client();
    let fields = [("HOST", "h"), ("PASS", "p")];
    client
        .secrets()
        .create_fields("many", &fields, None)
        .unwrap();
    assert!(client.secrets().get("many").is_ok());
    let strict = |builder: ClientBuilder| builder.require_binding(true).connect().unwrap();
    let error = strict(world.builder()).secrets().get("many").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    let error = strict(world.builder()).secrets().get_field("many", "HOST");
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Crypto);
}

/// A field can have the name of another secret, so its presence proves nothing.
#[test]
fn a_field_named_like_the_key_does_not_bind() {
    let world = World::new();
    let client = world.client();
    client
        .secrets()
        .create("admin", "the true one", None)
        .unwrap();
    let fields = [("admin", "of staging"), ("host", "h")];
    client
        .secrets()
        .create_fields("staging", &fields, None)
        .unwrap();
    swap(&world, "admin", "staging");
    let strict = world.builder().require_binding(true).connect().unwrap();
    let error = strict.secrets().get("admin").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Crypto);
    assert!(!client.secrets().get("admin").unwrap().is_bound());
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

/// An envelope has no age. The threat model names this limit; nothing defends against it.
#[test]
fn an_old_version_looks_like_the_current_one() {
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

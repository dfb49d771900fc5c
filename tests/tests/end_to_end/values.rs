//! Any text is stored and read unchanged.

use std::sync::LazyLock;
use std::thread;

use helvetisafe::{Client, Expiry};
use helvetisafe_crypto::{Envelope, Payload};
use helvetisafe_tests::{World, raw};
use proptest::prelude::*;

const MIB: usize = 1 << 20;

/// One vault and one client for all cases.
static SHARED: LazyLock<(World, Client)> = LazyLock::new(|| {
    let world = World::new();
    let client = world.client();
    (world, client)
});

/// Texts with many characters that are special in JSON, C, shells or Unicode.
fn text(length: usize) -> impl Strategy<Value = String> {
    let special = prop::sample::select(
        "\0\u{1}\t\n\r\u{1b}\u{7f}\"'\\/{}[]:,$`%&<>=é\u{301}\u{feff}\u{2028}\u{d7ff}\u{e000}\u{fffe}\u{ffff}🔐\u{10ffff}"
            .chars()
            .collect::<Vec<_>>(),
    );
    let character = prop_oneof![special, any::<char>(), proptest::char::range(' ', '~')];
    prop::collection::vec(character, 0..length)
        .prop_map(|characters| characters.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn any_text_comes_back_from_the_vault(value in text(300), other in text(30)) {
        let (_, client) = &*SHARED;
        let secrets = client.secrets();
        secrets.put("any_text", &value, None).unwrap();
        let read = secrets.get("any_text").unwrap();
        prop_assert_eq!(read.expose_secret(), &value);
        secrets.update("any_text", &other, Expiry::Keep).unwrap();
        let read = secrets.get("any_text").unwrap();
        prop_assert_eq!(read.expose_secret(), &other);
    }

    #[test]
    fn any_fields_come_back(names in prop::collection::btree_set(text(10), 2..5), value in text(50)) {
        let (world, client) = &*SHARED;
        let fields: Vec<_> = names.iter().map(|name| (name.as_str(), value.as_str())).collect();
        let plaintext = Payload::encode_fields(&fields);
        let _ = client.secrets().delete("fields");
        raw::create(world.vault.base_url(), &world.member, "fields", &plaintext);

        let read = client.secrets().get("fields").unwrap();
        prop_assert!(!read.is_bound());
        let read: Vec<_> = read.fields().iter().map(|f| (f.name(), f.expose_secret())).collect();
        prop_assert_eq!(read, fields);
    }
}

#[test]
fn special_texts_come_back() {
    let world = World::new();
    let client = world.client();
    for value in [
        "",
        "\0",
        "a\0b\0",
        "\"",
        "\\",
        "'; DROP TABLE secrets; --",
        "line\nline\r\nline\r",
        "{}",
        r#"{"value": "of another form"}"#,
        r#"{"special": "itself"}"#,
        "null",
        " leading and trailing ",
        "Grüezi, Zürich – 東京 שלום",
        "🔐👩‍👩‍👧",
        "\u{feff}byte order mark",
        "\u{10ffff}\u{fffd}\u{2028}",
    ] {
        client.secrets().put("special", value, None).unwrap();
        let read = client.secrets().get("special").unwrap();
        assert_eq!(read.expose_secret(), value);
        assert!(read.is_bound() && read.fields().is_empty());
    }
}

#[test]
fn a_mebibyte_comes_back() {
    let world = World::new();
    let client = world.client();
    for unit in ["a", "é", "🔐"] {
        let value = unit.repeat(MIB / unit.len());
        assert_eq!(value.len(), MIB);
        client.secrets().put("large", &value, None).unwrap();
        assert!(client.secrets().get("large").unwrap().expose_secret() == value);
    }
}

#[test]
fn multi_field_and_legacy_secrets_are_read() {
    let world = World::new();
    let client = world.client();
    let fields = Payload::encode_fields(&[("DB_HOST", "db.example"), ("DB_PASS", "p\"ä\0")]);
    for (key, plaintext) in [
        ("fields", &fields[..]),
        ("legacy", b"plain, no JSON"),
        ("empty", b""),
    ] {
        raw::create(world.vault.base_url(), &world.member, key, plaintext);
    }
    let read = client.secrets().get("fields").unwrap();
    assert_eq!(read.expose_secret().as_bytes(), &fields[..]);
    assert_eq!(read.field("DB_PASS").unwrap().expose_secret(), "p\"ä\0");
    assert_eq!(
        client.secrets().get("legacy").unwrap().expose_secret(),
        "plain, no JSON"
    );
    assert_eq!(client.secrets().get("empty").unwrap().expose_secret(), "");
}

#[test]
fn a_sealed_value_is_a_json_object_of_name_and_value() {
    let world = World::new();
    world
        .client()
        .secrets()
        .create("my_key", "s3cr3t", None)
        .unwrap();
    let record = raw::read(world.vault.base_url(), &world.member, "my_key");
    let org_key = raw::org_key(world.vault.base_url(), &world.member);
    let envelope = Envelope::decode(&record.value, &record.nonce).unwrap();
    let plaintext: serde_json::Value =
        serde_json::from_slice(&org_key.open(envelope).unwrap()).unwrap();
    assert_eq!(plaintext, serde_json::json!({ "my_key": "s3cr3t" }));
}

#[test]
fn threads_can_share_a_client() {
    let world = World::new();
    let client = world.client();
    thread::scope(|scope| {
        for thread in 0..4 {
            let client = client.clone();
            scope.spawn(move || {
                for round in 0..10 {
                    let (key, value) = (format!("key_{thread}"), format!("{thread} {round}"));
                    client.secrets().put(&key, &value, None).unwrap();
                    assert_eq!(client.secrets().get(&key).unwrap().expose_secret(), value);
                }
            });
        }
    });
    assert_eq!(client.secrets().list().unwrap().len(), 4);
}

//! Secrets whose value is bytes.

use helvetisafe::{ErrorKind, Expiry, ExposeSecret, SecretStore};
use helvetisafe_test_support::World;

#[test]
fn bytes_are_stored_as_base64_text_and_come_back() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let bytes: Vec<u8> = (0..=255).collect();
    secrets.create_bytes("a", &bytes, None).unwrap();
    assert_eq!(secrets.get_bytes("a").unwrap().expose_secret(), bytes);
    assert!(
        secrets
            .get("a")
            .unwrap()
            .expose_secret()
            .starts_with("AAECAwQF")
    );
    secrets.update_bytes("a", [0, 255], None).unwrap();
    assert_eq!(secrets.get("a").unwrap().expose_secret(), "AP8=");
    secrets.put_bytes("b", b"", None).unwrap();
    assert!(secrets.get_bytes("b").unwrap().expose_secret().is_empty());

    // As the command `base64` breaks its lines.
    secrets.put("a", "AP\n8=\n", None).unwrap();
    assert_eq!(secrets.get_bytes("a").unwrap().expose_secret(), [0, 255]);
}

/// Readers of a member that occurs twice take one of its values, and a secret without fields reads as a single value.
#[test]
fn fields_that_a_reader_would_lose_are_not_written() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let memory = helvetisafe::MemoryStore::default();
    let stores: [&dyn SecretStore; 2] = [&client, &memory];
    for (fields, name) in [
        (&[("a", "s3cr3t"), ("b", "2"), ("a", "3")][..], "`a`"),
        (&[], "the list of fields"),
    ] {
        for store in stores {
            let error = store.create_fields("f", fields, Expiry::Never).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
            let text = error.to_string();
            assert!(text.contains(name) && !text.contains("s3cr3t"), "{text}");
            let absent = store.get("f").unwrap_err();
            assert_eq!(absent.kind(), ErrorKind::NotFound, "{absent}");
        }
    }
}

#[test]
fn text_that_is_not_base64_is_named_and_not_shown() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    secrets.put("a", "s3cr3t-text", None).unwrap();
    let fields = [("cert", "AP8="), ("pin", "s3cr3t-pin")];
    secrets.create_fields("f", &fields, None).unwrap();
    let error = secrets.get_bytes("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert_eq!(error.key().unwrap().as_str(), "a");
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("not base64") && !text.contains("s3cr3t"),
        "{text}"
    );

    let secret = secrets.get("f").unwrap();
    assert_eq!(
        secret.field_to_bytes("cert").unwrap().expose_secret(),
        [0, 255]
    );
    let error = secret.field_to_bytes("pin").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Value);
    assert!(error.to_string().contains("the field `pin`"), "{error}");
    let absent = secret.field_to_bytes("key").unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
}

//! The operations without failures.

use std::sync::{Arc, Mutex};

use helvetisafe::{ErrorKind, Event, Expiry, Timestamp};
use helvetisafe_crypto::OrgKey;
use helvetisafe_test_support::{ORG_KEY, World, answer, earlier, wrapped_for_test_key};

use crate::hostile::record;

const DB: &str = "/api/v1/secrets/db";

#[test]
fn setting_a_field_leaves_the_others_unchanged() {
    let world = World::new(|_, _| None);
    // With only its first field it looks like another secret.
    let client = world.builder().allow_unbound(true).connect().unwrap();
    let secrets = client.secrets();
    secrets.set_field("db", "HOST", "h", Expiry::Keep).unwrap();
    secrets
        .set_field("db", "PASS", "p\n\"", Expiry::Keep)
        .unwrap();
    secrets.set_field("db", "HOST", "h2", Expiry::Keep).unwrap();
    let secret = secrets.get("db").unwrap();
    let fields: Vec<_> = secret
        .fields()
        .iter()
        .map(|f| (f.name(), f.expose_secret()))
        .collect();
    assert_eq!(fields, [("HOST", "h2"), ("PASS", "p\n\"")]);
    assert_eq!(secret.field("PASS").unwrap().expose_secret(), "p\n\"");
    assert_eq!(secret.expose_secret(), r#"{"HOST":"h2","PASS":"p\n\""}"#);
    assert!(!secret.is_bound() && secret.field("NONE").is_none());

    let error = secrets
        .set_field("db", "db", "v", Expiry::Keep)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let error = secrets.set_field("db", "", "v", Expiry::Keep).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(secrets.get("db").unwrap().fields().len(), 2);

    secrets.create("single", "v", None).unwrap();
    let error = secrets
        .set_field("single", "HOST", "h", Expiry::Keep)
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert_eq!(secrets.get("single").unwrap().expose_secret(), "v");
}

#[test]
fn fields_are_written_together() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    secrets
        .create_fields("db", &[("PASS", "p\"\n"), ("HOST", "h")], None)
        .unwrap();
    let text = r#"{"PASS":"p\"\n","HOST":"h"}"#;
    assert_eq!(secrets.get("db").unwrap().expose_secret(), text);
    let error = secrets.create_fields("db", &[("A", "a")], None);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Conflict);
    secrets
        .update_fields("db", &[("A", "a")], Expiry::Keep)
        .unwrap();
    let read = secrets.get_with_fields("db", &["A"]).unwrap();
    assert_eq!(read.expose_secret(), r#"{"A":"a"}"#);

    let named_as_key = [("A", "a"), ("db", "d")];
    let error = secrets.update_fields("db", &named_as_key, Expiry::Keep);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
    let error = secrets.create_fields("db", &named_as_key, None);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_copy_names_its_new_key_and_keeps_the_expiry() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let at = Timestamp::from_second(4_000_000_000).unwrap();
    secrets.create("old", "v\n\"", at).unwrap();
    assert_eq!(secrets.copy("old", "new").unwrap().expires_at(), Some(at));
    let new = secrets.get("new").unwrap();
    assert_eq!((new.expose_secret(), new.is_bound()), ("v\n\"", true));
    assert_eq!(new.expires_at(), Some(at));

    let kind = |outcome: Result<_, helvetisafe::Error>| outcome.unwrap_err().kind();
    assert_eq!(kind(secrets.copy("old", "new")), ErrorKind::Conflict);
    assert_eq!(kind(secrets.copy("none", "n")), ErrorKind::NotFound);
    secrets.create("other", "w", None).unwrap();
    secrets.copy_over("other", "new").unwrap();
    let new = secrets.get("new").unwrap();
    assert_eq!((new.expose_secret(), new.expires_at()), ("w", None));
    secrets.copy_over("other", "third").unwrap();
    assert_eq!(secrets.get("third").unwrap().expose_secret(), "w");
}

#[test]
fn fields_are_copied_byte_for_byte_and_legacy_text_becomes_a_value() {
    let text = "{ \"PORT\": 5432,\"HOST\" :\"h\" }";
    let org_key = OrgKey::from_bytes(&[7; 32]);
    let world = World::new(move |seen, _| match seen.path.as_str() {
        ORG_KEY => Some(answer(200, wrapped_for_test_key(&org_key))),
        DB => Some(answer(200, record(&org_key, "db", text.as_bytes()))),
        "/api/v1/secrets/old" => Some(answer(200, record(&org_key, "old", b"[legacy]"))),
        "/api/v1/secrets/port" => Some(answer(200, record(&org_key, "port", b"{\"port\": 5432}"))),
        _ => None,
    });
    let client = world.client();
    let secrets = client.secrets();
    assert_eq!(secrets.get("port").unwrap().expose_secret(), "5432");
    secrets.copy("port", "copied").unwrap();
    assert_eq!(secrets.get("copied").unwrap().expose_secret(), "5432");
    secrets.copy("db", "db2").unwrap();
    assert_eq!(secrets.get("db2").unwrap().expose_secret(), text);
    // It would be read as the value `h` of the secret `HOST`.
    let error = secrets.copy("db", "HOST").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(!secrets.exists("HOST").unwrap());

    assert!(!secrets.get("old").unwrap().is_bound());
    secrets.copy("old", "value").unwrap();
    let value = secrets.get("value").unwrap();
    assert_eq!(
        (value.expose_secret(), value.is_bound()),
        ("[legacy]", true)
    );
}

#[test]
fn an_expiry_is_kept_cleared_or_set() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let at = |seconds: i64| Timestamp::from_second(4_000_000_000 + seconds).unwrap();
    let expiry = || secrets.get("db").unwrap().expires_at();
    assert_eq!(
        secrets.create("db", "v", at(0)).unwrap().expires_at(),
        Some(at(0))
    );
    secrets.update("db", "w", Expiry::Keep).unwrap();
    assert_eq!(expiry(), Some(at(0)));
    secrets.put("db", "x", None).unwrap();
    assert_eq!(expiry(), Some(at(0)));
    secrets.update("db", "y", at(1)).unwrap();
    assert_eq!(expiry(), Some(at(1)));
    secrets.update("db", "z", Expiry::Never).unwrap();
    assert_eq!(expiry(), None);
}

#[test]
fn creating_an_existing_secret_is_a_conflict() {
    let world = World::new(|_, _| None);
    let client = world.client();
    assert!(!client.secrets().exists("db").unwrap());
    client.secrets().create("db", "v", None).unwrap();
    assert!(client.secrets().exists("db").unwrap());
}

#[test]
fn events_describe_each_request_without_secrets() {
    let world = World::new(|seen, before| {
        (seen.is("GET", DB) && earlier(before, "GET", DB) == 0).then(|| answer(429, ""))
    });
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&events);
    let observe = move |event: &Event<'_>| log.lock().unwrap().push(format!("{event:?}"));
    let client = world.builder().on_event(observe).connect().unwrap();
    events.lock().unwrap().clear();
    client.secrets().get("db").unwrap_err();

    let events = events.lock().unwrap().clone();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event.split(' ').next().unwrap())
        .collect();
    assert_eq!(
        kinds,
        [
            "Sending",
            "Answered",
            "Waiting",
            "Sending",
            "Answered",
            "CallEnded",
            "OperationEnded"
        ]
    );
    let template = "path_template: \"/api/v1/secrets/{key}\", key: Some(HiddenKey)";
    assert!(
        events[0].contains(template) && events[0].contains("attempt: 1"),
        "{}",
        events[0]
    );
    assert!(
        !events.iter().any(|event| event.contains("db\"")),
        "{events:?}"
    );
    assert!(
        events[0].contains("\"authorization\": Sensitive"),
        "{}",
        events[0]
    );
    assert!(events[2].contains("throttled: true"), "{}", events[2]);
    assert!(events[3].contains("attempt: 2"), "{}", events[3]);
}

#[test]
fn a_wrapping_transport_sees_each_request() {
    let world = World::new(|_, _| None);
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let log = std::sync::Arc::clone(&seen);
    let client = world.builder().around_transport(move |inner| {
        move |request: &http::Request<Vec<u8>>| {
            log.lock().unwrap().push(request.uri().path().to_owned());
            inner.send(request)
        }
    });
    client.connect().unwrap();
    let seen = seen.lock().unwrap();
    assert_eq!(*seen, ["/oauth/token", "/api/v1/credentials/org-key"]);
}

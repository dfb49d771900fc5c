//! Times in answers that cannot be read or represented.

use std::sync::{Arc, Mutex};

use helvetisafe::{Client, Event, Expiry, Timestamp};
use helvetisafe_crypto::OrgKey;
use helvetisafe_test_support::{ORG_KEY, World, answer, wrapped_for_test_key};

use crate::hostile::record;

const LIST: &str = "/api/v1/secrets";
const DB: &str = "/api/v1/secrets/db";

/// A vault that gives only invalid times.
fn world() -> World {
    let org_key = OrgKey::from_bytes(&[7; 32]);
    World::new(move |seen, _| {
        let body = match (seen.method.as_str(), seen.route()) {
            ("GET", ORG_KEY) => wrapped_for_test_key(&org_key),
            ("GET", LIST) => r#"{"keys":[
                {"key":"db","created_at":"2026-11-23T12:00:00","updated_at":"","expires_at":"9999-12-31T23:59:59Z"},
                {"key":"../x","created_at":"2026-11-23","updated_at":"soon","expires_at":5},
                {"key":"ok","expires_at":"2027-01-01T00:00:00Z"}]}"#
                .to_owned(),
            ("GET", DB) => {
                let expiry = r#","expires_at":"9999-12-31T23:59:59Z"}"#;
                let record = record(&org_key, "db", br#"{"db":"v"}"#);
                String::from_utf8(record).unwrap().replacen('}', expiry, 1)
            }
            ("POST", LIST) => r#"{"key":"db","created_at":"soon","expires_at":[]}"#.to_owned(),
            ("PUT", DB) => {
                r#"{"key":"db","updated_at":"soon","expires_at":"9999-12-31T23:59:59Z"}"#.to_owned()
            }
            _ => return None,
        };
        Some(answer(200, body))
    })
}

/// A client, and the events about invalid times that it emits.
fn client(world: &World) -> (Client, Arc<Mutex<Vec<String>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&events);
    let observe = move |event: &Event<'_>| {
        if let Event::InvalidTime {
            key, member, used, ..
        } = event
        {
            let used = used.map(|used| used.to_string());
            let (key, used) = (key.expose(), used.unwrap_or_default());
            log.lock().unwrap().push(format!("{key} {member} {used}"));
        }
    };
    let client = world.builder().on_event(observe).connect().unwrap();
    (client, events)
}

const LATEST: &str = "9999-12-30T22:00:00.999999999Z";

#[test]
fn an_odd_time_is_unknown_or_clamped_on_its_secret_alone() {
    let world = world();
    let (client, events) = client(&world);
    let listed = client.secrets().list().unwrap();
    let times: Vec<_> = listed
        .iter()
        .map(|secret| {
            [
                secret.created_at(),
                secret.updated_at(),
                secret.expires_at(),
            ]
        })
        .collect();
    let at = |text: &str| Some(text.parse::<Timestamp>().unwrap());
    assert_eq!(
        times,
        [
            [at("2026-11-23T12:00:00Z"), None, Some(Timestamp::MAX)],
            [at("2026-11-23T00:00:00Z"), None, None],
            [None, None, at("2027-01-01T00:00:00Z")],
        ]
    );
    assert_eq!(
        *events.lock().unwrap(),
        [
            format!("db expires_at {LATEST}"),
            "../x updated_at ".to_owned(),
            "../x expires_at ".to_owned(),
        ]
    );
}

#[test]
fn an_odd_time_fails_no_read_and_no_write() {
    let world = world();
    let (client, events) = client(&world);
    let secrets = client.secrets();
    let secret = secrets.get("db").unwrap();
    assert_eq!(secret.expose_secret(), "v");
    assert_eq!(secret.expires_at(), Some(Timestamp::MAX));
    let created = secrets.create("db", "v", None).unwrap();
    assert_eq!((created.created_at(), created.expires_at()), (None, None));
    let updated = secrets.update("db", "w", Expiry::Keep).unwrap();
    assert_eq!(updated.updated_at(), None);
    assert_eq!(updated.expires_at(), Some(Timestamp::MAX));
    assert_eq!(
        *events.lock().unwrap(),
        [
            format!("db expires_at {LATEST}"),
            "db created_at ".to_owned(),
            "db expires_at ".to_owned(),
            "db updated_at ".to_owned(),
            format!("db expires_at {LATEST}"),
        ]
    );
}

#[test]
fn a_secret_whose_expiry_is_unreadable_is_not_copied() {
    let org_key = OrgKey::from_bytes(&[7; 32]);
    let world = World::new(move |seen, _| {
        let body = match (seen.method.as_str(), seen.route()) {
            ("GET", ORG_KEY) => wrapped_for_test_key(&org_key),
            ("GET", DB) => {
                let record = record(&org_key, "db", br#"{"db":"v"}"#);
                String::from_utf8(record)
                    .unwrap()
                    .replacen('}', r#","expires_at":1790000000}"#, 1)
            }
            _ => return None,
        };
        Some(answer(200, body))
    });
    let client = world.client();
    let secrets = client.secrets();
    assert_eq!(secrets.get("db").unwrap().expires_at(), None);
    for error in [
        secrets.copy("db", "other").unwrap_err(),
        secrets.copy_over("db", "other").map(drop).unwrap_err(),
    ] {
        assert!(
            error.to_string().contains("expiry is not a time"),
            "{error}"
        );
    }
    assert_eq!(world.proxy.count("POST", LIST), 0);
}
